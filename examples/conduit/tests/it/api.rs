//! A Conduit of the test's own, and clients of it.

use std::ops::Index;

use axum::http::{HeaderMap, request};
use conduit::{Config, Server, serve};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::databases::{Fresh, fresh};

type Bytes = axum::body::Bytes;

/// A running Conduit with nothing in it.
pub(crate) struct Api {
    server: Server,
    http: Http<HttpConnector, Full<Bytes>>,
}

/// Settings for a test: cheap passwords, tokens that outlive a restart, a free port.
pub(crate) fn config(database: &Fresh) -> Config {
    Config {
        listen: "127.0.0.1:0".to_owned(),
        database: match database {
            Fresh::File => None,
            Fresh::Url(url) => Some(url.clone()),
        },
        secret: Some("of the tests".to_owned()),
        hash_memory: 8,
        hash_passes: 1,
        ..Config::default()
    }
}

impl Api {
    /// A Conduit on a new database; `None` where that is left out.
    pub(crate) async fn start() -> Option<Self> {
        let database = fresh().await?;
        Some(Self::with(&config(&database)).await)
    }

    /// A Conduit of these settings.
    pub(crate) async fn with(config: &Config) -> Self {
        // What the server logs belongs to the output of a test that fails.
        let log = tracing_subscriber::fmt()
            .with_max_level(config.log)
            .with_test_writer();
        let _ = log.try_init();
        let server = serve(config).await.unwrap();
        Self {
            server,
            http: Http::builder(TokioExecutor::new()).build_http(),
        }
    }

    pub(crate) async fn stop(self) {
        // A connection kept open would be waited for.
        drop(self.http);
        self.server.stop().await.unwrap();
    }

    /// Somebody without a token.
    pub(crate) fn anybody(&self) -> Client {
        self.client("", None)
    }

    /// Somebody with this `Authorization`.
    pub(crate) fn client(&self, name: &str, authorization: Option<String>) -> Client {
        Client {
            name: name.to_owned(),
            authorization,
            base: format!("http://{}", self.server.address()),
            http: self.http.clone(),
        }
    }

    /// A new user of this name, with `<name>@mail.com` and the password `password`.
    pub(crate) async fn register(&self, name: &str) -> Client {
        let user =
            json!({"username": name, "email": format!("{name}@mail.com"), "password": "password"});
        let answer = self.anybody().post("/users", json!({"user": user})).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let token = answer["user"]["token"].as_str().unwrap();
        self.client(name, Some(format!("Token {token}")))
    }
}

/// Somebody who asks.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) name: String,
    authorization: Option<String>,
    base: String,
    http: Http<HttpConnector, Full<Bytes>>,
}

impl Client {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask("POST", path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask("PUT", path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.ask("DELETE", path, None).await
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let kind = body.as_ref().map(|_| "application/json");
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.send(method, &format!("/api{path}"), kind, body).await
    }

    /// Sends anything anywhere.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        kind: Option<&str>,
        body: String,
    ) -> Answer {
        let mut request = self.request(method, path);
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        self.exchange(request, body).await
    }

    /// Asks as somebody who has written up to this position.
    pub(crate) async fn get_after(&self, path: &str, position: &str) -> Answer {
        let request = self.request("GET", &format!("/api{path}"));
        self.exchange(request.header("larder-position", position), String::new())
            .await
    }

    /// Asks whether what it has under this `ETag` is still what there is.
    pub(crate) async fn revalidate(&self, path: &str, etag: &str) -> Answer {
        let request = self.request("GET", &format!("/api{path}"));
        self.exchange(request.header("if-none-match", etag), String::new())
            .await
    }

    fn request(&self, method: &str, path: &str) -> request::Builder {
        let request = request::Builder::new()
            .method(method)
            .uri(format!("{}{path}", self.base));
        match &self.authorization {
            Some(authorization) => request.header("authorization", authorization),
            None => request,
        }
    }

    async fn exchange(&self, request: request::Builder, body: String) -> Answer {
        let request = request.body(Full::from(body)).unwrap();
        let answer = self.http.request(request).await.unwrap();
        let status = answer.status().as_u16();
        let headers = answer.headers().clone();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let body = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&body).unwrap()
        };
        Answer {
            status,
            headers,
            body,
        }
    }

    /// Writes an article with these tags and returns its slug.
    pub(crate) async fn write(&self, title: &str, tags: &[&str]) -> String {
        let article = json!({"title": title, "description": "d", "body": "b", "tagList": tags});
        let answer = self.post("/articles", json!({"article": article})).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer["article"]["slug"].as_str().unwrap().to_owned()
    }

    /// Comments on an article and returns the comment's id.
    pub(crate) async fn comment(&self, slug: &str, body: &str) -> i64 {
        let path = format!("/articles/{slug}/comments");
        let answer = self.post(&path, json!({"comment": {"body": body}})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer["comment"]["id"].as_i64().unwrap()
    }

    pub(crate) async fn favorite(&self, slug: &str) -> Answer {
        self.post(&format!("/articles/{slug}/favorite"), json!({}))
            .await
    }

    pub(crate) async fn follow(&self, other: &Client) -> Answer {
        self.post(&format!("/profiles/{}/follow", other.name), json!({}))
            .await
    }

    /// The titles of a list, and how many there are in all.
    pub(crate) async fn titles(&self, path: &str) -> (Vec<String>, u64) {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let articles = answer["articles"].as_array().unwrap();
        let titles = articles
            .iter()
            .map(|article| article["title"].as_str().unwrap().to_owned());
        (titles.collect(), answer["articlesCount"].as_u64().unwrap())
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// A header of it; empty when there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// Whether it came from the cache.
    pub(crate) fn is_hit(&self) -> bool {
        self.header("cache-status").contains("; hit")
    }

    /// What is said of a field that was refused.
    pub(crate) fn error(&self, field: &str) -> &str {
        self.body["errors"][field][0].as_str().unwrap_or_default()
    }
}

impl Index<&str> for Answer {
    type Output = Value;

    fn index(&self, key: &str) -> &Value {
        &self.body[key]
    }
}

/// Whether a value is a moment as the collection wants it: `2026-01-31T12:00:00.000Z`.
pub(crate) fn is_moment(value: &Value) -> bool {
    let shape: String = value
        .as_str()
        .unwrap_or_default()
        .chars()
        .map(|character| {
            if character.is_ascii_digit() {
                '0'
            } else {
                character
            }
        })
        .collect();
    shape == "0000-00-00T00:00:00.000Z"
}
