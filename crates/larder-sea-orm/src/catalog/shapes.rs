//! Shapes of queries, each made once: a query that is sent again finds its own.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use larder_core::{Columns, Shape, TableName};

use super::Table;
use crate::analysis::bits::Bits;

/// With more shapes than this all are made anew.
const MOST_SHAPES: usize = 4096;

/// A table, the columns compared, those used, and those by which rows enter.
type ShapeOf = (TableName, Bits, Bits, Option<Bits>);

/// The shapes of the queries seen so far.
#[derive(Debug, Default)]
pub(crate) struct Shapes(RwLock<HashMap<ShapeOf, Arc<Shape>>>);

impl Shapes {
    /// Returns the shape of a query that compares and uses these columns of `table`.
    ///
    /// `enters`: the columns of conditions and orders, if the rows of the answer are told.
    pub(crate) fn get(
        &self,
        table: &Table,
        compared: &Bits,
        uses: &Bits,
        enters: Option<&Bits>,
    ) -> Arc<Shape> {
        let of = (
            table.name().clone(),
            compared.clone(),
            uses.clone(),
            enters.cloned(),
        );
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(shape) = known.get(&of) {
            return Arc::clone(shape);
        }
        drop(known);
        let shape = made(table, &of);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_SHAPES {
            known.clear();
        }
        Arc::clone(known.entry(of).or_insert(shape))
    }
}

/// A catalog that is copied begins anew.
impl Clone for Shapes {
    fn clone(&self) -> Self {
        Self::default()
    }
}

fn made(table: &Table, (_, compared, uses, enters): &ShapeOf) -> Arc<Shape> {
    let compared = names(table, compared);
    let uses = columns(table, uses);
    match enters {
        None => Shape::of_set(compared, uses),
        Some(enters) => Shape::of_rows(compared, uses, columns(table, enters)),
    }
}

fn columns(table: &Table, bits: &Bits) -> Columns {
    let all = table.columns().len();
    if (0..all).all(|place| bits.contains(place)) {
        Columns::All
    } else {
        Columns::named(names(table, bits))
    }
}

fn names(table: &Table, bits: &Bits) -> Vec<Arc<str>> {
    let columns = table.columns().iter().enumerate();
    columns
        .filter(|(place, _)| bits.contains(*place))
        .map(|(_, column)| Arc::clone(&column.name))
        .collect()
}
