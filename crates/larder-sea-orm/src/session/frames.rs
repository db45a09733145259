//! The changes of a transaction, held until it commits.

use larder_core::{Change, What};

use crate::settings::Settings;

/// Above this many changes a frame no longer tells rows apart.
const MOST_CHANGES: usize = 4096;

/// What a transaction has changed so far: one frame a savepoint, the transaction's own at the bottom.
///
/// The stack follows the connection, not the handles: a statement writes into the deepest savepoint that is
/// open, and RELEASE and COMMIT end the deepest one, whichever handle they were asked of.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about the transaction"
)]
pub(crate) struct Frames {
    open: Vec<Frame>,
    wrote: bool,
    locks: bool,
    by_hand: bool,
    doubtful: bool,
    /// How often the settings have changed, or may have.
    told: u64,
}

/// What was set in a transaction, and so tells the database who reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// What is set now; `None`: it is not known.
    pub(crate) settings: Option<Settings>,
    /// Another number whenever the settings have changed, or may have.
    pub(crate) epoch: u64,
}

/// What is to be done after a RELEASE or COMMIT.
#[derive(Debug, PartialEq)]
pub(crate) enum Ended {
    /// A savepoint: its changes are its parent's now. What is in doubt is published all the same.
    Savepoint(Held),
    /// The transaction: these changes are committed.
    Transaction(Held),
}

/// Changes to publish.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Held {
    /// What changed.
    pub(crate) changes: Vec<Change>,
    /// Whether the schema changed too.
    pub(crate) schema: bool,
}

#[derive(Debug, Default)]
struct Frame {
    held: Held,
    wide: bool,
    settings: Settings,
    /// A setting was sent, and nobody knows whether it was made.
    unsettled: bool,
}

impl Frames {
    /// Starts with the transaction's own frame.
    pub(crate) fn new() -> Self {
        Self {
            open: vec![Frame::default()],
            wrote: false,
            locks: false,
            by_hand: false,
            doubtful: false,
            told: 0,
        }
    }

    /// Notes that a statement is about to be sent which tells the database who reads.
    pub(crate) fn telling(&mut self) {
        self.told += 1;
        if let Some(frame) = self.open.last_mut() {
            frame.unsettled = true;
        }
    }

    /// Notes that it was answered, and what is set now.
    pub(crate) fn tell(&mut self, settings: Settings) {
        if let Some(frame) = self.open.last_mut() {
            frame.unsettled = false;
            frame.settings.absorb(settings);
        }
    }

    /// Returns what the database was told.
    pub(crate) fn told(&self) -> Told {
        let mut settings = Settings::default();
        for frame in &self.open {
            settings.absorb(frame.settings.clone());
        }
        let known = !self.open.iter().any(|frame| frame.unsettled);
        Told {
            settings: known.then_some(settings),
            epoch: self.told,
        }
    }

    /// Notes that a statement which may write is about to be sent.
    ///
    /// Stays true after a savepoint is rolled back: what was read in between may have been kept.
    pub(crate) fn writing(&mut self) {
        self.wrote = true;
    }

    /// Tells whether the transaction has written.
    pub(crate) fn wrote(&self) -> bool {
        self.wrote
    }

    /// Notes that a statement may hold locks until the transaction ends.
    pub(crate) fn locking(&mut self) {
        self.locks = true;
    }

    /// Tells whether the transaction must see the database itself: what it wrote, or what it locked.
    pub(crate) fn bypasses(&self) -> bool {
        self.wrote || self.locks
    }

    /// Notes that the connection may have left the transaction, or more of its savepoints than it was asked to.
    ///
    /// From now on a write may be committed as soon as it is carried out, and any RELEASE may be the COMMIT.
    pub(crate) fn doubt(&mut self) {
        self.wrote = true;
        self.doubtful = true;
    }

    /// Opens a savepoint.
    pub(crate) fn push(&mut self) {
        self.open.push(Frame::default());
    }

    /// Holds changes in the deepest savepoint; returns what may be committed already.
    pub(crate) fn record(&mut self, changes: Vec<Change>, schema: bool) -> Held {
        let now = if self.doubtful {
            Held {
                changes: changes.clone(),
                schema,
            }
        } else {
            Held::default()
        };
        if let Some(frame) = self.open.last_mut() {
            frame.held.schema |= schema;
            frame.record(changes);
        }
        now
    }

    /// Ends the deepest savepoint, or the transaction, with its changes kept.
    pub(crate) fn commit(&mut self) -> Ended {
        let Some(ended) = self.open.pop() else {
            return Ended::Transaction(self.hand_over(None));
        };
        match self.open.last_mut() {
            Some(parent) => {
                parent.absorb(ended);
                Ended::Savepoint(self.in_doubt())
            }
            None => Ended::Transaction(self.hand_over(Some(ended))),
        }
    }

    /// Ends the deepest savepoint, or the transaction, without its changes.
    ///
    /// Returns what is to be published nevertheless: only after transaction control by hand.
    pub(crate) fn roll_back(&mut self) -> Option<Held> {
        let ended = self.open.pop();
        // What was set in a savepoint goes with it.
        self.told += u64::from(ended.is_some_and(|frame| frame.has_told()));
        self.by_hand.then(|| Held {
            changes: vec![Change::everything()],
            schema: true,
        })
    }

