//! Larder's own layer, with what it costs to know what a response was made of.

use std::rc::Rc;

use bytes::Bytes;
use http_body_util::Full;
use larder::Larder;
use larder::http::Layer as _;
use tokio::runtime::Runtime;
use tower::Layer;

use super::drive::cached;
use super::handler::{Calls, Handler};
use crate::rounds::Contestant;

/// Makes a contestant of the layer, fed by a response that says itself how long it is fresh.
pub(crate) fn layer(runtime: &Rc<Runtime>, size: usize) -> Contestant {
    let larder = Larder::builder("bench").build();
    let larder = larder.expect("the defaults are sound");
    let calls = Calls::default();
    let service = larder
        .http_layer()
        .layer(Handler::<Full<Bytes>>::new(size, &calls));
    cached("Larder", runtime, service, size, calls)
}
