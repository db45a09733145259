//! Explanations: why a key is served or not, in words and as a struct.

use std::convert::Infallible;
use std::sync::Arc;

use larder_core::explain::{Cause, Invalidation, State};
use larder_core::{
    Change, Columns, Dependency, Explanation, Image, Key, Lookup, Match, Member, Policy, Refusal,
    Region, RowKey, Scope, Shape, Share, hash_value,
};

use crate::faulty_bus::{FaultyBus, Mode};
use crate::scene::{S, builder, larder, long, read, region, table, timed};

/// Loads `key`, made of these.
async fn load(region: &Region<u64>, key: &str, dependencies: &[Dependency]) {
    let loader = || async {
        region.larder().reading(None, dependencies);
        Ok::<_, Infallible>(1)
    };
    region.get_or_load(key, loader).await.unwrap();
}

fn row(key: i64) -> Dependency {
    Dependency::row(&table("article"), key)
}

fn named(columns: &[&'static str]) -> Columns {
    Columns::named(columns.iter().map(|column| Arc::from(*column)))
}

fn author(id: u8) -> u64 {
    hash_value(&[id])
}

fn image(id: u8) -> Image {
    Image::Known(Arc::new([("author_id".into(), author(id))]))
}

/// How a list of titles by author, newest first, reads articles.
fn by_author() -> Arc<Shape> {
    Shape::of_rows(
        ["author_id".into()],
        named(&["author_id", "id", "title"]),
        named(&["author_id", "id"]),
    )
}

fn list_of(shape: &Arc<Shape>, id: u8) -> Dependency {
    Dependency::Match(table("article"), Match::of(shape, [author(id)]))
}

fn member(shape: &Arc<Shape>, key: i64) -> Dependency {
    let (shape, key) = (Arc::clone(shape), RowKey::from(key));
    Dependency::Member(table("article"), Member { shape, key })
}

fn explained(region: &Region<u64>, key: &str) -> Explanation {
    region.explain(&Key::from(key))
}

fn words(explanation: &Explanation) -> Vec<&str> {
    let entry = explanation.entry.as_ref().unwrap();
    entry
        .dependencies
        .iter()
        .map(|dependency| dependency.words.as_str())
        .collect()
}

fn cause(explanation: &Explanation) -> (String, u64) {
    match &explanation.invalidated {
        Some(Invalidation {
            cause:
                Cause::Change {
                    change,
                    position,
                    is_collision: false,
                    ..
                },
            ..
        }) => (change.clone(), *position),
        other => panic!("not a change: {other:?}"),
    }
}

#[tokio::test]
async fn nothing_is_known_of_a_key_never_read() {
    let explanation = explained(&region(&larder(), "offers"), "a");
    assert_eq!(explanation.state, State::Absent);
    assert_eq!(
        (&explanation.entry, &explanation.invalidated),
        (&None, &None)
    );
    assert_eq!(
        explanation.to_string(),
        "a of offers (public): not cached\n  nothing is known of it: not read yet, or long ago"
    );
}

#[tokio::test]
async fn an_entry_tells_what_it_was_made_of_and_how_long_it_lasts() {
    let (larder, clock) = timed();
    let region = region(&larder, "offers");
    let shape = by_author();
    let dependencies = [
        list_of(&shape, 1),
        member(&shape, 7),
        member(&shape, 8),
        row(9),
        Dependency::table(&table("tag")),
        Dependency::tag("prices"),
    ];
    larder.invalidate("something else").await.unwrap();
    load(&region, "a", &dependencies).await;
    clock.advance(3 * S);
    let explanation = explained(&region, "a");
    let entry = explanation.entry.as_ref().unwrap();
    assert_eq!(explanation.state, State::Fresh);
    assert_eq!((entry.age, entry.ttl_left), (Some(3 * S), 597 * S));
    assert_eq!((entry.position, explanation.watermark), (2, 2));
    assert!(entry.bytes > 100, "{entry:?}");
    assert_eq!(
        explanation.to_string(),
        format!(
            "a of offers (public): cached, fresh
  made of rows of main.article by author_id (uses author_id, id, title; enters by author_id, id)
          table main.tag
          2 rows of main.article (uses author_id, id, title)
          1 row of main.article
          1 tag or entry
  position 2 of 2, {} bytes, loaded 3.0 s ago, 9 min 57 s of its ttl left",
            entry.bytes
        )
    );
}

#[tokio::test]
async fn names_are_told_if_they_are_to_be_kept() {
    let larder = builder().explain_names(100).build().unwrap();
    let policy = long().invalidated_by("imported");
    let inner = larder.region::<u64>("inner", policy).unwrap();
    let outer = region::<u64>(&larder, "outer");
    let loader = || async {
        load(
            &inner,
            "x",
            &[row(7), member(&by_author(), 8), Dependency::tag("prices")],
        )
        .await;
        Ok::<_, Infallible>(1)
    };
    outer.get_or_load("a", loader).await.unwrap();
    let mut told = explained(&outer, "a");
    told.entry
        .as_mut()
        .unwrap()
        .dependencies
        .sort_by(|a, b| a.words.cmp(&b.words));
    assert_eq!(
        words(&told),
        [
            "entry x of inner",
            "region inner",
            "row 7 of main.article",
            "row 8 of main.article (uses author_id, id, title)",
            "tag imported",
            "tag prices",
        ]
    );
}

#[tokio::test]
async fn the_change_that_made_an_entry_invalid_is_told_before_anybody_meets_it() {
    let (larder, clock) = timed();
    let region = region(&larder, "offers");
    load(&region, "a", &[row(7), row(8)]).await;
    for key in [1, 7, 8, 7] {
        let images = |change: Change| change.images(image(1), image(1));
        let change = images(Change::row(&table("article"), key)).columns(named(&["title"]));
        larder.publish(change).await.unwrap();
        clock.advance(S);
    }
    let explanation = explained(&region, "a");
    assert_eq!(explanation.state, State::Invalid);
    assert_eq!(
        cause(&explanation),
        ("an update of row 7 of main.article (title)".to_owned(), 2)
    );
    assert_eq!(explanation.invalidated.as_ref().unwrap().ago, 3 * S);
    let text = explanation.to_string();
    assert!(
        text.contains("made of 2 rows of main.article: changed"),
        "{text}"
    );
    let ending =
        "became invalid 3.0 s ago by an update of row 7 of main.article (title), at position 2";
    assert!(text.ends_with(ending), "{text}");
}

#[tokio::test]
async fn what_made_the_last_entry_invalid_is_told_after_it_was_loaded_anew() {
    let (larder, clock) = timed();
    let region = region(&larder, "offers");
    load(&region, "a", &[row(7)]).await;
    larder
        .publish(Change::row(&table("article"), 7))
        .await
        .unwrap();
    clock.advance(S);
    assert!(region.get("a").await.is_none());
    let gone = explained(&region, "a");
    assert_eq!((gone.state, gone.entry.is_none()), (State::Absent, true));
    load(&region, "a", &[row(7)]).await;
    // What comes later is another entry's.
    larder
        .publish(Change::row(&table("article"), 8))
        .await
        .unwrap();
    for explanation in [gone, explained(&region, "a")] {
        let told = ("a change of row 7 of main.article".to_owned(), 1);
        assert_eq!(cause(&explanation), told);
        assert_eq!(explanation.invalidated.as_ref().unwrap().ago, S);
    }
    assert_eq!(explained(&region, "a").state, State::Fresh);
}

/// Changes of every kind, of what some entries are made of.
fn changes() -> Vec<Change> {
    let article = || Change::row(&table("article"), 7);
    vec![
        article(),
        article().images(image(1), image(2)),
        article().images(image(2), image(1)),
        article()
            .images(image(2), image(2))
            .columns(named(&["title"])),
        article()
            .images(image(1), image(1))
            .columns(named(&["body"])),
        article().images(Image::Absent, image(1)),
        article().images(image(2), Image::Absent),
        Change::row(&table("article"), 8),
        Change::rows(&table("article")),
        Change::rows(&table("article"))
            .images(image(1), image(1))
            .columns(named(&["title"])),
        Change::rows(&table("article")).images(image(2), image(2)),
        Change::table(&table("article")),
        Change::table(&table("tag")),
        Change::tag("prices"),
        Change::tag("weights"),
        Change::key("offers", Scope::Public, "inner"),
        Change::key("offers", Scope::Public, "a"),
        Change::everything(),
    ]
}

/// What is told is what `apply` did: any change that makes an entry invalid is found, no other is.
#[tokio::test]
async fn each_kind_of_change_is_told_of_the_entries_it_touches() {
    let (set, rows) = (
        Shape::of_set(["author_id".into()], named(&["title"])),
        by_author(),
    );
    let kinds = [
        row(7),
        list_of(&rows, 1),
        member(&rows, 7),
        list_of(&set, 1),
        Dependency::table(&table("article")),
        Dependency::tag("prices"),
        Dependency::Key("offers".into(), Scope::Public, Key::from("inner")),
    ];
    let mut invalid = 0;
    for kind in kinds {
        for change in changes() {
            let larder = builder().slots(1 << 20).build().unwrap();
            let region = region::<u64>(&larder, "offers");
            load(&region, "a", std::slice::from_ref(&kind)).await;
            // Neither of them touches it.
            larder.publish(Change::tag("before")).await.unwrap();
            let position = larder.publish(change.clone()).await.unwrap();
            larder.publish(Change::row(&table("tag"), 7)).await.unwrap();
            let explanation = explained(&region, "a");
            let is_invalid = matches!(region.lookup(&Key::from("a")), Lookup::Miss);
            assert_eq!(
                explanation.state == State::Invalid,
                is_invalid,
                "{kind} {change:?}"
            );
            assert_eq!(
                explanation.invalidated.is_some(),
                is_invalid,
                "{kind} {change:?}"
            );
            if is_invalid {
                assert_eq!(cause(&explanation).1, position.get(), "{kind} {change:?}");
                invalid += 1;
            }
        }
    }
    assert!(invalid > 40, "{invalid}: they are to be touched");
}

/// Fails if shapes are not told apart by their tables.
#[tokio::test]
async fn a_change_of_another_table_is_not_blamed() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    let note = Dependency::row(&table("note"), 1);
    load(&region, "a", &[note, list_of(&by_author(), 1)]).await;
    for changed in ["note", "article"] {
        larder
            .publish(Change::row(&table(changed), 5))
            .await
            .unwrap();
    }
    let told = ("a change of row 5 of main.article".to_owned(), 2);
    assert_eq!(cause(&explained(&region, "a")), told);
}

