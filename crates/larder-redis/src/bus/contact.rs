//! When a read of the log counts: not within the recovery window that follows a silence.

use std::time::Duration;

use larder_core::Moment;

/// How the log was heard of so far. Pure: times are given.
#[derive(Clone, Debug)]
pub(crate) struct Contact {
    /// When the last read was sent that was answered; `None` after one that was not.
    unbroken: Option<Moment>,
    /// Reads sent before this do not count.
    trusted_from: Moment,
    /// When the last read was sent that was answered, however long ago.
    last: Option<Moment>,
    /// The longest silence of which no line was drawn yet.
    silence: Duration,
    /// A longer time between two reads hides an outage as well as a failed read shows one.
    longest: Duration,
    window: Duration,
}

impl Contact {
    pub(crate) fn new(longest: Duration, window: Duration) -> Self {
        Self {
            unbroken: None,
            trusted_from: Moment::MAX,
            last: None,
            silence: Duration::ZERO,
            longest,
            window,
        }
    }

    /// Takes note of an answer to a read sent at `sent`; tells whether a window opens.
    pub(crate) fn answered(&mut self, sent: Moment, now: Moment) -> bool {
        let unbroken = self.unbroken.replace(sent);
        let goes_on = unbroken.is_some_and(|last| sent.since(last) <= self.longest);
        if !goes_on {
            self.trusted_from = now.after(self.window);
            let silent = self.last.map_or(Duration::ZERO, |last| sent.since(last));
            self.silence = self.silence.max(silent);
        }
        self.last = Some(sent);
        !goes_on
    }

    /// Returns the longest silence of which no line was drawn yet.
    pub(crate) fn silence(&self) -> Duration {
        self.silence
    }

    /// What was loaded before the last silence is invalid: it counts no more.
    pub(crate) fn line_drawn(&mut self) {
        self.silence = Duration::ZERO;
    }

    /// Takes note of a read that was not answered; tells whether the one before was.
    pub(crate) fn missed(&mut self) -> bool {
        self.unbroken.take().is_some()
    }

    /// Tells whether a read sent at `sent`, and answered, tells of all that was published.
    pub(crate) fn counts(&self, sent: Moment) -> bool {
        self.unbroken.is_some() && sent >= self.trusted_from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_millis(1500);
    const LONGEST: Duration = Duration::from_millis(500);

    fn at(millis: u64) -> Moment {
        Moment::from_nanos(millis * 1_000_000)
    }

    /// Contact every 100 ms from 1,000 on.
    fn steady(until: u64) -> Contact {
        let mut contact = Contact::new(LONGEST, WINDOW);
        for sent in (1_000..=until).step_by(100) {
            contact.answered(at(sent), at(sent + 1));
        }
        contact
    }

    #[test]
    fn a_start_opens_a_window() {
        let mut contact = Contact::new(LONGEST, WINDOW);
        assert!(!contact.counts(at(1_000)));
        assert!(contact.answered(at(1_000), at(1_001)));
        assert!(!contact.counts(at(1_000)));
    }

    #[test]
    fn reads_sent_within_the_window_never_count() {
        let contact = steady(2_600);
        assert!(!contact.counts(at(2_500)), "sent within, answered after");
        assert!(contact.counts(at(2_600)));
    }

    #[test]
    fn any_missed_read_opens_a_window_with_the_next_answer() {
        let mut contact = steady(4_000);
        assert!(contact.counts(at(4_000)));
        assert!(contact.missed());
        assert!(!contact.missed(), "once a silence");
        assert!(!contact.counts(at(4_100)));
        assert!(contact.answered(at(4_200), at(4_201)));
        assert!(!contact.counts(at(5_700)));
        assert!(contact.counts(at(5_701)));
    }

    #[test]
    fn the_longest_silence_is_told_until_a_line_is_drawn() {
        let mut contact = steady(4_000);
        assert_eq!(contact.silence(), Duration::ZERO, "a start is none");
        contact.missed();
        contact.answered(at(7_000), at(7_001));
        contact.missed();
        contact.answered(at(7_300), at(7_301));
        assert_eq!(contact.silence(), Duration::from_secs(3));
        contact.line_drawn();
        assert_eq!(contact.silence(), Duration::ZERO);
    }

    #[test]
    fn a_long_pause_between_reads_opens_a_window() {
        let mut contact = steady(4_000);
        assert!(!contact.answered(at(4_500), at(4_501)));
        assert!(contact.answered(at(5_001), at(5_002)));
        assert!(!contact.counts(at(6_500)));
    }
}
