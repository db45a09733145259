//! Twenty who want the same at once.

use std::sync::Arc;

use axum::body::Body;
use futures_util::FutureExt;
use larder_http::HttpPolicy;
use tokio::sync::{Barrier, Semaphore};
use tokio::task::JoinSet;

use crate::load::server::Server;
use crate::site::{respond, settle, until, within};

const CROWD: usize = 20;

/// Lets a crowd ask, and opens the gate when all of it waits.
async fn crowd(server: &Server, gate: &Semaphore) -> Vec<usize> {
    let before = server.came();
    let mut asking = JoinSet::new();
    for _ in 0..CROWD {
        let server = server.clone();
        asking.spawn(async move { server.get().await });
    }
    until(|| server.came() == before + CROWD).await;
    settle().await;
    gate.add_permits(1);
    let answers = within(asking.join_all()).await;
    let numbers = answers
        .iter()
        .map(|text| std::str::from_utf8(text).unwrap().parse().unwrap());
    let mut numbers: Vec<_> = numbers.collect();
    numbers.sort_unstable();
    numbers
}

#[tokio::test]
async fn a_crowd_that_wants_what_is_kept_is_one_call() {
    let gate = Arc::new(Semaphore::new(0));
    let door = Arc::clone(&gate);
    let server = Server::start(HttpPolicy::safe(), move |number| {
        let door = Arc::clone(&door);
        async move {
            door.acquire().await.unwrap().forget();
            respond(&[("cache-control", "max-age=60")], number.to_string())
        }
        .boxed()
    })
    .await;
    assert_eq!(crowd(&server, &gate).await, [1; CROWD]);
    assert_eq!((server.get().await, server.calls()), ("1".into(), 1));
}

/// The first is alone, since nobody knows yet; the nineteen it releases run side by side, and from
/// then on all twenty do. Each barrier opens only if they do. Seen failing (it never ends) with
/// `uncacheable.remember` left out.
#[tokio::test]
async fn a_crowd_that_wants_what_is_private_runs_side_by_side() {
    let gate = Arc::new(Semaphore::new(0));
    let door = Arc::clone(&gate);
    let released = Arc::new(Barrier::new(CROWD - 1));
    let remembered = Arc::new(Barrier::new(CROWD));
    let server = Server::start(HttpPolicy::safe(), move |number| {
        let door = Arc::clone(&door);
        let (released, remembered) = (Arc::clone(&released), Arc::clone(&remembered));
        async move {
            match number {
                1 => door.acquire().await.unwrap().forget(),
                2..=CROWD => {
                    released.wait().await;
                }
                _ => {
                    remembered.wait().await;
                }
            }
            respond(
                &[("cache-control", "private")],
                Body::from(number.to_string()),
            )
        }
        .boxed()
    })
    .await;
    let first: Vec<_> = (1..=CROWD).collect();
    let second: Vec<_> = (CROWD + 1..=2 * CROWD).collect();
    assert_eq!(crowd(&server, &gate).await, first);
    assert_eq!(crowd(&server, &gate).await, second);
    assert_eq!(server.calls(), 2 * CROWD);
}
