//! How long an entry is fresh, how long it may be stale, and when it is refreshed.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Moment;
use crate::hash::stable_hash;

/// How usable an entry is at a given moment, by time alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Within its ttl: serve it.
    Fresh,
    /// Within its ttl, but so near its end that a refresh should begin: serve it.
    Early,
    /// Past its ttl, within its grace: serve it while one refresh runs.
    Stale,
    /// Past its grace: treat it as absent.
    Expired,
}

impl Freshness {
    /// Returns how usable what ends at `expires` and `stale_until` is at `now`.
    pub fn of(now: Moment, expires: Moment, stale_until: Moment, early: Duration) -> Self {
        if now < expires {
            if now.after(early) < expires || early.is_zero() {
                Self::Fresh
            } else {
                Self::Early
            }
        } else if now < stale_until {
            Self::Stale
        } else {
            Self::Expired
        }
    }
}

/// How long, how stale, how early: what holds for all entries of a region.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub(crate) ttl: Duration,
    pub(crate) grace: Duration,
    pub(crate) jitter: f64,
    pub(crate) negative_ttl: Duration,
    pub(crate) early_refresh: Duration,
    pub(crate) stale_on_error: bool,
    pub(crate) invalidated_by: Vec<Arc<str>>,
    pub(crate) tiers: Tiers,
    pub(crate) lease: Duration,
}

/// Where entries of a region are kept, if the `Larder` has a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tiers {
    /// In this process and in the remote tier.
    #[default]
    Both,
    /// In this process only: what is quickly loaded, or must not leave it.
    Local,
    /// In the remote tier only: what is large and seldom read. Without a store nothing is kept.
    Remote,
}

impl Policy {
    /// Keeps entries for `ttl` from the start of their load; it also bounds writes no bus sees.
    pub fn ttl(ttl: Duration) -> Self {
        Self {
            ttl,
            grace: Duration::ZERO,
            jitter: 0.0,
            negative_ttl: Duration::ZERO,
            early_refresh: Duration::ZERO,
            stale_on_error: false,
            invalidated_by: Vec::new(),
            tiers: Tiers::Both,
            lease: Duration::ZERO,
        }
    }

    /// Serves a stale entry for up to `grace` past its ttl while one refresh runs. Default: zero.
    ///
    /// Grace is about time only: an entry that a write made invalid is never served.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Shortens each entry's ttl by a random share of up to `jitter`, from 0 to 1. Default: 0.
    #[must_use]
    pub fn jitter(mut self, jitter: f64) -> Self {
        self.jitter = jitter;
        self
    }

    /// Remembers for this long that there is no value. Default: zero, absence is not kept.
    #[must_use]
    pub fn negative_ttl(mut self, ttl: Duration) -> Self {
        self.negative_ttl = ttl;
        self
    }

    /// Refreshes in the background on a hit this long before the ttl ends. Default: zero, never.
    #[must_use]
    pub fn early_refresh(mut self, before_end: Duration) -> Self {
        self.early_refresh = before_end;
        self
    }

    /// Keeps serving a stale entry within its grace when its refresh fails. Default: off, a
    /// failed refresh drops the entry and the next caller meets the error.
    #[must_use]
    pub fn stale_on_error(mut self, keep: bool) -> Self {
        self.stale_on_error = keep;
        self
    }

    /// Makes all entries depend on `tag`; call it once a tag. Default: none.
    #[must_use]
    pub fn invalidated_by(mut self, tag: impl Into<Arc<str>>) -> Self {
        self.invalidated_by.push(tag.into());
        self
    }

    /// Keeps entries in these tiers. Default: [`Tiers::Both`].
    ///
    /// The remote tier takes what has a [codec](crate::Region::with_codec); other values stay local.
    #[must_use]
    pub fn tiers(mut self, tiers: Tiers) -> Self {
        self.tiers = tiers;
        self
    }

    /// Lets one node load a missing key while the others wait for what it stores, for at most
    /// `lease`. Default: zero, each node loads for itself.
    ///
    /// For loads that cost more than two or three more round trips to the store do: that is what a
    /// miss pays. Who has waited in vain - the holder died, or takes longer - loads as without it;
    /// what is not kept releases those who wait at once, and so does a holder whose caller went away:
    /// each of them then loads for itself. A node that stops holds up a read by one length, however
    /// many leases it has: all of them end by then. Keys read in a batch take no lease, nor does a
    /// region whose values are in no remote tier.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Returns a hash of what an entry's life and dependencies follow: services that differ in it do
    /// not share entries.
    pub(crate) fn fingerprint(&self) -> u64 {
        let times = [self.ttl, self.grace, self.negative_ttl];
        let mut bytes: Vec<u8> = times
            .iter()
            .flat_map(|time| time.as_nanos().to_le_bytes())
            .collect();
        for tag in &self.invalidated_by {
            bytes.extend_from_slice(&(tag.len() as u64).to_le_bytes());
            bytes.extend_from_slice(tag.as_bytes());
        }
        stable_hash(&bytes)
    }

