//! Sets of rows picked by equalities: what touches them and what does not.

use std::convert::Infallible;
use std::sync::Arc;

use larder_core::{Change, Dependency, Image, KeyPart, Larder, Match, Region, RowKey, hash_value};

use crate::gate::{Gate, begun, within};
use crate::scene::{larder, region, table};

fn columns(columns: &[(&str, u64)]) -> Vec<(Arc<str>, u64)> {
    let hashed = |(name, value): &(&str, u64)| (Arc::from(*name), hash_value(&value.to_le_bytes()));
    columns.iter().map(hashed).collect()
}

fn image(values: &[(&str, u64)]) -> Image {
    Image::Known(columns(values).into())
}

fn matching(values: &[(&str, u64)]) -> Dependency {
    Dependency::Match(table("article"), Match::new(columns(values)))
}

fn change(before: Image, after: Image) -> Change {
    Change::row(&table("article"), 1).images(before, after)
}

struct Scene {
    larder: Larder,
    lists: Region<u64>,
}

impl Scene {
    fn new() -> Self {
        let larder = larder();
        let lists = region(&larder, "lists");
        Self { larder, lists }
    }

    /// Caches a list that depends on `dependency`.
    async fn list(&self, dependency: &Dependency) {
        self.lists.remove("list").await.unwrap();
        let load = self.lists.get_or_load("list", || async {
            self.larder.reading(None, std::slice::from_ref(dependency));
            Ok::<_, Infallible>(1)
        });
        load.await.unwrap();
        assert!(self.is_held().await);
    }

    async fn is_held(&self) -> bool {
        self.lists.get("list").await.is_some()
    }
}

#[tokio::test]
async fn a_change_touches_the_sets_its_row_was_in_or_is_in() {
    let scene = Scene::new();
    let own = matching(&[("author", 7)]);
    let (seven, eight, nine) = (
        image(&[("author", 7)]),
        image(&[("author", 8)]),
        image(&[("author", 9)]),
    );
    for (before, after, touched) in [
        (Image::Absent, seven.clone(), true),
        (seven.clone(), Image::Absent, true),
        (seven.clone(), eight.clone(), true),
        (eight.clone(), seven.clone(), true),
        (seven.clone(), seven.clone(), true),
        (Image::Absent, eight.clone(), false),
        (eight.clone(), Image::Absent, false),
        (eight.clone(), nine.clone(), false),
        (Image::Unknown, eight.clone(), true),
        (eight.clone(), Image::Unknown, true),
        (Image::Unknown, Image::Absent, true),
        (image(&[("title", 1)]), eight.clone(), true),
        (eight.clone(), image(&[]), true),
    ] {
        scene.list(&own).await;
        scene
            .larder
            .publish(change(before.clone(), after.clone()))
            .await
            .unwrap();
        assert_eq!(!scene.is_held().await, touched, "{before:?} -> {after:?}");
    }
}

#[tokio::test]
async fn a_set_of_two_equalities_is_touched_only_if_both_hold() {
    let scene = Scene::new();
    let own = matching(&[("author", 7), ("draft", 0)]);
    let other = matching(&[("draft", 0), ("author", 7)]);
    for dependency in [own, other] {
        scene.list(&dependency).await;
        let draft = image(&[("author", 7), ("draft", 1), ("title", 3)]);
        scene
            .larder
            .publish(change(Image::Absent, draft.clone()))
            .await
            .unwrap();
        assert!(scene.is_held().await);
        let done = image(&[("title", 3), ("draft", 0), ("author", 7)]);
        scene.larder.publish(change(draft, done)).await.unwrap();
        assert!(!scene.is_held().await);
    }
}

#[tokio::test]
async fn a_set_without_equalities_is_touched_by_every_row() {
    let scene = Scene::new();
    scene.list(&matching(&[])).await;
    scene
        .larder
        .publish(change(Image::Absent, image(&[("author", 8)])))
        .await
        .unwrap();
    assert!(!scene.is_held().await);
}

#[tokio::test]
async fn a_change_of_unknown_rows_touches_every_set_and_row_of_its_table() {
    let scene = Scene::new();
    for own in [
        matching(&[("author", 7)]),
        Dependency::row(&table("article"), 7),
        Dependency::table(&table("article")),
    ] {
        scene.list(&own).await;
        scene
            .larder
            .publish(Change::table(&table("article")))
            .await
            .unwrap();
        assert!(!scene.is_held().await, "{own}");
    }
}

