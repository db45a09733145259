//! Grace: what is served past its ttl, and what ends it.

use axum::body::Body;
use http::{Request, Response, StatusCode};
use larder_core::{Change, Dependency, TableName};
use larder_http::HttpPolicy;

use crate::site::{Call, MINUTE, SECOND, Site, get, minute, respond, settle, until};

fn graceful() -> HttpPolicy {
    minute().grace(10 * SECOND)
}

/// A site whose handler answers its first call, and later ones as `later` does.
fn turning(policy: HttpPolicy, later: fn(Call) -> Response<Body>) -> Site {
    Site::new(policy, move |call| async move {
        if call.number == 1 {
            respond(&[], "1")
        } else {
            later(call)
        }
    })
}

fn with_status(status: StatusCode) -> Response<Body> {
    let mut response = respond(&[], "not this one");
    *response.status_mut() = status;
    response
}

#[tokio::test]
async fn a_stale_response_is_served_at_once_and_refreshed_once() {
    let site = Site::answering(graceful(), &[]);
    site.get("/").await;
    site.clock.advance(MINUTE + 3 * SECOND);
    for _ in 0..5 {
        let answer = site.get("/").await;
        assert_eq!(
            (answer.text(), answer.cache(), answer.header("age")),
            ("1", "hit; ttl=-3", "63")
        );
    }
    until(|| site.calls() == 2).await;
    settle().await;
    assert_eq!((site.get("/").await.text(), site.calls()), ("2", 2));
}

#[tokio::test]
async fn nothing_is_served_past_its_grace() {
    let site = Site::answering(graceful(), &[]);
    site.get("/").await;
    site.clock.advance(MINUTE + 10 * SECOND);
    assert_eq!(site.get("/").await.text(), "2");
}

/// Seen failing with `never_stale` made false in `verdict::response::lifetime`.
#[tokio::test]
async fn what_must_be_revalidated_is_never_served_stale() {
    for value in [
        "max-age=60, must-revalidate",
        "max-age=60, proxy-revalidate",
        "s-maxage=60",
    ] {
        let headers = Box::leak(Box::new([("cache-control", value)]));
        let site = Site::answering(graceful(), headers);
        site.get("/").await;
        site.clock.advance(MINUTE);
        assert_eq!(site.get("/").await.text(), "2", "{value}");
    }
}

#[tokio::test]
async fn a_refresh_asks_as_its_client_did_but_for_all_of_it() {
    let site = Site::new(graceful(), |call| async move {
        let Call {
            request, number, ..
        } = call;
        let header = |name| request.headers().contains_key(name);
        let seen = (
            request.method().as_str(),
            header("x-any"),
            header("if-none-match"),
        );
        respond(
            &[],
            format!("{number} {seen:?} {:?}", request.extensions().get::<u8>()),
        )
    });
    let ask = |method: &str| {
        let mut request: Request<Body> = get("/", &[("x-any", "1"), ("if-none-match", "\"a\"")]);
        *request.method_mut() = method.parse().unwrap();
        request.extensions_mut().insert(7_u8);
        request
    };
    site.send(ask("GET")).await;
    site.clock.advance(MINUTE);
    site.send(ask("HEAD")).await;
    until(|| site.calls() == 2).await;
    settle().await;
    assert_eq!(
        site.get("/").await.text(),
        "2 (\"GET\", true, false) Some(7)"
    );
}

/// Seen failing with the `evict` in `Replaced`'s drop removed.
#[tokio::test]
async fn a_failed_refresh_ends_the_grace() {
    let failures: [fn(Call) -> Response<Body>; 3] = [
        |_| with_status(StatusCode::BAD_GATEWAY),
        |_| panic!("the refresh panics"),
        |_| {
            let broken = Err::<&str, _>(std::io::Error::other("broken"));
            respond(&[], Body::from_stream(futures_util::stream::iter([broken])))
        },
    ];
    for fail in failures {
        let site = Site::new(graceful(), move |call| async move {
            match call.number {
                2 => fail(call),
                number => respond(&[], number.to_string()),
            }
        });
        site.get("/").await;
        site.clock.advance(MINUTE);
        assert_eq!(site.get("/").await.text(), "1");
        until(|| site.calls() == 2).await;
        settle().await;
        assert_eq!(site.get("/").await.text(), "3");
    }
}

