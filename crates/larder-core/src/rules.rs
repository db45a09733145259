//! The rules of the protocol, each with the test that fails without it.
//!
//! Each test says which line was removed or changed once to see it fail.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use proptest::prelude::*;
use tokio::sync::Notify;

use crate::bus::BoxFuture;
use crate::change::{Change, Image};
use crate::clock::{Clock, Moment};
use crate::dependency::{Dependency, Match};
use crate::entry::{Entry, Unservable, Validity};
use crate::error::BusError;
use crate::interleave;
use crate::lead::{Lead, Turn};
use crate::name::TableName;
use crate::names::Names;
use crate::node::Node;
use crate::observer::Observers;
use crate::policy::Policy;
use crate::position::Position;
use crate::test_util::ManualClock;
use crate::{Bus, Key, Larder, LocalBus, Refusal, Region};

const S: Duration = Duration::from_secs(1);

fn larder() -> Larder {
    Larder::builder("rules")
        .environment([("", "")])
        .build()
        .unwrap()
}

fn region(larder: &Larder) -> Region<u64> {
    larder.region("numbers", Policy::ttl(60 * S)).unwrap()
}

fn table() -> TableName {
    TableName::new("main", "article")
}

fn row(key: i64) -> Dependency {
    Dependency::row(&table(), key)
}

fn image(author: u64) -> Image {
    Image::Known(Arc::new([("author".into(), author)]))
}

fn by_author(author: u64) -> Dependency {
    Dependency::Match(table(), Match::new([("author".into(), author)]))
}

/// Makes an entry of `dependencies` through a whole load and returns it from the local tier.
fn keep(region: &Region<u64>, key: &str, dependencies: &[Dependency]) -> Arc<Entry> {
    let key = Key::from(key);
    let lead = Lead::begin(region, &key, None, None);
    lead.scope()
        .read(region.larder.node(), region.larder.stamp(), dependencies);
    let lifetime = region.lifetime_of(true);
    lead.finish(Some(Arc::new(1)), lifetime).kept.unwrap();
    region.larder.local().get(&region.probe(&key)).unwrap()
}

fn validity(region: &Region<u64>, entry: &Entry) -> Validity {
    entry.validity(region.larder.node())
}

/// A bus that takes changes only when it is let, as one over a network does.
#[derive(Clone, Debug, Default)]
struct SlowBus(Arc<Slow>);

#[derive(Debug, Default)]
struct Slow {
    inner: LocalBus,
    let_through: Notify,
    failures: AtomicU64,
    hold_answers: AtomicBool,
}

impl Bus for SlowBus {
    fn attach(&self, node: &Arc<Node>) {
        self.0.inner.attach(node);
    }

    fn publish(&self, changes: Arc<[Change]>) -> BoxFuture<'_, Result<Position, BusError>> {
        Box::pin(async move {
            self.0.let_through.notified().await;
            if self.0.failures.load(Ordering::Relaxed) > 0 {
                self.0.failures.fetch_sub(1, Ordering::Relaxed);
                return Err(BusError::new("no answer"));
            }
            let published = self.0.inner.publish(changes).await;
            if self.0.hold_answers.load(Ordering::Relaxed) {
                self.0.let_through.notified().await;
            }
            published
        })
    }
}

/// `load`: the stamp comes first. Fails with `Lead::finish` taking `node.stamp()` anew.
#[tokio::test]
async fn a_change_during_a_load_keeps_its_value_out() {
    let larder = larder();
    let region = region(&larder);
    let lead = Lead::begin(&region, &Key::from(1), None, None);
    lead.run(async { larder.reading(None, &[row(7)]) }).await;
    larder.publish(Change::row(&table(), 7)).await.unwrap();
    let finished = lead.finish(Some(Arc::new(1)), region.lifetime_of(true));
    assert_eq!(finished.kept, Err(Refusal::Changed));
    assert_eq!(
        finished.value.as_deref(),
        Some(&1),
        "the caller gets what it loaded"
    );
    assert_eq!(region.get(1).await, None);
}

