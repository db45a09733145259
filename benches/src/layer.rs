//! A hit in an HTTP caching layer, beside what it can at best cost.

mod drive;
mod handler;
mod larder;
mod peers;

use std::rc::Rc;

use bytes::Bytes;
use http_body_util::Full;
use tokio::runtime::Runtime;

use self::handler::{Calls, Handler};
use crate::rounds::{Contestant, Lane, Plan, compare};

/// The floor: nothing can answer with less than a response of its own.
pub(crate) const CLONE: &str = "`Response` clone";
/// What the route costs when its handler has nothing to do.
pub(crate) const HANDLER: &str = "bare handler";

/// Measures hits of `size` bytes.
pub(crate) fn measure(runtime: &Rc<Runtime>, size: usize, plan: &Plan) -> Vec<Lane> {
    let mut contestants = vec![
        clone(runtime, size),
        handler(runtime, size),
        larder::layer(runtime, size),
    ];
    contestants.extend(peers::all(runtime, size));
    compare(contestants, plan)
}

fn clone(runtime: &Rc<Runtime>, size: usize) -> Contestant {
    let runtime = Rc::clone(runtime);
    let response = handler::response(size).map(Full::new);
    Contestant::new(CLONE, move |times| {
        drive::response_clones(&runtime, &response, times)
    })
}

fn handler(runtime: &Rc<Runtime>, size: usize) -> Contestant {
    let service = Handler::<Full<Bytes>>::new(size, &Calls::default());
    drive::bare(HANDLER, runtime, service)
}