#[tokio::test]
async fn a_refused_load_tells_its_reason_and_the_words_it_was_given() {
    let (larder, clock) = timed();
    let region = region(&larder, "offers");
    let outer = crate::scene::region::<u64>(&larder, "outer");
    let loader = || async {
        larder.refuse_with(Refusal::UnknownTables, || {
            "nothing is known of f".to_owned()
        });
        larder.refuse_with(Refusal::Volatile, || unreachable!("the first reason stays"));
        Ok::<_, Infallible>(1)
    };
    let inner = || async { region.get_or_load("a", loader).await.map(|value| *value) };
    outer.get_or_load("b", inner).await.unwrap();
    clock.advance(2 * S);
    for explanation in [explained(&region, "a"), explained(&outer, "b")] {
        let refused = explanation.refused.as_ref().unwrap();
        assert_eq!(
            (refused.ago, refused.reason.as_str()),
            (2 * S, "unknown-tables")
        );
        let text = explanation.to_string();
        let ending = "last loaded and not kept 2.0 s ago: unknown-tables (nothing is known of f)";
        assert!(text.ends_with(ending), "{text}");
    }
}

#[tokio::test]
async fn a_load_overtaken_by_a_write_tells_which() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    let loader = || async {
        larder.reading(None, &[row(7)]);
        larder
            .publish(Change::row(&table("article"), 7))
            .await
            .unwrap();
        Ok::<_, Infallible>(1)
    };
    region.get_or_load("a", loader).await.unwrap();
    let refused = explained(&region, "a").refused.unwrap();
    assert_eq!(refused.reason, "changed");
    let details = refused.details.unwrap();
    assert_eq!(details, "a change of row 7 of main.article, at position 1");
}

