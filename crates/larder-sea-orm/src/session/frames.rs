//! The changes of a transaction, held until it commits.

use larder_core::{Change, TableName, What};

/// Above this many changes a frame no longer tells rows apart.
const MOST_CHANGES: usize = 4096;

/// What a transaction has changed so far: one frame a savepoint, the transaction's own at the bottom.
///
/// The stack follows the connection, not the handles: a statement writes into the deepest savepoint that is
/// open, and RELEASE and COMMIT end the deepest one, whichever handle they were asked of.
#[derive(Debug)]
pub(crate) struct Frames {
    open: Vec<Frame>,
    wrote: bool,
    by_hand: bool,
}

/// What is to be done after a RELEASE or COMMIT.
#[derive(Debug, PartialEq)]
pub(crate) enum Ended {
    /// A savepoint: its changes are its parent's now.
    Savepoint,
    /// The transaction: these changes are committed.
    Transaction(Held),
}

/// Changes to publish.
#[derive(Debug, Default, PartialEq)]
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
}

impl Frames {
    /// Starts with the transaction's own frame.
    pub(crate) fn new() -> Self {
        Self {
            open: vec![Frame::default()],
            wrote: false,
            by_hand: false,
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

    /// Opens a savepoint.
    pub(crate) fn push(&mut self) {
        self.open.push(Frame::default());
    }

    /// Holds changes in the deepest savepoint.
    pub(crate) fn record(&mut self, changes: impl IntoIterator<Item = Change>) {
        if let Some(frame) = self.open.last_mut() {
            frame.record(changes);
        }
    }

    /// Holds that the schema changed, in the deepest savepoint.
    pub(crate) fn record_schema(&mut self) {
        if let Some(frame) = self.open.last_mut() {
            frame.held.schema = true;
        }
    }

    /// Ends the deepest savepoint, or the transaction, with its changes kept.
    pub(crate) fn commit(&mut self) -> Ended {
        let Some(ended) = self.open.pop() else {
            return Ended::Transaction(self.hand_over(None));
        };
        match self.open.last_mut() {
            Some(parent) => {
                parent.absorb(ended);
                Ended::Savepoint
            }
            None => Ended::Transaction(self.hand_over(Some(ended))),
        }
    }

    /// Ends the deepest savepoint, or the transaction, without its changes.
    ///
    /// Returns what is to be published nevertheless: only after transaction control by hand.
    pub(crate) fn roll_back(&mut self) -> Option<Held> {
        self.open.pop();
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

    fn absorb(&mut self, child: Self) {
        self.held.schema |= child.held.schema;
        self.record(child.held.changes);
    }
}

fn widened(change: Change) -> Change {
    match change.what() {
        What::Row(row) => {
            let table: TableName = row.table.clone();
            Change::table(&table)
        }
        _ => change,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: i64) -> Change {
        Change::row(&TableName::new("main", "article"), key)
    }

    fn committed(frames: &mut Frames) -> Vec<Change> {
        match frames.commit() {
            Ended::Transaction(held) => held.changes,
            Ended::Savepoint => panic!("a savepoint is still open"),
        }
    }

    #[test]
    fn a_released_savepoint_belongs_to_its_parent() {
        let mut frames = Frames::new();
        frames.record([row(1)]);
        frames.push();
        frames.record([row(2)]);
        assert_eq!(frames.commit(), Ended::Savepoint);
        assert_eq!(committed(&mut frames), [row(1), row(2)]);
    }

    #[test]
    fn a_savepoint_rolled_back_leaves_nothing_but_that_it_wrote() {
        let mut frames = Frames::new();
        frames.push();
        frames.writing();
        frames.record([row(2)]);
        assert_eq!(frames.roll_back(), None);
        assert!(frames.wrote());
        assert_eq!(committed(&mut frames), []);
    }

    #[test]
    fn many_rows_become_their_table() {
        let mut frames = Frames::new();
        frames.record((0..=4096).map(row));
        frames.record([row(9999), Change::tag("plugin")]);
        let table = Change::table(&TableName::new("main", "article"));
        assert_eq!(committed(&mut frames), [table, Change::tag("plugin")]);
    }

    #[test]
    fn after_transaction_control_by_hand_every_end_is_everything() {
        let mut frames = Frames::new();
        frames.record([row(1)]);
        assert_eq!(frames.ended_by_hand().changes, [Change::everything()]);
        frames.push();
        assert_eq!(
            frames.roll_back().map(|held| held.changes),
            Some(vec![Change::everything()])
        );
        assert_eq!(committed(&mut frames), [Change::everything()]);
    }
}
