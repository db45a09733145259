//! Web-cache deception and poisoning, as a table.
//!
//! The origin shows all it gets and calls all of it fresh for a minute, so that whatever is kept
//! for one client and given to another is seen. Two promises:
//!
//! 1. what a client with credentials was shown is never shown to another,
//! 2. what a request brought that is not in the key is never shown to another client.

mod answers;
mod forwarded;
mod parameters;

mod tables;

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body_util::BodyExt;
use larder_http::HttpPolicy;

use self::tables::{Attack, CREDENTIALS, HOSTS, Lines, METHODS, PREFIXES, SUFFIXES, TARGETS};
use crate::site::{Answer, Site, minute, respond};

const FRESH: (&str, &str) = ("cache-control", "max-age=60");
const VICTIM: Attack = Attack {
    method: "GET",
    target: "/page?id=1",
    lines: &[("host", b"shop.example")],
    body: "",
};

/// What decides nothing for this origin: a layer may take it off, or put it on to revalidate.
const CONDITIONS: &[&str] = &[
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "range",
];

/// Shows a request: its method, its target, all its lines, its body.
fn shown(method: &str, target: &str, headers: &HeaderMap, body: &[u8]) -> String {
    let mut names: Vec<_> = headers.keys().collect();
    names.sort_unstable_by_key(|name| name.as_str());
    names.retain(|name| !CONDITIONS.contains(&name.as_str()));
    let mut text = format!("{method} {target}\n");
    for name in names {
        let lines: Vec<_> = headers.get_all(name).iter().collect();
        let lines: Vec<_> = lines
            .iter()
            .map(|line| line.as_bytes().escape_ascii())
            .collect();
        let lines: Vec<_> = lines.into_iter().map(|line| line.to_string()).collect();
        text += &[name.as_str(), ": ", &lines.join(", "), "\n"].concat();
    }
    text + &body.escape_ascii().to_string()
}

/// The origin: what it shows is also in its headers, and fresh for a minute.
fn mirror(policy: HttpPolicy, headers: &'static [(&'static str, &'static str)]) -> Site {
    Site::new(policy, move |call| async move {
        let (head, body) = call.request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        // HEAD is shown as the GET it is answered from.
        let method = if head.method == http::Method::HEAD {
            "GET"
        } else {
            head.method.as_str()
        };
        let text = shown(method, &head.uri.to_string(), &head.headers, &body);
        let line = HeaderValue::from_bytes(text.replace('\n', "|").as_bytes()).unwrap();
        let mut response = respond(
            headers,
            if head.method == http::Method::HEAD {
                String::new()
            } else {
                text
            },
        );
        response.headers_mut().insert("x-shown", line);
        response
    })
}

/// A site for each way in which an answer is called fresh, and for each profile.
fn all_sites() -> [Site; 3] {
    let [said, policy] = sites();
    [said, policy, mirror(HttpPolicy::rfc(), &[FRESH])]
}

/// A site for each way in which an answer is called fresh, in the profile for services.
fn sites() -> [Site; 2] {
    [mirror(HttpPolicy::new(), &[FRESH]), mirror(minute(), &[])]
}

impl Attack {
    fn request(&self) -> Request<Body> {
        let body = if self.body.is_empty() {
            Body::empty()
        } else {
            Body::from(self.body)
        };
        let mut request = Request::new(body);
        *request.method_mut() = self.method.parse().unwrap();
        *request.uri_mut() = self.target.parse().unwrap();
        for (name, value) in self.lines {
            let value = HeaderValue::from_bytes(value).unwrap();
            request
                .headers_mut()
                .append(HeaderName::from_static(name), value);
        }
        request
    }

    /// What it is shown if nobody else's answer gets in its way.
    fn expected(&self) -> String {
        let request = self.request();
        let method = if self.method == "HEAD" {
            "GET"
        } else {
            self.method
        };
        shown(
            method,
            &request.uri().to_string(),
            request.headers(),
            self.body.as_bytes(),
        )
    }

    fn words(&self) -> String {
        let words = format!("{} {}", self.method, self.target);
        self.lines.iter().fold(words, |words, (name, value)| {
            words + &format!(" {name}: {}", value.escape_ascii())
        })
    }
}

async fn assert_own(site: &Site, who: &Attack, case: &str) {
    assert_is_own(&site.send(who.request()).await, who, case);
}

fn assert_is_own(answer: &Answer, who: &Attack, case: &str) {
    let expected = who.expected();
    let line = expected.replace('\n', "|");
    let got = String::from_utf8_lossy(answer.headers["x-shown"].as_bytes());
    assert_eq!(got, line, "{case}");
    if who.method != "HEAD" {
        assert_eq!(answer.text(), expected, "{case}");
    }
}

/// Sends an attack before, after and together with the victim's request: each is shown its own.
async fn assert_apart<const N: usize>(sites: fn() -> [Site; N], attack: &Attack, victim: &Attack) {
    let words = attack.words();
    for (before, after) in [(attack, victim), (victim, attack)] {
        for site in sites() {
            assert_own(&site, before, &words).await;
            assert_own(&site, after, &words).await;
            assert_own(&site, before, &words).await;
            assert_own(&site, after, &words).await;
        }
        for site in sites() {
            let (first, second) =
                futures_util::join!(site.send(before.request()), site.send(after.request()));
            assert_is_own(&first, before, &words);
            assert_is_own(&second, after, &words);
        }
    }
}

async fn assert_all_apart(attacks: &[Attack]) {
    for attack in attacks {
        if attack.expected() != VICTIM.expected() {
            assert_apart(all_sites, attack, &VICTIM).await;
        }
    }
}

