//! When an entry is valid: each kind of dependency, with and without the shortcut.

use super::{by_author, keep, larder, region, row, table, validity};
use crate::Key;
use crate::change::Change;
use crate::dependency::Dependency;
use crate::entry::Validity;

/// `valid`, rows: fails without the slot of `Mark::Row` in `Mark::every_spot`.
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

/// `valid`, tables: fails with `Spot::Wide` for `Spot::Any` in `Mark::every_spot`.
#[tokio::test]
async fn a_row_change_invalidates_what_depends_on_its_table() {
    let larder = larder();
    let region = region(&larder);
    let list = keep(&region, "list", &[Dependency::table(&table())]);
    larder.publish(Change::row(&table(), 7)).await.unwrap();
    assert_eq!(validity(&region, &list), Validity::Invalid);
}

/// `valid`, wide: fails without `Spot::Wide` in `Entry::every_own_spot`.
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
/// `Entry::nothing_moved`, or without any one hash in `Entry::soft_hashes`.
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
