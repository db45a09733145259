//! Asks the wrapped service, and says what becomes of its answer.
//!
//! 1. The service is called, and its body read, inside the lead's read scope: what they read is
//!    what the entry depends on, complete when the body has ended. It also depends on a tag of its
//!    target, by which it is made invalid whole.
//! 2. Of what is kept already it is asked whether it still stands
//!    ([`validation`](crate::semantics::validation)); a yes renews it ([`renew`](crate::renew)), which
//!    then depends on what it depended on and on what was read to say so.
//! 3. If nobody answers, what is kept may bridge that ([`reuse`](crate::semantics::reuse)).
//! 4. Any other answer is kept instead if it may be ([`fill`](crate::fill)).

use std::sync::Arc;

use http::header::HeaderMap;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body::Body;
use larder_core::{Dependency, Key, Lead, Moment, Region};
use tower_service::Service;

use crate::body::CacheBody;
use crate::fill::fill;
use crate::head::{Head, Traits};
use crate::key::tag;
use crate::layer::Settings;
use crate::lookup::{Kept, Place};
use crate::refresh::Replaced;
use crate::renew::{confirmed, head_answered};
use crate::semantics::cache_status::{self, Forward};
use crate::semantics::freshness::Arrival;
use crate::semantics::host::host;
use crate::semantics::{conditions, groups, reuse, storing, targeted};
use crate::stored::{Serving, Stored};

/// A request's head, kept while the request is away.
#[derive(Clone)]
pub(crate) struct Client {
    method: Method,
    uri: Uri,
    pub(crate) headers: HeaderMap,
    traits: Traits,
}

/// What is remembered of a request while it is away.
pub(crate) struct Asked {
    pub(crate) client: Client,
    /// Whose groups it is of: its host, and those that are the same.
    pub(crate) hosts: Vec<String>,
    /// The tags of its target, one for each of them.
    tags: Vec<Dependency>,
    pub(crate) region: Region<Stored>,
    pub(crate) key: Key,
    scoped: bool,
    /// A part is asked for, to be kept as such; this is the key of the whole.
    pub(crate) part_of: Option<Key>,
    pub(crate) why: Forward,
    /// The response that stands under the key all variants have in common, if this is another.
    pub(crate) first: Option<Arc<Stored>>,
    /// The stale response this load is to replace in the background.
    pub(crate) replaced: Option<Replaced>,
}

/// A load whose service has answered, or has failed to.
pub(crate) struct Loaded {
    pub(crate) settings: Arc<Settings>,
    pub(crate) lead: Lead<Stored>,
    pub(crate) asked: Asked,
    pub(crate) arrival: Arrival,
    pub(crate) came: Moment,
}

impl Client {
    /// Returns the head of the request, to be answered.
    pub(crate) fn head(&self) -> Head<'_> {
        Head {
            method: &self.method,
            uri: &self.uri,
            original_uri: &self.uri,
            headers: &self.headers,
            host: None,
            traits: self.traits,
        }
    }
}

impl Asked {
    pub(crate) fn new(
        settings: &Settings,
        place: &Place<'_>,
        head: &Head<'_>,
        key: &Key,
        why: Forward,
    ) -> Self {
        let host = host(head.original_uri, head).unwrap_or_default().as_str();
        let key_policy = &settings.policy.key;
        let target = key_policy.target(head.original_uri);
        let hosts = || key_policy.hosts.same_as(host);
        Self {
            client: Client {
                method: head.method.clone(),
                uri: head.uri.clone(),
                headers: head.headers.clone(),
                traits: head.traits,
            },
            hosts: hosts().map(str::to_ascii_lowercase).collect(),
            tags: hosts()
                .map(|host| Dependency::tag(tag(host, &target)))
                .collect(),
            region: Region::clone(&place.region),
            key: key.clone(),
            scoped: place.scoped,
            part_of: None,
            why,
            first: None,
            replaced: None,
        }
    }

    /// Returns what a load of it depends on before anything is read.
    pub(crate) fn tags(&self) -> &[Dependency] {
        &self.tags
    }

    /// Tells whether the key is remembered as that of an answer that is not kept.
    pub(crate) fn teaches(&self) -> bool {
        self.part_of.is_none() && self.why != Forward::Method
    }

