//! The encoding of keys is injective: two requests share a key exactly if nothing that counts tells
//! them apart.
//!
//! `LARDER_KEY_PAIRS` says how many pairs are tried. What counts is written down here once more, as
//! parts that are compared and never joined. A case is a few requests of small alphabets and many that
//! take one part of one and all others of another; each is paired with each.

use std::collections::HashMap;

use http::{HeaderName, HeaderValue, Request, Uri};
use larder_core::Key;
use proptest::prelude::*;

use crate::head::Head;
use crate::key::{KeyPolicy, LayerName, key};
use crate::semantics::host::host;

/// Requests a case that are made up, and that are made of two of those.
const MADE_UP: usize = 8;
const MIXED: usize = 56;

/// The headers the route declares, and such as count by themselves.
const DECLARED: [&str; 2] = ["x-d", "x-e"];
const FORWARDED: [&str; 2] = ["x-forwarded-host", "x-host"];

/// The lines of a header.
type Lines = Vec<Vec<u8>>;

/// What a request is made of.
#[derive(Clone, Debug)]
struct Parts {
    layer: Layer,
    method: &'static str,
    scheme: &'static str,
    host: String,
    path: String,
    /// What the wrapped service sees, if not the same.
    seen: Option<String>,
    declared: [Lines; 2],
    forwarded: [Lines; 2],
    /// What does not count.
    other: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Layer {
    Given(&'static str),
    Number(u64),
}

/// What counts of a request.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Counts {
    layer: Layer,
    scheme: Option<&'static str>,
    host: String,
    path: String,
    seen: Option<String>,
    declared: [Lines; 2],
    forwarded: [Lines; 2],
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop::sample::select(b"a/1 ,;=\"\x80t\tb".to_vec());
    prop::collection::vec(byte, 0..4).prop_filter("no value of a header", |value| {
        value.first() != Some(&b' ') && HeaderValue::from_bytes(value).is_ok()
    })
}

fn lines() -> impl Strategy<Value = Lines> {
    prop::collection::vec(value(), 0..3)
}

fn parts() -> impl Strategy<Value = Parts> {
    let layer = prop_oneof![
        prop::sample::select(vec!["1a", "GET", "a"]).prop_map(Layer::Given),
        prop::sample::select(vec![1, 11, 7]).prop_map(Layer::Number),
    ];
    let head = (
        prop::sample::select(vec!["GET", "HEAD"]),
        prop::sample::select(vec!["", "http", "https"]),
        "[aAs.:\\[]{1,2}",
    );
    let target = (
        "/[a/?%&=as:]{0,4}",
        prop::option::weighted(0.3, "/[a/?]{0,2}"),
    );
    let headers = ([lines(), lines()], [lines(), lines()], 0..3_u8);
    (layer, head, target, headers).prop_map(|(layer, head, target, headers)| Parts {
        layer,
        method: head.0,
        scheme: head.1,
        host: head.2,
        path: target.0,
        seen: target.1,
        declared: headers.0,
        forwarded: headers.1,
        other: headers.2,
    })
}

impl Parts {
    fn request(&self) -> Option<Request<()>> {
        let original: Uri = match self.scheme {
            "" => self.path.parse().ok()?,
            scheme => format!("{scheme}://{}{}", self.host, self.path)
                .parse()
                .ok()?,
        };
        let mut request = Request::new(());
        *request.method_mut() = self.method.parse().ok()?;
        *request.uri_mut() = original.clone();
        if let Some(seen) = &self.seen {
            *request.uri_mut() = seen.parse().ok()?;
            #[cfg(feature = "axum")]
            request
                .extensions_mut()
                .insert(axum::extract::OriginalUri(original));
        }
        let headers = request.headers_mut();
        headers.insert("host", self.host.parse().ok()?);
        headers.insert("x-other", HeaderValue::from(u16::from(self.other)));
        let names = DECLARED.into_iter().chain(FORWARDED);
        for (name, lines) in names.zip(self.declared.iter().chain(&self.forwarded)) {
            for line in lines {
                headers.append(name, HeaderValue::from_bytes(line).ok()?);
            }
        }
        Some(request)
    }

