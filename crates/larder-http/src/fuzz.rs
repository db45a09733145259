//! Ways in for the fuzz targets of `fuzz/`: what reads fields, targets and kept responses that others wrote. Only
//! built for them.
//!
//! An input is lines. Those of a field are its values; those of a head have the name before a colon, and an empty
//! line ends it. Each panics if a promise is broken.

use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_RANGE, ETAG, HOST, HeaderMap, HeaderName, HeaderValue,
    IF_NONE_MATCH, RANGE, VARY,
};
use http::{Method, Request, Response, StatusCode, Uri};
use larder_core::{Codec, Key, Larder};

use crate::body::CacheBody;
use crate::head::Head;
use crate::key::{KeyPolicy, LayerName, key};
use crate::policy::HttpPolicy;
use crate::semantics::directives::{CacheControl, Wishes};
use crate::semantics::freshness::Arrival;
use crate::semantics::host::host;
use crate::semantics::ranges::Wanted;
use crate::semantics::storing::{Asked, Plan, Terms, judge};
use crate::semantics::vary::{Order, Variant, VaryNames};
use crate::semantics::{
    conditions, dates, etag, fields, forwarded, freshness, groups, invalidation, ranges, targeted,
    validation,
};
use crate::stored::codec::ResponseCodec;
use crate::stored::{Serving, Stored};

/// The wall clock's time, in seconds: in 2026.
const NOW: dates::Unix = 1_780_000_000;
/// The last second of the year 9999.
const LAST: dates::Unix = 253_402_300_799;
/// What is declared of requests, and counts in a key.
const DECLARED: [&str; 2] = ["x-d", "x-e"];

static CODEC: LazyLock<ResponseCodec> = LazyLock::new(|| {
    let larder = Larder::builder("fuzz").slots(1024).environment([("", "")]);
    ResponseCodec::new(larder.build().expect("its settings are right"), 1)
});
static TERMS: LazyLock<[Terms; 3]> = LazyLock::new(|| {
    let terms = |policy: HttpPolicy| policy.check().expect("its settings are right").terms;
    [
        terms(HttpPolicy::safe()),
        terms(HttpPolicy::rfc()),
        terms(HttpPolicy::rfc().private()),
    ]
});

fn lines(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    data.split(|byte| *byte == b'\n')
}

/// Takes each line as a value of the field.
fn field(name: &HeaderName, data: &[u8]) -> HeaderMap {
    let values = lines(data).filter_map(|line| HeaderValue::from_bytes(line).ok());
    values.map(|value| (name.clone(), value)).fold(
        HeaderMap::new(),
        |mut headers, (name, value)| {
            headers.append(name, value);
            headers
        },
    )
}