/// `load`: what is invalid is not put. Fails without `entry.validity` in `Lead::verdict`.
#[tokio::test]
async fn a_value_that_is_already_invalid_takes_no_room() {
    let larder = larder();
    let region = region(&larder);
    let lead = Lead::begin(&region, &Key::from(1), None, None);
    larder.publish(Change::everything()).await.unwrap();
    assert_eq!(
        lead.finish(Some(Arc::new(1)), region.lifetime_of(true))
            .kept,
        Err(Refusal::Changed)
    );
    assert_eq!(larder.snapshot().regions[0].entries, 0);
}

/// `valid`, rows: fails without the slot of `Mark::Row` in `Mark::untouched_since`.
#[tokio::test]
async fn a_row_change_invalidates_what_was_made_of_the_row_and_nothing_else() {
    let larder = larder();
    let region = region(&larder);
    let seven = keep(&region, "7", &[row(7)]);
    let eight = keep(&region, "8", &[row(8)]);
    larder.publish(Change::row(&table(), 7)).await.unwrap();
    assert_eq!(validity(&region, &seven), Validity::Invalid);
    assert_eq!(validity(&region, &eight), Validity::Valid);
}

/// `valid`, tables: fails without `any()` for `Mark::Table` in `Mark::untouched_since`.
#[tokio::test]
async fn a_row_change_invalidates_what_depends_on_its_table() {
    let larder = larder();
    let region = region(&larder);
    let list = keep(&region, "list", &[Dependency::table(&table())]);
    larder.publish(Change::row(&table(), 7)).await.unwrap();
    assert_eq!(validity(&region, &list), Validity::Invalid);
}

/// `valid`, wide: fails without `table.wide()` in `Entry::nothing_touched`.
#[tokio::test]
async fn a_change_of_unknown_rows_invalidates_every_row() {
    let larder = larder();
    let region = region(&larder);
    let seven = keep(&region, "7", &[row(7)]);
    larder.publish(Change::table(&table())).await.unwrap();
    assert_eq!(validity(&region, &seven), Validity::Invalid);
}

/// `valid`, everything: fails without `node.everything()` in `Entry::validity`.
#[tokio::test]
async fn a_change_of_everything_invalidates_every_entry() {
    let larder = larder();
    let region = region(&larder);
    let nothing = keep(&region, "of nothing", &[]);
    larder.publish(Change::everything()).await.unwrap();
    assert_eq!(validity(&region, &nothing), Validity::Invalid);
}

/// `valid`, incarnation: fails without the comparison in `Entry::validity`.
#[tokio::test]
async fn an_entry_of_another_log_is_invalid() {
    assert_ne!(
        {
            let larder = larder();
            larder.stamp().incarnation
        },
        larder().stamp().incarnation,
        "each start of a local bus is a log of its own"
    );
    let larder = larder();
    let region = region(&larder);
    let entry = keep(&region, "a", &[]);
    larder.node().set_incarnation(1);
    assert_eq!(validity(&region, &entry), Validity::Invalid);
}

/// The shortcut looks at all a hit depends on. Fails without any one line of
/// `Entry::nothing_moved` but the soft one.
#[tokio::test]
async fn the_shortcut_misses_no_kind_of_dependency() {
    for (dependency, change) in every_kind() {
        let larder = larder();
        let region = region(&larder);
        let entry = keep(&region, "own", std::slice::from_ref(&dependency));
        assert_eq!(validity(&region, &entry), Validity::Valid);
        larder.publish(change).await.unwrap();
        assert_eq!(validity(&region, &entry), Validity::Invalid, "{dependency}");
    }
}

