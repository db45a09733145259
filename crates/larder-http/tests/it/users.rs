//! Users never see each other's answers.

use http::request::Parts;
use larder_core::{Policy, Scope};
use larder_http::HttpPolicy;
use proptest::prelude::*;

use crate::site::{Call, MINUTE, Site, get, minute, respond, settle, within};

/// The token is the user's name; `-` is nobody we know.
fn user_of(head: &Parts) -> Option<String> {
    let token = head.headers.get("authorization")?.to_str().ok()?;
    (token != "-").then(|| token.to_owned())
}

fn per_user() -> HttpPolicy {
    minute().vary_by_user(user_of)
}

/// Answers with whom the answer is for, after a while.
async fn owner(call: Call) -> http::Response<axum::body::Body> {
    let owner = call
        .request
        .headers()
        .get("authorization")
        .map_or("nobody", |token| token.to_str().unwrap());
    let text = format!("{owner} {}", call.request.uri());
    for _ in 0..call.number % 3 {
        tokio::task::yield_now().await;
    }
    respond(&[], text)
}

/// Seen failing with the region not scoped to the user.
#[tokio::test]
async fn each_user_has_answers_of_their_own() {
    let site = Site::new(per_user(), owner);
    for round in 0..2 {
        for user in ["ann", "bob"] {
            assert_eq!(
                site.get_with(&[("authorization", user)]).await.text(),
                format!("{user} /")
            );
        }
        assert_eq!(site.get("/").await.text(), "nobody /");
        assert_eq!(site.calls(), 3, "{round}");
    }
}

/// Seen failing with the match on credentials removed from `verdict::request::scope`.
#[tokio::test]
async fn credentials_of_nobody_known_pass_by() {
    let site = Site::new(per_user(), owner);
    site.get("/").await;
    for headers in [[("authorization", "-")], [("cookie", "session=1")]] {
        assert_eq!(
            site.get_with(&headers).await.cache(),
            "fwd=bypass; detail=credentials"
        );
    }
    assert_eq!(site.get("/").await.text(), "nobody /");
}

#[tokio::test]
async fn a_users_response_may_be_made_of_the_users_entries() {
    let site = Site::new(per_user(), |call| async move {
        let region = call
            .larder
            .region::<usize>("profiles", Policy::ttl(MINUTE))
            .unwrap();
        let profile = region.scoped(Scope::user(
            call.request.headers()["authorization"].to_str().unwrap(),
        ));
        let value = profile
            .get_or_load("n", || async { Ok::<_, std::io::Error>(call.number) })
            .await;
        respond(&[], value.unwrap().to_string())
    });
    for user in ["ann", "bob"] {
        let first = site.get_with(&[("authorization", user)]).await;
        assert_eq!(first.cache(), "fwd=uri-miss; stored");
        assert_eq!(
            site.get_with(&[("authorization", user)]).await.text(),
            first.text()
        );
    }
    assert_eq!(site.calls(), 2);
}

/// Seen failing with `vary_by_scope` read as a user's.
#[tokio::test]
async fn users_of_a_tenant_share_what_is_made_of_the_tenants_entries() {
    let tenant = |head: &Parts| {
        let token = head.headers.get("authorization")?.to_str().ok()?;
        Some(Scope::tenant(token.split('.').next()?))
    };
    let site = Site::new(minute().vary_by_scope(tenant), |call| async move {
        let token = call.request.headers()["authorization"].to_str().unwrap();
        let (tenant, user) = token.split_once('.').unwrap();
        let scope = match call.request.uri().path() {
            "/" => Scope::tenant(tenant),
            _ => Scope::user(user),
        };
        let region = call
            .larder
            .region::<usize>("numbers", Policy::ttl(MINUTE))
            .unwrap();
        let own = region.scoped(scope);
        let value = own
            .get_or_load("n", || async { Ok::<_, std::io::Error>(call.number) })
            .await;
        respond(&[], value.unwrap().to_string())
    });
    let ask = async |token: &str, uri: &str| {
        let answer = site.send(get(uri, &[("authorization", token)])).await;
        answer.cache().to_owned()
    };
    assert_eq!(ask("acme.ann", "/").await, "fwd=uri-miss; stored");
    assert_eq!(ask("acme.bob", "/").await, "hit; ttl=60");
    assert_eq!(ask("globex.cid", "/").await, "fwd=uri-miss; stored");
    for _ in 0..2 {
        let mine = ask("acme.ann", "/mine").await;
        assert_eq!(mine, "fwd=uri-miss; detail=refused-wider-scope");
    }
}

