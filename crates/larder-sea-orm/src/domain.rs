//! One database under its name: its schema, its regions, and where its changes go.

use std::any::{Any, TypeId};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use larder_core::{Change, Dependency, Larder, ReadScope, Refusal, TableName};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, RuntimeErr};
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::by_hand::ByHand;
use crate::bypass::{Bypass, own};
use crate::catalog::{Catalog, Relation};
use crate::connect::{DomainOptions, ForeignKeys};
use crate::entity::{Bulk, CachedEntity, relation};
use crate::landings::Landings;
use crate::reader::Reader;
use crate::session::{Held, Session};
use crate::statement::{Answer, Read, Wanted, Write};
use crate::view::View;

/// How long to wait before the schema is asked for again.
const RETRY: Duration = Duration::from_secs(1);

/// A database, by its name, and what all connections to it share.
pub(crate) struct Domain {
    pub(crate) larder: Larder,
    pub(crate) name: Arc<str>,
    pub(crate) backend: DbBackend,
    pub(crate) by_hand: ByHand,
    pub(crate) landings: Landings,
    pub(crate) bypass: Bypass,
    /// `None` while the schema cannot be read.
    catalog: RwLock<Option<Schemas>>,
    schema: Schema,
    /// Tables whose rows are read before statements of many rows change them.
    exact: RwLock<HashSet<TableName>>,
    /// Those of all tables are.
    all_exact: bool,
    /// Sends a write in a transaction of its own, after the rows it changes were read.
    exactly: Box<SendExactly>,
    /// How many statements were looked at.
    looked_at: AtomicU64,
    /// What entities keep here, by their types.
    kept: RwLock<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
}

/// The schema as different readers may use it.
struct Schemas {
    /// For connections that do not say who reads.
    everyone: Arc<Catalog>,
    /// For connections that do: the same, unless there are tables that show each reader their own rows.
    named: Arc<Catalog>,
}

/// Sends a write that belongs to no transaction.
pub(crate) type SendExactly = dyn Fn(Arc<Domain>, Box<Write>, Wanted) -> BoxFuture<'static, Result<Answer, DbErr>>
    + Send
    + Sync;

/// Reads the schema, one reader at a time, so that the last one to begin is the last one to end.
struct Schema {
    read: Box<dyn Fn() -> BoxFuture<'static, Result<Catalog, DbErr>> + Send + Sync>,
    turn: Mutex<()>,
}

impl Domain {
    /// Makes a domain of a pool, its schema read.
    ///
    /// # Errors
    /// What the database answers to the queries of its schema.
    pub(crate) async fn open<C>(
        larder: &Larder,
        name: &str,
        pool: &Arc<C>,
        options: &DomainOptions,
        exactly: Box<SendExactly>,
    ) -> Result<Self, DbErr>
    where
        C: ConnectionTrait + Send + Sync + 'static,
    {
        let keys_hold = options.foreign_keys == ForeignKeys::Hold;
        let mut catalog = own(Catalog::read(&**pool, name)).await?;
        catalog.keys_hold = keys_hold;
        let (pool, domain) = (Arc::clone(pool), name.to_owned());
        let said = Arc::clone(catalog.said());
        let backend = pool.get_database_backend();
        let read = move || {
            let (pool, domain, said) = (Arc::clone(&pool), domain.clone(), Arc::clone(&said));
            async move {
                let mut catalog = own(Catalog::read(&*pool, &domain)).await?;
                catalog.keys_hold = keys_hold;
                Ok(catalog.warning_through(&said))
            }
            .boxed()
        };
        Ok(Self {
            larder: larder.clone(),
            name: name.into(),
            backend,
            by_hand: ByHand::default(),
            landings: Landings::default(),
            bypass: Bypass::new(options.on_bypass),
            catalog: RwLock::new(Some(Schemas::new(catalog))),
            schema: Schema {
                read: Box::new(read),
                turn: Mutex::default(),
            },
            exact: RwLock::default(),
            all_exact: options.bulk == Bulk::Exact,
            exactly,
            looked_at: AtomicU64::new(0),
            kept: RwLock::default(),
        })
    }

    /// Has the rows of an entity read before statements of many rows change them, if it says so.
    pub(crate) fn declare_bulk<E: CachedEntity>(&self) {
        if E::bulk() == Bulk::Wide {
            return;
        }
        let name = relation::<E>();
        let Some(catalog) = self.catalog_for(&Reader::default()) else {
            return;
        };
        if let Relation::Table(table) = catalog.resolve(&name)
            && !self.is_exact(table.name())
        {
            let mut exact = self.exact.write().unwrap_or_else(PoisonError::into_inner);
            exact.insert(table.name().clone());
        }
    }

