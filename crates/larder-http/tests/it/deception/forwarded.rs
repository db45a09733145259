//! What a proxy tells of the request, or an attacker in its place: it decides what an application
//! answers - links, redirects, even which page it is - and no `Vary` names it.

use super::tables::Attack;
use super::{VICTIM, all_sites, assert_all_apart, assert_apart};

const fn header(lines: super::Lines) -> Attack {
    Attack { lines, ..VICTIM }
}

const FORWARDED: &[Attack] = &[
    header(&[
        ("host", b"shop.example"),
        ("x-forwarded-host", b"evil.example"),
    ]),
    header(&[
        ("host", b"shop.example"),
        ("x-forwarded-host", b"shop.example"),
        ("x-forwarded-host", b"evil.example"),
    ]),
    header(&[("host", b"shop.example"), ("x-forwarded-host", b"")]),
    header(&[("host", b"shop.example"), ("x-forwarded-host", b"\xff")]),
    header(&[("host", b"shop.example"), ("x-forwarded-proto", b"http")]),
    header(&[("host", b"shop.example"), ("x-forwarded-proto", b"evil")]),
    header(&[("host", b"shop.example"), ("x-forwarded-scheme", b"http")]),
    header(&[("host", b"shop.example"), ("x-forwarded-ssl", b"on")]),
    header(&[("host", b"shop.example"), ("x-forwarded-port", b"666")]),
    header(&[("host", b"shop.example"), ("x-forwarded-prefix", b"/evil")]),
    header(&[("host", b"shop.example"), ("x-forwarded-path", b"/evil")]),
    header(&[("host", b"shop.example"), ("x-forwarded-uri", b"/evil")]),
    header(&[
        ("host", b"shop.example"),
        ("x-forwarded-server", b"evil.example"),
    ]),
    header(&[
        ("host", b"shop.example"),
        ("forwarded", b"host=evil.example;proto=http"),
    ]),
    header(&[("host", b"shop.example"), ("x-host", b"evil.example")]),
    header(&[
        ("host", b"shop.example"),
        ("x-original-host", b"evil.example"),
    ]),
    header(&[
        ("host", b"shop.example"),
        ("x-http-host-override", b"evil.example"),
    ]),
    header(&[("host", b"shop.example"), ("x-original-url", b"/evil")]),
    header(&[("host", b"shop.example"), ("x-rewrite-url", b"/evil")]),
];

/// Forms of the field that hide what they say, and fields few know.
const HIDDEN: &[Attack] = &[
    header(&[
        ("host", b"shop.example"),
        ("forwarded", b"host=\"shop.example;evil\""),
    ]),
    header(&[
        ("host", b"shop.example"),
        ("forwarded", b"host=\"evil,shop.example\""),
    ]),
    header(&[
        ("host", b"shop.example"),
        (
            "forwarded",
            b"for=\"_a;host=shop.example\";host=evil.example",
        ),
    ]),
    header(&[
        ("host", b"shop.example"),
        ("forwarded", b"HOST = evil.example"),
    ]),
    header(&[("host", b"shop.example"), ("x-forwarded-protocol", b"evil")]),
    header(&[
        ("host", b"shop.example"),
        ("x-forwarded-base-url", b"/evil"),
    ]),
    header(&[
        ("host", b"shop.example"),
        ("x-forwarded-script-name", b"/evil"),
    ]),
    header(&[
        ("host", b"shop.example"),
        ("x-forwarded-hostname", b"evil.example"),
    ]),
    header(&[("host", b"shop.example"), ("x-forwarded-user", b"evil")]),
    header(&[
        ("host", b"shop.example"),
        ("x-forwarded-email", b"evil@example"),
    ]),
    header(&[
        ("host", b"shop.example"),
        ("x-forwarded-access-token", b"evil"),
    ]),
    header(&[("host", b"shop.example"), ("x-script-name", b"/evil")]),
    header(&[("host", b"shop.example"), ("x-url-scheme", b"evil")]),
    header(&[("host", b"shop.example"), ("x-original-uri", b"/evil")]),
    header(&[("host", b"shop.example"), ("x-original-path", b"/evil")]),
    header(&[
        ("host", b"shop.example"),
        ("x-envoy-original-path", b"/evil"),
    ]),
    header(&[("host", b"shop.example"), ("front-end-https", b"on")]),
];

const OVERRIDES: &[Attack] = &[
    header(&[
        ("host", b"shop.example"),
        ("x-http-method-override", b"DELETE"),
    ]),
    header(&[("host", b"shop.example"), ("x-http-method-override", b"")]),
    header(&[
        ("host", b"shop.example"),
        ("x-http-method-override", b"GET"),
        ("x-http-method-override", b"POST"),
    ]),
    header(&[("host", b"shop.example"), ("x-http-method", b"POST")]),
    header(&[("host", b"shop.example"), ("x-method-override", b"evil")]),
];

/// What a proxy says of the URL is part of it.
#[tokio::test]
async fn forwarded_urls_are_part_of_the_key() {
    assert_all_apart(FORWARDED).await;
}

/// Any two of them are told apart, and from a request without.
#[tokio::test]
async fn what_hides_in_a_forwarded_field_counts() {
    assert_all_apart(HIDDEN).await;
    let quoted = |host: &'static [u8]| [("host", b"shop.example".as_slice()), ("forwarded", host)];
    let pairs: [[&'static [u8]; 2]; 3] = [
        [b"host=\"a;b\"", b"host=\"a;c\""],
        [b"host=\"a,b\"", b"host=\"a,c\""],
        [b"host=a, host=b", b"host=a;host=c"],
    ];
    for pair in pairs {
        let [first, second] = pair.map(|value| Attack {
            lines: Box::leak(Box::new(quoted(value))),
            ..VICTIM
        });
        assert_apart(all_sites, &first, &second).await;
    }
}

#[tokio::test]
async fn an_overridden_method_is_another_method() {
    assert_all_apart(OVERRIDES).await;
}

/// A host has one meaning in any case, but the handler sees the case.
#[tokio::test]
async fn a_host_in_another_case_is_not_shown_to_others() {
    for attack in [
        header(&[("host", b"SHOP.example")]),
        header(&[("host", b"shop.EXAMPLE")]),
        Attack {
            target: "http://SHOP.example/page?id=1",
            lines: &[],
            ..VICTIM
        },
    ] {
        let absolute = Attack {
            target: "http://shop.example/page?id=1",
            lines: &[],
            ..VICTIM
        };
        let victim = if attack.lines.is_empty() {
            absolute
        } else {
            VICTIM
        };
        assert_apart(all_sites, &attack, &victim).await;
    }
}

/// A page that one origin may read is not given to another origin, or to none.
#[tokio::test]
async fn a_page_that_is_open_to_one_origin_is_not_to_another() {
    let site = crate::site::Site::new(crate::site::minute(), |call| async move {
        let origin = call.request.headers().get("origin").cloned();
        let mut response = crate::site::respond(&[super::FRESH], "the page");
        if let Some(origin) = origin {
            response
                .headers_mut()
                .insert("access-control-allow-origin", origin);
        }
        response
    });
    for origin in ["https://evil.example", "https://shop.example", "null"] {
        let answer = site.get_with(&[("origin", origin)]).await;
        assert_eq!(answer.header("access-control-allow-origin"), origin);
    }
}
