//! Stale answers are asked about: with what they can be asked with, once, and renewed.

use larder_http::HttpPolicy;

use crate::client::callers::{CLIENTS, Caller, ClientOf, answer, answer_as};
use crate::site::{MINUTE, SECOND};

const DAY: &str = "Thu, 01 Jan 1970 00:00:00 GMT";

/// Puts a client before a server with a text of one version, which it confirms.
async fn versioned(client: ClientOf, name: &'static str, value: &'static str) -> Caller {
    let condition = match name {
        "etag" => "if-none-match",
        _ => "if-modified-since",
    };
    client
        .calls(HttpPolicy::safe(), move |number, request| {
            let asked = request.headers.get(condition);
            let fields = [("cache-control", "max-age=60"), (name, value)];
            if asked.is_some_and(|asked| asked == value) {
                let count = number.to_string();
                answer_as(304, &[fields[0], fields[1], ("x-count", &count)], "")
            } else {
                answer(&fields, number.to_string())
            }
        })
        .await
}

#[tokio::test]
async fn a_stale_answer_is_confirmed_and_fresh_again() {
    for client in CLIENTS {
        for (name, value) in [
            ("etag", "\"a\""),
            ("etag", "W/\"a\""),
            ("last-modified", DAY),
        ] {
            let caller = versioned(client, name, value).await;
            caller.get("/").await;
            caller.clock.advance(MINUTE);
            let confirmed = caller.get("/").await;
            assert_eq!(
                (confirmed.status.as_u16(), confirmed.text()),
                (200, "1"),
                "{client:?} {value}"
            );
            assert_eq!(confirmed.cache(), "fwd=stale; fwd-status=304; stored");
            caller.clock.advance(59 * SECOND);
            let hit = caller.get("/").await;
            // What the 304 said is said by what is kept.
            assert_eq!((hit.text(), hit.header("x-count")), ("1", "2"));
            assert_eq!(caller.asked(), 2);
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_out_of_date_is_replaced() {
    for client in CLIENTS {
        let caller = client
            .calls(HttpPolicy::safe(), |number, _| {
                let tag = format!("\"{number}\"");
                let fields = [("cache-control", "max-age=60"), ("etag", &*tag)];
                answer(&fields, number.to_string())
            })
            .await;
        for (text, tag) in [("1", None), ("2", Some("\"1\"")), ("3", Some("\"2\""))] {
            assert_eq!(caller.get("/").await.text(), text);
            assert_eq!(caller.get("/").await.text(), text);
            let asked = caller.requests().await;
            let condition = asked.last().unwrap().headers.get("if-none-match");
            assert_eq!(condition.map(|tag| tag.to_str().unwrap()), tag);
            caller.clock.advance(MINUTE);
        }
        assert_eq!(caller.asked(), 3);
    }
}

/// A condition of the caller's own is answered here, and is never the origin's to answer for others.
#[tokio::test]
async fn a_callers_own_condition_is_answered_from_what_is_kept() {
    for client in CLIENTS {
        let caller = versioned(client, "etag", "\"a\"").await;
        let first = caller.get_with(&[("if-none-match", "\"a\"")]).await;
        assert_eq!((first.status.as_u16(), first.text()), (304, ""));
        let second = caller.get_with(&[("if-none-match", "\"b\"")]).await;
        assert_eq!((second.status.as_u16(), second.text()), (200, "1"));
        let asked = caller.requests().await;
        assert_eq!(asked.len(), 1);
        assert!(!asked[0].headers.contains_key("if-none-match"));
    }
}

/// `no-cache`: kept, and asked about each time.
#[tokio::test]
async fn what_must_always_be_asked_about_is_asked_about() {
    for client in CLIENTS {
        let caller = client
            .calls(HttpPolicy::safe(), |number, request| {
                let fields = [("cache-control", "no-cache"), ("etag", "\"a\"")];
                if request.headers.contains_key("if-none-match") {
                    answer_as(304, &fields, "")
                } else {
                    answer(&fields, number.to_string())
                }
            })
            .await;
        for asked in 1..4 {
            assert_eq!(caller.get("/").await.text(), "1");
            assert_eq!(caller.asked(), asked);
        }
    }
}
