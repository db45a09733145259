//! Observers hear of changes and of what happens in the cache, and can act on it.

use std::sync::{Arc, Mutex};

use larder_core::{
    CacheEvent, CacheEventKind, Change, Key, Larder, LocalBus, Lookup, Observer, Policy, Position,
    Refusal, Region, Turn,
};
use tokio::sync::mpsc;

use crate::gate::within;
use crate::scene::{S, Truth, builder, larder, long, read, region};

/// Remembers what it hears.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    changes: Vec<(Position, String)>,
    events: Vec<(String, Option<Key>, CacheEventKind)>,
}

impl Ear {
    fn kinds(&self) -> Vec<CacheEventKind> {
        std::mem::take(&mut self.0.lock().unwrap().events)
            .into_iter()
            .map(|(_, _, kind)| kind)
            .collect()
    }
}

impl Observer for Ear {
    fn changed(&self, position: Position, change: &Change) {
        self.0
            .lock()
            .unwrap()
            .changes
            .push((position, change.to_string()));
    }

    fn observed(&self, event: &CacheEvent<'_>) {
        let event = (event.region.to_owned(), event.key.cloned(), event.kind);
        self.0.lock().unwrap().events.push(event);
    }
}

#[tokio::test]
async fn an_observer_hears_of_changes_whoever_made_them() {
    let (bus, ear) = (LocalBus::new(), Ear::default());
    let listening = builder()
        .bus(bus.clone())
        .observer(ear.clone())
        .build()
        .unwrap();
    let other = builder().bus(bus).build().unwrap();
    listening.invalidate("here").await.unwrap();
    other.invalidate("there").await.unwrap();
    region::<u64>(&other, "offers").put("a", 1).await.unwrap();
    let heard = ear.0.lock().unwrap();
    let changes: Vec<_> = heard
        .changes
        .iter()
        .map(|(_, change)| change.as_str())
        .collect();
    assert_eq!(changes, ["tag here", "tag there", "entry a of offers"]);
    assert!(heard.changes.is_sorted_by(|(a, _), (b, _)| a < b));
}

#[tokio::test]
async fn an_observer_hears_what_happens_to_entries() {
    use CacheEventKind::{Hit, Invalidated, Loaded, Miss, StaleHit};
    let (ear, clock) = (Ear::default(), larder_core::test_util::ManualClock::new());
    let larder = builder()
        .clock(clock.clone())
        .observer(ear.clone())
        .build()
        .unwrap();
    let region = larder
        .region::<u64>("offers", Policy::ttl(10 * S).grace(10 * S))
        .unwrap();
    read(&region, "a", 1).await;
    read(&region, "a", 1).await;
    assert_eq!(ear.kinds(), [Miss, Loaded, Hit]);
    clock.advance(11 * S);
    region.get("a").await;
    assert_eq!(ear.kinds(), [StaleHit]);
    larder.publish(Change::everything()).await.unwrap();
    region.get("a").await;
    assert_eq!(ear.kinds(), [Invalidated, Miss]);
    assert!(
        region
            .get_or_load("b", || async { Err::<u64, _>("down") })
            .await
            .is_err()
    );
    assert_eq!(ear.kinds(), [Miss, CacheEventKind::LoadFailed]);
    let Turn::Lead(lead) = region.join(&Key::from("c")).await else {
        panic!("should lead")
    };
    lead.refuse(Refusal::Volatile);
    drop(lead.finish(Some(Arc::new(1)), long().lifetime()));
    let heard = std::mem::take(&mut ear.0.lock().unwrap().events);
    let expected = (
        "offers".to_owned(),
        Some(Key::from("c")),
        CacheEventKind::Refused(Refusal::Volatile),
    );
    assert_eq!(heard, [expected]);
}

#[tokio::test]
async fn an_observer_hears_of_evictions() {
    let ear = Ear::default();
    let larder = builder()
        .local_capacity(64 * 1024)
        .observer(ear.clone())
        .build()
        .unwrap();
    let region = region::<Vec<u8>>(&larder, "offers");
    for key in 0..1000_u64 {
        read(&region, key, vec![0; 1024]).await;
    }
    let evictions = larder.snapshot().region("offers").unwrap().evictions;
    let heard = ear
        .kinds()
        .into_iter()
        .filter(|kind| *kind == CacheEventKind::Evicted)
        .count();
    assert_eq!(heard as u64, evictions);
    assert!(heard > 0);
}

/// Warms a key whenever a change may have made it invalid.
struct Warmer(mpsc::UnboundedSender<()>);

impl Observer for Warmer {
    fn changed(&self, _: Position, _: &Change) {
        let _ = self.0.send(());
    }
}

#[tokio::test]
async fn an_observer_can_have_a_key_warmed() {
    let (send, mut receive) = mpsc::unbounded_channel();
    let larder = larder();
    larder.observe(Warmer(send));
    let region = larder
        .region::<u64>("offers", long().invalidated_by("imported"))
        .unwrap();
    let truth = Truth::of(1);
    truth.through(&region, "a").await;
    truth.write(2);
    larder.invalidate("imported").await.unwrap();
    within("the news", receive.recv()).await.unwrap();
    truth.through(&region, "a").await;
    assert_eq!(region.get("a").await.as_deref(), Some(&2));
}

/// Looks into the cache from where it is called.
#[derive(Default)]
struct Nosy(std::sync::OnceLock<(Larder, Region<Vec<u8>>)>);

impl Observer for Arced<Nosy> {
    fn changed(&self, _: Position, _: &Change) {
        self.0.look();
    }

    fn observed(&self, event: &CacheEvent<'_>) {
        if matches!(event.kind, CacheEventKind::Loaded | CacheEventKind::Evicted) {
            self.0.look();
        }
    }
}

struct Arced<T>(Arc<T>);

impl Nosy {
    fn look(&self) {
        if let Some((larder, region)) = self.0.get() {
            assert!(!matches!(
                region.lookup(&Key::from("nothing")),
                Lookup::Hit(_)
            ));
            region.evict(&Key::from("nothing"));
            larder.snapshot();
        }
    }
}

#[tokio::test]
async fn an_observer_may_look_into_the_cache_it_observes() {
    let nosy = Arc::new(Nosy::default());
    let observer = Arced(Arc::clone(&nosy));
    let larder = builder()
        .local_capacity(64 * 1024)
        .observer(observer)
        .build()
        .unwrap();
    let region = region::<Vec<u8>>(&larder, "offers");
    let _ = nosy.0.set((larder.clone(), region.clone()));
    // In a thread of its own: what hangs without an await cannot be timed out.
    let (done, ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            for key in 0..1000_u64 {
                read(&region, key, vec![0; 1024]).await;
            }
            larder.invalidate("x").await.unwrap();
        });
        let _ = done.send(());
    });
    within("the observer", ended).await.unwrap();
}

struct Touchy;

impl Observer for Touchy {
    fn observed(&self, event: &CacheEvent<'_>) {
        assert!(event.kind != CacheEventKind::Evicted, "as told");
    }
}

#[tokio::test]
async fn an_observer_that_panics_on_an_eviction_does_not_spoil_the_counts() {
    let larder = builder()
        .local_capacity(64 * 1024)
        .observer(Touchy)
        .build()
        .unwrap();
    let region = region::<Vec<u8>>(&larder, "offers");
    for key in 0..1000_u64 {
        read(&region, key, vec![0; 1024]).await;
    }
    let counts = larder.snapshot().region("offers").unwrap().clone();
    assert!(counts.bytes <= 64 * 1024, "{counts:?}");
}