#[tokio::test]
async fn a_switch_is_told_before_anything_else() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    read(&region, "a", 1).await;
    larder.switches().set_region("offers", Share::OFF).unwrap();
    let explanation = explained(&region, "a");
    assert_eq!(explanation.state, State::SwitchedOff);
    assert!(
        explanation
            .to_string()
            .starts_with("a of offers (public): switched off")
    );
}

#[tokio::test]
async fn time_is_told_apart_from_changes() {
    let (larder, clock) = timed();
    let region = larder
        .region::<u64>("offers", Policy::ttl(10 * S).grace(5 * S))
        .unwrap();
    read(&region, "a", 1).await;
    clock.advance(12 * S);
    let stale = explained(&region, "a");
    assert_eq!(stale.state, State::Stale);
    assert!(
        stale
            .to_string()
            .ends_with("past its ttl, 3.0 s of grace left"),
        "{stale}"
    );
    clock.advance(12 * S);
    assert_eq!(explained(&region, "a").state, State::Expired);
    assert!(region.get("a").await.is_none());
    clock.advance(S);
    let expired = explained(&region, "a");
    assert_eq!((expired.state, expired.expired), (State::Absent, Some(S)));
    assert_eq!(expired.invalidated, None);
}

#[tokio::test]
async fn a_soft_change_is_told_as_what_made_an_entry_age() {
    let (larder, clock) = timed();
    let region = larder
        .region::<u64>("offers", long().grace(60 * S))
        .unwrap();
    load(&region, "a", &[Dependency::tag("prices")]).await;
    larder.invalidate_soft("weights").await.unwrap();
    assert_eq!(explained(&region, "a").aged, None);
    larder.invalidate_soft("prices").await.unwrap();
    clock.advance(S);
    let explanation = explained(&region, "a");
    assert_eq!(
        (explanation.state, &explanation.invalidated),
        (State::Stale, &None)
    );
    let text = explanation.to_string();
    assert!(
        text.ends_with("made to age 1.0 s ago by a change of tag prices, at position 2"),
        "{text}"
    );
}

