//! Rows of the remote tier, lists of them, and numbers.

#![no_main]

/// An entity of the types there are, half of them nullable.
mod sample {
    use larder_sea_orm::CachedEntity;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, CachedEntity)]
    #[sea_orm(table_name = "sample")]
    #[cached(ttl = "10m", crate = "larder_sea_orm")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub tiny: i8,
        pub small: Option<i16>,
        pub int: i32,
        pub unsigned: u32,
        pub large: Option<u64>,
        pub single: Option<f32>,
        pub double: f64,
        pub text: String,
        pub note: Option<String>,
        pub flag: Option<bool>,
        pub bytes: Vec<u8>,
        pub uuid: Option<Uuid>,
        pub json: Json,
        pub maybe_json: Option<Json>,
        pub kind: Kind,
        pub number_kind: Option<NumberKind>,
        pub day: Option<ChronoDate>,
        pub time: ChronoTime,
        pub at: ChronoDateTime,
        pub at_utc: ChronoDateTimeUtc,
        pub at_zone: Option<ChronoDateTimeWithTimeZone>,
        pub other_day: TimeDate,
        pub other_time: Option<TimeTime>,
        pub other_at: TimeDateTime,
        pub other_at_zone: Option<TimeDateTimeWithTimeZone>,
        pub price: Decimal,
        pub exact: Option<BigDecimal>,
        #[sea_orm(ignore)]
        pub beside: u8,
    }

    #[derive(Copy, Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "kind")]
    pub enum Kind {
        #[sea_orm(string_value = "small")]
        Small,
        #[sea_orm(string_value = "large")]
        Large,
    }

    #[derive(Copy, Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "i32", db_type = "Integer")]
    pub enum NumberKind {
        #[sea_orm(num_value = 1)]
        One,
        #[sea_orm(num_value = 2)]
        Two,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    larder_fuzz::cheaply(data, larder_sea_orm::fuzz::rows::<sample::Entity>);
});
