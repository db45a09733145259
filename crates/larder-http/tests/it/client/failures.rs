//! An origin that fails: what bridges it, what does not, and that nothing is tried again.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use larder_http::{HttpLayer, HttpPolicy};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tower::ServiceExt;

use crate::client::callers::{CLIENTS, Caller, ClientOf, answer, answer_as};
use crate::site::{MINUTE, SECOND, larder, request, within};

/// Puts a client before a server that answers once, and then only fails.
async fn failing(client: ClientOf, policy: HttpPolicy, cache_control: &'static str) -> Caller {
    client
        .calls(policy, move |number, _| match number {
            1 => answer(&[("cache-control", cache_control)], "1"),
            number => answer_as(503, &[], number.to_string()),
        })
        .await
}

#[tokio::test]
async fn a_permitted_stale_answer_bridges_a_failure() {
    let day = HttpPolicy::safe().stale_if_error(MINUTE);
    let cases = [
        (HttpPolicy::safe(), "max-age=60, stale-if-error=60"),
        (day.clone(), "max-age=60"),
        (day.private(), "max-age=60, private"),
        (HttpPolicy::rfc(), "max-age=60"),
    ];
    for client in CLIENTS {
        for (policy, cache_control) in &cases {
            let mut caller = failing(client, policy.clone(), cache_control).await;
            caller.get("/").await;
            caller.clock.advance(MINUTE + SECOND);
            let bridged = caller.get("/").await;
            assert_eq!(
                (
                    bridged.status.as_u16(),
                    bridged.text(),
                    bridged.header("age")
                ),
                (200, "1", "61"),
                "{client:?} {cache_control}"
            );
            assert_eq!(
                bridged.cache(),
                "fwd=stale; fwd-status=503; detail=stale-if-error"
            );
            assert_eq!(caller.asked(), 2);
            caller.origin_goes_away().await;
            let bridged = caller.get("/").await;
            assert_eq!(
                (bridged.text(), bridged.cache()),
                ("1", "fwd=stale; detail=stale-if-error")
            );
        }
    }
}

#[tokio::test]
async fn a_failure_is_shown_where_nothing_may_bridge_it() {
    let long = HttpPolicy::safe().stale_if_error(10 * MINUTE);
    let cases = [
        (HttpPolicy::safe(), "max-age=60", SECOND),
        (
            HttpPolicy::safe(),
            "max-age=60, stale-if-error=60",
            2 * MINUTE,
        ),
        (long.clone(), "max-age=60, must-revalidate", SECOND),
        (long.clone(), "max-age=60, proxy-revalidate", SECOND),
        (long.clone(), "s-maxage=60", SECOND),
        (long, "max-age=60, stale-if-error=0", SECOND),
    ];
    for client in CLIENTS {
        for (policy, cache_control, stale) in &cases {
            let mut caller = failing(client, policy.clone(), cache_control).await;
            caller.get("/").await;
            caller.clock.advance(MINUTE + *stale);
            let shown = caller.get("/").await;
            assert_eq!(
                (shown.status.as_u16(), shown.text(), caller.asked()),
                (503, "2", 2),
                "{client:?} {cache_control}"
            );
            caller.origin_goes_away().await;
            let refused = caller.open(caller.request("GET", "/", &[])).await;
            assert!(is_refused(&*refused.unwrap_err()), "{cache_control}");
        }
    }
}

/// A failure that is shown is not kept: what comes next is the origin's again.
#[tokio::test]
async fn a_failure_is_for_the_request_that_met_it() {
    for client in CLIENTS {
        let caller = client
            .calls(HttpPolicy::safe(), |number, _| match number {
                1 => answer_as(500, &[("cache-control", "max-age=60")], "1"),
                number => answer(&[("cache-control", "max-age=60")], number.to_string()),
            })
            .await;
        assert_eq!(caller.get("/").await.status, 500);
        for _ in 0..2 {
            assert_eq!((caller.get("/").await.text(), caller.asked()), ("2", 2));
        }
    }
}

#[tokio::test]
async fn stale_while_revalidate_serves_at_once_and_asks_once() {
    for client in CLIENTS {
        let fields = &[("cache-control", "max-age=60, stale-while-revalidate=30")];
        let caller = client.answered(HttpPolicy::safe(), fields).await;
        caller.get("/").await;
        caller.clock.advance(MINUTE + SECOND);
        let stale = caller.get("/").await;
        assert_eq!((stale.text(), stale.cache()), ("1", "hit; ttl=-1"));
        caller.get_until("2").await;
        assert_eq!(caller.asked(), 2);
        // Past its window the next one waits.
        caller.clock.advance(MINUTE + 30 * SECOND);
        assert_eq!((caller.get("/").await.text(), caller.asked()), ("3", 3));
    }
}

/// The client's own error arrives, of the client's own type.
#[tokio::test]
async fn an_error_of_the_client_comes_through_unchanged() {
    for client in CLIENTS {
        let mut caller = client.answered(HttpPolicy::rfc(), &[]).await;
        caller.origin_goes_away().await;
        for method in ["GET", "HEAD", "POST"] {
            let error = caller.open(caller.request(method, "/", &[])).await;
            assert!(is_refused(&*error.unwrap_err()), "{client:?} {method}");
        }
    }
}

#[tokio::test]
async fn nothing_is_tried_again() {
    for client in CLIENTS {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/", listener.local_addr().unwrap());
        let connections = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&connections);
        // A server that hangs up on everybody as soon as it has read something.
        let server = tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                assert!(connection.read(&mut [0; 1024]).await.is_ok());
            }
        });
        let (larder, _) = larder();
        let service = client.behind(&larder.http_layer_with(HttpPolicy::rfc()).unwrap());
        for (count, method) in ["GET", "HEAD", "POST", "GET"].into_iter().enumerate() {
            let request = request(method, &uri, &[]).map(|_| reqwest::Body::default());
            let answer = within(service.clone().oneshot(request)).await;
            assert!(answer.is_err(), "{client:?} {method}");
            assert_eq!(connections.load(Ordering::SeqCst), count + 1, "{method}");
        }
        server.abort();
    }
}

fn is_refused(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    let of_hyper = error
        .downcast_ref::<hyper_util::client::legacy::Error>()
        .is_some_and(hyper_util::client::legacy::Error::is_connect);
    let of_reqwest = error
        .downcast_ref::<reqwest::Error>()
        .is_some_and(reqwest::Error::is_connect);
    of_hyper || of_reqwest
}
