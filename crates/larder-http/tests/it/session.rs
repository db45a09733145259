//! A client that hands its position back sees its own writes on every node.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode, header};
use axum::routing::get;
use http_body_util::BodyExt as _;
use larder_core::bus::BoxFuture;
use larder_core::test_util::ManualClock;
use larder_core::{Bus, BusError, Change, Dependency, Larder, Node, Position, TableName};
use larder_http::{HttpLayer as _, HttpPolicy, HttpSessions as _, POSITION};
use tower::ServiceExt as _;

use crate::site::{MINUTE, SECOND};

/// A log that nodes read when they are told to.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Arc<[Change]>>>>);

/// One node's end of it.
#[derive(Clone)]
struct Late {
    log: Log,
    node: Arc<OnceLock<Arc<Node>>>,
    cursor: Arc<Mutex<u64>>,
}

impl Late {
    fn on(log: &Log) -> Self {
        Self {
            log: log.clone(),
            node: Arc::default(),
            cursor: Arc::default(),
        }
    }

    fn poll(&self) {
        let node = self.node.get().unwrap();
        let mut cursor = self.cursor.lock().unwrap();
        let news = self.log.0.lock().unwrap()[usize::try_from(*cursor).unwrap()..].to_vec();
        for changes in news {
            *cursor += 1;
            node.apply(Position::new(*cursor), &changes);
            node.advance(Position::new(*cursor + 1));
        }
        node.set_heard(node.clock().now());
    }
}

impl fmt::Debug for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Late")
    }
}

impl Bus for Late {
    fn attach(&self, node: &Arc<Node>) {
        node.set_incarnation(1);
        node.set_heard(node.clock().now());
        assert!(self.node.set(Arc::clone(node)).is_ok());
    }

    fn publish(&self, changes: Arc<[Change]>) -> BoxFuture<'_, Result<Position, BusError>> {
        Box::pin(async move {
            let mut log = self.log.0.lock().unwrap();
            log.push(Arc::clone(&changes));
            let position = Position::new(log.len() as u64);
            self.node.get().unwrap().apply(position, &changes);
            Ok(position)
        })
    }
}

/// A node that shows a number and takes a new one.
#[derive(Clone)]
struct Site {
    larder: Larder,
    bus: Late,
    truth: Arc<AtomicU64>,
}

fn table() -> TableName {
    TableName::new("main", "number")
}

async fn show(State(site): State<Site>) -> String {
    site.larder.reading(None, &[Dependency::row(&table(), 1)]);
    site.truth.load(Ordering::SeqCst).to_string()
}

async fn change(State(site): State<Site>) -> StatusCode {
    site.truth.fetch_add(1, Ordering::SeqCst);
    // As a connection does: in a task of its own.
    let larder = site.larder.clone();
    let publish = async move { larder.publish(Change::row(&table(), 1)).await };
    site.larder.spawn(publish).await.unwrap().unwrap();
    StatusCode::NO_CONTENT
}

impl Site {
    fn new(log: &Log, clock: &ManualClock, truth: &Arc<AtomicU64>) -> Self {
        let nothing: [(&str, &str); 0] = [];
        let bus = Late::on(log);
        let builder = Larder::builder("shop").environment(nothing);
        Self {
            larder: builder
                .bus(bus.clone())
                .clock(clock.clone())
                .build()
                .unwrap(),
            bus,
            truth: Arc::clone(truth),
        }
    }

    fn app(&self, cookie: bool) -> Router {
        let pages = HttpPolicy::new().ttl(10 * MINUTE);
        let sessions = self.larder.session_layer();
        let sessions = if cookie {
            sessions.cookie("position").unwrap()
        } else {
            sessions
        };
        Router::new()
            .route("/", get(show).post(change))
            .layer(self.larder.http_layer_with(pages).unwrap())
            .layer(sessions)
            .with_state(self.clone())
    }
}

struct Answer {
    headers: axum::http::HeaderMap,
    text: String,
}

