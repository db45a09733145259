//! An HTTP client with a cache: fetches a URL twice, and tells what became of each request.
//!
//! ```text
//! cargo run -p client -- http://127.0.0.1:8000/
//! ```

use std::error::Error;

use http::{Request, Response};
use http_body_util::BodyExt as _;
use larder::Larder;
use larder::http::{HttpLayer as _, HttpPolicy};
use reqwest::{Body, redirect};
use tower::{Layer as _, ServiceExt as _, service_fn};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "that is what it is for")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("usage: client URL")?;
    let larder = Larder::builder("client").build()?;
    // A redirect is an answer of its own: followed below the layer, it would be kept as another's.
    let reqwest = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .build()?;
    let client = service_fn(move |request: Request<Body>| {
        let reqwest = reqwest.clone();
        async move {
            let response = reqwest.execute(request.try_into()?).await?;
            Ok::<_, reqwest::Error>(Response::<Body>::from(response))
        }
    });
    let client = larder
        .http_layer_with(HttpPolicy::safe().private())?
        .layer(client);
    for _ in 0..2 {
        let request = Request::get(&url).body(Body::default())?;
        let response = client.clone().oneshot(request).await?;
        let (status, told) = (response.status(), response.headers().get("cache-status"));
        let told = told.map(|told| String::from_utf8_lossy(told.as_bytes()).into_owned());
        let bytes = response.into_body().collect().await?.to_bytes().len();
        println!("{status}, {bytes} bytes, {}", told.unwrap_or_default());
    }
    Ok(())
}
