//! What a read may show: nothing older than it found acknowledged, nothing newer than was begun.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::Value;

use super::world::{Article, Comment, Flag, Known, World};
use crate::client::Answer;

/// What had been acknowledged when a read began.
pub(crate) struct Before<'a> {
    world: &'a World,
    me: usize,
    articles: Vec<Seen>,
    follows: Vec<Vec<u64>>,
    bios: Vec<u64>,
    created: u64,
}

struct Seen {
    article: Arc<Article>,
    version: u64,
    deleted: u64,
    likes: Vec<u64>,
    comments: Vec<(Arc<Comment>, u64)>,
}

impl Seen {
    fn new(article: Arc<Article>) -> Self {
        let note = |comment: &Arc<Comment>| (Arc::clone(comment), comment.deleted.oldest());
        let comments = article.comments.read().unwrap().iter().map(note).collect();
        Self {
            version: article.version.oldest(),
            deleted: article.deleted.oldest(),
            likes: article.likes.iter().map(Flag::oldest).collect(),
            comments,
            article,
        }
    }

    /// Whether the article is still there for a read that ends now.
    fn alive(&self) -> Known {
        match self.article.deleted.since(self.deleted) {
            Known::There => Known::NotThere,
            Known::NotThere => Known::There,
            Known::Either => Known::Either,
        }
    }

    fn liked_by(&self, who: usize) -> Known {
        self.article.likes[who].since(self.likes[who])
    }
}

impl<'a> Before<'a> {
    pub(crate) fn new(world: &'a World, me: usize) -> Self {
        Self {
            world,
            me,
            created: world.creating.load(Ordering::SeqCst),
            follows: world
                .follows
                .iter()
                .map(|row| row.iter().map(Flag::oldest).collect())
                .collect(),
            bios: world
                .bios
                .iter()
                .map(super::world::Version::oldest)
                .collect(),
            articles: world.articles().into_iter().map(Seen::new).collect(),
        }
    }

    /// Checks an answer that has just come.
    pub(crate) fn check(&self, path: &str, answer: &Answer) {
        let wrong = self.wrong(path, answer);
        if let Some(wrong) = wrong {
            self.world.counts.stale.fetch_add(1, Ordering::Relaxed);
            let shown: String = answer.body.to_string().chars().take(600).collect();
            self.world.violated(format!(
                "GET {path} by client{}: {wrong}\n    {shown}",
                self.me
            ));
        }
    }

    fn wrong(&self, path: &str, answer: &Answer) -> Option<String> {
        let path = path.strip_prefix("/api")?;
        if let Some(query) = path.strip_prefix("/articles?") {
            return self.list(Some(query), answer);
        }
        match path.split('/').skip(1).collect::<Vec<_>>()[..] {
            ["articles"] => self.list(None, answer),
            ["articles", feed] if feed.starts_with("feed") => self.feed(answer),
            ["articles", slug] => self.one(slug, answer),
            ["articles", slug, "comments"] => self.comments(slug, answer),
            ["profiles", name] => self.profile(&answer.body["profile"], Some(name)),
            ["user"] => self.version(&answer.body["user"]["bio"], self.me),
            _ => Some("nobody checks this path".to_owned()),
        }
    }

    fn one(&self, slug: &str, answer: &Answer) -> Option<String> {
        let seen = self.articles.iter().find(|seen| seen.article.slug == slug);
        let Some(seen) = seen else {
            return (slug == "none" && answer.status != 404).then(|| "there is none".to_owned());
        };
        match (answer.status, seen.alive()) {
            (404, Known::NotThere | Known::Either) => None,
            (200, Known::There | Known::Either) => self.article(seen, &answer.body["article"]),
            (status, alive) => Some(format!("status {status}, but the article is {alive:?}")),
        }
    }

    /// Checks one article as shown, in a list or alone.
    fn article(&self, seen: &Seen, shown: &Value) -> Option<String> {
        let number = |value: &Value| value.as_str().and_then(|text| text.parse::<u64>().ok());
        let Some(version) = number(&shown["description"]) else {
            return Some(format!("no version in {shown}"));
        };
        let newest = seen.article.version.newest();
        if version < seen.version || version > newest {
            return Some(format!(
                "version {version}, expected {}..={newest}",
                seen.version
            ));
        }
        // Only the owner of a like changes it, so one knows one's own exactly.
        let liked = seen.liked_by(self.me) == Known::There;
        if seen.alive() == Known::There && shown["favorited"] != Value::Bool(liked) {
            return Some(format!("favorited is not {liked} in {shown}"));
        }
        let count = |known: &[Known]| {
            let people = 0..seen.likes.len();
            people
                .filter(|who| known.contains(&seen.liked_by(*who)))
                .count() as u64
        };
        let likes = shown["favoritesCount"].as_u64().unwrap_or(u64::MAX);
        let (least, most) = (
            count(&[Known::There]),
            count(&[Known::There, Known::Either]),
        );
        if seen.alive() == Known::There && !(least..=most).contains(&likes) {
            return Some(format!(
                "{likes} likes, expected {least}..={most} in {shown}"
            ));
        }
        // One that is being deleted may lose its tags first.
        let tags = serde_json::json!([seen.article.tag]);
        if seen.alive() == Known::There && shown["tagList"] != tags {
            return Some(format!("tags are not those of {}", seen.article.slug));
        }
        self.profile(
            &shown["author"],
            Some(&self.world.names()[seen.article.owner]),
        )
    }

