//! A service behind the layer, with a clock that stands still.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use larder_core::test_util::ManualClock;
use larder_core::{Builder, Larder};
use larder_http::{CacheBody, CacheService, HttpLayer, HttpPolicy};
use tower::{Layer, Service, ServiceExt};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_mins(1);

/// What the handler is called with.
pub(crate) struct Call {
    /// 1 for the first call.
    pub(crate) number: usize,
    pub(crate) request: Request<Body>,
    pub(crate) larder: Larder,
}

/// The handler, counted.
#[derive(Clone)]
pub(crate) struct Handler {
    handle: Arc<dyn Fn(Call) -> BoxFuture<'static, Response<Body>> + Send + Sync>,
    calls: Arc<AtomicUsize>,
    larder: Larder,
}

impl Service<Request<Body>> for Handler {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let number = this.calls.fetch_add(1, Ordering::SeqCst) + 1;
            Ok((this.handle)(Call {
                number,
                request,
                larder: this.larder.clone(),
            })
            .await)
        })
    }
}

/// A handler behind a layer.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) larder: Larder,
    pub(crate) clock: ManualClock,
    service: CacheService<Handler>,
    calls: Arc<AtomicUsize>,
}

/// A response that has been read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
    pub(crate) extensions: http::Extensions,
}

impl Site {
    pub(crate) fn new<F, Fut>(policy: HttpPolicy, handle: F) -> Self
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Response<Body>> + Send + 'static,
    {
        let clock = ManualClock::new();
        Self::built(builder(&clock), clock, policy, handle)
    }

    /// A site on a `Larder` of its own making, whose clock this is.
    pub(crate) fn built<F, Fut>(
        larder: Builder,
        clock: ManualClock,
        policy: HttpPolicy,
        handle: F,
    ) -> Self
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Response<Body>> + Send + 'static,
    {
        let larder = larder.build().unwrap();
        let calls = Arc::<AtomicUsize>::default();
        let handle = Arc::new(move |call| Box::pin(handle(call)) as BoxFuture<'static, _>);
        let handler = Handler {
            handle,
            calls: Arc::clone(&calls),
            larder: larder.clone(),
        };
        let service = larder.http_layer_with(policy).unwrap().layer(handler);
        Self {
            larder,
            clock,
            service,
            calls,
        }
    }

    /// A site whose handler answers with these headers and the number of the call.
    pub(crate) fn answering(
        policy: HttpPolicy,
        headers: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self::new(policy, move |call| async move {
            respond(headers, call.number.to_string())
        })
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Sends a request and returns the response with its body unread.
    pub(crate) async fn open(&self, request: Request<Body>) -> Response<CacheBody<Body>> {
        match within(self.service.clone().oneshot(request)).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        read(self.open(request).await).await
    }

    pub(crate) async fn get(&self, uri: &str) -> Answer {
        self.send(get(uri, &[])).await
    }

    pub(crate) async fn get_with(&self, headers: &[(&str, &str)]) -> Answer {
        self.send(get("/", headers)).await
    }
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// What the cache says it did.
    pub(crate) fn cache(&self) -> &str {
        self.header("cache-status")
            .strip_prefix("larder; ")
            .unwrap_or_default()
    }
}

pub(crate) fn larder() -> (Larder, ManualClock) {
    let clock = ManualClock::new();
    (builder(&clock).build().unwrap(), clock)
}

/// A `Larder` on this clock, to be built.
pub(crate) fn builder(clock: &ManualClock) -> Builder {
    Larder::builder("test")
        .clock(clock.clone())
        .strict_scopes(true)
        .environment(std::iter::empty::<(String, String)>())
}

/// A policy that keeps responses for a minute.
pub(crate) fn minute() -> HttpPolicy {
    HttpPolicy::new().ttl(MINUTE)
}

pub(crate) fn respond(headers: &[(&str, &str)], body: impl Into<Body>) -> Response<Body> {
    let response = headers
        .iter()
        .fold(Response::builder(), |response, (name, value)| {
            response.header(*name, *value)
        });
    response.body(body.into()).unwrap()
}

pub(crate) fn get(uri: &str, headers: &[(&str, &str)]) -> Request<Body> {
    request("GET", uri, headers)
}

pub(crate) fn request(method: &str, uri: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let request = Request::builder().method(method).uri(uri);
    headers
        .iter()
        .fold(request, |request, (name, value)| {
            request.header(*name, *value)
        })
        .body(Body::empty())
        .unwrap()
}

pub(crate) async fn read<B>(response: Response<B>) -> Answer
where
    B: http_body::Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    let (head, body) = response.into_parts();
    let collected = within(body.collect()).await.unwrap();
    let trailers = collected.trailers().cloned();
    Answer {
        status: head.status,
        headers: head.headers,
        body: collected.to_bytes(),
        trailers,
        extensions: head.extensions,
    }
}

/// Waits until `met` holds.
pub(crate) async fn until(met: impl Fn() -> bool) {
    let waiting = async {
        while !met() {
            tokio::task::yield_now().await;
        }
    };
    within(waiting).await;
}

/// Waits for `future`, but not for ever: what takes so long hangs. A machine that is busy with other
/// things has let a test stand still for twenty seconds.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("it ends in time")
}

/// Lets everything that can go on on this thread go on.
pub(crate) async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}
