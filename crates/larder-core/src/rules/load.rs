//! What a load may keep, and what is put over it meanwhile.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{S, SlowBus, futures_poll, larder, region, row, table, until};
use crate::change::Change;
use crate::lead::{Lead, Turn};
use crate::policy::Policy;
use crate::test_util::ManualClock;
use crate::{Bus as _, Key, Larder, Refusal, Region};

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

/// `put` and `remove` are changes. Fails without the publication in `Region::put` and
/// `Region::remove`, or without the own key in `Entry::every_own_spot`.
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