    /// Takes all changes: the connection has committed or rolled back behind our back.
    ///
    /// From now on each end of this transaction publishes `Everything`.
    pub(crate) fn ended_by_hand(&mut self) -> Held {
        self.wrote = true;
        self.by_hand = true;
        for frame in &mut self.open {
            *frame = Frame::default();
        }
        Held {
            changes: vec![Change::everything()],
            schema: true,
        }
    }

    /// Returns all that is held, if it may be committed.
    fn in_doubt(&self) -> Held {
        let held = self
            .open
            .iter()
            .filter(|_| self.doubtful)
            .map(|frame| &frame.held);
        held.fold(Held::default(), |mut all, held| {
            all.changes.extend_from_slice(&held.changes);
            all.schema |= held.schema;
            all
        })
    }

    fn hand_over(&self, ended: Option<Frame>) -> Held {
        if self.by_hand {
            return Held {
                changes: vec![Change::everything()],
                schema: true,
            };
        }
        ended.map(|frame| frame.held).unwrap_or_default()
    }
}

impl Frame {
    fn record(&mut self, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            let change = if self.wide { widened(change) } else { change };
            if !self.wide || !self.held.changes.contains(&change) {
                self.held.changes.push(change);
            }
        }
        if self.held.changes.len() > MOST_CHANGES && !self.wide {
            self.wide = true;
            let changes = std::mem::take(&mut self.held.changes);
            self.record(changes);
        }
    }

    fn has_told(&self) -> bool {
        self.unsettled || !self.settings.is_empty()
    }

    fn absorb(&mut self, child: Self) {
        self.settings.absorb(child.settings);
        self.unsettled |= child.unsettled;
        self.held.schema |= child.held.schema;
        self.record(child.held.changes);
    }
}

fn widened(change: Change) -> Change {
    match change.what() {
        What::Row(row) => Change::table(&row.table),
        What::Rows(rows) => Change::table(&rows.table),
        _ => change,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use larder_core::TableName;

    fn row(key: i64) -> Change {
        Change::row(&TableName::new("main", "article"), key)
    }

    fn committed(frames: &mut Frames) -> Vec<Change> {
        match frames.commit() {
            Ended::Transaction(held) => held.changes,
            Ended::Savepoint(_) => panic!("a savepoint is still open"),
        }
    }

    #[test]
    fn a_released_savepoint_belongs_to_its_parent() {
        let mut frames = Frames::new();
        frames.record(vec![row(1)], false);
        frames.push();
        frames.record(vec![row(2)], false);
        assert_eq!(frames.commit(), Ended::Savepoint(Held::default()));
        assert_eq!(committed(&mut frames), [row(1), row(2)]);
    }

    #[test]
    fn a_savepoint_rolled_back_leaves_nothing_but_that_it_wrote() {
        let mut frames = Frames::new();
        frames.push();
        frames.writing();
        frames.record(vec![row(2)], false);
        assert_eq!(frames.roll_back(), None);
        assert!(frames.wrote());
        assert_eq!(committed(&mut frames), []);
    }

    #[test]
    fn what_was_set_in_a_savepoint_goes_with_it() {
        let set = |tenant: &str| {
            let sql = format!("SET LOCAL app.tenant = '{tenant}'");
            Settings::made_by(&sql, None, sea_orm::DbBackend::Postgres).unwrap()
        };
        let mut frames = Frames::new();
        frames.telling();
        assert_eq!(frames.told().settings, None, "not answered yet");
        frames.tell(set("acme"));
        let acme = frames.told();
        assert_eq!(acme.settings, Some(set("acme")));
        frames.push();
        assert_eq!(frames.told().settings, Some(set("acme")));
        frames.telling();
        frames.tell(set("globex"));
        assert_eq!(frames.told().settings, Some(set("globex")));
        frames.roll_back();
        let back = frames.told();
        assert_eq!(back.settings, Some(set("acme")));
        assert_ne!(back.epoch, acme.epoch);
        frames.push();
        frames.telling();
        frames.tell(set("globex"));
        frames.commit();
        assert_eq!(frames.told().settings, Some(set("globex")), "released");
    }

    #[test]
    fn many_rows_become_their_table() {
        let mut frames = Frames::new();
        frames.record((0..=4096).map(row).collect(), false);
        frames.record(vec![row(9999), Change::tag("plugin")], false);
        let table = Change::table(&TableName::new("main", "article"));
        assert_eq!(committed(&mut frames), [table, Change::tag("plugin")]);
    }

    #[test]
    fn after_transaction_control_by_hand_every_end_is_everything() {
        let mut frames = Frames::new();
        frames.record(vec![row(1)], false);
        assert_eq!(frames.ended_by_hand().changes, [Change::everything()]);
        frames.push();
        assert_eq!(
            frames.roll_back().map(|held| held.changes),
            Some(vec![Change::everything()])
        );
        assert_eq!(committed(&mut frames), [Change::everything()]);
    }

    #[test]
    fn in_doubt_changes_are_handed_over_at_once_and_kept() {
        let mut frames = Frames::new();
        assert_eq!(frames.record(vec![row(1)], false), Held::default());
        frames.doubt();
        let now = Held {
            changes: vec![row(2)],
            schema: true,
        };
        assert_eq!(frames.record(now.changes.clone(), true), now);
        frames.push();
        frames.record(vec![row(3)], false);
        let all = Held {
            changes: vec![row(1), row(2), row(3)],
            schema: true,
        };
        assert_eq!(frames.commit(), Ended::Savepoint(all.clone()));
        assert_eq!(frames.commit(), Ended::Transaction(all));
    }
}
