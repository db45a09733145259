//! What is kept, and what is told to clients.

use std::time::Duration;

use axum::body::Body;
use http::StatusCode;
use larder_core::{Larder, Policy, Share};
use larder_http::{HttpLayer, HttpPolicy, PolicyError};

use crate::site::{MINUTE, SECOND, Site, get, larder, minute, request, respond};

#[tokio::test]
async fn a_response_that_says_how_long_it_is_fresh_is_kept_as_it_is() {
    let site = Site::answering(
        HttpPolicy::new(),
        &[("cache-control", "max-age=60"), ("x-mine", "1")],
    );
    let first = site.get("/").await;
    let second = site.get("/").await;
    assert_eq!((first.text(), second.text(), site.calls()), ("1", "1", 1));
    assert_eq!(
        (second.header("cache-control"), second.header("x-mine")),
        ("max-age=60", "1")
    );
    assert_eq!(
        (first.cache(), second.cache()),
        ("fwd=uri-miss; stored", "hit; ttl=60")
    );
    site.clock.advance(MINUTE);
    assert_eq!(site.get("/").await.text(), "2");
}

#[tokio::test]
async fn nothing_is_kept_without_explicit_freshness() {
    let site = Site::answering(HttpPolicy::new(), &[("etag", "\"a\"")]);
    assert_eq!(
        site.get("/").await.cache(),
        "fwd=uri-miss; detail=no-freshness"
    );
    assert_eq!(site.get("/").await.text(), "2");
}

/// Seen failing with the insertion of `no-cache` removed from `Fill::run`.
#[tokio::test]
async fn a_routes_freshness_is_not_told_to_clients() {
    let site = Site::answering(minute(), &[]);
    for _ in 0..2 {
        let answer = site.get("/").await;
        assert_eq!(
            (answer.text(), answer.header("cache-control")),
            ("1", "no-cache")
        );
        assert!(answer.header("etag").starts_with('"'));
    }
    let own = Site::answering(minute(), &[("cache-control", "public")]);
    for _ in 0..2 {
        let answer = own.get("/").await;
        assert_eq!(
            (answer.text(), answer.header("cache-control")),
            ("1", "public")
        );
    }
}

