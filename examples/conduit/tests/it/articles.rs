//! Writing, changing and deleting articles.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::api::{Api, is_moment};

#[tokio::test]
async fn a_new_article_is_shown_as_it_was_written() {
    let Some(api) = Api::start().await else {
        return;
    };
    let ann = api.register("ann").await;
    let article = json!({
        "title": "How to train your dragon", "description": "Ever wonder how?",
        "body": "Very carefully.", "tagList": ["training", "dragons", "training"],
    });
    let made = ann.post("/articles", json!({"article": article})).await;
    assert_eq!(made.status, 201);
    assert_eq!(made["article"]["slug"], "how-to-train-your-dragon");
    assert_eq!(made["article"]["tagList"], json!(["dragons", "training"]));
    assert_eq!(made["article"]["favorited"], false);
    assert_eq!(made["article"]["favoritesCount"], 0);
    assert_eq!(made["article"]["author"]["username"], "ann");
    assert!(
        is_moment(&made["article"]["createdAt"]) && is_moment(&made["article"]["updatedAt"]),
        "{made:?}"
    );

    let shown = api
        .anybody()
        .get("/articles/how-to-train-your-dragon")
        .await;
    assert_eq!(shown.status, 200);
    assert_eq!(shown.body, made.body);
    assert_eq!(shown["article"]["body"], "Very carefully.");
}

#[tokio::test]
async fn articles_of_one_title_have_addresses_of_their_own() {
    let Some(api) = Api::start().await else {
        return;
    };
    let (ann, bob) = (api.register("ann").await, api.register("bob").await);
    let mut slugs = BTreeSet::new();
    for author in [&ann, &bob, &ann, &bob] {
        let slug = author.write("How to train your dragon", &["dragons"]).await;
        assert!(slug.starts_with("how-to-train-your-dragon"));
        assert_eq!(
            api.anybody().get(&format!("/articles/{slug}")).await["article"]["author"]["username"],
            *author.name
        );
        slugs.insert(slug);
    }
    assert_eq!(slugs.len(), 4);
}

#[tokio::test]
async fn a_title_of_any_script_has_an_address() {
    let Some(api) = Api::start().await else {
        return;
    };
    let ann = api.register("ann").await;
    assert_eq!(ann.write("如何训练你的龙", &[]).await, "如何训练你的龙");
    assert_eq!(ann.write("Crème brûlée", &["œufs"]).await, "crème-brûlée");
    assert_eq!(ann.write("Creme brulee", &[]).await, "creme-brulee");
    assert!(ann.write("?!", &[]).await.starts_with("article-"));
    let shown = api
        .anybody()
        .get("/articles/%E5%A6%82%E4%BD%95%E8%AE%AD%E7%BB%83%E4%BD%A0%E7%9A%84%E9%BE%99")
        .await;
    assert_eq!(shown["article"]["title"], "如何训练你的龙");
    assert_eq!(
        api.anybody().titles("/articles?tag=%C5%93ufs").await.0,
        ["Crème brûlée"]
    );
}

#[tokio::test]
async fn an_article_called_feed_does_not_hide_the_feed() {
    let Some(api) = Api::start().await else {
        return;
    };
    let ann = api.register("ann").await;
    let slug = ann.write("Feed", &[]).await;
    assert_eq!(
        api.anybody().get(&format!("/articles/{slug}")).await["article"]["title"],
        "Feed"
    );
    assert_eq!(ann.get("/articles/feed").await["articlesCount"], 0);
}

#[tokio::test]
async fn what_an_article_lacks_is_named() {
    let Some(api) = Api::start().await else {
        return;
    };
    let ann = api.register("ann").await;
    let answer = ann
        .post(
            "/articles",
            json!({"article": {"title": "", "tagList": ["ok", " "]}}),
        )
        .await;
    assert_eq!(answer.status, 422);
    for field in ["title", "description", "body", "tagList"] {
        assert_eq!(answer.error(field), "can't be blank", "{field}");
    }
    assert_eq!(api.anybody().titles("/articles").await.1, 0);
    assert_eq!(api.anybody().get("/tags").await["tags"], json!([]));
}

#[tokio::test]
async fn an_update_changes_what_was_sent_and_keeps_the_address() {
    let Some(api) = Api::start().await else {
        return;
    };
    let ann = api.register("ann").await;
    let path = format!("/articles/{}", ann.write("One", &["a", "b"]).await);
    let before = api.anybody().get(&path).await;

    let changed = ann
        .put(&path, json!({"article": {"body": "With two hands"}}))
        .await;
    assert_eq!(changed.status, 200);
    let after = api.anybody().get(&path).await;
    assert_eq!(after.body, changed.body);
    assert_eq!(after["article"]["body"], "With two hands");
    for kept in ["slug", "title", "description", "createdAt", "tagList"] {
        assert_eq!(after["article"][kept], before["article"][kept], "{kept}");
    }
    assert!(after["article"]["updatedAt"].as_str() >= before["article"]["updatedAt"].as_str());

    let same = ann
        .put(
            &path,
            json!({"article": {"body": "With two hands", "title": "One"}}),
        )
        .await;
    assert_eq!(same.body, after.body);
    let blank = ann.put(&path, json!({"article": {"body": " "}})).await;
    assert_eq!((blank.status, blank.error("body")), (422, "can't be blank"));
}

