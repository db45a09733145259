//! What a hit costs: counted, for small and large bodies alike.
#![expect(unsafe_code, reason = "an allocator that counts must be one")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use larder_core::Larder;
use larder_core::test_util::ManualClock;
use larder_http::HttpLayer;
use tower::{Layer, Service};

use crate::site::{SECOND, minute};

/// How many allocations a hit may make besides the request's own.
const LIMIT: usize = 6;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is handed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise is handed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations<T>(run: impl FnOnce() -> T) -> (usize, T) {
    let before = ALLOCATIONS.with(Cell::get);
    let result = run();
    (ALLOCATIONS.with(Cell::get) - before, result)
}

/// Polls a future that is ready, without a runtime of its own.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it had to wait"),
    }
}

fn request() -> Request<Full<Bytes>> {
    let request = Request::builder()
        .uri("/api/articles?limit=20&offset=0")
        .header("host", "example.org");
    request
        .header("accept", "application/json")
        .header("user-agent", "test")
        .body(Full::default())
        .unwrap()
}

/// Returns the fewest and the most of a thousand hits; the local tier cleans up on some of them.
fn on_a_hit(size: usize) -> (usize, usize) {
    let body = Bytes::from(vec![b'x'; size]);
    let handler = tower::service_fn(move |_: Request<Full<Bytes>>| {
        let response = Response::builder()
            .header("content-type", "application/json")
            .header("x-request-id", "1")
            .body(Full::new(body.clone()));
        std::future::ready(Ok::<_, Infallible>(response.unwrap()))
    });
    let clock = ManualClock::new();
    let larder = Larder::builder("test")
        .clock(clock.clone())
        .build()
        .unwrap();
    let mut service = larder.http_layer_with(minute()).unwrap().layer(handler);
    now(service.call(request())).unwrap();
    let (mut fewest, mut most) = (usize::MAX, 0);
    for hit in 0..1000 {
        if hit % 100 == 99 {
            clock.advance(SECOND);
        }
        let request = request();
        let (count, response) = allocations(|| {
            let mut response = now(service.call(request)).unwrap();
            let frame = now(std::future::poll_fn(|cx| {
                pin!(response.body_mut()).poll_frame(cx)
            }));
            (response, frame)
        });
        let (response, frame) = response;
        assert!(
            response.headers()["cache-status"]
                .to_str()
                .unwrap()
                .starts_with("larder; hit")
        );
        assert_eq!(frame.unwrap().unwrap().into_data().unwrap().len(), size);
        (fewest, most) = (fewest.min(count), most.max(count));
    }
    (fewest, most)
}

#[test]
fn a_hit_makes_few_allocations_whatever_the_size_of_its_body() {
    let (small, large) = (on_a_hit(1024), on_a_hit(64 * 1024));
    println!("allocations on a hit: {small:?} for 1 KiB, {large:?} for 64 KiB");
    assert!(small.1 <= LIMIT, "{small:?}");
    assert_eq!(small, large);
}
