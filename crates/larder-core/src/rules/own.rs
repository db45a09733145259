//! A load that changes something itself.

use std::sync::Arc;

use super::{SlowBus, futures_poll, keep, larder, region, row, table, validity};
use crate::change::Change;
use crate::dependency::Dependency;
use crate::entry::Validity;
use crate::lead::Lead;
use crate::{Key, Larder, Refusal, Region};

const OWN: &str = "own";

/// Begins a load that depends on what it is going to change, and on row 7.
async fn begin(region: &Region<u64>) -> Lead<u64> {
    let lead = Lead::begin(region, &Key::from(1), None, None);
    let larder = region.larder().clone();
    lead.run(async move { larder.reading(None, &[Dependency::tag(OWN), row(7)]) })
        .await;
    lead
}

fn own() -> Vec<Change> {
    vec![Change::tag(OWN)]
}

fn finish(lead: Lead<u64>, region: &Region<u64>) -> Result<(), Refusal> {
    lead.finish(Some(Arc::new(1)), region.lifetime_of(true))
        .kept
}

/// Fails without `pass`, and without the stamp moved in `Lead::publish`.
#[tokio::test]
async fn a_loads_own_change_does_not_keep_its_value_out() {
    let larder = larder();
    let region = region(&larder);
    let before = keep(&region, "before", &[Dependency::tag(OWN)]);
    let mut lead = begin(&region).await;
    lead.publish(own()).await.unwrap();
    assert_eq!(finish(lead, &region), Ok(()));
    assert_eq!(region.get(1).await.as_deref(), Some(&1));
    assert_eq!(validity(&region, &before), Validity::Invalid);
    larder.publish(Change::tag(OWN)).await.unwrap();
    assert_eq!(
        region.get(1).await,
        None,
        "the next such change is another's"
    );
}

/// Whatever else happened since the stamp keeps it out, also what it does not depend on: it may have
/// written that. Fails without the comparison with the stamp's position in `Lead::publish`.
#[tokio::test]
async fn any_other_change_since_the_stamp_keeps_it_out() {
    for other in [
        Change::tag(OWN),
        Change::row(&table(), 7),
        Change::row(&table(), 8),
        Change::everything(),
    ] {
        let larder = larder();
        let region = region(&larder);
        let mut lead = begin(&region).await;
        larder.publish(other.clone()).await.unwrap();
        lead.publish(own()).await.unwrap();
        assert_eq!(finish(lead, &region), Err(Refusal::Changed), "{other:?}");
    }
}

/// The same for what comes behind it, if it depends on that.
#[tokio::test]
async fn a_change_behind_its_own_keeps_it_out() {
    for (other, kept) in [
        (Change::tag(OWN), Err(Refusal::Changed)),
        (Change::row(&table(), 7), Err(Refusal::Changed)),
        (Change::row(&table(), 8), Ok(())),
    ] {
        let larder = larder();
        let region = region(&larder);
        let mut lead = begin(&region).await;
        lead.publish(own()).await.unwrap();
        larder.publish(other.clone()).await.unwrap();
        assert_eq!(finish(lead, &region), kept, "{other:?}");
    }
}

/// What is read with an older stamp than the load's is invalid if it changed since. Fails with the
/// position set in `pass` whatever it was.
#[tokio::test]
async fn what_was_read_before_it_counts_from_there() {
    let larder = larder();
    let region = region(&larder);
    let old = larder.stamp();
    larder.publish(Change::row(&table(), 7)).await.unwrap();
    let mut lead = Lead::begin(&region, &Key::from(1), None, None);
    let read = async { larder.reading(Some(old), &[row(7)]) };
    lead.run(read).await;
    lead.publish(own()).await.unwrap();
    assert_eq!(finish(lead, &region), Err(Refusal::Changed));
}

fn slow() -> (Larder, SlowBus) {
    let bus = SlowBus::default();
    let larder = Larder::builder("rules")
        .environment([("", "")])
        .bus(bus.clone())
        .build()
        .unwrap();
    (larder, bus)
}

/// What is committed and has no position yet may be the load's own doing too. Fails without `is_quiet`.
#[tokio::test]
async fn a_pending_change_keeps_it_out() {
    let (larder, bus) = slow();
    let region = region(&larder);
    let mut lead = begin(&region).await;
    let mut other = Box::pin(larder.publish(Change::row(&table(), 8)));
    assert!(futures_poll(&mut other).await.is_none());
    // This one gets its position first.
    let mut own = Box::pin(lead.publish(own()));
    assert!(futures_poll(&mut own).await.is_none());
    bus.0.let_through.notify_one();
    bus.0.let_through.notify_one();
    let (_, _) = tokio::join!(own, other);
    assert_eq!(finish(lead, &region), Err(Refusal::Changed));
}

/// What the bus does not take is published later, and is then a change like any other.
#[tokio::test]
async fn a_bus_that_does_not_take_it_keeps_it_out() {
    let (larder, bus) = slow();
    let region = region(&larder);
    let mut lead = begin(&region).await;
    bus.0
        .failures
        .store(1, std::sync::atomic::Ordering::Relaxed);
    bus.0.let_through.notify_one();
    lead.publish(own()).await.unwrap_err();
    bus.0.let_through.notify_one();
    super::until(|| larder.node().pending.is_quiet()).await;
    assert_eq!(finish(lead, &region), Err(Refusal::Changed));
}
