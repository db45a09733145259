//! The hosts a route names, and those it says are one.

use larder_http::{HttpLayer, HttpPolicy};
use tower::{Layer, ServiceExt};

use crate::site::{Site, get, larder, minute, request, respond};

/// Answers with the number of the call, reads as part of a group.
fn site(policy: HttpPolicy) -> Site {
    Site::new(policy, |call| async move {
        let fields: &[_] = match call.request.method().as_str() {
            "GET" => &[("cache-groups", "\"one\"")],
            "PUT" => &[("cache-group-invalidation", "\"one\"")],
            _ => &[],
        };
        respond(fields, call.number.to_string())
    })
}

fn named() -> HttpPolicy {
    minute().hosts(["a.example", "www.a.example", "a.example:8080"])
}

async fn ask(site: &Site, host: &str) -> (String, String) {
    let answer = site.send(get("/", &[("host", host)])).await;
    (answer.cache().to_owned(), answer.text().to_owned())
}

/// Seen failing with `Hosts::admit` left out of `Place::of`.
#[tokio::test]
async fn a_host_nobody_named_fills_no_cache() {
    let site = site(named());
    for host in ["a.example", "www.a.example", "a.example:8080"] {
        ask(&site, host).await;
        assert_eq!(ask(&site, host).await.0, "hit; ttl=60", "{host}");
    }
    let entries = site.larder.snapshot().regions[0].entries;
    for host in ["b.example", "A.example", "a.example:80", "x.a.example"] {
        for _ in 0..2 {
            let calls = site.calls();
            let (cache, _) = ask(&site, host).await;
            assert_eq!(cache, "fwd=bypass; detail=foreign-host", "{host}");
            assert_eq!(site.calls(), calls + 1);
        }
    }
    assert_eq!(
        site.get("/").await.cache(),
        "fwd=bypass; detail=foreign-host"
    );
    assert_eq!(site.larder.snapshot().regions[0].entries, entries);
}

/// Seen failing with the host as it was sent in the key.
#[tokio::test]
async fn hosts_that_are_one_share_their_responses_and_others_do_not() {
    let apart = site(named());
    let (_, first) = ask(&apart, "a.example").await;
    assert_ne!(ask(&apart, "www.a.example").await.1, first);

    let one = site(named().one_host(true));
    let (_, first) = ask(&one, "www.a.example").await;
    for host in ["a.example", "www.a.example", "a.example:8080"] {
        assert_eq!(ask(&one, host).await, ("hit; ttl=60".into(), first.clone()));
    }
    assert_ne!(ask(&one, "b.example").await.1, first);
}

/// Also what is said to be one has the URL by which a proxy was asked in its key.
#[tokio::test]
async fn what_a_proxy_was_asked_for_still_tells_apart() {
    let site = site(named().one_host(true));
    let with = [("host", "a.example"), ("x-forwarded-host", "b.example")];
    site.send(get("/", &with)).await;
    assert_eq!(ask(&site, "a.example").await.0, "fwd=uri-miss; stored");
}

/// Seen failing with only the first host's tag among what a load depends on, and only its groups.
#[tokio::test]
async fn a_write_at_one_of_them_is_one_at_all() {
    for method in ["POST", "PUT"] {
        let site = site(named().one_host(true));
        for asked in ["a.example", "www.a.example"] {
            for written in ["a.example", "WWW.a.example", "a.example:8080"] {
                ask(&site, asked).await;
                assert_eq!(ask(&site, asked).await.0, "hit; ttl=60");
                // The second method says it by a group alone.
                let target = if method == "POST" { "/" } else { "/other" };
                let write = request(method, target, &[("host", written)]);
                site.send(write).await;
                let (cache, _) = ask(&site, asked).await;
                assert_eq!(cache, "fwd=uri-miss; stored", "{method} {asked} {written}");
            }
        }
    }
}

#[tokio::test]
async fn a_purge_at_one_of_them_is_one_at_all() {
    let (larder, _) = larder();
    let layer = larder.http_layer_with(named().one_host(true)).unwrap();
    let service = layer.layer(tower::service_fn(|_| async {
        Ok::<_, std::convert::Infallible>(respond(&[], "page"))
    }));
    let cache = async || {
        let request = get("/", &[("host", "a.example")]);
        let answer = service.clone().oneshot(request).await.unwrap();
        answer.headers()["cache-status"]
            .to_str()
            .unwrap()
            .to_owned()
    };
    for url in ["http://www.a.example/", "https://a.example/"] {
        cache().await;
        assert_eq!(cache().await, "larder; hit; ttl=60");
        layer.purge(&url.parse().unwrap()).await.unwrap();
        assert_eq!(cache().await, "larder; fwd=uri-miss; stored", "{url}");
    }
}
