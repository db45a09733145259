//! One load on a cached Conduit, beside an uncached one on the same database.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use conduit::{Config, Server, serve_over};
use larder::Larder;
use larder::test_util::ManualClock;
use tokio::sync::Barrier;

use super::act::Actor;
use super::figures::Figures;
use super::invalidation::{Invalidation, no_cache};
use super::world::World;
use super::{quiet, why};
use crate::client::Client;

/// What is asked of the servers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) seed: u64,
    pub(crate) clients: usize,
    pub(crate) operations: u64,
    /// How many of a hundred operations write.
    pub(crate) writes: u64,
    /// How many operations make a second of the servers' clock.
    pub(crate) rate: u64,
    /// How often all clients stop to compare cached and uncached answers.
    pub(crate) quiet_points: u64,
}

/// Both servers, and who asks them.
struct Stage {
    larder: Larder,
    clock: ManualClock,
    cached: Server,
    uncached: Server,
    cached_client: Client,
    truth: Client,
    world: Arc<World>,
}

impl Load {
    /// Runs it to its end; the figures are those before the last comparison.
    pub(crate) async fn run(&self, invalidation: Invalidation) -> Figures {
        let directory = tempfile::tempdir().unwrap();
        let stage = Box::pin(self.stage(directory.path(), invalidation)).await;
        let (people, actors) = Box::pin(self.people(&stage)).await;
        let statements = statements(&stage.cached_client).await;
        stage.larder.reset_statistics();

        let barrier = Arc::new(Barrier::new(self.clients + 1));
        let tasks: Vec<_> = actors
            .into_iter()
            .map(|actor| tokio::spawn(self.play(actor, stage.clock.clone(), Arc::clone(&barrier))))
            .collect();
        let mut figures = Figures::default();
        for point in 1..=self.quiet_points {
            barrier.wait().await;
            why::tell(&stage.larder);
            if point == self.quiet_points {
                figures.regions = stage.larder.snapshot().regions;
                figures.statements = self::statements(&stage.cached_client).await - statements;
            }
            if invalidation.is_fresh() {
                Box::pin(quiet::compare(
                    &stage.world,
                    &people,
                    &stage.cached_client,
                    &stage.truth,
                ))
                .await;
            }
            barrier.wait().await;
        }
        for task in tasks {
            task.await.unwrap();
        }
        drop(people);
        Box::pin(stage.end(figures)).await
    }

    async fn stage(&self, directory: &Path, invalidation: Invalidation) -> Stage {
        let clock = ManualClock::new();
        let larder = invalidation.larder(&clock);
        let cached = start(directory, larder.clone()).await;
        let uncached = start(directory, no_cache(&clock)).await;
        Stage {
            cached_client: Client::new(cached.address()),
            truth: Client::new(uncached.address()),
            world: Arc::new(World::new(self.clients)),
            larder,
            clock,
            cached,
            uncached,
        }
    }

    /// Registers everybody.
    ///
    /// The first one brings all tags, past the cache: where it may be stale, an article that is
    /// written finds its tags all the same.
    async fn people(&self, stage: &Stage) -> (Vec<Client>, Vec<Actor>) {
        let (mut people, mut actors) = (Vec::new(), Vec::new());
        for (me, name) in stage.world.names().iter().enumerate() {
            let client = stage.cached_client.register(name).await;
            let world = Arc::clone(&stage.world);
            actors.push(Actor::new(
                me,
                client.clone(),
                world,
                self.seed,
                self.writes,
            ));
            people.push(client);
        }
        Box::pin(actors[0].bring_tags(&stage.truth)).await;
        (people, actors)
    }

    fn play(
        &self,
        mut actor: Actor,
        clock: ManualClock,
        barrier: Arc<Barrier>,
    ) -> impl Future<Output = ()> + use<> {
        let points = self.quiet_points;
        let rounds = self.operations / self.clients as u64 / points;
        let pause = Duration::from_secs(1) / u32::try_from(self.rate).unwrap();
        async move {
            for _ in 0..points {
                for _ in 0..rounds {
                    actor.act().await;
                    clock.advance(pause);
                }
                barrier.wait().await;
                barrier.wait().await;
            }
        }
    }
}

impl Stage {
    async fn end(self, mut figures: Figures) -> Figures {
        let counts = &self.world.counts;
        figures.reads = counts.reads.load(Ordering::Relaxed);
        figures.writes = counts.writes.load(Ordering::Relaxed);
        figures.compared = counts.compared.load(Ordering::Relaxed);
        figures.repeated = counts.repeated.load(Ordering::Relaxed);
        figures.stale = counts.stale.load(Ordering::Relaxed);
        figures.wrong = counts.wrong.load(Ordering::Relaxed);
        figures.first = std::mem::take(&mut *self.world.violations.lock().unwrap());
        drop((self.cached_client, self.truth));
        Box::pin(self.cached.stop()).await.unwrap();
        Box::pin(self.uncached.stop()).await.unwrap();
        figures
    }
}

async fn start(directory: &Path, larder: Larder) -> Server {
    let config = Config {
        listen: "127.0.0.1:0".to_owned(),
        directory: Some(directory.to_owned()),
        secret: Some("of the oracle".to_owned()),
        hash_memory: 8,
        hash_passes: 1,
        ..Config::default()
    };
    Box::pin(serve_over(&config, larder)).await.unwrap()
}

async fn statements(cached: &Client) -> u64 {
    let stats = cached.get("/stats").await.body;
    stats["statements"].as_u64().unwrap()
}
