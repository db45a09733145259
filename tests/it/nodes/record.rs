//! What a node writes down of its reads and writes, to be judged when the run is over.
//!
//! Times are the machine's monotonic clock, which all processes share: nanoseconds since it began.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rustix::time::{ClockId, clock_gettime};

/// A read of one register, or a write that was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) kind: Kind,
    pub(crate) register: u32,
    pub(crate) version: u64,
    /// When the read began, or the write was acknowledged.
    pub(crate) at: u64,
    /// How long it took.
    pub(crate) took: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Read = 1,
    Write = 2,
}

const LENGTH: usize = 29;

impl Record {
    fn encode(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[0] = self.kind as u8;
        bytes[1..5].copy_from_slice(&self.register.to_le_bytes());
        bytes[5..13].copy_from_slice(&self.version.to_le_bytes());
        bytes[13..21].copy_from_slice(&self.at.to_le_bytes());
        bytes[21..29].copy_from_slice(&self.took.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Self {
        let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        Self {
            kind: if bytes[0] == Kind::Read as u8 {
                Kind::Read
            } else {
                Kind::Write
            },
            register: u32::from_le_bytes(bytes[1..5].try_into().unwrap()),
            version: number(5),
            at: number(13),
            took: number(21),
        }
    }
}

/// A node's own records, in a file: what was flushed outlives a node that is killed.
pub(crate) struct Journal(Mutex<BufWriter<File>>);

impl Journal {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self(Mutex::new(BufWriter::with_capacity(1 << 16, file))))
    }

    pub(crate) fn note(&self, records: &[Record]) {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for record in records {
            file.write_all(&record.encode()).unwrap();
        }
        // A write must be known if its node dies next: it makes older reads stale.
        if records.iter().any(|record| record.kind == Kind::Write) {
            file.flush().unwrap();
        }
    }

    pub(crate) fn flush(&self) {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.flush().unwrap();
    }
}

/// Reads a journal; half a record at its end is left out.
pub(crate) fn read(path: &Path) -> io::Result<Vec<Record>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(mut file) => file.read_to_end(&mut bytes)?,
        // A node that was not there long enough to write anything down.
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    Ok(bytes.chunks_exact(LENGTH).map(Record::decode).collect())
}

/// Returns the machine's monotonic time in nanoseconds.
pub(crate) fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    u64::try_from(time.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap()
}
