//! Lists of articles: order, filters, paging, the feed, and the tags.

use serde_json::json;

use crate::api::{Api, Client, is_moment};

/// Writes articles of these titles, one after the other.
async fn write_all(author: &Client, titles: &[&str], tags: &[&str]) {
    for title in titles {
        author.write(title, tags).await;
    }
}

#[tokio::test]
async fn the_newest_article_is_first() {
    let Some(api) = Api::start().await else {
        return;
    };
    let ann = api.register("ann").await;
    assert_eq!(api.anybody().titles("/articles").await, (vec![], 0));
    write_all(&ann, &["1", "2", "3"], &[]).await;
    assert_eq!(api.anybody().titles("/articles").await.0, ["3", "2", "1"]);
    // A change does not move it.
    ann.put("/articles/1", json!({"article": {"body": "new"}}))
        .await;
    assert_eq!(api.anybody().titles("/articles").await.0, ["3", "2", "1"]);
}

#[tokio::test]
async fn an_article_in_a_list_has_all_but_its_body() {
    let Some(api) = Api::start().await else {
        return;
    };
    let ann = api.register("ann").await;
    ann.write("One", &["b", "a"]).await;
    let answer = api.anybody().get("/articles").await;
    let article = &answer["articles"][0];
    assert!(article.get("body").is_none());
    assert_eq!(article["slug"], "one");
    assert_eq!(article["description"], "d");
    assert_eq!(article["tagList"], json!(["a", "b"]));
    assert_eq!(article["favorited"], false);
    assert_eq!(article["favoritesCount"], 0);
    assert_eq!(
        article["author"],
        json!({"username": "ann", "bio": null, "image": null, "following": false})
    );
    assert!(is_moment(&article["createdAt"]) && is_moment(&article["updatedAt"]));
}

#[tokio::test]
async fn filters_hold_together() {
    let Some(api) = Api::start().await else {
        return;
    };
    let (ann, bob) = (api.register("ann").await, api.register("bob").await);
    write_all(&ann, &["a1", "a2"], &["x"]).await;
    write_all(&bob, &["b1"], &["x", "y"]).await;
    write_all(&bob, &["b2"], &[]).await;
    for slug in ["a1", "b1", "b2"] {
        ann.favorite(slug).await;
    }
    for (query, titles) in [
        ("", &["b2", "b1", "a2", "a1"][..]),
        ("?tag=x", &["b1", "a2", "a1"]),
        ("?author=bob", &["b2", "b1"]),
        ("?favorited=ann", &["b2", "b1", "a1"]),
        ("?favorited=bob", &[]),
        ("?tag=x&author=ann", &["a2", "a1"]),
        ("?tag=x&favorited=ann", &["b1", "a1"]),
        ("?author=bob&favorited=ann", &["b2", "b1"]),
        ("?tag=y&author=bob&favorited=ann", &["b1"]),
        ("?tag=y&author=ann", &[]),
        ("?tag=z", &[]),
        ("?author=nobody", &[]),
        ("?favorited=nobody", &[]),
    ] {
        let (found, count) = api.anybody().titles(&format!("/articles{query}")).await;
        assert_eq!(found, titles, "{query}");
        assert_eq!(count, titles.len() as u64, "{query}");
    }
}

#[tokio::test]
async fn a_list_follows_each_write_to_what_it_shows() {
    let Some(api) = Api::start().await else {
        return;
    };
    let (ann, bob) = (api.register("ann").await, api.register("bob").await);
    let anybody = api.anybody();
    assert_eq!(anybody.titles("/articles?tag=x").await.1, 0);
    assert_eq!(anybody.titles("/articles?author=ann").await.1, 0);
    assert_eq!(anybody.titles("/articles?favorited=bob").await.1, 0);

    ann.write("One", &["x"]).await;
    assert_eq!(anybody.titles("/articles?tag=x").await.0, ["One"]);
    assert_eq!(anybody.titles("/articles?author=ann").await.0, ["One"]);
    assert_eq!(anybody.titles("/articles?favorited=bob").await.1, 0);

    bob.favorite("one").await;
    assert_eq!(anybody.titles("/articles?favorited=bob").await.0, ["One"]);
    assert_eq!(
        anybody.get("/articles").await["articles"][0]["favoritesCount"],
        1
    );

    ann.put("/articles/one", json!({"article": {"title": "Other"}}))
        .await;
    assert_eq!(anybody.titles("/articles?tag=x").await.0, ["Other"]);
    assert_eq!(anybody.titles("/articles?favorited=bob").await.0, ["Other"]);

    bob.delete("/articles/other/favorite").await;
    assert_eq!(anybody.titles("/articles?favorited=bob").await.1, 0);
    assert_eq!(
        anybody.get("/articles").await["articles"][0]["favoritesCount"],
        0
    );

    ann.put("/user", json!({"user": {"bio": "writes"}})).await;
    assert_eq!(
        anybody.get("/articles").await["articles"][0]["author"]["bio"],
        "writes"
    );
}

