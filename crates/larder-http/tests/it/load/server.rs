//! A server behind the layer that listens at an address, and a client without one.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use larder_http::{HttpLayer, HttpPolicy};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tower::util::MapRequestLayer;

use crate::site::{larder, within};

/// A server that counts.
#[derive(Clone)]
pub(crate) struct Server {
    address: SocketAddr,
    client: Client<HttpConnector, Body>,
    /// Requests that have come.
    came: Arc<AtomicUsize>,
    /// Calls of its handler.
    calls: Arc<AtomicUsize>,
}

impl Server {
    /// Starts a server whose handler is called with the number of the call, from 1.
    pub(crate) async fn start<F>(policy: HttpPolicy, handle: F) -> Self
    where
        F: Fn(usize) -> BoxFuture<'static, Response<Body>> + Clone + Send + Sync + 'static,
    {
        let (came, calls) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (coming, called) = (Arc::clone(&came), Arc::clone(&calls));
        let handler = move || handle(called.fetch_add(1, Ordering::SeqCst) + 1);
        let router = Router::new()
            .fallback(handler)
            .layer(larder().0.http_layer_with(policy).unwrap())
            .layer(MapRequestLayer::new(move |request: Request<Body>| {
                coming.fetch_add(1, Ordering::SeqCst);
                request
            }));
        Self {
            address: listen(router).await,
            client: Client::builder(TokioExecutor::new()).build_http(),
            came,
            calls,
        }
    }

    pub(crate) fn came(&self) -> usize {
        self.came.load(Ordering::SeqCst)
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Sends a request, and leaves the body of what comes unread.
    pub(crate) async fn open(&self) -> Response<impl http_body::Body<Data = Bytes, Error: Debug>> {
        let uri = format!("http://{}/", self.address).parse().unwrap();
        within(self.client.get(uri)).await.unwrap()
    }

    pub(crate) async fn get(&self) -> Bytes {
        let body = self.open().await.into_body();
        within(body.collect()).await.unwrap().to_bytes()
    }
}

/// Serves a router at a free port of this machine.
pub(crate) async fn listen(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Writes a body while it is read. Dropped, it ends the body.
pub(crate) type Pen = mpsc::UnboundedSender<Result<Bytes, std::io::Error>>;

/// Makes a body, and what writes it.
pub(crate) fn written() -> (Pen, Body) {
    let (pen, mut paper) = mpsc::unbounded_channel();
    let stream = futures_util::stream::poll_fn(move |cx| paper.poll_recv(cx));
    (pen, Body::from_stream(stream))
}

/// Returns the next bytes of a body.
pub(crate) async fn next<B>(body: &mut B) -> Bytes
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: Debug,
{
    let frame = within(body.frame()).await.unwrap().unwrap();
    frame.into_data().unwrap()
}
