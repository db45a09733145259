//! What is told to the log: no keys and no values, unless somebody debugs.

use std::convert::Infallible;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use larder_core::{Change, Larder, Scope};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::faulty_bus::{FaultyBus, Mode};
use crate::scene::{builder, long, read, region};

const SECRET: &str = "hunter2";

/// Remembers the events of this thread, in words.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<(Level, String)>>>);

struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("larder")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut words = Words(String::new());
        event.record(&mut words);
        self.0
            .lock()
            .unwrap()
            .push((*event.metadata().level(), words.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Listener {
    fn at(&self, level: Level) -> Vec<String> {
        let heard = self.0.lock().unwrap();
        heard
            .iter()
            .filter(|(at, _)| *at == level)
            .map(|(_, words)| words.clone())
            .collect()
    }
}

/// Does all that can be logged, with a secret in every key and value.
async fn everything(larder: &Larder, bus: &FaultyBus) {
    let region = region::<String>(larder, "offers");
    let ann = region.scoped(Scope::user(SECRET));
    let secret = || SECRET.to_owned();
    read(&region, SECRET, secret()).await;
    read(&region, SECRET, secret()).await;
    region.put(SECRET, secret()).await.unwrap();
    region.remove(SECRET).await.unwrap();
    region.invalidate_matching(SECRET).await.unwrap();
    let public = region.get_or_load("made of a secret", || async {
        Ok::<_, Infallible>(read(&ann, SECRET, secret()).await)
    });
    public.await.unwrap();
    assert!(
        region
            .get_or_load(SECRET, || async { Err::<String, _>(secret()) })
            .await
            .is_err()
    );
    larder.publish(Change::tag(SECRET)).await.unwrap();
    larder.depend_on(SECRET);
    larder.read_scope().run(async {}).await;
    larder.depend_on(SECRET);
    bus.set(Mode::Fails);
    assert!(
        larder
            .publish(Change::key("offers", Scope::user(SECRET), SECRET))
            .await
            .is_err()
    );
    larder.snapshot();
    larder.close().await;
}

#[test]
fn no_key_and_no_value_is_told_at_info_or_above() {
    let listener = Listener::default();
    tracing::subscriber::with_default(listener.clone(), || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let bus = FaultyBus::new(Mode::Works);
            let larder = builder().bus(bus.clone()).build().unwrap();
            everything(&larder, &bus).await;
        });
    });
    for level in [Level::INFO, Level::WARN, Level::ERROR] {
        for words in listener.at(level) {
            assert!(!words.contains(SECRET), "{level}: {words}");
        }
    }
    assert!(!listener.0.lock().unwrap().is_empty(), "something is told");
}

#[test]
fn an_unknown_region_is_warned_about_once() {
    let listener = Listener::default();
    tracing::subscriber::with_default(listener.clone(), || {
        let variables = [("LARDER_DISABLE", "shop.offres,other.x")];
        let larder = Larder::builder("shop")
            .environment(variables)
            .build()
            .unwrap();
        larder.region::<u64>("offers", long()).unwrap();
        for _ in 0..5 {
            assert_eq!(larder.snapshot().unknown_regions, ["offres"]);
        }
    });
    let warnings = listener.at(Level::WARN);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("offres"));
}
