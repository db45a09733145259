//! Answers that one client brings about and another must not get: errors, parts, cookies, variants.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use larder_http::HttpPolicy;

use super::FRESH;
use crate::site::{Call, Site, get, minute, respond};

/// What says of one request that it cannot be answered, not of the page that it is not there.
const REFUSALS: &[u16] = &[
    400, 401, 402, 407, 408, 409, 411, 412, 413, 415, 416, 417, 418, 421, 422, 425, 426, 428, 429,
    431,
];
const FAILURES: &[u16] = &[500, 502, 503, 504, 505, 507, 508, 511, 599];

fn policies() -> [HttpPolicy; 2] {
    [HttpPolicy::new(), minute()]
}

/// A site that answers `poisoned` to who sends `x-poison`, and a page to all others.
fn poisonable(
    policy: HttpPolicy,
    poisoned: impl Fn() -> http::Response<axum::body::Body> + Send + Sync + 'static,
) -> Site {
    Site::new(policy, move |call: Call| {
        let answer = if call.request.headers().contains_key("x-poison") {
            poisoned()
        } else {
            respond(&[FRESH], "the page")
        };
        async move { answer }
    })
}

async fn assert_not_poisoned(site: &Site, case: &str) {
    let poisoned = site.get_with(&[("x-poison", "1")]).await;
    let (first, second) = (site.get("/").await, site.get("/").await);
    for answer in [&first, &second] {
        assert_eq!(
            (answer.status, answer.text()),
            (StatusCode::OK, "the page"),
            "{case}"
        );
    }
    assert_eq!(
        site.get_with(&[("x-poison", "1")]).await.status,
        200,
        "{case}: what is kept is for all"
    );
    assert_ne!(
        poisoned.text(),
        "the page",
        "{case}: the poison was not answered"
    );
}

/// A header that is too long, a meta character, another method: the origin refuses that request,
/// and says that the refusal is fresh for a minute.
#[tokio::test]
async fn a_refusal_is_for_the_one_who_asked_wrongly() {
    for &status in REFUSALS.iter().chain(FAILURES) {
        for policy in policies() {
            let site = poisonable(policy, move || {
                let mut response = respond(&[FRESH], "refused");
                *response.status_mut() = StatusCode::from_u16(status).unwrap();
                response
            });
            assert_not_poisoned(&site, &status.to_string()).await;
        }
    }
}

#[tokio::test]
async fn a_cookie_is_set_for_one() {
    for policy in policies() {
        let cookie = [FRESH, ("set-cookie", "session=evil")];
        let site = poisonable(policy, move || respond(&cookie, "set"));
        assert_not_poisoned(&site, "set-cookie").await;
    }
}

#[tokio::test]
async fn what_is_said_to_be_private_is() {
    for lines in [
        &["private, max-age=60"][..],
        &["max-age=60,PRIVATE"],
        &["max-age=60", "private"],
        &["private", "max-age=60"],
        &["max-age=60\t,\tprivate"],
        &["max-age=60, private=\"\""],
        &[",private,,max-age=60"],
        &["no-store, max-age=60"],
        &["max-age=60", "", "No-Store"],
        &["max-age=60, no-store=x"],
        &["x=\"y, z\", private, max-age=60"],
        &["max-age=60, x=\"y\\\", private"],
    ] {
        for policy in policies() {
            let site = poisonable(policy, move || {
                let mut response = respond(&[], "mine");
                for line in lines {
                    response
                        .headers_mut()
                        .append("cache-control", HeaderValue::from_static(line));
                }
                response
            });
            assert_not_poisoned(&site, &lines.join(" | ")).await;
        }
    }
}

/// An origin that answers parts, conditions and expectations, all of it fresh for a minute.
fn obliging(policy: HttpPolicy) -> Site {
    Site::new(policy, |call| async move {
        let headers = call.request.headers();
        let has = |name: &str| headers.contains_key(name);
        let (status, lines, body): (_, &[_], _) = if has("range") && headers["range"] == "bytes=99-"
        {
            (416, &[FRESH, ("content-range", "bytes */8")], "")
        } else if has("range") {
            (206, &[FRESH, ("content-range", "bytes 0-2/8")], "the")
        } else if has("if-match") || has("if-unmodified-since") {
            (412, &[FRESH], "failed")
        } else if has("if-none-match") || has("if-modified-since") {
            (304, &[FRESH], "")
        } else if has("expect") {
            (417, &[FRESH], "not expected")
        } else {
            (200, &[FRESH], "the page")
        };
        let mut response = respond(lines, body);
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        response
    })
}

