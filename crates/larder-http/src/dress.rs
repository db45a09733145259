//! What this cache adds to the headers of a response it keeps, and what it takes out.

use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_RANGE, ETAG, HeaderMap};

use crate::layer::Settings;
use crate::semantics::storing::Plan;
use crate::semantics::{etag, groups};

/// Adds to a renewed response what this cache says of its own; tells whether its tag is.
pub(crate) fn dress(
    settings: &Settings,
    headers: &mut HeaderMap,
    plan: Option<&Plan>,
    body: &[u8],
) -> bool {
    undress(settings, headers);
    if plan.is_some_and(|plan| plan.ours) {
        tell_to_ask_again(headers);
    }
    add_tag(settings, headers, body)
}

/// Takes out what is for caches alone, where the route says so.
pub(crate) fn undress(settings: &Settings, headers: &mut HeaderMap) {
    if settings.policy.serving.strips_tags {
        headers.remove(groups::SURROGATE_KEY);
        headers.remove(groups::CACHE_TAG);
    }
}

/// Lets no client keep what only this cache knows to be fresh.
pub(crate) fn tell_to_ask_again(headers: &mut HeaderMap) {
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-cache"));
}

/// Gives a response without a tag one of our own; tells whether it did.
pub(crate) fn add_tag(settings: &Settings, headers: &mut HeaderMap, body: &[u8]) -> bool {
    // What is not all of it has no tag of its own.
    let is_whole = !headers.contains_key(CONTENT_RANGE);
    let adds = settings.policy.serving.makes_tags && is_whole && !headers.contains_key(ETAG);
    if adds {
        let tag = etag::of_body(headers, body);
        headers.insert(ETAG, tag);
    }
    adds
}
