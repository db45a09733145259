//! A caching reverse proxy: axum in front, hyper's client behind, Larder's layer between the two.
//!
//! ```text
//! cargo run -p reverse-proxy -- --listen 127.0.0.1:8080 --origin http://127.0.0.1:8000
//! ```
//!
//! What the origin is sent depends on what the key of a response holds and on fields the origin names in `Vary`:
//! the fields by which other proxies tell of the client are dropped, for they could poison an answer that others get.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::uri::{Authority, PathAndQuery, Scheme};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, Version, header};
use axum::response::{IntoResponse, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use larder::Larder;
use larder::http::{HttpLayer as _, HttpPolicy};
use tokio::net::TcpListener;

const USAGE: &str = "\
Usage: reverse-proxy [--listen ADDRESS] [--profile safe|rfc] --origin http://HOST[:PORT]

  --listen   where requests are taken [default: 127.0.0.1:8080]
  --origin   where they are sent on
  --profile  what is kept and served: `safe` is careful, `rfc` does all that RFC 9111
             permits a shared cache [default: safe]
";

/// An origin that does not connect in this time is taken for dead.
const CONNECT: Duration = Duration::from_secs(5);

/// An origin that sends no head in this time is given up.
const HEAD: Duration = Duration::from_mins(1);

/// Larger bodies pass, but are not kept.
const LARGEST: usize = 64 * 1024 * 1024;

/// Fields of one connection (RFC 9110, 7.6.1), which end here.
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// Fields by which a client could tell the origin another host or path than its answer is kept for.
const TOLD_BY_PROXIES: [HeaderName; 10] = [
    header::FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-prefix"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-forwarded-server"),
    HeaderName::from_static("x-host"),
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-rewrite-url"),
];

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("reverse-proxy: {error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the address is what was asked for")]
async fn run() -> Result<(), Box<dyn Error>> {
    let Some(options) = Options::read(lexopt::Parser::from_env())? else {
        print!("{USAGE}");
        return Ok(());
    };
    // Every unsafe request takes a slot: more of them, and fewer take along what only shares one.
    let larder = Larder::builder("reverse-proxy").slots(1 << 20).build()?;
    let app = Router::new()
        .fallback(forward)
        .with_state(Upstream::new(options.origin))
        .layer(larder.http_layer_with(options.policy)?);
    let listener = TcpListener::bind(&options.listen)
        .await
        .map_err(|error| format!("{}: {error}", options.listen))?;
    println!("reverse-proxy serves on http://{}", listener.local_addr()?);
    axum::serve(listener, app)
        .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
        .await?;
    Ok(())
}

/// What the command line says.
struct Options {
    listen: String,
    origin: Authority,
    policy: HttpPolicy,
}

impl Options {
    /// Reads the command line; `None`: its user asks for help.
    fn read(mut arguments: lexopt::Parser) -> Result<Option<Self>, Box<dyn Error>> {
        use lexopt::prelude::{Long, Short, ValueExt as _};
        let mut listen = "127.0.0.1:8080".to_owned();
        let mut origin = None;
        let mut policy = HttpPolicy::safe();
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("listen") => listen = arguments.value()?.string()?,
                Long("origin") => origin = Some(authority(&arguments.value()?.string()?)?),
                Long("profile") => policy = profile(&arguments.value()?.string()?)?,
                Short('h') | Long("help") => return Ok(None),
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(Some(Self {
            listen,
            origin: origin.ok_or("--origin is missing; --help tells of all options")?,
            policy: policy.body_limit(LARGEST),
        }))
    }
}

fn authority(origin: &str) -> Result<Authority, String> {
    let uri: Option<Uri> = origin.parse().ok();
    uri.filter(|uri| uri.scheme() == Some(&Scheme::HTTP) && uri.path() == "/")
        .and_then(|uri| uri.authority().cloned())
        .ok_or_else(|| format!("--origin {origin}: not of the form http://HOST[:PORT]"))
}

fn profile(name: &str) -> Result<HttpPolicy, String> {
    match name {
        "safe" => Ok(HttpPolicy::safe()),
        // A proxy is what both fields are meant for.
        "rfc" => Ok(HttpPolicy::rfc().targets(["cdn-cache-control", "surrogate-control"])),
        _ => Err(format!("--profile {name}: neither `safe` nor `rfc`")),
    }
}

/// The server that requests are sent on to.
#[derive(Clone)]
struct Upstream {
    client: Client<HttpConnector, Body>,
    origin: Authority,
}

impl Upstream {
    fn new(origin: Authority) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT));
        connector.set_nodelay(true);
        Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            origin,
        }
    }
}

/// Sends a request on; its `Host` stays, for the answer is kept under it.
async fn forward(State(upstream): State<Upstream>, mut request: Request) -> Response {
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(upstream.origin);
    parts.path_and_query = parts
        .path_and_query
        .or(Some(PathAndQuery::from_static("/")));
    let Ok(uri) = Uri::from_parts(parts) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_11;
    pass_on(request.headers_mut());
    for name in TOLD_BY_PROXIES {
        request.headers_mut().remove(name);
    }
    match tokio::time::timeout(HEAD, upstream.client.request(request)).await {
        Ok(Ok(mut response)) => {
            pass_on(response.headers_mut());
            response.map(Body::new)
        }
        Ok(Err(error)) => {
            eprintln!("reverse-proxy: the origin: {error}");
            StatusCode::BAD_GATEWAY.into_response()
        }
        Err(_) => StatusCode::GATEWAY_TIMEOUT.into_response(),
    }
}

/// Takes out what belongs to one connection, and adds this proxy to those the message came through.
fn pass_on(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in HOP_BY_HOP.into_iter().chain(named) {
        headers.remove(name);
    }
    headers.append(header::VIA, HeaderValue::from_static("1.1 larder"));
}
