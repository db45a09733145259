//! The log in Redis: its keys, the commands on them, and what their answers say.
//!
//! `{prefix}:{{prefix}}:changes` is the stream, `{prefix}:{{prefix}}:incarnation` tells which log it
//! is. The hash tag keeps both on one node of a cluster. An entry's field `c` holds the changes,
//! `o` the process that published them; an entry with a field `n` says nothing: it only has a place.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use bytes::Bytes;
use fred::error::{Error, ErrorKind};
use fred::types::Value;
use fred::util::redis_keyslot;
use larder_core::Change;
use larder_core::bus::decode;

use super::place::Place;
use crate::ask::{Answer, Ask, field, line, server_said, text};

/// So many entries are read at once.
pub(crate) const MOST_READ: usize = 512;

/// Which log, and how much of it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    stream: String,
    incarnation: String,
    /// No stream is there: to add to it changes nothing, and fails where to publish would.
    nowhere: String,
    slot: u16,
    length: u64,
}

/// Who answered, and for which log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Whether a master answered: a replica may lag, and be read all the same.
    pub(crate) master: bool,
    /// Which log it is; `None` if it has not been begun.
    pub(crate) incarnation: Option<u64>,
}

/// What one read of the log says.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) entries: Vec<Entry>,
    /// More may follow at once.
    pub(crate) full: bool,
    /// The last place that was ever given; zero if none was.
    pub(crate) head: Place,
    /// The first entry that is kept.
    pub(crate) first: Option<Place>,
    /// How many are kept.
    pub(crate) length: u64,
    /// How many were ever added; `None` before Redis 7.
    pub(crate) added: Option<u64>,
    pub(crate) identity: Identity,
    /// Why nobody could publish when it was read; `None` if everybody could.
    pub(crate) refused: Option<Error>,
}

/// One entry of the log.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) changes: Vec<Change>,
    pub(crate) origin: Option<Bytes>,
}

impl Log {
    pub(crate) fn new(prefix: &str, length: u64) -> Self {
        let stream = format!("{prefix}:{{{prefix}}}:changes");
        Self {
            slot: redis_keyslot(stream.as_bytes()),
            incarnation: format!("{prefix}:{{{prefix}}}:incarnation"),
            nowhere: format!("{prefix}:{{{prefix}}}:nowhere"),
            stream,
            length,
        }
    }

    /// Returns the stream's key.
    pub(crate) fn stream(&self) -> &str {
        &self.stream
    }

    pub(crate) fn incarnation_key(&self) -> &str {
        &self.incarnation
    }

    /// Adds changes; the answers are for [`placed`].
    pub(crate) fn publish(&self, changes: Vec<u8>, origin: &Bytes) -> Vec<Ask> {
        let changes = ["c".into(), Value::Bytes(changes.into())];
        let origin = ["o".into(), Value::Bytes(origin.clone())];
        let mut asks = vec![self.add(changes.into_iter().chain(origin))];
        asks.extend(self.identity());
        asks
    }

    /// Reads what follows `after`, waiting up to `block` if nothing does; for [`page`].
    ///
    /// All else is asked behind the read: what it says is no older than what was read.
    pub(crate) fn read(&self, after: Place, block: Option<Duration>) -> Vec<Ask> {
        let most = i64::try_from(MOST_READ).unwrap_or(i64::MAX);
        let mut args: Vec<Value> = vec!["COUNT".into(), most.into()];
        if let Some(block) = block {
            let millis = i64::try_from(block.as_millis()).unwrap_or(i64::MAX);
            args.extend(["BLOCK".into(), millis.into()]);
        }
        args.extend([
            "STREAMS".into(),
            self.stream.clone().into(),
            after.to_string().into(),
        ]);
        let about = vec!["STREAM".into(), self.stream.clone().into()];
        let mut asks = vec![
            Ask::at(self.slot, "XREAD", args),
            Ask::at(self.slot, "XINFO", about),
        ];
        asks.extend(self.identity());
        asks.push(self.try_to_publish());
        asks
    }

    /// Fails or waits where to publish would: memory is full, writes are paused, replicas are missing, a right is.
    ///
    /// Who only reads would vouch for a log to which nobody can add.
    fn try_to_publish(&self) -> Ask {
        let name: Value = self.nowhere.clone().into();
        let args = ["NOMKSTREAM", "MAXLEN", "1", "*", "n", "1"];
        let args = std::iter::once(name).chain(args.map(Value::from));
        Ask::at(self.slot, "XADD", args.collect())
    }

    /// Begins the log: gives it an incarnation and a first entry, so that positions are the
    /// server's time.
    pub(crate) fn begin(&self) -> Vec<Ask> {
        let args = vec![
            self.incarnation.clone().into(),
            new_name().into(),
            "NX".into(),
        ];
        vec![Ask::at(self.slot, "SET", args), self.mark()]
    }

