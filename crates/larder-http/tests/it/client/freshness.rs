//! How long a client's answer is fresh, by the clock it is given.

use http::HeaderMap;
use larder_http::HttpPolicy;

use crate::client::callers::{CLIENTS, answer};
use crate::site::{MINUTE, SECOND};

type Fields = &'static [(&'static str, &'static str)];

/// The clock begins a second after this.
const EPOCH: &str = "Thu, 01 Jan 1970 00:00:00 GMT";
const MINUTE_AFTER: &str = "Thu, 01 Jan 1970 00:01:00 GMT";

/// Tells how often the origin is asked by two requests with `later` between them, after each other.
async fn asked(policy: HttpPolicy, fields: Fields, later: std::time::Duration) -> [usize; 2] {
    let mut seen = [0; 2];
    for (client, seen) in CLIENTS.into_iter().zip(&mut seen) {
        let caller = client.answered(policy.clone(), fields).await;
        caller.get("/").await;
        caller.clock.advance(later);
        let answer = caller.get("/").await;
        assert_eq!(answer.text(), caller.asked().to_string(), "{fields:?}");
        *seen = caller.asked();
    }
    seen
}

#[tokio::test]
async fn an_answer_is_served_while_it_is_fresh_and_no_longer() {
    let cases: [Fields; 4] = [
        &[("cache-control", "max-age=60")],
        &[("date", EPOCH), ("expires", MINUTE_AFTER)],
        &[("cache-control", "max-age=600, s-maxage=60")],
        &[("cache-control", "max-age=90"), ("age", "30")],
    ];
    for fields in cases {
        let fresh = asked(HttpPolicy::safe(), fields, 58 * SECOND).await;
        let stale = asked(HttpPolicy::safe(), fields, MINUTE + SECOND).await;
        assert_eq!((fresh, stale), ([1, 1], [2, 2]), "{fields:?}");
    }
}

#[tokio::test]
async fn a_private_cache_is_not_told_by_what_is_said_to_shared_ones() {
    let private = HttpPolicy::safe().private();
    let cases: [(Fields, usize, usize); 4] = [
        // Kept by one that is private, not by one that is shared.
        (&[("cache-control", "private, max-age=60")], 1, 2),
        // Fresh for a second in the one, for ten minutes in the other.
        (&[("cache-control", "max-age=1, s-maxage=600")], 2, 1),
        (&[("cache-control", "s-maxage=600")], 2, 1),
        (&[("cache-control", "no-store, max-age=60")], 2, 2),
    ];
    for (fields, in_private, in_shared) in cases {
        let one = asked(private.clone(), fields, 10 * SECOND).await;
        let other = asked(HttpPolicy::safe(), fields, 10 * SECOND).await;
        assert_eq!(one, [in_private; 2], "private: {fields:?}");
        assert_eq!(other, [in_shared; 2], "shared: {fields:?}");
    }
}

#[tokio::test]
async fn nothing_is_kept_that_does_not_say_how_long() {
    for fields in [
        &[][..],
        &[("last-modified", EPOCH)],
        &[("pragma", "no-cache")],
    ] {
        assert_eq!(asked(HttpPolicy::safe(), fields, SECOND).await, [2, 2]);
        assert_eq!(
            asked(HttpPolicy::safe().private(), fields, SECOND).await,
            [2, 2]
        );
    }
}

#[tokio::test]
async fn an_answer_tells_its_age_and_what_became_of_it() {
    for client in CLIENTS {
        let fields = [("cache-control", "max-age=60"), ("x-own", "1")];
        let caller = client
            .calls(HttpPolicy::safe(), move |_, _| answer(&fields, "text"))
            .await;
        let first = caller.get("/").await;
        caller.clock.advance(20 * SECOND);
        let second = caller.get("/").await;
        assert_eq!(first.cache(), "fwd=uri-miss; stored", "{client:?}");
        assert_eq!(
            (second.cache(), second.header("age"), second.header("x-own")),
            ("hit; ttl=40", "20", "1")
        );
        assert_eq!((second.text(), caller.asked()), ("text", 1));
    }
}

/// The origin is sent what the caller sent, and nothing the layer made up.
#[tokio::test]
async fn a_request_reaches_the_origin_as_it_was_sent() {
    for client in CLIENTS {
        let caller = client.answered(HttpPolicy::safe(), &[]).await;
        let fields = [("x-own", "1"), ("accept", "text/plain")];
        caller.send("GET", "/a%2Fb;c?d=%20&e", &fields).await;
        let requests = caller.requests().await;
        let [request] = requests.as_slice() else {
            panic!("{} requests", requests.len());
        };
        assert!(request.url.as_str().ends_with("/a%2Fb;c?d=%20&e"));
        let sent = |headers: &HeaderMap| {
            let mut names: Vec<_> = headers.keys().map(ToString::to_string).collect();
            names.sort_unstable();
            names
        };
        // HTTP/2 has the host in its target.
        let own = ["accept", "host", "x-own"];
        let own = own
            .into_iter()
            .filter(|name| *name != "host" || !client.is_http2());
        assert_eq!(sent(&request.headers), own.collect::<Vec<_>>());
    }
}