    fn profile(&self, shown: &Value, name: Option<&str>) -> Option<String> {
        let name = name?;
        let who = self.world.names().iter().position(|known| known == name)?;
        if shown["username"] != *name {
            return Some(format!("not the profile of {name}: {shown}"));
        }
        let following = self.world.follows[self.me][who].now();
        if shown["following"] != Value::Bool(following) {
            return Some(format!("following is not {following} in {shown}"));
        }
        self.version(&shown["bio"], who)
    }

    fn version(&self, bio: &Value, who: usize) -> Option<String> {
        let version = bio
            .as_str()
            .and_then(|bio| bio.parse::<u64>().ok())
            .unwrap_or(0);
        let newest = self.world.bios[who].newest();
        let allowed = self.bios[who]..=newest;
        (!allowed.contains(&version)).then(|| format!("bio {version}, expected {allowed:?}"))
    }

    fn list(&self, query: Option<&str>, answer: &Answer) -> Option<String> {
        let field = |name: &str| {
            let fields = query?.split('&').filter_map(|field| field.split_once('='));
            fields
                .into_iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value)
        };
        let person = |name: &str| self.world.names().iter().position(|known| known == name);
        if let Some(author) = field("author").and_then(person) {
            return self.members(answer, |seen| member(seen.article.owner == author));
        }
        if let Some(tag) = field("tag") {
            return self.members(answer, |seen| member(seen.article.tag == tag));
        }
        if let Some(who) = field("favorited").and_then(person) {
            return self.members(answer, |seen| seen.liked_by(who));
        }
        self.page(answer)
    }

    fn feed(&self, answer: &Answer) -> Option<String> {
        let follows = &self.world.follows[self.me];
        let of = |seen: &Seen| {
            follows[seen.article.owner].since(self.follows[self.me][seen.article.owner])
        };
        self.members(answer, of)
    }

    /// Checks a page: whatever it shows must be shown right, once, and not be gone.
    fn page(&self, answer: &Answer) -> Option<String> {
        let known: HashMap<_, _> = self
            .articles
            .iter()
            .map(|s| (s.article.slug.as_str(), s))
            .collect();
        let mut shown_slugs = HashSet::new();
        for shown in answer.body["articles"].as_array()? {
            let slug = shown["slug"].as_str()?;
            if !shown_slugs.insert(slug) {
                return Some(format!("{slug} is shown twice"));
            }
            // One that is not known was created while this was read.
            let Some(seen) = known.get(slug) else {
                continue;
            };
            if seen.alive() == Known::NotThere {
                return Some(format!("{slug} was deleted before"));
            }
            if let Some(wrong) = self.article(seen, shown) {
                return Some(wrong);
            }
        }
        None
    }

    /// Checks a whole list: who must be in it is, who must not be is not.
    fn members(&self, answer: &Answer, belongs: impl Fn(&Seen) -> Known) -> Option<String> {
        if let Some(wrong) = self.page(answer) {
            return Some(wrong);
        }
        let shown: HashSet<_> = answer.body["articles"]
            .as_array()?
            .iter()
            .filter_map(|one| one["slug"].as_str())
            .collect();
        let (mut least, mut most) = (
            0,
            self.world.creating.load(Ordering::SeqCst) - self.created + self.unknown(),
        );
        for seen in &self.articles {
            let slug = seen.article.slug.as_str();
            let expected = both(seen.alive(), belongs(seen));
            match expected {
                Known::There if !shown.contains(slug) => return Some(format!("{slug} is missing")),
                Known::NotThere if shown.contains(slug) => {
                    return Some(format!("{slug} does not belong here"));
                }
                _ => {}
            }
            least += u64::from(expected == Known::There);
            most += u64::from(expected != Known::NotThere);
        }
        let count = answer.body["articlesCount"].as_u64().unwrap_or(u64::MAX);
        (!(least..=most).contains(&count))
            .then(|| format!("counts {count}, expected {least}..={most}"))
    }

    /// Creations that were under way when this read began.
    fn unknown(&self) -> u64 {
        self.created.saturating_sub(self.articles.len() as u64)
    }

    fn comments(&self, slug: &str, answer: &Answer) -> Option<String> {
        let seen = self
            .articles
            .iter()
            .find(|seen| seen.article.slug == slug)?;
        let shown = match (answer.status, seen.alive()) {
            (404, Known::NotThere | Known::Either) => return None,
            (200, Known::There | Known::Either) => answer.body["comments"].as_array()?,
            (status, alive) => {
                return Some(format!("status {status}, but the article is {alive:?}"));
            }
        };
        let shown: HashSet<_> = shown
            .iter()
            .filter_map(|comment| comment["id"].as_u64())
            .collect();
        for (comment, deleted) in &seen.comments {
            match comment.deleted.since(*deleted) {
                Known::NotThere if seen.alive() == Known::There && !shown.contains(&comment.id) => {
                    return Some(format!("comment {} is missing", comment.id));
                }
                Known::There if shown.contains(&comment.id) => {
                    return Some(format!("comment {} was deleted before", comment.id));
                }
                _ => {}
            }
        }
        None
    }
}

fn member(is: bool) -> Known {
    if is { Known::There } else { Known::NotThere }
}

fn both(a: Known, b: Known) -> Known {
    match (a, b) {
        (Known::There, Known::There) => Known::There,
        (Known::NotThere, _) | (_, Known::NotThere) => Known::NotThere,
        _ => Known::Either,
    }
}
