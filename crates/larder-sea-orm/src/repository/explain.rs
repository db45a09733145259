//! Explanations of what is kept for an entity's reads.

use larder_core::explain::State;
use larder_core::{Explanation, Refusal, Region};
use sea_orm::sea_query::IntoValueTuple as _;
use sea_orm::{ConnectionTrait, Select};

use super::asking::Asking;
use super::keys::Answered;
use super::{IdOf, Repository};
use crate::CachedEntity;
use crate::view::Access;

/// Says why a read is served from the cache or not; see [`Region::explain`].
impl<E, C> Repository<'_, E, C>
where
    E: CachedEntity,
    C: ConnectionTrait + Send + Sync + 'static,
{
    /// Explains [`find_by_id`](crate::CachedRepository::find_by_id).
    ///
    /// ```no_run
    /// # use larder_sea_orm::{CachedConnection, CachedEntity, IdOf};
    /// # fn show<E: CachedEntity>(db: &CachedConnection<sea_orm::DatabaseConnection>) where i32: Into<IdOf<E>> {
    /// println!("{}", db.repository::<E>().explain_by_id(7));
    /// # }
    /// ```
    pub fn explain_by_id<T: Into<IdOf<E>>>(&self, id: T) -> Explanation {
        let id = id.into().into_value_tuple();
        self.explained(&self.regions.rows, &self.ask(|keys| keys.row(&id)))
    }

    /// Explains [`find`](crate::CachedRepository::find).
    pub fn explain_find(&self, query: &Select<E>) -> Explanation {
        self.explained(&self.regions.lists, &self.asking(Answered::Rows, query))
    }

    /// Explains [`find_one`](crate::CachedRepository::find_one).
    pub fn explain_find_one(&self, query: &Select<E>) -> Explanation {
        self.explained(&self.regions.rows, &self.asking(Answered::First, query))
    }

    /// Explains [`count`](crate::CachedRepository::count).
    pub fn explain_count(&self, query: &Select<E>) -> Explanation {
        self.explained(&self.regions.numbers, &self.asking(Answered::Count, query))
    }

    /// Explains [`exists`](crate::CachedRepository::exists).
    pub fn explain_exists(&self, query: &Select<E>) -> Explanation {
        self.explained(&self.regions.numbers, &self.asking(Answered::Exists, query))
    }

    fn explained<V>(&self, region: &Region<V>, asking: &Asking) -> Explanation
    where
        V: Send + Sync + 'static,
    {
        let mut explanation = region.explain(&asking.key);
        if explanation.state != State::SwitchedOff
            && let Some(reason) = self.passes_by(asking)
        {
            explanation.state = State::PassedBy(reason);
        }
        explanation
    }

    /// Returns why the cache is not asked over this connection, if it is not.
    fn passes_by(&self, asking: &Asking) -> Option<&'static str> {
        let refusal = || asking.terms.refusal.or_else(|| self.db.refusal());
        match (self.db.access(), asking.terms.refusal) {
            (Access::Bypass, _) | (_, Some(_)) => {
                Some(refusal().map_or("the transaction's isolation", Refusal::as_str))
            }
            (Access::Serve | Access::ServeAlone, None) => None,
        }
    }
}
