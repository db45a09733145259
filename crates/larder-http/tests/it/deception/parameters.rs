//! What a route says of its key: parameters that do not count, in any order, and headers that do.

use axum::extract::Query;
use http::{HeaderValue, Uri};
use larder_http::HttpPolicy;

use super::FRESH;
use crate::site::{Site, get, minute, respond};

/// Queries that a handler and a cache may read differently.
const QUERIES: &[&str] = &[
    "",
    "?",
    "?id",
    "?id=",
    "?id=1",
    "?id=2",
    "?id=1&id=2",
    "?id=2&id=1",
    "?i%64=2",
    "?%69%64=2",
    "?id=1&i%64=2",
    "?i%64=2&id=1",
    "?id=2&i%64=1",
    "?id=1&",
    "?&id=1",
    "?id=1&&id=2",
    "?id=1&=2",
    "?=1",
    "?id=1=2",
    "?id==1",
    "?id=%31",
    "?id=1%26id=2",
    "?id=1;id=2",
    "?id=+1",
    "?id=%201",
    "?id=%2B1",
    "?+id=1",
    "?id+=1",
    "?%20id=1",
    "?ID=1",
    "?id[]=1",
    "?id%5B%5D=1",
    "?id=1&utm=evil",
    "?utm=evil&id=1",
    "?utm=evil&utm=evil&id=1",
    "?utm=x;id=2&id=1",
    "?utm=x%26id=2&id=1",
    "?u%74m=evil&id=1",
    "?utm&id=2",
    "?utm=id=2",
    "?a=1&id=1",
    "?id=1&a=1",
    "?id=1?id=2",
    "?id=1?utm=2",
    "??id=1",
    "?id=%00",
    "?id=%ff",
    "?id=1%23",
    "?id\u{e9}=1",
];

/// Returns what a handler reads that goes by names: those that count, each with its values in order.
fn read(uri: &Uri, counts: fn(&str) -> bool) -> String {
    let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else {
        return "not read".to_owned();
    };
    let mut pairs: Vec<_> = pairs.into_iter().filter(|(name, _)| counts(name)).collect();
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    format!("{pairs:?}")
}

async fn assert_told_apart(policy: HttpPolicy, counts: fn(&str) -> bool) {
    for first in QUERIES {
        let site = Site::new(policy.clone(), move |call| async move {
            respond(&[FRESH], read(call.request.uri(), counts))
        });
        site.get(&format!("/page{first}")).await;
        for query in QUERIES {
            let uri = format!("/page{query}");
            let expected = read(&uri.parse().unwrap(), counts);
            assert_eq!(
                site.get(&uri).await.text(),
                expected,
                "{first} then {query}"
            );
        }
    }
}

#[tokio::test]
async fn parameters_that_count_are_the_ones_the_handler_reads() {
    assert_told_apart(minute().only_parameters(["id"]), |name| name == "id").await;
}

#[tokio::test]
async fn parameters_that_do_not_count_take_no_other_with_them() {
    assert_told_apart(minute().without_parameters(["utm"]), |name| name != "utm").await;
    let sorted = minute().without_parameters(["utm"]).sort_parameters(true);
    assert_told_apart(sorted, |name| name != "utm").await;
}

#[tokio::test]
async fn parameters_in_another_order_are_the_same_only_if_their_names_differ() {
    assert_told_apart(minute().sort_parameters(true), |_| true).await;
}

/// Not every header is a list: what the route declares counts byte for byte, line for line.
#[tokio::test]
async fn values_of_declared_headers_are_not_tidied_up() {
    const VALUES: &[&[&str]] = &[
        &[],
        &[""],
        &["acme"],
        &["acme, inc"],
        &["acme,inc"],
        &["acme ,inc"],
        &["acme", "inc"],
        &["inc", "acme"],
        &["acme,", "inc"],
        &["ACME"],
        &["\"a, b\""],
        &["\"a,b\""],
        &["acme;inc"],
        &["acme; inc"],
        &["", "acme"],
        &["acme", ""],
        &[",acme"],
    ];
    for name in ["x-tenant", "x-shop"] {
        let site = Site::new(minute().vary_by_header(name), move |call| {
            let lines: Vec<_> = call
                .request
                .headers()
                .get_all(name)
                .iter()
                .cloned()
                .collect();
            async move { respond(&[FRESH], format!("{lines:?}")) }
        });
        for _ in 0..2 {
            for lines in VALUES {
                let mut request = get("/", &[]);
                let lines: Vec<_> = lines
                    .iter()
                    .map(|line| HeaderValue::from_static(line))
                    .collect();
                for line in &lines {
                    request.headers_mut().append(name, line.clone());
                }
                assert_eq!(
                    site.send(request).await.text(),
                    format!("{lines:?}"),
                    "{name}"
                );
            }
        }
    }
}
