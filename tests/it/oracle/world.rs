//! What the clients know to be true: of each thing, what was begun and what was acknowledged.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, RwLock};

/// More wrong answers than this are counted only.
const MOST_TOLD: usize = 10;

/// A number that one client raises: begun before the request, acknowledged after its answer.
#[derive(Debug, Default)]
pub(crate) struct Version {
    begun: AtomicU64,
    acknowledged: AtomicU64,
}

impl Version {
    /// Begins the next version and returns it.
    pub(crate) fn begin(&self) -> u64 {
        self.begun.fetch_add(1, SeqCst) + 1
    }

    pub(crate) fn acknowledge(&self, version: u64) {
        self.acknowledged.store(version, SeqCst);
    }

    /// The oldest version a read that begins now may show.
    pub(crate) fn oldest(&self) -> u64 {
        self.acknowledged.load(SeqCst)
    }

    /// The newest version a read that ends now may show.
    pub(crate) fn newest(&self) -> u64 {
        self.begun.load(SeqCst)
    }
}

/// Something that is there or not; odd versions of its state are "there".
///
/// The one client that changes it alternates, so parity tells the state.
#[derive(Debug, Default)]
pub(crate) struct Flag(Version);

/// What a read may show of a [`Flag`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    There,
    NotThere,
    Either,
}

impl Flag {
    /// Begins a change and returns its number.
    pub(crate) fn begin(&self) -> u64 {
        self.0.begin()
    }

    pub(crate) fn acknowledge(&self, change: u64) {
        self.0.acknowledge(change);
    }

    /// What its own client knows between its requests.
    pub(crate) fn now(&self) -> bool {
        self.0.oldest() % 2 == 1
    }

    pub(crate) fn oldest(&self) -> u64 {
        self.0.oldest()
    }

    /// What a read that found `oldest` when it began, and ends now, may show.
    pub(crate) fn since(&self, oldest: u64) -> Known {
        if self.0.newest() != oldest {
            Known::Either
        } else if oldest % 2 == 1 {
            Known::There
        } else {
            Known::NotThere
        }
    }
}

#[derive(Debug)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) author: usize,
    pub(crate) deleted: Flag,
}

#[derive(Debug)]
pub(crate) struct Article {
    pub(crate) slug: String,
    pub(crate) owner: usize,
    pub(crate) tag: String,
    pub(crate) version: Version,
    pub(crate) deleted: Flag,
    /// Who likes it, by client.
    pub(crate) likes: Vec<Flag>,
    pub(crate) comments: RwLock<Vec<Arc<Comment>>>,
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) reads: AtomicU64,
    pub(crate) writes: AtomicU64,
    pub(crate) compared: AtomicU64,
    /// Reads whose answer is the one the same client last got there.
    pub(crate) repeated: AtomicU64,
    /// Reads older than a write they came after.
    pub(crate) stale: AtomicU64,
    /// Answers wrong in any way, the stale ones among them.
    pub(crate) wrong: AtomicU64,
}

/// Everything the clients did.
#[derive(Debug)]
pub(crate) struct World {
    names: Vec<String>,
    /// Articles whose creation was acknowledged; kept after their deletion.
    articles: RwLock<Vec<Arc<Article>>>,
    /// Creations under way: lists may show more articles than are known.
    pub(crate) creating: AtomicU64,
    pub(crate) created: AtomicU64,
    /// Who follows whom: `[follower][followed]`.
    pub(crate) follows: Vec<Vec<Flag>>,
    /// The version in each user's bio.
    pub(crate) bios: Vec<Version>,
    pub(crate) counts: Counts,
    /// The first wrong answers.
    pub(crate) violations: Mutex<Vec<String>>,
}

impl World {
    pub(crate) fn new(clients: usize) -> Self {
        Self {
            names: (0..clients)
                .map(|client| format!("client{client}"))
                .collect(),
            articles: RwLock::default(),
            creating: AtomicU64::new(0),
            created: AtomicU64::new(0),
            follows: (0..clients).map(|_| flags(clients)).collect(),
            bios: (0..clients).map(|_| Version::default()).collect(),
            counts: Counts::default(),
            violations: Mutex::default(),
        }
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    pub(crate) fn articles(&self) -> Vec<Arc<Article>> {
        self.articles.read().unwrap().clone()
    }

    /// Notes an article whose creation is acknowledged.
    pub(crate) fn add(&self, slug: String, owner: usize, tag: String) {
        let article = Article {
            slug,
            owner,
            tag,
            version: Version::default(),
            deleted: Flag::default(),
            likes: flags(self.names.len()),
            comments: RwLock::default(),
        };
        self.articles.write().unwrap().push(Arc::new(article));
    }

    pub(crate) fn violated(&self, what: String) {
        self.counts.wrong.fetch_add(1, SeqCst);
        let mut violations = self.violations.lock().unwrap();
        if violations.len() < MOST_TOLD {
            violations.push(what);
        }
    }
}

fn flags(count: usize) -> Vec<Flag> {
    (0..count).map(|_| Flag::default()).collect()
}