/// Takes the lines up to an empty one as a head.
fn head<'a>(lines: &mut impl Iterator<Item = &'a [u8]>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines.take_while(|line| !line.is_empty()) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (name, value) = (parts.next(), parts.next().unwrap_or_default());
        let name = HeaderName::from_bytes(name.unwrap_or_default());
        let value = HeaderValue::from_bytes(value.trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

/// Reads `Cache-Control` of responses and of requests.
pub fn directives(data: &[u8]) {
    let mut headers = field(&CACHE_CONTROL, data);
    let (before, _) = (CacheControl::of(&headers), Wishes::of(&headers));
    headers.append(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let after = CacheControl::of(&headers);
    assert!(after.malformed || after.no_store, "{headers:?}");
    assert!(after.malformed || !before.malformed, "{headers:?}");
}

/// Reads dates.
pub fn dates(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else {
        return;
    };
    if let Some(time) = dates::parse(&value, NOW)
        && (0..=LAST).contains(&time)
    {
        assert_eq!(dates::parse(&dates::format(time), NOW), Some(time));
    }
}

/// Reads the heads of a request and of its answer, as the layer does.
pub fn heads(data: &[u8]) {
    let mut lines = lines(data);
    let (request, answer) = (head(&mut lines), head(&mut lines));
    let arrival = Arrival {
        at: NOW,
        delay: Duration::from_secs(1),
    };
    freshness::age(&answer, arrival);
    forwarded::all(&request);
    invalidation::targets("h", "/a/b?c", &answer);
    conditions::not_modified(&request, &answer, NOW);
    let (tags, tag) = (request.get_all(IF_NONE_MATCH), answer.get(ETAG));
    etag::any_matches(tags, tag);
    let mut asking = request.clone();
    validation::ask(&mut asking, &answer, false);
    validation::is_about(&answer, &request);
    validation::head_is_about(&answer, 8, &request);
    let mut passed = validation::updated(&answer, &request);
    fields::remove_hop_by_hop(&mut passed);
    assert!(!passed.contains_key(CONNECTION));
    for terms in &*TERMS {
        plan(&request, &answer, arrival, terms);
    }
}

fn plan(request: &HeaderMap, answer: &HeaderMap, arrival: Arrival, terms: &Terms) {
    for status in [200, 206, 301, 404, 500, 599] {
        let mut parts = Response::new(()).into_parts().0;
        parts.status = StatusCode::from_u16(status).unwrap_or_default();
        parts.headers = answer.clone();
        let asked = Asked {
            headers: request,
            scoped: false,
            for_part: status == 206,
        };
        let plan: Option<Plan> = judge(&parts, 0, asked, arrival, terms).ok();
        let Some(plan) = plan else { continue };
        let _ = plan.lifetime(arrival.delay);
        let said = CacheControl::of(answer);
        let is_targeted = targeted::directives(answer, &terms.targets).is_some();
        let forbidden = said.no_store && !said.must_understand || said.private && terms.shared;
        assert!(is_targeted || !forbidden, "{answer:?}");
    }
}

/// Reads the fields that are for some caches only.
pub fn targeted(data: &[u8]) {
    let headers = head(&mut lines(data));
    let targets = ["cdn-cache-control", "surrogate-control", "x-own"].map(HeaderName::from_static);
    targeted::directives(&headers, &targets);
    let mut request = headers.clone();
    targeted::say_capability(&mut request, &targets);
}

/// Reads groups and tags.
pub fn groups(data: &[u8]) {
    let named = [
        "cache-groups",
        "cache-group-invalidation",
        "cache-tag",
        "surrogate-key",
    ];
    for name in named.map(HeaderName::from_static) {
        let headers = field(&name, data);
        for read in [
            groups::of("h", &headers),
            groups::invalidated("h", &headers),
            groups::tags(&headers),
        ] {
            assert!(read.len() <= 512, "{} of {name}", read.len());
        }
    }
}

/// Reads ranges, and which part a response is: a length, a `Range`, and two of `Content-Range`.
pub fn ranges(data: &[u8]) {
    let mut lines = lines(data);
    let mut next = |name: &HeaderName| field(name, lines.next().unwrap_or_default());
    let length = next(&RANGE);
    let length = length
        .get(RANGE)
        .and_then(|text| text.to_str().ok()?.parse().ok());
    let length = length.unwrap_or(10);
    let request = next(&RANGE);
    if let Wanted::Part(part) = ranges::wanted(&request, &HeaderMap::new(), length, NOW) {
        assert!(
            part.start < part.end && part.end <= length,
            "{part:?} of {length}"
        );
        let told = ranges::content_range(&part, length);
        let told = HeaderMap::from_iter([(CONTENT_RANGE, told)]);
        assert_eq!(ranges::part_of(&told), Some((part, length)));
    }
    let tag = || HeaderValue::from_static("\"a\"");
    let [mut kept, mut came] = [next(&CONTENT_RANGE), next(&CONTENT_RANGE)];
    kept.insert(ETAG, tag());
    came.insert(ETAG, tag());
    if let Some(joined) = ranges::joined(&kept, &came) {
        assert!(joined.part.end <= joined.length, "{joined:?}");
        let reaches = |one: &std::ops::Range<u64>| {
            joined.part.start <= one.start && one.end <= joined.part.end
        };
        assert!(reaches(&joined.kept) && reaches(&joined.came), "{joined:?}");
    }
}

/// Reads what an answer was chosen by: `Vary`, then the heads of two requests.
pub fn vary(data: &[u8]) {
    let mut lines = lines(data);
    let names = VaryNames::of(&field(&VARY, lines.next().unwrap_or_default()));
    let (one, other) = (head(&mut lines), head(&mut lines));
    let Ok(names) = names else { return };
    let key = Key::from("k");
    for order in [Order::Counts, Order::Ignored] {
        let kept = Variant::new(&names, &one, order);
        assert!(kept.matches(&one));
        let same_key = kept.key_for(&key, &one) == kept.key_for(&key, &other);
        assert_eq!(
            kept.matches(&other),
            same_key,
            "{names:?} {one:?} {other:?}"
        );
    }
}

/// Makes the keys of two requests: a target each, then a head each.
pub fn keys(data: &[u8]) {
    let mut lines = lines(data);
    let targets = [lines.next(), lines.next()].map(|line| target(line.unwrap_or_default()));
    let [one, other] = targets.map(|uri| request(uri, head(&mut lines)));
    let keyed = |request: &Option<_>| request.as_ref().and_then(keyed);
    let (Some(one), Some(other)) = (keyed(&one), keyed(&other)) else {
        return;
    };
    assert_eq!(one.0 == other.0, one.1 == other.1, "{one:?} {other:?}");
}

fn target(line: &[u8]) -> Option<Uri> {
    Uri::try_from(line).ok()
}

fn request(uri: Option<Uri>, headers: HeaderMap) -> Option<Request<()>> {
    let mut request = Request::new(());
    *request.uri_mut() = uri?;
    *request.headers_mut() = headers;
    Some(request)
}

/// What counts of a request, written down once more.
type Counts = (Option<String>, String, String, Vec<Vec<Vec<u8>>>);

fn keyed(request: &Request<()>) -> Option<(Key, Counts)> {
    let head = Head::of(request);
    let host = host(head.original_uri, &head).ok()?;
    let policy = KeyPolicy {
        headers: DECLARED.map(HeaderName::from_static).to_vec(),
        ..KeyPolicy::default()
    };
    let counting = |name: &HeaderName| {
        let all = request.headers().get_all(name);
        all.iter().map(|value| value.as_bytes().to_vec()).collect()
    };
    let declared = DECLARED.map(HeaderName::from_static);
    let mut names: Vec<_> = request.headers().keys().cloned().collect();
    names.retain(|name| *name != HOST && forwarded::is_one(name.as_str()));
    names.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
    let forwarded = names.iter().map(|name| {
        let mut lines: Vec<Vec<u8>> = counting(name);
        lines.insert(0, name.as_str().into());
        lines
    });
    let uri = request.uri();
    let counts = (
        uri.scheme_str().map(str::to_owned),
        host.as_str().to_owned(),
        policy.target(uri).into_owned(),
        declared.iter().map(counting).chain(forwarded).collect(),
    );
    Some((key(&LayerName::number(1), host, &head, &policy), counts))
}

/// Reads a response of the remote tier, and answers with it.
pub fn response(data: &[u8]) {
    let Ok(stored) = CODEC.decode(Bytes::copy_from_slice(data)) else {
        return;
    };
    let mut written = Vec::new();
    if CODEC.encode(&stored, &mut written).is_ok() {
        let back = CODEC.decode(written.into()).expect("it was just written");
        assert_eq!(back.status(), stored.status());
        assert_eq!(back.body(), stored.body());
        assert_eq!(back.origins(), stored.origins());
    }
    answer(&stored);
}

fn answer(stored: &Stored) {
    let mut request = Request::new(());
    request
        .headers_mut()
        .insert(RANGE, HeaderValue::from_static("bytes=1-3"));
    for method in [Method::GET, Method::HEAD] {
        *request.method_mut() = method;
        let serving = Serving {
            now: stored.at(larder_core::Moment::ZERO),
            told: None,
        };
        let answer: Response<CacheBody<String>> = stored.answer(&Head::of(&request), serving);
        drop(answer);
    }
}
