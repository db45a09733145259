//! The connection that sees every statement.

mod autocommit;
mod begin;
mod end;
mod exact;
mod query;
mod statements;
mod stream;
mod within;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use larder_core::{Larder, Lifetime, Region, RegionError, Scope};
use sea_orm::DbErr;

pub(crate) use exact::exactly;
pub use stream::CachedStream;

use crate::CachedEntity;
use crate::domain::Domain;
use crate::reader::Reader;
use crate::repository::Repository;
use crate::session::Session;
use crate::view::{Access, access};

/// A pool, or a transaction begun on one, of which the cache sees every statement.
///
/// Any `SeaORM` code runs on it unchanged. What it reads becomes dependencies of the read scope
/// around it; what it writes is published when it is committed, before the call returns. The
/// crate's documentation says what that costs and where it ends.
///
/// A pool is cheap to clone. A transaction is what
/// [`begin`](sea_orm::TransactionTrait::begin) returns: the same type over another connection, so
/// that a function over `&CachedConnection<C>` takes both.
pub struct CachedConnection<C> {
    pub(crate) domain: Arc<Domain>,
    pub(crate) reader: Reader,
    link: Link<C>,
}

/// What statements are sent over.
enum Link<C> {
    Pool(Arc<C>),
    Transaction(Open<C>),
}

/// A handle of a transaction that is neither committed nor rolled back.
struct Open<C> {
    /// There until the transaction ends, one way or the other.
    conn: Option<C>,
    session: Arc<Session>,
    /// Rolls back; a pointer, because `Drop` cannot ask more of `C` than the type does.
    doom: fn(&Arc<Session>, C),
}

impl<C> CachedConnection<C> {
    /// Wraps a pool.
    pub(crate) fn pool(domain: Arc<Domain>, pool: Arc<C>) -> Self {
        Self {
            domain,
            reader: Reader::default(),
            link: Link::Pool(pool),
        }
    }

    /// Returns this connection over another pool of the same database.
    #[cfg(feature = "rbac")]
    pub(crate) fn with_pool<T>(&self, pool: Arc<T>) -> CachedConnection<T> {
        CachedConnection {
            domain: Arc::clone(&self.domain),
            reader: self.reader.clone(),
            link: Link::Pool(pool),
        }
    }