#[tokio::test]
async fn a_change_not_yet_on_the_bus_is_told_as_such() {
    let bus = FaultyBus::new(Mode::Works);
    let larder = builder().bus(bus.clone()).build().unwrap();
    let region = region::<u64>(&larder, "offers");
    load(&region, "a", &[row(7)]).await;
    bus.set(Mode::Fails);
    larder
        .publish(Change::row(&table("article"), 7))
        .await
        .unwrap_err();
    let explanation = explained(&region, "a");
    let cause = explanation.invalidated.map(|invalidated| invalidated.cause);
    assert_eq!(
        (explanation.state, cause),
        (State::Invalid, Some(Cause::Pending))
    );
    bus.set(Mode::Works);
    larder.close().await;
}

#[tokio::test]
async fn a_new_log_is_told_as_such() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    read(&region, "a", 1).await;
    larder.node().set_incarnation(7);
    let cause = explained(&region, "a")
        .invalidated
        .map(|invalidated| invalidated.cause);
    assert_eq!(cause, Some(Cause::NewLog));
}

/// With 64 slots one of a thousand changes collides; names differ, so it is no other's.
#[tokio::test]
async fn a_collision_is_told_from_a_change_of_ones_own() {
    let larder = builder().slots(64).build().unwrap();
    let region = region::<u64>(&larder, "offers");
    load(&region, "a", &[row(7)]).await;
    for key in 1000..2000 {
        larder
            .publish(Change::row(&table("article"), key))
            .await
            .unwrap();
        let explanation = explained(&region, "a");
        if let Some(Invalidation { cause, .. }) = &explanation.invalidated {
            let Cause::Change {
                is_collision,
                change,
                ..
            } = cause
            else {
                panic!("{cause:?}")
            };
            assert!(is_collision);
            assert_eq!(*change, format!("a change of row {key} of main.article"));
            return;
        }
    }
    panic!("no collision");
}

