//! What a client does: mostly reads, some writes, picked by its seed.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use fastrand::Rng;
use serde_json::{Value, json};

use super::check::Before;
use super::world::{Article, Comment, World};
use crate::client::{Answer, Client};

/// With more articles than this alive, clients delete instead of creating: lists hold 500.
const MOST_ARTICLES: usize = 200;
const TAGS: u32 = 6;

pub(crate) struct Actor {
    me: usize,
    client: Client,
    world: Arc<World>,
    random: Rng,
    writes: u64,
    count: u64,
    /// A hash of the last answer, by path.
    seen: HashMap<String, u64>,
    hasher: RandomState,
}

impl Actor {
    pub(crate) fn new(
        me: usize,
        client: Client,
        world: Arc<World>,
        seed: u64,
        writes: u64,
    ) -> Self {
        let random = Rng::with_seed(seed ^ (me as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Self {
            me,
            client,
            world,
            random,
            writes,
            count: 0,
            seen: HashMap::new(),
            hasher: RandomState::new(),
        }
    }

    /// Writes an article with each tag, at that server.
    pub(crate) async fn bring_tags(&mut self, server: &Client) {
        let elsewhere = self.client.at(server);
        let own = std::mem::replace(&mut self.client, elsewhere);
        for tag in 0..TAGS {
            self.add(tag).await;
        }
        self.client = own;
    }

    pub(crate) async fn act(&mut self) {
        if self.random.u64(0..100) < self.writes {
            self.world.counts.writes.fetch_add(1, Ordering::Relaxed);
            self.write().await;
        } else {
            self.world.counts.reads.fetch_add(1, Ordering::Relaxed);
            self.read().await;
        }
    }

    async fn read(&mut self) {
        let path = self.pick_path();
        let before = Before::new(&self.world, self.me);
        let answer = self.client.get(&path).await;
        before.check(&path, &answer);
        self.compare(path, &answer);
    }

    /// Notes whether the answer is the one last seen there.
    fn compare(&mut self, path: String, answer: &Answer) {
        let seen = self.hasher.hash_one((answer.status, &answer.body));
        if self.seen.insert(path, seen) == Some(seen) {
            self.world.counts.repeated.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A path to read; what is popular is read more often.
    fn pick_path(&mut self) -> String {
        let names = self.world.names();
        let person = names[self.random.usize(0..names.len())].clone();
        let tag = self.random.u32(0..TAGS);
        let slug = self
            .pick_article()
            .map_or_else(|| "none".to_owned(), |article| article.slug.clone());
        match self.random.u32(0..20) {
            0..4 => format!("/api/articles/{slug}"),
            4..6 => format!("/api/articles/{slug}/comments"),
            6..8 => format!("/api/articles?author={person}&limit=500"),
            8..10 => format!("/api/articles?tag=tag{tag}&limit=500"),
            10..12 => format!("/api/articles?favorited={person}&limit=500"),
            12..14 => "/api/articles".to_owned(),
            14 => format!(
                "/api/articles?limit=10&offset={}",
                self.random.u32(0..6) * 10
            ),
            15..17 => "/api/articles/feed?limit=500".to_owned(),
            17..19 => format!("/api/profiles/{person}"),
            _ => "/api/user".to_owned(),
        }
    }

    /// An article, old ones seldom; it may be deleted.
    fn pick_article(&mut self) -> Option<Arc<Article>> {
        let articles = self.world.articles();
        let back = self.random.usize(0..articles.len().clamp(1, 60));
        articles
            .len()
            .checked_sub(back + 1)
            .map(|index| Arc::clone(&articles[index]))
    }

    fn pick_own(&mut self) -> Option<Arc<Article>> {
        let own: Vec<_> = self
            .world
            .articles()
            .into_iter()
            .filter(|article| article.owner == self.me && !article.deleted.now())
            .collect();
        if own.is_empty() {
            None
        } else {
            Some(Arc::clone(&own[self.random.usize(0..own.len())]))
        }
    }

    async fn write(&mut self) {
        match self.random.u32(0..12) {
            0..2 => self.create().await,
            2..5 => self.change().await,
            5 => self.delete().await,
            6..8 => self.like().await,
            8 => self.follow().await,
            9..11 => self.comment().await,
            _ => self.change_bio().await,
        }
    }

    async fn create(&mut self) {
        let alive = self
            .world
            .articles()
            .iter()
            .filter(|article| !article.deleted.now())
            .count();
        if alive >= MOST_ARTICLES {
            return self.delete().await;
        }
        let tag = self.random.u32(0..TAGS);
        self.add(tag).await;
    }

    async fn add(&mut self, tag: u32) {
        self.count += 1;
        let tag = format!("tag{tag}");
        let article = json!({"title": format!("Article {} of {}", self.count, self.me),
            "description": "0", "body": "0", "tagList": [tag]});
        self.world.creating.fetch_add(1, Ordering::SeqCst);
        let answer = self
            .client
            .send("POST", "/api/articles", Some(json!({ "article": article })))
            .await;
        match answer.body["article"]["slug"].as_str() {
            Some(slug) => self.world.add(slug.to_owned(), self.me, tag),
            None => self
                .world
                .violated(format!("an article was not created: {answer:?}")),
        }
        self.world.created.fetch_add(1, Ordering::SeqCst);
    }

    async fn change(&mut self) {
        let Some(article) = self.pick_own() else {
            return self.create().await;
        };
        let version = article.version.begin();
        let text = version.to_string();
        let path = format!("/api/articles/{}", article.slug);
        let change = json!({"article": {"description": text, "body": text}});
        let answer = self.client.send("PUT", &path, Some(change)).await;
        article.version.acknowledge(version);
        if answer.body["article"]["description"] != *text {
            self.world.violated(format!(
                "the answer to change {version} of {path} shows {answer:?}"
            ));
        }
    }

    async fn delete(&mut self) {
        let Some(article) = self.pick_own() else {
            return;
        };
        let change = article.deleted.begin();
        let answer = self
            .client
            .send("DELETE", &format!("/api/articles/{}", article.slug), None)
            .await;
        article.deleted.acknowledge(change);
        if !matches!(answer.status, 200 | 204) {
            self.world
                .violated(format!("{} was not deleted: {answer:?}", article.slug));
        }
    }

    async fn like(&mut self) {
        let Some(article) = self.pick_article() else {
            return;
        };
        let like = &article.likes[self.me];
        let method = if like.now() { "DELETE" } else { "POST" };
        let change = like.begin();
        let path = format!("/api/articles/{}/favorite", article.slug);
        let answer = self.client.send(method, &path, None).await;
        let deleted = article.deleted.oldest() > 0 || answer.status == 404;
        let expected = Value::Bool(method == "POST");
        if !deleted && answer.body["article"]["favorited"] != expected {
            self.world
                .violated(format!("{method} {path} answered {answer:?}"));
        }
        like.acknowledge(change);
    }

    async fn follow(&mut self) {
        let other = self.random.usize(0..self.world.names().len());
        if other == self.me {
            return;
        }
        let follow = &self.world.follows[self.me][other];
        let method = if follow.now() { "DELETE" } else { "POST" };
        let change = follow.begin();
        let path = format!("/api/profiles/{}/follow", self.world.names()[other]);
        let answer = self.client.send(method, &path, None).await;
        follow.acknowledge(change);
        if answer.body["profile"]["following"] != Value::Bool(method == "POST") {
            self.world
                .violated(format!("{method} {path} answered {answer:?}"));
        }
    }

    async fn comment(&mut self) {
        let Some(article) = self.pick_article() else {
            return;
        };
        let own = article
            .comments
            .read()
            .unwrap()
            .iter()
            .find(|comment| comment.author == self.me && !comment.deleted.now())
            .map(Arc::clone);
        let path = format!("/api/articles/{}/comments", article.slug);
        if let Some(comment) = own.filter(|_| self.random.bool()) {
            let change = comment.deleted.begin();
            self.client
                .send("DELETE", &format!("{path}/{}", comment.id), None)
                .await;
            comment.deleted.acknowledge(change);
            return;
        }
        let answer = self
            .client
            .send("POST", &path, Some(json!({"comment": {"body": "so"}})))
            .await;
        if let Some(id) = answer.body["comment"]["id"].as_u64() {
            let comment = Comment {
                id,
                author: self.me,
                deleted: super::world::Flag::default(),
            };
            article.comments.write().unwrap().push(Arc::new(comment));
        }
    }

    async fn change_bio(&mut self) {
        let bio = &self.world.bios[self.me];
        let version = bio.begin();
        let text = version.to_string();
        let change = json!({"user": {"bio": text}});
        let answer = self.client.send("PUT", "/api/user", Some(change)).await;
        bio.acknowledge(version);
        if answer.body["user"]["bio"] != *text {
            self.world
                .violated(format!("a change of one's bio answered {answer:?}"));
        }
    }
}
