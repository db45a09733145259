//! `Vary`: each client gets the variant that was chosen by what it says.

use std::sync::Arc;

use larder_http::HttpPolicy;
use tokio::sync::Semaphore;

use crate::site::{Answer, Site, get, minute, respond, settle, until, within};

/// Answers with the language asked for.
fn languages(policy: HttpPolicy) -> Site {
    Site::new(policy, |call| async move {
        let language = call.request.headers().get("accept-language");
        let language = language.map_or("none", |value| value.to_str().unwrap());
        respond(&[("vary", "Accept-Language")], language.to_owned())
    })
}

/// Seen failing with `Variant::matches` made true, and with `key_for` giving the key itself.
#[tokio::test]
async fn each_variant_is_kept_and_served_to_its_own() {
    let site = languages(minute());
    for calls in [4, 4] {
        for language in ["de", "en", "fr"] {
            assert_eq!(
                site.get_with(&[("accept-language", language)]).await.text(),
                language
            );
        }
        assert_eq!(site.get("/").await.text(), "none");
        assert_eq!(site.calls(), calls);
    }
}

#[tokio::test]
async fn a_variant_that_is_not_there_is_a_miss_by_vary() {
    let site = languages(minute());
    site.get_with(&[("accept-language", "de")]).await;
    assert_eq!(
        site.get_with(&[("accept-language", "en")]).await.cache(),
        "fwd=vary-miss; stored"
    );
    assert_eq!(
        site.get_with(&[("accept-language", "en")]).await.cache(),
        "hit; ttl=60"
    );
}

#[tokio::test]
async fn encoded_variants_are_never_mixed_up() {
    let site = Site::new(minute(), |call| async move {
        if call.request.headers().contains_key("accept-encoding") {
            respond(
                &[("content-encoding", "gzip"), ("vary", "accept-encoding")],
                "zipped",
            )
        } else {
            respond(&[("vary", "accept-encoding")], "plain")
        }
    });
    for _ in 0..2 {
        let zipped = site.get_with(&[("accept-encoding", "gzip")]).await;
        assert_eq!(
            (zipped.text(), zipped.header("content-encoding")),
            ("zipped", "gzip")
        );
        let plain = site.get("/").await;
        assert_eq!(
            (plain.text(), plain.header("content-encoding")),
            ("plain", "")
        );
    }
    assert_eq!(site.calls(), 2);
}

#[tokio::test]
async fn followers_of_another_variant_go_their_own_way_and_load_once() {
    let gate = Arc::new(Semaphore::new(0));
    let door = Arc::clone(&gate);
    let site = Site::new(minute(), move |call| {
        let door = Arc::clone(&door);
        async move {
            door.acquire().await.unwrap().forget();
            let language = call.request.headers()["accept-language"].clone();
            respond(
                &[("vary", "accept-language")],
                language.to_str().unwrap().to_owned(),
            )
        }
    });
    let ask = |language: &'static str| {
        let site = site.clone();
        tokio::spawn(async move {
            (
                language,
                site.get_with(&[("accept-language", language)]).await,
            )
        })
    };
    let asking: Vec<tokio::task::JoinHandle<(&str, Answer)>> =
        ["de", "en", "de", "fr", "en", "fr", "de"]
            .into_iter()
            .map(ask)
            .collect();
    until(|| site.calls() == 1).await;
    settle().await;
    assert_eq!(site.calls(), 1);
    gate.add_permits(3);
    for answer in asking {
        let (language, answer) = within(answer).await.unwrap();
        assert_eq!(answer.text(), language);
    }
    assert_eq!(site.calls(), 3);
}

#[tokio::test]
async fn a_vary_that_changes_never_serves_the_wrong_variant() {
    let site = Site::new(minute(), |call| async move {
        let header = |name| {
            call.request
                .headers()
                .get(name)
                .map_or("-", |value| value.to_str().unwrap())
                .to_owned()
        };
        let (a, b) = (header("a"), header("b"));
        if a == "1" {
            respond(&[("vary", "a")], format!("{a} any"))
        } else {
            respond(&[("vary", "a, b")], format!("{a} {b}"))
        }
    });
    for _ in 0..2 {
        for (a, b, text) in [
            ("1", "x", "1 any"),
            ("2", "x", "2 x"),
            ("2", "y", "2 y"),
            ("1", "y", "1 any"),
        ] {
            assert_eq!(
                site.send(get("/", &[("a", a), ("b", b)])).await.text(),
                text
            );
        }
    }
}
