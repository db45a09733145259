//! What is true, what each node must know of it, and whether a read kept to that.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use larder_core::{Change, Codec, CodecError, Columns, Image, Moment, hash_value};

use super::log::writes;
use crate::oracle::chaos::Chance;
use crate::scene::table;

pub(super) const ROWS: usize = 5;
pub(super) const AUTHORS: usize = 3;
pub(super) const TAGS: usize = 2;
pub(super) const HANDS: usize = 4;

pub(super) const AUTHOR: usize = ROWS;
pub(super) const WHOLE: usize = AUTHOR + AUTHORS;
pub(super) const TAG: usize = WHOLE + 1;
/// What is put by hand.
pub(super) const HAND: usize = TAG + TAGS;
const CELLS: usize = HAND + HANDS;

/// The last commit that touched each thing that can be read.
pub(super) type Cells = [u64; CELLS];

/// What a value was made of, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) whose: String,
    pub(super) cells: Vec<(usize, u64)>,
}

pub(super) struct Text;

impl Codec<Seen> for Text {
    fn fingerprint(&self) -> u64 {
        11
    }

    fn encode(&self, value: &Seen, into: &mut Vec<u8>) -> Result<(), CodecError> {
        into.extend_from_slice(value.whose.as_bytes());
        for (cell, commit) in &value.cells {
            into.extend_from_slice(format!("|{cell}={commit}").as_bytes());
        }
        Ok(())
    }

    fn decode(&self, bytes: Bytes) -> Result<Seen, CodecError> {
        let wrong = || CodecError::new("not what it was");
        let text = std::str::from_utf8(&bytes).map_err(|_| wrong())?;
        let mut parts = text.split('|');
        let whose = parts.next().ok_or_else(wrong)?.to_owned();
        let cells = parts.map(|part| {
            let (cell, commit) = part.split_once('=')?;
            Some((cell.parse().ok()?, commit.parse().ok()?))
        });
        let cells = cells.collect::<Option<_>>().ok_or_else(wrong)?;
        Ok(Seen { whose, cells })
    }
}

/// A committed write.
#[derive(Clone)]
pub(super) struct Write {
    pub(super) number: u64,
    pub(super) touched: Vec<usize>,
    pub(super) changes: Vec<Change>,
}

/// When a write counts as acknowledged for others.
#[derive(Clone, Copy)]
enum Acknowledged {
    At(Moment),
    /// As soon as it is placed: its writer is cut off alone.
    WhenPlaced,
}

pub(super) struct World {
    pub(super) cells: Cells,
    author: [usize; ROWS],
    /// At which commits each row came and went.
    here: [Vec<(u64, bool)>; ROWS],
    commit: u64,
    touched: HashMap<u64, Vec<usize>>,
    own: Vec<Cells>,
    heard: Vec<Cells>,
    acknowledged: Vec<(u64, Acknowledged)>,
    /// Writes that no bus sees.
    unseen: Vec<(Moment, u64)>,
    pub(super) failures: u64,
    pub(super) judged: u64,
    pub(super) longest_life: Duration,
    pub(super) max_staleness: Duration,
}

impl World {
    pub(super) fn new(nodes: usize) -> Self {
        Self {
            cells: [0; CELLS],
            author: std::array::from_fn(|row| row % AUTHORS),
            here: std::array::from_fn(|_| vec![(0, true)]),
            commit: 0,
            touched: HashMap::new(),
            own: vec![[0; CELLS]; nodes],
            heard: vec![[0; CELLS]; nodes],
            acknowledged: Vec::new(),
            unseen: Vec::new(),
            failures: 0,
            judged: 0,
            longest_life: Duration::MAX,
            max_staleness: Duration::from_secs(1),
        }
    }

    pub(super) fn is_here(&self, row: usize) -> bool {
        self.here[row].last().is_some_and(|(_, here)| *here)
    }

    fn touch(&mut self, touched: Vec<usize>, mut changes: Vec<Change>) -> Write {
        self.commit += 1;
        let number = self.commit;
        touched.iter().for_each(|cell| self.cells[*cell] = number);
        self.touched.insert(number, touched.clone());
        changes.push(Change::row(&writes(), i64::try_from(number).unwrap()));
        Write {
            number,
            touched,
            changes,
        }
    }

