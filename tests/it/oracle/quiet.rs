//! At a quiet point, the cached answer is the uncached one.

use std::sync::atomic::Ordering;

use serde_json::Value;

use super::world::World;
use crate::client::Client;

/// Compares both servers' answers to everything, as several people see it.
pub(crate) async fn compare(world: &World, people: &[Client], cached: &Client, truth: &Client) {
    let paths = paths(world);
    let viewers = [
        cached.clone(),
        people[0].clone(),
        people[people.len() / 2].clone(),
    ];
    for path in &paths {
        for viewer in &viewers {
            let (mut from_cache, mut from_database) =
                (viewer.get(path).await, viewer.at(truth).get(path).await);
            // A token tells when it was made.
            for answer in [&mut from_cache, &mut from_database] {
                if let Some(user) = answer.body.get_mut("user").and_then(Value::as_object_mut) {
                    user.remove("token");
                }
            }
            world.counts.compared.fetch_add(1, Ordering::Relaxed);
            let same =
                from_cache.status == from_database.status && from_cache.body == from_database.body;
            if !same {
                world.violated(format!(
                    "at a quiet point GET {path} gave\n    {from_cache:?}\n    instead of\n    {from_database:?}"
                ));
            }
        }
    }
}

fn paths(world: &World) -> Vec<String> {
    let mut paths: Vec<String> = [
        "/api/articles",
        "/api/articles?limit=500",
        "/api/articles?limit=10&offset=10",
        "/api/articles/feed?limit=500",
        "/api/tags",
        "/api/user",
    ]
    .map(str::to_owned)
    .into();
    for name in world.names() {
        paths.push(format!("/api/profiles/{name}"));
        paths.push(format!("/api/articles?author={name}&limit=500"));
        paths.push(format!("/api/articles?favorited={name}&limit=500"));
    }
    paths.extend((0..6).map(|tag| format!("/api/articles?tag=tag{tag}&limit=500")));
    for article in world.articles().iter().rev().take(60) {
        paths.push(format!("/api/articles/{}", article.slug));
        paths.push(format!("/api/articles/{}/comments", article.slug));
    }
    paths
}
