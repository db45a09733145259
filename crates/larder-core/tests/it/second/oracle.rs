//! Random histories of two to four nodes, of which every read is judged. `LARDER_SEED` replays the first of a run,
//! `LARDER_HISTORIES` says how many.
//!
//! No read is behind what its node wrote, or had heard; none is behind what anybody acknowledged longer ago than
//! `max_staleness`, nor behind the write of the session it belongs to; what no bus sees is seen after the ttl; nothing is
//! served to another scope or under another key; and no error but the loader's reaches a caller.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use larder_core::test_util::{FaultyStore, ManualClock, MemoryStore, StoreFault};
use larder_core::{
    Change, Clock as _, Dependency, Key, Larder, Match, Policy, Reached, Region, Scope,
    SessionPosition, Share, Tiers, Writes, past_the_cache,
};
use tokio::task::JoinHandle;

use super::log::{Course, End, Fate};
use super::world::{
    AUTHOR, AUTHORS, Cells, HAND, HANDS, ROWS, Seen, TAG, TAGS, Text, WHOLE, World, hashed,
    tag_name,
};
use crate::gate::{Gate, settled, within};
use crate::oracle::chaos::Chance;
use crate::scene::{builder, table};

const STEPS: usize = 120;
const HISTORIES: u64 = 400;

type Shared = Arc<Mutex<World>>;