#[tokio::test]
async fn a_change_too_long_ago_is_told_to_be_forgotten_or_perhaps_not_the_first() {
    let larder = builder().slots(1 << 20).build().unwrap();
    let region = region::<u64>(&larder, "offers");
    load(&region, "a", &[row(7)]).await;
    load(&region, "b", &[row(7), row(999)]).await;
    let article = |key: i64| larder.publish(Change::row(&table("article"), key));
    article(7).await.unwrap();
    for key in 1000..1200 {
        article(key).await.unwrap();
    }
    article(999).await.unwrap();
    let cause = explained(&region, "a").invalidated.unwrap().cause;
    assert_eq!(cause, Cause::Forgotten);
    let Cause::Change {
        may_be_later,
        position,
        ..
    } = explained(&region, "b").invalidated.unwrap().cause
    else {
        panic!("the last change is remembered")
    };
    assert_eq!((may_be_later, position), (true, 202));
}

#[tokio::test]
async fn removals_failures_and_evictions_are_told() {
    let (larder, clock) = timed();
    let offers = region::<u64>(&larder, "offers");
    read(&offers, "a", 1).await;
    offers.remove("a").await.unwrap();
    clock.advance(S);
    let (change, position) = cause(&explained(&offers, "a"));
    assert_eq!(
        (change.as_str(), position),
        ("a change of entry a of offers", 1)
    );
    let failing = offers.get_or_load("b", || async { Err::<u64, _>("no") });
    assert!(failing.await.is_err());
    clock.advance(S);
    assert_eq!(explained(&offers, "b").failed, Some(S));
    let small = builder().local_capacity(100_000).build().unwrap();
    let numbers = region::<u64>(&small, "numbers");
    for key in 0..2000_u64 {
        read(&numbers, key, key).await;
    }
    small.snapshot();
    let evicted = (0..2000_u64).filter(|key| numbers.explain(&Key::from(*key)).evicted.is_some());
    assert!(evicted.count() > 500);
}

#[tokio::test]
async fn an_explanation_serves_counts_and_drops_nothing() {
    let (larder, _clock) = timed();
    let region = region::<u64>(&larder, "offers");
    load(&region, "a", &[row(7)]).await;
    larder
        .publish(Change::row(&table("article"), 7))
        .await
        .unwrap();
    let before = larder.snapshot();
    let scope = larder.read_scope();
    let explanation = scope.run(async { explained(&region, "a") }).await;
    assert_eq!(explanation, explained(&region, "a"));
    assert_eq!(larder.snapshot(), before);
}

#[tokio::test]
async fn entries_are_explained_by_pattern_and_nobodys_name_is_told() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers").scoped(Scope::user("a token"));
    for key in ["pear", "apple", "apricot"] {
        read(&region, key, 1).await;
    }
    let keys = |pattern, most| -> Vec<String> {
        let explained = larder.explain_matching("offers", pattern, most);
        assert!(
            explained
                .iter()
                .all(|one| one.scope == "user" && one.state == State::Fresh)
        );
        explained.into_iter().map(|one| one.key).collect()
    };
    assert_eq!(keys("ap*", 9), ["apple", "apricot"]);
    assert_eq!(keys("*", 1), ["pear"]);
    assert!(larder.explain_matching("others", "*", 9).is_empty());
}
