//! Many rows by their keys: what the cache lacks is loaded by one statement.

mod select;

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::FutureExt as _;
use larder_core::{Freshness, Key, Lead, Lookup, ReadScope, Turn};
use sea_orm::sea_query::ValueTuple;
use sea_orm::{ConnectionTrait, DbErr, ModelTrait as _, QueryTrait as _};

use self::select::{by_ids, most_rows, reads};
use super::asking::{Asking, Terms};
use super::keys::Keys;
use super::loads::{RowById, by_id};
use super::read::{read, refresh};
use super::{Repository, RowOf};
use crate::CachedEntity;
use crate::connection::CachedConnection;
use crate::restricted::for_all;
use crate::view::Access;

/// Rows found, by their keys.
type Found<E> = HashMap<Key, RowOf<E>>;

/// A row that is asked for.
struct Asked {
    id: ValueTuple,
    key: Key,
    /// Where it is answered: a key may be given more than once.
    places: Vec<usize>,
}

/// A row that is to be loaded.
struct Missing<E: CachedEntity> {
    asked: Asked,
    lead: Lead<E::Model>,
}

/// What the cache has for a row.
enum Look<E: CachedEntity> {
    Hit(Option<RowOf<E>>),
    Load(Box<Lead<E::Model>>),
}

/// Returns the rows with these keys, in their order.
pub(super) async fn find_by_ids<E, C>(
    repository: &Repository<'_, E, C>,
    ids: Vec<ValueTuple>,
) -> Result<Vec<Option<RowOf<E>>>, DbErr>
where
    E: CachedEntity,
    C: ConnectionTrait + Send + Sync + 'static,
{
    let mut answers = vec![None; ids.len()];
    let mut missing = Vec::new();
    if let (Some(rights), Some(id)) = (repository.db.rights(), ids.first()) {
        rights.check(by_id::<E>(id).as_query())?;
        repository.db.narrow();
    }
    let (keys, terms) = repository.keys();
    for asked in Repository::<E, C>::distinct(&keys, ids) {
        match repository.look(&asked, terms) {
            Look::Hit(row) => asked.answer(row.as_ref(), &mut answers),
            Look::Load(lead) => missing.push(Missing { asked, lead: *lead }),
        }
    }
    if !missing.is_empty() {
        Box::pin(load(repository, missing, &keys, terms, &mut answers)).await?;
    }
    Ok(answers)
}

impl Asked {
    fn answer<T>(&self, row: Option<&Arc<T>>, answers: &mut [Option<Arc<T>>]) {
        for place in &self.places {
            answers[*place] = row.map(Arc::clone);
        }
    }
}

impl<E, C> Repository<'_, E, C>
where
    E: CachedEntity,
    C: ConnectionTrait + Send + Sync + 'static,
{
    /// Gathers the places of each key.
    fn distinct(keys: &Keys, ids: Vec<ValueTuple>) -> Vec<Asked> {
        let mut first: HashMap<Key, usize> = HashMap::with_capacity(ids.len());
        let mut all: Vec<Asked> = Vec::with_capacity(ids.len());
        for (place, id) in ids.into_iter().enumerate() {
            let key = keys.row(&id);
            let index = *first.entry(key.clone()).or_insert(all.len());
            match all.get_mut(index) {
                Some(asked) => asked.places.push(place),
                None => all.push(Asked {
                    id,
                    key,
                    places: vec![place],
                }),
            }
        }
        all
    }

    fn look(&self, asked: &Asked, terms: Terms) -> Look<E> {
        let (rows, access) = (&self.regions.rows, self.db.access());
        if access == Access::Bypass || terms.refusal.is_some() {
            return Look::Load(Box::new(rows.alone(&asked.key)));
        }
        match rows.lookup(&asked.key) {
            Lookup::Hit(hit) => {
                if hit.freshness != Freshness::Fresh {
                    let load = RowById::<E>::new(asked.id.clone());
                    refresh(self.db, rows, &asked.key, load);
                }
                Look::Hit(hit.value)
            }
            Lookup::Miss if access == Access::Serve => self.lead(asked),
            Lookup::Miss | Lookup::Off => Look::Load(Box::new(rows.alone(&asked.key))),
        }
    }

    /// Takes the lead, or what has just landed. Waits for nobody: two batches would for each other.
    fn lead(&self, asked: &Asked) -> Look<E> {
        let rows = &self.regions.rows;
        match rows.join(&asked.key).now_or_never() {
            Some(Turn::Hit(hit)) => Look::Hit(hit.value),
            Some(Turn::Lead(lead) | Turn::Alone(lead)) => Look::Load(Box::new(lead)),
            Some(Turn::Failed(_)) | None => Look::Load(Box::new(rows.alone(&asked.key))),
        }
    }
}