    /// Begins another log on the same stream, whatever the one of before was called.
    pub(crate) fn begin_anew(&self) -> Vec<Ask> {
        let args = vec![self.incarnation.clone().into(), new_name().into()];
        vec![Ask::at(self.slot, "SET", args), self.mark()]
    }

    /// Adds an entry that says nothing, so that the log's head is the server's time.
    pub(crate) fn mark(&self) -> Ask {
        self.add(["n".into(), "1".into()].into_iter())
    }

    fn add(&self, fields: impl Iterator<Item = Value>) -> Ask {
        let length = i64::try_from(self.length).unwrap_or(i64::MAX);
        let mut args: Vec<Value> = vec![
            self.stream.clone().into(),
            "MAXLEN".into(),
            "~".into(),
            length.into(),
            "*".into(),
        ];
        args.extend(fields);
        Ask::at(self.slot, "XADD", args)
    }

    fn identity(&self) -> [Ask; 2] {
        let key = vec![self.incarnation.clone().into()];
        [
            Ask::at(self.slot, "GET", key),
            Ask::at(self.slot, "INFO", vec!["replication".into()]),
        ]
    }
}

fn new_name() -> String {
    let random = RandomState::new();
    format!("{:016x}{:016x}", random.hash_one(0), random.hash_one(1))
}

/// Returns where changes were placed, and on which log.
pub(crate) fn placed(answers: Vec<Answer>) -> Result<(Place, Identity), Error> {
    let mut answers = answers.into_iter();
    let place = next(&mut answers)?;
    let place = text(&place).and_then(|id| Place::parse(&id));
    let place = place.ok_or_else(|| strange("XADD"))?;
    Ok((place, identity(&mut answers)?))
}

/// Returns where a [`mark`](Log::mark) was placed.
pub(crate) fn marked(answers: Vec<Answer>) -> Result<Place, Error> {
    let place = next(&mut answers.into_iter())?;
    let place = text(&place).and_then(|id| Place::parse(&id));
    place.ok_or_else(|| strange("XADD"))
}

/// Returns what was read.
pub(crate) fn page(answers: Vec<Answer>) -> Result<Page, Error> {
    let mut answers = answers.into_iter();
    let entries = entries(&next(&mut answers)?)?;
    let about = match next(&mut answers) {
        Ok(about) => about_stream(&about).ok_or_else(|| strange("XINFO"))?,
        // The stream is not there.
        Err(error) if server_said(&error) == Some("ERR") => About::default(),
        Err(error) => return Err(error),
    };
    Ok(Page {
        full: entries.len() >= MOST_READ,
        entries,
        head: about.head,
        first: about.first,
        length: about.length,
        added: about.added,
        identity: identity(&mut answers)?,
        refused: next(&mut answers).err(),
    })
}

fn next(answers: &mut impl Iterator<Item = Answer>) -> Answer {
    answers.next().unwrap_or_else(|| Err(strange("a pipeline")))
}

fn strange(command: &str) -> Error {
    Error::new(
        ErrorKind::Protocol,
        format!("the answer to {command} has not the shape it should have"),
    )
}

fn identity(answers: &mut impl Iterator<Item = Answer>) -> Result<Identity, Error> {
    let name = next(answers)?;
    let info = text(&next(answers)?).ok_or_else(|| strange("INFO"))?;
    let replication = line(&info, "master_replid").ok_or_else(|| strange("INFO"))?;
    // The name tells a log that was lost as a whole, the replication's id one that lost its end.
    // Whatever stands there is a name, be it none that was given here.
    let name = match name {
        Value::Bytes(name) => Some(name),
        Value::String(name) => Some(name.into_inner()),
        _ => None,
    };
    let name = name.map(|name| hash(&[&name[..], b" ", replication.as_bytes()].concat()));
    Ok(Identity {
        master: line(&info, "role") == Some("master"),
        incarnation: name,
    })
}

/// The same on every node of every version; never zero, which is no log.
fn hash(name: &[u8]) -> u64 {
    rapidhash::v3::rapidhash_v3(name) | 1
}

/// What XINFO says of the stream.
#[derive(Default)]
struct About {
    head: Place,
    first: Option<Place>,
    length: u64,
    added: Option<u64>,
}

fn about_stream(about: &Value) -> Option<About> {
    let head = Place::parse(&text(field(about, "last-generated-id")?)?)?;
    let first = match field(about, "first-entry")? {
        Value::Array(entry) => Some(Place::parse(&text(entry.first()?)?)?),
        _ => None,
    };
    Some(About {
        head,
        first,
        length: field(about, "length")?.as_u64()?,
        added: field(about, "entries-added").and_then(Value::as_u64),
    })
}