/// Soft changes reach what hard ones reach. Fails without `soft_latest` in
/// `Entry::nothing_moved`, or without any one hash in `Entry::softened`.
#[tokio::test]
async fn a_soft_change_ages_what_a_hard_one_would_invalidate() {
    for (dependency, change) in every_kind() {
        let larder = larder();
        let region = region(&larder);
        let entry = keep(&region, "own", std::slice::from_ref(&dependency));
        larder.publish(change.soft()).await.unwrap();
        assert!(
            matches!(validity(&region, &entry), Validity::Softened(_)),
            "{dependency}"
        );
    }
}

/// Pairs of a dependency of the entry `own` and a change that touches it, or the entry itself.
fn every_kind() -> Vec<(Dependency, Change)> {
    let public = crate::Scope::Public;
    vec![
        (row(1), Change::row(&table(), 1)),
        (row(1), Change::table(&table())),
        (Dependency::table(&table()), Change::row(&table(), 1)),
        (by_author(5), Change::row(&table(), 1)),
        (Dependency::tag("t"), Change::tag("t")),
        (
            Dependency::Key("other".into(), public.clone(), Key::from(1)),
            Change::key("other", public.clone(), 1),
        ),
        (row(2), Change::key("numbers", public, "own")),
        (row(3), Change::tag("larder:region:rules.numbers")),
        (row(4), Change::everything()),
    ]
}

/// `pending`: a whole table, whatever the row. Fails without `is_pending` of the tables in
/// `Entry::nothing_pending`, and with `Pending::mark` of no changes in `Publication::new`.
#[tokio::test]
async fn while_a_change_is_pending_its_table_is_not_served() {
    let bus = SlowBus::default();
    let larder = Larder::builder("rules")
        .environment([("", "")])
        .bus(bus.clone())
        .build()
        .unwrap();
    let region = region(&larder);
    let eight = keep(&region, "8", &[row(8)]);
    let other = keep(
        &region,
        "o",
        &[Dependency::table(&TableName::new("main", "tag"))],
    );
    let mut publication = Box::pin(larder.publish(Change::row(&table(), 7)));
    assert!(futures_poll(&mut publication).await.is_none());
    assert_eq!(
        validity(&region, &eight),
        Validity::Invalid,
        "row 8 while row 7 is pending"
    );
    assert_eq!(validity(&region, &other), Validity::Valid);
    bus.0.let_through.notify_one();
    publication.await.unwrap();
    assert_eq!(validity(&region, &eight), Validity::Valid);
}

/// `pending`: tags, keys and everything too. Fails without the named counts in
/// `Entry::nothing_pending` and `Mark::untouched_since`, or without `pending.everything()`.
#[tokio::test]
async fn pending_tags_keys_and_everything_are_not_served() {
    for change in [
        Change::tag("t"),
        Change::key("numbers", crate::Scope::Public, "own"),
        Change::tag("larder:region:rules.numbers"),
        Change::everything(),
    ] {
        let bus = SlowBus::default();
        let larder = Larder::builder("rules")
            .environment([("", "")])
            .bus(bus.clone())
            .build()
            .unwrap();
        let region = region(&larder);
        let entry = keep(&region, "own", &[Dependency::tag("t")]);
        let mut publication = Box::pin(larder.publish(change.clone()));
        assert!(futures_poll(&mut publication).await.is_none());
        assert_eq!(validity(&region, &entry), Validity::Invalid, "{change}");
    }
}

/// `pending` is counted, not set. Fails with `store(0)` for `fetch_sub` in
/// `Table::unmark_pending`.
#[tokio::test]
async fn a_table_is_pending_until_its_last_change_is_published() {
    let bus = SlowBus::default();
    let larder = Larder::builder("rules")
        .environment([("", "")])
        .bus(bus.clone())
        .build()
        .unwrap();
    let region = region(&larder);
    let eight = keep(&region, "8", &[row(8)]);
    let mut first = Box::pin(larder.publish(Change::row(&table(), 1)));
    let mut second = Box::pin(larder.publish(Change::row(&table(), 2)));
    assert!(futures_poll(&mut first).await.is_none());
    assert!(futures_poll(&mut second).await.is_none());
    bus.0.let_through.notify_one();
    first.await.unwrap();
    assert_eq!(validity(&region, &eight), Validity::Invalid);
    bus.0.let_through.notify_one();
    second.await.unwrap();
    assert_eq!(validity(&region, &eight), Validity::Valid);
}

