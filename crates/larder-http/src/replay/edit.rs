//! What is edited, one thing at a time.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderName, HeaderValue, Method, Request, Uri};

/// One thing that a request is sent with instead of what it had.
#[derive(Clone, Debug)]
pub(super) struct Edit {
    what: Kind,
    /// Caches may answer the edited request in ways of their own (a part, a 304): only what others
    /// get is looked at.
    pub(super) own_way: bool,
}

#[derive(Clone, Debug)]
enum Kind {
    /// A header, with `{}` for the mark.
    Header(HeaderName, String),
    /// The host, in the `Host` line and in the target if it has one.
    Host(&'static str),
    /// One more query parameter.
    Query(&'static str),
    /// A body, which has no meaning.
    Body,
    Method(Method),
    /// The request's own host, in other letters.
    HostInCapitals,
}

/// A header and the values it is edited to.
type Line = (&'static str, &'static [&'static str]);

/// What the answer may be chosen by, or shown in.
const HEADERS: &[Line] = &[
    ("x-forwarded-host", &["{}.example"]),
    ("x-forwarded-proto", &["http", "https", "{}"]),
    ("x-forwarded-scheme", &["http", "https", "{}"]),
    ("x-forwarded-ssl", &["on"]),
    ("x-forwarded-port", &["4443"]),
    ("x-forwarded-prefix", &["/{}"]),
    ("x-forwarded-path", &["/{}"]),
    ("x-forwarded-uri", &["/{}"]),
    ("x-forwarded-server", &["{}.example"]),
    ("x-forwarded-user", &["{}"]),
    ("x-forwarded-email", &["{}@example"]),
    ("x-forwarded-for", &["{}", "127.0.0.1"]),
    ("forwarded", &["for={};host={}.example;proto=https"]),
    ("x-host", &["{}.example"]),
    ("x-original-host", &["{}.example"]),
    ("x-http-host-override", &["{}.example"]),
    ("x-original-url", &["/{}"]),
    ("x-original-uri", &["/{}"]),
    ("x-rewrite-url", &["/{}"]),
    ("x-script-name", &["/{}"]),
    ("x-real-ip", &["{}", "127.0.0.1"]),
    ("x-client-ip", &["{}", "127.0.0.1"]),
    ("true-client-ip", &["{}"]),
    ("via", &["1.1 {}"]),
    ("x-http-method-override", &["POST", "DELETE", "{}"]),
    ("x-http-method", &["POST", "{}"]),
    ("x-method-override", &["POST", "{}"]),
    ("cookie", &["{}={}", "session={}"]),
    ("authorization", &["Bearer {}", "Token {}"]),
    ("proxy-authorization", &["Basic {}"]),
    ("x-api-key", &["{}"]),
    ("x-csrf-token", &["{}"]),
    (
        "accept",
        &["application/json", "text/html", "application/xml", "{}/{}"],
    ),
    ("accept-language", &["de", "fr", "{}"]),
    ("accept-encoding", &["gzip", "br", "identity", "{}"]),
    ("accept-charset", &["utf-16", "{}"]),
    ("content-type", &["application/x-www-form-urlencoded", "{}"]),
    ("origin", &["https://{}.example", "null"]),
    ("referer", &["https://{}.example/"]),
    (
        "user-agent",
        &["{}", "Mozilla/5.0 (iPhone) Mobile", "curl/8"],
    ),
    ("x-requested-with", &["XMLHttpRequest", "{}"]),
    ("sec-fetch-site", &["cross-site"]),
    ("sec-ch-ua-mobile", &["?1"]),
    ("save-data", &["on"]),
    ("dnt", &["1"]),
    ("x-request-id", &["{}"]),
    ("traceparent", &["00-{}-01"]),
    ("te", &["trailers"]),
    ("x-{}", &["{}"]),
];

/// What caches have answers of their own to.
const CONDITIONS: &[Line] = &[
    ("range", &["bytes=0-0", "bytes=-1", "bytes=9999999-"]),
    ("if-none-match", &["*", "\"{}\""]),
    ("if-match", &["\"{}\""]),
    ("if-modified-since", &["Fri, 01 Jan 2100 00:00:00 GMT"]),
    ("if-unmodified-since", &["Thu, 01 Jan 1970 00:00:00 GMT"]),
    ("cache-control", &["no-cache", "no-store", "max-age=0"]),
    ("pragma", &["no-cache"]),
    ("expect", &["100-continue", "{}"]),
    ("upgrade", &["{}"]),
];

impl Edit {
    /// Edits a header; `{}` in the value stands for the mark.
    pub(super) fn header(name: HeaderName, value: String) -> Self {
        Self::new(Kind::Header(name, value))
    }

    fn new(what: Kind) -> Self {
        Self {
            what,
            own_way: false,
        }
    }

    fn own_way(what: Kind) -> Self {
        Self {
            what,
            own_way: true,
        }
    }

    /// Makes the edit, with a text to be looked for.
    pub(super) fn make(&self, request: &mut Request<Bytes>, mark: &str) {
        match &self.what {
            Kind::Header(name, value) => {
                let value = marked(value, mark);
                request.headers_mut().insert(name.clone(), value);
            }
            Kind::Host(host) => set_host(request, &host.replace("{}", mark)),
            Kind::Query(query) => add_query(request, &query.replace("{}", mark)),
            Kind::Body => {
                let body = format!("{mark}={mark}");
                let length = HeaderValue::from(body.len());
                request.headers_mut().insert(CONTENT_LENGTH, length);
                *request.body_mut() = body.into();
            }
            Kind::Method(method) => *request.method_mut() = method.clone(),
            Kind::HostInCapitals => {
                let host = host_of(request).to_ascii_uppercase();
                set_host(request, &host);
            }
        }
    }

    /// Says what is edited, `*` standing for the mark.
    pub(super) fn words(&self) -> String {
        match &self.what {
            Kind::Header(name, value) => format!("{name}: {}", value.replace("{}", "*")),
            Kind::Host(host) => format!("host: {}", host.replace("{}", "*")),
            Kind::Query(query) => format!("query {}", query.replace("{}", "*")),
            Kind::Body => "a body".to_owned(),
            Kind::Method(method) => format!("method {method}"),
            Kind::HostInCapitals => "host: in capitals".to_owned(),
        }
    }
}

/// Returns all edits that are made without being asked for.
pub(super) fn all() -> Vec<Edit> {
    let hosts = ["{}.example", "localhost", "localhost:4443"].map(Kind::Host);
    let hosts = hosts.into_iter().chain([Kind::HostInCapitals]);
    let queries = ["{}={}", "utm_source={}", "callback={}", "_={}"].map(Kind::Query);
    let others = hosts.chain(queries).map(Edit::new);
    let own = [Kind::Body, Kind::Method(Method::HEAD)].map(Edit::own_way);
    lines(HEADERS)
        .map(Edit::new)
        .chain(others)
        .chain(lines(CONDITIONS).map(Edit::own_way))
        .chain(own)
        .collect()
}

fn lines(lines: &'static [Line]) -> impl Iterator<Item = Kind> {
    lines.iter().flat_map(|(name, values)| {
        // No handler knows this one: it finds those that show all they got.
        let name = name.replace("{}", "larder-replay");
        values.iter().filter_map(move |value| {
            let name = HeaderName::try_from(&name).ok()?;
            Some(Kind::Header(name, (*value).to_owned()))
        })
    })
}

fn marked(value: &str, mark: &str) -> HeaderValue {
    let value = value.replace("{}", mark);
    HeaderValue::try_from(value).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn host_of(request: &Request<Bytes>) -> String {
    let line = request.headers().get(HOST);
    let line = line.and_then(|line| line.to_str().ok());
    let host = request.uri().host().or(line).unwrap_or("localhost");
    host.to_owned()
}

fn set_host(request: &mut Request<Bytes>, host: &str) {
    if let Ok(line) = HeaderValue::try_from(host) {
        request.headers_mut().insert(HOST, line);
    }
    let mut parts = request.uri().clone().into_parts();
    if parts.authority.is_some() {
        parts.authority = host.parse().ok();
        set_uri(request, parts);
    }
}

fn add_query(request: &mut Request<Bytes>, query: &str) {
    let mut parts = request.uri().clone().into_parts();
    let sign = if request.uri().query().is_some() {
        '&'
    } else {
        '?'
    };
    let target = parts
        .path_and_query
        .map_or_else(|| "/".to_owned(), |target| target.to_string());
    parts.path_and_query = format!("{target}{sign}{query}").parse().ok();
    set_uri(request, parts);
}

fn set_uri(request: &mut Request<Bytes>, parts: http::uri::Parts) {
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(edit: &Edit, uri: &str) -> Request<Bytes> {
        let mut request = Request::get(uri).body(Bytes::new()).unwrap();
        edit.make(&mut request, "mark7");
        request
    }

    #[test]
    fn every_edit_changes_the_request() {
        for edit in all() {
            let request = made(&edit, "http://shop.example/a");
            let plain = Request::get("http://shop.example/a")
                .body(Bytes::new())
                .unwrap();
            let parts = |request: &Request<Bytes>| {
                (
                    request.method().clone(),
                    request.uri().clone(),
                    request.headers().clone(),
                    request.body().clone(),
                )
            };
            assert_ne!(parts(&request), parts(&plain), "{}", edit.words());
        }
    }

    #[test]
    fn a_query_is_added_behind_the_one_there_is() {
        let edit = Edit::new(Kind::Query("a={}"));
        assert_eq!(made(&edit, "/p?q").uri(), "/p?q&a=mark7");
        assert_eq!(made(&edit, "/p").uri(), "/p?a=mark7");
        assert_eq!(edit.words(), "query a=*");
    }

    #[test]
    fn a_host_is_edited_wherever_it_stands() {
        let edit = Edit::new(Kind::Host("{}.example"));
        let request = made(&edit, "http://shop.example/p");
        assert_eq!(request.uri(), "http://mark7.example/p");
        assert_eq!(request.headers()["host"], "mark7.example");
    }
}
