//! HTTP clients behind the layer, and the server they ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use larder_core::test_util::ManualClock;
use larder_http::{CacheBody, CacheLayer, HttpLayer, HttpPolicy};
use reqwest::Body;
use tokio::net::TcpStream;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Layer, Service, ServiceExt};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::site::{Answer, larder, read, request, within};

/// The clients that every promise is kept with.
pub(crate) const CLIENTS: [ClientOf; 3] = [ClientOf::HyperUtil, ClientOf::Http2, ClientOf::Reqwest];

/// A library with an HTTP client.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ClientOf {
    HyperUtil,
    /// The same, in HTTP/2 from its first byte on.
    Http2,
    Reqwest,
}

/// A client behind the layer, whatever it is made of.
type AnyClient = BoxCloneSyncService<Request<Body>, Response<AnyBody>, BoxError>;
type AnyBody = UnsyncBoxBody<Bytes, BoxError>;

/// A client behind the layer, and the server it asks.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) clock: ManualClock,
    client: AnyClient,
    server: Option<Arc<MockServer>>,
    base: String,
    asked: Arc<AtomicUsize>,
}

impl ClientOf {
    pub(crate) fn is_http2(self) -> bool {
        matches!(self, Self::Http2)
    }

    /// Puts a client of this kind before a server that answers the calls as told, from 1.
    pub(crate) async fn calls<F>(self, policy: HttpPolicy, answer: F) -> Caller
    where
        F: Fn(usize, &wiremock::Request) -> ResponseTemplate + Send + Sync + 'static,
    {
        // Not one of wiremock's pool, whose servers go on listening when they are dropped.
        let server = MockServer::builder().start().await;
        let asked = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&asked);
        let answer = move |request: &wiremock::Request| {
            answer(counted.fetch_add(1, Ordering::SeqCst) + 1, request)
        };
        Mock::given(any()).respond_with(answer).mount(&server).await;
        let (larder, clock) = larder();
        Caller {
            client: self.behind(&larder.http_layer_with(policy).unwrap()),
            clock,
            base: server.uri(),
            server: Some(Arc::new(server)),
            asked,
        }
    }

    /// Puts a client before a server that answers with these headers and the number of the call.
    pub(crate) async fn answered(
        self,
        policy: HttpPolicy,
        headers: &'static [(&'static str, &'static str)],
    ) -> Caller {
        self.calls(policy, move |number, _| answer(headers, number.to_string()))
            .await
    }

    /// Makes a client of this kind, behind `layer`. It keeps no connections: one that its server
    /// has just closed would make what it does a matter of luck.
    pub(crate) fn behind(self, layer: &CacheLayer) -> AnyClient {
        match self {
            Self::HyperUtil | Self::Http2 => {
                let mut client = Client::builder(TokioExecutor::new());
                client.http2_only(self.is_http2());
                boxed(layer.layer(client.pool_max_idle_per_host(0).build_http::<Body>()))
            }
            Self::Reqwest => {
                let client = reqwest::Client::builder()
                    .redirect(reqwest::redirect::Policy::none())
                    .pool_max_idle_per_host(0)
                    .build()
                    .unwrap();
                // The whole adapter: as it stands in docs/http.md.
                let client = tower::service_fn(move |request: Request<Body>| {
                    let client = client.clone();
                    async move {
                        let response = client.execute(request.try_into()?).await?;
                        Ok::<_, reqwest::Error>(Response::<Body>::from(response))
                    }
                });
                boxed(layer.layer(client))
            }
        }
    }
}

fn boxed<S, B>(service: S) -> AnyClient
where
    S: Service<Request<Body>, Response = Response<CacheBody<B>>> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: http_body::Body + Send + 'static,
    B::Error: std::error::Error + Send + Sync,
{
    let service = service.map_response(|response: Response<CacheBody<B>>| {
        response.map(|body| body.map_err(Into::into).boxed_unsync())
    });
    BoxCloneSyncService::new(service.map_err(Into::into))
}

impl Caller {
    /// Sends a request, and leaves the body of what comes unread.
    pub(crate) async fn open(&self, request: Request<Body>) -> Result<Response<AnyBody>, BoxError> {
        within(self.client.clone().oneshot(request)).await
    }

    /// Makes a request for a path of the origin.
    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Request<Body> {
        let uri = format!("{}{path}", self.base);
        request(method, &uri, headers).map(|_| Body::default())
    }

    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let request = self.request(method, path, headers);
        read(self.open(request).await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[]).await
    }

    pub(crate) async fn get_with(&self, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", "/", headers).await
    }

    /// How often the origin was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// What the origin was asked, in order.
    pub(crate) async fn requests(&self) -> Vec<wiremock::Request> {
        let server = self.server.as_ref().unwrap();
        server.received_requests().await.unwrap()
    }

    /// Asks until the answer is `text`, which a refresh in the background brings.
    pub(crate) async fn get_until(&self, text: &str) {
        let asking = async {
            while self.get("/").await.text() != text {
                tokio::task::yield_now().await;
            }
        };
        within(asking).await;
    }

    /// Takes the origin away: from now on its address refuses connections.
    pub(crate) async fn origin_goes_away(&mut self) {
        let address = *self.server.as_ref().unwrap().address();
        self.server = None;
        within(async { while TcpStream::connect(address).await.is_ok() {} }).await;
    }
}

/// Makes an answer.
pub(crate) fn answer(headers: &[(&str, &str)], body: impl Into<String>) -> ResponseTemplate {
    answer_as(200, headers, body)
}

/// Makes an answer with a status.
pub(crate) fn answer_as(
    status: u16,
    headers: &[(&str, &str)],
    body: impl Into<String>,
) -> ResponseTemplate {
    let template = ResponseTemplate::new(status).set_body_string(body);
    headers.iter().fold(template, |template, (name, value)| {
        template.append_header(*name, *value)
    })
}