/// A publication that fails or is dropped goes on, pending meanwhile. Fails without
/// `Publication::drop`.
#[tokio::test]
async fn a_publication_is_not_lost_when_the_bus_fails_or_its_caller_goes() {
    let clock = ManualClock::new();
    let bus = SlowBus::default();
    bus.0.failures.store(1, Ordering::Relaxed);
    let larder = Larder::builder("rules")
        .environment([("", "")])
        .bus(bus.clone())
        .clock(clock.clone())
        .build()
        .unwrap();
    let region = region(&larder);
    let entry = keep(&region, "7", &[row(7)]);
    let mut publication = Box::pin(larder.publish(Change::row(&table(), 7)));
    assert!(futures_poll(&mut publication).await.is_none());
    drop(publication);
    assert_eq!(validity(&region, &entry), Validity::Invalid);
    let before = larder.node().watermark();
    until(|| {
        bus.0.let_through.notify_one();
        clock.advance(S);
        larder.node().watermark() > before
    })
    .await;
    assert_eq!(bus.0.failures.load(Ordering::Relaxed), 0);
    assert_eq!(validity(&region, &entry), Validity::Invalid, "now for good");
}

/// A commit of unknown outcome is published twice, nothing kept in between. Fails without the
/// second `Publication`, or without `_pending`, in `Larder::publish_unsure`.
#[tokio::test]
async fn an_unsure_write_is_published_now_and_again() {
    let clock = ManualClock::new();
    let larder = Larder::builder("rules")
        .environment([("", "")])
        .clock(clock.clone())
        .build()
        .unwrap();
    let region = region(&larder);
    let start = larder.node().watermark();
    larder.publish_unsure(vec![Change::row(&table(), 7)]);
    until(|| larder.node().watermark() == start.next()).await;
    let lead = Lead::begin(&region, &Key::from(1), None, None);
    lead.run(async { larder.reading(None, &[row(8)]) }).await;
    let kept = lead
        .finish(Some(Arc::new(1)), region.lifetime_of(true))
        .kept;
    assert_eq!(
        kept,
        Err(Refusal::Changed),
        "nothing of the table is kept meanwhile"
    );
    until(|| {
        clock.advance(S);
        larder.node().watermark() == start.next().next()
    })
    .await;
    until(|| larder.node().pending.is_quiet()).await;
    keep(&region, "8", &[row(8)]);
}

/// `servable`: what was heard is read before the check. Fails with the two swapped in
/// `Entry::servable`.
#[tokio::test]
async fn news_that_come_during_the_check_do_not_vouch_for_the_entry() {
    let clock = ManualClock::new();
    let (node, entry) = silent_node(&clock);
    assert_eq!(
        entry.servable(&node, clock.now()).unwrap_err(),
        Unservable::Unheard
    );
    let (late, now) = (Arc::clone(&node), clock.now());
    interleave::at("servable: heard", move || {
        late.apply(Position::new(9), &[Change::row(&table(), 7)]);
        late.set_heard(now);
    });
    let served = entry.servable(&node, clock.now());
    assert!(interleave::passed());
    assert!(served.is_err(), "{served:?}");
}

/// `servable`: a silent bus bounds staleness. Fails without the comparison with
/// `max_staleness` in `Entry::servable`.
#[tokio::test]
async fn behind_a_silent_bus_an_entry_lives_only_by_its_own_load() {
    let clock = ManualClock::new();
    let (node, entry) = silent_node(&clock);
    let now = clock.now();
    assert_eq!(entry.servable(&node, now).unwrap_err(), Unservable::Unheard);
    node.set_heard(now.before(S));
    assert!(entry.servable(&node, now).is_ok());
    assert_eq!(
        entry.servable(&node, now.after(S)).unwrap_err(),
        Unservable::Unheard
    );
}

