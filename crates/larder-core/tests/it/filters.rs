//! Rows that match the equalities of a query and have no part in its answer all the same.

use std::convert::Infallible;
use std::sync::Arc;

use larder_core::{
    Change, Columns, Condition, Dependency, Filter, Image, Larder, Match, Region, Shape,
    hash_number,
};

use crate::scene::{larder, region, table};

fn image(values: &[(&str, i64)]) -> Image {
    let hashed = |(name, value): &(&str, i64)| (Arc::from(*name), hash_number(*value).unwrap());
    Image::Known(values.iter().map(hashed).collect())
}

/// Articles of author 7 with more than so many views.
fn article(filter: Filter) -> Dependency {
    let shape = Shape::of_set([Arc::from("author")], Columns::All);
    let rows = Match::of(&shape, [hash_number(7).unwrap()]);
    Dependency::Match(table("article"), rows.filtered(Arc::new(filter)))
}

fn more_views_than(least: i64) -> Condition {
    Condition::Within("views".into(), least + 1, i64::MAX)
}

fn popular() -> Filter {
    Filter::new([more_views_than(100)], [more_views_than(100)])
}

fn update(before: &[(&str, i64)], after: &[(&str, i64)]) -> Change {
    Change::rows(&table("article")).images(image(before), image(after))
}

struct Query {
    larder: Larder,
    lists: Region<u64>,
}

impl Query {
    async fn of(dependencies: &[Dependency]) -> Self {
        let larder = larder();
        let lists = region(&larder, "lists");
        let query = Self { larder, lists };
        query.load(dependencies).await;
        query
    }

    async fn load(&self, dependencies: &[Dependency]) {
        let load = self.lists.get_or_load("list", || async {
            self.larder.reading(None, dependencies);
            Ok::<_, Infallible>(1)
        });
        load.await.unwrap();
    }

    async fn is_kept(&self) -> bool {
        self.lists.get("list").await.is_some()
    }

    async fn publish(&self, change: Change) {
        self.larder.publish(change).await.unwrap();
    }
}

#[tokio::test]
async fn a_row_that_a_filter_leaves_out_before_and_after_does_not_touch_an_entry() {
    let query = Query::of(&[article(popular())]).await;
    query
        .publish(update(
            &[("author", 7), ("views", 3)],
            &[("author", 7), ("views", 4)],
        ))
        .await;
    assert!(query.is_kept().await);
    let rows = [
        [("views", 3), ("views", 400)],
        [("views", 400), ("views", 3)],
    ];
    for [before, after] in rows {
        query
            .publish(update(&[("author", 7), before], &[("author", 7), after]))
            .await;
        assert!(!query.is_kept().await);
        query.load(&[article(popular())]).await;
    }
    query
        .publish(update(&[("author", 7)], &[("author", 7)]))
        .await;
    assert!(!query.is_kept().await, "what is not known may be anything");
}

#[tokio::test]
async fn what_is_not_known_of_a_row_may_match_and_pass() {
    let query = Query::of(&[article(popular())]).await;
    query
        .publish(update(&[("views", 400)], &[("views", 3)]))
        .await;
    assert!(!query.is_kept().await);
}

#[tokio::test]
async fn a_filter_of_changes_that_may_be_forgotten_is_not_asked() {
    let query = Query::of(&[article(popular())]).await;
    for _ in 0..80 {
        query
            .publish(update(
                &[("author", 7), ("views", 3)],
                &[("author", 7), ("views", 4)],
            ))
            .await;
    }
    assert!(!query.is_kept().await);
    query.load(&[article(popular())]).await;
    query.publish(Change::table(&table("article"))).await;
    assert!(!query.is_kept().await, "rows that are not known may be any");
}

#[tokio::test]
async fn two_filters_of_one_match_are_both_asked() {
    let unpopular = Condition::Within("views".into(), i64::MIN, 9);
    let unpopular = Filter::new([unpopular.clone()], [unpopular]);
    let query = Query::of(&[article(popular()), article(unpopular)]).await;
    query
        .publish(update(
            &[("author", 7), ("views", 50)],
            &[("author", 7), ("views", 60)],
        ))
        .await;
    assert!(query.is_kept().await);
    query
        .publish(update(
            &[("author", 7), ("views", 50)],
            &[("author", 7), ("views", 5)],
        ))
        .await;
    assert!(!query.is_kept().await);
}

#[tokio::test]
async fn what_an_answer_tells_counts_from_then_on() {
    let filter = Arc::new(Filter::default().of_one_answer());
    let shape = Shape::of_set([Arc::from("author")], Columns::All);
    let rows = Match::of(&shape, [hash_number(7).unwrap()]).filtered(Arc::clone(&filter));
    let rows = Dependency::Match(table("article"), rows);
    let unpopular = || {
        update(
            &[("author", 7), ("views", 3)],
            &[("author", 7), ("views", 4)],
        )
    };
    let query = Query::of(std::slice::from_ref(&rows)).await;
    query.publish(unpopular()).await;
    assert!(!query.is_kept().await);
    query.load(&[rows]).await;
    filter.tell([more_views_than(100)], [more_views_than(100)]);
    query.publish(unpopular()).await;
    assert!(query.is_kept().await);
}

#[tokio::test]
async fn only_the_change_that_a_filter_lets_through_is_blamed() {
    let query = Query::of(&[article(popular())]).await;
    query
        .publish(update(
            &[("author", 7), ("views", 3)],
            &[("author", 7), ("views", 4)],
        ))
        .await;
    let guilty = Change::row(&table("article"), 9).images(
        image(&[("author", 7), ("views", 400)]),
        image(&[("author", 7), ("views", 3)]),
    );
    query.publish(guilty).await;
    let explanation = query.lists.explain(&"list".into());
    let told = explanation.to_string();
    assert!(told.contains("row 9 of main.article"), "{told}");
}