    fn key(&self) -> Option<Key> {
        let request = self.request()?;
        let head = Head::of(&request);
        let host = host(head.original_uri, &head).ok()?;
        let policy = KeyPolicy {
            headers: DECLARED.map(HeaderName::from_static).to_vec(),
            ..KeyPolicy::default()
        };
        let layer = match self.layer {
            Layer::Given(name) => LayerName::given(name),
            Layer::Number(number) => LayerName::number(number),
        };
        Some(key(&layer, host, &head, &policy))
    }

    fn counts(&self) -> Counts {
        let seen = self.seen.clone().filter(|seen| *seen != self.path);
        Counts {
            layer: self.layer.clone(),
            scheme: (!self.scheme.is_empty()).then_some(self.scheme),
            host: self.host.clone(),
            path: self.path.clone(),
            seen: seen.filter(|_| cfg!(feature = "axum")),
            declared: self.declared.clone(),
            forwarded: self.forwarded.clone(),
        }
    }
}

/// A request like `base`, but for one part.
fn mixed(base: &Parts, other: &Parts, part: u8) -> Parts {
    let (mut mixed, other) = (base.clone(), other.clone());
    match part {
        0 => mixed.layer = other.layer,
        1 => mixed.method = other.method,
        2 => mixed.scheme = other.scheme,
        3 => mixed.host = other.host,
        4 => mixed.path = other.path,
        5 => mixed.seen = other.seen,
        6 => mixed.declared = other.declared,
        7 => mixed.forwarded = other.forwarded,
        8 => mixed.other = other.other,
        9 => mixed.declared.swap(0, 1),
        10 => mixed.forwarded.swap(0, 1),
        11 => {
            (mixed.path, mixed.seen) = (
                base.seen.clone().unwrap_or_else(|| base.path.clone()),
                Some(base.path.clone()),
            );
        }
        12 => mixed.declared[0] = vec![mixed.declared[0].join(&b','), Vec::new()],
        13 => mixed.declared[0] = vec![mixed.declared[0].join(&b", "[..])],
        14 => mixed.forwarded[1] = vec![mixed.forwarded[1].join(&b',')],
        _ => (mixed.declared, mixed.forwarded) = (mixed.forwarded, mixed.declared),
    }
    mixed
}

fn requests() -> impl Strategy<Value = Vec<Parts>> {
    let mixes = prop::collection::vec((0..MADE_UP, 0..MADE_UP, 0..16_u8), MIXED);
    (prop::collection::vec(parts(), MADE_UP), mixes).prop_map(|(mut requests, mixes)| {
        for (base, other, part) in mixes {
            requests.push(mixed(&requests[base], &requests[other], part));
        }
        requests
    })
}

fn cases() -> u32 {
    let pairs = std::env::var("LARDER_KEY_PAIRS").ok();
    let pairs = pairs
        .and_then(|pairs| pairs.parse::<usize>().ok())
        .unwrap_or(1_000_000);
    let requests = MADE_UP + MIXED;
    let a_case = requests * (requests - 1) / 2;
    // In a good quarter of the pairs one is no request, for its host is none: half as many again.
    u32::try_from((pairs + pairs / 2).div_ceil(a_case)).unwrap_or(u32::MAX)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    /// Two maps say of all pairs at once that equal keys mean equal parts, and the other way round.
    #[test]
    fn requests_share_a_key_exactly_if_all_that_counts_is_the_same(
        requests in requests()) {
        let (mut by_key, mut by_counts) = (HashMap::new(), HashMap::new());
        for (at, parts) in requests.iter().enumerate() {
            let Some(key) = parts.key() else { continue };
            let first = *by_key.entry(key.clone()).or_insert(at);
            prop_assert_eq!(requests[first].counts(), parts.counts(), "one key: {}", key);
            let first = by_counts.entry(parts.counts()).or_insert_with(|| key.clone());
            prop_assert_eq!(&*first, &key, "two keys for {:?}", parts);
        }
    }
}
