//! Single holes, each with the rule it breaks.

use std::convert::Infallible;

use larder_core::test_util::{FaultyStore, ManualClock, MemoryStore};
use larder_core::{Share, past_the_cache};

use crate::faulty_bus::Log;
use crate::remote::Node;

/// Seen failing with the store asked for no keys: a store that hangs would be waited for.
#[tokio::test]
async fn a_batch_that_no_cache_may_answer_does_not_ask_the_store() {
    let (log, clock) = (Log::default(), ManualClock::new());
    let store = FaultyStore::over(MemoryStore::with_clock(clock.clone()));
    let node = Node::with(&log, store.clone(), &clock);
    let batch = || async {
        let load = |keys: Vec<u64>| async move {
            Ok::<_, Infallible>(keys.into_iter().map(|key| (key, key)).collect())
        };
        node.numbers
            .get_many_or_load(vec![1, 2], load)
            .await
            .unwrap()
    };
    past_the_cache(batch()).await;
    assert_eq!(store.calls(), 0, "past the cache");
    node.larder
        .switches()
        .set_region("numbers", Share::OFF)
        .unwrap();
    batch().await;
    assert_eq!(store.calls(), 0, "switched off");
}