    /// Counts a statement that is looked at.
    pub(crate) fn look(&self) {
        self.looked_at.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many statements were looked at.
    pub(crate) fn looked_at(&self) -> u64 {
        self.looked_at.load(Ordering::Relaxed)
    }

    /// Tells whether the rows of a table are read before statements of many rows change them.
    pub(crate) fn is_exact(&self, table: &TableName) -> bool {
        self.all_exact
            || self
                .exact
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .contains(table)
    }

    /// Sends a write in a transaction of its own, after the rows it changes were read.
    pub(crate) async fn send_exactly(
        self: &Arc<Self>,
        write: Box<Write>,
        wanted: Wanted,
    ) -> Result<Answer, DbErr> {
        (self.exactly)(Arc::clone(self), write, wanted).await
    }

    /// Returns the schema; `None` while it cannot be read.
    pub(crate) fn catalog_for(&self, reader: &Reader) -> Option<Arc<Catalog>> {
        let schemas = self.catalog.read().unwrap_or_else(PoisonError::into_inner);
        let schemas = schemas.as_ref()?;
        let own = if reader.is_named() {
            &schemas.named
        } else {
            &schemas.everyone
        };
        Some(Arc::clone(own))
    }

    /// Tells whether the schema was not read anew since `catalog` was.
    pub(crate) fn is_current(&self, catalog: &Arc<Catalog>) -> bool {
        let schemas = self.catalog.read().unwrap_or_else(PoisonError::into_inner);
        schemas.as_ref().is_some_and(|schemas| {
            Arc::ptr_eq(&schemas.everyone, catalog) || Arc::ptr_eq(&schemas.named, catalog)
        })
    }

    /// Returns what an entity keeps here, made by the first call.
    pub(crate) fn kept<E: 'static, T: Send + Sync + 'static, X>(
        &self,
        make: impl FnOnce() -> Result<T, X>,
    ) -> Result<Arc<T>, X> {
        let id = TypeId::of::<(E, T)>();
        let known = self
            .kept
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
            .cloned();
        if let Some(Ok(known)) = known.map(Arc::downcast) {
            return Ok(known);
        }
        let made = Arc::new(make()?);
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        let first = kept.entry(id).or_insert_with(|| Arc::clone(&made) as _);
        Ok(Arc::downcast(Arc::clone(first)).unwrap_or(made))
    }

    /// Records a read that is about to be sent in the read scope around it.
    pub(crate) fn record(&self, read: &Read, session: Option<&Session>) {
        let stamp = session.map_or(read.stamp, |session| session.stamp);
        match &read.dependencies {
            Ok(reads) => self.larder.reading(Some(stamp), &reads.dependencies),
            Err(reason) => {
                self.larder.reading(Some(stamp), &[]);
                self.larder
                    .refuse_with(reason.refusal(), || reason.to_string());
            }
        }
        if let Some(refusal) = self.refusal(session) {
            self.larder.refuse(refusal);
        }
    }

    /// Records the rows that an answer told, in the read scope around it; `None`: there is no answer.
    pub(crate) fn record_rows(
        &self,
        read: &Read,
        rows: Option<&[QueryResult]>,
        session: Option<&Session>,
    ) {
        let Ok(reads) = &read.dependencies else {
            return;
        };
        if let Some(rows) = rows {
            reads.waiting.iter().for_each(|waiting| waiting.tell(rows));
        }
        let nothing = reads.members.is_empty() || rows.is_some_and(<[_]>::is_empty);
        if nothing || ReadScope::current().is_none() {
            return;
        }
        let stamp = session.map_or(read.stamp, |session| session.stamp);
        let members = reads.members.iter();
        let told: Vec<Dependency> = match rows {
            Some(rows) => members
                .flat_map(|members| rows.iter().filter_map(|row| members.dependency(row)))
                .collect(),
            None => members
                .map(|members| Dependency::table(&members.table))
                .collect(),
        };
        self.larder.reading(Some(stamp), &told);
    }

    /// Returns why what is read now must not be kept, whatever it is.
    pub(crate) fn refusal(&self, session: Option<&Session>) -> Option<Refusal> {
        match session {
            _ if self.by_hand.is_open() => Some(Refusal::Uncacheable("transaction-by-hand")),
            Some(session) if session.wrote() => Some(Refusal::WroteInTransaction),
            Some(session) if session.view == View::Dirty => {
                Some(Refusal::Uncacheable("read-uncommitted"))
            }
            _ => None,
        }
    }

    /// Publishes what was committed and returns once this node has applied it.
    ///
    /// A bus that does not take it has it queued; what it touches is not served here meanwhile.
    pub(crate) async fn publish(&self, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        let changes = if self.by_hand.is_open() {
            vec![Change::everything()]
        } else {
            changes
        };
        if let Err(error) = self.larder.publish_all(changes).await {
            tracing::debug!(domain = &*self.name, %error, "a commit is not published yet");
        }
    }

    /// Returns what a write has changed; `own` of the writes on their way are its own.
    ///
    /// What touched no row may have met what another write did that is not published yet: then it changed what it
    /// would have, so that whoever waited for it reads no older answer (`landings.rs`).
    pub(crate) fn changes(&self, write: &Write, answer: &Answer, own: u32) -> Vec<Change> {
        let changes = write.changes(answer, self);
        if changes.is_empty() && !self.landings.are_only(own) {
            return write.at_most(self);
        }
        changes
    }

    /// Publishes what may or may not have been committed, now and once more later.
    pub(crate) fn publish_unsure(&self, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        let changes = if self.by_hand.is_open() {
            vec![Change::everything()]
        } else {
            changes
        };
        if Handle::try_current().is_ok() {
            self.larder.publish_unsure(changes);
        } else {
            // Outside of a runtime nothing can run later: once, and what is not taken stays pending.
            let _ = self.larder.publish_all(changes).now_or_never();
        }
    }

    /// Publishes what a transaction held, after the schema was read anew if it changed.
    pub(crate) async fn publish_held(self: &Arc<Self>, held: Held) {
        if held.schema {
            self.reload().await;
        }
        self.publish(held.changes).await;
    }

    /// Publishes what a transaction of unknown end held.
    pub(crate) fn publish_held_unsure(self: &Arc<Self>, held: Held) {
        if held.schema {
            self.reload_later();
        }
        self.publish_unsure(held.changes);
    }

    /// Reads the schema anew and invalidates everything.
    ///
    /// # Errors
    /// What the database answers; then the schema is what it was.
    pub(crate) async fn refresh(&self) -> Result<(), DbErr> {
        self.schema.reload(self).await?;
        self.publish(vec![Change::everything()]).await;
        Ok(())
    }

    /// Reads the schema anew. If that fails, nothing is known of it until it succeeds.
    pub(crate) async fn reload(self: &Arc<Self>) {
        if let Err(error) = self.schema.reload(self).await {
            tracing::warn!(
                domain = &*self.name,
                %error,
                "the schema cannot be read: nothing is cached until it can"
            );
            self.reload_later();
        }
    }

    /// Forgets the schema and reads it in the background, as often as it takes.
    pub(crate) fn reload_later(self: &Arc<Self>) {
        self.set_catalog(None);
        let domain = Arc::downgrade(self);
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(reload_until_read(domain));
        }
    }

