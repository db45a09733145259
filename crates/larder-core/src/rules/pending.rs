//! What is committed and not on the bus yet.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{S, SlowBus, futures_poll, keep, region, row, table, until, validity};
use crate::change::Change;
use crate::dependency::Dependency;
use crate::entry::Validity;
use crate::lead::Lead;
use crate::name::TableName;
use crate::test_util::ManualClock;
use crate::{Key, Larder, Refusal};

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

/// `pending`: tags, keys and everything too. Fails without any one of
/// `Entry::nothing_pending`, or without `Spot::Pending` in `Mark::every_spot`.
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
