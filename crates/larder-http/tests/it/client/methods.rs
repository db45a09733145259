//! Other methods than GET, and parts.

use std::time::Duration;

use larder_http::HttpPolicy;

use crate::client::callers::{CLIENTS, Caller, ClientOf, answer, answer_as};
use crate::site::until;

const FRESH: (&str, &str) = ("cache-control", "max-age=60");

/// Puts a client before a server that keeps a count of its calls, and answers writes with `status`.
async fn written(client: ClientOf, status: u16, fields: &'static [(&str, &str)]) -> Caller {
    client
        .calls(HttpPolicy::safe(), move |number, request| {
            match request.method.as_str() {
                "GET" | "HEAD" => answer(&[FRESH], number.to_string()),
                _ => answer_as(status, fields, ""),
            }
        })
        .await
}

#[tokio::test]
async fn a_write_makes_what_is_kept_of_its_target_invalid() {
    for client in CLIENTS {
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let caller = written(
                client,
                303,
                &[("location", "/b"), ("content-location", "/c")],
            )
            .await;
            for path in ["/a", "/b", "/c", "/d"] {
                caller.get(path).await;
            }
            assert_eq!(caller.send(method, "/a", &[]).await.status, 303);
            for (path, text) in [("/a", "6"), ("/b", "7"), ("/c", "8"), ("/d", "4")] {
                assert_eq!(caller.get(path).await.text(), text, "{method} {path}");
            }
            assert_eq!(caller.asked(), 8, "{client:?}");
        }
    }
}

#[tokio::test]
async fn a_write_that_was_refused_changes_nothing() {
    for client in CLIENTS {
        for status in [400, 404, 500, 503] {
            let caller = written(client, status, &[]).await;
            caller.get("/").await;
            caller.send("POST", "/", &[]).await;
            assert_eq!(caller.get("/").await.text(), "1", "{client:?} {status}");
            assert_eq!(caller.asked(), 2);
        }
    }
}

/// A write nobody answered may have been carried out. Seen failing before there was an `Unanswered`.
#[tokio::test]
async fn a_write_without_an_answer_counts_as_done() {
    for client in CLIENTS {
        let mut caller = written(client, 200, &[]).await;
        caller.get("/").await;
        caller.origin_goes_away().await;
        assert_eq!(caller.get("/").await.text(), "1");
        let lost = caller.open(caller.request("POST", "/", &[])).await;
        assert!(lost.is_err());
        let kept = caller.open(caller.request("GET", "/", &[])).await;
        assert!(kept.is_err(), "{client:?}");
    }
}

/// Seen failing before there was an `Unanswered`.
#[tokio::test]
async fn a_write_whose_caller_goes_away_counts_as_done() {
    for client in CLIENTS {
        let (go, held) = std::sync::mpsc::channel::<()>();
        let held = std::sync::Mutex::new(held);
        let caller = client
            .calls(HttpPolicy::safe(), move |number, request| {
                if request.method == "POST" {
                    // Until the other end is dropped.
                    let _ = held.lock().unwrap().recv_timeout(Duration::from_secs(20));
                }
                answer(&[FRESH], number.to_string())
            })
            .await;
        caller.get("/").await;
        let writing = tokio::spawn({
            let caller = caller.clone();
            async move { caller.send("POST", "/", &[]).await }
        });
        until(|| caller.asked() == 2).await;
        writing.abort();
        assert!(writing.await.unwrap_err().is_cancelled());
        drop(go);
        assert_eq!(caller.get("/").await.text(), "3", "{client:?}");
    }
}

#[tokio::test]
async fn a_write_is_sent_each_time() {
    for client in CLIENTS {
        let caller = written(client, 200, &[FRESH]).await;
        for asked in 1..4 {
            caller.send("POST", "/", &[]).await;
            assert_eq!(caller.asked(), asked, "{client:?}");
        }
    }
}

#[tokio::test]
async fn a_head_is_answered_from_what_is_kept_and_never_stands_for_it() {
    // wiremock sends a body in answer to a HEAD, which HTTP/2 calls an error.
    for client in CLIENTS.into_iter().filter(|client| !client.is_http2()) {
        let caller = written(client, 200, &[]).await;
        let head = caller.send("HEAD", "/", &[]).await;
        assert_eq!((head.status.as_u16(), head.text()), (200, ""));
        assert_eq!(caller.get("/").await.text(), "2", "{client:?}");
        let head = caller.send("HEAD", "/", &[]).await;
        assert_eq!(
            (head.text(), head.header("content-length"), caller.asked()),
            ("", "1", 2)
        );
    }
}

/// Puts a client before a server that knows one part of its text.
async fn parted(client: ClientOf, policy: HttpPolicy) -> Caller {
    client
        .calls(policy, |_, request| {
            let fields = [FRESH, ("etag", "\"a\"")];
            match request
                .headers
                .get("range")
                .map(http::HeaderValue::as_bytes)
            {
                Some(b"bytes=0-3") => {
                    let part = [fields[0], fields[1], ("content-range", "bytes 0-3/8")];
                    answer_as(206, &part, "0123")
                }
                _ => answer(&fields, "01234567"),
            }
        })
        .await
}

#[tokio::test]
async fn a_part_is_cut_out_of_what_is_kept() {
    for client in CLIENTS {
        let caller = parted(client, HttpPolicy::safe()).await;
        caller.get("/").await;
        for (range, text, told) in [
            ("bytes=0-3", "0123", "bytes 0-3/8"),
            ("bytes=-2", "67", "bytes 6-7/8"),
            ("bytes=5-", "567", "bytes 5-7/8"),
        ] {
            let part = caller.get_with(&[("range", range)]).await;
            assert_eq!(
                (
                    part.status.as_u16(),
                    part.text(),
                    part.header("content-range")
                ),
                (206, text, told),
                "{client:?}"
            );
        }
        assert_eq!(caller.asked(), 1);
    }
}

#[tokio::test]
async fn a_part_is_never_taken_for_all_of_it() {
    for client in CLIENTS {
        for policy in [HttpPolicy::safe(), HttpPolicy::rfc()] {
            let caller = parted(client, policy).await;
            let part = caller.get_with(&[("range", "bytes=0-3")]).await;
            assert_eq!((part.status.as_u16(), part.text()), (206, "0123"));
            for _ in 0..2 {
                let all = caller.get("/").await;
                assert_eq!((all.status.as_u16(), all.text()), (200, "01234567"));
            }
            assert_eq!(caller.asked(), 2, "{client:?}");
        }
    }
}