    fn set_catalog(&self, catalog: Option<Catalog>) {
        *self.catalog.write().unwrap_or_else(PoisonError::into_inner) = catalog.map(Schemas::new);
    }
}

impl Schemas {
    fn new(catalog: Catalog) -> Self {
        let named = catalog.for_named_readers().map(Arc::new);
        let everyone = Arc::new(catalog);
        Self {
            named: named.unwrap_or_else(|| Arc::clone(&everyone)),
            everyone,
        }
    }
}

impl Schema {
    async fn reload(&self, domain: &Domain) -> Result<(), DbErr> {
        let _turn = self.turn.lock().await;
        let catalog = (self.read)().await?;
        domain.set_catalog(Some(catalog));
        Ok(())
    }
}

async fn reload_until_read(domain: Weak<Domain>) {
    loop {
        let Some(domain) = domain.upgrade() else {
            return;
        };
        if domain.schema.reload(&domain).await.is_ok() {
            return;
        }
        let pause = domain.larder.clock().sleep(RETRY);
        drop(domain);
        pause.await;
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Domain")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Waits for a task that does a caller's work; its panic is the caller's.
pub(crate) async fn joined<T>(task: JoinHandle<Result<T, DbErr>>) -> Result<T, DbErr> {
    match task.await {
        Ok(answer) => answer,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(DbErr::Conn(RuntimeErr::Internal(
                "the runtime was shut down before the statement had ended".to_owned(),
            ))),
        },
    }
}
