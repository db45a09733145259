//! Liking articles.

use serde_json::json;

use crate::api::Api;

#[tokio::test]
async fn whether_one_likes_an_article_depends_on_who_asks_how_many_do_not() {
    let Some(api) = Api::start().await else {
        return;
    };
    let (ann, bob) = (api.register("ann").await, api.register("bob").await);
    let anybody = api.anybody();
    let path = format!("/articles/{}", ann.write("One", &[]).await);
    let seen = async |client: &crate::api::Client| {
        let one = client.get(&path).await;
        let list = client.get("/articles").await;
        for key in ["favorited", "favoritesCount"] {
            assert_eq!(one["article"][key], list["articles"][0][key]);
        }
        (
            one["article"]["favorited"].clone(),
            one["article"]["favoritesCount"].clone(),
        )
    };
    assert_eq!(seen(&bob).await, (json!(false), json!(0)));

    let answer = bob.favorite("one").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        (
            &answer["article"]["favorited"],
            &answer["article"]["favoritesCount"]
        ),
        (&json!(true), &json!(1))
    );
    assert_eq!(seen(&bob).await, (json!(true), json!(1)));
    assert_eq!(seen(&ann).await, (json!(false), json!(1)));
    assert_eq!(seen(&anybody).await, (json!(false), json!(1)));

    ann.favorite("one").await;
    assert_eq!(seen(&bob).await, (json!(true), json!(2)));
    assert_eq!(seen(&anybody).await, (json!(false), json!(2)));

    let answer = bob.delete("/articles/one/favorite").await;
    assert_eq!(
        (
            &answer["article"]["favorited"],
            &answer["article"]["favoritesCount"]
        ),
        (&json!(false), &json!(1))
    );
    assert_eq!(seen(&bob).await, (json!(false), json!(1)));
    assert_eq!(seen(&ann).await, (json!(true), json!(1)));
}

#[tokio::test]
async fn liking_twice_counts_once() {
    let Some(api) = Api::start().await else {
        return;
    };
    let ann = api.register("ann").await;
    ann.write("One", &[]).await;
    for _ in 0..2 {
        let answer = ann.favorite("one").await;
        assert_eq!(
            (answer.status, &answer["article"]["favoritesCount"]),
            (200, &json!(1))
        );
    }
    for _ in 0..2 {
        let answer = ann.delete("/articles/one/favorite").await;
        assert_eq!(
            (answer.status, &answer["article"]["favoritesCount"]),
            (200, &json!(0))
        );
    }
}