/// Seen failing, case by case, with the matching line of `verdict::response` removed.
#[tokio::test]
async fn what_must_not_be_kept_is_not_whatever_the_policy() {
    let cases: [(&'static [(&str, &str)], &str); 9] = [
        (
            &[("set-cookie", "a=b"), ("cache-control", "max-age=60")],
            "set-cookie",
        ),
        (&[("cache-control", "private, max-age=60")], "private"),
        (&[("cache-control", "no-store")], "no-store"),
        (&[("cache-control", "no-cache, max-age=60")], "no-cache"),
        (&[("vary", "*")], "vary-star"),
        (&[("content-type", "text/event-stream")], "endless"),
        (&[("content-encoding", "gzip")], "unvaried-encoding"),
        (&[("content-range", "bytes 0-0/1")], "partial"),
        (&[("age", "60")], "not-fresh"),
    ];
    for (headers, reason) in cases {
        let site = Site::answering(minute(), headers);
        let first = site.get("/").await;
        assert_eq!(first.cache(), format!("fwd=uri-miss; detail={reason}"));
        assert_eq!(
            (first.text(), site.get("/").await.text()),
            ("1", "2"),
            "{reason}"
        );
    }
}

/// A route's own freshness is for what it meant to answer.
#[tokio::test]
async fn a_routes_freshness_is_for_200_only() {
    for status in [404, 301, 204] {
        let site = Site::new(minute(), move |call| async move {
            let mut response = respond(&[], call.number.to_string());
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            response
        });
        let answer = site.get("/").await;
        assert_eq!(answer.cache(), "fwd=uri-miss; detail=no-freshness");
    }
}

/// Seen failing with the status not looked at.
#[tokio::test]
async fn errors_and_parts_are_not_kept() {
    for status in [
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::INTERNAL_SERVER_ERROR,
        StatusCode::PARTIAL_CONTENT,
    ] {
        let site = Site::new(minute(), move |call| async move {
            let mut response = respond(&[("cache-control", "max-age=60")], call.number.to_string());
            *response.status_mut() = status;
            response
        });
        assert_eq!(
            (site.get("/").await.status, site.get("/").await.text()),
            (status, "2")
        );
    }
}

#[tokio::test]
async fn requests_that_are_no_plain_reads_pass_by() {
    let site = Site::answering(minute(), &[]);
    site.get("/").await;
    for (method, headers, cache) in [
        ("OPTIONS", &[][..], "fwd=method"),
        (
            "GET",
            &[("if-match", "\"a\"")],
            "fwd=bypass; detail=precondition",
        ),
        ("GET", &[("content-length", "3")], "fwd=bypass; detail=body"),
        (
            "GET",
            &[("transfer-encoding", "chunked")],
            "fwd=bypass; detail=body",
        ),
        (
            "GET",
            &[("host", "a"), ("host", "b")],
            "fwd=bypass; detail=host",
        ),
        (
            "GET",
            &[("cookie", "a=b")],
            "fwd=bypass; detail=credentials",
        ),
        (
            "GET",
            &[("authorization", "Token a")],
            "fwd=bypass; detail=credentials",
        ),
        (
            "HEAD",
            &[("authorization", "Token a")],
            "fwd=bypass; detail=credentials",
        ),
    ] {
        let calls = site.calls();
        let answer = site.send(request(method, "/", headers)).await;
        assert_eq!(
            (answer.cache(), site.calls()),
            (cache, calls + 1),
            "{method} {headers:?}"
        );
    }
    let mut with_body = get("/", &[]);
    *with_body.body_mut() = Body::from("text");
    assert_eq!(
        site.send(with_body).await.cache(),
        "fwd=bypass; detail=body"
    );
    assert_eq!(site.get("/").await.text(), "1");
}

/// Seen failing with the conditions left on the request of a fill.
#[tokio::test]
async fn a_request_reaches_the_handler_whole_but_unconditional() {
    let site = Site::new(minute(), |call| async move {
        let request = call.request;
        let seen = format!(
            "{:?} {:?} {:?}",
            request.headers().get("if-none-match"),
            request.headers().get("x-any"),
            request.extensions().get::<u8>(),
        );
        respond(&[], seen)
    });
    let mut request = get("/", &[("if-none-match", "\"a\""), ("x-any", "1")]);
    request.extensions_mut().insert(7_u8);
    assert_eq!(site.send(request).await.text(), "None Some(\"1\") Some(7)");
}

#[tokio::test]
async fn extensions_of_a_response_reach_its_client_only() {
    let site = Site::new(minute(), |_| async {
        let mut response = respond(&[], "");
        response.extensions_mut().insert(7_u8);
        response
    });
    assert_eq!(site.get("/").await.extensions.get::<u8>(), Some(&7));
    assert_eq!(site.get("/").await.extensions.get::<u8>(), None);
}

/// Seen failing with the host, and with the declared headers, left out of the key.
#[tokio::test]
async fn hosts_targets_and_declared_headers_are_kept_apart() {
    let site = Site::new(
        minute().vary_by_header("accept-language"),
        |call| async move {
            let request = call.request;
            let header = |name| {
                request
                    .headers()
                    .get(name)
                    .map_or("", |value| value.to_str().unwrap())
            };
            respond(
                &[],
                format!(
                    "{} {} {}",
                    header("host"),
                    request.uri(),
                    header("accept-language")
                ),
            )
        },
    );
    let requests = [
        ("/", "a", "de"),
        ("/", "b", "de"),
        ("/?x", "a", "de"),
        ("/X", "a", "de"),
        ("/", "a", "en"),
        ("//", "a", "de"),
    ];
    for round in 0..2 {
        for (uri, host, language) in requests {
            let answer = site
                .send(get(uri, &[("host", host), ("accept-language", language)]))
                .await;
            assert_eq!(
                answer.text(),
                format!("{host} {uri} {language}"),
                "round {round}"
            );
        }
    }
    assert_eq!(site.calls(), requests.len());
    let answer = site
        .send(get("/", &[("host", "A"), ("accept-language", "de")]))
        .await;
    assert_eq!(answer.text(), "A / de");
}

/// Seen failing with the layer's number left out of the key.
#[tokio::test]
async fn two_layers_never_share_a_response() {
    let (larder, _) = larder();
    let handler = tower::service_fn(|_: http::Request<Body>| async {
        Ok::<_, std::convert::Infallible>(respond(&[], ""))
    });
    for _ in 0..2 {
        let layer = larder.http_layer_with(minute()).unwrap();
        let answer =
            tower::ServiceExt::oneshot(tower::Layer::layer(&layer, handler), get("/", &[]))
                .await
                .unwrap();
        assert_eq!(
            answer.headers()["cache-status"],
            "larder; fwd=uri-miss; stored"
        );
    }
}

#[tokio::test]
async fn a_region_that_is_switched_off_passes_by() {
    let site = Site::answering(minute(), &[]);
    site.get("/").await;
    site.larder
        .switches()
        .set_region("http", Share::OFF)
        .unwrap();
    assert_eq!(site.get("/").await.cache(), "fwd=bypass; detail=off");
    site.larder
        .switches()
        .set_region("http", Share::ON)
        .unwrap();
    assert_eq!(site.get("/").await.text(), "1");
}

#[tokio::test]
async fn a_policy_that_cannot_be_is_refused_when_the_layer_is_made() {
    let (larder, _) = larder();
    let refusal = |policy| larder.http_layer_with(policy).unwrap_err();
    assert!(matches!(
        refusal(minute().ttl(Duration::ZERO)),
        PolicyError::ZeroTtl
    ));
    assert!(matches!(
        refusal(minute().region("")),
        PolicyError::Region { .. }
    ));
    larder.region::<u8>("mine", Policy::ttl(SECOND)).unwrap();
    let error = refusal(minute().region("mine"));
    assert_eq!(error.to_string(), "region: `mine` cannot be used");
    assert!(
        std::error::Error::source(&error)
            .unwrap()
            .to_string()
            .contains("`ttl`")
    );
}

#[tokio::test]
async fn layers_of_different_policies_share_a_region() {
    let larder = Larder::builder("test").build().unwrap();
    larder.http_layer();
    larder.http_layer_with(minute().grace(SECOND)).unwrap();
}

/// A client's cache.
#[tokio::test]
async fn a_private_cache_keeps_what_is_its_users() {
    let headers = &[("cache-control", "private, max-age=60, s-maxage=0")];
    let site = Site::answering(HttpPolicy::safe().private(), headers);
    let ann = [("authorization", "Token ann"), ("cookie", "a=b")];
    site.get_with(&ann).await;
    assert_eq!(site.get_with(&ann).await.cache(), "hit; ttl=60");
    let shared = Site::answering(HttpPolicy::rfc(), headers);
    shared.get_with(&ann).await;
    assert_eq!(shared.get_with(&ann).await.text(), "2");
}

/// Seen failing with the number of the layer in the key of one that has a name.
#[tokio::test]
async fn layers_of_one_name_share_their_responses() {
    let (larder, _) = larder();
    let handler = tower::service_fn(|_: http::Request<Body>| async {
        Ok::<_, std::convert::Infallible>(respond(&[], ""))
    });
    for cache in ["fwd=uri-miss; stored", "hit; ttl=60"] {
        let layer = larder.http_layer_with(minute().name("pages")).unwrap();
        let service = tower::Layer::layer(&layer, handler);
        let answer = tower::ServiceExt::oneshot(service, get("/", &[])).await;
        let cache = format!("larder; {cache}");
        assert_eq!(answer.unwrap().headers()["cache-status"], cache.as_str());
    }
}

#[tokio::test]
async fn parameters_that_do_not_count_share_a_response() {
    let policy = minute().without_parameters(["utm"]).sort_parameters(true);
    let site = Site::answering(policy, &[]);
    site.get("/?b=1&a=2&utm=x").await;
    assert_eq!(site.get("/?a=2&b=1").await.text(), "1");
    assert_eq!(site.get("/?a=2&b=2").await.text(), "2");
}

#[tokio::test]
async fn variants_beyond_the_most_are_not_kept() {
    let site = Site::answering(minute().variants(3), &[("vary", "x")]);
    for _ in 0..2 {
        for x in ["1", "2", "3", "4"] {
            site.get_with(&[("x", x)]).await;
        }
    }
    assert_eq!(site.calls(), 5);
    assert_eq!(
        site.get_with(&[("x", "4")]).await.cache(),
        "fwd=vary-miss; detail=too-many-variants"
    );
}
