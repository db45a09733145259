//! Logs that are taken over: at the start, and after a gap.

use std::sync::atomic::Ordering;

use super::{keep, larder, region, row, table, validity};
use crate::change::Change;
use crate::entry::Validity;
use crate::position::Position;

fn at(position: u64) -> Position {
    Position::new(position)
}

/// A gap: what may have been missed is invalid. Fails without `everything` in `Node::adopt`.
#[tokio::test]
async fn what_was_loaded_before_a_gap_is_invalid_and_what_comes_after_it_lives() {
    let larder = larder();
    let region = region(&larder);
    let node = larder.node();
    let before = keep(&region, "before", &[row(7)]);
    node.adopt(node.incarnation(), at(50));
    assert_eq!(validity(&region, &before), Validity::Invalid);
    let after = keep(&region, "after", &[row(7)]);
    assert_eq!(validity(&region, &after), Validity::Valid);
    node.apply(at(51), &[Change::row(&table(), 7)]);
    assert_eq!(validity(&region, &after), Validity::Invalid);
}

/// A log that lost its end: positions are given once more. Fails with `fetch_max` for the watermark in
/// `Node::adopt`, by which nothing loaded would be below the changes that come.
#[tokio::test]
async fn behind_a_log_that_lost_its_end_changes_still_reach_what_is_loaded() {
    let larder = larder();
    let region = region(&larder);
    let node = larder.node();
    node.apply(at(90), &[Change::row(&table(), 8)]);
    node.advance(at(91));
    node.adopt(7, at(50));
    let entry = keep(&region, "a", &[row(7)]);
    assert_eq!(validity(&region, &entry), Validity::Valid);
    node.apply(at(51), &[Change::row(&table(), 7)]);
    assert_eq!(validity(&region, &entry), Validity::Invalid);
}

/// What touched a row before the gap stays known. Fails if `Node::adopt` resets slots.
#[tokio::test]
async fn a_load_that_began_before_a_gap_is_compared_with_what_was_applied_before_it() {
    let larder = larder();
    let region = region(&larder);
    let node = larder.node();
    node.apply(at(90), &[Change::row(&table(), 7)]);
    node.adopt(7, at(50));
    let entry = keep_unless_invalid(&region);
    assert!(entry.is_none(), "row 7 changed at 90, above the new head");
}

fn keep_unless_invalid(region: &crate::Region<u64>) -> Option<()> {
    let lead = crate::lead::Lead::begin(region, &crate::Key::from("a"), None, None);
    let larder = &region.larder;
    lead.scope().read(larder.node(), larder.stamp(), &[row(7)]);
    let lifetime = region.lifetime_of(true);
    lead.finish(Some(std::sync::Arc::new(1)), lifetime)
        .kept
        .ok()
}

/// A start: what others stored before the oldest change that is still known may have missed one. Fails
/// without `everything` in `Node::start`.
#[tokio::test]
async fn what_was_stored_before_the_oldest_change_known_at_the_start_is_invalid() {
    let larder = larder();
    let region = region(&larder);
    let node = larder.node();
    node.set_incarnation(7);
    let entry = keep(&region, "a", &[row(7)]);
    node.start(7, at(40), at(50));
    for (position, expected) in [(39, Validity::Invalid), (40, Validity::Valid)] {
        entry.position.store(position, Ordering::Release);
        assert_eq!(validity(&region, &entry), expected, "{position}");
    }
    assert_eq!(node.watermark(), at(51));
}

/// What went before is not known to a node that comes late to a bus within the process. Fails without
/// the change of everything in `LocalBus::attach`.
#[tokio::test]
async fn a_node_that_comes_late_takes_all_that_went_before_as_changed() {
    let bus = crate::LocalBus::new();
    let build = || {
        let builder = crate::Larder::builder("rules").environment([("", "")]);
        builder.bus(bus.clone()).build().unwrap()
    };
    let first = build();
    first.publish(Change::row(&table(), 7)).await.unwrap();
    let late = build();
    let entry = keep(&region(&late), "a", &[row(7)]);
    assert_eq!(validity(&region(&late), &entry), Validity::Valid);
    // As another node stored it, before the change.
    entry.position.store(1, Ordering::Release);
    assert_eq!(validity(&region(&late), &entry), Validity::Invalid);
}