/// Reads `{stream: [[id, [field, value, ..]], ..]}`, or the lists that RESP2 makes of it.
fn entries(read: &Value) -> Result<Vec<Entry>, Error> {
    let list = match read {
        Value::Null => return Ok(Vec::new()),
        Value::Map(map) => map.values().next(),
        Value::Array(streams) => match streams.as_slice() {
            [] => return Ok(Vec::new()),
            [Value::Array(stream), ..] => stream.get(1),
            [_, list, ..] => Some(list),
            [_] => None,
        },
        _ => None,
    };
    let Some(Value::Array(list)) = list else {
        return Err(strange("XREAD"));
    };
    let entries: Option<Vec<_>> = list.iter().map(entry).collect();
    entries.ok_or_else(|| strange("XREAD"))
}

fn entry(entry: &Value) -> Option<Entry> {
    let Value::Array(entry) = entry else {
        return None;
    };
    let place = Place::parse(&text(entry.first()?)?)?;
    let fields = entry.get(1)?;
    let bytes = |name| field(fields, name).and_then(|value| value.clone().into_bytes());
    let changes = match bytes("c") {
        Some(bytes) => decode(&bytes),
        None if field(fields, "n").is_some() => Vec::new(),
        None => vec![Change::everything()],
    };
    Some(Entry {
        place,
        changes,
        origin: bytes("o"),
    })
}

#[cfg(test)]
mod tests {
    use larder_core::bus::encode;

    use super::*;

    fn list(values: impl IntoIterator<Item = Value>) -> Value {
        Value::Array(values.into_iter().collect())
    }

    /// What a master that keeps a log of one entry answers.
    fn answers(entry: Value) -> Vec<Answer> {
        let about = list([
            "length".into(),
            1.into(),
            "last-generated-id".into(),
            "5-1".into(),
            "first-entry".into(),
            entry.clone(),
        ]);
        let read = list([list(["stream".into(), list([entry])])]);
        let info = "# Replication\r\nrole:master\r\nmaster_replid:abc\r\n";
        [read, about, "name".into(), info.into()].map(Ok).into()
    }

    fn entry(fields: impl IntoIterator<Item = Value>) -> Value {
        list(["5-1".into(), list(fields)])
    }

    #[test]
    fn a_page_tells_entries_ends_and_identity() {
        let changes = [Change::tag("prices")];
        let bytes = Value::Bytes(encode(&changes).into());
        let page = page(answers(entry(["c".into(), bytes, "o".into(), "me".into()]))).unwrap();
        assert_eq!(page.entries[0].changes, changes);
        assert_eq!(page.entries[0].origin.as_deref(), Some(&b"me"[..]));
        assert_eq!((page.head.to_string(), page.length), ("5-1".to_owned(), 1));
        assert_eq!(page.first, Some(page.head));
        assert!(page.identity.master && page.identity.incarnation.is_some());
    }

    #[test]
    fn a_mark_says_nothing_and_what_is_not_understood_is_everything() {
        let changes = |fields| {
            page(answers(entry(fields))).unwrap().entries[0]
                .changes
                .clone()
        };
        assert_eq!(changes(["n".into(), "1".into()]), []);
        assert_eq!(changes(["z".into(), "1".into()]), [Change::everything()]);
        assert_eq!(changes(["c".into(), "".into()]), [Change::everything()]);
    }

    #[test]
    fn another_name_or_another_replication_is_another_log() {
        let incarnation = |name: &str, id: &str| {
            let info = format!("role:master\r\nmaster_replid:{id}\r\n");
            let mut answers = [Ok(name.into()), Ok(info.into())].into_iter();
            identity(&mut answers).unwrap().incarnation
        };
        assert_eq!(incarnation("a", "1"), incarnation("a", "1"));
        assert_ne!(incarnation("a", "1"), incarnation("b", "1"));
        assert_ne!(incarnation("a", "1"), incarnation("a", "2"));
        assert_ne!(incarnation("", "1"), incarnation("a", "1"));
        let info = "role:master\r\nmaster_replid:1\r\n";
        let mut nameless = [Ok(Value::Null), Ok(info.into())].into_iter();
        assert_eq!(identity(&mut nameless).unwrap().incarnation, None);
    }

    #[test]
    fn answers_of_another_shape_are_errors_and_no_panic() {
        let odd = || {
            vec![
                Value::Null,
                1.into(),
                "x".into(),
                list([]),
                list([list([])]),
                list([1.into()]),
            ]
        };
        for read in odd() {
            for about in odd() {
                let answers = [read.clone(), about, "name".into(), "role:master".into()];
                assert!(page(answers.map(Ok).into()).is_err());
            }
        }
        assert!(page(Vec::new()).is_err() && placed(Vec::new()).is_err());
    }
}
