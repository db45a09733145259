//! The guard around a connection: nobody waits for Redis longer than the remote timeout.
//!
//! fred ends each call in time by itself; to wrap it in a timeout would leave the command behind,
//! to be sent later. Around it stand a bound on the calls under way and a breaker, and beside it a
//! task ([`supervisor`](crate::supervisor)) that probes, and takes a new client where one is stuck.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use fred::clients::Client;
use fred::error::ErrorKind;
use fred::types::config::Options;
use larder_core::{Clock as _, Moment, SystemClock};
use tokio::sync::{Notify, Semaphore};

use crate::ask::{Answer, Ask, is_answered, send, server_said};
use crate::breaker::{Breaker, Circuit, Turn};
use crate::counters::{Counters, bump};
use crate::error::Unanswered;
use crate::recipe::Recipe;
use crate::statistics::ConnectionSnapshot;

/// After this time on a guard's clock Redis should have been reached.
const ABSENT: Moment = Moment::from_nanos(2_000_000_000);

/// A connection that is watched over.
pub(crate) struct Guard {
    /// What it is for, in words.
    pub(crate) purpose: &'static str,
    pub(crate) recipe: Recipe,
    pub(crate) clock: SystemClock,
    pub(crate) counters: Counters,
    /// Somebody heard that this client speaks to the wrong server.
    pub(crate) misled: AtomicBool,
    /// Something happened that the supervisor should look at.
    pub(crate) news: Notify,
    options: Options,
    patient_options: Options,
    client: RwLock<Arc<Client>>,
    breaker: Mutex<Breaker>,
    places: Semaphore,
    most: usize,
    last_error: Mutex<String>,
    /// It was said that Redis is not there.
    warned: AtomicBool,
}

impl Guard {
    pub(crate) fn new(purpose: &'static str, recipe: Recipe, in_flight: usize) -> Self {
        Self {
            purpose,
            clock: SystemClock::new(),
            counters: Counters::default(),
            misled: AtomicBool::new(false),
            news: Notify::new(),
            options: recipe.options(),
            patient_options: recipe.patient_options(),
            client: RwLock::new(Arc::new(recipe.client())),
            breaker: Mutex::new(Breaker::new(
                recipe.tuning().failures,
                recipe.tuning().silence(),
            )),
            places: Semaphore::new(in_flight),
            most: in_flight,
            last_error: Mutex::new("no attempt has ended yet".to_owned()),
            warned: AtomicBool::new(false),
            recipe,
        }
    }

    /// Sends commands in one go, if Redis is known to answer; returns their answers in order.
    ///
    /// At least one of the answers is the server's own.
    pub(crate) async fn ask(&self, asks: Vec<Ask>) -> Result<Vec<Answer>, Unanswered> {
        if self.circuit() != Circuit::Closed {
            bump(&self.counters.refused);
            return Err(Unanswered::Open);
        }
        let Ok(_place) = self.places.try_acquire() else {
            bump(&self.counters.crowded);
            return Err(Unanswered::Busy);
        };
        self.attempt(asks, false).await
    }

    /// Sends commands for which nobody waits: also to a server that answers late, as soon as one may be probed.
    pub(crate) async fn ask_patiently(&self, asks: Vec<Ask>) -> Result<Vec<Answer>, Unanswered> {
        let may_ask = match self.circuit() {
            Circuit::Closed => true,
            Circuit::Open => self.wants_probe(),
            Circuit::Starting => false,
        };
        if !may_ask {
            bump(&self.counters.refused);
            return Err(Unanswered::Open);
        }
        self.attempt(asks, true).await
    }

    /// Asks whether Redis is there, whatever the circuit says.
    pub(crate) async fn probe(&self) {
        // Its outcome is in the circuit.
        let ping = vec![Ask::anywhere("PING", Vec::new())];
        let _ = self.attempt(ping, true).await;
    }

    async fn attempt(&self, asks: Vec<Ask>, patiently: bool) -> Result<Vec<Answer>, Unanswered> {
        let client = self.client();
        let attempt = Attempt::begin(self, patiently);
        let options = if patiently {
            &self.patient_options
        } else {
            &self.options
        };
        let answers = send(&client, options, asks).await;
        attempt.end(answers)
    }

    pub(crate) fn circuit(&self) -> Circuit {
        self.breaker().circuit()
    }

    pub(crate) fn wants_probe(&self) -> bool {
        self.breaker().wants_probe(self.clock.now())
    }

    /// A connection stands.
    pub(crate) fn connected(&self) {
        bump(&self.counters.connects);
        self.breaker().connected();
        self.news.notify_one();
    }

