//! What travels arrives; what cannot be read is wider, never narrower.

use std::sync::Arc;

use proptest::prelude::*;

use super::{MOST_BYTES, decode, encode};
use crate::change::{Change, Image, What};
use crate::hostile::{Mutations, cheaply, hex};
use crate::name::{KeyPart, RowKey, TableName};
use crate::scope::Scope;
use crate::shape::Columns;
use crate::wire::Write;

fn article() -> TableName {
    TableName::new("main", "article")
}

fn image(columns: &[(&str, u64)]) -> Image {
    let columns = columns.iter();
    Image::Known(
        columns
            .map(|(name, hash)| ((*name).into(), *hash))
            .collect(),
    )
}

/// One change of each kind.
fn one_of_each() -> Vec<Change> {
    let columns = Columns::named([Arc::from("title"), Arc::from("author_id")]);
    let after = image(&[("title", 7), ("author_id", u64::MAX)]);
    let key = RowKey::new([
        KeyPart::Int(-7),
        "a".into(),
        KeyPart::Bytes([0, 255].into()),
    ]);
    vec![
        Change::row(&article(), key)
            .columns(columns.clone())
            .images(Image::Unknown, after.clone()),
        Change::rows(&TableName::new("other", "s.article")).images(after, Image::Absent),
        Change::table(&article()).soft(),
        Change::tag("prices"),
        Change::key("offers", Scope::tenant("acme"), ("a", 1)),
        Change::everything(),
    ]
}

fn names() -> impl Strategy<Value = Arc<str>> {
    prop_oneof!["[a-c]", ".{0,6}"].prop_map(Arc::from)
}

fn tables() -> impl Strategy<Value = TableName> {
    (names(), names()).prop_map(|(domain, table)| TableName::new(&domain, &table))
}

fn columns() -> impl Strategy<Value = Columns> {
    let named = prop::collection::vec(names(), 0..4).prop_map(Columns::named);
    prop_oneof![Just(Columns::All), named]
}

fn images() -> impl Strategy<Value = Image> {
    let known = prop::collection::vec((names(), any::<u64>()), 0..4);
    let known = known.prop_map(|columns| Image::Known(columns.into()));
    prop_oneof![Just(Image::Unknown), Just(Image::Absent), known]
}

fn row_keys() -> impl Strategy<Value = RowKey> {
    let part = prop_oneof![
        any::<i64>().prop_map(KeyPart::Int),
        names().prop_map(KeyPart::Text),
        any::<Vec<u8>>().prop_map(|bytes| KeyPart::Bytes(bytes.into())),
    ];
    prop::collection::vec(part, 0..3).prop_map(RowKey::new)
}

fn scopes() -> impl Strategy<Value = Scope> {
    prop_oneof![
        Just(Scope::Public),
        names().prop_map(Scope::tenant),
        names().prop_map(Scope::user)
    ]
}

fn changes() -> impl Strategy<Value = Change> {
    let row = (tables(), row_keys(), columns(), images(), images());
    let rows = (tables(), columns(), images(), images());
    let change = prop_oneof![
        row.prop_map(
            |(table, key, columns, before, after)| Change::row(&table, key)
                .columns(columns)
                .images(before, after)
        ),
        rows.prop_map(|(table, columns, before, after)| Change::rows(&table)
            .columns(columns)
            .images(before, after)),
        tables().prop_map(|table| Change::table(&table)),
        names().prop_map(Change::tag),
        (names(), scopes(), names())
            .prop_map(|(region, scope, key)| Change::key(region, scope, &*key)),
        Just(Change::everything()),
    ];
    (change, any::<bool>()).prop_map(|(change, soft)| if soft { change.soft() } else { change })
}

proptest! {
    #[test]
    fn what_travels_arrives(changes in prop::collection::vec(changes(), 0..8)) {
        prop_assert_eq!(decode(&encode(&changes)), changes);
    }
}

/// Nodes of other versions read this: a test that fails here says that the version must change.
#[test]
fn the_form_is_that_of_version_1() {
    assert_eq!(hex(&encode(&one_of_each())), FORM);
    assert_eq!(decode(&encode(&one_of_each())), one_of_each());
}

const FORM: &str = "0102046d61696e0761727469636c65056f7468657209732e61727469636c650209617574686f725f\
    6964057469746c65062601020003000d010161020200ff0102000100020201070000000000000000\
    ffffffffffffffff1902020100020201070000000000000000ffffffffffffffff01030303000904\
    0006707269636573270500066f66666572730d54040000000000000061636d650f74010000006169\
    0100000000000000020600";

/// The bytes of a message of these tables, and of changes as they stand.
fn message(changes: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![super::VERSION, 1];
    bytes.put_counted(b"main");
    bytes.put_counted(b"article");
    bytes.put_count(0);
    bytes.put_count(changes.len());
    changes.iter().for_each(|change| bytes.put_counted(change));
    bytes
}

