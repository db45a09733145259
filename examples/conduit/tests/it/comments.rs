//! Comments under articles.

use serde_json::{Value, json};

use crate::api::{Api, is_moment};

#[tokio::test]
async fn comments_are_listed_with_the_newest_first() {
    let Some(api) = Api::start().await else {
        return;
    };
    let (ann, bob) = (api.register("ann").await, api.register("bob").await);
    let path = format!("/articles/{}/comments", ann.write("One", &[]).await);
    assert_eq!(api.anybody().get(&path).await["comments"], json!([]));

    let made = bob
        .post(&path, json!({"comment": {"body": "Thank you so much!"}}))
        .await;
    assert_eq!(made.status, 200);
    assert_eq!(made["comment"]["body"], "Thank you so much!");
    assert_eq!(made["comment"]["author"]["username"], "bob");
    assert!(is_moment(&made["comment"]["createdAt"]) && is_moment(&made["comment"]["updatedAt"]));
    let second = ann.comment("one", "You are welcome").await;

    for client in [&ann, &api.anybody()] {
        let comments = client.get(&path).await;
        assert_eq!(comments.status, 200);
        assert_eq!(comments["comments"][0]["id"], second);
        assert_eq!(comments["comments"][1], made["comment"]);
        assert_eq!(comments["comments"].as_array().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn only_its_author_deletes_a_comment() {
    let Some(api) = Api::start().await else {
        return;
    };
    let (ann, bob) = (api.register("ann").await, api.register("bob").await);
    let slug = ann.write("One", &[]).await;
    let id = bob.comment(&slug, "mine").await;
    let path = format!("/articles/{slug}/comments/{id}");
    let answer = ann.delete(&path).await;
    assert_eq!((answer.status, answer.error("comment")), (403, "forbidden"));

    let answer = bob.delete(&path).await;
    assert_eq!((answer.status, answer.body), (204, Value::Null));
    assert_eq!(bob.delete(&path).await.status, 404);
    assert_eq!(
        api.anybody()
            .get(&format!("/articles/{slug}/comments"))
            .await["comments"],
        json!([])
    );
}

#[tokio::test]
async fn a_comment_is_found_under_its_own_article_alone() {
    let Some(api) = Api::start().await else {
        return;
    };
    let ann = api.register("ann").await;
    let (one, two) = (ann.write("One", &[]).await, ann.write("Two", &[]).await);
    let id = ann.comment(&one, "first").await;
    for path in [
        format!("/articles/{two}/comments/{id}"),
        format!("/articles/{one}/comments/{}", id + 1),
    ] {
        let answer = ann.delete(&path).await;
        assert_eq!((answer.status, answer.error("comment")), (404, "not found"));
    }
    for id in ["first", "99999999999999999999", "-"] {
        assert_eq!(
            ann.delete(&format!("/articles/{one}/comments/{id}"))
                .await
                .status,
            404
        );
    }
    assert_eq!(
        ann.get(&format!("/articles/{one}/comments")).await["comments"][0]["id"],
        id
    );
    assert_eq!(
        ann.get(&format!("/articles/{two}/comments")).await["comments"],
        json!([])
    );
}

#[tokio::test]
async fn a_comment_says_something() {
    let Some(api) = Api::start().await else {
        return;
    };
    let ann = api.register("ann").await;
    let path = format!("/articles/{}/comments", ann.write("One", &[]).await);
    for comment in [
        json!({"body": " "}),
        json!({}),
        json!({"body": "x".repeat(65_536)}),
    ] {
        let answer = ann.post(&path, json!({"comment": comment})).await;
        assert_eq!(answer.status, 422);
        assert_ne!(answer.error("body"), "");
    }
    assert_eq!(ann.get(&path).await["comments"], json!([]));
}
