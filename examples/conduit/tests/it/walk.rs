//! The official collection's walk through the API, request by request.

use serde_json::json;

use crate::api::{Api, is_moment};

#[tokio::test]
async fn the_walk_of_the_collection_passes_three_times_in_a_row() {
    let Some(api) = Api::start().await else {
        return;
    };
    // What others left does not matter.
    let other = api.register("other").await;
    other
        .write("How to train your dragon", &["dragons", "elephants"])
        .await;
    for round in 0..3 {
        walk(&api, &format!("u{round}")).await;
    }
    assert_eq!(api.anybody().titles("/articles").await.1, 1);
}

async fn walk(api: &Api, name: &str) {
    let anybody = api.anybody();
    let user = api.register(name).await;
    let email = format!("{name}@mail.com");
    for _ in 0..2 {
        let credentials = json!({"email": email, "password": "password"});
        assert_eq!(
            anybody
                .post("/users/login", json!({"user": credentials}))
                .await
                .status,
            200
        );
    }
    assert_eq!(user.get("/user").await["user"]["email"], *email);
    assert_eq!(
        user.put("/user", json!({"user": {"email": email}}))
            .await
            .status,
        200
    );
    for query in [
        "",
        "?author=johnjacob",
        &format!("?favorited={name}"),
        "?tag=dragons",
    ] {
        assert_eq!(anybody.get(&format!("/articles{query}")).await.status, 200);
    }

    let slug = user
        .write("How to train your dragon", &["training", "dragons"])
        .await;
    let path = format!("/articles/{slug}");
    assert_eq!(user.titles("/articles/feed").await.1, 0);
    assert_eq!(user.get("/articles").await["articles"][0]["slug"], *slug);
    assert_eq!(user.titles(&format!("/articles?author={name}")).await.1, 1);
    assert!(is_moment(&user.get(&path).await["article"]["createdAt"]));
    let tagged = user.get("/articles?tag=dragons").await;
    assert_eq!(
        tagged["articles"][0]["tagList"],
        json!(["dragons", "training"])
    );
    let changed = user
        .put(&path, json!({"article": {"body": "With two hands"}}))
        .await;
    assert_eq!(changed["article"]["body"], "With two hands");

    like_and_comment(api, &user, &slug).await;
    assert_eq!(user.delete(&path).await.status, 204);
    follow_a_celeb(api, &user).await;
    assert!(anybody.get("/tags").await["tags"].is_array());
}

async fn like_and_comment(api: &Api, user: &crate::api::Client, slug: &str) {
    let path = format!("/articles/{slug}");
    assert_eq!(user.favorite(slug).await["article"]["favorited"], true);
    for client in [&api.anybody(), user] {
        let liked = client
            .get(&format!("/articles?favorited={}", user.name))
            .await;
        assert_eq!(liked["articles"][0]["favoritesCount"], 1);
    }
    assert_eq!(
        user.delete(&format!("{path}/favorite")).await["article"]["favorited"],
        false
    );

    let id = user.comment(slug, "Thank you so much!").await;
    for client in [&api.anybody(), user] {
        assert_eq!(
            client.get(&format!("{path}/comments")).await["comments"][0]["id"],
            id
        );
    }
    assert_eq!(
        user.delete(&format!("{path}/comments/{id}")).await.status,
        204
    );
}

async fn follow_a_celeb(api: &Api, user: &crate::api::Client) {
    let celeb = api.register(&format!("celeb_{}", user.name)).await;
    let path = format!("/profiles/{}", celeb.name);
    assert_eq!(user.get(&path).await["profile"]["following"], false);
    assert_eq!(user.follow(&celeb).await["profile"]["following"], true);
    assert_eq!(
        user.delete(&format!("{path}/follow")).await["profile"]["following"],
        false
    );
}
