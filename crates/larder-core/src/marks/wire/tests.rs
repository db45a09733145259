//! An entry means the same on the node that reads it as on the one that made it.

use std::sync::Arc;

use proptest::prelude::*;

use crate::change::{Change, Image};
use crate::dependency::{Dependency, Match, Member};
use crate::envelope::Unreadable;
use crate::hostile::{Mutations, cheaply, hex};
use crate::marks::{MarkSet, Marks};
use crate::name::TableName;
use crate::node::Node;
use crate::position::Position;
use crate::scope::Scope;
use crate::shape::{Columns, Shape};
use crate::wire::Write;
use crate::{Key, Larder};

/// Entries are stamped with this: later than all shapes are known.
const STAMP: u64 = 10;

fn node() -> Arc<Node> {
    let larder = Larder::builder("wire").environment([("", "")]);
    let node = Arc::clone(larder.build().unwrap().node());
    node.advance(Position::new(STAMP));
    node
}

fn table(name: &str) -> TableName {
    TableName::new("main", name)
}

fn marks(dependencies: &[Dependency], node: &Node) -> Marks {
    let mut set = MarkSet::default();
    dependencies.iter().for_each(|one| set.add(one, node));
    set.take()
}

fn columns(names: &[&'static str]) -> Columns {
    Columns::named(names.iter().map(|name| Arc::from(*name)))
}

/// The shapes by which the dependencies of these tests are read.
fn shapes() -> [Arc<Shape>; 5] {
    let names = |names: &[&'static str]| names.iter().map(|name| Arc::from(*name)).collect();
    let (none, a, ab): (Vec<_>, Vec<_>, Vec<_>) = (names(&[]), names(&["a"]), names(&["a", "b"]));
    [
        Shape::of_set(none, columns(&["c"])),
        Shape::of_set(a.clone(), Columns::All),
        Shape::of_set(ab.clone(), columns(&["a", "b", "c"])),
        Shape::of_rows(a, columns(&["a", "c"]), columns(&["a"])),
        Shape::of_rows(ab, Columns::All, Columns::All),
    ]
}

fn a_match(shape: usize, values: [u64; 2]) -> Match {
    let shape = &shapes()[shape];
    Match::of(shape, values.into_iter().take(shape.equalities().len()))
}

/// A dependency of each kind.
fn one_of_each() -> Vec<Dependency> {
    let member = Member {
        shape: Arc::clone(&shapes()[3]),
        key: 7.into(),
    };
    vec![
        Dependency::row(&table("article"), 7),
        Dependency::Match(table("article"), a_match(2, [1, 2])),
        Dependency::Match(table("article"), a_match(3, [1, 0])),
        Dependency::Member(table("article"), member),
        Dependency::table(&table("author")),
        Dependency::tag("prices"),
        Dependency::Key("offers".into(), Scope::Public, Key::from("a")),
    ]
}

fn tables() -> impl Strategy<Value = TableName> {
    prop_oneof![Just(table("article")), Just(table("author"))]
}

fn dependencies() -> impl Strategy<Value = Dependency> {
    let few = 0..3_i64;
    prop_oneof![
        (tables(), few.clone()).prop_map(|(table, key)| Dependency::row(&table, key)),
        (tables(), 0..5_usize, [0..3_u64, 0..3_u64])
            .prop_map(|(table, shape, values)| Dependency::Match(table, a_match(shape, values))),
        (tables(), 3..5_usize, few).prop_map(|(table, shape, key)| {
            let shape = Arc::clone(&shapes()[shape]);
            let key = key.into();
            Dependency::Member(table, Member { shape, key })
        }),
        tables().prop_map(|table| Dependency::table(&table)),
        "[a-c]".prop_map(Dependency::tag),
    ]
}

fn images() -> impl Strategy<Value = Image> {
    let column = (prop::sample::select(vec!["a", "b", "c"]), 0..3_u64);
    let known = prop::collection::vec(column, 0..3);
    let known = known.prop_map(|columns| {
        let columns = columns.into_iter();
        Image::Known(columns.map(|(name, value)| (name.into(), value)).collect())
    });
    prop_oneof![Just(Image::Unknown), Just(Image::Absent), known]
}

fn changes() -> impl Strategy<Value = Change> {
    let changed = prop_oneof![
        Just(Columns::All),
        Just(columns(&["a"])),
        Just(columns(&["c"]))
    ];
    let row = (tables(), 0..3_i64, changed.clone(), images(), images());
    let rows = (tables(), changed, images(), images());
    prop_oneof![
        4 => row.prop_map(|(table, key, columns, before, after)| Change::row(&table, key)
            .columns(columns)
            .images(before, after)),
        2 => rows.prop_map(|(table, columns, before, after)| Change::rows(&table)
            .columns(columns)
            .images(before, after)),
        1 => tables().prop_map(|table| Change::table(&table)),
        1 => "[a-c]".prop_map(Change::tag),
    ]
}

/// Tells of each dependency, and of each table, whether it was touched.
fn touched(marks: &Marks, node: &Node) -> Vec<bool> {
    let list = marks.list.iter();
    let list = list.map(|mark| !mark.untouched_since(STAMP, marks, node));
    let tables = marks.tables.iter().map(|table| table.wide() >= STAMP);
    list.chain(tables).collect()
}

proptest! {
    #[test]
    fn a_change_touches_an_entry_on_every_node_alike(
        dependencies in prop::collection::vec(dependencies(), 0..6),
        changes in prop::collection::vec(changes(), 0..3),
    ) {
        let (maker, reader) = (node(), node());
        let made = marks(&dependencies, &maker);
        let read = Marks::decode(&made.encode(), &reader).unwrap();
        prop_assert_eq!(read.encode(), made.encode());
        prop_assert_eq!(read.named, made.named);
        let changes = crate::bus::decode(&crate::bus::encode(&changes));
        for node in [&maker, &reader] {
            node.apply(Position::new(STAMP), &changes);
        }
        prop_assert_eq!(touched(&read, &reader), touched(&made, &maker));
    }
}

/// Nodes of other versions read this: a test that fails here says that the version of the
/// envelope must change.
#[test]
fn the_form_is_that_of_version_1() {
    assert_eq!(hex(&marks(&one_of_each(), &node()).encode()), FORM);
}

const FORM: &str = "02046d61696e0761727469636c65046d61696e06617574686f720200020161016201030161016201\
    6302000101610102016101630101016109000090c39dfb55c2e7f701004d8619211176b56d020067\
    ebb3b85bea4a2502002c216a3d9e3c6e8f0101b48d741c4605ae3b03015d2f3dd5a0de50b3040105\
    c0fb46a095a8f1ac053d28f1d154f79a5d";

/// A shape that is new here says nothing of changes of before: the entry depends on the table.
#[test]
fn a_change_of_before_a_shape_was_known_here_touches_the_entry() {
    let (maker, reader) = (node(), node());
    let dependency = Dependency::Match(table("article"), a_match(1, [1, 0]));
    let made = marks(&[dependency], &maker);
    let change = Change::row(&table("article"), 7)
        .images(Image::Absent, Image::Known([("a".into(), 1)].into()));
    reader.apply(Position::new(STAMP), &[change]);
    let read = Marks::decode(&made.encode(), &reader).unwrap();
    assert!(touched(&read, &reader)[0]);
}

#[test]
fn of_a_shape_too_many_the_whole_table_is_depended_on() {
    let (maker, reader) = (node(), node());
    let name = table("article");
    for number in 0..1000 {
        let column = Arc::from(format!("c{number}"));
        let rows = Match::new([(column, 1)]);
        marks(&[Dependency::Match(name.clone(), rows)], &reader);
    }
    let made = marks(&one_of_each(), &maker);
    let read = Marks::decode(&made.encode(), &reader).unwrap();
    assert!(read.list.iter().all(|mark| mark.shape().is_none()));
    reader.apply(Position::new(STAMP), &[Change::row(&name, 8)]);
    assert!(touched(&read, &reader).contains(&true));
}

#[test]
fn provenance_by_anyone_is_read_cheaply_and_leaves_no_trace_unless_it_is_whole() {
    let (maker, reader) = (node(), node());
    let few = marks(&one_of_each(), &maker).encode();
    let rows: Vec<_> = (0..4000)
        .map(|key| Dependency::row(&table("article"), key))
        .collect();
    let many = marks(&rows, &maker).encode();
    let read = |bytes: &[u8]| Marks::decode(bytes, &reader).map(|marks| marks.encode());
    for bytes in [few.clone(), many].into_iter().chain(bombs()) {
        let _ = cheaply(&bytes, read);
    }
    let mut mutations = Mutations::of(vec![few.clone()]);
    for _ in 0..100_000 {
        let _ = cheaply(&mutations.next(), read);
    }
    let fresh = node();
    for cut in 0..few.len() {
        let cut = Marks::decode(&few[..cut], &fresh).map(|_| ());
        assert_eq!(cut, Err(Unreadable::Provenance));
    }
    assert_eq!(fresh.table_count(), 0);
}

/// As large in memory as provenance of so many bytes may be.
fn bombs() -> [Vec<u8>; 4] {
    let filled = |head: &[u8], count: usize, one: &[u8]| {
        let mut bytes = head.to_vec();
        bytes.put_count(count);
        (0..count).for_each(|_| bytes.put(one));
        bytes
    };
    let table = [1, 0, 0];
    let shapes = filled(
        &table,
        1024,
        &[0, 8, 0, 0, 0, 0, 0, 0, 0, 0, super::ALL, super::NONE],
    );
    let marks = filled(&[1, 0, 0, 0], super::MOST_MARKS, &[super::TABLE, 0]);
    let announced = [&[0, 0][..], &[0xff; 9], &[1]].concat();
    [shapes, marks, announced, vec![0; super::MOST_BYTES + 1]]
}

/// Fails without the limit in `Node::table_of_others`.
#[test]
fn names_that_others_send_are_bounded_and_a_change_beyond_is_of_everything() {
    let (sender, reader) = (node(), node());
    let mut position = Position::ZERO;
    let mut apply = |name: &str| {
        position = position.next();
        reader.apply(position, &[Change::table(&table(name))]);
        position.get()
    };
    let mut number = 0;
    while reader.everything() == 0 {
        number += 1;
        assert!(number < 100_000, "no limit");
        apply(&format!("table {number}"));
    }
    let known = reader.table_count();
    let beyond = apply("another");
    assert_eq!(reader.everything(), beyond);
    assert_eq!(reader.table_count(), known);
    let before = reader.everything();
    assert!(apply("table 1") > before);
    assert_eq!(reader.everything(), before, "one that is known is itself");

    let entry = marks(&[Dependency::table(&table("a third"))], &sender).encode();
    let read = Marks::decode(&entry, &reader).map(|_| ());
    assert_eq!(read, Err(Unreadable::TooLarge));
    // What this node reads itself it may.
    reader.table(&table("a third"));
    assert!(Marks::decode(&entry, &reader).is_ok());
}
