//! What an entity tells the cache.

use larder_core::{Policy, ScopeKind};
use sea_orm::sea_query::{OptionEnum, Value};
use sea_orm::{
    ActiveModelBehavior, ColumnTrait, EntityTrait, IdenStatic, IntoActiveModel, Iterable,
    ModelTrait, TryIntoModel,
};

use crate::analysis::{Name, RelationName};

/// An entity whose rows and queries are cached when they are read through a repository.
///
/// Derive it on the model: `#[derive(CachedEntity)] #[cached(ttl = "10m")]`.
pub trait CachedEntity:
    EntityTrait<
        Model: IntoActiveModel<<Self as EntityTrait>::ActiveModel> + Send + Sync + 'static,
        ActiveModel: ActiveModelBehavior
                         + TryIntoModel<<Self as EntityTrait>::Model>
                         + Send
                         + Sync
                         + 'static,
        PrimaryKey: Send + Sync + 'static,
        Column: Send + Sync + 'static,
    > + Send
    + Sync
    + 'static
{
    /// Returns how long entries live, how stale they may be, and when they are refreshed.
    fn policy() -> Policy;

    /// Returns the name of the region the entries belong to. Default: the table's name.
    ///
    /// Entities may share a region if their policies are the same.
    fn region() -> String {
        Self::default().table_name().to_owned()
    }

    /// Returns how statements that write many rows of this entity are published. Default: [`Bulk::Wide`].
    fn bulk() -> Bulk {
        Bulk::Wide
    }

    /// Returns who must be named at least before entries are kept or served. Default: nobody.
    ///
    /// Of an entity of a tenant's or a user's rows a repository keeps and serves nothing unless its connection is
    /// [scoped](crate::CachedConnection::scoped) at least as narrowly. What other code reads of its table is
    /// judged as that of any table.
    fn scope() -> ScopeKind {
        ScopeKind::Public
    }
}

/// How UPDATE and DELETE statements of many rows are published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bulk {
    /// By what their WHERE says of all rows, without a further statement.
    #[default]
    Wide,
    /// Row by row: the rows are read and locked before they are written, in the same transaction.
    ///
    /// It is known to a connection once the entity's repository was opened over it, and then holds for any
    /// `SeaORM` UPDATE or DELETE of the table, of one row too, and for any UPDATE, DELETE, upsert or REPLACE, raw SQL
    /// too, of keys that it names, if those are integers (or UUIDs on `PostgreSQL`). It needs the right to SELECT, and
    /// where rows are locked the right to UPDATE, of the tables as well that follow by a foreign key and are exact.
    /// More than 1,024 rows are published as by [`Wide`](Self::Wide); so is, on `SQLite`, the first write of a
    /// transaction that was not begun as IMMEDIATE, because reading first could make it fail.
    Exact,
}

/// Returns a number for the columns of an entity: their names, types and order.
///
/// It is part of every key, so that what was kept for one shape of a model is never read as another. Stable
/// between processes and versions of Rust (FNV-1a, 64 bits).
pub fn fingerprint<E: EntityTrait>() -> u64 {
    let mut hash = Fnv::new();
    hash.part(E::default().table_name());
    for column in E::Column::iter() {
        let definition = column.def();
        hash.part(column.as_str());
        hash.part(&format!("{:?}", definition.get_column_type()));
        hash.part(if definition.is_null() { "null" } else { "" });
        hash.part(&format!("{:?}", E::Model::get_value_type(column)));
    }
    hash.0
}

/// Returns the table of an entity, as its statements name it.
pub(crate) fn relation<E: EntityTrait>() -> RelationName {
    let entity = E::default();
    let name = Name::quoted(entity.table_name().to_owned());
    match entity.schema_name() {
        Some(schema) => RelationName::qualified(Name::quoted(schema.to_owned()), name),
        None => RelationName::new(name),
    }
}

/// Returns about how many bytes a model takes: itself and what its columns hold on the heap.
pub(crate) fn weight<M: ModelTrait>(model: &M) -> usize {
    let heap: usize = <M::Entity as EntityTrait>::Column::iter()
        .map(|column| heap_bytes(&model.get(column)))
        .sum();
    size_of::<M>() + heap
}

/// Returns what a value holds on the heap, as far as it can be told without its driver's types.
fn heap_bytes(value: &Value) -> usize {
    match value {
        Value::Bool(_)
        | Value::TinyInt(_)
        | Value::SmallInt(_)
        | Value::Int(_)
        | Value::BigInt(_)
        | Value::TinyUnsigned(_)
        | Value::SmallUnsigned(_)
        | Value::Unsigned(_)
        | Value::BigUnsigned(_)
        | Value::Float(_)
        | Value::Double(_)
        | Value::Char(_)
        | Value::Enum(OptionEnum::None(_)) => 0,
        Value::String(text) => text.as_ref().map_or(0, String::len),
        Value::Bytes(bytes) => bytes.as_ref().map_or(0, Vec::len),
        Value::Enum(OptionEnum::Some(variant)) => variant.value.len(),
        // Dates, decimals and UUIDs print about as long as they are; JSON and arrays as they weigh.
        other => {
            let mut length = Length(0);
            let _ = std::fmt::write(&mut length, format_args!("{other:?}"));
            length.0
        }
    }
}

/// Counts what is written to it.
struct Length(usize);

impl std::fmt::Write for Length {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

/// FNV-1a over parts, each behind its length.
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn part(&mut self, text: &str) {
        self.bytes(&(text.len() as u64).to_le_bytes());
        self.bytes(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_weighs_what_it_holds_beside_itself() {
        assert_eq!(heap_bytes(&Value::from(7)), 0);
        assert_eq!(heap_bytes(&Value::from("four")), 4);
        assert_eq!(heap_bytes(&Value::from(vec![0_u8; 9])), 9);
        assert_eq!(heap_bytes(&Value::String(None)), 0);
        let id = Value::from(sea_orm::prelude::Uuid::nil());
        assert!(heap_bytes(&id) >= 16, "as long as it prints");
    }
}