#[test]
fn a_change_of_a_newer_version_is_its_table_and_no_other_change_is_wider() {
    let tag = [super::TAG, 0, 1, b'a'];
    let newer: [&[u8]; 4] = [
        &[99, super::HAS_TABLE, 0, 1, 2, 3],
        &[super::TABLE, super::HAS_TABLE, 0, 42],
        &[super::ROW, super::HAS_TABLE | super::SOFT, 0, 1, 77],
        &[super::TABLE, super::HAS_TABLE | 128, 0],
    ];
    for change in newer {
        let read = decode(&message(&[change, &tag]));
        assert_eq!(read, [Change::table(&article()), Change::tag("a")]);
    }
}

#[test]
fn a_change_of_a_newer_version_that_is_of_no_table_is_everything() {
    let newer: [&[u8]; 5] = [
        &[],
        &[99, 0, 1, 2],
        &[super::TAG, 0, 1, b'a', 9],
        &[99, super::HAS_TABLE, 1],
        &[super::KEY, 0, 1, b'r', 1, b'X', 0],
    ];
    for change in newer {
        assert_eq!(decode(&message(&[change])), [Change::everything()]);
    }
}

#[test]
fn what_is_no_message_is_everything() {
    let whole = encode(&one_of_each());
    for cut in 0..whole.len() {
        assert_eq!(decode(&whole[..cut]), [Change::everything()], "{cut}");
    }
    let longer = [&*whole, &[0]].concat();
    let mut newer = whole.clone();
    newer[0] += 1;
    for bytes in [longer, newer, vec![0], vec![0; MOST_BYTES + 1]] {
        assert_eq!(decode(&bytes), [Change::everything()]);
    }
    assert_eq!(decode(&encode(&[])), []);
}

#[test]
fn what_would_be_too_much_is_made_wider() {
    let row = |id| Change::row(&article(), id);
    let many: Vec<_> = (0..10_000).map(row).chain([Change::tag("a")]).collect();
    let read = decode(&encode(&many));
    assert_eq!(read, [Change::table(&article()), Change::tag("a")]);
    // Each is a key of one part and 99 columns: 32,768 are read in all.
    let columns = Columns::named((0..99).map(|column| Arc::from(format!("c{column}"))));
    let wide = (0..328).map(|id| row(id).columns(columns.clone()));
    let wide: Vec<_> = wide.collect();
    assert_eq!(decode(&encode(&wide)), [Change::table(&article())]);
    assert_eq!(decode(&encode(&wide[1..])).len(), wide.len() - 1);
    let long = Change::tag("a".repeat(MOST_BYTES));
    assert_eq!(decode(&encode(&[long])), [Change::everything()]);
    let tables =
        (0..10_000).map(|table| Change::table(&TableName::new("main", &format!("t{table}"))));
    let tables: Vec<_> = tables.collect();
    assert_eq!(decode(&encode(&tables)), [Change::everything()]);
}

#[test]
fn a_message_by_anyone_is_read_cheaply_and_nothing_is_narrowed() {
    let few = (0..30).flat_map(|_| one_of_each()).collect::<Vec<_>>();
    let seeds = vec![encode(&one_of_each()), encode(&few), encode(&[])];
    read_mutated(seeds, 100_000);
    read_mutated(bombs(), 100);
}

fn read_mutated(seeds: Vec<Vec<u8>>, inputs: usize) {
    seeds.iter().for_each(|seed| drop(cheaply(seed, decode)));
    let mut mutations = Mutations::of(seeds);
    for _ in 0..inputs {
        let read = cheaply(&mutations.next(), decode);
        let again = decode(&encode(&read));
        assert!(again == read || again.iter().any(|change| change.what == What::Everything));
    }
}

/// As large in memory as a message of so many bytes may be.
fn bombs() -> Vec<Vec<u8>> {
    let head = |tables: usize, names: usize| {
        let mut bytes = vec![super::VERSION];
        bytes.put_count(tables);
        (0..tables).for_each(|_| bytes.put(&[0, 0]));
        bytes.put_count(names);
        (0..names).for_each(|_| bytes.put(&[0]));
        bytes
    };
    let filled = |mut bytes: Vec<u8>, changes: usize, one: &[u8]| {
        bytes.put_count(changes);
        (0..changes).for_each(|_| bytes.put_counted(one));
        bytes
    };
    let parts = [super::ROW, 2, 0, 3, 1, 0, 1, 0, 1, 0, 0, 0, 0];
    let mut columns = vec![super::ROWS, 2, 0, super::NAMED];
    columns.put_count(32_000);
    columns.extend(vec![0; 32_000]);
    columns.put(&[0, 0]);
    vec![
        filled(head(4096, 4096), 8192, &parts),
        filled(head(4096, 4096), 8192, &[super::EVERYTHING, 0]),
        filled(head(1, 1), 1, &columns),
        [&head(0, 0)[..], &[0xff; 9], &[1]].concat(),
    ]
}
