//! Changes against loads under way: the old value must not come back.

use std::convert::Infallible;

use larder_core::{Change, Dependency, Larder, LocalBus, Region, Scope};

use crate::gate::{Gate, begun, within};
use crate::scene::{S, Truth, builder, larder, long, read, region, table, timed};

/// Runs `write` while a load that has read the old value is under way, and reads after it.
async fn across_a_load(
    larder: &Larder,
    region: &Region<u64>,
    dependencies: &[Dependency],
    write: impl AsyncFnOnce(),
) -> u64 {
    let (truth, gate) = (Truth::of(1), Gate::closed());
    let load = || async {
        larder.reading(None, dependencies);
        let value = truth.load();
        gate.passed().await;
        value
    };
    let under_way = begun(region.get_or_load("a", load));
    truth.write(2);
    within("the write", write()).await;
    gate.open();
    assert_eq!(*within("the load", under_way).await.unwrap(), 1);
    *within("the read", region.get_or_load("a", load))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_load_under_way_does_not_bring_back_what_a_put_replaced() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    let value = across_a_load(&larder, &region, &[], async || {
        region.put("a", 3).await.unwrap();
        assert_eq!(region.get("a").await.as_deref(), Some(&3));
    });
    assert!(
        [2, 3].contains(&value.await),
        "not what was there before the put"
    );
}

#[tokio::test]
async fn a_load_under_way_does_not_bring_back_what_was_removed() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    let value = across_a_load(&larder, &region, &[], async || {
        region.remove("a").await.unwrap();
    });
    assert_eq!(value.await, 2);
}

#[tokio::test]
async fn a_load_under_way_does_not_survive_its_tags() {
    let larder = larder();
    let region = larder
        .region::<u64>("offers", long().invalidated_by("imported"))
        .unwrap();
    let tag = Dependency::tag("prices");
    for invalidated in ["imported", "prices"] {
        let tags = [tag.clone()];
        let value = across_a_load(&larder, &region, &tags, async || {
            larder.invalidate(invalidated).await.unwrap();
        });
        assert_eq!(value.await, 2, "{invalidated}");
        region.remove("a").await.unwrap();
    }
}

#[tokio::test]
async fn a_load_under_way_does_not_survive_its_region() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    let value = across_a_load(&larder, &region, &[], async || {
        region.invalidate_all().await.unwrap();
    });
    assert_eq!(value.await, 2);
}

#[tokio::test]
async fn a_load_under_way_does_not_survive_a_change_of_what_it_reads() {
    let offer = table("offer");
    let reads = [
        Dependency::row(&offer, 7),
        Dependency::row(&table("price"), 1),
    ];
    for change in [
        Change::row(&offer, 7),
        Change::table(&offer),
        Change::row(&table("price"), 1),
        Change::everything(),
    ] {
        let larder = larder();
        let region = region::<u64>(&larder, "offers");
        let value = across_a_load(&larder, &region, &reads, async || {
            larder.publish(change.clone()).await.unwrap();
        });
        assert_eq!(value.await, 2, "{change}");
    }
}

/// What is recorded late is covered too: the stamp was taken before.
#[tokio::test]
async fn a_tag_added_after_its_invalidation_is_still_invalid() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    let (truth, gate) = (Truth::of(1), Gate::closed());
    let load = begun(region.get_or_load("a", || async {
        let value = truth.load();
        gate.passed().await;
        larder.depend_on("prices");
        value
    }));
    truth.write(2);
    larder.invalidate("prices").await.unwrap();
    gate.open();
    within("the load", load).await.unwrap();
    assert_eq!(truth.through(&region, "a").await, 2);
}

