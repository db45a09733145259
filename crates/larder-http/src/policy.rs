//! What a route says about its responses.

pub(crate) mod checked;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use larder_core::{Scope, Tiers};

use crate::key::Query;
use crate::policy::checked::ServingPolicy;
use crate::semantics::storing::Terms;
use crate::semantics::vary::Order;

/// Tells from a request's head whom its answer is for.
pub(crate) type ScopeOf = Arc<dyn Fn(&Parts) -> Option<Scope> + Send + Sync>;

/// How long a response with a validator is kept past its freshness, to be asked about.
const RETENTION: Duration = Duration::from_hours(1);
/// How long a response bridges an origin that fails, under [`HttpPolicy::rfc`].
const BRIDGE: Duration = Duration::from_hours(24);

/// The policy of the routes under one layer.
///
/// It begins as one of two profiles. [`safe`](Self::safe), the default, keeps only responses that say
/// themselves how long they are fresh, and sends requests with `Authorization` or `Cookie` past the
/// cache. [`rfc`](Self::rfc) does all that RFC 9111 permits a shared cache: for reverse proxies, whose
/// origins were written with caches in mind.
///
/// ```
/// use std::time::Duration;
/// use larder_http::HttpPolicy;
///
/// let lists = HttpPolicy::safe()
///     .ttl(Duration::from_secs(600))
///     .grace(Duration::from_secs(10))
///     .vary_by_header("accept-language");
/// ```
#[derive(Clone)]
pub struct HttpPolicy {
    terms: Terms,
    stale_on_error: bool,
    body_limit: usize,
    tiers: Tiers,
    lease: Duration,
    region: String,
    name: Option<String>,
    headers: Vec<String>,
    query: Query,
    sorted: bool,
    hosts: Option<Vec<String>>,
    one_host: bool,
    targets: Option<Vec<String>>,
    variants: usize,
    serving: ServingPolicy,
    scope: Option<ScopeOf>,
}

impl HttpPolicy {
    /// Starts with every setting at its default: the same as [`safe`](Self::safe).
    pub fn new() -> Self {
        Self::safe()
    }

    /// Starts with the profile for services: nothing is kept or shared that was not meant to be.
    pub fn safe() -> Self {
        Self {
            terms: Terms {
                ttl: None,
                overrules: false,
                grace: Duration::ZERO,
                if_error: Duration::ZERO,
                retention: RETENTION,
                body_limit: 0,
                shared: true,
                heuristics: false,
                cookies: false,
                all_statuses: false,
                by_the_letter: false,
                targets: Vec::new(),
            },
            stale_on_error: false,
            body_limit: 1024 * 1024,
            tiers: Tiers::Both,
            lease: Duration::ZERO,
            region: "http".to_owned(),
            name: None,
            headers: Vec::new(),
            query: Query::Whole,
            sorted: false,
            hosts: None,
            one_host: false,
            targets: None,
            variants: 64,
            serving: ServingPolicy {
                listens: false,
                credentials_by_response: false,
                makes_tags: true,
                strips_tags: false,
                order: Order::Counts,
            },
            scope: None,
        }
    }

    /// Starts with the profile for proxies: everything that RFC 9111 permits a shared cache.
    ///
    /// Freshness may be guessed, any final status kept, `Set-Cookie` too where freshness is explicit; a
    /// response bridges a failing origin for a day; answers to credentials are shared as the response
    /// says; requests' `Cache-Control` is listened to; `CDN-Cache-Control` stands over `Cache-Control`;
    /// parts are kept as parts.
    pub fn rfc() -> Self {
        let mut this = Self::safe();
        this.terms.if_error = BRIDGE;
        this.terms.heuristics = true;
        this.terms.cookies = true;
        this.terms.all_statuses = true;
        this.terms.by_the_letter = true;
        this.targets = Some(vec!["cdn-cache-control".to_owned()]);
        this.serving = ServingPolicy {
            listens: true,
            credentials_by_response: true,
            makes_tags: false,
            strips_tags: false,
            order: Order::Ignored,
        };
        this
    }

