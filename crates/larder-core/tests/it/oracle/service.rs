//! A service on the database: some regions, one made of the other, and writes of every kind.

use std::sync::Arc;

use larder_core::{Change, Dependency, Key, Larder, Policy, Region, Scope, Share};

use crate::oracle::chaos::{Chance, unless_cancelled};
use crate::oracle::database::{Answer, Database, GROUPS, ROWS, State, group_of, image, row_of};
use crate::scene::{S, table};

/// Regions that are switched off and on.
const SWITCHED: [&str; 5] = ["rows", "groups", "pages", "maybe", "by-hand"];

/// Why a loader gives nothing: the database went away after it had shown this.
#[derive(Debug)]
pub(crate) struct Down(pub(crate) Answer);

/// One node of the service.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) node: usize,
    alone: bool,
    pub(crate) larder: Larder,
    database: Arc<Database>,
    rows: Region<State>,
    groups: Region<Answer>,
    pages: Region<Answer>,
    tables: Region<Answer>,
    maybe: Region<State>,
    tagged: Region<State>,
    /// Invalidated by key: put, removed, or by pattern.
    by_hand: Region<State>,
}

/// What a read may ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Query {
    Row(usize),
    /// A row that is taken to be absent in every other version.
    Maybe(usize),
    Tagged(usize),
    ByHand(usize),
    /// Several rows at once.
    Batch(u64),
    Group(u64),
    /// A group, its rows one by one, and a row by hand; for a user or for all.
    Page(u64, bool),
    Table,
}

impl Query {
    pub(crate) fn any(chance: &mut Chance) -> Self {
        let row = chance.index(ROWS);
        match chance.below(14) {
            0..3 => Self::Row(row),
            12 | 13 => Self::Maybe(row),
            3 => Self::Tagged(row),
            4 | 5 => Self::ByHand(row),
            6 => Self::Batch(chance.next()),
            7 | 8 => Self::Group(chance.below(GROUPS)),
            9 | 10 => Self::Page(chance.below(GROUPS), chance.once_in(3)),
            _ => Self::Table,
        }
    }

    /// Returns one of each.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let rows = (0..ROWS).flat_map(|row| {
            [
                Self::Row(row),
                Self::Maybe(row),
                Self::Tagged(row),
                Self::ByHand(row),
            ]
        });
        let groups = (0..GROUPS).flat_map(|group| {
            [
                Self::Group(group),
                Self::Page(group, false),
                Self::Page(group, true),
            ]
        });
        rows.chain(groups)
            .chain([Self::Table, Self::Batch(u64::MAX), Self::Batch(0x00ff_00ff)])
    }

    /// Returns the group whose rows the answer must hold, all of them and no others.
    pub(crate) fn group(self) -> Option<u64> {
        match self {
            Self::Group(group) | Self::Page(group, _) => Some(group),
            _ => None,
        }
    }

    /// Returns the row the answer must hold if it is not taken to be absent.
    pub(crate) fn maybe(self) -> Option<usize> {
        match self {
            Self::Maybe(row) => Some(row),
            _ => None,
        }
    }

    fn batch(mask: u64) -> Vec<usize> {
        (0..ROWS).filter(|row| mask >> row & 1 == 1).collect()
    }

    /// Returns the answer without a cache.
    pub(crate) fn truth(self, database: &Database) -> Answer {
        let one = |row: usize| (row, database.rows[row].state());
        match self {
            Self::Row(row) | Self::Tagged(row) | Self::ByHand(row) => vec![one(row)],
            Self::Maybe(row) => vec![one(row)]
                .into_iter()
                .filter(|(_, state)| state.is_there())
                .collect(),
            Self::Batch(mask) => Self::batch(mask).into_iter().map(one).collect(),
            Self::Group(group) | Self::Page(group, _) => database.group(group),
            Self::Table => (0..ROWS).map(one).collect(),
        }
    }
}

impl Service {
    pub(crate) fn new(node: usize, alone: bool, larder: Larder, database: &Arc<Database>) -> Self {
        let policy = || Policy::ttl(5 * S).grace(5 * S).jitter(0.3).early_refresh(S);
        Self {
            node,
            alone,
            rows: larder.region("rows", policy()).unwrap(),
            groups: larder.region("groups", policy()).unwrap(),
            pages: larder.region("pages", policy()).unwrap(),
            tables: larder.region("tables", policy()).unwrap(),
            maybe: larder
                .region("maybe", policy().negative_ttl(3 * S))
                .unwrap(),
            tagged: larder.region("tagged", policy()).unwrap(),
            by_hand: larder.region("by-hand", policy()).unwrap(),
            larder,
            database: Arc::clone(database),
        }
    }

