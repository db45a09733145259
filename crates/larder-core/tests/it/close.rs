//! Closing, and publications that must not be lost.

use std::convert::Infallible;

use larder_core::test_util::ManualClock;
use larder_core::{Change, Dependency, Larder, Region};

use crate::faulty_bus::{FaultyBus, Mode};
use crate::gate::{Gate, begun, poll, settled, until, within};
use crate::scene::{S, Truth, builder, long, read, region, table, timed};

/// A cache on a bus that can fail, with an entry of each kind of dependency.
struct Scene {
    larder: Larder,
    clock: ManualClock,
    bus: FaultyBus,
    offers: Region<u64>,
    truth: Truth,
}

impl Scene {
    fn new() -> Self {
        let (bus, clock) = (FaultyBus::new(Mode::Works), ManualClock::new());
        let larder = builder()
            .bus(bus.clone())
            .clock(clock.clone())
            .build()
            .unwrap();
        let offers = larder
            .region("offers", long().invalidated_by("imported"))
            .unwrap();
        Self {
            larder,
            clock,
            bus,
            offers,
            truth: Truth::of(0),
        }
    }

    /// Reads an offer, which depends on a row, a table, a tag and its key.
    async fn offer(&self) -> u64 {
        let loader = || async {
            self.larder.reading(
                None,
                &[
                    Dependency::row(&table("offer"), 7),
                    Dependency::table(&table("price")),
                ],
            );
            self.truth.load()
        };
        *self.offers.get_or_load("a", loader).await.unwrap()
    }

    /// Tells whether the offer is served without a load.
    async fn is_served(&self) -> bool {
        let before = self.truth.reads();
        self.offer().await;
        before == self.truth.reads()
    }
}

fn kinds() -> Vec<Change> {
    vec![
        Change::row(&table("offer"), 7),
        // Another row of the table: while it is pending, the table is not matched row by row.
        Change::row(&table("offer"), 8),
        Change::table(&table("offer")),
        Change::row(&table("price"), 1),
        Change::tag("imported"),
        Change::key("offers", larder_core::Scope::Public, "a"),
        Change::everything(),
    ]
}

#[tokio::test]
async fn a_publication_dropped_half_way_is_published_and_nothing_old_is_served_meanwhile() {
    for change in kinds() {
        let scene = Scene::new();
        scene.offer().await;
        assert!(scene.is_served().await);
        let gate = Gate::closed();
        scene.bus.set(Mode::Waits(gate.clone()));
        scene.truth.write(1);
        let publication = begun(scene.larder.publish(change.clone()));
        assert_eq!(scene.offer().await, 1, "{change} is waiting");
        drop(publication);
        assert_eq!(scene.offer().await, 1, "{change} was dropped");
        assert!(!scene.is_served().await, "{change} is pending");
        scene.bus.set(Mode::Works);
        gate.open();
        within("the background", scene.larder.close()).await;
        assert_eq!(scene.offer().await, 1);
        assert!(scene.is_served().await, "{change} is published");
        assert!(scene.bus.attempts() >= 2);
    }
}

#[tokio::test]
async fn a_bus_that_fails_is_tried_again_and_nothing_old_is_served_meanwhile() {
    for change in kinds() {
        let scene = Scene::new();
        scene.offer().await;
        scene.bus.set(Mode::Fails);
        scene.truth.write(1);
        assert!(scene.larder.publish(change.clone()).await.is_err());
        for _ in 0..5 {
            assert_eq!(scene.offer().await, 1, "{change}");
            assert!(!scene.is_served().await, "{change} is pending");
            scene.clock.advance(S);
            settled().await;
        }
        assert!(
            scene.bus.attempts() >= 3,
            "{} attempts",
            scene.bus.attempts()
        );
        scene.bus.set(Mode::Works);
        scene.clock.advance(S);
        let attempts = scene.bus.attempts();
        until("another attempt", || scene.bus.attempts() > attempts).await;
        settled().await;
        assert_eq!(scene.offer().await, 1);
        assert!(scene.is_served().await, "{change} is published");
    }
}

#[tokio::test]
async fn a_lost_answer_is_a_publication_that_failed() {
    let scene = Scene::new();
    scene.offer().await;
    scene.bus.set(Mode::LosesAnswers);
    scene.truth.write(1);
    assert!(scene.larder.publish(Change::tag("imported")).await.is_err());
    assert_eq!(scene.offer().await, 1);
    scene.bus.set(Mode::Works);
    scene.larder.close().await;
    assert_eq!(scene.offer().await, 1);
    assert!(scene.is_served().await);
}

#[tokio::test]
async fn writes_by_hand_that_are_queued_hide_the_old_value() {
    let scene = Scene::new();
    scene.offer().await;
    scene.bus.set(Mode::Fails);
    assert!(scene.offers.put("a", 1).await.is_err());
    assert_eq!(scene.offers.get("a").await, None);
    assert!(scene.offers.remove("a").await.is_err());
    assert!(scene.offers.invalidate_all().await.is_err());
    assert_eq!(scene.offers.get("a").await, None);
    assert!(!scene.is_served().await);
}

#[tokio::test]
async fn a_put_that_is_dropped_half_way_hides_the_old_value_until_it_is_published() {
    let scene = Scene::new();
    scene.offer().await;
    let gate = Gate::closed();
    scene.bus.set(Mode::Waits(gate.clone()));
    drop(begun(scene.offers.put("a", 1)));
    assert_eq!(scene.offers.get("a").await, None);
    gate.open();
    scene.larder.close().await;
    assert_eq!(scene.offers.get("a").await, None);
    scene.offer().await;
    assert!(scene.is_served().await);
}

