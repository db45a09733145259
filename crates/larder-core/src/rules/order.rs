//! The order of positions, of applications and of deliveries.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use proptest::prelude::*;

use super::{S, keep, region, row, table};
use crate::change::Change;
use crate::clock::Clock;
use crate::entry::Validity;
use crate::names::Names;
use crate::node::Node;
use crate::observer::Observers;
use crate::position::Position;
use crate::test_util::ManualClock;
use crate::{Bus as _, Larder, LocalBus, interleave};

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