    /// Answers a query through the cache; loaders dawdle, fail and panic now and then.
    pub(crate) async fn read(
        &self,
        query: Query,
        chance: &mut Chance,
    ) -> Result<Answer, Arc<Down>> {
        match query {
            Query::Row(row) => Ok(vec![(row, self.row(row, chance.fork()).await?)]),
            Query::Tagged(row) => {
                let tag = Dependency::tag(tag(row));
                let load = self.cell(row, Some(tag), chance.fork());
                Ok(vec![(
                    row,
                    *self.tagged.get_or_load(row_key(row), || load).await?,
                )])
            }
            Query::Maybe(row) => {
                let load = async {
                    let state = self.cell(row, Some(row_of(row)), chance.fork()).await?;
                    Ok(state.is_there().then_some(state))
                };
                let found = self
                    .maybe
                    .get_or_load_optional(row_key(row), || load)
                    .await?;
                Ok(found.into_iter().map(|state| (row, *state)).collect())
            }
            Query::ByHand(row) => Ok(vec![(row, self.by_hand(row, chance.fork()).await?)]),
            Query::Batch(mask) => self.batch(&Query::batch(mask), chance.fork()).await,
            Query::Group(group) => self.group(group, chance.fork()).await,
            Query::Page(group, user) => self.page(group, user, chance.fork()).await,
            Query::Table => self.table(chance.fork()).await,
        }
    }

    /// Reads one row of the database, as a loader does.
    async fn cell(
        &self,
        row: usize,
        reads: Option<Dependency>,
        mut chance: Chance,
    ) -> Result<State, Down> {
        chance.dawdle().await;
        if let Some(reads) = reads {
            self.larder.reading(None, &[reads]);
        }
        let state = self.database.rows[row].state();
        chance.dawdle().await;
        if chance.once_in(400) {
            // Does not ask the panic hook, which would print it.
            std::panic::resume_unwind(Box::new("as told"));
        }
        if chance.once_in(100) {
            Err(Down(vec![(row, state)]))
        } else {
            Ok(state)
        }
    }

    async fn row(&self, row: usize, mut chance: Chance) -> Result<State, Arc<Down>> {
        if chance.once_in(3) {
            let (service, inner) = (self.clone(), chance.fork());
            let loader = move || async move { service.cell(row, Some(row_of(row)), inner).await };
            return Ok(*self.rows.get_or_refresh(row_key(row), loader).await?);
        }
        let load = self.cell(row, Some(row_of(row)), chance);
        Ok(*self.rows.get_or_load(row_key(row), || load).await?)
    }

    async fn by_hand(&self, row: usize, chance: Chance) -> Result<State, Arc<Down>> {
        let load = self.cell(row, None, chance);
        Ok(*self.by_hand.get_or_load(row_key(row), || load).await?)
    }

    async fn batch(&self, rows: &[usize], mut chance: Chance) -> Result<Answer, Arc<Down>> {
        let keys: Vec<RowName> = rows.iter().copied().map(RowName).collect();
        let loader = |missing: Vec<RowName>| {
            let mut chance = chance.fork();
            async move {
                chance.dawdle().await;
                let mut pairs = Vec::new();
                for row in missing {
                    pairs.push((row, self.database.rows[row.0].state()));
                    chance.dawdle().await;
                }
                if chance.once_in(100) {
                    Err(Down(
                        pairs.iter().map(|(row, state)| (row.0, *state)).collect(),
                    ))
                } else {
                    Ok(pairs)
                }
            }
        };
        let found = self
            .rows
            .get_many_or_load_by(keys, |row| row_of(row.0), loader)
            .await?;
        Ok(rows
            .iter()
            .copied()
            .zip(found.into_iter().map(|state| *state.unwrap()))
            .collect())
    }

    async fn group(&self, group: u64, mut chance: Chance) -> Result<Answer, Arc<Down>> {
        let load = async {
            chance.dawdle().await;
            self.larder.reading(None, &[group_of(group)]);
            let answer = self.database.group(group);
            // Rows with their keys depend on these too: a row of the answer may be written by one
            // who has not heard yet that another moved it.
            let rows: Vec<_> = answer.iter().map(|(row, _)| row_of(*row)).collect();
            self.larder.reading(None, &rows);
            chance.dawdle().await;
            if chance.once_in(100) {
                Err(Down(answer))
            } else {
                Ok(answer)
            }
        };
        self.groups
            .get_or_load(group, || load)
            .await
            .map(|answer| (*answer).clone())
    }