#[tokio::test]
async fn other_entries_are_served_while_a_change_waits() {
    let scene = Scene::new();
    let other = region::<u64>(&scene.larder, "other");
    read(&other, "b", 1).await;
    scene.bus.set(Mode::Fails);
    assert!(
        scene
            .larder
            .publish(Change::row(&table("offer"), 7))
            .await
            .is_err()
    );
    assert_eq!(other.get("b").await.as_deref(), Some(&1));
}

#[tokio::test]
async fn a_load_that_began_while_a_change_waited_is_not_kept() {
    let scene = Scene::new();
    let gate = Gate::closed();
    scene.bus.set(Mode::Waits(gate.clone()));
    let mut publication = begun(scene.larder.publish(Change::tag("imported")));
    scene.offer().await;
    assert!(!scene.is_served().await);
    gate.open();
    poll(&mut publication).unwrap().unwrap();
    scene.offer().await;
    assert!(scene.is_served().await);
}

/// Reads still work after the closing, so what is lost must stay unservable.
#[tokio::test]
async fn a_change_that_is_given_up_at_the_closing_is_still_not_served_here() {
    for change in kinds() {
        let scene = Scene::new();
        scene.offer().await;
        scene.bus.set(Mode::Fails);
        scene.truth.write(1);
        assert!(scene.larder.publish(change.clone()).await.is_err());
        within("the closing", scene.larder.close()).await;
        assert_eq!(scene.offer().await, 1, "{change}");
    }
}

#[tokio::test]
async fn an_unsure_write_is_published_at_once_and_again_later_and_hidden_in_between() {
    let scene = Scene::new();
    scene.offer().await;
    scene.larder.publish_unsure(vec![Change::tag("imported")]);
    assert!(!scene.is_served().await, "it may have happened");
    settled().await;
    assert_eq!(scene.bus.attempts(), 1);
    scene.truth.write(1);
    assert_eq!(scene.offer().await, 1);
    assert!(!scene.is_served().await);
    scene.clock.advance(60 * S);
    until("the second publication", || scene.bus.attempts() == 2).await;
    settled().await;
    scene.offer().await;
    assert!(scene.is_served().await);
}

#[tokio::test]
async fn closing_does_not_wait_for_the_second_publication_but_makes_it() {
    let scene = Scene::new();
    scene.larder.publish_unsure(vec![Change::tag("imported")]);
    within("the closing", scene.larder.close()).await;
    assert_eq!(scene.bus.attempts(), 2);
}

#[tokio::test]
async fn closing_waits_for_what_runs_in_the_background() {
    let (larder, clock) = timed();
    let region = larder
        .region::<u64>("offers", long().grace(10 * S))
        .unwrap();
    let gate = Gate::closed();
    read(&region, "a", 1).await;
    clock.advance(601 * S);
    let its_gate = gate.clone();
    let loader = move || async move {
        its_gate.passed().await;
        Ok::<_, Infallible>(2)
    };
    region.get_or_refresh("a", loader).await.unwrap();
    let its_gate = gate.clone();
    let task = larder.spawn(async move { its_gate.passed().await });
    let mut closing = begun(larder.close());
    settled().await;
    assert!(poll(&mut closing).is_none());
    gate.open();
    within("the closing", closing).await;
    assert!(task.is_finished());
    assert_eq!(region.get("a").await.as_deref(), Some(&2));
    within("a second closing", larder.close()).await;
}

#[tokio::test]
async fn after_the_closing_reads_and_writes_still_work() {
    let (larder, _clock) = timed();
    let region = region::<u64>(&larder, "offers");
    read(&region, "a", 1).await;
    larder.close().await;
    assert_eq!(region.get("a").await.as_deref(), Some(&1));
    region.put("a", 2).await.unwrap();
    assert_eq!(read(&region, "a", 0).await, 2);
    region.remove("a").await.unwrap();
    assert_eq!(read(&region, "a", 3).await, 3);
    within("a second closing", larder.close()).await;
}

/// With the bus down for long, what waits is put together, not tried write by write.
#[tokio::test]
async fn a_thousand_queued_changes_are_not_a_thousand_attempts_each_time() {
    let scene = Scene::new();
    scene.bus.set(Mode::Fails);
    for row in 0..1000 {
        assert!(
            scene
                .larder
                .publish(Change::row(&table("offer"), row))
                .await
                .is_err()
        );
    }
    settled().await;
    let before = scene.bus.attempts();
    scene.clock.advance(S);
    settled().await;
    let tried = scene.bus.attempts() - before;
    assert!(tried <= 20, "{tried} attempts for one second");
    scene.bus.set(Mode::Works);
    within("the closing", scene.larder.close()).await;
    scene.offer().await;
    assert!(scene.is_served().await);
}

#[tokio::test]
async fn a_bus_that_panics_is_a_bus_that_fails() {
    let scene = Scene::new();
    scene.offer().await;
    scene.bus.set(Mode::Panics);
    scene.truth.write(1);
    let larder = scene.larder.clone();
    let publication = tokio::spawn(async move { larder.publish(Change::tag("imported")).await });
    assert!(!matches!(publication.await, Ok(Ok(_))));
    for _ in 0..3 {
        assert_eq!(scene.offer().await, 1);
        assert!(!scene.is_served().await, "it is pending");
        scene.clock.advance(S);
        settled().await;
    }
    scene.bus.set(Mode::Works);
    scene.clock.advance(S);
    within("the closing", scene.larder.close()).await;
    scene.offer().await;
    assert!(scene.is_served().await, "it is published");
}
