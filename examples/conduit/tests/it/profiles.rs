//! Other people, and following them.

use serde_json::json;

use crate::api::Api;

#[tokio::test]
async fn whether_one_follows_depends_on_who_asks() {
    let Some(api) = Api::start().await else {
        return;
    };
    let (ann, bob) = (api.register("ann").await, api.register("bob").await);
    for client in [&ann, &bob, &api.anybody()] {
        let answer = client.get("/profiles/bob").await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer["profile"],
            json!({"username": "bob", "bio": null, "image": null, "following": false})
        );
    }

    let answer = ann.follow(&bob).await;
    assert_eq!(
        (answer.status, &answer["profile"]["following"]),
        (200, &json!(true))
    );
    assert_eq!(ann.get("/profiles/bob").await["profile"]["following"], true);
    assert_eq!(
        bob.get("/profiles/bob").await["profile"]["following"],
        false
    );
    assert_eq!(
        api.anybody().get("/profiles/bob").await["profile"]["following"],
        false
    );
    assert_eq!(
        bob.get("/profiles/ann").await["profile"]["following"],
        false
    );

    let answer = ann.delete("/profiles/bob/follow").await;
    assert_eq!(
        (answer.status, &answer["profile"]["following"]),
        (200, &json!(false))
    );
    assert_eq!(
        ann.get("/profiles/bob").await["profile"]["following"],
        false
    );
}

#[tokio::test]
async fn following_twice_and_unfollowing_twice_is_as_once() {
    let Some(api) = Api::start().await else {
        return;
    };
    let (ann, bob) = (api.register("ann").await, api.register("bob").await);
    for _ in 0..2 {
        assert_eq!(ann.follow(&bob).await["profile"]["following"], true);
    }
    for _ in 0..2 {
        assert_eq!(
            ann.delete("/profiles/bob/follow").await["profile"]["following"],
            false
        );
    }
    assert_eq!(
        ann.get("/profiles/bob").await["profile"]["following"],
        false
    );
}

#[tokio::test]
async fn whom_one_follows_shows_in_articles_and_comments() {
    let Some(api) = Api::start().await else {
        return;
    };
    let (ann, bob) = (api.register("ann").await, api.register("bob").await);
    let slug = bob.write("One", &[]).await;
    bob.comment(&slug, "mine").await;
    let (article, comments) = (
        format!("/articles/{slug}"),
        format!("/articles/{slug}/comments"),
    );
    for following in [false, true, false] {
        if following {
            ann.follow(&bob).await;
        } else {
            ann.delete("/profiles/bob/follow").await;
        }
        assert_eq!(
            ann.get(&article).await["article"]["author"]["following"],
            following
        );
        assert_eq!(
            ann.get("/articles").await["articles"][0]["author"]["following"],
            following
        );
        assert_eq!(
            ann.get(&comments).await["comments"][0]["author"]["following"],
            following
        );
        assert_eq!(
            bob.get(&article).await["article"]["author"]["following"],
            false
        );
        assert_eq!(
            api.anybody().get(&comments).await["comments"][0]["author"]["following"],
            false
        );
    }
}

#[tokio::test]
async fn a_profile_nobody_has_is_404() {
    let Some(api) = Api::start().await else {
        return;
    };
    let ann = api.register("ann").await;
    for answer in [
        ann.get("/profiles/nobody").await,
        ann.post("/profiles/nobody/follow", json!({})).await,
        ann.delete("/profiles/nobody/follow").await,
    ] {
        assert_eq!((answer.status, answer.error("profile")), (404, "not found"));
    }
    // It is there as soon as somebody takes the name.
    api.register("nobody").await;
    assert_eq!(ann.get("/profiles/nobody").await.status, 200);
}

#[tokio::test]
async fn a_name_of_any_script_has_a_profile() {
    let Some(api) = Api::start().await else {
        return;
    };
    api.register("龍 & co").await;
    let answer = api.anybody().get("/profiles/%E9%BE%8D%20%26%20co").await;
    assert_eq!(
        (answer.status, &answer["profile"]["username"]),
        (200, &json!("龍 & co"))
    );
}
