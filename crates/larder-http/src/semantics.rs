//! What HTTP says: pure functions of what they are given, no I/O and no clock.
//!
//! Each module begins with its rules, numbered, with RFC and section; the code follows their order.
//! Every "no" carries its reason, which is what `Cache-Status` and the traces show.
//!
//! | Module | Decides |
//! |---|---|
//! | [`request`] | may this request be looked up |
//! | [`storing`] | may this response be kept, and under which terms |
//! | [`freshness`] | how old it is, how long it is fresh (RFC 9111, 4.2) |
//! | [`reuse`] | may it be served now (RFC 9111, 4; RFC 5861; RFC 8246) |
//! | [`validation`] | how to ask whether it still stands, what an answer to that changes (RFC 9111, 4.3) |
//! | [`conditions`] | which of the client's conditions hold (RFC 9110, 13) |
//! | [`ranges`] | which part of it a client gets (RFC 9110, 14) |
//! | [`vary`] | which requests it answers (RFC 9111, 4.1) |
//! | [`invalidation`] | what an unsafe request makes invalid (RFC 9111, 4.4) |
//! | [`posted`] | may an answer to a POST serve others (RFC 9110, 9.3.3) |
//! | [`groups`] | which groups and tags it belongs to (RFC 9875) |
//! | [`directives`], [`targeted`], [`dates`], [`etag`], [`fields`], [`forwarded`], [`host`] | how fields are read |
//! | [`cache_status`] | how it is told (RFC 9211) |

pub(crate) mod cache_status;
pub(crate) mod conditions;
pub(crate) mod dates;
pub(crate) mod directives;
pub(crate) mod etag;
pub(crate) mod fields;
pub(crate) mod forwarded;
pub(crate) mod freshness;
pub(crate) mod groups;
pub(crate) mod host;
pub(crate) mod invalidation;
pub(crate) mod posted;
pub(crate) mod ranges;
pub(crate) mod request;
pub(crate) mod reuse;
pub(crate) mod storing;
pub(crate) mod targeted;
pub(crate) mod validation;
pub(crate) mod vary;
pub(crate) mod verdict;
