//! What of a change concerns a query: its columns, the rows of its answer, rows that enter it.

use std::convert::Infallible;
use std::sync::Arc;

use larder_core::{
    Change, Columns, Dependency, Image, Larder, Match, Member, Region, RowKey, Shape, hash_value,
};

use crate::scene::{larder, region, table};

fn hash(value: u64) -> u64 {
    hash_value(&value.to_le_bytes())
}

fn image(values: &[(&str, u64)]) -> Image {
    let hashed = |(name, value): &(&str, u64)| (Arc::from(*name), hash(*value));
    Image::Known(values.iter().map(hashed).collect())
}

fn named(columns: &[&str]) -> Columns {
    Columns::named(columns.iter().map(|column| Arc::from(*column)))
}

/// A query of the titles of an author's articles, and perhaps of its answer's rows.
struct Query {
    larder: Larder,
    lists: Region<u64>,
    dependencies: Vec<Dependency>,
}

impl Query {
    fn new(dependencies: Vec<Dependency>) -> Self {
        let larder = larder();
        let lists = region(&larder, "lists");
        Self {
            larder,
            lists,
            dependencies,
        }
    }

    fn of_set(uses: Columns) -> Self {
        let shape = Shape::of_set([Arc::from("author")], uses);
        Self::new(vec![Dependency::Match(
            table("article"),
            Match::of(&shape, [hash(7)]),
        )])
    }

    fn of_rows(uses: Columns, entering: Columns, rows: &[i64]) -> Self {
        let shape = Shape::of_rows([Arc::from("author")], uses, entering);
        let member = |key: &i64| {
            Dependency::Member(
                table("article"),
                Member {
                    shape: Arc::clone(&shape),
                    key: RowKey::from(*key),
                },
            )
        };
        let rows = rows.iter().map(member);
        let all = Dependency::Match(table("article"), Match::of(&shape, [hash(7)]));
        Self::new(std::iter::once(all).chain(rows).collect())
    }

    /// Tells whether a change makes the answer unusable.
    async fn is_touched_by(&self, change: Change) -> bool {
        self.lists.remove("list").await.unwrap();
        let load = self.lists.get_or_load("list", || async {
            self.larder.reading(None, &self.dependencies);
            Ok::<_, Infallible>(1)
        });
        load.await.unwrap();
        assert!(self.lists.get("list").await.is_some());
        self.larder.publish(change).await.unwrap();
        self.lists.get("list").await.is_none()
    }
}

fn row(key: i64) -> Change {
    Change::row(&table("article"), key)
}

fn rows() -> Change {
    Change::rows(&table("article"))
}

#[tokio::test]
async fn an_update_of_columns_a_query_does_not_use_does_not_touch_it() {
    let own = || image(&[("author", 7)]);
    for query in [
        Query::of_set(named(&["author", "title"])),
        Query::of_rows(named(&["author", "title"]), named(&["author"]), &[1]),
    ] {
        for change in [row(1), rows()] {
            let change = || change.clone().images(own(), own());
            assert!(
                !query
                    .is_touched_by(change().columns(named(&["views"])))
                    .await
            );
            assert!(
                query
                    .is_touched_by(change().columns(named(&["title"])))
                    .await
            );
            assert!(query.is_touched_by(change().columns(Columns::All)).await);
        }
    }
}

#[tokio::test]
async fn a_count_uses_no_column_but_is_touched_by_rows_that_come_and_go() {
    let query = Query::of_set(named(&[]));
    let own = || image(&[("author", 7)]);
    for change in [row(1), rows()] {
        let change = || change.clone().columns(named(&["views"]));
        assert!(!query.is_touched_by(change().images(own(), own())).await);
        assert!(
            query
                .is_touched_by(change().images(Image::Absent, own()))
                .await
        );
        assert!(
            query
                .is_touched_by(change().images(own(), Image::Absent))
                .await
        );
    }
}

