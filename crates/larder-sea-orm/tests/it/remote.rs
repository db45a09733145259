//! Rows, lists and numbers that another node loaded.

use std::time::Duration;

use larder_core::test_util::MemoryStore;
use larder_core::{Clock as _, Larder, LocalBus, SystemClock};
use larder_sea_orm::{CachedRepository as _, Connect as _};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, EntityTrait as _};

use crate::entities::{TABLES, article};
use crate::harness::{Db, empty, rename};
use crate::probe::{Control, Probe};

/// A node of the service, and what it sends to the database.
async fn node(pool: &DatabaseConnection, bus: &LocalBus, store: &MemoryStore) -> (Db, Control) {
    let larder = Larder::builder("shop")
        .bus(bus.clone())
        .store(store.clone())
        .environment::<&str, &str>([])
        .build()
        .unwrap();
    let probe = Probe::new(pool.clone());
    let control = probe.control.clone();
    let db = larder.connect("main", probe).await.unwrap();
    control.all_sent();
    (db, control)
}

/// Waits until so many entries were stored.
async fn stored(store: &MemoryStore, entries: usize) {
    let clock = SystemClock::new();
    let deadline = clock.now().after(Duration::from_secs(10));
    while store.len() < entries {
        assert!(
            clock.now() < deadline,
            "{} of {entries} stored",
            store.len()
        );
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_one_node_loaded_the_others_need_not() {
    let (raw, pool, _file) = empty().await;
    raw.execute_unprepared(TABLES).await.unwrap();
    let filling = "INSERT INTO author VALUES (1, 'ann');
        INSERT INTO article VALUES (1, 1, 'first', 0), (2, 1, 'second', 0);";
    raw.execute_unprepared(filling).await.unwrap();
    let (bus, store) = (LocalBus::new(), MemoryStore::new());
    let (one, _) = node(&pool, &bus, &store).await;
    let (two, sent_by_two) = node(&pool, &bus, &store).await;

    let answers = async |db: &Db| {
        let articles = db.repository::<article::Entity>();
        let row = articles.find_by_id(1).await.unwrap();
        let none = articles.find_by_id(3).await.unwrap();
        let list = articles.find(article::Entity::find()).await.unwrap();
        let count = articles.count(article::Entity::find()).await.unwrap();
        (row, none, list, count)
    };
    let loaded = answers(&one).await;
    assert_eq!((loaded.2.len(), loaded.3), (2, 2));
    stored(&store, 4).await;
    assert_eq!(answers(&two).await, loaded);
    assert_eq!(sent_by_two.sent(), Vec::<String>::new());

    rename(&one, 1, "renamed").await.unwrap();
    let (row, none, list, count) = answers(&two).await;
    assert_eq!(row.unwrap().title, "renamed");
    assert_eq!(list[0].title, "renamed");
    assert_eq!((none, count), (None, 2));
}