/// Loads rows and answers them.
async fn load<E, C>(
    repository: &Repository<'_, E, C>,
    missing: Vec<Missing<E>>,
    keys: &Keys,
    terms: Terms,
    answers: &mut [Option<RowOf<E>>],
) -> Result<(), DbErr>
where
    E: CachedEntity,
    C: ConnectionTrait + Send + Sync + 'static,
{
    let ids: Vec<&ValueTuple> = missing.iter().map(|missing| &missing.asked.id).collect();
    record(repository.db, &missing, &ids).await;
    // Each load has what its own row depends on; together they would depend on all of them.
    let found = ReadScope::untracked()
        .run(fetch(repository, &ids, keys))
        .await;
    missing
        .iter()
        .for_each(|missing| terms.hold(repository.db, &missing.lead));
    if let Some(refusal) = repository.db.refusal() {
        // It has written while this waited for its turn.
        missing
            .iter()
            .for_each(|missing| missing.lead.refuse(refusal));
    }
    match found {
        Ok(found) => finish(repository, missing, &found, terms, answers).await,
        Err(error @ (DbErr::AccessDenied { .. } | DbErr::RbacError(_))) => {
            missing
                .into_iter()
                .for_each(|missing| missing.lead.release());
            Err(error)
        }
        Err(error) => {
            let shared = Arc::new(error.clone());
            missing
                .into_iter()
                .for_each(|missing| missing.lead.fail(Arc::clone(&shared)));
            Err(error)
        }
    }
}

/// Records for each row, in its own load, what it depends on.
async fn record<E, C>(db: &CachedConnection<C>, missing: &[Missing<E>], ids: &[&ValueTuple])
where
    E: CachedEntity,
    C: ConnectionTrait + Send + Sync + 'static,
{
    for (missing, read) in missing.iter().zip(reads::<E>(ids, &db.domain, &db.reader)) {
        missing.lead.run(for_all(async { db.record(&read) })).await;
    }
}

/// Reads rows, by as few statements as the database allows.
async fn fetch<E, C>(
    repository: &Repository<'_, E, C>,
    ids: &[&ValueTuple],
    keys: &Keys,
) -> Result<Found<E>, DbErr>
where
    E: CachedEntity,
    C: ConnectionTrait + Send + Sync + 'static,
{
    let backend = repository.db.get_database_backend();
    let mut found = Found::<E>::with_capacity(ids.len());
    for ids in ids.chunks(most_rows::<E>(backend)) {
        for row in by_ids::<E>(ids, backend).all(repository.db).await? {
            let key = keys.row(&row.get_primary_key_value());
            found.insert(key, Arc::new(row));
        }
    }
    Ok(found)
}

/// Ends the loads and answers the rows.
async fn finish<E, C>(
    repository: &Repository<'_, E, C>,
    missing: Vec<Missing<E>>,
    found: &Found<E>,
    terms: Terms,
    answers: &mut [Option<RowOf<E>>],
) -> Result<(), DbErr>
where
    E: CachedEntity,
    C: ConnectionTrait + Send + Sync + 'static,
{
    let (db, rows) = (repository.db, &repository.regions.rows);
    let is_found = |missing: &&Missing<E>| found.contains_key(&missing.asked.key);
    let exact = missing.iter().filter(is_found).count();
    for Missing { asked, lead } in missing {
        let row = match found.get(&asked.key).cloned() {
            // The database found a row by another spelling of its key: ask it which.
            None if found.len() > exact => {
                lead.release();
                let load = RowById::<E>::new(asked.id.clone());
                let asking = Asking {
                    key: asked.key.clone(),
                    terms,
                };
                read(db, rows, asking, load).await?
            }
            row => {
                let lifetime = db.lifetime(rows, row.is_some());
                lead.finish(row, lifetime).value
            }
        };
        asked.answer(row.as_ref(), answers);
    }
    Ok(())
}