    /// Commits something; the changes are for the bus.
    pub(super) fn write(&mut self, chance: &mut Chance) -> Write {
        let offers = table("offer");
        let row = chance.index(ROWS);
        let key = i64::try_from(row).unwrap();
        let (old, new) = (self.author[row], chance.index(AUTHORS));
        let image = |author: usize| Image::Known([("author".into(), hashed(author))].into());
        match chance.below(20) {
            0..=5 => {
                self.author[row] = new;
                let columns = Columns::named(["author".into(), "body".into()]);
                let change = Change::row(&offers, key).columns(columns);
                let before = if chance.once_in(4) {
                    Image::Unknown
                } else {
                    image(old)
                };
                let touched = vec![row, AUTHOR + old, AUTHOR + new, WHOLE];
                self.touch(touched, vec![change.images(before, image(new))])
            }
            6..=8 => {
                let here = self.is_here(row);
                let change = Change::row(&offers, key);
                let change = if here {
                    change.images(image(old), Image::Absent)
                } else {
                    change.images(Image::Absent, image(old))
                };
                let write = self.touch(vec![row, AUTHOR + old, WHOLE], vec![change]);
                self.here[row].push((write.number, !here));
                write
            }
            9..=11 => {
                let change = Change::row(&offers, key);
                self.touch(vec![row, AUTHOR + old, WHOLE], vec![change])
            }
            12 | 13 => {
                let rows = (0..ROWS).filter(|row| self.author[*row] == old);
                let touched = rows.chain([AUTHOR + old, WHOLE]).collect();
                let change = Change::rows(&offers).images(image(old), image(old));
                self.touch(touched, vec![change])
            }
            14 => {
                let touched = (0..TAG).collect();
                self.touch(touched, vec![Change::table(&offers)])
            }
            15..=17 => {
                let tag = chance.index(TAGS);
                self.touch(vec![TAG + tag], vec![Change::tag(tag_name(tag))])
            }
            18 => {
                let tag = chance.index(TAGS);
                let changes = vec![Change::tag(tag_name(tag)), Change::row(&offers, key)];
                self.touch(vec![TAG + tag, row, AUTHOR + old, WHOLE], changes)
            }
            _ => self.touch((0..HAND).collect(), vec![Change::everything()]),
        }
    }

    /// Commits what no bus will hear of.
    pub(super) fn write_unseen(&mut self, chance: &mut Chance, now: Moment) {
        let row = chance.index(ROWS);
        let touched = vec![row, AUTHOR + self.author[row], WHOLE];
        let write = self.touch(touched, Vec::new());
        self.unseen.push((now, write.number));
    }

    /// A put or a removal by hand.
    pub(super) fn hand(&mut self, hand: usize) -> u64 {
        self.touch(vec![HAND + hand], Vec::new()).number
    }

    /// A write has returned to its caller.
    pub(super) fn returned(
        &mut self,
        node: usize,
        number: u64,
        taken: bool,
        alone: bool,
        now: Moment,
    ) {
        raise(&mut self.own[node], &self.touched[&number], number);
        let when = if taken || !alone {
            Acknowledged::At(now)
        } else {
            Acknowledged::WhenPlaced
        };
        self.acknowledged.push((number, when));
    }

    pub(super) fn hears(&mut self, node: usize, number: u64) {
        raise(&mut self.heard[node], &self.touched[&number], number);
    }

    /// What a read that begins now on `node` must not be behind.
    pub(super) fn floor(&self, node: usize, now: Moment, placed: &HashMap<u64, Moment>) -> Cells {
        let mut floor = self.own[node];
        let higher = |floor: &mut Cells, other: &Cells| {
            floor
                .iter_mut()
                .zip(other)
                .for_each(|(one, other)| *one = (*one).max(*other));
        };
        higher(&mut floor, &self.heard[node]);
        for (number, when) in &self.acknowledged {
            let at = match when {
                Acknowledged::At(at) => Some(at),
                Acknowledged::WhenPlaced => placed.get(number),
            };
            if at.is_some_and(|at| at.after(self.max_staleness) < now) {
                raise(&mut floor, &self.touched[number], *number);
            }
        }
        let slack = Duration::from_millis(2);
        for (at, number) in &self.unseen {
            if at.after(self.longest_life).after(slack) < now {
                raise(&mut floor, &self.touched[number], *number);
            }
        }
        floor
    }

    /// Tells what is wrong with a value, if anything is.
    pub(super) fn judge(&mut self, whose: &str, floor: &Cells, seen: &Seen) -> Option<String> {
        self.judged += 1;
        if seen.whose != whose {
            return Some(format!("{seen:?} was served to {whose}"));
        }
        let behind = seen
            .cells
            .iter()
            .find(|(cell, commit)| *commit < floor[*cell]);
        behind.map(|(cell, _)| format!("{seen:?}: cell {cell} is behind {}", floor[*cell]))
    }

    /// Tells what is wrong with a row said not to be there, if anything is.
    pub(super) fn judge_absent(&mut self, row: usize, floor: &Cells) -> Option<String> {
        self.judged += 1;
        let history = &self.here[row];
        let since = history
            .iter()
            .rposition(|(commit, _)| *commit <= floor[row]);
        let was_gone = history[since.unwrap_or(0)..].iter().any(|(_, here)| !here);
        (!was_gone).then(|| format!("row {row} was there ever since {}", floor[row]))
    }
}

pub(super) fn tag_name(tag: usize) -> String {
    format!("tag {tag}")
}

pub(super) fn hashed(author: usize) -> u64 {
    hash_value(&author.to_le_bytes())
}

pub(super) fn raise(cells: &mut Cells, touched: &[usize], commit: u64) {
    for cell in touched {
        cells[*cell] = cells[*cell].max(commit);
    }
}
