//! Looks a request up: decides whether it may be, finds the variant that answers it.

use std::sync::Arc;

use http::header::HeaderMap;
use http::request::Parts;
use http::{Method, Response};
use http_body::Body;
use larder_core::{Freshness, Hit, Key, Lookup, Region, Scope};

use crate::body::CacheBody;
use crate::cache_status::Forward;
use crate::host::host;
use crate::key;
use crate::layer::Settings;
use crate::stored::{Serving, Stored};
use crate::verdict::Bypass;
use crate::verdict::request;

/// Where the answer to a request may be kept.
pub(crate) struct Place {
    pub(crate) region: Region<Stored>,
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

impl Place {
    /// Decides whether a request may be looked up, and where.
    pub(crate) fn of(
        settings: &Settings,
        head: &Parts,
        body_is_empty: bool,
    ) -> Result<Self, Bypass> {
        request::judge(head, body_is_empty)?;
        let uri = key::original_uri(head);
        request::judge_length(uri)?;
        let host = host(uri, &head.headers)?;
        let user = settings
            .policy
            .user
            .as_ref()
            .and_then(|user_of| user_of(head));
        let region = match request::scope(&head.headers, user)? {
            Scope::Public => settings.region.clone(),
            scope => settings.region.scoped(scope),
        };
        let key = key::key(settings.id, &host, head, &settings.policy.headers);
        Ok(Self { region, key })
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
    pub(crate) fn hit<B: Body>(&self, request: &Parts) -> Response<CacheBody<B>> {
        let is_head = request.method == Method::HEAD;
        self.stored.answer(&request.headers, is_head, self.serving)
    }

    /// Answers a GET that waited for another request's answer.
    pub(crate) fn collapsed<B: Body>(
        &self,
        request: &HeaderMap,
        why: Forward,
    ) -> Response<CacheBody<B>> {
        let collapsed = Some(why);
        self.stored.answer(
            request,
            false,
            Serving {
                collapsed,
                ..self.serving
            },
        )
    }
}
