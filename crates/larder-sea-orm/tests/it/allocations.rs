//! What a hit costs in allocations.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use larder_sea_orm::CachedRepository as _;
use sea_orm::{ConnectionTrait as _, EntityTrait as _};

use crate::entities::{article, article_tag, tag};
use crate::harness::service;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

#[expect(
    unsafe_code,
    reason = "an allocator cannot be counted from safe code; this one only forwards"
)]
// SAFETY: every call is handed to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Returns how often `work` allocated on its own thread, at best: the cache tidies up now and then.
async fn least_allocations<T>(mut work: impl AsyncFnMut() -> T) -> u64 {
    let mut least = u64::MAX;
    for _ in 0..20 {
        let before = ALLOCATIONS.get();
        work().await;
        least = least.min(ALLOCATIONS.get() - before);
    }
    least
}

#[tokio::test]
async fn a_row_served_outside_a_read_scope_costs_one_allocation_at_most() {
    let service = service().await;
    service
        .raw
        .execute_unprepared(
            "INSERT INTO author VALUES (1, 'ann'); INSERT INTO article VALUES (1, 1, 'first', 0);
             INSERT INTO tag VALUES ('rust', 3); INSERT INTO article_tag VALUES (1, 'rust', 1);",
        )
        .await
        .unwrap();
    let articles = service.db.repository::<article::Entity>();
    articles.find_by_id(1).await.unwrap().unwrap();
    let allocations = least_allocations(async || articles.find_by_id(1).await.unwrap()).await;
    assert_eq!(allocations, 0, "a key that fits into 64 bytes");

    let opened = least_allocations(async || {
        let articles = service.db.repository::<article::Entity>();
        articles.find_by_id(1).await.unwrap()
    });
    assert_eq!(opened.await, 0, "with the repository opened each time");

    let links = service.db.repository::<article_tag::Entity>();
    links
        .find_by_id((1, "rust".to_owned()))
        .await
        .unwrap()
        .unwrap();
    let id = (1, "rust".to_owned());
    let allocations = least_allocations(async || {
        let id = id.clone();
        let own = ALLOCATIONS.get();
        links.find_by_id(id).await.unwrap();
        own
    });
    assert!(allocations.await <= 2, "one is the clone of the key");

    let tags = service.db.repository::<tag::Entity>();
    assert!(tags.find_by_id("rust").await.unwrap().is_some());
    service.control.sent();
    let found = least_allocations(async || tags.find_by_id("rust").await.unwrap()).await;
    assert!(found <= 1, "one is the key's own string");
    assert_eq!(service.control.sent(), Vec::<String>::new());
    assert!(
        article::Entity::find_by_id(1)
            .one(&service.raw)
            .await
            .unwrap()
            .is_some()
    );
}
