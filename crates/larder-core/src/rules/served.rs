//! What is valid and may be served: silence, grace, the restamp.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{S, keep, larder, region, row, table, validity};
use crate::change::Change;
use crate::clock::{Clock as _, Moment};
use crate::entry::{Entry, Unservable, Validity};
use crate::names::Names;
use crate::node::Node;
use crate::observer::Observers;
use crate::policy::Policy;
use crate::position::Position;
use crate::test_util::ManualClock;
use crate::{Larder, Region, interleave};

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

/// What was never heard of is not recent, however young the clock. Fails without the comparison
/// with `Moment::ZERO` in `Entry::servable`.
#[tokio::test]
async fn an_entry_of_another_node_waits_until_the_bus_was_heard() {
    let (node, entry) = silent_node(&ManualClock::new());
    let mut entry = Arc::into_inner(entry).unwrap();
    entry.as_of = Moment::ZERO;
    let young = Moment::from_nanos(1);
    assert_eq!(
        entry.servable(&node, young).unwrap_err(),
        Unservable::Unheard
    );
    node.set_heard(young);
    assert!(entry.servable(&node, young).is_ok());
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

/// `restamp`: what is checked before the watermark is read is checked again behind it. Fails with
/// `node.everything()` compared once only in `Entry::validity`.
#[tokio::test]
async fn a_change_of_everything_during_a_restamp_stays_above_the_stamp() {
    let everything = |node: &Node| {
        let position = node.watermark();
        node.apply(position, &[Change::everything()]);
        node.advance(position.next());
    };
    // A gap: what changed in it is known by `everything` alone.
    let gap = |node: &Node| node.adopt(node.incarnation(), Position::new(50));
    let happenings: [fn(&Node); 2] = [everything, gap];
    for happens in happenings {
        let larder = larder();
        let region = region(&larder);
        let seven = keep(&region, "7", &[row(7)]);
        // Another row: the check takes the long way, and stamps anew.
        larder.publish(Change::row(&table(), 8)).await.unwrap();
        let node = Arc::clone(larder.node());
        interleave::at("validity: everything", move || happens(&node));
        let _ = validity(&region, &seven);
        assert!(interleave::passed());
        assert_eq!(validity(&region, &seven), Validity::Invalid);
    }
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