#[tokio::test]
async fn a_new_title_moves_the_article() {
    let Some(api) = Api::start().await else {
        return;
    };
    let ann = api.register("ann").await;
    ann.write("Two", &[]).await;
    let one = format!("/articles/{}", ann.write("One", &[]).await);
    assert_eq!(api.anybody().get(&one).await.status, 200);

    let moved = ann.put(&one, json!({"article": {"title": "Two"}})).await;
    assert_eq!(
        (moved.status, &moved["article"]["title"]),
        (200, &json!("Two"))
    );
    let slug = moved["article"]["slug"].as_str().unwrap();
    assert!(slug.starts_with("two-"), "{slug}");
    assert_eq!(api.anybody().get(&one).await.status, 404);
    assert_eq!(
        api.anybody().get(&format!("/articles/{slug}")).await["article"]["title"],
        "Two"
    );

    // A title that makes the same address stays there.
    let again = ann
        .put("/articles/two", json!({"article": {"title": "TWO!"}}))
        .await;
    assert_eq!(
        (&again["article"]["slug"], &again["article"]["title"]),
        (&json!("two"), &json!("TWO!"))
    );
    // What was left can be taken.
    assert_eq!(ann.write("One", &[]).await, "one");
    assert_eq!(api.anybody().get(&one).await.status, 200);
}

#[tokio::test]
async fn only_the_author_changes_or_deletes_an_article() {
    let Some(api) = Api::start().await else {
        return;
    };
    let (ann, bob) = (api.register("ann").await, api.register("bob").await);
    let path = format!("/articles/{}", ann.write("One", &[]).await);
    for answer in [
        bob.put(&path, json!({"article": {"body": "mine"}})).await,
        bob.delete(&path).await,
    ] {
        assert_eq!((answer.status, answer.error("article")), (403, "forbidden"));
    }
    assert_eq!(api.anybody().get(&path).await["article"]["body"], "b");
}

#[tokio::test]
async fn an_article_that_is_not_there_is_404() {
    let Some(api) = Api::start().await else {
        return;
    };
    let ann = api.register("ann").await;
    let path = "/articles/nothing";
    for answer in [
        ann.get(path).await,
        ann.put(path, json!({"article": {"body": "b"}})).await,
        ann.delete(path).await,
        ann.get(&format!("{path}/comments")).await,
        ann.post(
            &format!("{path}/comments"),
            json!({"comment": {"body": "b"}}),
        )
        .await,
        ann.delete(&format!("{path}/comments/1")).await,
        ann.favorite("nothing").await,
        ann.delete(&format!("{path}/favorite")).await,
    ] {
        assert_eq!((answer.status, answer.error("article")), (404, "not found"));
    }
    // It is there as soon as it is written.
    ann.write("Nothing", &[]).await;
    assert_eq!(ann.get(path).await.status, 200);
}

#[tokio::test]
async fn a_deleted_article_takes_along_what_hung_on_it() {
    let Some(api) = Api::start().await else {
        return;
    };
    let (ann, bob) = (api.register("ann").await, api.register("bob").await);
    let anybody = api.anybody();
    let slug = ann.write("One", &["a", "b"]).await;
    ann.write("Two", &["b"]).await;
    bob.comment(&slug, "first").await;
    ann.comment(&slug, "second").await;
    bob.favorite(&slug).await;
    ann.favorite(&slug).await;
    bob.follow(&ann).await;
    assert_eq!(anybody.titles("/articles").await.1, 2);
    assert_eq!(anybody.titles("/articles?tag=a").await.1, 1);
    assert_eq!(anybody.titles("/articles?favorited=bob").await.1, 1);
    assert_eq!(bob.titles("/articles/feed").await.1, 2);
    assert_eq!(anybody.get("/tags").await["tags"], json!(["a", "b"]));
    assert_eq!(
        anybody.get(&format!("/articles/{slug}/comments")).await["comments"]
            .as_array()
            .unwrap()
            .len(),
        2
    );

    let answer = ann.delete(&format!("/articles/{slug}")).await;
    assert_eq!((answer.status, answer.body), (204, Value::Null));
    assert_eq!(anybody.get(&format!("/articles/{slug}")).await.status, 404);
    assert_eq!(
        anybody
            .get(&format!("/articles/{slug}/comments"))
            .await
            .status,
        404
    );
    assert_eq!(
        anybody.titles("/articles").await,
        (vec!["Two".to_owned()], 1)
    );
    assert_eq!(anybody.titles("/articles?tag=a").await.1, 0);
    assert_eq!(anybody.titles("/articles?favorited=bob").await.1, 0);
    assert_eq!(bob.titles("/articles/feed").await.0, ["Two"]);
    assert_eq!(anybody.get("/tags").await["tags"], json!(["b"]));

    // A new one at the same address begins with nothing.
    assert_eq!(ann.write("One", &[]).await, slug);
    assert_eq!(
        bob.get(&format!("/articles/{slug}")).await["article"]["favoritesCount"],
        0
    );
    assert_eq!(
        anybody.get(&format!("/articles/{slug}/comments")).await["comments"],
        json!([])
    );
    assert_eq!(ann.delete(&format!("/articles/{slug}")).await.status, 204);
    assert_eq!(ann.delete(&format!("/articles/{slug}")).await.status, 404);
}
