//! The regions an entity's entries live in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use larder_core::{Larder, Region, RegionError, Scope};

use super::keys::Keys;
use crate::CachedEntity;
use crate::entity::weight;
use crate::row_codec::{NumberCodec, RowCodec, RowsCodec};

/// Rows, kept as they are handed out.
pub(super) type Rows<M> = Vec<Arc<M>>;

/// The regions of an entity: one by name, seen once for each type of value.
#[derive(Debug)]
pub(super) struct Regions<E: CachedEntity> {
    /// Single rows.
    pub(super) rows: Region<E::Model>,
    /// Lists of rows.
    pub(super) lists: Region<Rows<E::Model>>,
    /// Counts, and whether there is anything.
    pub(super) numbers: Region<u64>,
    /// What their keys begin with.
    pub(super) keys: Keys,
    /// It was warned of a scope that is too wide.
    warned: Arc<AtomicBool>,
}

impl<E: CachedEntity> Regions<E> {
    /// Declares the regions of `E` for the entries of `domain`.
    pub(super) fn declare(larder: &Larder, domain: &str) -> Result<Self, RegionError> {
        let (name, policy) = (E::region(), E::policy());
        let rows = larder.region_weighed(&name, policy.clone(), weight::<E::Model>)?;
        let lists = larder.region_weighed(&name, policy.clone(), weight_of_rows::<E>)?;
        let numbers = larder.region(&name, policy)?;
        Ok(Self {
            rows: rows.with_codec(RowCodec::<E>::new()),
            lists: lists.with_codec(RowsCodec::<E>::new()),
            numbers: numbers.with_codec(NumberCodec::<E>::new()),
            keys: Keys::of::<E>(domain),
            warned: Arc::default(),
        })
    }

    /// Returns the regions for entries of one tenant or user only.
    pub(super) fn scoped(&self, scope: &Scope) -> Self {
        Self {
            rows: self.rows.scoped(scope.clone()),
            lists: self.lists.scoped(scope.clone()),
            numbers: self.numbers.scoped(scope.clone()),
            keys: self.keys.clone(),
            warned: Arc::clone(&self.warned),
        }
    }

    /// Warns, the first time, that a repository keeps nothing because nobody says who reads.
    pub(super) fn warn_of_scope(&self) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                region = self.rows.name(),
                "an entity is read over a connection of a wider scope than it demands: nothing is kept or served; \
                 scope the connection"
            );
        }
    }
}

fn weight_of_rows<E: CachedEntity>(rows: &Rows<E::Model>) -> usize {
    let each = |row: &Arc<E::Model>| size_of::<Arc<E::Model>>() + weight(&**row);
    size_of::<Rows<E::Model>>() + rows.iter().map(each).sum::<usize>()
}
