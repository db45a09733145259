//! The nodes of this process that a bus moves.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use larder_core::{Change, Moment, Node, Position};

use super::place::Place;

/// More own publications than these are not remembered until they are read.
const MOST_OWN: usize = 4096;

/// The nodes, and how far each was brought.
#[derive(Debug, Default)]
pub(crate) struct Nodes(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    members: Vec<Member>,
    /// Own publications, by log, that every node has applied and the cursor has not read.
    applied: HashSet<(u64, Position)>,
}

#[derive(Clone, Debug)]
struct Member {
    node: Weak<Node>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It was given nothing of the log.
    New,
    /// It is given the log from its beginning; the first entry without a hole behind it.
    Replaying(Option<Place>),
    /// It has the whole log behind it, and is moved with the cursor.
    Begun,
}

/// An entry of the log, for the nodes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct News<'a> {
    /// Which log.
    pub(crate) log: u64,
    pub(crate) place: Place,
    pub(crate) position: Position,
    pub(crate) changes: &'a [Change],
    /// This process published it.
    pub(crate) own: bool,
    /// Nodes that have begun have it already.
    pub(crate) replayed: bool,
}

impl Nodes {
    pub(crate) fn attach(&self, node: &Arc<Node>) {
        // A log of its own, until it begins with the real one: what it loads before must be
        // nobody else's.
        node.set_incarnation(RandomState::new().hash_one("no log yet") | 1);
        let member = Member {
            node: Arc::downgrade(node),
            stage: Stage::New,
        };
        self.lock().members.push(member);
    }

    /// Tells whether a node was given nothing of the log yet.
    pub(crate) fn any_new(&self) -> bool {
        self.any(|stage| stage == Stage::New)
    }

    pub(crate) fn any_replaying(&self) -> bool {
        self.any(|stage| matches!(stage, Stage::Replaying(_)))
    }

    pub(crate) fn any_begun(&self) -> bool {
        self.any(|stage| stage == Stage::Begun)
    }

    /// The log is read from its beginning: those that are not moved with the cursor are given it.
    pub(crate) fn replay(&self) {
        self.each_waiting(|_| Stage::Replaying(None));
    }

    /// Returns the time of each node's own clock.
    pub(crate) fn now(&self) -> Vec<(Arc<Node>, Moment)> {
        let begun = self.list(|stage| stage == Stage::Begun);
        let timed = begun.into_iter().map(|node| {
            let now = node.clock().now();
            (node, now)
        });
        timed.collect()
    }

    /// Applies what this process has published on `log`, ahead of the cursor.
    pub(crate) fn published(&self, log: u64, position: Position, changes: &[Change]) {
        let nodes = self.list(|_| true);
        nodes.iter().for_each(|node| node.apply(position, changes));
        let mut state = self.lock();
        if state.applied.len() < MOST_OWN {
            state.applied.insert((log, position));
        }
        drop(state);
        nodes.iter().for_each(|node| node.notify(position, changes));
    }

    /// Gives an entry to the nodes that have it not.
    pub(crate) fn read(&self, news: News<'_>) {
        let known = self.lock().applied.remove(&(news.log, news.position));
        let old = known || news.replayed;
        let wanting = self.list(|stage| match stage {
            Stage::New => false,
            Stage::Replaying(_) => true,
            Stage::Begun => !old,
        });
        wanting
            .iter()
            .for_each(|node| node.apply(news.position, news.changes));
        self.each_waiting(|stage| match stage {
            Stage::Replaying(None) => Stage::Replaying(Some(news.place)),
            other => other,
        });
        if !(news.own || news.replayed) {
            // The others were not there when it happened.
            let nodes = self.list(|stage| stage == Stage::Begun);
            nodes
                .iter()
                .for_each(|node| node.notify(news.position, news.changes));
        }
    }

    /// Moves the watermark of those that have begun behind `last`.
    pub(crate) fn advance(&self, log: u64, last: Position) {
        let nodes = self.list(|stage| stage == Stage::Begun);
        nodes.iter().for_each(|node| node.advance(last.next()));
        let mut state = self.lock();
        if state.applied.len() > MOST_OWN / 2 {
            // Read before they were noted here.
            state
                .applied
                .retain(|(of, position)| *of == log && *position > last);
        }
    }

    /// Those that were given the log have read to its end, which is `head`: they begin.
    pub(crate) fn begin(&self, log: u64, head: Position) {
        self.each_member(|member| {
            let Stage::Replaying(oldest) = member.stage else {
                return;
            };
            member.stage = Stage::Begun;
            // Nothing replayed: the change at the head itself may be one that was removed.
            let oldest = oldest.and_then(Place::position);
            let oldest = oldest.unwrap_or_else(|| head.next());
            if let Some(node) = member.node.upgrade() {
                node.start(log, oldest, head);
            }
        });
    }

    /// Those that have begun may have missed changes up to `head`; the others read anew.
    pub(crate) fn adopt(&self, log: u64, head: Position) {
        self.each_waiting(|_| Stage::New);
        self.lock().applied.clear();
        let nodes = self.list(|stage| stage == Stage::Begun);
        nodes.iter().for_each(|node| node.adopt(log, head));
        let everything = [Change::everything()];
        nodes.iter().for_each(|node| node.notify(head, &everything));
    }

    /// Makes invalid what was loaded before `position`.
    pub(crate) fn outdate(&self, position: Position) {
        let nodes = self.list(|_| true);
        nodes.iter().for_each(|node| node.outdate(position));
    }

    /// Returns the shortest time for which a node lets entries live behind a silent bus.
    pub(crate) fn max_staleness(&self) -> Option<Duration> {
        let nodes = self.list(|_| true);
        nodes.iter().map(|node| node.max_staleness()).min()
    }

    /// Entries were lost to those that are given the log: what they were given before is not all.
    pub(crate) fn holed(&self) {
        self.each_waiting(|stage| match stage {
            Stage::Replaying(_) => Stage::Replaying(None),
            other => other,
        });
    }

    fn any(&self, wanted: impl Fn(Stage) -> bool) -> bool {
        self.lock()
            .members
            .iter()
            .any(|member| wanted(member.stage))
    }

    /// Moves those on that have not begun.
    fn each_waiting(&self, next: impl Fn(Stage) -> Stage) {
        self.each_member(|member| {
            if member.stage != Stage::Begun {
                member.stage = next(member.stage);
            }
        });
    }

    fn each_member(&self, change: impl FnMut(&mut Member)) {
        self.lock().members.iter_mut().for_each(change);
    }

    fn list(&self, wanted: impl Fn(Stage) -> bool) -> Vec<Arc<Node>> {
        let mut state = self.lock();
        state
            .members
            .retain(|member| member.node.strong_count() > 0);
        let wanted = state.members.iter().filter(|member| wanted(member.stage));
        wanted.filter_map(|member| member.node.upgrade()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
