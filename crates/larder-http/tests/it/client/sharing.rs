//! One request for many callers, and what is nobody else's.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use larder_http::HttpPolicy;
use tokio::task::JoinSet;

use crate::client::callers::{CLIENTS, Caller, answer};
use crate::site::{Answer, settle, until, within};

/// The origin is held up while all of them ask.
async fn at_once(caller: &Caller, callers: usize, go: std::sync::mpsc::Sender<()>) -> Vec<Answer> {
    let mut asking = JoinSet::new();
    for _ in 0..callers {
        let caller = caller.clone();
        asking.spawn(async move { caller.get("/").await });
    }
    until(|| caller.asked() >= 1).await;
    settle().await;
    drop(go);
    within(asking.join_all()).await
}

#[tokio::test]
async fn many_callers_are_one_request() {
    for client in CLIENTS {
        for policy in [HttpPolicy::safe(), HttpPolicy::safe().private()] {
            let (go, held) = std::sync::mpsc::channel::<()>();
            let held = Arc::new(Mutex::new(held));
            let caller = client
                .calls(policy, move |number, _| {
                    // Until the other end is dropped.
                    let _ = held.lock().unwrap().recv_timeout(Duration::from_secs(20));
                    answer(&[("cache-control", "max-age=60")], number.to_string())
                })
                .await;
            let answers = at_once(&caller, 50, go).await;
            assert!(answers.iter().all(|answer| answer.text() == "1"));
            assert_eq!((answers.len(), caller.asked()), (50, 1), "{client:?}");
        }
    }
}

/// An answer that is not kept is its caller's alone: each asks for itself, once.
#[tokio::test]
async fn an_answer_that_is_not_kept_is_asked_for_by_each() {
    for client in CLIENTS {
        let (go, held) = std::sync::mpsc::channel::<()>();
        let held = Arc::new(Mutex::new(held));
        let caller = client
            .calls(HttpPolicy::safe(), move |number, _| {
                let _ = held.lock().unwrap().recv_timeout(Duration::from_secs(20));
                answer(&[("cache-control", "private")], number.to_string())
            })
            .await;
        let answers = at_once(&caller, 20, go).await;
        let mut numbers: Vec<usize> = answers
            .iter()
            .map(|answer| answer.text().parse().unwrap())
            .collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=20).collect::<Vec<_>>(), "{client:?}");
        assert_eq!(caller.asked(), 20);
    }
}

#[tokio::test]
async fn an_answer_is_for_those_who_ask_with_the_same_headers() {
    for client in CLIENTS {
        let caller = client
            .calls(HttpPolicy::safe(), |_, request| {
                let language = request.headers.get("accept-language");
                let language = language.map_or("none", |value| value.to_str().unwrap());
                let fields = [("cache-control", "max-age=60"), ("vary", "Accept-Language")];
                answer(&fields, language)
            })
            .await;
        for _ in 0..2 {
            for language in ["de", "en", "none"] {
                let answer = match language {
                    "none" => caller.get("/").await,
                    language => caller.get_with(&[("accept-language", language)]).await,
                };
                assert_eq!(answer.text(), language, "{client:?}");
            }
        }
        assert_eq!(caller.asked(), 3);
    }
}

/// RFC 9111, 3.5.
#[tokio::test]
async fn an_answer_to_credentials_is_shared_only_if_it_says_so() {
    let by_response = HttpPolicy::safe().share_credentials_by_response(true);
    let private = HttpPolicy::safe().private();
    let cases = [
        // Policy, Cache-Control, requests that two with credentials and one without make.
        (HttpPolicy::safe(), "max-age=60", 3),
        (HttpPolicy::safe(), "max-age=60, public", 3),
        (by_response.clone(), "max-age=60", 3),
        (by_response.clone(), "max-age=60, public", 1),
        (by_response.clone(), "max-age=60, must-revalidate", 1),
        (by_response, "s-maxage=60", 1),
        (private, "max-age=60", 1),
    ];
    for client in CLIENTS {
        for (policy, cache_control, asked) in &cases {
            let cache_control = *cache_control;
            let caller = client
                .calls(policy.clone(), move |number, _| {
                    answer(&[("cache-control", cache_control)], number.to_string())
                })
                .await;
            caller.get_with(&[("authorization", "Bearer a")]).await;
            caller.get_with(&[("authorization", "Bearer a")]).await;
            caller.get("/").await;
            assert_eq!(caller.asked(), *asked, "{client:?} {cache_control}");
        }
    }
}

/// A client that speaks for many says for whom.
#[tokio::test]
async fn a_caller_for_many_users_keeps_them_apart() {
    let by_token = HttpPolicy::safe().private().vary_by_user(|head| {
        let token = head.headers.get("authorization")?;
        token.to_str().ok().map(str::to_owned)
    });
    for client in CLIENTS {
        let caller = client
            .calls(by_token.clone(), |_, request| {
                let token = request.headers.get("authorization").unwrap();
                let fields = [("cache-control", "private, max-age=60")];
                answer(&fields, token.to_str().unwrap())
            })
            .await;
        for token in ["a", "b", "a", "b"] {
            let answer = caller.get_with(&[("authorization", token)]).await;
            assert_eq!(answer.text(), token, "{client:?}");
        }
        assert_eq!(caller.asked(), 2);
    }
}
