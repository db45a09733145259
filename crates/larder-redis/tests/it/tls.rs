//! Connections by TLS.

use larder_redis::Redis;

use crate::node::Node;
use crate::server::Server;

/// A certificate that signs itself, for one name.
struct Certificate {
    pem: String,
    key: String,
}

impl Certificate {
    fn of(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        Self {
            pem: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
        }
    }

    fn server(&self) -> Option<Server> {
        Server::start_tls(&self.pem, &self.key)
    }
}

async fn told(url: &str, roots: &str) -> String {
    let redis = Redis::builder(url).tls_roots(roots).build().unwrap();
    let report = redis.doctor().await;
    println!("{report}");
    assert!(!report.is_well(), "{report}");
    report.to_string()
}

#[tokio::test]
async fn two_nodes_meet_by_tls() {
    let certificate = Certificate::of("127.0.0.1");
    let Some(server) = certificate.server() else {
        return;
    };
    let node = || {
        let redis = Redis::builder(server.url()).tls_roots(certificate.pem.as_str());
        Node::on(redis.build().unwrap())
    };
    let (one, two) = (node(), node());
    tokio::join!(one.until_heard(), two.until_heard());
    assert_eq!(two.read(7, 1).await, 1);
    let written = one.publish(7).await;
    two.until_applied(written).await;
    assert_eq!(two.served(7).await, None);
    assert!(one.redis.doctor().await.is_well());
}

#[tokio::test]
async fn a_server_may_ask_for_a_certificate_of_ours() {
    let certificate = Certificate::of("127.0.0.1");
    let Some(server) = certificate.server() else {
        return;
    };
    let plain = Redis::builder(server.url()).tls_roots(certificate.pem.as_str());
    plain.build().unwrap().connect().await.unwrap();
    let shown = Redis::builder(server.url())
        .tls_roots(certificate.pem.as_str())
        .tls_identity(certificate.pem.as_str(), certificate.key.as_str());
    shown.build().unwrap().connect().await.unwrap();
}

#[tokio::test]
async fn what_is_wrong_with_tls_is_told() {
    let elsewhere = Certificate::of("cache.example");
    let Some(server) = elsewhere.server() else {
        return;
    };
    let named = told(server.url(), &elsewhere.pem).await;
    assert!(named.contains("is for another name"), "{named}");
    let trusted = told(server.url(), &Certificate::of("127.0.0.1").pem).await;
    assert!(trusted.contains("`tls_roots`"), "{trusted}");
    let url = server.url().replace("rediss", "redis");
    let plain = Redis::builder(url)
        .build()
        .unwrap()
        .doctor()
        .await
        .to_string();
    assert!(plain.contains("begin `url` with `rediss`"), "{plain}");
    let Some(server) = Server::start() else {
        return;
    };
    let tls = told(&server.url().replace("redis", "rediss"), &elsewhere.pem).await;
    assert!(tls.contains("begin `url` with `redis`"), "{tls}");
}

#[tokio::test]
async fn settings_of_tls_that_cannot_be_are_named() {
    let trouble = |builder: larder_redis::Builder| builder.build().unwrap_err().to_string();
    let unwanted = trouble(Redis::builder("redis://h").tls_roots("x"));
    assert!(
        unwanted.contains("`tls_roots`") && unwanted.contains("rediss://"),
        "{unwanted}"
    );
    let empty = trouble(Redis::builder("rediss://h").tls_roots("no pem"));
    assert!(empty.contains("holds no certificate"), "{empty}");
    let roots = Certificate::of("h");
    let identity = Redis::builder("rediss://h")
        .tls_roots(roots.pem)
        .tls_identity("a", "b");
    assert!(trouble(identity).contains("`tls_identity`"));
}
