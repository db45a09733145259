//! Requests that are not what the API expects, and many at once.

use serde_json::json;

use crate::api::{Api, Client};

#[tokio::test]
async fn a_body_that_cannot_be_read_is_422() {
    let Some(api) = Api::start().await else {
        return;
    };
    let ann = api.register("ann").await;
    for body in [
        "",
        "{",
        "[]",
        r#"{"article": 1}"#,
        r#"{"article": {"title": 7}}"#,
        r#"{"user": {}}"#,
    ] {
        let answer = ann
            .send(
                "POST",
                "/api/articles",
                Some("application/json"),
                body.to_owned(),
            )
            .await;
        assert_eq!(answer.status, 422, "{body}");
        assert_ne!(answer.error("body"), "", "{body}");
    }
    let answer = ann
        .send("POST", "/api/articles", Some("text/plain"), "{}".to_owned())
        .await;
    assert_eq!(answer.status, 415);
    let long = json!({"article": {"body": "x".repeat(3 << 20)}}).to_string();
    let answer = ann
        .send("POST", "/api/articles", Some("application/json"), long)
        .await;
    assert_eq!(answer.status, 413);
}

#[tokio::test]
async fn what_is_not_there_is_404_in_json() {
    let Some(api) = Api::start().await else {
        return;
    };
    for path in [
        "/",
        "/api",
        "/api/nothing",
        "/api/articles/one/two/three",
        "/api/profiles/%ff",
    ] {
        let answer = api.anybody().send("GET", path, None, String::new()).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer["errors"].is_object(), "{path}");
    }
}

#[tokio::test]
async fn text_a_database_cannot_hold_is_not_our_fault() {
    let Some(api) = Api::start().await else {
        return;
    };
    let ann = api.register("ann").await;
    for path in [
        "/articles/%00",
        "/profiles/a%00",
        "/articles?tag=%00",
        "/articles?author=%00&limit=3",
    ] {
        assert!(api.anybody().get(path).await.status < 500, "{path}");
    }
    let article = json!({"title": "a\0b", "description": "\0", "body": "\0\u{10ffff}"});
    let answer = ann.post("/articles", json!({"article": article})).await;
    assert!(matches!(answer.status, 201 | 422), "{answer:?}");
}

#[tokio::test]
async fn statistics_are_json() {
    let Some(api) = Api::start().await else {
        return;
    };
    let answer = api
        .anybody()
        .send("GET", "/stats", None, String::new())
        .await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.is_object());
}

/// Writes what collides with what the others write: titles, tags, likes, and a deletion.
async fn write_much(client: Client) {
    for round in 0..6 {
        let slug = client
            .write("Same title", &["a", "b", &format!("{round}")])
            .await;
        client.comment(&slug, "one").await;
        let newest = client.get("/articles?limit=8").await;
        for article in newest["articles"].as_array().unwrap() {
            let slug = article["slug"].as_str().unwrap();
            for answer in [
                client.favorite(slug).await,
                client
                    .post(
                        &format!("/articles/{slug}/comments"),
                        json!({"comment": {"body": "two"}}),
                    )
                    .await,
                client.delete(&format!("/articles/{slug}/favorite")).await,
            ] {
                // Its author may have deleted it.
                assert!(matches!(answer.status, 200 | 404), "{answer:?}");
            }
        }
        let body = json!({"article": {"title": "Same title", "body": format!("{round}")}});
        assert_eq!(
            client.put(&format!("/articles/{slug}"), body).await.status,
            200
        );
        assert_eq!(
            client.delete(&format!("/articles/{slug}")).await.status,
            204
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_who_write_at_once_do_not_fail_one_another() {
    let Some(api) = Api::start().await else {
        return;
    };
    let mut writers = Vec::new();
    for number in 0..8 {
        let client = api.register(&format!("u{number}")).await;
        writers.push(tokio::spawn(write_much(client)));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(api.anybody().titles("/articles").await.1, 0);
    assert_eq!(api.anybody().get("/tags").await["tags"], json!([]));
}
