//! Explanations of requests: what their response was made of, what made it invalid, why it was not kept.

use std::sync::Arc;

use larder_core::explain::State;
use larder_core::{
    Change, Columns, Dependency, Explanation, Image, Policy, Refusal, Share, TableName,
};
use larder_http::{CacheLayer, HttpLayer, HttpPolicy};
use tower::{Layer, ServiceExt};

use crate::site::{SECOND, get, larder, minute, read, request, respond};

/// A service behind a layer that can be asked.
struct Asked {
    larder: larder_core::Larder,
    clock: larder_core::test_util::ManualClock,
    layer: CacheLayer,
}

fn asked(policy: HttpPolicy) -> Asked {
    let (larder, clock) = larder();
    let layer = larder.http_layer_with(policy).unwrap();
    Asked {
        larder,
        clock,
        layer,
    }
}

impl Asked {
    /// Answers a request with these headers, made of row 7 of the articles through a region.
    async fn answer(
        &self,
        request: http::Request<axum::body::Body>,
        headers: &'static [(&str, &str)],
    ) {
        let larder = self.larder.clone();
        let handler = tower::service_fn(move |_| {
            let larder = larder.clone();
            async move {
                let rows = larder
                    .region::<u64>("article", Policy::ttl(60 * SECOND))
                    .unwrap();
                let loader = || async {
                    larder.reading(None, &[Dependency::row(&articles(), 7)]);
                    Ok::<_, std::convert::Infallible>(7)
                };
                rows.get_or_load(7, loader).await.unwrap();
                Ok::<_, std::convert::Infallible>(respond(headers, "an article"))
            }
        });
        let answer = self.layer.layer(handler).oneshot(request).await;
        read(answer.unwrap()).await;
    }

    fn explain(&self, headers: &[(&str, &str)]) -> Explanation {
        self.layer.explain(get("/articles/7", headers))
    }

    async fn write(&self) {
        let image = || Image::Known(Arc::new([]));
        let title = Columns::named(["title".into()]);
        let change = Change::row(&articles(), 7)
            .images(image(), image())
            .columns(title);
        self.larder.publish(change).await.unwrap();
    }
}

fn articles() -> TableName {
    TableName::new("main", "article")
}

#[tokio::test]
async fn a_response_tells_what_it_was_made_of_and_which_write_made_it_invalid() {
    let asked = asked(minute());
    assert_eq!(asked.explain(&[]).state, State::Absent);
    asked.answer(get("/articles/7", &[]), &[]).await;
    let fresh = asked.explain(&[]);
    assert_eq!(fresh.state, State::Fresh);
    assert!(fresh.key.ends_with(" GET :///articles/7"), "{fresh}");
    assert!(
        fresh.to_string().contains("1 row of main.article"),
        "{fresh}"
    );
    assert!(fresh.to_string().contains("region article"), "{fresh}");
    asked.write().await;
    asked.clock.advance(2 * SECOND);
    let ending = "invalid 2.0 s ago by an update of row 7 of main.article (title), at position 1";
    let invalid = asked.explain(&[]);
    assert_eq!(invalid.state, State::Invalid);
    assert!(invalid.to_string().ends_with(ending), "{invalid}");
    asked.answer(get("/articles/7", &[]), &[]).await;
    let again = asked.explain(&[]);
    assert_eq!(again.state, State::Fresh);
    assert!(again.to_string().ends_with(ending), "{again}");
}

#[tokio::test]
async fn a_response_that_is_not_kept_tells_why() {
    let asked = asked(minute());
    asked
        .answer(get("/articles/7", &[]), &[("set-cookie", "a=b")])
        .await;
    let explanation = asked.explain(&[]);
    assert_eq!(explanation.state, State::Absent);
    assert_eq!(explanation.refused.unwrap().reason, "set-cookie");
}

#[tokio::test]
async fn a_response_made_of_what_must_not_be_kept_tells_it_in_the_words_of_the_read() {
    let asked = asked(minute());
    let larder = asked.larder.clone();
    let handler = tower::service_fn(move |_: http::Request<axum::body::Body>| {
        larder.refuse_with(Refusal::UnknownTables, || {
            "nothing is known of f".to_owned()
        });
        async { Ok::<_, std::convert::Infallible>(respond(&[], "x")) }
    });
    let answer = asked
        .layer
        .layer(handler)
        .oneshot(get("/articles/7", &[]))
        .await;
    read(answer.unwrap()).await;
    let refused = asked.explain(&[]).refused.unwrap();
    assert_eq!(refused.reason, "unknown-tables");
    assert_eq!(refused.details.as_deref(), Some("nothing is known of f"));
}

#[tokio::test]
async fn a_request_that_passes_by_tells_why() {
    let asked = asked(minute());
    let state = |method, headers| {
        asked
            .layer
            .explain(request(method, "/articles", headers))
            .state
    };
    assert_eq!(state("POST", &[]), State::PassedBy("method"));
    assert_eq!(
        state("GET", &[("cookie", "a=b")]),
        State::PassedBy("credentials")
    );
    assert_eq!(
        state("GET", &[("if-match", "\"a\"")]),
        State::PassedBy("precondition")
    );
    let text = asked
        .layer
        .explain(request("POST", "/articles", &[]))
        .to_string();
    assert_eq!(text, "POST /articles of http (public): passed by: method");
    let switches = asked.larder.switches();
    switches.set_region("http", Share::OFF).unwrap();
    assert_eq!(state("GET", &[]), State::SwitchedOff);
}

#[tokio::test]
async fn each_variant_and_each_user_has_an_explanation_of_its_own() {
    let policy = minute().vary_by_user(|head| {
        let token = head.headers.get("authorization")?.to_str().ok()?;
        Some(token.to_owned())
    });
    let asked = asked(policy);
    let german = [("accept-language", "de")];
    let vary = &[("vary", "accept-language")];
    asked.answer(get("/articles/7", &[]), vary).await;
    assert_eq!(asked.explain(&german).state, State::Absent);
    asked.answer(get("/articles/7", &german), vary).await;
    assert_eq!(asked.explain(&german).state, State::Fresh);
    let ann = [("authorization", "a secret token")];
    assert_eq!(asked.explain(&ann).state, State::Absent);
    asked.answer(get("/articles/7", &ann), vary).await;
    let explanation = asked.explain(&ann);
    assert_eq!(
        (explanation.state, explanation.scope.as_str()),
        (State::Fresh, "user")
    );
    assert!(!explanation.to_string().contains("secret"), "{explanation}");
}