#[tokio::test]
async fn pages_follow_one_another_and_count_all() {
    let Some(api) = Api::start().await else {
        return;
    };
    let ann = api.register("ann").await;
    for number in 0..23 {
        ann.write(&format!("{number}"), &["x"]).await;
    }
    let anybody = api.anybody();
    let (first, count) = anybody.titles("/articles").await;
    assert_eq!((first.len(), count), (20, 23));
    assert_eq!((first[0].as_str(), first[19].as_str()), ("22", "3"));
    assert_eq!(
        anybody.titles("/articles?offset=20").await,
        (["2", "1", "0"].map(str::to_owned).to_vec(), 23)
    );
    assert_eq!(
        anybody.titles("/articles?limit=2&offset=1&tag=x").await.0,
        ["21", "20"]
    );
    assert_eq!(
        anybody
            .titles("/articles?limit=2&offset=21&author=ann")
            .await
            .0,
        ["1", "0"]
    );
    assert_eq!(anybody.titles("/articles?offset=100").await, (vec![], 23));
}

#[tokio::test]
async fn a_list_holds_five_hundred_and_no_more() {
    let Some(api) = Api::start().await else {
        return;
    };
    let ann = api.register("ann").await;
    for number in 0..503 {
        ann.write(&format!("{number}"), &["x"]).await;
    }
    for limit in [500, 501, 1_000_000] {
        let (titles, count) = api
            .anybody()
            .titles(&format!("/articles?limit={limit}"))
            .await;
        assert_eq!((titles.len(), count), (500, 503));
    }
    let (titles, _) = api
        .anybody()
        .titles("/articles?limit=500&offset=500&tag=x")
        .await;
    assert_eq!(titles, ["2", "1", "0"]);
}

#[tokio::test]
async fn a_part_no_list_has_is_422() {
    let Some(api) = Api::start().await else {
        return;
    };
    let ann = api.register("ann").await;
    for query in [
        "limit=0",
        "limit=-1",
        "limit=many",
        "offset=-1",
        "offset=18446744073709551615",
        "limit=1.5",
    ] {
        for path in ["/articles", "/articles/feed"] {
            let answer = ann.get(&format!("{path}?{query}")).await;
            assert_eq!(answer.status, 422, "{path}?{query}");
            assert!(answer["errors"].is_object());
        }
    }
}

#[tokio::test]
async fn the_feed_is_of_those_one_follows() {
    let Some(api) = Api::start().await else {
        return;
    };
    let (ann, bob, cid) = (
        api.register("ann").await,
        api.register("bob").await,
        api.register("cid").await,
    );
    write_all(&bob, &["b1", "b2"], &[]).await;
    write_all(&cid, &["c1"], &[]).await;
    assert_eq!(ann.titles("/articles/feed").await, (vec![], 0));

    ann.follow(&bob).await;
    assert_eq!(ann.titles("/articles/feed").await.0, ["b2", "b1"]);
    ann.follow(&cid).await;
    bob.write("b3", &[]).await;
    assert_eq!(
        ann.titles("/articles/feed").await,
        (["b3", "c1", "b2", "b1"].map(str::to_owned).to_vec(), 4)
    );
    assert_eq!(
        ann.titles("/articles/feed?limit=2&offset=1").await,
        (["c1", "b2"].map(str::to_owned).to_vec(), 4)
    );
    assert_eq!(bob.titles("/articles/feed").await.1, 0);
    assert_eq!(
        ann.get("/articles/feed").await["articles"][0]["author"]["following"],
        true
    );

    ann.delete("/profiles/bob/follow").await;
    assert_eq!(ann.titles("/articles/feed").await.0, ["c1"]);
}

#[tokio::test]
async fn tags_are_those_in_use_in_alphabetical_order() {
    let Some(api) = Api::start().await else {
        return;
    };
    let ann = api.register("ann").await;
    let anybody = api.anybody();
    assert_eq!(anybody.get("/tags").await["tags"], json!([]));
    ann.write("One", &["m", "a"]).await;
    ann.write("Two", &["z", "a", "M", "🐉", "🔥"]).await;
    assert_eq!(
        anybody.get("/tags").await["tags"],
        json!(["M", "a", "m", "z", "🐉", "🔥"])
    );
    ann.delete("/articles/two").await;
    assert_eq!(anybody.get("/tags").await["tags"], json!(["a", "m"]));
}
