//! Whether Redis is asked at all: open after failures, silent for a while, then one probe.

use std::time::Duration;

use larder_core::Moment;

/// Whether calls reach Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circuit {
    /// It was not reached yet: nobody waits for it.
    Starting,
    /// Calls are sent.
    Closed,
    /// It did not answer: nobody waits for it until a probe is answered.
    Open,
}

/// The state of a circuit. Callers never probe: the connection's own task does.
#[derive(Debug)]
pub(crate) struct Breaker {
    circuit: Circuit,
    failures: u32,
    /// So many failures in a row open it.
    most_failures: u32,
    silence: Duration,
    /// Nothing is sent before this.
    silent_until: Moment,
}

/// What a report changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nothing.
    None,
    /// Calls are sent from now on.
    Closed,
    /// No calls are sent from now on.
    Opened,
}

impl Breaker {
    pub(crate) fn new(most_failures: u32, silence: Duration) -> Self {
        Self {
            circuit: Circuit::Starting,
            failures: 0,
            most_failures,
            silence,
            silent_until: Moment::ZERO,
        }
    }

    pub(crate) fn circuit(&self) -> Circuit {
        self.circuit
    }

    /// Tells whether it is time to send a probe.
    pub(crate) fn wants_probe(&self, now: Moment) -> bool {
        self.circuit != Circuit::Closed && now >= self.silent_until
    }

    /// A connection stands anew: a probe need not wait.
    pub(crate) fn connected(&mut self) {
        self.silent_until = Moment::ZERO;
    }

    /// Redis answered, whatever it said.
    pub(crate) fn answered(&mut self) -> Turn {
        self.failures = 0;
        if self.circuit == Circuit::Closed {
            return Turn::None;
        }
        self.circuit = Circuit::Closed;
        Turn::Closed
    }

    /// An answer came, but later than a caller would have waited for it.
    ///
    /// The circuit stays open for callers; who has the time may ask again at once.
    pub(crate) fn answered_late(&mut self, now: Moment) -> Turn {
        let turn = self.failed(now);
        self.silent_until = now;
        turn
    }

    /// A call, or a probe, was not answered.
    pub(crate) fn failed(&mut self, now: Moment) -> Turn {
        self.failures = self.failures.saturating_add(1);
        if self.circuit == Circuit::Closed && self.failures < self.most_failures {
            return Turn::None;
        }
        self.silent_until = now.after(self.silence);
        if self.circuit != Circuit::Closed {
            return Turn::None;
        }
        self.circuit = Circuit::Open;
        Turn::Opened
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENCE: Duration = Duration::from_millis(450);
    const NOW: Moment = Moment::from_nanos(1_000_000_000);

    fn closed() -> Breaker {
        let mut breaker = Breaker::new(5, SILENCE);
        assert_eq!(breaker.answered(), Turn::Closed);
        breaker
    }

    fn open() -> Breaker {
        let mut breaker = closed();
        let turns: Vec<_> = (0..5).map(|_| breaker.failed(NOW)).collect();
        assert_eq!(turns.last(), Some(&Turn::Opened));
        breaker
    }

    #[test]
    fn nobody_waits_for_redis_before_it_was_reached() {
        let breaker = Breaker::new(5, SILENCE);
        assert_eq!(breaker.circuit(), Circuit::Starting);
        assert!(breaker.wants_probe(NOW));
    }

    #[test]
    fn four_failures_in_a_row_are_borne_and_the_fifth_opens() {
        let mut breaker = closed();
        for _ in 0..3 {
            for _ in 0..4 {
                assert_eq!(breaker.failed(NOW), Turn::None);
            }
            assert_eq!(breaker.answered(), Turn::None);
        }
        assert_eq!(open().circuit(), Circuit::Open);
    }

    #[test]
    fn an_open_circuit_is_silent_and_then_probes() {
        let breaker = open();
        assert!(!breaker.wants_probe(NOW.after(SILENCE).before(Duration::from_nanos(1))));
        assert!(breaker.wants_probe(NOW.after(SILENCE)));
    }

    #[test]
    fn a_probe_that_fails_is_followed_by_silence_again() {
        let mut breaker = open();
        let later = NOW.after(SILENCE);
        assert_eq!(breaker.failed(later), Turn::None);
        assert!(!breaker.wants_probe(later));
        assert!(breaker.wants_probe(later.after(SILENCE)));
    }

    #[test]
    fn a_late_answer_keeps_callers_away_and_nobody_else() {
        let mut breaker = closed();
        let turns: Vec<_> = (0..5).map(|_| breaker.answered_late(NOW)).collect();
        assert_eq!(turns.last(), Some(&Turn::Opened));
        assert_eq!(breaker.circuit(), Circuit::Open);
        assert!(breaker.wants_probe(NOW));
    }

    #[test]
    fn a_new_connection_is_probed_at_once() {
        let mut breaker = open();
        breaker.connected();
        assert!(breaker.wants_probe(NOW));
        assert_eq!(breaker.circuit(), Circuit::Open);
        assert_eq!(breaker.answered(), Turn::Closed);
    }
}