/// The victim's own answer is kept: without that the other tests would say nothing.
#[tokio::test]
async fn the_mirror_is_kept() {
    for site in all_sites() {
        assert_own(&site, &VICTIM, "first").await;
        assert_own(&site, &VICTIM, "second").await;
        assert_eq!(site.calls(), 1);
    }
}

#[tokio::test]
async fn hosts_are_never_mixed_up() {
    assert_all_apart(HOSTS).await;
}

#[tokio::test]
async fn targets_are_taken_as_they_are_written() {
    assert_all_apart(TARGETS).await;
}

#[tokio::test]
async fn other_methods_and_bodies_are_nobody_elses() {
    assert_all_apart(METHODS).await;
}

#[tokio::test]
async fn credentials_are_nobody_elses() {
    for attack in CREDENTIALS {
        assert_apart(sites, attack, &VICTIM).await;
    }
}

/// By the letter a cookie tells nobody apart, but a token does unless the response says otherwise
/// (RFC 9111, 3.5).
#[tokio::test]
async fn by_the_letter_too_a_token_is_nobody_elses() {
    let has = |attack: &&Attack, name| attack.lines.iter().any(|(known, _)| *known == name);
    let tokens = CREDENTIALS
        .iter()
        .filter(|attack| has(attack, "authorization"));
    for attack in tokens.filter(|attack| !has(attack, "cookie")) {
        let [_, _, site] = all_sites();
        for _ in 0..2 {
            assert_own(&site, attack, &attack.words()).await;
        }
        for _ in 0..2 {
            assert_own(&site, &VICTIM, &attack.words()).await;
        }
    }
}

const SECRET: Lines = &[("host", b"shop.example"), ("cookie", b"session=secret")];
const TOKEN: Lines = &[
    ("host", b"shop.example"),
    ("authorization", b"Token secret"),
];
const BOTH: Lines = &[
    ("host", b"shop.example"),
    ("authorization", b"Token secret"),
    ("cookie", b"session=secret"),
];
const ANYBODY: Lines = &[("host", b"shop.example")];
const OTHER: Lines = &[("host", b"shop.example"), ("cookie", b"session=other")];

fn at(target: &'static str, lines: Lines) -> Attack {
    Attack {
        method: "GET",
        target,
        lines,
        body: "",
    }
}

/// What looks like a static file, or like the page of somebody else, is not: a page that was made
/// with credentials is shown to nobody without them, whatever its name.
#[tokio::test]
async fn a_private_page_is_private_by_any_name() {
    let pages = SUFFIXES.iter().map(|suffix| format!("/account{suffix}"));
    let others = PREFIXES.iter().map(|&prefix| prefix.to_owned());
    let others = others.chain(PREFIXES.iter().map(|prefix| format!("{prefix}/x.css")));
    for page in pages.chain(others) {
        let page: &'static str = Box::leak(page.into_boxed_str());
        for mine in [SECRET, TOKEN, BOTH] {
            for site in sites().into_iter().chain([per_user()]) {
                for _ in 0..2 {
                    assert_own(&site, &at(page, mine), page).await;
                }
                for lines in [ANYBODY, OTHER, ANYBODY] {
                    for target in [page, "/account"] {
                        assert_own(&site, &at(target, lines), page).await;
                    }
                }
                assert_own(&site, &at(page, mine), page).await;
            }
        }
    }
}

/// A site that knows its users by all their credentials.
fn per_user() -> Site {
    let user = |head: &http::request::Parts| {
        let lines = ["authorization", "cookie"].map(|name| head.headers.get(name));
        let lines = lines.map(|line| line.map(|line| line.as_bytes().escape_ascii().to_string()));
        (lines != [None, None]).then(|| format!("{lines:?}"))
    };
    mirror(minute().vary_by_user(user), &[])
}

/// Whatever the values of two headers hold, they are two values.
#[tokio::test]
async fn values_of_headers_do_not_run_into_each_other() {
    let values: &[&[u8]] = &[
        b"",
        b"1",
        b"1/x-b/2",
        b"1, 2",
        b"1;x-b=2",
        b"1 x-b: 2",
        b"1\tx-b:2",
        b"1|x-b|2",
        b"\x80",
        b"\xff1",
        b"x-b",
        b"t\x01",
        b"1%0d%0ax-b: 2",
        b"\"1, 2\"",
    ];
    let values: Vec<&[u8]> = values
        .iter()
        .copied()
        .filter(|value| HeaderValue::from_bytes(value).is_ok())
        .collect();
    let declared = mirror(minute().vary_by_header("x-a").vary_by_header("x-b"), &[]);
    let varied = mirror(minute(), &[("vary", "x-a, x-b")]);
    // Of variants only so many are kept, so that not all of them are answered from the cache.
    let most = (values.len() + 1).pow(2);
    for (site, calls) in [(declared, most), (varied, 2 * most)] {
        for _ in 0..2 {
            for a in values.iter().copied().map(Some).chain([None]) {
                for b in values.iter().copied().map(Some).chain([None]) {
                    let mut headers = HeaderMap::new();
                    for (name, value) in [("x-a", a), ("x-b", b)] {
                        if let Some(value) = value {
                            headers.insert(name, HeaderValue::from_bytes(value).unwrap());
                        }
                    }
                    let expected = shown("GET", "/", &headers, b"");
                    let mut request = Request::new(Body::empty());
                    *request.headers_mut() = headers;
                    assert_eq!(site.send(request).await.text(), expected);
                }
            }
        }
        assert!(site.calls() <= calls, "{} calls", site.calls());
    }
}