/// A node whose bus was silent for 10 s, and an entry of row 7 as old as that.
fn silent_node(clock: &ManualClock) -> (Arc<Node>, Arc<Entry>) {
    let region = region(&larder());
    let kept = keep(&region, "7", &[row(7)]);
    let node = Arc::new(Node::new(
        64,
        S,
        Arc::new(clock.clone()),
        Observers::default(),
        Names::new(0),
    ));
    let mut marks = crate::marks::MarkSet::default();
    marks.add(&row(7), &node);
    let as_of = clock.now();
    clock.advance(10 * S);
    let entry = Entry {
        value: None,
        marks: marks.take(),
        own: kept.own,
        position: AtomicU64::new(5),
        incarnation: 0,
        as_of,
        expires: Moment::MAX,
        stale_until: Moment::MAX,
        region: Arc::clone(&kept.region),
        weight: 1,
        retired: false.into(),
    };
    (node, Arc::new(entry))
}

/// `restamp`: the watermark is read before the check. Fails with `node.watermark()` read at the
/// `fetch_max` in `Entry::validity`.
#[tokio::test]
async fn a_change_during_a_restamp_stays_above_the_stamp() {
    let larder = larder();
    let region = region(&larder);
    let seven = keep(&region, "7", &[row(7)]);
    larder.publish(Change::row(&table(), 8)).await.unwrap();
    let node = Arc::clone(larder.node());
    interleave::at("restamp: checked", move || {
        let position = node.watermark();
        node.apply(position, &[Change::row(&table(), 7)]);
        node.advance(position.next());
    });
    let _ = validity(&region, &seven);
    assert!(interleave::passed());
    assert_eq!(validity(&region, &seven), Validity::Invalid);
}

/// `restamp` keeps a hot entry's check short. Fails without the `fetch_max` in
/// `Entry::validity`.
#[tokio::test]
async fn a_valid_entry_is_stamped_anew() {
    let larder = larder();
    let region = region(&larder);
    let seven = keep(&region, "7", &[row(7)]);
    larder.publish(Change::row(&table(), 8)).await.unwrap();
    assert_eq!(validity(&region, &seven), Validity::Valid);
    let position = seven.position.load(Ordering::Relaxed);
    assert_eq!(position, larder.node().watermark().get());
}

/// A soft change is not restamped away. Fails with the `fetch_max` before `softened` in
/// `Entry::validity`.
#[tokio::test]
async fn what_was_aged_stays_aged() {
    let larder = larder();
    let region = region(&larder);
    let entry = keep(&region, "7", &[row(7)]);
    larder
        .publish(Change::row(&table(), 7).soft())
        .await
        .unwrap();
    for _ in 0..3 {
        assert!(matches!(validity(&region, &entry), Validity::Softened(_)));
    }
}

/// `LocalBus`: position, application and watermark under one lock. Fails with the lock released
/// after `log.head = position`.
#[tokio::test]
async fn the_watermark_never_passes_a_change_that_is_not_applied() {
    let bus = LocalBus::new();
    let larder = Larder::builder("rules")
        .environment([("", "")])
        .bus(bus.clone())
        .build()
        .unwrap();
    let seven = keep(&region(&larder), "7", &[row(7)]);
    let (report, reported) = mpsc::channel();
    let other = bus.clone();
    interleave::at("bus: position taken", move || {
        let (done, is_done) = mpsc::channel();
        std::thread::spawn(move || {
            let publication = other.publish(Arc::new([Change::row(&table(), 8)]));
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            runtime.block_on(publication).unwrap();
            // Whoever sees this watermark must see row 7's change, which has a lower position.
            report.send(seven.validity(larder.node())).unwrap();
            let _ = done.send(());
        });
        // The other publication must wait for this one: give it time to show that it does not.
        let _ = is_done.recv_timeout(Duration::from_millis(100));
    });
    bus.publish(Arc::new([Change::row(&table(), 7)]))
        .await
        .unwrap();
    assert_eq!(reported.recv_timeout(10 * S).unwrap(), Validity::Invalid);
}

