//! Contestants side by side: many short rounds, each runs them all.
//!
//! A busy machine slows a whole round, not one contestant. So a ratio is taken within a round,
//! and the median over the rounds is reported. Times are processor times (`stopwatch`).

use std::time::Duration;

use crate::zipf::Random;

/// How long one contestant runs within a round.
const SLICE: Duration = Duration::from_millis(5);

/// One way of doing the thing that is measured.
pub(crate) struct Contestant {
    name: String,
    run: Box<dyn FnMut(u64) -> Duration>,
}

impl Contestant {
    /// Names a contestant; `run` does the thing that many times and returns the time it took.
    pub(crate) fn new(name: impl Into<String>, run: impl FnMut(u64) -> Duration + 'static) -> Self {
        Self {
            name: name.into(),
            run: Box::new(run),
        }
    }

    fn nanos(&mut self, times: u64) -> f64 {
        let elapsed = (self.run)(times);
        nanos(elapsed) / as_float(times)
    }

    /// Finds how many times fill a slice.
    fn times_in_a_slice(&mut self) -> u64 {
        let mut times = 1;
        loop {
            let elapsed = (self.run)(times);
            if elapsed >= SLICE || times > 1 << 30 {
                return times;
            }
            times *= 2;
        }
    }
}

/// What one contestant needed, round by round.
pub(crate) struct Lane {
    /// The contestant's name.
    pub(crate) name: String,
    /// Nanoseconds an operation, one figure a round.
    pub(crate) nanos: Vec<f64>,
}

impl Lane {
    /// Appends the rounds of `more` to the same lanes, which may be none yet.
    pub(crate) fn join(lanes: &mut Vec<Self>, more: Vec<Self>) {
        if lanes.is_empty() {
            *lanes = more;
            return;
        }
        for (lane, more) in lanes.iter_mut().zip(more) {
            lane.nanos.extend(more.nanos);
        }
    }

    /// Returns the figure below which this share of the rounds lies.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        quantile(self.nanos.clone(), share)
    }

    /// Returns how many times longer than `base` this took, as the median over the rounds.
    pub(crate) fn ratio(&self, base: &Lane) -> f64 {
        let ratios = self
            .nanos
            .iter()
            .zip(&base.nanos)
            .map(|(mine, its)| mine / its);
        quantile(ratios.collect(), 0.5)
    }
}

/// How many rounds are run, and by whom.
#[derive(Clone)]
pub(crate) struct Plan {
    /// So many rounds in all.
    pub(crate) rounds: usize,
    /// Only those whose name has this in it; for a profiler.
    pub(crate) only: String,
}

/// Runs the contestants in interleaved rounds, in another order each round.
pub(crate) fn compare(mut contestants: Vec<Contestant>, plan: &Plan) -> Vec<Lane> {
    contestants.retain(|contestant| contestant.name.contains(&plan.only));
    let times: Vec<u64> = contestants
        .iter_mut()
        .map(Contestant::times_in_a_slice)
        .collect();
    let mut lanes: Vec<Lane> = contestants
        .iter()
        .map(|contestant| Lane {
            name: contestant.name.clone(),
            nanos: Vec::with_capacity(plan.rounds),
        })
        .collect();
    let mut order: Vec<usize> = (0..contestants.len()).collect();
    let mut random = Random::new(0x1a2b_3c4d);
    for _ in 0..plan.rounds {
        random.shuffle(&mut order);
        for &place in &order {
            let nanos = contestants[place].nanos(times[place]);
            lanes[place].nanos.push(nanos);
        }
    }
    lanes
}

fn quantile(mut figures: Vec<f64>, share: f64) -> f64 {
    figures.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index into a few hundred rounds"
    )]
    let index = ((figures.len() - 1) as f64 * share).round() as usize;
    figures[index]
}

fn nanos(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn as_float(count: u64) -> f64 {
    count as f64
}
