//! Checks a route under the layer: does anything that is not in the key decide what others get?
//!
//! A cache keeps what a handler answers to one request and gives it to others. What the handler
//! looked at and the cache did not - a header that no `Vary` names, say - then decides what those
//! others get. A [`Replay`] asks a service the same again and again, each time with one such thing
//! edited, and compares:
//!
//! 1. What the service answers from the cache must be what it answers without it: the same service,
//!    with the [`Larder`] switched off for that request.
//! 2. Nothing that an edit brought may be in what another client gets, after it or at the same time.
//! 3. Each edit starts with an empty cache, is sent before, after and together with the request as it
//!    is, and from everybody the route knows ([`Replay::user`]).
//! 4. What a handler makes anew for every request (a date, a nonce) is not compared, only searched;
//!    but a cookie that is set for one client must not be set for another.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, body::Body, http::HeaderMap, routing::get};
//! use larder_core::Larder;
//! use larder_http::{HttpLayer as _, replay::Replay};
//!
//! async fn greeting(headers: HeaderMap) -> ([(&'static str, &'static str); 1], &'static str) {
//!     let german = headers.get("accept-language").is_some_and(|value| value == "de");
//!     ([("cache-control", "max-age=60")], if german { "Guten Tag" } else { "Good day" })
//! }
//!
//! let larder = Larder::builder("shop").build()?;
//! let app: Router = Router::new().route("/", get(greeting)).layer(larder.http_layer());
//! let report = Replay::new(app, &larder).send(http::Request::get("/").body(Body::empty())?).await;
//!
//! // The handler chooses by a header and does not say so: `vary: accept-language` is missing.
//! assert!(report.findings().iter().all(|finding| finding.edit.starts_with("accept-language")));
//! assert!(!report.is_clean(), "{report}");
//! # Ok(()) }
//! ```
//!
//! In a test of a route that should be right, the last line is [`report.assert_clean()`](Report::assert_clean).
//! The service is asked some hundred times, also with method override headers and bodies: give it
//! data of the test's own. While the replay runs, nobody else should use its `Larder`.

mod answer;
mod edit;
mod report;
mod round;

use bytes::Bytes;
use http::header::{
    IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
};
use http::{HeaderName, HeaderValue, Request, Response};
use http_body::Body;
use larder_core::Larder;
use tower_service::Service;

pub use self::report::{Finding, Order, Report, What};

use self::answer::IGNORED;
use self::edit::Edit;
use self::round::{Client, Rounds};

/// Asks a service the same, with one thing edited at a time, and compares the answers.
#[derive(Clone, Debug)]
pub struct Replay<S> {
    service: S,
    larder: Larder,
    clients: Vec<Client>,
    edits: Vec<Edit>,
    ignored: Vec<HeaderName>,
}

impl<S> Replay<S> {
    /// Checks a service whose layers are all of this `Larder`.
    pub fn new(service: S, larder: &Larder) -> Self {
        let ignored = IGNORED.iter().copied().map(HeaderName::from_static);
        Self {
            service,
            larder: larder.clone(),
            clients: vec![Client::anybody()],
            edits: edit::all(),
            ignored: ignored.collect(),
        }
    }

    /// Also asks as a user that the service knows by this header.
    ///
    /// May be given several times; everybody is then asked for before and after everybody else.
    /// Default: only the request as it is.
    ///
    /// # Panics
    /// If the name or the value cannot be one of a header.
    #[must_use]
    pub fn user(mut self, name: &str, value: &str) -> Self {
        let number = self.clients.len();
        self.clients
            .push(Client::user(number, header_name(name), header_value(value)));
        self
    }

    /// Also edits this header: `{}` in the value stands for a text that is looked for afterwards.
    ///
    /// # Panics
    /// If the name or the value cannot be one of a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        header_value(value);
        self.edits
            .push(Edit::header(header_name(name), value.to_owned()));
        self
    }

    /// Does not compare this header of the answers; it is searched all the same.
    ///
    /// Default: those that tell of the connection or the cache, such as `Age` and `Date`.
    ///
    /// # Panics
    /// If the name cannot be one of a header.
    #[must_use]
    pub fn ignore(mut self, name: &str) -> Self {
        self.ignored.push(header_name(name));
        self
    }

    /// Sends the request, edited and not, and reports what it found.
    ///
    /// Conditions and ranges are taken off the request first: they ask for parts of an answer.
    ///
    /// # Panics
    /// If the service does, or if the `Larder` cannot publish that its entries are no longer valid.
    pub async fn send<B, R>(self, request: Request<B>) -> Report
    where
        S: Service<Request<B>, Response = Response<R>> + Clone,
        S::Error: std::fmt::Debug,
        B: Body + From<Bytes>,
        R: Body,
        R::Error: std::fmt::Debug,
    {
        let (mut head, body) = request.into_parts();
        for name in [
            IF_MATCH,
            IF_MODIFIED_SINCE,
            IF_NONE_MATCH,
            IF_RANGE,
            IF_UNMODIFIED_SINCE,
            RANGE,
        ] {
            head.headers.remove(name);
        }
        let (body, _, _) = answer::read(body).await;
        let request = Request::from_parts(head, body);
        let edits = self.edits;
        Rounds::new(
            self.service,
            self.larder,
            self.clients,
            self.ignored,
            request,
        )
        .run(&edits)
        .await
    }
}

fn header_name(name: &str) -> HeaderName {
    match name.parse::<HeaderName>() {
        Ok(name) => name,
        Err(error) => panic!("`{name}` is not the name of a header: {error}"),
    }
}

fn header_value(value: &str) -> HeaderValue {
    match value.parse::<HeaderValue>() {
        Ok(value) => value,
        Err(error) => panic!("`{value}` is not the value of a header: {error}"),
    }
}
