//! The task beside a guard: it probes, and takes a new client where one is stuck.

use std::sync::atomic::Ordering;
use std::time::Duration;

use fred::clients::Client;
use fred::interfaces::{ClientLike as _, EventInterface as _};
use fred::types::ConnectHandle;
use larder_core::{Clock as _, Moment};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::breaker::Circuit;
use crate::counters::bump;
use crate::guard::{Guard, unless};
use crate::tuning::REPLACE_AFTER;

/// How often it looks while all is well, and while it is not.
const LOOK: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(10)];
/// A connection that nobody uses is asked so often whether it stands.
const PING: Duration = Duration::from_secs(1);
/// The least time a client is given before the next one.
const PATIENCE: Duration = Duration::from_millis(500);

/// Keeps the guard's client alive until `closing`.
pub(crate) async fn supervise(guard: &Guard, closing: CancellationToken) {
    let mut client = guard.client();
    loop {
        let began = guard.clock.now();
        let task = client.connect();
        let done = unless(closing.cancelled(), watch(guard, &client, &task, began)).await;
        // What waits for the old client fails at once; what it held is gone with its task.
        task.abort();
        if done.is_none() {
            return;
        }
        guard.misled.store(false, Ordering::Relaxed);
        let rest = PATIENCE.saturating_sub(guard.clock.now().since(began));
        if unless(closing.cancelled(), guard.clock.sleep(rest))
            .await
            .is_none()
        {
            return;
        }
        bump(&guard.counters.replaced);
        guard.replace(guard.recipe.client());
        client = guard.client();
    }
}

/// Returns when the client should be replaced.
async fn watch(guard: &Guard, client: &Client, task: &ConnectHandle, began: Moment) {
    let mut connects = client.reconnect_rx();
    let mut errors = client.error_rx();
    loop {
        tokio::select! {
            connect = connects.recv() => match connect {
                Ok(_) | Err(RecvError::Lagged(_)) => guard.connected(),
                Err(RecvError::Closed) => return,
            },
            error = errors.recv() => match error {
                Ok((error, _)) => guard.note_error(&error),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            () = guard.news.notified() => {}
            () = guard.clock.sleep(LOOK[usize::from(guard.circuit() != Circuit::Closed)]) => {}
        }
        if task.is_finished() || is_stuck(guard, began) {
            return;
        }
        guard.warn_of_absence();
        // A client that says so is not connected; that it is, shows the probe.
        if is_idle(guard) || guard.wants_probe() && client.is_connected() {
            guard.probe().await;
        }
    }
}

/// Nothing was answered for long, or the wrong server answers.
fn is_stuck(guard: &Guard, began: Moment) -> bool {
    let now = guard.clock.now();
    let answered = guard.counters.answered_at().max(began);
    let misled = guard.misled.load(Ordering::Relaxed) && now.since(began) > PATIENCE;
    misled || now.since(answered) > REPLACE_AFTER
}

fn is_idle(guard: &Guard) -> bool {
    let silent = guard.clock.now().since(guard.counters.answered_at());
    guard.circuit() == Circuit::Closed && silent > PING
}