/// Seen failing with `stays_on_failure` made false.
#[tokio::test]
async fn a_failed_refresh_leaves_the_stale_response_where_the_policy_says_so() {
    let failures: [fn(Call) -> Response<Body>; 2] = [
        |_| with_status(StatusCode::BAD_GATEWAY),
        |_| panic!("the refresh panics"),
    ];
    for fail in failures {
        let site = turning(graceful().stale_on_error(true), fail);
        site.get("/").await;
        site.clock.advance(MINUTE);
        for calls in 2..5 {
            assert_eq!(site.get("/").await.text(), "1");
            until(|| site.calls() == calls).await;
            settle().await;
        }
        site.clock.advance(10 * SECOND);
        let site_again = site.clone();
        let next = tokio::spawn(async move { site_again.open(get("/", &[])).await });
        until(|| site.calls() == 5).await;
        drop(next.await);
    }
}

/// A handler that answers otherwise stands no longer by what it answered before. Seen failing with
/// `Replaced::answered` doing nothing.
#[tokio::test]
async fn a_refresh_that_must_not_be_kept_ends_the_grace_even_so() {
    let answers: [fn(Call) -> Response<Body>; 2] = [
        |_| with_status(StatusCode::NOT_FOUND),
        |call| respond(&[("cache-control", "private")], call.number.to_string()),
    ];
    for answer in answers {
        let site = turning(graceful().stale_on_error(true), answer);
        site.get("/").await;
        site.clock.advance(MINUTE);
        assert_eq!(site.get("/").await.text(), "1");
        until(|| site.calls() == 2).await;
        settle().await;
        assert_ne!(site.get("/").await.text(), "1");
    }
}

#[tokio::test]
async fn an_error_is_never_kept() {
    let site = Site::new(graceful().stale_on_error(true), |call| async move {
        if call.number == 1 {
            with_status(StatusCode::INTERNAL_SERVER_ERROR)
        } else {
            respond(&[], "2")
        }
    });
    assert_eq!(site.get("/").await.status, 500);
    assert_eq!(site.get("/").await.text(), "2");
}

/// Grace is about time only.
#[tokio::test]
async fn an_invalid_response_is_not_served_within_its_grace() {
    let site = Site::new(graceful(), |call| async move {
        let table = TableName::new("main", "article");
        call.larder.reading(None, &[Dependency::table(&table)]);
        respond(&[], call.number.to_string())
    });
    site.get("/").await;
    site.larder
        .publish(Change::table(&TableName::new("main", "article")))
        .await
        .unwrap();
    assert_eq!(site.get("/").await.text(), "2");
    site.clock.advance(MINUTE);
    site.larder
        .publish(Change::table(&TableName::new("main", "article")))
        .await
        .unwrap();
    assert_eq!(site.get("/").await.text(), "3");
}

#[tokio::test]
async fn a_soft_invalidation_serves_within_grace_while_one_refresh_runs() {
    let site = Site::new(graceful(), |call| async move {
        call.larder.depend_on("news");
        respond(&[], call.number.to_string())
    });
    site.get("/").await;
    site.larder.invalidate_soft("news").await.unwrap();
    let answer = site.get("/").await;
    assert_eq!((answer.text(), answer.cache()), ("1", "hit; ttl=0"));
    until(|| site.calls() == 2).await;
    settle().await;
    assert_eq!(site.get("/").await.text(), "2");
}

/// Seen failing with the refresh's body dropped instead of detached.
#[tokio::test]
async fn a_running_body_is_refreshed_to_its_end_without_a_reader() {
    let site = Site::new(graceful(), |call| async move {
        let mut polls = 0;
        let stream = futures_util::stream::poll_fn(move |cx| {
            polls += 1;
            match polls {
                1 => {
                    cx.waker().wake_by_ref();
                    std::task::Poll::Pending
                }
                2 => std::task::Poll::Ready(Some(Ok::<_, std::io::Error>(call.number.to_string()))),
                _ => std::task::Poll::Ready(None),
            }
        });
        respond(&[], Body::from_stream(stream))
    });
    site.get("/").await;
    site.clock.advance(MINUTE);
    assert_eq!(site.get("/").await.text(), "1");
    until(|| site.calls() == 2).await;
    settle().await;
    assert_eq!((site.get("/").await.text(), site.calls()), ("2", 2));
}