/// Shapes: trusted only by entries stamped at or after their registration. Fails without
/// `position >= shape.since` in `Mark::untouched_since`.
#[tokio::test]
async fn a_shape_learned_after_a_change_does_not_hide_it() {
    let larder = larder();
    let region = region(&larder);
    let lead = Lead::begin(&region, &Key::from(1), None, None);
    let change = Change::row(&table(), 7).images(Image::Absent, image(5));
    larder.publish(change).await.unwrap();
    lead.run(async { larder.reading(None, &[by_author(5)]) })
        .await;
    let kept = lead
        .finish(Some(Arc::new(1)), region.lifetime_of(true))
        .kept;
    assert_eq!(kept, Err(Refusal::Changed));
}

/// Shapes: registering one and applying a change exclude each other, and the shape is trusted
/// only above what was applied. Fails with the read guard of `Table::apply` dropped before
/// the loop ends, and without `any() + 1` in `Table::shape`.
#[tokio::test]
async fn a_shape_learned_while_a_change_is_applied_does_not_hide_it() {
    let larder = larder();
    let region = region(&larder);
    let lead = Arc::new(Mutex::new(Some(Lead::begin(
        &region,
        &Key::from(1),
        None,
        None,
    ))));
    let (register, node) = (Arc::clone(&lead), Arc::clone(larder.node()));
    let (done, is_done) = mpsc::channel();
    interleave::at("table: shapes applied", move || {
        let (soon, is_soon) = mpsc::channel();
        std::thread::spawn(move || {
            let lead = register.lock().unwrap();
            let lead = lead.as_ref().unwrap();
            lead.scope().read(&node, node.stamp(), &[by_author(5)]);
            let _ = soon.send(());
            let _ = done.send(());
        });
        // Registering must wait for the application: give it time to show that it does not.
        let _ = is_soon.recv_timeout(Duration::from_millis(100));
    });
    // Applied, but the watermark has not moved yet.
    let change = Change::row(&table(), 7).images(Image::Absent, image(5));
    larder.node().apply(larder.node().watermark(), &[change]);
    is_done.recv_timeout(10 * S).unwrap();
    let lead = lead.lock().unwrap().take().unwrap();
    let kept = lead
        .finish(Some(Arc::new(1)), region.lifetime_of(true))
        .kept;
    assert_eq!(kept, Err(Refusal::Changed));
}

/// Shapes: both images count, what is unknown matches. Fails without either image in
/// `Table::apply`, or without `shape.unknown` in `Mark::untouched_since`.
#[tokio::test]
async fn a_match_is_touched_by_old_new_and_unknown_images_only() {
    let larder = larder();
    let region = region(&larder);
    keep(&region, "register", &[by_author(5)]);
    for (before, after, touched) in [
        (image(5), image(6), true),
        (image(6), image(5), true),
        (image(6), image(7), false),
        (image(6), Image::Unknown, true),
        (
            image(6),
            Image::Known(Arc::new([("title".into(), 5)])),
            true,
        ),
        (image(6), Image::Absent, false),
    ] {
        let entry = keep(&region, "a", &[by_author(5)]);
        let change = Change::row(&table(), 7).images(before.clone(), after.clone());
        larder.publish(change).await.unwrap();
        let expected = if touched {
            Validity::Invalid
        } else {
            Validity::Valid
        };
        assert_eq!(
            validity(&region, &entry),
            expected,
            "{before:?} -> {after:?}"
        );
    }
}

