//! The replay finds what it says it finds, and nothing else.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use larder_core::Larder;
use larder_http::replay::{Order, Replay, Report, What};
use larder_http::{HttpLayer, HttpPolicy};
use tower::{Layer, Service, ServiceExt};

use crate::site::{get, larder, minute, respond};

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .map_or("-", |value| value.to_str().unwrap())
}

/// Replays `GET /` under a policy; `handle` answers.
async fn replay<F>(
    policy: HttpPolicy,
    set: fn(Replay<Checked>) -> Replay<Checked>,
    handle: F,
) -> Report
where
    F: Fn(&Parts) -> Response<Body> + Send + Sync + 'static,
{
    let (larder, _) = larder();
    let handle = Arc::new(handle);
    let service = tower::service_fn(move |request: Request<Body>| {
        let handle = Arc::clone(&handle);
        async move {
            let (head, _) = request.into_parts();
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(handle(&head))
        }
    });
    let service = larder.http_layer_with(policy).unwrap().layer(service);
    let service: Checked = tower::util::BoxCloneSyncService::new(
        service.map_response(|response| response.map(Body::new)),
    );
    let replay = set(Replay::new(service, &larder));
    replay.send(get("/", &[("host", "shop.example")])).await
}

type Checked = tower::util::BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

fn as_it_is(replay: Replay<Checked>) -> Replay<Checked> {
    replay
}

fn edits(report: &Report) -> Vec<&str> {
    let mut edits: Vec<_> = report
        .findings()
        .iter()
        .map(|finding| finding.edit.split(':').next().unwrap())
        .collect();
    edits.sort_unstable();
    edits.dedup();
    edits
}

#[tokio::test]
async fn a_route_that_minds_its_key_is_clean() {
    let report = replay(minute(), as_it_is, |head| {
        respond(
            &[],
            format!("{} {}", header(&head.headers, "host"), head.uri),
        )
    })
    .await;
    report.assert_clean();
    assert!(
        report.from_cache() > 50 && report.requests() > 400,
        "{report}"
    );
    assert!(report.unsteady().is_empty());
}

#[tokio::test]
async fn a_header_that_is_shown_and_not_named_is_found() {
    for name in ["user-agent", "origin", "x-larder-replay", "x-forwarded-for"] {
        let report = replay(minute(), as_it_is, move |head| {
            respond(&[], header(&head.headers, name).to_owned())
        })
        .await;
        assert_eq!(edits(&report), [name], "{report}");
        let leak = |what: &What| matches!(what, What::Leaks(place) if place == "body");
        for order in [Order::Before, Order::After, Order::Together] {
            let mut findings = report.findings().iter();
            assert!(findings.any(|found| found.order == order), "{report}");
        }
        assert!(report.findings().iter().any(|found| leak(&found.what)));
    }
}

#[tokio::test]
async fn a_header_that_vary_or_the_route_names_is_fine() {
    let report = replay(minute(), as_it_is, |head| {
        let language = header(&head.headers, "accept-language").to_owned();
        respond(&[("vary", "accept-language")], language)
    })
    .await;
    report.assert_clean();
    let report = replay(
        minute().vary_by_header("x-tenant"),
        |replay| replay.header("x-tenant", "{}"),
        |head| respond(&[], header(&head.headers, "x-tenant").to_owned()),
    )
    .await;
    report.assert_clean();
}

#[tokio::test]
async fn a_header_of_the_users_own_is_tried_too() {
    let report = replay(
        minute(),
        |replay| replay.header("x-tenant", "of {}"),
        |head| respond(&[], header(&head.headers, "x-tenant").to_owned()),
    )
    .await;
    assert_eq!(edits(&report), ["x-tenant"], "{report}");
}

