//! What writing and reading a row costs, for docs/measurements.md; run in release by name.

#![expect(unreachable_pub, reason = "what SeaORM generates is public")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use larder_core::Codec;

use self::article::{Entity, Model};
use crate::row_codec::{RowCodec, RowsCodec};

/// A row of ten columns, as many services have them.
mod article {
    use crate as larder_sea_orm;
    use crate::CachedEntity;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, CachedEntity)]
    #[sea_orm(table_name = "article")]
    #[cached(ttl = "10m", crate = "larder_sea_orm")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub author_id: i64,
        pub slug: String,
        pub title: String,
        pub body: String,
        pub views: i32,
        pub published: bool,
        pub score: Option<f64>,
        pub created_at: ChronoDateTimeUtc,
        pub updated_at: Option<ChronoDateTimeUtc>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

fn row(id: i64) -> Model {
    let at = sea_orm::prelude::ChronoDateTimeUtc::from_timestamp(1_790_000_000, 5).unwrap();
    Model {
        id,
        author_id: id % 50,
        slug: format!("an-article-{id}"),
        title: format!("An article, the {id}th"),
        body: "What it says, in as many words as it takes. ".repeat(4),
        views: 1234,
        published: true,
        score: Some(0.75),
        created_at: at,
        updated_at: None,
    }
}

/// Returns the median time of one call, of 200 rounds.
#[expect(clippy::disallowed_methods, reason = "real time is what is asked for")]
fn median<T>(mut call: impl FnMut() -> T) -> Duration {
    let mut round = || {
        let began = Instant::now();
        (0..20).for_each(|_| drop(black_box(call())));
        began.elapsed() / 20
    };
    let mut times: Vec<Duration> = (0..200).map(|_| round()).collect();
    times.sort();
    times[100]
}

fn costs<V>(name: &str, codec: &impl Codec<V>, value: &V) {
    let write = || {
        let mut bytes = Vec::new();
        codec.encode(value, &mut bytes).unwrap();
        bytes
    };
    let bytes = Bytes::from(write());
    let (writing, reading) = (
        median(write),
        median(|| codec.decode(bytes.clone()).unwrap()),
    );
    println!("| {name} | {} | {writing:?} | {reading:?} |", bytes.len());
}

#[test]
#[ignore = "a measurement"]
fn costs_of_rows() {
    costs("row", &RowCodec::<Entity>::new(), &row(7));
    let list: Vec<_> = (0..100).map(|id| Arc::new(row(id))).collect();
    costs("list of 100", &RowsCodec::<Entity>::new(), &list);
}
