//! A server for `scripts/bench-proxy`: one body of 1 KiB, from a handler or from the layer before it; and the one that
//! the load bench asks.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use larder::Larder;
use larder::http::{HttpLayer as _, HttpPolicy};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

const SIZE: usize = 1024;

/// Serves until it is killed; prints the address first.
pub(crate) fn serve(kind: &str) {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime
        .expect("a runtime can be made")
        .block_on(async { listen(app(kind)).await });
}

fn app(kind: &str) -> Router {
    let body = || async { ([("cache-control", "max-age=3600")], "x".repeat(SIZE)) };
    let router = Router::new().route("/body", get(body));
    match kind {
        "bare" => router,
        "layer" => {
            let larder = Larder::builder("bench").build().expect("it can be built");
            let policy = HttpPolicy::new().grace(Duration::from_secs(1));
            router.layer(larder.http_layer_with(policy).expect("the policy is right"))
        }
        "load" => crate::load::server::app(),
        other => panic!("{other}: there are `bare`, `layer` and `load`"),
    }
}

async fn listen(app: Router) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    println!("{}", listener.local_addr().expect("it listens"));
    axum::serve(listener, app).await.expect("it serves");
}