async fn ask(app: &Router, method: &str, field: Option<(header::HeaderName, &str)>) -> Answer {
    let mut request = Request::builder()
        .method(method)
        .uri("/")
        .header("host", "a");
    if let Some((name, value)) = field {
        request = request.header(name, value);
    }
    let request = request.body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let headers = response.headers().clone();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Answer {
        headers,
        text: String::from_utf8(body.to_vec()).unwrap(),
    }
}

struct Scene {
    clock: ManualClock,
    a: Site,
    b: Site,
}

fn scene() -> Scene {
    let (log, clock, truth) = (Log::default(), ManualClock::new(), Arc::default());
    Scene {
        a: Site::new(&log, &clock, &truth),
        b: Site::new(&log, &clock, &truth),
        clock,
    }
}

fn position(answer: &Answer) -> String {
    answer.headers[POSITION].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn only_an_answer_to_a_write_carries_a_position_and_none_is_kept() {
    let scene = scene();
    let app = scene.a.app(false);
    assert!(!ask(&app, "GET", None).await.headers.contains_key(POSITION));
    let written = ask(&app, "POST", None).await;
    assert!(written.headers.contains_key(POSITION));
    for _ in 0..2 {
        let read = ask(&app, "GET", None).await;
        assert_eq!(read.text, "1");
        assert!(!read.headers.contains_key(POSITION));
    }
}

/// Fails without `past_the_cache` in `SessionService::call`.
#[tokio::test]
async fn a_node_that_has_not_heard_of_a_write_does_not_answer_its_client_from_the_cache() {
    let Scene { clock, a, b } = scene();
    let (a, b_app) = (a.app(false), b.app(false));
    assert_eq!(ask(&b_app, "GET", None).await.text, "0");
    let position = position(&ask(&a, "POST", None).await);
    let others = ask(&b_app, "GET", None).await;
    assert_eq!(others.text, "0", "others are served within the bound");

    let own = ask(&b_app, "GET", Some((POSITION, &position)));
    let time = async {
        loop {
            clock.advance(SECOND / 100);
            tokio::task::yield_now().await;
        }
    };
    let own = tokio::select! {
        own = own => own,
        () = time => unreachable!("it does not end"),
    };
    assert_eq!(own.text, "1");
    b.bus.poll();
    let own = ask(&b_app, "GET", Some((POSITION, &position))).await;
    assert_eq!(own.text, "1");
    let hit = ask(&b_app, "GET", Some((POSITION, &position))).await;
    assert!(
        hit.headers["cache-status"]
            .to_str()
            .unwrap()
            .contains("hit")
    );
}

/// Fails without the wait in `SessionService::call`.
#[tokio::test]
async fn a_node_that_hears_of_it_in_time_answers_then() {
    let Scene { a, b, .. } = scene();
    let (a, b_app) = (a.app(false), b.app(false));
    assert_eq!(ask(&b_app, "GET", None).await.text, "0");
    let position = position(&ask(&a, "POST", None).await);
    // The clock stands still: only the news end the wait.
    let own = ask(&b_app, "GET", Some((POSITION, &position)));
    let news = async {
        tokio::task::yield_now().await;
        b.bus.poll();
    };
    let (own, ()) = tokio::join!(own, news);
    assert_eq!(own.text, "1");
}

#[tokio::test]
async fn a_cookie_does_the_same() {
    let Scene { a, b, .. } = scene();
    let (a, b_app) = (a.app(true), b.app(true));
    let written = ask(&a, "POST", None).await;
    let cookie = written.headers[header::SET_COOKIE].to_str().unwrap();
    let pair = cookie.split(';').next().unwrap();
    b.bus.poll();
    let own = ask(&b_app, "GET", Some((header::COOKIE, pair))).await;
    assert_eq!(own.text, "1");
}

#[tokio::test]
async fn what_cannot_be_a_position_changes_nothing() {
    let Scene { a, .. } = scene();
    let app = a.app(false);
    for value in ["", "nonsense", "ffffffffffffffff-ffffffffffffffff"] {
        ask(&app, "GET", None).await;
        let hit = ask(&app, "GET", Some((POSITION, value))).await;
        let status = hit.headers["cache-status"].to_str().unwrap();
        assert!(status.contains("hit"), "{value}: {status}");
    }
}