/// The position of a write, what it touched, and its number.
type Token = (SessionPosition, Vec<usize>, u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Broken;

/// One node.
#[derive(Clone)]
struct Site {
    at: usize,
    larder: Larder,
    end: End,
    rows: Region<Seen>,
    pages: Region<Seen>,
    hands: Region<Seen>,
}

/// What a read needs, wherever it runs.
#[derive(Clone)]
struct Reader {
    site: Site,
    world: Shared,
    clock: ManualClock,
    course: Course,
    scope: Scope,
    /// Before and after the database is read.
    gates: [Gate; 2],
    fails: bool,
    what: String,
}

struct Running {
    task: JoinHandle<()>,
    gates: Vec<Gate>,
    cancellable: bool,
}

struct History {
    seed: u64,
    chance: Chance,
    clock: ManualClock,
    course: Course,
    store: FaultyStore,
    world: Shared,
    sites: Vec<Site>,
    policies: [Policy; 3],
    running: Vec<Running>,
    left: Vec<Gate>,
    tokens: Arc<Mutex<Vec<Token>>>,
    /// Outages are of one node alone, not of all.
    alone: bool,
    lower: bool,
    busy: Arc<Mutex<[bool; HANDS]>>,
}

fn policy(chance: &mut Chance) -> Policy {
    let millis = Duration::from_millis;
    let ttl = millis([700, 3_000, 600_000][chance.index(3)]);
    let mut policy = Policy::ttl(ttl);
    if chance.once_in(2) {
        policy = policy
            .grace(millis(2_500))
            .stale_on_error(chance.once_in(2));
    }
    if chance.once_in(2) {
        policy = policy.negative_ttl(millis([400, 5_000][chance.index(2)]));
    }
    if chance.once_in(3) {
        policy = policy.early_refresh(ttl / 2);
    }
    if chance.once_in(3) {
        policy = policy.jitter(0.3);
    }
    if chance.once_in(3) {
        policy = policy.invalidated_by(tag_name(0));
    }
    match chance.below(6) {
        0 => policy.tiers(Tiers::Local),
        1 => policy.tiers(Tiers::Remote),
        2 | 3 => policy.lease(millis(20)),
        _ => policy,
    }
}

fn life(policy: &Policy) -> Duration {
    policy.lifetime().ttl + policy.lifetime().grace
}

impl Site {
    fn build(at: usize, history: &History) -> Self {
        let end = End::of(&history.course);
        let larder = builder()
            .store(history.store.clone())
            .clock(history.clock.clone());
        let larder = larder
            .bus(end.clone())
            .slots(if history.seed.is_multiple_of(3) {
                64
            } else {
                1 << 14
            })
            .build()
            .unwrap();
        let region = |name: &str, of: usize| {
            let region = larder.region(name, history.policies[of].clone()).unwrap();
            region.with_codec(Text)
        };
        Self {
            at,
            rows: region("rows", 0),
            pages: region("pages", 1),
            hands: region("hands", 2),
            end,
            larder,
        }
    }
}

impl Reader {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    fn whose(&self, what: &str) -> String {
        format!("{what} {:?}", self.scope)
    }

    fn rows(&self) -> Region<Seen> {
        self.site.rows.scoped(self.scope.clone())
    }

    /// Reads cells from the database, as one statement does.
    async fn select(
        &self,
        whose: String,
        cells: &[usize],
        depends: &[Dependency],
    ) -> Result<Seen, Broken> {
        self.site.larder.reading(None, depends);
        self.gates[0].passed().await;
        let cells = {
            let world = self.world();
            cells
                .iter()
                .map(|cell| (*cell, world.cells[*cell]))
                .collect()
        };
        self.gates[1].passed().await;
        if self.fails {
            self.world().failures += 1;
            return Err(Broken);
        }
        Ok(Seen { whose, cells })
    }

    async fn load_row(&self, row: usize) -> Result<Option<Seen>, Broken> {
        let depends = [Dependency::row(
            &table("offer"),
            i64::try_from(row).unwrap(),
        )];
        self.site.larder.reading(None, &depends);
        self.gates[0].passed().await;
        let here = self.world().is_here(row);
        let seen = {
            let world = self.world();
            Seen {
                whose: self.whose(&format!("row {row}")),
                cells: vec![(row, world.cells[row])],
            }
        };
        self.gates[1].passed().await;
        if self.fails {
            self.world().failures += 1;
            return Err(Broken);
        }
        Ok(here.then_some(seen))
    }

    async fn row(&self, row: usize, background: bool) -> Result<Option<Arc<Seen>>, Arc<Broken>> {
        let me = self.clone();
        let load = move || async move { me.load_row(row).await };
        let key = format!("row {row}");
        if background {
            Box::pin(self.rows().get_or_refresh_optional(key, load)).await
        } else {
            Box::pin(self.rows().get_or_load_optional(key, load)).await
        }
    }

    /// A page of an author: the rows of his, of another row through the cache, a tag, at times the whole table.
    async fn page(
        &self,
        author: usize,
        row: usize,
        background: bool,
    ) -> Result<Arc<Seen>, Arc<Broken>> {
        let me = self.clone();
        let whose = self.whose(&format!("page {author} {row}"));
        let load = move || async move {
            let inner = me.row(row, background).await.map_err(|error| *error)?;
            let by = Match::new([("author".into(), hashed(author))]);
            let depends = [
                Dependency::Match(table("offer"), by),
                Dependency::tag(tag_name(author % TAGS)),
            ];
            let cells = [AUTHOR + author, TAG + author % TAGS];
            let mut page = me.select(whose, &cells, &depends).await?;
            if row == 0 {
                let whole = [Dependency::table(&table("offer"))];
                page.cells
                    .extend(me.select(String::new(), &[WHOLE], &whole).await?.cells);
            }
            if let Some(inner) = inner {
                assert_eq!(inner.whose, me.whose(&format!("row {row}")));
                page.cells.extend(&inner.cells);
            }
            Ok::<_, Broken>(page)
        };
        let pages = self.site.pages.scoped(self.scope.clone());
        let key = format!("page {author} {row}");
        if background {
            Box::pin(pages.get_or_refresh(key, load)).await
        } else {
            Box::pin(pages.get_or_load(key, load)).await
        }
    }

    fn verdict(&self, wrong: Option<String>) {
        if let Some(wrong) = wrong {
            panic!("{}: node {}: {wrong}", self.what, self.site.at);
        }
    }

    fn floor(&self) -> (Cells, u64) {
        let placed = self.course.lock().placed.clone();
        let world = self.world();
        (
            world.floor(self.site.at, self.clock.now(), &placed),
            world.failures,
        )
    }

    /// An error is the loader's.
    fn failed(&self, failures: u64) {
        assert!(
            self.fails || self.world().failures > failures || failures > 0,
            "{}: nobody failed",
            self.what
        );
    }

    fn judge_row(&self, row: usize, floor: &Cells, seen: Option<&Seen>) {
        let whose = self.whose(&format!("row {row}"));
        let wrong = match seen {
            Some(seen) => self.world().judge(&whose, floor, seen),
            None => self.world().judge_absent(row, floor),
        };
        self.verdict(wrong);
    }

    async fn read_row(&self, row: usize, background: bool, floor: &Cells, failures: u64) {
        match self.row(row, background).await {
            Ok(seen) => self.judge_row(row, floor, seen.as_deref()),
            Err(_) => self.failed(failures),
        }
    }

    async fn read_page(
        &self,
        author: usize,
        row: usize,
        background: bool,
        floor: &Cells,
        failures: u64,
    ) {
        match self.page(author, row, background).await {
            Ok(seen) => {
                let whose = self.whose(&format!("page {author} {row}"));
                let wrong = self.world().judge(&whose, floor, &seen);
                self.verdict(wrong);
            }
            Err(_) => self.failed(failures),
        }
    }

    async fn read_batch(&self, rows: Vec<usize>, by: bool, floor: &Cells, failures: u64) {
        let keys: Vec<String> = rows.iter().map(|row| format!("row {row}")).collect();
        let number = |key: &str| -> usize { key.strip_prefix("row ").unwrap().parse().unwrap() };
        let load = |keys: Vec<String>| async move {
            let mut loaded = Vec::new();
            for key in keys {
                if let Some(seen) = self.load_row(number(&key)).await? {
                    loaded.push((key, seen));
                }
            }
            Ok::<_, Broken>(loaded)
        };
        let depends =
            |key: &String| Dependency::row(&table("offer"), i64::try_from(number(key)).unwrap());
        let region = self.rows();
        let found = if by {
            Box::pin(region.get_many_or_load_by(keys, depends, load)).await
        } else {
            Box::pin(region.get_many_or_load(keys, load)).await
        };
        match found {
            Ok(found) => rows.iter().zip(found).for_each(|(row, seen)| {
                self.judge_row(*row, floor, seen.as_deref());
            }),
            Err(_) => self.failed(failures),
        }
    }

    async fn read_hand(&self, hand: usize, floor: &Cells) {
        let hands = self.site.hands.scoped(scope_of(hand));
        if let Some(seen) = hands.get(format!("hand {}", hand % 2)).await {
            let wrong = self.world().judge(&format!("hand {hand}"), floor, &seen);
            self.verdict(wrong);
        }
    }

    async fn look(&self, row: usize, floor: &Cells) {
        if let Some(seen) = self.rows().get(format!("row {row}")).await {
            self.judge_row(row, floor, Some(&seen));
        }
    }

    async fn read(&self, mut chance: Chance, session: Option<&(Vec<usize>, u64)>) {
        let (mut floor, failures) = self.floor();
        if let Some((touched, number)) = session {
            super::world::raise(&mut floor, touched, *number);
        }
        let (row, author, background) =
            (chance.index(ROWS), chance.index(AUTHORS), chance.once_in(3));
        match chance.below(9) {
            0..=2 => self.read_row(row, background, &floor, failures).await,
            3 | 4 => {
                self.read_page(author, row, background, &floor, failures)
                    .await;
            }
            5 | 6 => {
                let rows = (0..3).map(|_| chance.index(ROWS)).collect();
                self.read_batch(rows, chance.once_in(2), &floor, failures)
                    .await;
            }
            7 => self.read_hand(chance.index(HANDS), &floor).await,
            _ => self.look(row, &floor).await,
        }
    }

    /// A read of a client that has written on some node.
    async fn read_in_session(&self, chance: Chance, token: Token) {
        let (position, touched, number) = token;
        let reached = self
            .site
            .larder
            .reach(position, Duration::from_millis(30))
            .await;
        let session = (touched, number);
        match reached {
            Reached::Behind => past_the_cache(self.read(chance, Some(&session))).await,
            Reached::Ignored if matches!(position, SessionPosition::Unpublished(_)) => {
                self.read(chance, None).await;
            }
            _ => self.read(chance, Some(&session)).await,
        }
    }
}

fn scope_of(which: usize) -> Scope {
    match which {
        0 | 1 => Scope::Public,
        2 => Scope::tenant("a"),
        _ => Scope::user("a"),
    }
}

impl History {
    fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let clock = ManualClock::new();
        let course = Course::new(&clock);
        let count = 2 + chance.index(3);
        let mut world = World::new(count);
        let policies = [(); 3].map(|()| policy(&mut chance));
        world.longest_life = policies.iter().map(life).max().unwrap();
        let mut history = Self {
            seed,
            store: FaultyStore::over(MemoryStore::with_clock(clock.clone())),
            world: Arc::new(Mutex::new(world)),
            sites: Vec::new(),
            policies,
            running: Vec::new(),
            left: Vec::new(),
            tokens: Arc::default(),
            alone: chance.once_in(2),
            lower: chance.once_in(5),
            busy: Arc::default(),
            chance,
            clock,
            course,
        };
        history.sites = (0..count).map(|at| Site::build(at, &history)).collect();
        (0..count).for_each(|at| history.poll(at, usize::MAX));
        history
    }

    fn gate(&mut self, closed: u64) -> Gate {
        let gate = Gate::closed();
        if !self.chance.once_in(closed) {
            gate.open();
        }
        gate
    }

    fn reader(&mut self, step: usize, closed: u64) -> Reader {
        let at = self.chance.index(self.sites.len());
        let scope = scope_of(self.chance.index(4));
        Reader {
            site: self.sites[at].clone(),
            world: Arc::clone(&self.world),
            clock: self.clock.clone(),
            course: self.course.clone(),
            scope,
            gates: [self.gate(closed), self.gate(closed)],
            fails: self.chance.once_in(15),
            what: format!("LARDER_SEED={} step {step}", self.seed),
        }
    }

    fn begin_read(&mut self, step: usize, closed: u64) {
        let reader = self.reader(step, closed);
        let (chance, session) = (self.chance.fork(), self.chance.once_in(4));
        let token = {
            let tokens = self.tokens.lock().unwrap();
            let token = tokens.get(tokens.len().saturating_sub(1 + self.chance.index(3)));
            token.filter(|_| session).cloned()
        };
        let gates = reader.gates.to_vec();
        let in_scope = self.chance.once_in(2);
        let task = tokio::spawn(async move {
            let scope = reader.site.larder.read_scope();
            let read = async {
                match token {
                    Some(token) => reader.read_in_session(chance, token).await,
                    None => reader.read(chance, None).await,
                }
            };
            if in_scope {
                scope.run(read).await;
            } else {
                read.await;
            }
        });
        self.running.push(Running {
            task,
            gates,
            cancellable: true,
        });
    }

    fn fate(&mut self, gates: &mut Vec<Gate>) -> Fate {
        let mut held = |fate: fn(Gate) -> Fate| {
            let gate = Gate::closed();
            gates.push(gate.clone());
            fate(gate)
        };
        match self.chance.below(16) {
            0 => held(Fate::Waits),
            1 => held(Fate::Answers),
            2 => Fate::Lost,
            _ => Fate::Works,
        }
    }

    fn begin_write(&mut self) {
        let at = self.chance.index(self.sites.len());
        let mut gates = Vec::new();
        let fate = self.fate(&mut gates);
        self.sites[at].end.set(fate);
        let (site, world, clock) = (
            self.sites[at].clone(),
            Arc::clone(&self.world),
            self.clock.clone(),
        );
        let write = world.lock().unwrap().write(&mut self.chance);
        let between = self.gate(6);
        let cancellable = !gates.is_empty() && between.waiting() == 0;
        let (tokens, alone) = (Arc::clone(&self.tokens), self.alone);
        gates.push(between.clone());
        let task = tokio::spawn(async move {
            between.passed().await;
            let writes = Writes::new();
            let larder = site.larder.clone();
            let changes = write.changes.clone();
            let publish = async move { larder.publish_all(changes).await.is_ok() };
            let published = writes.run(publish).await;
            let mut world = world.lock().unwrap();
            world.returned(site.at, write.number, published, alone, clock.now());
            if let Some(position) = writes.position() {
                tokens
                    .lock()
                    .unwrap()
                    .push((position, write.touched, write.number));
            }
        });
        self.running.push(Running {
            task,
            gates,
            cancellable,
        });
    }

    fn begin_by_hand(&mut self) {
        let (at, hand) = (
            self.chance.index(self.sites.len()),
            self.chance.index(HANDS),
        );
        if std::mem::replace(&mut self.busy.lock().unwrap()[hand], true) {
            return;
        }
        let mut gates = Vec::new();
        let fate = self.fate(&mut gates);
        self.sites[at].end.set(fate);
        let number = self.world.lock().unwrap().hand(hand);
        let (site, world, clock) = (
            self.sites[at].clone(),
            Arc::clone(&self.world),
            self.clock.clone(),
        );
        let (busy, alone, removes) = (Arc::clone(&self.busy), self.alone, self.chance.once_in(4));
        let task = tokio::spawn(async move {
            let hands = site.hands.scoped(scope_of(hand));
            let key = format!("hand {}", hand % 2);
            let value = Seen {
                whose: format!("hand {hand}"),
                cells: vec![(HAND + hand, number)],
            };
            let done = if removes {
                hands.remove(key).await
            } else {
                hands.put(key, value).await
            };
            let mut world = world.lock().unwrap();
            world.returned(site.at, number, done.is_ok(), alone, clock.now());
            busy.lock().unwrap()[hand] = false;
        });
        self.running.push(Running {
            task,
            gates,
            cancellable: false,
        });
    }

    fn poll(&mut self, at: usize, most: usize) {
        let queued = |site: &Site| site.larder.snapshot().unpublished > 0;
        let counts = self.alone || !self.sites.iter().any(queued);
        let mix = self.chance.once_in(4);
        if let Some(heard) = self.sites[at].end.poll(most, counts, mix) {
            let mut world = self.world.lock().unwrap();
            heard.iter().for_each(|number| world.hears(at, *number));
        }
    }

    fn advance(&mut self) {
        let millis = [1, 5, 50, 200, 700, 1_200, 4_000][self.chance.index(7)];
        self.clock.advance(Duration::from_millis(millis));
    }

    fn break_store(&mut self) {
        const FAULTS: [StoreFault; 10] = [
            StoreFault::Fails,
            StoreFault::TimesOut,
            StoreFault::Hangs,
            StoreFault::Down,
            StoreFault::LosesPuts,
            StoreFault::DelaysPuts,
            StoreFault::BringsBackOld,
            StoreFault::Corrupts,
            StoreFault::MixesUp,
            StoreFault::AnswersShort,
        ];
        let fault = FAULTS.get(self.chance.index(2 * FAULTS.len())).copied();
        self.store.set(fault.unwrap_or(StoreFault::None));
    }

    fn break_bus(&mut self) {
        let at = self.chance.index(self.sites.len());
        match self.chance.below(8) {
            0..=2 if self.alone => {
                self.sites[at].end.cut.fetch_xor(true, Ordering::SeqCst);
            }
            0..=2 => {
                let mut kept = self.course.lock();
                kept.down = !kept.down;
            }
            3 => {
                let keep = self.chance.index(6);
                self.course.lock().trim(keep);
            }
            4 | 5 => {
                let lost = self.chance.index(4);
                self.course.lock().fail_over(lost, self.lower);
            }
            6 => self.sites[at].end.replay(),
            _ => self.restart(at),
        }
    }

    /// A node ends and another comes in its place, if it has nothing left to publish.
    fn restart(&mut self, at: usize) {
        let quiet = self.running.is_empty() && !self.sites[at].end.is_cut();
        if quiet && self.sites[at].larder.snapshot().unpublished == 0 {
            self.sites[at] = Site::build(at, self);
            self.poll(at, usize::MAX);
        }
    }

    async fn soften(&mut self) {
        let at = self.chance.index(self.sites.len());
        let site = self.sites[at].clone();
        site.end.set(Fate::Works);
        let (row, kind) = (self.chance.index(ROWS), self.chance.below(7));
        let rows = site.rows.scoped(scope_of(self.chance.index(4)));
        let soft = async {
            match kind {
                0 => drop(site.larder.invalidate_soft(tag_name(row % TAGS)).await),
                1 => drop(rows.remove_soft(format!("row {row}")).await),
                2 => drop(site.pages.invalidate_all_soft().await),
                3 => drop(site.rows.invalidate_all().await),
                4 => drop(site.rows.invalidate_matching("*").await),
                5 => drop(site.larder.publish(Change::everything().soft()).await),
                _ => {
                    let change = Change::row(&table("offer"), i64::try_from(row).unwrap());
                    drop(site.larder.publish(change.soft()).await);
                }
            }
        };
        within("a soft change", soft).await;
    }

    fn switch(&mut self) {
        let at = self.chance.index(self.sites.len());
        let share = if self.chance.once_in(2) {
            Share::OFF
        } else {
            Share::ON
        };
        let switches = self.sites[at].larder.switches();
        switches.set_region("rows", share).unwrap();
    }

    /// Lets one go on, or go away.
    async fn nudge(&mut self) {
        if self.running.is_empty() {
            return;
        }
        let at = self.chance.index(self.running.len());
        if self.running[at].cancellable && self.chance.once_in(4) {
            let gone = self.running.swap_remove(at);
            gone.task.abort();
            let ended = gone.task.await;
            assert!(
                ended.is_ok() || ended.unwrap_err().is_cancelled(),
                "a read panicked"
            );
            // What goes on in the background of it waits there still.
            self.left.extend(gone.gates);
        } else {
            let gates = if self.chance.once_in(4) {
                self.left.clone()
            } else {
                self.running[at].gates.clone()
            };
            if let Some(gate) = gates.get(self.chance.index(gates.len().max(1))) {
                gate.open();
            }
        }
    }

    /// Takes the ends of those that have ended.
    async fn reap(&mut self) {
        settled().await;
        let (ended, running) = std::mem::take(&mut self.running)
            .into_iter()
            .partition(|one| one.task.is_finished());
        self.running = running;
        for one in ended {
            let one: Running = one;
            self.left.extend(one.gates);
            one.task.await.unwrap();
        }
    }

    async fn step(&mut self, step: usize) {
        match self.chance.below(40) {
            0..=11 => self.begin_read(step, 1_000_000),
            12..=14 => self.begin_read(step, 2),
            15..=17 => self.nudge().await,
            18..=22 => self.begin_write(),
            23..=28 => {
                let at = self.chance.index(self.sites.len());
                let most = [1, 2, usize::MAX, usize::MAX][self.chance.index(4)];
                self.poll(at, most);
            }
            29 | 30 => self.advance(),
            31 => self.break_store(),
            32 | 33 => self.break_bus(),
            34 => self.soften().await,
            35 => self.switch(),
            36 | 37 => self.begin_by_hand(),
            38 => {
                let now = self.clock.now();
                self.world
                    .lock()
                    .unwrap()
                    .write_unseen(&mut self.chance, now);
            }
            _ => {
                let at = self.chance.index(self.sites.len());
                let key = Key::from(format!("row {}", self.chance.index(ROWS)));
                self.sites[at].rows.evict(&key);
            }
        }
        self.reap().await;
    }

    /// Faults end: all goes on, and nothing that is served is old any more.
    async fn converge(&mut self) {
        self.store.set(StoreFault::None);
        self.course.lock().down = false;
        for site in &self.sites {
            site.end.cut.store(false, Ordering::SeqCst);
            site.larder
                .switches()
                .set_region("rows", Share::ON)
                .unwrap();
        }
        self.running
            .iter()
            .flat_map(|one| &one.gates)
            .chain(&self.left)
            .for_each(Gate::open);
        for _ in 0..60 {
            (0..self.sites.len()).for_each(|at| self.poll(at, usize::MAX));
            self.clock.advance(Duration::from_millis(30));
            self.reap().await;
        }
        assert!(
            self.running.is_empty(),
            "LARDER_SEED={}: something hangs",
            self.seed
        );
        let queued: u64 = self
            .sites
            .iter()
            .map(|site| site.larder.snapshot().unpublished)
            .sum();
        assert_eq!(
            queued, 0,
            "LARDER_SEED={}: nothing is left in a queue",
            self.seed
        );
        for _ in 0..40 {
            self.begin_read(STEPS, 1_000_000);
            self.reap().await;
        }
    }

    /// Returns how many answers were judged, how many of them were hits, and how many of those from the store.
    async fn run(mut self) -> [u64; 3] {
        for step in 0..STEPS {
            self.step(step).await;
        }
        self.converge().await;
        let judged = self.world.lock().unwrap().judged;
        let regions = self
            .sites
            .iter()
            .flat_map(|site| site.larder.snapshot().regions);
        regions.fold([judged, 0, 0], |[judged, hits, remote], region| {
            [judged, hits + region.hits, remote + region.remote_hits]
        })
    }
}

#[tokio::test]
async fn every_read_of_every_node_keeps_what_is_promised() {
    let seed = crate::oracle::seed();
    let histories =
        std::env::var("LARDER_HISTORIES").map_or(HISTORIES, |count| count.parse().unwrap());
    let mut sum = [0; 3];
    for history in 0..histories {
        let counts = History::new(seed.wrapping_add(history)).run().await;
        sum.iter_mut()
            .zip(counts)
            .for_each(|(sum, count)| *sum += count);
    }
    println!("{histories} histories: answers judged, hits, hits in the store: {sum:?}");
}