#[tokio::test]
async fn changes_of_other_things_leave_an_entry() {
    let larder = larder();
    let regions = (
        region::<u64>(&larder, "offers"),
        region::<u64>(&larder, "other"),
    );
    let load = || async {
        larder.reading(
            None,
            &[
                Dependency::row(&table("offer"), 7),
                Dependency::tag("prices"),
            ],
        );
        Ok::<_, Infallible>(1)
    };
    regions.0.get_or_load("a", load).await.unwrap();
    larder
        .publish(Change::row(&table("offer"), 8))
        .await
        .unwrap();
    larder
        .publish(Change::table(&table("price")))
        .await
        .unwrap();
    larder
        .publish(Change::row(
            &larder_core::TableName::new("second", "offer"),
            7,
        ))
        .await
        .unwrap();
    larder.invalidate("names").await.unwrap();
    regions.0.remove("b").await.unwrap();
    regions
        .0
        .scoped(Scope::user("ann"))
        .remove("a")
        .await
        .unwrap();
    regions.1.remove("a").await.unwrap();
    regions.1.invalidate_all().await.unwrap();
    assert!(regions.0.get("a").await.is_some());
}

#[tokio::test]
async fn a_region_lists_what_invalidates_it() {
    let larder = larder();
    let policy = long()
        .invalidated_by("plugin.activated")
        .invalidated_by("plugin.removed");
    let plugins = larder.region::<u64>("menu", policy).unwrap();
    let other = region::<u64>(&larder, "other");
    for tag in ["plugin.activated", "plugin.removed"] {
        read(&plugins, "a", 1).await;
        plugins.put("b", 1).await.unwrap();
        read(&other, "a", 1).await;
        larder.publish(Change::tag(tag)).await.unwrap();
        assert_eq!(plugins.get("a").await, None, "{tag}");
        assert_eq!(plugins.get("b").await, None, "{tag}");
        assert!(other.get("a").await.is_some());
    }
    read(&plugins, "a", 1).await;
    larder.publish(Change::tag("plugin")).await.unwrap();
    assert!(plugins.get("a").await.is_some());
}

#[tokio::test]
async fn an_entry_of_several_tags_is_invalid_with_any_of_them() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    for tag in ["x", "y", "z"] {
        let load = || async {
            ["x", "y", "z"]
                .into_iter()
                .for_each(|tag| larder.depend_on(tag));
            Ok::<_, Infallible>(1)
        };
        region.get_or_load("a", load).await.unwrap();
        larder.invalidate(tag).await.unwrap();
        assert_eq!(region.get("a").await, None);
    }
}

#[tokio::test]
async fn many_changes_under_one_position_are_all_applied() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    let tags = ["x", "y", "z"];
    for tag in tags {
        let load = || async {
            larder.depend_on(tag);
            Ok::<_, Infallible>(1)
        };
        region.get_or_load(tag, load).await.unwrap();
    }
    let before = larder.snapshot().position;
    larder
        .publish_all(tags.map(Change::tag).to_vec())
        .await
        .unwrap();
    assert_eq!(larder.snapshot().position, before + 1);
    for tag in tags {
        assert_eq!(region.get(tag).await, None);
    }
    larder.publish_all(Vec::new()).await.unwrap();
    assert_eq!(larder.snapshot().position, before + 1);
}

#[tokio::test]
async fn of_two_puts_the_later_one_stays() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    for value in 1..=5 {
        region.put("a", value).await.unwrap();
        assert_eq!(region.get("a").await.as_deref(), Some(&value));
    }
}

#[tokio::test]
async fn a_change_on_one_node_reaches_the_other_on_the_same_bus() {
    let bus = LocalBus::new();
    let larders = [(); 2].map(|()| builder().bus(bus.clone()).build().unwrap());
    let [here, there] = &larders;
    let regions = larders
        .each_ref()
        .map(|larder| region::<u64>(larder, "offers"));
    read(&regions[0], "a", 1).await;
    read(&regions[1], "a", 1).await;
    regions[0].put("a", 2).await.unwrap();
    assert_eq!(
        regions[0].get("a").await.as_deref(),
        Some(&2),
        "values are not shared"
    );
    assert_eq!(regions[1].get("a").await, None);
    read(&regions[1], "a", 2).await;
    there.invalidate("x").await.unwrap();
    assert!(regions[1].get("a").await.is_some());
    there.publish(Change::everything()).await.unwrap();
    assert_eq!(regions[0].get("a").await, None);
    drop(there.clone());
    here.invalidate("x").await.unwrap();
}