/// Followers check what they are given. Fails with `entry.as_loaded()` taken at once in
/// `Region::follow`.
#[tokio::test]
async fn a_follower_does_not_take_an_answer_that_became_invalid_on_its_way() {
    let larder = larder();
    let region = region(&larder);
    let key = Key::from(1);
    let Turn::Lead(lead) = region.join(&key).await else {
        panic!("nobody loads yet")
    };
    lead.run(async { larder.reading(None, &[row(7)]) }).await;
    let follower = {
        let region = region.clone();
        tokio::spawn(async move {
            region
                .get_or_load(1, || async { Ok::<_, ()>(2) })
                .await
                .map(|value| *value)
        })
    };
    // The map, the seat, the scope, this look, and the follower.
    until(|| Arc::strong_count(&lead.flight().unwrap()) > 4).await;
    lead.finish(Some(Arc::new(1)), region.lifetime_of(true))
        .kept
        .unwrap();
    larder.publish(Change::row(&table(), 7)).await.unwrap();
    assert_eq!(follower.await.unwrap(), Ok(2));
}

/// Grace is about time only. Fails with `Validity::Invalid` treated as softened in
/// `Entry::servable`.
#[tokio::test]
async fn an_invalid_entry_is_not_served_within_grace_nor_on_an_error() {
    let clock = ManualClock::new();
    let larder = Larder::builder("rules")
        .environment([("", "")])
        .clock(clock.clone())
        .build()
        .unwrap();
    let policy = Policy::ttl(S).grace(60 * S).stale_on_error(true);
    let region: Region<u64> = larder.region("graced", policy).unwrap();
    let load = async || {
        larder.reading(None, &[row(7)]);
        Ok::<_, &str>(1)
    };
    region.get_or_load(1, load).await.unwrap();
    clock.advance(2 * S);
    let failing = region.get_or_load(1, || async { Err("down") }).await;
    assert_eq!(failing.as_deref(), Ok(&1), "stale but valid");
    larder.publish(Change::row(&table(), 7)).await.unwrap();
    let failing = region.get_or_load(1, || async { Err("down") }).await;
    assert_eq!(failing.map_err(|error| *error), Err("down"));
    assert_eq!(
        region
            .get_or_refresh(1, || async { Ok::<_, ()>(2) })
            .await
            .as_deref(),
        Ok(&2)
    );
}

/// `put` and `remove` are changes. Fails without the publication in `Region::put` and
/// `Region::remove`, or without the own key in `Entry::nothing_touched`.
#[tokio::test]
async fn a_load_under_way_does_not_bring_back_what_was_put_over_or_removed() {
    let larder = larder();
    let region = region(&larder);
    let lead = Lead::begin(&region, &Key::from(1), None, None);
    region.put(1, 2).await.unwrap();
    assert!(
        lead.finish(Some(Arc::new(1)), region.lifetime_of(true))
            .kept
            .is_err()
    );
    assert_eq!(region.get(1).await.as_deref(), Some(&2));
    let lead = Lead::begin(&region, &Key::from(1), None, None);
    region.remove(1).await.unwrap();
    assert!(
        lead.finish(Some(Arc::new(1)), region.lifetime_of(true))
            .kept
            .is_err()
    );
    assert_eq!(region.get(1).await, None);
}

/// Of two puts, the later on the bus stays. Fails with the watermark for `position.next()` in
/// `Region::put`.
#[tokio::test]
async fn a_put_that_was_overtaken_is_not_served() {
    let bus = SlowBus::default();
    let larder = Larder::builder("rules")
        .environment([("", "")])
        .bus(bus.clone())
        .build()
        .unwrap();
    let region = region(&larder);
    bus.0.hold_answers.store(true, Ordering::Relaxed);
    let mut first = Box::pin(region.put(1, 1));
    assert!(futures_poll(&mut first).await.is_none());
    bus.0.let_through.notify_one();
    assert!(
        futures_poll(&mut first).await.is_none(),
        "on the bus, not yet told so"
    );
    let second = Change::key("numbers", crate::Scope::Public, 1);
    bus.0.inner.publish(Arc::new([second])).await.unwrap();
    bus.0.let_through.notify_one();
    first.await.unwrap();
    assert_eq!(region.get(1).await, None);
}

