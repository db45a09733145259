//! Bodies that take their time.

use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::{BodyExt, StreamBody};
use larder_http::{HttpLayer, HttpPolicy};
use tower::ServiceExt;

use crate::client::callers::CLIENTS;
use crate::load::server::{Pen, Server, listen, next, written};
use crate::site::{larder, respond, within};

type Fields = &'static [(&'static str, &'static str)];

/// What is kept, what is not, and what never ends.
const KINDS: [Fields; 4] = [
    &[("cache-control", "max-age=60")],
    &[("cache-control", "no-store")],
    &[("cache-control", "max-age=60"), ("content-length", "8")],
    &[
        ("cache-control", "max-age=60"),
        ("content-type", "text/event-stream"),
    ],
];

/// The second half is not sent before the first has come. Seen failing (it never ends) with a body
/// gathered to its end before it is answered.
#[tokio::test]
async fn a_first_half_comes_before_the_second_is_made() {
    for fields in KINDS {
        let pens = Arc::<Mutex<Vec<Pen>>>::default();
        let kept = Arc::clone(&pens);
        let server = Server::start(HttpPolicy::safe(), move |_| {
            let (pen, body) = written();
            pen.send(Ok("half".into())).unwrap();
            kept.lock().unwrap().push(pen);
            std::future::ready(respond(fields, body)).boxed()
        })
        .await;
        let mut response = server.open().await;
        assert_eq!(next(response.body_mut()).await, "half", "{fields:?}");
        let pen = pens.lock().unwrap().pop().unwrap();
        pen.send(Ok("done".into())).unwrap();
        assert_eq!(next(response.body_mut()).await, "done", "{fields:?}");
    }
}

#[tokio::test]
async fn a_client_reads_a_first_half_before_the_second_is_made() {
    for client in CLIENTS {
        for fields in KINDS {
            let (pen, body) = written();
            let body = Arc::new(Mutex::new(Some(body)));
            let router = axum::Router::new().fallback(move || async move {
                respond(fields, body.lock().unwrap().take().unwrap())
            });
            let uri = format!("http://{}/", listen(router).await);
            let (larder, _) = larder();
            let service = client.behind(&larder.http_layer());
            pen.send(Ok("half".into())).unwrap();
            let request = Request::get(uri).body(reqwest::Body::default()).unwrap();
            let mut response = within(service.oneshot(request)).await.unwrap();
            assert_eq!(next(response.body_mut()).await, "half", "{client:?}");
            pen.send(Ok("done".into())).unwrap();
            assert_eq!(next(response.body_mut()).await, "done", "{client:?}");
        }
    }
}

/// The server reads the first half before the second is written.
#[tokio::test]
async fn a_client_sends_a_first_half_before_the_second_is_made() {
    for client in CLIENTS {
        let router = axum::Router::new().fallback(|request: axum::extract::Request| async {
            Response::new(request.into_body())
        });
        let uri = format!("http://{}/", listen(router).await);
        let (larder, _) = larder();
        let service = client.behind(&larder.http_layer());
        let (pen, mut paper) = tokio::sync::mpsc::unbounded_channel();
        let stream = futures_util::stream::poll_fn(move |cx| paper.poll_recv(cx));
        let body = reqwest::Body::wrap(StreamBody::new(stream));
        let say = |word: &'static str| {
            let frame = http_body::Frame::data(bytes::Bytes::from(word));
            pen.send(Ok::<_, std::io::Error>(frame)).unwrap();
        };
        say("half");
        let request = Request::post(uri).body(body).unwrap();
        let mut response = within(service.oneshot(request)).await.unwrap();
        assert_eq!(next(response.body_mut()).await, "half", "{client:?}");
        say("done");
        assert_eq!(next(response.body_mut()).await, "done", "{client:?}");
        drop(pen);
        // HTTP/2 may end with an empty frame.
        let rest = within(response.into_body().collect()).await.unwrap();
        assert!(rest.to_bytes().is_empty(), "{client:?}");
    }
}

/// A body that breaks on its way is not taken for a whole one, and not kept.
#[tokio::test]
async fn a_body_that_breaks_on_its_way_is_broken_for_its_reader() {
    for client in CLIENTS {
        let calls = Arc::<std::sync::atomic::AtomicUsize>::default();
        let counted = Arc::clone(&calls);
        let router = axum::Router::new().fallback(move || {
            let number = counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
            async move {
                let (pen, body) = written();
                pen.send(Ok("half".into())).unwrap();
                if number == 1 {
                    pen.send(Err(std::io::Error::other("broken"))).unwrap();
                }
                respond(&[("cache-control", "max-age=60")], body)
            }
        });
        let uri = format!("http://{}/", listen(router).await);
        let (larder, _) = larder();
        let service = client.behind(&larder.http_layer());
        let mut texts = Vec::new();
        for _ in 0..3 {
            let request = Request::get(&uri).body(reqwest::Body::default()).unwrap();
            let answer = match within(service.clone().oneshot(request)).await {
                Ok(response) => within(response.into_body().collect()).await,
                Err(error) => Err(error),
            };
            texts.push(answer.map(http_body_util::Collected::to_bytes).ok());
        }
        assert_eq!(texts, [None, Some("half".into()), Some("half".into())]);
        assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 2);
    }
}