    /// Says who reads over this connection: a tenant's users, or one user.
    ///
    /// What repositories keep is then kept for them alone, and whatever is made of what is read here, a response for
    /// instance, is theirs as well: it is kept only where their scope is asked for. In return, tables under row-level
    /// security can be read from the cache, if their policies ask nothing but the row and the session: the scope
    /// must then tell all that the session does. So must it where settings such as `SET LOCAL app.tenant = ..` are
    /// made in a transaction, under which nothing is kept or served without a scope; what is read under other settings
    /// is kept apart even so.
    ///
    /// A scope only narrows. After two users or two tenants nothing is kept or served. Transactions begun on a scoped
    /// connection are scoped.
    ///
    /// ```
    /// # use larder_core::Scope;
    /// # use larder_sea_orm::CachedConnection;
    /// # fn of<C: Clone>(db: CachedConnection<C>) {
    /// let acme = db.clone().scoped(Scope::tenant("acme"));
    /// # }
    /// ```
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "as `Region::scoped` takes it"
    )]
    pub fn scoped(mut self, scope: Scope) -> Self {
        self.reader = self.reader.narrowed(&scope);
        self
    }

    /// Returns the `Larder` this is a connection of.
    pub fn larder(&self) -> &Larder {
        &self.domain.larder
    }

    /// Returns the name under which the pool was connected.
    pub fn domain(&self) -> &str {
        &self.domain.name
    }

    /// Returns how many statements were looked at since the database was connected.
    ///
    /// What is served from the cache asks for none.
    pub fn statements_seen(&self) -> u64 {
        self.domain.looked_at()
    }

    /// Returns the pool or transaction underneath.
    ///
    /// What is written through it is not published, and what is read through it is not recorded. It is noticed,
    /// most of the time; see [`Watch`](crate::Watch).
    pub fn inner(&self) -> &C {
        match &self.link {
            Link::Pool(pool) => pool,
            Link::Transaction(open) => open.conn(),
        }
    }

    /// Reads the schema anew, after another program has changed it; everything cached is invalid then.
    ///
    /// What changes the schema over this connection does this by itself.
    ///
    /// # Errors
    /// What the database answers to the queries of its schema. What was known of it still counts.
    pub async fn refresh_catalog(&self) -> Result<(), DbErr> {
        self.domain.refresh().await
    }

    /// Returns the rows and queries of `E`, read through the cache and written over this connection.
    ///
    /// # Panics
    /// If the entity's region cannot be declared; see [`try_repository`](Self::try_repository).
    pub fn repository<E: CachedEntity>(&self) -> Repository<'_, E, C> {
        self.try_repository()
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Like [`repository`](Self::repository), with the error of a region that cannot be declared.
    ///
    /// # Errors
    /// A policy or a name of a region that cannot be, or one declared before with another policy.
    /// What the derive macro accepts fails only if two entities share a region.
    pub fn try_repository<E: CachedEntity>(&self) -> Result<Repository<'_, E, C>, RegionError> {
        Repository::open(self)
    }

    /// Returns what the transaction's handles share; `None` for a pool.
    pub(crate) fn session(&self) -> Option<&Arc<Session>> {
        match &self.link {
            Link::Pool(_) => None,
            Link::Transaction(open) => Some(&open.session),
        }
    }

    /// Returns what the cache may do for a read over this connection.
    pub(crate) fn access(&self) -> Access {
        match self.session() {
            _ if self.domain.by_hand.is_open() || self.unknown_reader().is_some() => Access::Bypass,
            None => Access::Serve,
            Some(session) => access(session.view, session.bypasses()),
        }
    }

    /// Returns how long what was read over this connection is kept, or that there was nothing.
    ///
    /// A transaction's data may be as old as its beginning: the ttl counts from there.
    pub(crate) fn lifetime<V: Send + Sync + 'static>(
        &self,
        region: &Region<V>,
        present: bool,
    ) -> Lifetime {
        let lifetime = region.lifetime_of(present);
        let age = self.session().map_or(Duration::ZERO, |session| {
            self.domain.larder.clock().now().since(session.stamp.as_of)
        });
        Lifetime {
            ttl: lifetime.ttl.saturating_sub(age),
            ..lifetime
        }
    }

    /// Returns a connection that outlives this borrow; `None` for a transaction.
    pub(crate) fn detached(&self) -> Option<Self> {
        match &self.link {
            Link::Pool(pool) => Some(Self {
                domain: Arc::clone(&self.domain),
                reader: self.reader.clone(),
                link: Link::Pool(Arc::clone(pool)),
            }),
            Link::Transaction(_) => None,
        }
    }
}

impl<C> Open<C> {
    fn conn(&self) -> &C {
        self.conn
            .as_ref()
            .expect("a transaction has its connection until it ends")
    }

    /// Takes the connection: dropping this handle rolls nothing back any more.
    fn take(&mut self) -> C {
        self.conn
            .take()
            .expect("a transaction has its connection until it ends")
    }
}

impl<C> Drop for Open<C> {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            (self.doom)(&self.session, conn);
        }
    }
}

/// Clones a pool.
///
/// No transaction of `SeaORM`'s can be cloned. One of another driver that can is taken to be a second
/// handle of the same transaction.
impl<C: Clone> Clone for CachedConnection<C> {
    fn clone(&self) -> Self {
        let link = match &self.link {
            Link::Pool(pool) => Link::Pool(Arc::clone(pool)),
            Link::Transaction(open) => Link::Transaction(Open {
                conn: open.conn.clone(),
                session: Arc::clone(&open.session),
                doom: |_, conn| drop(conn),
            }),
        };
        Self {
            domain: Arc::clone(&self.domain),
            reader: self.reader.clone(),
            link,
        }
    }
}

impl<C> fmt::Debug for CachedConnection<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let link = if self.session().is_some() {
            "transaction"
        } else {
            "pool"
        };
        f.debug_struct("CachedConnection")
            .field("domain", &self.domain.name)
            .field("link", &link)
            .finish_non_exhaustive()
    }
}
