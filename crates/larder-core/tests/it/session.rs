//! What a client has written, told to other nodes.

use std::time::Duration;

use larder_core::{Change, Position, Reached, ReadScope, SessionPosition, Writes, past_the_cache};

use crate::faulty_bus::{FaultyBus, Log, LogBus, Mode};
use crate::gate::{begun, poll, within};
use crate::scene::{S, builder, table, timed};

const BOUND: Duration = Duration::from_millis(100);

#[tokio::test]
async fn the_writes_of_a_request_are_collected_also_in_tasks_it_spawns() {
    let (larder, _clock) = timed();
    let writes = Writes::new();
    let write = || larder.publish(Change::table(&table("a")));
    writes.run(write()).await.unwrap();
    let first = writes.position();
    let spawned = {
        let again = larder.clone();
        let task = async move { again.publish(Change::table(&table("a"))).await };
        writes.run(async { larder.spawn(task).await.unwrap() })
    };
    spawned.await.unwrap();
    let second = writes.position();
    assert!(first.is_some() && second.is_some() && first != second);
    assert_eq!(Writes::new().position(), None);
    write().await.unwrap();
    assert_eq!(
        writes.position(),
        second,
        "another's write is not this one's"
    );
}

#[tokio::test]
async fn who_has_applied_a_write_answers_at_once() {
    let (larder, _clock) = timed();
    let writes = Writes::new();
    let write = larder.publish(Change::table(&table("a")));
    writes.run(write).await.unwrap();
    let session = writes.position().unwrap();
    assert_eq!(larder.reach(session, BOUND).await, Reached::Applied);
}

/// Fails if `Larder::reach` does not wait, or for ever.
#[tokio::test]
async fn another_node_waits_until_it_has_applied_it_and_not_longer_than_told() {
    let log = Log::default();
    let clock = larder_core::test_util::ManualClock::new();
    let node = || {
        let bus = LogBus::on(&log);
        let larder = builder().bus(bus.clone()).clock(clock.clone()).build();
        (larder.unwrap(), bus)
    };
    let ((a, _), (b, bus)) = (node(), node());
    let written = |position| SessionPosition::At {
        incarnation: a.node().incarnation(),
        position,
    };
    let position = a.publish(Change::table(&table("a"))).await.unwrap();
    let mut waiting = begun(b.reach(written(position), BOUND));
    bus.poll();
    assert_eq!(
        within("who waits", waiting.as_mut()).await,
        Reached::Applied
    );

    let later = a.publish(Change::table(&table("a"))).await.unwrap();
    let mut waiting = begun(b.reach(written(later), BOUND));
    clock.advance(BOUND / 2);
    assert!(poll(&mut waiting).is_none());
    clock.advance(BOUND);
    assert_eq!(within("who waits", waiting).await, Reached::Behind);
}

#[tokio::test]
async fn what_cannot_be_says_nothing() {
    let (larder, _clock) = timed();
    larder.publish(Change::table(&table("a"))).await.unwrap();
    let incarnation = larder.node().incarnation();
    let reach = |incarnation, position| {
        let position = Position::new(position);
        larder.reach(
            SessionPosition::At {
                incarnation,
                position,
            },
            BOUND,
        )
    };
    assert_eq!(reach(incarnation, u64::MAX).await, Reached::Ignored);
    assert_eq!(reach(incarnation, 1 << 40).await, Reached::Ignored);
    assert_eq!(
        reach(incarnation ^ 2, 0).await,
        Reached::Ignored,
        "an older log"
    );
}

#[tokio::test]
async fn who_wrote_what_is_not_published_yet_is_kept_from_the_cache_for_a_while() {
    let clock = larder_core::test_util::ManualClock::new();
    let bus = FaultyBus::new(Mode::Fails);
    let larder = builder().bus(bus).clock(clock.clone()).build().unwrap();
    let writes = Writes::new();
    let write = larder.publish(Change::table(&table("a")));
    assert!(writes.run(write).await.is_err());
    let session = writes.position().unwrap();
    assert!(matches!(session, SessionPosition::Unpublished(_)));
    assert_eq!(larder.reach(session, BOUND).await, Reached::Behind);
    clock.advance(61 * S);
    assert_eq!(larder.reach(session, BOUND).await, Reached::Ignored);
}

/// Fails without the look in `Region::is_on`.
#[tokio::test]
async fn past_the_cache_all_is_loaded_and_nothing_kept_also_in_spawned_tasks() {
    let larder = crate::scene::larder();
    let numbers = crate::scene::region::<u64>(&larder, "numbers");
    let read = |value| crate::scene::read(&numbers, "x", value);
    assert_eq!(read(1).await, 1);
    assert_eq!(past_the_cache(read(2)).await, 2);
    let again = numbers.clone();
    let task = async move { crate::scene::read(&again, "x", 3).await };
    let spawned = async { ReadScope::spawn(task).await.unwrap() };
    let spawned = past_the_cache(larder.read_scope().run(spawned));
    assert_eq!(spawned.await, 3);
    assert_eq!(read(4).await, 1);
}