#[tokio::test]
async fn a_row_is_touched_by_changes_of_its_key_alone() {
    let scene = Scene::new();
    let keys = [
        RowKey::from(7),
        RowKey::from("7"),
        RowKey::new([KeyPart::Int(7), KeyPart::Int(7)]),
        RowKey::new([KeyPart::from("a"), KeyPart::from("bc")]),
        RowKey::new([KeyPart::from("ab"), KeyPart::from("c")]),
        RowKey::new([KeyPart::Bytes(b"7".as_slice().into())]),
        RowKey::new([]),
    ];
    for own in &keys {
        for other in &keys {
            scene
                .list(&Dependency::row(&table("article"), own.clone()))
                .await;
            scene
                .larder
                .publish(Change::row(&table("article"), other.clone()))
                .await
                .unwrap();
            assert_eq!(scene.is_held().await, own != other, "{own:?}, {other:?}");
        }
    }
}

#[tokio::test]
async fn a_whole_table_is_touched_by_any_of_its_rows() {
    let scene = Scene::new();
    scene.list(&Dependency::table(&table("article"))).await;
    scene
        .larder
        .publish(Change::row(&table("user"), 1))
        .await
        .unwrap();
    assert!(scene.is_held().await);
    let elsewhere = image(&[("author", 9)]);
    scene
        .larder
        .publish(change(elsewhere.clone(), elsewhere))
        .await
        .unwrap();
    assert!(!scene.is_held().await);
}

/// The shape is learned by a load whose stamp is older than a change of that shape.
#[tokio::test]
async fn a_change_between_the_stamp_and_the_first_sight_of_a_shape_is_not_missed() {
    let scene = Scene::new();
    let gate = Gate::closed();
    let load = begun(scene.lists.get_or_load("list", || async {
        gate.passed().await;
        scene.larder.reading(None, &[matching(&[("author", 7)])]);
        Ok::<_, Infallible>(1)
    }));
    scene
        .larder
        .publish(change(Image::Absent, image(&[("author", 7)])))
        .await
        .unwrap();
    gate.open();
    within("the load", load).await.unwrap();
    assert!(!scene.is_held().await);
}

#[tokio::test]
async fn an_entry_older_than_a_shape_is_touched_by_it_all_the_same() {
    let scene = Scene::new();
    // Learned by another entry, after this one's stamp and before its read.
    let gate = Gate::closed();
    let load = begun(scene.lists.get_or_load("list", || async {
        gate.passed().await;
        scene.larder.reading(None, &[matching(&[("author", 7)])]);
        Ok::<_, Infallible>(1)
    }));
    scene
        .larder
        .publish(Change::row(&table("article"), 2))
        .await
        .unwrap();
    let other = scene.lists.get_or_load("other", || async {
        scene.larder.reading(None, &[matching(&[("author", 8)])]);
        Ok::<_, Infallible>(1)
    });
    other.await.unwrap();
    gate.open();
    within("the load", load).await.unwrap();
    scene
        .larder
        .publish(change(Image::Absent, image(&[("author", 7)])))
        .await
        .unwrap();
    assert!(!scene.is_held().await);
    assert!(scene.lists.get("other").await.is_some());
}

#[tokio::test]
async fn more_shapes_than_a_table_keeps_cost_precision_and_nothing_else() {
    let scene = Scene::new();
    for shape in 0..200 {
        let name = format!("column{shape}");
        scene.list(&matching(&[(&name, 7)])).await;
        scene
            .larder
            .publish(change(Image::Absent, image(&[(&name, 7)])))
            .await
            .unwrap();
        assert!(!scene.is_held().await, "{name}");
    }
}

#[tokio::test]
async fn more_dependencies_than_an_entry_keeps_cost_precision_and_nothing_else() {
    let scene = Scene::new();
    let rows = 10_000;
    for changed in [0, 5_000, rows - 1] {
        let load = scene.lists.get_or_load("list", || async {
            for row in 0..rows {
                scene
                    .larder
                    .reading(None, &[Dependency::row(&table("article"), row)]);
            }
            scene
                .larder
                .reading(None, &[matching(&[("author", 7)]), Dependency::tag("t")]);
            Ok::<_, Infallible>(1)
        });
        load.await.unwrap();
        assert!(scene.is_held().await);
        scene
            .larder
            .publish(Change::row(&table("user"), changed))
            .await
            .unwrap();
        assert!(scene.is_held().await);
        scene
            .larder
            .publish(Change::row(&table("article"), changed))
            .await
            .unwrap();
        assert!(!scene.is_held().await, "row {changed}");
    }
}

/// With few slots nearly everything collides: that may cost entries, never a change.
#[tokio::test]
async fn with_the_fewest_slots_no_change_is_missed() {
    let larder = crate::scene::builder().slots(64).build().unwrap();
    let rows = region::<u64>(&larder, "rows");
    for round in 0..2000_i64 {
        let row = round % 97;
        let load = rows.get_or_load(row, || async {
            larder.reading(None, &[Dependency::row(&table("article"), row)]);
            Ok::<_, Infallible>(1)
        });
        load.await.unwrap();
        larder
            .publish(Change::row(&table("article"), row))
            .await
            .unwrap();
        assert_eq!(rows.get(row).await, None, "row {row}");
    }
}
