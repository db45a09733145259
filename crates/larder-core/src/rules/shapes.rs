//! Rows picked by equalities: shapes that are learned, images that are compared.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use super::{S, by_author, keep, larder, region, table, validity};
use crate::change::{Change, Image};
use crate::entry::Validity;
use crate::lead::Lead;
use crate::{Key, Refusal, interleave};

/// Shapes: trusted only by entries stamped at or after their registration. Fails without
/// `position >= shape.since` in `Mark::every_spot`.
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
/// the spots are raised, and without `any() + 1` in `Table::clock`.
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
/// `ShapeClock::spots_of_row`, or without `Spot::Unknown` in `Mark::every_spot`.
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

fn image(author: u64) -> Image {
    Image::Known(Arc::new([("author".into(), author)]))
}