#[tokio::test]
async fn rows_of_an_answer_touch_it_and_rows_that_enter_it() {
    let query = Query::of_rows(Columns::All, named(&["author"]), &[1]);
    let (seven, eight) = (image(&[("author", 7)]), image(&[("author", 8)]));
    for (change, touched) in [
        // In the answer: whatever happens to it.
        (row(1).images(seven.clone(), Image::Absent), true),
        (row(1).images(seven.clone(), eight.clone()), true),
        (
            row(1)
                .images(seven.clone(), seven.clone())
                .columns(named(&["title"])),
            true,
        ),
        // Beyond its limit: it leaves, or changes in what it is not picked by.
        (row(2).images(seven.clone(), Image::Absent), false),
        (row(2).images(seven.clone(), eight.clone()), false),
        (
            row(2)
                .images(seven.clone(), seven.clone())
                .columns(named(&["title"])),
            false,
        ),
        // It enters.
        (row(2).images(Image::Absent, seven.clone()), true),
        (
            row(2)
                .images(eight.clone(), seven.clone())
                .columns(named(&["author"])),
            true,
        ),
        (row(2).images(eight.clone(), seven.clone()), true),
        (row(2).images(Image::Unknown, Image::Unknown), true),
        (row(2).images(Image::Absent, eight.clone()), false),
    ] {
        assert_eq!(
            query.is_touched_by(change.clone()).await,
            touched,
            "{change:?}"
        );
    }
}

#[tokio::test]
async fn rows_whose_keys_are_not_known_are_compared_before_and_after() {
    let query = Query::of_rows(Columns::All, named(&["author"]), &[1]);
    let (seven, eight) = (image(&[("author", 7)]), image(&[("author", 8)]));
    for (before, after, touched) in [
        (seven.clone(), Image::Absent, true),
        (eight.clone(), seven.clone(), true),
        (eight.clone(), Image::Absent, false),
        (eight.clone(), eight.clone(), false),
        (Image::Unknown, Image::Absent, true),
        (image(&[("title", 3)]), Image::Absent, true),
    ] {
        let change = rows().images(before, after);
        assert_eq!(
            query.is_touched_by(change.clone()).await,
            touched,
            "{change:?}"
        );
    }
}

#[tokio::test]
async fn a_row_read_by_its_key_is_touched_by_rows_whose_keys_are_not_known() {
    let query = Query::new(vec![Dependency::row(&table("article"), 1)]);
    let eight = image(&[("author", 8)]);
    assert!(
        query
            .is_touched_by(rows().images(eight, Image::Absent))
            .await
    );
}

#[tokio::test]
async fn a_member_whose_shape_was_not_known_in_time_is_touched_by_any_change() {
    let query = Query::of_rows(named(&["title"]), named(&[]), &[1]);
    // The stamp is older than a change that came before the shape.
    let stamp = query.larder.stamp();
    query.larder.publish(row(9)).await.unwrap();
    let load = query.lists.get_or_load("late", || async {
        query.larder.reading(Some(stamp), &query.dependencies);
        Ok::<_, Infallible>(1)
    });
    load.await.unwrap();
    assert!(query.lists.get("late").await.is_none());
}

#[tokio::test]
async fn a_change_that_tells_some_of_the_columns_is_compared_by_those() {
    let shape = Shape::of_set([Arc::from("author"), Arc::from("draft")], Columns::All);
    let own = Match::of(&shape, [hash(7), hash(0)]);
    let query = Query::new(vec![Dependency::Match(table("article"), own)]);
    for (before, touched) in [
        (image(&[("author", 7)]), true),
        (image(&[("author", 8)]), false),
        (image(&[("draft", 0), ("title", 1)]), true),
        (image(&[("draft", 1)]), false),
        (image(&[("author", 7), ("draft", 1)]), false),
        (image(&[("title", 1)]), true),
        (Image::Unknown, true),
    ] {
        for change in [row(1), rows()] {
            let change = change.images(before.clone(), Image::Absent);
            assert_eq!(
                query.is_touched_by(change.clone()).await,
                touched,
                "{change:?}"
            );
        }
    }
}

#[tokio::test]
async fn with_many_equalities_a_change_that_tells_some_touches_all() {
    let names = ["a", "b", "c", "d"].map(Arc::from);
    let rows = Match::of(&Shape::of_set(names, Columns::All), [1, 2, 3, 4].map(hash));
    let query = Query::new(vec![Dependency::Match(table("article"), rows)]);
    let other = row(1).images(image(&[("a", 9)]), Image::Absent);
    assert!(query.is_touched_by(other).await);
}
