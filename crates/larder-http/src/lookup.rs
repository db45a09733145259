//! Looks a request up: decides whether it may be, finds the variant that answers it.

use std::borrow::Cow;
use std::sync::Arc;

use http::Response;
use http::header::HeaderMap;
use http_body::Body;
use larder_core::{Freshness, Hit, Key, Lookup, ReadScope, Region, Scope};

use crate::body::CacheBody;
use crate::cache_status::Forward;
use crate::head::Head;
use crate::host::host;
use crate::key::key;
use crate::layer::Settings;
use crate::stored::{Serving, Stored};
use crate::verdict::Bypass;
use crate::verdict::request;

/// Where the answer to a request may be kept.
pub(crate) struct Place<'a> {
    pub(crate) region: Cow<'a, Region<Stored>>,
    /// The key all variants have in common.
    pub(crate) key: Key,
}

/// What is kept for a request.
pub(crate) enum Found {
    /// An answer.
    Hit(Answer),
    /// Nothing; the answer would be kept under the place's key, or the variant's.
    Missed(Option<Key>, Forward),
    /// A switch is off.
    Off,
}

/// A kept response that answers a request.
pub(crate) struct Answer {
    /// The variant's key; none for the one that stands under the place's own.
    pub(crate) variant: Option<Key>,
    pub(crate) is_stale: bool,
    stored: Arc<Stored>,
    serving: Serving,
}

impl<'a> Place<'a> {
    /// Decides whether a request for `scope` may be looked up, and where.
    pub(crate) fn of(
        settings: &'a Settings,
        head: &Head<'_>,
        body_is_empty: bool,
        scope: Option<Scope>,
    ) -> Result<Self, Bypass> {
        request::judge(head, body_is_empty)?;
        let uri = head.original_uri;
        request::judge_length(uri)?;
        let host = host(uri, head)?;
        let region = match request::scope(head, scope)? {
            Scope::Public => Cow::Borrowed(&settings.region),
            scope => Cow::Owned(settings.region.scoped(scope)),
        };
        let key = key(settings.id, &host, head, &settings.policy.headers);
        Ok(Self { region, key })
    }

    /// Lets what encloses this request, if anything does, know whose answer it is made of.
    ///
    /// A region that is switched off keeps nothing, but its user's answer is still the user's.
    pub(crate) fn pass_by(&self) {
        if ReadScope::current().is_some() {
            drop(self.region.alone(&self.key));
        }
    }

    /// Returns this place for as long as it is needed.
    pub(crate) fn into_owned(self) -> Place<'static> {
        Place {
            region: Cow::Owned(self.region.into_owned()),
            key: self.key,
        }
    }

    /// Finds the variant that was chosen by what the request says.
    pub(crate) fn find(&self, request: &HeaderMap) -> Found {
        let first = match self.region.lookup(&self.key) {
            Lookup::Off => return Found::Off,
            Lookup::Miss => return Found::Missed(None, Forward::UriMiss),
            Lookup::Hit(hit) => hit,
        };
        let Some(first) = Answer::of(None, first) else {
            return Found::Missed(None, Forward::UriMiss);
        };
        if first.matches(request) {
            return Found::Hit(first);
        }
        let key = first.stored.variant().key_for(&self.key, request);
        if let Lookup::Hit(hit) = self.region.lookup(&key)
            && let Some(variant) = Answer::of(Some(key.clone()), hit)
            && variant.matches(request)
        {
            return Found::Hit(variant);
        }
        Found::Missed(Some(key), Forward::VaryMiss)
    }
}

impl Answer {
    pub(crate) fn of(variant: Option<Key>, hit: Hit<Stored>) -> Option<Self> {
        let is_stale = hit.freshness == Freshness::Stale;
        let serving = Serving {
            age: hit.age,
            ttl_left: hit.ttl_left,
            collapsed: None,
        };
        Some(Self {
            variant,
            is_stale,
            stored: hit.value?,
            serving,
        })
    }

    /// Tells whether the response was chosen by what the request says.
    pub(crate) fn matches(&self, request: &HeaderMap) -> bool {
        self.stored.variant().matches(request)
    }

    /// Answers a request from the cache.
    pub(crate) fn hit<B: Body>(&self, request: &Head<'_>) -> Response<CacheBody<B>> {
        self.stored.answer(request, self.serving)
    }

    /// Answers a request that waited for another one's answer.
    pub(crate) fn collapsed<B: Body>(
        &self,
        request: &Head<'_>,
        why: Forward,
    ) -> Response<CacheBody<B>> {
        let collapsed = Some(why);
        self.stored.answer(
            request,
            Serving {
                collapsed,
                ..self.serving
            },
        )
    }
}
