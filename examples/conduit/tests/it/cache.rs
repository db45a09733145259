//! What is answered from the cache, and what never is.

use serde_json::{Value, json};

use crate::api::{Api, Client, config};
use crate::databases::fresh;

/// A Conduit that caches, whatever the environment of the tests says.
async fn start() -> Option<Api> {
    let mut config = config(&fresh().await?);
    config.switches = Some(Vec::new());
    Some(Api::with(&config).await)
}

/// Asks twice, compares, and returns whether the second answer was kept.
async fn is_kept(client: &Client, path: &str) -> bool {
    let first = client.get(path).await;
    let second = client.get(path).await;
    assert_eq!(
        (first.status, &first.body),
        (second.status, &second.body),
        "{path}"
    );
    second.is_hit()
}

#[tokio::test]
async fn what_reads_is_kept_for_anybody_and_for_each_user() {
    let Some(api) = start().await else {
        return;
    };
    let (ann, bob) = (api.register("ann").await, api.register("bob").await);
    ann.write("One", &["x"]).await;
    for path in [
        "/articles",
        "/articles?tag=x&limit=3",
        "/articles/one",
        "/articles/one/comments",
        "/profiles/ann",
        "/tags",
    ] {
        assert!(is_kept(&api.anybody(), path).await, "{path}");
        assert!(
            !ann.get(path).await.is_hit(),
            "{path}: what is ann's is not anybody's"
        );
        assert!(is_kept(&ann, path).await, "{path}");
        assert!(is_kept(&bob, path).await, "{path}");
    }
    for path in ["/user", "/articles/feed"] {
        assert!(is_kept(&ann, path).await, "{path}");
        assert!(!bob.get(path).await.is_hit(), "{path}");
        assert!(is_kept(&bob, path).await, "{path}");
    }
    assert_eq!(bob.get("/user").await["user"]["username"], "bob");
}

#[tokio::test]
async fn a_write_is_seen_by_the_next_read_and_that_is_kept_again() {
    let Some(api) = start().await else {
        return;
    };
    let ann = api.register("ann").await;
    ann.write("One", &[]).await;
    for round in 0..5 {
        assert!(is_kept(&api.anybody(), "/articles/one").await);
        let body = format!("round {round}");
        ann.put("/articles/one", json!({"article": {"body": body}}))
            .await;
        let answer = api.anybody().get("/articles/one").await;
        assert!(!answer.is_hit());
        assert_eq!(answer["article"]["body"], *body);
    }
}

#[tokio::test]
async fn a_token_is_checked_before_what_is_kept_is_served() {
    let Some(api) = start().await else {
        return;
    };
    api.register("ann").await;
    assert!(is_kept(&api.anybody(), "/articles").await);
    let stranger = api.client("", Some("Token a.b.c".to_owned()));
    assert_eq!(stranger.get("/articles").await.status, 401);
    assert_eq!(api.anybody().get("/articles/feed").await.status, 401);
}

#[tokio::test]
async fn what_is_refused_is_not_kept() {
    let Some(api) = start().await else {
        return;
    };
    let ann = api.register("ann").await;
    for path in [
        "/articles/none",
        "/profiles/none",
        "/articles?limit=0",
        "/articles/none/comments",
    ] {
        assert!(!is_kept(&ann, path).await, "{path}");
    }
}

#[tokio::test]
async fn browsers_ask_again_and_are_told_whether_it_changed() {
    let Some(api) = start().await else { return };
    let ann = api.register("ann").await;
    ann.write("One", &[]).await;
    let anybody = api.anybody();
    let first = anybody.get("/articles/one").await;
    assert!(
        first.header("cache-control").contains("no-cache"),
        "{first:?}"
    );
    let again = anybody
        .revalidate("/articles/one", first.header("etag"))
        .await;
    assert_eq!((again.status, again.body), (304, Value::Null));

    ann.put("/articles/one", json!({"article": {"body": "new"}}))
        .await;
    let changed = anybody
        .revalidate("/articles/one", first.header("etag"))
        .await;
    assert_eq!(
        (changed.status, &changed["article"]["body"]),
        (200, &json!("new"))
    );
    assert_ne!(changed.header("etag"), first.header("etag"));
}

#[tokio::test]
async fn the_statistics_count_what_was_kept() {
    let Some(api) = start().await else {
        return;
    };
    let ann = api.register("ann").await;
    ann.write("One", &[]).await;
    for _ in 0..4 {
        api.anybody().get("/articles").await;
    }
    let stats = api
        .anybody()
        .send("GET", "/stats", None, String::new())
        .await;
    let regions = stats["regions"].as_array().unwrap();
    let http = regions
        .iter()
        .find(|region| region["name"] == "http")
        .unwrap();
    assert_eq!(
        (&http["hits"], &http["misses"], &http["entries"]),
        (&json!(3), &json!(1), &json!(1))
    );
    assert_eq!(stats["service"], "conduit");
}

#[tokio::test]
async fn switched_off_nothing_is_kept_and_all_is_the_same() {
    let Some(database) = fresh().await else {
        return;
    };
    let mut config = config(&database);
    config.switches = Some(vec![("LARDER_ENABLED".to_owned(), "false".to_owned())]);
    let api = Api::with(&config).await;
    let ann = api.register("ann").await;
    ann.write("One", &["x"]).await;
    for path in ["/articles", "/articles/one", "/tags", "/user"] {
        assert!(!is_kept(&ann, path).await, "{path}");
    }
    let stats = api
        .anybody()
        .send("GET", "/stats", None, String::new())
        .await;
    assert_eq!(stats["enabled"], false);
    for region in stats["regions"].as_array().unwrap() {
        assert_eq!(
            (&region["hits"], &region["entries"]),
            (&json!(0), &json!(0)),
            "{region}"
        );
    }
}

#[tokio::test]
async fn a_switch_that_cannot_be_read_is_refused() {
    let Some(database) = fresh().await else {
        return;
    };
    let mut config = config(&database);
    config.switches = Some(vec![(
        "LARDER_PERCENT".to_owned(),
        "conduit.article=250".to_owned(),
    )]);
    let error = conduit::serve(&config).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot build the cache");
}