/// The same on several threads, where leaders are cancelled at any point of their way.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn users_never_meet_across_threads() {
    let site = Site::new(per_user(), |call| async move {
        call.larder.depend_on("all");
        owner(call).await
    });
    let visitors = (0..8_u64).map(|seed| tokio::spawn(visit_often(site.clone(), seed)));
    for visitor in visitors.collect::<Vec<_>>() {
        within(visitor).await.unwrap();
    }
    assert!(site.calls() < 8 * 400);
}

async fn visit_often(site: Site, seed: u64) {
    let mut random = seed;
    for _ in 0..400 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let dice = random >> 33;
        let user = ["ann", "bob", "cid"][usize::try_from(dice % 3).unwrap()];
        let uri = ["/", "/?a"][usize::try_from(dice / 3 % 2).unwrap()];
        let visit = tokio::spawn({
            let site = site.clone();
            async move { site.send(get(uri, &[("authorization", user)])).await }
        });
        match dice / 6 % 8 {
            0 => visit.abort(),
            1 => drop(site.larder.invalidate("all").await.unwrap()),
            _ => assert_eq!(visit.await.unwrap().text(), format!("{user} {uri}")),
        }
    }
}

#[derive(Clone, Debug)]
struct Visit {
    user: Option<&'static str>,
    uri: &'static str,
    varied: bool,
    leaves: bool,
    invalidates: bool,
}

fn visits() -> impl Strategy<Value = Vec<Visit>> {
    let user = prop::sample::select(vec![None, Some("ann"), Some("bob"), Some("-")]);
    let uri = prop::sample::select(vec!["/", "/?a"]);
    let visit = (
        user,
        uri,
        any::<bool>(),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.1),
    );
    let visit = visit.prop_map(|(user, uri, varied, leaves, invalidates)| Visit {
        user,
        uri,
        varied,
        leaves,
        invalidates,
    });
    prop::collection::vec(visit, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// All visit at once, some leave before they are answered, some write meanwhile. Seen failing
    /// with the scope, the match of variants, or the check of credentials removed.
    #[test]
    fn every_answer_is_its_owners(visits in visits()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let site = Site::new(per_user(), |call| async move {
                call.larder.depend_on("all");
                let varied = call.request.headers().contains_key("x-varied");
                let mut response = owner(call).await;
                response.headers_mut().insert("vary", "x-varied".parse().unwrap());
                response.headers_mut().insert("x-was-varied", varied.to_string().parse().unwrap());
                response
            });
            let asking: Vec<_> = visits.into_iter().map(|visit| (visit.clone(), tokio::spawn(visit_one(site.clone(), visit)))).collect();
            for (visit, task) in asking {
                if visit.leaves {
                    settle().await;
                    task.abort();
                } else {
                    let answer = task.await.unwrap();
                    assert_eq!(answer.text(), format!("{} {}", visit.user.unwrap_or("nobody"), visit.uri));
                    assert_eq!(answer.header("x-was-varied"), visit.varied.to_string());
                }
            }
        });
    }
}

async fn visit_one(site: Site, visit: Visit) -> crate::site::Answer {
    if visit.invalidates {
        site.larder.invalidate("all").await.unwrap();
    }
    let mut headers: Vec<_> = visit
        .user
        .map(|user| ("authorization", user))
        .into_iter()
        .collect();
    if visit.varied {
        headers.push(("x-varied", "1"));
    }
    if visit.leaves {
        let response = site.open(get(visit.uri, &headers)).await;
        drop(response);
        std::future::pending::<()>().await;
    }
    site.send(get(visit.uri, &headers)).await
}