    /// Caches for one user only, as a client does: `private` is kept, `s-maxage` means nothing.
    ///
    /// Default: a cache that is shared.
    #[must_use]
    pub fn private(mut self) -> Self {
        self.terms.shared = false;
        self.serving.credentials_by_response = true;
        self
    }

    /// Keeps responses that do not say how long they are fresh, for `ttl`.
    ///
    /// This freshness is Larder's own: clients are told `Cache-Control: no-cache` and an `ETag`,
    /// unless the handler says otherwise, so that none of them outlives a write. A response that
    /// forbids it (`no-store`, `private`, `Set-Cookie`, ...) is not kept. Default: none.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.terms.ttl = Some(ttl);
        self
    }

    /// Lets the route's `ttl` stand over what a response says of its own freshness, `no-cache` included.
    ///
    /// Against RFC 9111, for a handler that is known to be wrong. `no-store`, `private`, `Set-Cookie` and
    /// `Vary` still count, and clients are told what the handler said. Default: `false`.
    #[must_use]
    pub fn overrule_freshness(mut self, overrule: bool) -> Self {
        self.terms.overrules = overrule;
        self
    }

    /// Serves a stale response for up to `grace` past its ttl, while one refresh runs.
    ///
    /// A response's own `stale-while-revalidate` stands over it. Never with `must-revalidate`,
    /// `proxy-revalidate` or `s-maxage`. Default: zero.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.terms.grace = grace;
        self
    }

    /// Goes on serving a stale response within its grace when its refresh fails.
    ///
    /// A refresh fails with an error, a panic, a 5xx or a body that breaks. When `false`, the next
    /// request waits for the handler and gets its answer. Default: `false`.
    #[must_use]
    pub fn stale_on_error(mut self, stale_on_error: bool) -> Self {
        self.stale_on_error = stale_on_error;
        self
    }

    /// Serves a response up to `window` past its freshness when the wrapped service fails.
    ///
    /// It fails with an error, or with 500, 502, 503 or 504. A response's own `stale-if-error` stands
    /// over it. Never with `must-revalidate`, `proxy-revalidate`, `s-maxage` or `no-cache`.
    /// Default: zero, and a day in the [`rfc`](Self::rfc) profile.
    #[must_use]
    pub fn stale_if_error(mut self, window: Duration) -> Self {
        self.terms.if_error = window;
        self
    }

    /// Keeps a response with a validator for `retention` past its freshness, to ask whether it stands.
    ///
    /// Default: an hour.
    #[must_use]
    pub fn retention(mut self, retention: Duration) -> Self {
        self.terms.retention = retention;
        self
    }

    /// Guesses a freshness where the response allows it: a tenth of the time since it was modified.
    ///
    /// Default: `false`, `true` in the [`rfc`](Self::rfc) profile.
    #[must_use]
    pub fn heuristics(mut self, heuristics: bool) -> Self {
        self.terms.heuristics = heuristics;
        self
    }

    /// Keeps responses with `Set-Cookie` that say how long they are fresh, cookie and all.
    ///
    /// Default: `false`, `true` in the [`rfc`](Self::rfc) profile.
    #[must_use]
    pub fn keep_cookies(mut self, cookies: bool) -> Self {
        self.terms.cookies = cookies;
        self
    }

    /// Keeps any final status with explicit freshness, errors too.
    ///
    /// When `false`, 2xx and 3xx that are cacheable without it, and 404, 405, 410, 414. Default:
    /// `false`, `true` in the [`rfc`](Self::rfc) profile.
    #[must_use]
    pub fn keep_any_status(mut self, any: bool) -> Self {
        self.terms.all_statuses = any;
        self
    }

    /// Lets `Cache-Control` and `Pragma` of requests decide: `no-cache`, `no-store`, `max-age`, ...
    ///
    /// A knob for clients to pass the cache by. Default: `false`, `true` in the [`rfc`](Self::rfc)
    /// profile.
    #[must_use]
    pub fn listen_to_requests(mut self, listen: bool) -> Self {
        self.serving.listens = listen;
        self
    }

    /// Lets the response say whether an answer to `Authorization` is everybody's: with `public`,
    /// `must-revalidate` or `s-maxage`. `Cookie` then tells nobody apart.
    ///
    /// When `false`, requests with either pass by. Default: `false`, `true` in the [`rfc`](Self::rfc)
    /// profile.
    #[must_use]
    pub fn share_credentials_by_response(mut self, share: bool) -> Self {
        self.serving.credentials_by_response = share;
        self
    }

    /// Gives a kept body an `ETag` if its response has none.
    ///
    /// Default: `true`, `false` in the [`rfc`](Self::rfc) profile.
    #[must_use]
    pub fn make_tags(mut self, make: bool) -> Self {
        self.serving.makes_tags = make;
        self
    }

    /// Takes `Surrogate-Key` and `Cache-Tag` out of what clients get. Default: `false`.
    #[must_use]
    pub fn strip_tags(mut self, strip: bool) -> Self {
        self.serving.strips_tags = strip;
        self
    }

    /// Names the fields that stand over `Cache-Control`, the first that is there counts (RFC 9213).
    ///
    /// The older `Surrogate-Control` may be one of them; requests then say so to the wrapped service
    /// (`Surrogate-Capability`). Default: none, `CDN-Cache-Control` in the [`rfc`](Self::rfc) profile.
    #[must_use]
    pub fn targets<I, N>(mut self, fields: I) -> Self
    where
        I: IntoIterator<Item = N>,
        N: Into<String>,
    {
        self.targets = Some(fields.into_iter().map(Into::into).collect());
        self
    }

    /// Keeps a response for each user `user` tells apart, also with `Authorization` or `Cookie`.
    ///
    /// Where it returns `None` (or an empty string) a request with credentials passes by and one
    /// without shares the public response. The user must be proven by then, or be what proves it
    /// (the whole token): a hit does not run the handler. Default: no user.
    #[must_use]
    pub fn vary_by_user<F>(self, user: F) -> Self
    where
        F: Fn(&Parts) -> Option<String> + Send + Sync + 'static,
    {
        self.vary_by_scope(move |head| user(head).map(Scope::user))
    }

    /// Like [`vary_by_user`](Self::vary_by_user), for answers that all users of a tenant may share.
    ///
    /// An answer is kept only if nothing it was made of is for fewer people than its scope: what was
    /// read for one user is never kept for a tenant. The later of the two settings counts, and
    /// [`Scope::Public`] is as good as `None`. Default: nobody is told apart.
    #[must_use]
    pub fn vary_by_scope<F>(mut self, scope: F) -> Self
    where
        F: Fn(&Parts) -> Option<Scope> + Send + Sync + 'static,
    {
        self.scope = Some(Arc::new(scope));
        self
    }

    /// Keeps a response for each value of a request header, without the response's `Vary`.
    ///
    /// May be given several times. Default: none.
    #[must_use]
    pub fn vary_by_header(mut self, name: impl Into<String>) -> Self {
        self.headers.push(name.into());
        self
    }

    /// Lets only these parameters of the query tell requests apart, in any order.
    ///
    /// The handler must read no other, or what it makes of one is served for all. Default: the whole
    /// query counts, byte for byte.
    #[must_use]
    pub fn only_parameters<I, N>(mut self, names: I) -> Self
    where
        I: IntoIterator<Item = N>,
        N: Into<String>,
    {
        self.query = Query::Only(names.into_iter().map(Into::into).collect());
        self.sorted = true;
        self
    }

    /// Lets these parameters of the query not tell requests apart.
    ///
    /// The handler must not read them, or what it makes of one is served for all. Default: none.
    #[must_use]
    pub fn without_parameters<I, N>(mut self, names: I) -> Self
    where
        I: IntoIterator<Item = N>,
        N: Into<String>,
    {
        self.query = Query::Without(names.into_iter().map(Into::into).collect());
        self
    }

    /// Lets the order of the query's parameters not tell requests apart. Default: `false`.
    #[must_use]
    pub fn sort_parameters(mut self, sort: bool) -> Self {
        self.sorted = sort;
        self
    }

    /// Looks up requests for these hosts only; those for any other pass by.
    ///
    /// A host is whatever a client says it is: one that makes names up fills the cache with pages nobody
    /// asks for again. Each stands here as browsers send it: in lower case, with the port if it is not the
    /// scheme's. Default: every host, each with responses of its own.
    #[must_use]
    pub fn hosts<I, N>(mut self, hosts: I) -> Self
    where
        I: IntoIterator<Item = N>,
        N: Into<String>,
    {
        self.hosts = Some(hosts.into_iter().map(Into::into).collect());
        self
    }

    /// Lets the [`hosts`](Self::hosts) named not tell requests apart: `www.a.example` is `a.example`.
    ///
    /// The handler must not look at the host, or the links and redirects it makes of one are served to
    /// those who asked another. A write or a purge at one of them is one at all. Default: `false`.
    #[must_use]
    pub fn one_host(mut self, one: bool) -> Self {
        self.one_host = one;
        self
    }

    /// Keeps at most this many responses a key that `Vary` tells apart. Default: 64.
    #[must_use]
    pub fn variants(mut self, most: usize) -> Self {
        self.variants = most;
        self
    }

    /// Keeps bodies of up to this many bytes; larger ones pass unbroken. Default: 1 MiB.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Keeps the responses in the region of this name. Default: `"http"`.
    #[must_use]
    pub fn region(mut self, name: impl Into<String>) -> Self {
        self.region = name.into();
        self
    }

    /// Keeps the responses of a layer with a [name](Self::name) in these tiers. Default: both.
    ///
    /// Holds for the whole [region](Self::region): its layers say the same.
    #[must_use]
    pub fn tiers(mut self, tiers: Tiers) -> Self {
        self.tiers = tiers;
        self
    }

    /// Of all nodes that miss a response at once lets one ask the handler, while the others wait for
    /// what it stores, for at most `lease`. Default: zero, each node asks.
    ///
    /// For layers with a [name](Self::name) over a remote tier; see [`Policy::lease`]. Holds for the
    /// whole [region](Self::region): its layers say the same.
    ///
    /// [`Policy::lease`]: larder_core::Policy::lease
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Names the layer in its keys, the same on every node and after every restart.
    ///
    /// Layers of one name share their responses: give no two the same unless they wrap the same.
    /// With a remote tier those of all nodes do, while their policies are the same; a new version that
    /// shows the same data otherwise needs a new name, or the old one's answers are served until they
    /// end. Layers without a name share nothing with other nodes. Default: the number of the layer in
    /// this process.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

impl Default for HttpPolicy {
    fn default() -> Self {
        Self::safe()
    }
}

impl fmt::Debug for HttpPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpPolicy")
            .field("terms", &self.terms)
            .field("stale_on_error", &self.stale_on_error)
            .field("body_limit", &self.body_limit)
            .field("tiers", &self.tiers)
            .field("lease", &self.lease)
            .field("region", &self.region)
            .field("name", &self.name)
            .field("targets", &self.targets)
            .field("vary_by_header", &self.headers)
            .field("query", &self.query)
            .field("hosts", &self.hosts)
            .field("one_host", &self.one_host)
            .field("variants", &self.variants)
            .field("serving", &self.serving)
            .field("vary_by_scope", &self.scope.is_some())
            .finish_non_exhaustive()
    }
}
