//! How a kept response answers: age, tags, conditions, heads.

use larder_http::HttpPolicy;

use crate::site::{SECOND, Site, get, minute, request, respond};

/// Seen failing with the age it came with left out of `Age`, and out of its freshness.
#[tokio::test]
async fn an_answer_says_how_old_it_is() {
    let site = Site::answering(
        HttpPolicy::new(),
        &[
            ("cache-control", "max-age=60"),
            ("age", "5"),
            ("date", "then"),
        ],
    );
    assert_eq!(site.get("/").await.header("age"), "5");
    site.clock.advance(7 * SECOND);
    let hit = site.get("/").await;
    assert_eq!(
        (hit.header("age"), hit.header("date"), hit.cache()),
        ("12", "then", "hit; ttl=48")
    );
    site.clock.advance(47 * SECOND);
    assert_eq!(site.get("/").await.cache(), "hit; ttl=1");
    site.clock.advance(SECOND);
    assert_eq!(site.get("/").await.text(), "2");
}

#[tokio::test]
async fn a_body_without_a_tag_gets_one() {
    let site = Site::new(minute(), |call| async move {
        respond(
            &[],
            if call.request.uri() == "/a" {
                "one"
            } else {
                "two"
            },
        )
    });
    let (first, hit, other) = (
        site.get("/a").await,
        site.get("/a").await,
        site.get("/b").await,
    );
    assert_eq!(first.header("etag"), hit.header("etag"));
    assert_ne!(first.header("etag"), other.header("etag"));
    let own = Site::answering(minute(), &[("etag", "W/\"mine\"")]);
    assert_eq!(
        (
            own.get("/").await.header("etag"),
            own.get("/").await.header("etag")
        ),
        ("W/\"mine\"", "W/\"mine\"")
    );
}

#[tokio::test]
async fn who_has_it_already_gets_a_304_on_a_miss_and_on_a_hit() {
    let site = Site::answering(
        minute(),
        &[
            ("etag", "\"mine\""),
            ("content-type", "text/plain"),
            ("vary", "x"),
            ("x-mine", "1"),
        ],
    );
    for cache in ["fwd=uri-miss; stored", "hit; ttl=60"] {
        let answer = site
            .get_with(&[("if-none-match", "\"other\", W/\"mine\"")])
            .await;
        assert_eq!(
            (answer.status.as_u16(), answer.text(), answer.cache()),
            (304, "", cache)
        );
        assert_eq!(
            (
                answer.header("etag"),
                answer.header("vary"),
                answer.header("x-mine")
            ),
            ("\"mine\"", "x", "1")
        );
        assert_eq!(
            (
                answer.header("content-type"),
                answer.header("content-length")
            ),
            ("", "")
        );
        assert_eq!(answer.header("cache-control"), "no-cache");
    }
    assert_eq!(site.get_with(&[("if-none-match", "*")]).await.status, 304);
    assert_eq!(
        site.get_with(&[("if-none-match", "\"other\"")])
            .await
            .text(),
        "1"
    );
    let made = site.get("/").await.header("etag").to_owned();
    assert_eq!(site.get_with(&[("if-none-match", &made)]).await.status, 304);
}

#[tokio::test]
async fn a_date_that_is_sent_back_gets_a_304_unless_a_tag_says_otherwise() {
    let site = Site::answering(
        minute(),
        &[("last-modified", "Mon, 07 Dec 2020 10:00:00 GMT")],
    );
    let since = ("if-modified-since", "Mon, 07 Dec 2020 10:00:00 GMT");
    assert_eq!(site.get_with(&[since]).await.status, 304);
    assert_eq!(site.get_with(&[since]).await.status, 304);
    assert_eq!(
        site.get_with(&[since, ("if-none-match", "\"x\"")])
            .await
            .status,
        200
    );
    for (since, status) in [
        ("Mon, 07 Dec 2020 10:00:01 GMT", 304),
        ("Mon Dec  7 10:00:01 2020", 304),
        ("Mon, 07 Dec 2020 09:59:59 GMT", 200),
        ("then", 200),
    ] {
        let answer = site.get_with(&[("if-modified-since", since)]).await;
        assert_eq!(answer.status, status, "{since}");
    }
}

/// The handler was asked without the condition, so the layer owes its client the 304.
#[tokio::test]
async fn a_response_that_is_not_kept_is_validated_too() {
    let site = Site::answering(
        HttpPolicy::new(),
        &[("etag", "\"a\""), ("cache-control", "private")],
    );
    let answer = site.get_with(&[("if-none-match", "\"a\"")]).await;
    assert_eq!(
        (answer.status.as_u16(), answer.cache()),
        (304, "fwd=uri-miss; detail=private")
    );
    let not_found = Site::new(minute(), |_| async {
        let mut response = respond(&[("etag", "\"a\"")], "");
        *response.status_mut() = http::StatusCode::NOT_FOUND;
        response
    });
    assert_eq!(
        not_found
            .get_with(&[("if-none-match", "\"a\"")])
            .await
            .status,
        404
    );
}

/// Seen failing with a HEAD sent through the exchange.
#[tokio::test]
async fn a_head_is_answered_from_a_get_and_never_keeps_anything() {
    let site = Site::new(minute(), |call| async move {
        respond(&[], call.number.to_string())
    });
    let head = || site.send(request("HEAD", "/", &[]));
    assert_eq!(head().await.cache(), "fwd=uri-miss; detail=head");
    let get = site.get("/").await;
    assert_eq!(get.text(), "2");
    let answer = head().await;
    assert_eq!(
        (answer.text(), answer.cache(), site.calls()),
        ("", "hit; ttl=60", 2)
    );
    assert_eq!(
        (answer.header("etag"), answer.header("content-length")),
        (get.header("etag"), "1")
    );
    let with_tag = site
        .send(request(
            "HEAD",
            "/",
            &[("if-none-match", get.header("etag"))],
        ))
        .await;
    assert_eq!(with_tag.status, 304);
}

#[tokio::test]
async fn what_caches_further_inside_said_is_passed_on_but_not_kept() {
    let site = Site::answering(minute(), &[("cache-status", "inner; hit")]);
    let first = site.get("/").await;
    let all: Vec<_> = first.headers.get_all("cache-status").iter().collect();
    assert_eq!(all, ["inner; hit", "larder; fwd=uri-miss; stored"]);
    let hit = site.send(get("/", &[])).await;
    let all: Vec<_> = hit.headers.get_all("cache-status").iter().collect();
    assert_eq!(all, ["larder; hit; ttl=60"]);
}