    /// The server was seen to answer elsewhere: a probe need not wait.
    pub(crate) fn heard_elsewhere(&self) {
        let mut breaker = self.breaker();
        if breaker.circuit() == Circuit::Open {
            breaker.connected();
            drop(breaker);
            self.news.notify_one();
        }
    }

    /// Puts another client in place of the one that was.
    pub(crate) fn replace(&self, client: Client) {
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(client);
    }

    pub(crate) fn client(&self) -> Arc<Client> {
        let client = self.client.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&client)
    }

    pub(crate) fn note_error(&self, error: &fred::error::Error) {
        let mut last = self
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *last = error.to_string();
    }

    pub(crate) fn last_error(&self) -> String {
        let last = self
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }

    pub(crate) fn snapshot(&self) -> ConnectionSnapshot {
        let in_flight = self.most - self.places.available_permits();
        self.counters.read(self.circuit(), in_flight)
    }

    /// Says once that Redis was not reached since the start.
    pub(crate) fn warn_of_absence(&self) {
        let absent = self.circuit() == Circuit::Starting && self.clock.now() > ABSENT;
        if absent && !self.warned.swap(true, Ordering::Relaxed) {
            let error = self.last_error();
            tracing::warn!(
                connection = self.purpose,
                error,
                "Redis was not reached yet: the service goes on without it"
            );
        }
    }

    fn report(&self, report: Report) {
        let now = self.clock.now();
        if !matches!(report, Report::Nothing) {
            self.counters.last_answer(now);
        }
        let turn = match report {
            Report::Answered => self.breaker().answered(),
            Report::AnsweredLate => self.breaker().answered_late(now),
            Report::Nothing => self.breaker().failed(now),
        };
        match turn {
            Turn::None => {}
            Turn::Closed => {
                tracing::warn!(connection = self.purpose, "Redis answers");
            }
            Turn::Opened => {
                bump(&self.counters.opened);
                let error = self.last_error();
                tracing::warn!(
                    connection = self.purpose,
                    error,
                    "Redis does not answer: it is left alone until a probe is answered"
                );
            }
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call under way. Dropped before its end, it tells what it has seen so far.
struct Attempt<'a> {
    guard: &'a Guard,
    begun: Moment,
    /// Nobody waits for it.
    patient: bool,
    ended: bool,
}

impl<'a> Attempt<'a> {
    fn begin(guard: &'a Guard, patient: bool) -> Self {
        bump(&guard.counters.calls);
        Self {
            guard,
            begun: guard.clock.now(),
            patient,
            ended: false,
        }
    }

    fn end(mut self, answers: Vec<Answer>) -> Result<Vec<Answer>, Unanswered> {
        self.ended = true;
        let guard = self.guard;
        if !self.patient {
            guard.counters.waited(self.waited());
        }
        if answers.iter().any(is_misled) {
            guard.misled.store(true, Ordering::Relaxed);
            guard.news.notify_one();
        }
        if answers.iter().any(is_answered) {
            guard.report(self.answered());
            return Ok(answers);
        }
        let error = answers.into_iter().find_map(Result::err);
        let Some(error) = error else {
            // Nothing was asked.
            return Ok(Vec::new());
        };
        guard.note_error(&error);
        if *error.kind() == ErrorKind::Timeout {
            bump(&guard.counters.timeouts);
            guard.report(Report::Nothing);
            return Err(Unanswered::Timeout);
        }
        bump(&guard.counters.failures);
        guard.report(Report::Nothing);
        Err(Unanswered::Failed(error))
    }

    fn answered(&self) -> Report {
        let tuning = self.guard.recipe.tuning();
        let late = self.patient && tuning.patience > tuning.timeout;
        if late && self.waited() > tuning.timeout {
            return Report::AnsweredLate;
        }
        Report::Answered
    }

    fn waited(&self) -> Duration {
        self.guard.clock.now().since(self.begun)
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        // Whoever went away after a good part of the time saw no answer; who left at once tells
        // nothing.
        if !self.ended && self.waited() >= self.guard.recipe.tuning().timeout / 2 {
            bump(&self.guard.counters.timeouts);
            self.guard.report(Report::Nothing);
        }
    }
}

/// What became of a call.
#[derive(Clone, Copy)]
enum Report {
    Answered,
    /// Later than a caller waits.
    AnsweredLate,
    Nothing,
}

/// A replica answered where a master was meant.
fn is_misled(answer: &Answer) -> bool {
    let Err(error) = answer else {
        return false;
    };
    server_said(error) == Some("READONLY")
}

/// Runs a future until it ends or `stop` does.
pub(crate) async fn unless<T>(
    stop: impl Future<Output = ()>,
    run: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        () = stop => None,
        output = run => Some(output),
    }
}