    /// Drops what is kept: its origin no longer stands by it.
    ///
    /// What is asked about because a client wants to know is fresh by its own time, here and in the remote tier,
    /// from where it would come back: it is removed on all nodes. What is stale comes back nowhere.
    pub(crate) async fn withdraw(&self) {
        if self.why == Forward::Request {
            // What the bus does not take is pending, and published again until it does.
            let _ = self.region.remove(self.key.clone()).await;
        } else {
            self.region.evict(&self.key);
        }
    }

    /// Returns what decides of the request whether its answer may be kept.
    pub(crate) fn terms(&self) -> storing::Asked<'_> {
        storing::Asked {
            headers: &self.client.headers,
            scoped: self.scoped,
            for_part: self.part_of.is_some(),
        }
    }
}

/// Calls the service and answers the request; `kept` is what is kept for it already.
pub(crate) async fn load<S, B, R>(
    settings: Arc<Settings>,
    lead: Lead<Stored>,
    mut inner: S,
    mut request: Request<B>,
    asked: Asked,
    kept: Option<Kept>,
) -> Result<Response<CacheBody<R>>, S::Error>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body + Send + 'static,
    R::Error: Send,
{
    let asks = kept
        .as_ref()
        .is_some_and(|kept| kept.stored().ask(request.headers_mut()));
    if !asks && asked.part_of.is_none() {
        conditions::remove(request.headers_mut());
    }
    targeted::say_capability(request.headers_mut(), &settings.policy.terms.targets);
    let began = settings.larder.clock().now();
    let call = async {
        settings.larder.reading(None, asked.tags());
        inner.call(request).await
    };
    let answer = lead.run(call).await;
    drop(inner);
    let came = settings.larder.clock().now();
    let arrival = Arrival {
        at: settings.unix(),
        delay: came.since(began),
    };
    let loaded = Loaded {
        settings,
        lead,
        asked,
        arrival,
        came,
    };
    match (answer, kept) {
        (Ok(answer), kept) => Ok(loaded.answered(answer, kept, asks).await),
        (Err(_), Some(kept)) if kept.bridges_failure() => Ok(loaded.bridged(&kept, None)),
        (Err(error), _) => {
            loaded.lead.release();
            Err(error)
        }
    }
}

impl Loaded {
    async fn answered<R>(
        self,
        answer: Response<R>,
        kept: Option<Kept>,
        asks: bool,
    ) -> Response<CacheBody<R>>
    where
        R: Body + Send + 'static,
        R::Error: Send,
    {
        let (head, body) = answer.into_parts();
        match kept {
            Some(kept) if asks && head.status == StatusCode::NOT_MODIFIED => {
                confirmed(self, &kept, head).await
            }
            Some(kept) if reuse::is_failure(head.status) && kept.bridges_failure() => {
                self.bridged(&kept, Some(head.status))
            }
            kept if self.asked.client.method == Method::HEAD => {
                head_answered(self, kept.as_ref(), head, body).await
            }
            _ => fill(self, head, body).await,
        }
    }

    /// Answers with what is kept, since nobody else does.
    fn bridged<R: Body>(self, kept: &Kept, status: Option<StatusCode>) -> Response<CacheBody<R>> {
        let Self { lead, asked, .. } = self;
        tracing::debug!("a stale response bridges a failure");
        lead.fail(Arc::new(Unanswered));
        asked.region.serve_peeked(&asked.key, kept.peeked());
        let told = cache_status::asked(asked.why, status, "detail=stale-if-error");
        let serving = Serving {
            now: kept.now,
            told: Some(told),
        };
        kept.stored().answer(&asked.client.head(), serving)
    }
}

/// What followers learn of a leader that nobody answered.
struct Unanswered;

/// Makes what is loaded depend on the groups and tags that its response names.
pub(crate) async fn depend_on_groups(
    settings: &Settings,
    lead: &Lead<Stored>,
    hosts: &[String],
    headers: &HeaderMap,
) {
    let groups = hosts.iter().flat_map(|host| groups::of(host, headers));
    let tags: Vec<_> = groups
        .chain(groups::tags(headers))
        .map(Dependency::tag)
        .collect();
    if !tags.is_empty() {
        // Stamped as the load was: what was invalidated while it ran counts.
        let depend = async { settings.larder.reading(None, &tags) };
        lead.run(depend).await;
    }
}