#[tokio::test]
async fn users_that_the_route_mixes_up_are_found() {
    let users = |replay: Replay<Checked>| {
        replay
            .user("authorization", "Bearer ann")
            .user("authorization", "Bearer bob")
    };
    let show = |head: &Parts| respond(&[], header(&head.headers, "authorization").to_owned());
    let right = minute().vary_by_user(|head| {
        let token = head.headers.get("authorization")?;
        Some(token.to_str().ok()?.to_owned())
    });
    let report = replay(right, users, show).await;
    report.assert_clean();
    let wrong = minute().vary_by_user(|head| {
        head.headers
            .get("authorization")
            .map(|_| "somebody".to_owned())
    });
    let report = replay(wrong, users, show).await;
    let mut findings = report.findings().iter();
    let first = findings.next().unwrap();
    assert_eq!(first.edit, "user 1 (`authorization`)");
    assert_eq!(first.whom, "user 2 (`authorization`)");
    assert_eq!(first.what, What::Leaks("body".to_owned()), "{report}");
}

#[tokio::test]
async fn what_is_new_each_time_is_searched_only() {
    let counted = std::sync::atomic::AtomicUsize::new(0);
    let report = replay(minute(), as_it_is, move |head| {
        let number = counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        respond(
            &[],
            format!("{number} {}", header(&head.headers, "referer")),
        )
    })
    .await;
    assert_eq!(edits(&report), ["referer"], "{report}");
    assert!(!report.unsteady().is_empty());
    let leaks = |what: &What| matches!(what, What::Leaks(_));
    assert!(report.findings().iter().all(|found| leaks(&found.what)));
}

/// A cache as it should not be: it keeps everything under its path.
#[derive(Clone)]
struct Careless {
    larder: Larder,
    kept: Arc<Mutex<HashMap<String, Kept>>>,
}

type Kept = (u64, http::StatusCode, HeaderMap, bytes::Bytes);

impl Service<Request<Body>> for Careless {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let position = this.larder.snapshot().position;
            let path = request.uri().path().to_owned();
            let kept = this.kept.lock().unwrap().get(&path).cloned();
            let on = this.larder.switches().enabled();
            if let Some((at, status, headers, body)) = kept
                && on
                && at == position
            {
                return Ok(rebuilt(status, headers, body));
            }
            let (head, body) = careless_origin(request).await.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            if on {
                let kept = (position, head.status, head.headers.clone(), body.clone());
                this.kept.lock().unwrap().insert(path, kept);
            }
            Ok(rebuilt(head.status, head.headers, body))
        })
    }
}

fn rebuilt(status: http::StatusCode, headers: HeaderMap, body: bytes::Bytes) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Sets each client a cookie of its own, hides a page from who has no session, refuses what is odd.
async fn careless_origin(request: Request<Body>) -> Response<Body> {
    static SESSIONS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    tokio::task::yield_now().await;
    let session = SESSIONS.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    let cookie = format!("session={session}");
    let known = request.headers().contains_key("cookie");
    let mut response = respond(
        &[("set-cookie", &cookie)],
        if known { "your page" } else { "log in" },
    );
    if request.headers().contains_key("x-method-override")
        || request.headers().contains_key("range")
    {
        *response.status_mut() = http::StatusCode::METHOD_NOT_ALLOWED;
    }
    response
}

#[tokio::test]
async fn a_careless_cache_is_found_out() {
    let (larder, _) = larder();
    let careless = Careless {
        larder: larder.clone(),
        kept: Arc::default(),
    };
    let report = Replay::new(careless, &larder).send(get("/", &[])).await;
    let found = edits(&report);
    for edit in ["cookie", "x-method-override", "range", "host"] {
        assert!(found.contains(&edit), "{edit} {report}");
    }
    let mut findings = report.findings().iter();
    assert!(findings.any(|found| found.what == What::SharesCookie));
    assert!(
        report
            .to_string()
            .contains("405 Method Not Allowed instead of 200 OK")
    );
    assert!(larder.switches().enabled());
}

#[tokio::test]
async fn a_replay_of_what_is_never_kept_says_so() {
    let report = replay(HttpPolicy::new(), as_it_is, |_| respond(&[], "text")).await;
    report.assert_clean();
    assert_eq!(report.from_cache(), 0);
    assert!(report.to_string().contains("nothing was kept"));
}