    async fn page(&self, group: u64, user: bool, mut chance: Chance) -> Result<Answer, Arc<Down>> {
        let scope = if user {
            Scope::user("ann")
        } else {
            Scope::Public
        };
        let load = async {
            let listed = self
                .group(group, chance.fork())
                .await
                .map_err(|down| Down(down.0.clone()))?;
            let mut page = Vec::new();
            for (row, _) in listed {
                let state = match chance.below(4) {
                    0 => self.by_hand(row, chance.fork()).await,
                    1 => self
                        .batch(&[row], chance.fork())
                        .await
                        .map(|rows| rows[0].1),
                    _ => self.row(row, chance.fork()).await,
                };
                // A page can be made of a failure, too.
                match state {
                    Ok(state) => page.push((row, state)),
                    Err(down) => page.extend(down.0.iter().filter(|(seen, _)| *seen == row)),
                }
            }
            Ok(page)
        };
        let pages = self.pages.scoped(scope);
        pages
            .get_or_load(group, || load)
            .await
            .map(|page| (*page).clone())
    }

    async fn table(&self, mut chance: Chance) -> Result<Answer, Arc<Down>> {
        let load = async {
            self.larder
                .reading(None, &[Dependency::table(&table("row"))]);
            let mut answer = Vec::new();
            for (number, row) in self.database.rows.iter().enumerate() {
                answer.push((number, row.state()));
                if chance.once_in(8) {
                    chance.dawdle().await;
                }
            }
            Ok::<_, Down>(answer)
        };
        self.tables
            .get_or_load("all", || load)
            .await
            .map(|answer| (*answer).clone())
    }

    /// Writes a row and publishes that; tells whether the publication was acknowledged.
    pub(crate) async fn write(&self, row: usize, chance: &mut Chance) {
        let cell = &self.database.rows[row];
        let _writing = cell.writer.lock().await;
        let old = cell.state();
        let new = State {
            version: old.version + 1,
            group: chance.below(GROUPS),
        };
        chance.dawdle().await;
        cell.commit(new);
        let acknowledged = self.publish(row, old, new, chance).await;
        // An error or a cancelled publication leaves it pending: this node hides it all the same.
        cell.raise_floor(self.node, new);
        if acknowledged {
            cell.publish(self.larder.clock().now(), new);
        }
    }

    async fn publish(&self, row: usize, old: State, new: State, chance: &mut Chance) -> bool {
        let change = Change::row(&table("row"), i64::try_from(row).unwrap());
        let change = match chance.below(40) {
            0 => Change::everything(),
            1..4 => Change::table(&table("row")),
            4..8 => change,
            8..12 => change.images(larder_core::Image::Unknown, image(new)),
            _ => change.images(image(old), image(new)),
        };
        // Cancelled after its first poll at the earliest: from then on the change is pending.
        let polls = |chance: &mut Chance| chance.once_in(10).then(|| chance.below(4) + 1);
        let changes = vec![change, Change::tag(tag(row))];
        let rows = unless_cancelled(polls(chance), self.larder.publish_all(changes)).await;
        let (key, polls) = (row_key(row), polls(chance));
        let by_hand = match chance.below(8) {
            0..3 => unless_cancelled(polls, self.by_hand.put(key, new)).await,
            // A pattern reaches the keys of its own node only.
            3 if self.alone => {
                let pattern = self
                    .by_hand
                    .invalidate_matching(&format!("row/{row}"))
                    .await;
                Some(pattern.map(drop))
            }
            4 => unless_cancelled(polls, self.by_hand.invalidate_all()).await,
            _ => unless_cancelled(polls, self.by_hand.remove(key)).await,
        };
        matches!((rows, by_hand), (Some(Ok(_)), Some(Ok(()))))
    }

    /// Switches everything on.
    pub(crate) fn switch_on(&self) {
        for region in SWITCHED {
            self.larder
                .switches()
                .set_region(region, Share::ON)
                .unwrap();
        }
    }

    /// Does something that must not matter to anybody.
    pub(crate) async fn stir(&self, chance: &mut Chance) {
        let percent = [0, 50, 100, 100, 100][chance.index(5)];
        let region = SWITCHED[chance.index(SWITCHED.len())];
        match chance.below(5) {
            0 => self
                .larder
                .switches()
                .set_region(region, Share::percent(percent).unwrap())
                .unwrap(),
            1 => drop(self.rows.invalidate_all_soft().await),
            2 => drop(self.pages.invalidate_all_soft().await),
            3 => self.rows.evict(&row_key(chance.index(ROWS))),
            _ => drop(self.groups.invalidate_matching_soft("*").await),
        }
    }

    /// Tells whether a cached answer is there; only for the figures.
    pub(crate) fn figures(&self) -> (u64, u64) {
        let snapshot = self.larder.snapshot();
        let sum = |count: fn(&larder_core::RegionSnapshot) -> u64| {
            snapshot.regions.iter().map(count).sum()
        };
        (sum(|region| region.hits), sum(|region| region.misses))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct RowName(usize);

impl From<RowName> for Key {
    fn from(row: RowName) -> Self {
        row_key(row.0)
    }
}

fn row_key(row: usize) -> Key {
    Key::from(("row", row as u64))
}

fn tag(row: usize) -> String {
    format!("rows{}", row % 5)
}
