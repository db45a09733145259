//! Reads under `SeaORM`'s role-based access control.
//!
//! Rights are the user's, rows are everybody's: an entry is kept for all, and each read asks whether its user may
//! read, before the cache is asked. What is *made* of such reads is the user's alone, and depends on the rights.

#[cfg(feature = "rbac")]
pub(crate) use self::rbac::Rights;
#[cfg(not(feature = "rbac"))]
pub(crate) use self::without::Rights;

tokio::task_local! {
    static FOR_ALL: ();
}

/// Polls the load of an entry that is kept for all who may read it.
pub(crate) fn for_all<F: Future>(load: F) -> impl Future<Output = F::Output> {
    FOR_ALL.scope((), load)
}

/// Tells whether an entry is being loaded that is kept for all who may read it.
pub(crate) fn is_for_all() -> bool {
    FOR_ALL.try_with(|()| ()).is_ok()
}

#[cfg(feature = "rbac")]
mod rbac {
    use std::any::Any;
    use std::sync::Arc;

    use larder_core::{Change, Scope};
    use sea_orm::rbac::{RbacEngine, RbacUserId};
    use sea_orm::sea_query::SelectStatement;
    use sea_orm::{DatabaseConnection, DbErr, RestrictedConnection, RestrictedTransaction};

    use crate::bypass::own;
    use crate::connection::CachedConnection;

    /// The rights of a user, if a connection has one.
    pub(crate) enum Rights<'a> {
        Pool(&'a RestrictedConnection),
        Transaction(&'a RestrictedTransaction),
    }

    impl<'a> Rights<'a> {
        /// Returns the rights that are checked over `conn`.
        pub(crate) fn over<C: 'static>(conn: &'a C) -> Option<Self> {
            let conn: &dyn Any = conn;
            let pool = conn.downcast_ref().map(Self::Pool);
            pool.or_else(|| conn.downcast_ref().map(Self::Transaction))
        }

        /// Tells whether the user may run a statement.
        pub(crate) fn check(&self, statement: &SelectStatement) -> Result<(), DbErr> {
            match self {
                Self::Pool(conn) => conn.user_can_run(statement),
                Self::Transaction(conn) => conn.user_can_run(statement),
            }
        }

        /// Returns whose rights they are.
        pub(crate) fn user(&self) -> Scope {
            let user = match self {
                Self::Pool(conn) => conn.user_id(),
                Self::Transaction(conn) => conn.user_id(),
            };
            Scope::user(user.0.to_string())
        }

        /// Returns the tag on which all depends that was made under rights.
        pub(crate) fn tag(domain: &str) -> Arc<str> {
            format!("larder:rbac:{domain}").into()
        }
    }

    impl CachedConnection<DatabaseConnection> {
        /// Returns this connection with the rights of a user of `SeaORM`'s role-based access control.
        ///
        /// Every read is authorised, also one the cache answers. A repository's entries are shared by all who may read
        /// them; what is made of reads over it, a response for instance, is kept under `Scope::user` of the user's id
        /// (`"7"`) alone, and so only where that scope is asked for: `Region::scoped`, `vary_by_user`.
        ///
        /// # Errors
        /// There are no rules: [`load_rbac`](Self::load_rbac) was not called.
        pub fn restricted_for(
            &self,
            user: RbacUserId,
        ) -> Result<CachedConnection<RestrictedConnection>, DbErr> {
            let conn = self.inner().restricted_for(user)?;
            Ok(self.with_pool(Arc::new(conn)))
        }

        /// Reads the rules of access from the database; what was made under the old ones is invalid then.
        ///
        /// Rules that are replaced elsewhere count for every read at once, but not for responses that are kept.
        ///
        /// # Errors
        /// What the database answers to the queries of the rules.
        pub async fn load_rbac(&self) -> Result<(), DbErr> {
            own(self.inner().load_rbac()).await?;
            self.rights_changed().await;
            Ok(())
        }

        /// Replaces the rules of access; what was made under the old ones is invalid then.
        pub async fn replace_rbac(&self, engine: RbacEngine) {
            self.inner().replace_rbac(engine);
            self.rights_changed().await;
        }

        async fn rights_changed(&self) {
            let tag = Rights::tag(self.domain());
            self.domain.publish(vec![Change::tag(tag)]).await;
        }
    }
}

#[cfg(not(feature = "rbac"))]
mod without {
    use std::convert::Infallible;
    use std::marker::PhantomData;
    use std::sync::Arc;

    use larder_core::Scope;
    use sea_orm::DbErr;
    use sea_orm::sea_query::SelectStatement;

    /// Without the feature `rbac` no connection has rights.
    pub(crate) struct Rights<'a>(Infallible, PhantomData<&'a ()>);

    impl<'a> Rights<'a> {
        pub(crate) fn over<C: 'static>(_: &'a C) -> Option<Self> {
            None
        }

        pub(crate) fn check(&self, _: &SelectStatement) -> Result<(), DbErr> {
            match self.0 {}
        }

        pub(crate) fn user(&self) -> Scope {
            match self.0 {}
        }

        pub(crate) fn tag(domain: &str) -> Arc<str> {
            domain.into()
        }
    }
}