#[tokio::test]
async fn a_part_or_a_condition_of_one_is_not_the_page_of_all() {
    for (name, value) in [
        ("range", "bytes=0-2"),
        ("range", "bytes=99-"),
        ("range", "bytes=0-0,1-1"),
        ("range", "evil=0-2"),
        ("range", "bytes=2-1"),
        ("if-range", "\"evil\""),
        ("if-match", "\"evil\""),
        ("if-match", "*"),
        ("if-unmodified-since", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("if-none-match", "*"),
        ("if-none-match", "\"evil\""),
        ("if-none-match", "W/\"evil\", evil"),
        ("if-modified-since", "Fri, 01 Jan 2100 00:00:00 GMT"),
        ("if-modified-since", "evil"),
        ("expect", "100-continue"),
        ("expect", "evil"),
    ] {
        for policy in policies() {
            let site = obliging(policy);
            site.get_with(&[(name, value)]).await;
            if name == "expect" {
                // Refused by this origin, and fresh, but of this request alone.
                site.get_with(&[(name, value)]).await;
            }
            for _ in 0..2 {
                let page = site.get("/").await;
                let case = format!("{name}: {value}");
                assert_eq!(
                    (page.status.as_u16(), page.text()),
                    (200, "the page"),
                    "{case}"
                );
            }
            site.get_with(&[(name, value)]).await;
            let page = site.get("/").await;
            assert_eq!(
                (page.status.as_u16(), page.text()),
                (200, "the page"),
                "{name}: {value}"
            );
        }
    }
}

/// What the origin says it chose by is minded, whoever came first, however often it changes its mind.
#[tokio::test]
async fn what_an_answer_was_chosen_by_is_minded() {
    const LINES: &[(&str, &[&str])] = &[
        (
            "accept",
            &["text/html", "application/json", "*/*;q=0.1, evil/*"],
        ),
        ("accept-language", &["de", "de, en;q=0.5", "evil"]),
        ("accept-encoding", &["gzip", "br, gzip", "identity;q=0"]),
        ("user-agent", &["evil", "Mozilla/5.0 (X11)"]),
        ("origin", &["https://evil.example", "null"]),
        ("referer", &["https://evil.example/"]),
        ("x-forwarded-for", &["203.0.113.7", "127.0.0.1, evil"]),
        ("x-evil", &["evil", "evil, evil", "a\tb"]),
    ];
    for (name, values) in LINES {
        for vary in [*name, "X-Other , %", "*"] {
            let vary = vary.replace('%', name);
            let site = Site::new(minute(), move |call| {
                let shown = call.request.headers().get(*name).cloned();
                let mut response = respond(&[FRESH], format!("{shown:?}"));
                response.headers_mut().insert("vary", vary.parse().unwrap());
                async move { response }
            });
            for _ in 0..2 {
                for value in [None].into_iter().chain(values.iter().map(Some)) {
                    let mut request = get("/", &[]);
                    if let Some(value) = value {
                        request
                            .headers_mut()
                            .insert(*name, HeaderValue::from_static(value));
                    }
                    let expected = format!("{:?}", request.headers().get(*name).cloned());
                    assert_eq!(
                        site.send(request).await.text(),
                        expected,
                        "{name}: {value:?}"
                    );
                }
            }
        }
    }
}

/// A `Vary` that an attacker brings about keeps out of the way of all others.
#[tokio::test]
async fn a_vary_that_is_made_up_harms_nobody() {
    let many: String = (0..300).fold(String::new(), |many, n| many + &format!("x-{n}, "));
    let long = "x".repeat(20_000) + ", x-poison";
    for vary in [
        "*",
        "x-poison",
        "x-poison, *",
        "x-poison,,,",
        "evil header",
        "\u{e9}",
        &many,
        &long,
    ] {
        let vary = HeaderValue::from_bytes(vary.as_bytes()).unwrap();
        let made_up = vary.clone();
        let site = Site::new(minute(), move |call| {
            let poison = call.request.headers().get("x-poison").is_some();
            let mut response = respond(&[FRESH], if poison { "poisoned" } else { "the page" });
            if poison {
                response.headers_mut().insert("vary", made_up.clone());
            } else {
                response
                    .headers_mut()
                    .insert("vary", HeaderValue::from_static("x-poison"));
            }
            async move { response }
        });
        for _ in 0..2 {
            assert_eq!(site.get_with(&[("x-poison", "1")]).await.text(), "poisoned");
            for _ in 0..2 {
                assert_eq!(site.get("/").await.text(), "the page", "{vary:?}");
            }
        }
    }
}

/// A HEAD brings no empty page about, and its own answer has none of the page's bytes.
#[tokio::test]
async fn a_head_never_becomes_an_empty_page() {
    for policy in policies() {
        let site = Site::new(policy, |call| async move {
            let head = *call.request.method() == http::Method::HEAD;
            respond(
                &[FRESH, ("content-length", "8")],
                if head { "" } else { "the page" },
            )
        });
        for _ in 0..2 {
            let head = site.send(crate::site::request("HEAD", "/", &[])).await;
            assert_eq!((head.text(), head.header("content-length")), ("", "8"));
            assert_eq!(site.get("/").await.text(), "the page");
        }
    }
}

/// Headers of a request that only belong to one connection are not part of what is kept either.
#[tokio::test]
async fn what_belongs_to_a_connection_is_not_kept() {
    let hop: HeaderMap = [
        ("connection", "x-evil, keep-alive"),
        ("x-evil", "evil"),
        ("keep-alive", "timeout=99"),
        ("proxy-authenticate", "evil"),
        ("proxy-authentication-info", "evil"),
        ("upgrade", "evil"),
        ("te", "evil"),
    ]
    .into_iter()
    .map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    })
    .collect();
    let names: Vec<_> = hop.keys().cloned().collect();
    let site = Site::new(minute(), move |_| {
        let mut response = respond(&[FRESH], "the page");
        response.headers_mut().extend(hop.clone());
        async move { response }
    });
    site.get("/").await;
    let hit = site.get("/").await;
    assert_eq!((hit.text(), site.calls()), ("the page", 1));
    for name in names {
        assert!(!hit.headers.contains_key(&name), "{name}");
    }
}
