//! Somebody who asks a Conduit over HTTP.

use std::net::SocketAddr;

use axum::http::Request;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

/// A connection pool to one server, and who asks through it.
#[derive(Clone)]
pub(crate) struct Client {
    http: Http<HttpConnector, Full<Bytes>>,
    base: String,
    token: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Client {
    pub(crate) fn new(server: SocketAddr) -> Self {
        let http = Http::builder(TokioExecutor::new()).build_http();
        Self {
            http,
            base: format!("http://{server}"),
            token: None,
        }
    }

    /// The same person at another server.
    pub(crate) fn at(&self, server: &Self) -> Self {
        Self {
            token: self.token.clone(),
            ..server.clone()
        }
    }

    /// Registers a user and becomes them.
    pub(crate) async fn register(&self, name: &str) -> Self {
        let user =
            json!({"username": name, "email": format!("{name}@mail.com"), "password": "password"});
        let answer = self
            .send("POST", "/api/users", Some(json!({ "user": user })))
            .await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let token = answer.body["user"]["token"].as_str().unwrap().to_owned();
        Self {
            token: Some(token),
            ..self.clone()
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Token {token}"));
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let answer = self
            .http
            .request(request.body(Full::from(body)).unwrap())
            .await
            .unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let body = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&body).unwrap()
        };
        Answer { status, body }
    }
}
