//! One load a key, and what becomes of those who wait.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use http::Request;
use larder_http::{HttpLayer, HttpPolicy};
use tokio::sync::{Barrier, Semaphore};
use tokio::task::JoinSet;
use tower::{Layer, ServiceExt};

use crate::site::{Answer, Site, get, larder, minute, respond, settle, until, within};

/// A site whose handler waits at a gate, which opens with a permit a call.
fn gated(
    policy: HttpPolicy,
    headers: &'static [(&'static str, &'static str)],
) -> (Site, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let inside = Arc::clone(&gate);
    let site = Site::new(policy, move |call| {
        let gate = Arc::clone(&inside);
        async move {
            gate.acquire().await.unwrap().forget();
            respond(headers, call.number.to_string())
        }
    });
    (site, gate)
}

async fn ask(site: &Site, callers: usize) -> JoinSet<Answer> {
    let mut asking = JoinSet::new();
    for _ in 0..callers {
        let site = site.clone();
        asking.spawn(async move { site.get("/").await });
    }
    until(|| site.calls() >= 1).await;
    settle().await;
    asking
}

/// Seen failing with `join` replaced by `try_lead`, and `alone` for the others.
#[tokio::test]
async fn fifty_callers_load_once() {
    let (site, gate) = gated(minute(), &[]);
    let asking = ask(&site, 50).await;
    assert_eq!(site.calls(), 1);
    gate.add_permits(1);
    let answers = within(asking.join_all()).await;
    assert!(answers.iter().all(|answer| answer.text() == "1"));
    let collapsed = answers
        .iter()
        .filter(|answer| answer.cache() == "fwd=uri-miss; collapsed")
        .count();
    assert_eq!((collapsed, site.calls()), (49, 1));
}

/// Seen failing with `lead.release()` after the verdict replaced by a drop: the followers then go
/// one by one.
#[tokio::test]
async fn an_answer_that_is_not_kept_releases_all_followers_together() {
    let together = Arc::new(Barrier::new(19));
    let gate = Arc::new(Semaphore::new(0));
    let (barrier, door) = (Arc::clone(&together), Arc::clone(&gate));
    let site = Site::new(HttpPolicy::new(), move |call| {
        let (barrier, door) = (Arc::clone(&barrier), Arc::clone(&door));
        async move {
            if call.number == 1 {
                door.acquire().await.unwrap().forget();
            } else {
                barrier.wait().await;
            }
            respond(&[("cache-control", "no-store")], call.number.to_string())
        }
    });
    let asking = ask(&site, 20).await;
    gate.add_permits(1);
    within(asking.join_all()).await;
    assert_eq!(site.calls(), 20);
}

#[tokio::test]
async fn a_follower_leads_when_the_leaders_client_goes_away() {
    let (site, gate) = gated(minute(), &[]);
    let leader = tokio::spawn({
        let site = site.clone();
        async move { site.get("/").await }
    });
    until(|| site.calls() == 1).await;
    let asking = ask(&site, 10).await;
    assert_eq!(site.calls(), 1);
    leader.abort();
    until(|| site.calls() == 2).await;
    gate.add_permits(1);
    let answers = within(asking.join_all()).await;
    assert!(answers.iter().all(|answer| answer.text() == "2"));
    assert_eq!(site.calls(), 2);
}

#[tokio::test]
async fn a_panic_is_its_callers_alone_and_keeps_nothing() {
    let gate = Arc::new(Semaphore::new(0));
    let door = Arc::clone(&gate);
    let site = Site::new(minute(), move |call| {
        let door = Arc::clone(&door);
        async move {
            door.acquire().await.unwrap().forget();
            assert!(call.number != 1, "the first call panics");
            respond(&[], call.number.to_string())
        }
    });
    let mut asking = ask(&site, 10).await;
    gate.add_permits(2);
    let (mut panics, mut answers) = (0, Vec::new());
    while let Some(ended) = within(asking.join_next()).await {
        match ended {
            Ok(answer) => answers.push(answer),
            Err(_) => panics += 1,
        }
    }
    assert_eq!((panics, site.calls()), (1, 2));
    assert!(answers.iter().all(|answer| answer.text() == "2"));
}

/// Errors cannot be cloned, so each caller asks for itself, all at once; none is kept. Seen failing
/// with `lead.release()` after an error replaced by a drop.
#[tokio::test]
async fn an_error_is_nobody_elses() {
    let (larder, _) = larder();
    let calls = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&calls);
    let together = Arc::new(Barrier::new(2));
    let service = tower::service_fn(move |_: Request<Body>| {
        let number = counted.fetch_add(1, Ordering::SeqCst) + 1;
        let together = Arc::clone(&together);
        async move {
            match number {
                1 => tokio::task::yield_now().await,
                2 | 3 => {
                    together.wait().await;
                }
                _ => return Ok(respond(&[], "")),
            }
            Err(format!("error {number}"))
        }
    });
    let service = larder.http_layer_with(minute()).unwrap().layer(service);
    let mut asking = JoinSet::new();
    for _ in 0..3 {
        asking.spawn(service.clone().oneshot(get("/", &[])));
    }
    let mut errors: Vec<_> = within(asking.join_all())
        .await
        .into_iter()
        .filter_map(Result::err)
        .collect();
    errors.sort_unstable();
    assert_eq!(errors, ["error 1", "error 2", "error 3"]);
    assert_eq!(
        service
            .clone()
            .oneshot(get("/", &[]))
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(calls.load(Ordering::SeqCst), 4);
}

/// The instance that `poll_ready` readied is the one that is called. Seen failing with the clone
/// taken instead of it in `take_ready`, and with a refresh that does not wait until it is ready.
#[tokio::test]
async fn only_a_service_that_is_ready_is_called() {
    #[derive(Default)]
    struct Picky(bool, Arc<AtomicUsize>);
    impl Clone for Picky {
        fn clone(&self) -> Self {
            Self(false, Arc::clone(&self.1))
        }
    }
    impl tower::Service<Request<Body>> for Picky {
        type Response = http::Response<Body>;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Self::Response, Infallible>>;
        fn poll_ready(
            &mut self,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Result<(), Infallible>> {
            self.0 = true;
            std::task::Poll::Ready(Ok(()))
        }
        fn call(&mut self, _: Request<Body>) -> Self::Future {
            assert!(std::mem::take(&mut self.0), "called without being ready");
            self.1.fetch_add(1, Ordering::SeqCst);
            std::future::ready(Ok(respond(&[], "")))
        }
    }
    let (larder, clock) = larder();
    let picky = Picky::default();
    let calls = Arc::clone(&picky.1);
    let mut service = larder
        .http_layer_with(minute().grace(crate::site::MINUTE))
        .unwrap()
        .layer(picky);
    for request in [
        get("/", &[]),
        get("/", &[]),
        get("/b", &[]),
        get("/", &[("cookie", "a")]),
        get("/", &[]),
    ] {
        service.ready().await.unwrap();
        tower::Service::call(&mut service, request).await.unwrap();
        clock.advance(crate::site::MINUTE / 3);
    }
    larder.close().await;
    assert_eq!(
        calls.load(Ordering::SeqCst),
        4,
        "two misses, a bypass, a refresh"
    );
}