/// Restamping a hot entry must not lift it over a change that it has not been checked for.
#[tokio::test]
async fn an_entry_checked_after_many_other_changes_still_hears_of_its_own() {
    let (larder, clock) = timed();
    let region = larder
        .region::<u64>("offers", long().grace(10 * S))
        .unwrap();
    let load = || async {
        larder.reading(
            None,
            &[
                Dependency::row(&table("offer"), 7),
                Dependency::tag("prices"),
            ],
        );
        Ok::<_, Infallible>(1)
    };
    for own in [
        Change::row(&table("offer"), 7),
        Change::tag("prices"),
        Change::table(&table("offer")),
    ] {
        region.get_or_load("a", load).await.unwrap();
        for other in 100..300 {
            larder
                .publish(Change::row(&table("offer"), other))
                .await
                .unwrap();
            larder.publish(Change::tag("other").soft()).await.unwrap();
            assert!(region.get("a").await.is_some());
        }
        larder.publish(own.clone()).await.unwrap();
        assert_eq!(region.get("a").await, None, "{own}");
    }
    clock.advance(S);
}

/// Positions of different logs cannot be compared.
#[tokio::test]
async fn what_was_stamped_with_another_log_is_not_served() {
    let larder = larder();
    let (inner, outer) = (
        region::<u64>(&larder, "rows"),
        region::<u64>(&larder, "pages"),
    );
    read(&inner, "a", 1).await;
    larder.node().set_incarnation(7);
    assert_eq!(inner.get("a").await, None);
    assert_eq!(read(&inner, "a", 2).await, 2);
    assert!(inner.get("a").await.is_some());
    // Nor is what was being loaded meanwhile, or is made of both.
    let gate = Gate::closed();
    let load = begun(inner.get_or_load("b", || async {
        gate.passed().await;
        Ok::<_, Infallible>(1)
    }));
    let page = begun(outer.get_or_load("page", || async {
        let before = read(&inner, "a", 0).await;
        gate.passed().await;
        Ok::<_, Infallible>(before + read(&inner, "c", 1).await)
    }));
    larder.node().set_incarnation(8);
    gate.open();
    within("the load", load).await.unwrap();
    assert_eq!(*within("the page", page).await.unwrap(), 3);
    assert_eq!(inner.get("b").await, None);
    assert_eq!(outer.get("page").await, None);
}

/// A bus that begins another log while a put is on its way.
#[derive(Debug, Default)]
struct NewLog(
    std::sync::OnceLock<std::sync::Arc<larder_core::Node>>,
    LocalBus,
);

impl larder_core::Bus for NewLog {
    fn attach(&self, node: &std::sync::Arc<larder_core::Node>) {
        self.1.attach(node);
        let _ = self.0.set(std::sync::Arc::clone(node));
    }

    fn publish(
        &self,
        changes: std::sync::Arc<[Change]>,
    ) -> larder_core::bus::BoxFuture<'_, Result<larder_core::Position, larder_core::BusError>> {
        Box::pin(async move {
            let published = self.1.publish(changes).await;
            let node = self.0.get().unwrap();
            node.set_incarnation(node.incarnation() + 1);
            published
        })
    }
}

#[tokio::test]
async fn a_put_under_an_old_log_is_not_served_under_the_new_one() {
    let larder = builder().bus(NewLog::default()).build().unwrap();
    let region = region::<u64>(&larder, "offers");
    region.put("a", 1).await.unwrap();
    assert_eq!(region.get("a").await, None);
}