    /// Returns how long an entry lives under this policy.
    pub fn lifetime(&self) -> Lifetime {
        Lifetime {
            ttl: self.ttl,
            grace: self.grace,
        }
    }

    /// Returns the name and the trouble of the first setting that cannot be.
    pub(crate) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if self.ttl.is_zero() && self.grace.is_zero() {
            return Err((
                "ttl",
                "is zero and there is no grace: nothing would ever be served",
            ));
        }
        if !(0.0..=1.0).contains(&self.jitter) {
            return Err(("jitter", "must be a share from 0 to 1"));
        }
        if !self.early_refresh.is_zero() && self.early_refresh >= self.ttl {
            return Err(("early_refresh", "must be shorter than the ttl"));
        }
        if !self.lease.is_zero() && self.tiers == Tiers::Local {
            return Err((
                "lease",
                "is for what is kept in the remote tier, and `tiers` says `Local`",
            ));
        }
        if self.invalidated_by.iter().any(|tag| tag.is_empty()) {
            return Err(("invalidated_by", "names an empty tag"));
        }
        Ok(())
    }

    /// Returns the name of the first setting in which `other` differs.
    pub(crate) fn difference(&self, other: &Self) -> Option<&'static str> {
        #[expect(
            clippy::float_cmp,
            reason = "the same setting twice is bit for bit the same"
        )]
        let settings = [
            ("ttl", self.ttl == other.ttl),
            ("grace", self.grace == other.grace),
            ("jitter", self.jitter == other.jitter),
            ("negative_ttl", self.negative_ttl == other.negative_ttl),
            ("early_refresh", self.early_refresh == other.early_refresh),
            (
                "stale_on_error",
                self.stale_on_error == other.stale_on_error,
            ),
            (
                "invalidated_by",
                self.invalidated_by == other.invalidated_by,
            ),
            ("tiers", self.tiers == other.tiers),
            ("lease", self.lease == other.lease),
        ];
        settings
            .iter()
            .find(|(_, same)| !same)
            .map(|(name, _)| *name)
    }
}

/// How long one entry is fresh, and how long it may be served stale after that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifetime {
    /// How long it is fresh, from the start of its load.
    pub ttl: Duration,
    /// How long it may be served past that.
    pub grace: Duration,
}

impl Lifetime {
    /// Shortens the ttl by up to `jitter` of it; `random` picks how much.
    pub(crate) fn jittered(self, jitter: f64, random: u64) -> Self {
        if jitter <= 0.0 {
            return self;
        }
        #[expect(clippy::cast_precision_loss, reason = "a share of a duration")]
        let share = (random >> 11) as f64 / (1_u64 << 53) as f64;
        let less = Duration::try_from_secs_f64(self.ttl.as_secs_f64() * jitter * share);
        Self {
            ttl: self.ttl.saturating_sub(less.unwrap_or_default()),
            grace: self.grace,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn an_entry_ages_from_fresh_over_early_and_stale_to_expired() {
        let at = |seconds| {
            let start = Moment::from_nanos(1);
            let (expires, until) = (start.after(10 * S), start.after(15 * S));
            Freshness::of(start.after(seconds * S), expires, until, 2 * S)
        };
        assert_eq!(at(7), Freshness::Fresh);
        assert_eq!(at(8), Freshness::Early);
        assert_eq!(at(9), Freshness::Early);
        assert_eq!(at(10), Freshness::Stale);
        assert_eq!(at(14), Freshness::Stale);
        assert_eq!(at(15), Freshness::Expired);
    }

    #[test]
    fn jitter_only_shortens_and_at_most_by_its_share() {
        let lifetime = Lifetime {
            ttl: 100 * S,
            grace: S,
        };
        for random in [0, 1, u64::MAX / 3, u64::MAX] {
            let ttl = lifetime.jittered(0.1, random).ttl;
            assert!(ttl <= 100 * S && ttl >= 90 * S, "{ttl:?}");
        }
        assert_eq!(lifetime.jittered(0.0, 7), lifetime);
    }

    #[test]
    fn impossible_settings_are_named() {
        let name = |policy: Policy| policy.check().unwrap_err().0;
        assert_eq!(name(Policy::ttl(Duration::ZERO)), "ttl");
        assert_eq!(name(Policy::ttl(S).jitter(1.5)), "jitter");
        assert_eq!(name(Policy::ttl(S).jitter(f64::NAN)), "jitter");
        assert_eq!(name(Policy::ttl(S).early_refresh(S)), "early_refresh");
        assert_eq!(Policy::ttl(Duration::ZERO).grace(S).check(), Ok(()));
    }
}