/// The stamp rule holds in the background too. Fails with the stamp of `Lead::begin` taken at
/// the end.
#[tokio::test]
async fn a_change_during_a_background_refresh_or_a_batch_keeps_its_values_out() {
    let clock = ManualClock::new();
    let larder = Larder::builder("rules")
        .environment([("", "")])
        .clock(clock.clone())
        .build()
        .unwrap();
    let region: Region<u64> = larder
        .region("graced", Policy::ttl(S).grace(60 * S))
        .unwrap();
    region
        .get_or_load(1, || async { Ok::<_, ()>(1) })
        .await
        .unwrap();
    clock.advance(2 * S);
    let inner = larder.clone();
    let refresh = move || async move {
        inner.reading(None, &[row(7)]);
        inner.publish(Change::row(&table(), 7)).await.unwrap();
        Ok::<_, ()>(2)
    };
    assert_eq!(region.get_or_refresh(1, refresh).await.as_deref(), Ok(&1));
    larder.close().await;
    assert_eq!(larder.snapshot().regions[0].refused, 1);
    let batch = |keys: Vec<i32>| {
        let larder = larder.clone();
        async move {
            larder.reading(None, &[row(7)]);
            larder.publish(Change::row(&table(), 7)).await.unwrap();
            Ok::<_, ()>(keys.into_iter().map(|key| (key, 3)).collect())
        }
    };
    let answers = region.get_many_or_load(vec![5, 6], batch).await.unwrap();
    assert!(answers.iter().all(|value| value.as_deref() == Some(&3)));
    assert_eq!(larder.snapshot().regions[0].refused, 3);
}

proptest! {
    /// `apply` is idempotent and commutative. Fails with `store` for `fetch_max` in `Slots::touch`.
    #[test]
    fn the_order_and_number_of_deliveries_do_not_matter(
        changes in prop::collection::vec((0_u64..40, 0_i64..5, 0..4), 1..20),
        order in prop::collection::vec(any::<prop::sample::Index>(), 20),
    ) {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new());
        let node = || Node::new(64, S, Arc::clone(&clock), Observers::default(), Names::new(0));
        let (straight, shuffled) = (node(), node());
        let apply = |node: &Node, (position, row, kind): (u64, i64, i32)| {
            let change = match kind {
                0 => Change::table(&table()),
                1 => Change::tag("t"),
                2 => Change::everything(),
                _ => Change::row(&table(), row),
            };
            node.apply(Position::new(position), &[change]);
        };
        changes.iter().for_each(|change| apply(&straight, *change));
        order.iter().for_each(|index| apply(&shuffled, changes[index.index(changes.len())]));
        changes.iter().rev().for_each(|change| apply(&shuffled, *change));
        let state = |node: &Node| {
            let mut marks = crate::marks::MarkSet::default();
            (0..5).for_each(|key| marks.add(&row(key), node));
            let slots: Vec<_> = (0..64).map(|slot| node.slots.get(slot)).collect();
            let table = node.table(&table());
            (slots, table.any(), table.wide(), node.everything(), node.named())
        };
        prop_assert_eq!(state(&straight), state(&shuffled));
    }
}

/// Polls a future once.
async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|cx| match std::pin::Pin::new(&mut *future).poll(cx) {
        std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}

/// Lets other tasks run until `done`, for ten seconds at most.
async fn until(mut done: impl FnMut() -> bool) {
    let clock = crate::SystemClock::new();
    let deadline = clock.now().after(10 * S);
    while !done() {
        assert!(
            clock.now() < deadline,
            "it did not come about in ten seconds"
        );
        tokio::task::yield_now().await;
    }
}
