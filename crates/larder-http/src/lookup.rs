//! Looks a request up: decides whether it may be, finds the variant that answers it, and whether that
//! one is served at once.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::HeaderMap;
use larder_core::{Hit, Key, Peek, Peeked, ReadScope, Region, Scope};

use crate::head::Head;
use crate::key::{key, tag};
use crate::layer::Settings;
use crate::semantics::cache_status::Forward;
use crate::semantics::directives::Wishes;
use crate::semantics::host::host;
use crate::semantics::request;
use crate::semantics::reuse::{self, Now, Reuse};
use crate::semantics::verdict::Bypass;
use crate::stored::Stored;

/// Where the answer to a request may be kept.
pub(crate) struct Place<'a> {
    pub(crate) region: Cow<'a, Region<Stored>>,
    /// The key all variants have in common.
    pub(crate) key: Key,
    pub(crate) host: Cow<'a, str>,
    /// The route says whom the answer is for.
    pub(crate) scoped: bool,
}

/// What is kept for a request.
pub(crate) enum Found {
    /// A response that was chosen by what the request says.
    Kept(Kept),
    /// None.
    Missed(Missed),
    /// A switch is off.
    Off,
}

/// Where an answer would be kept, and why there is none.
pub(crate) struct Missed {
    /// The variant's key; none for the place's own.
    pub(crate) variant: Option<Key>,
    pub(crate) why: Forward,
    /// The response that stands under the place's own key.
    pub(crate) first: Option<Arc<Stored>>,
}

/// A kept response, looked at.
pub(crate) struct Kept {
    /// The variant's key; none for the one that stands under the place's own.
    pub(crate) variant: Option<Key>,
    pub(crate) stored: Arc<Stored>,
    pub(crate) now: Now,
    peeked: Peeked<Stored>,
}

impl<'a> Place<'a> {
    /// Decides whether a request for `scope` may be looked up, and where.
    pub(crate) fn of(
        settings: &'a Settings,
        head: &Head<'a>,
        body_is_empty: bool,
        scope: Option<Scope>,
    ) -> Result<Self, Bypass> {
        request::judge(head, body_is_empty)?;
        let uri = head.original_uri;
        request::judge_length(uri)?;
        let host = host(uri, head)?;
        let by_response = settings.policy.serving.credentials_by_response;
        let region = match request::scope(head, scope, by_response)? {
            Scope::Public => Cow::Borrowed(&settings.region),
            scope => Cow::Owned(settings.region.scoped(scope)),
        };
        let scoped = matches!(region, Cow::Owned(_));
        let key = key(&settings.name, &host, head, &settings.policy.key);
        Ok(Self {
            region,
            key,
            host,
            scoped,
        })
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
            host: Cow::Owned(self.host.into_owned()),
            scoped: self.scoped,
        }
    }

    /// Returns the tag of everything that is kept for this target.
    pub(crate) fn tag(&self, settings: &Settings, head: &Head<'_>) -> String {
        tag(&self.host, &settings.policy.key.target(head.original_uri))
    }

    /// Finds the variant that was chosen by what the request says; serves and counts nothing.
    pub(crate) fn find(&self, request: &HeaderMap) -> Found {
        let first = match self.region.peek(&self.key) {
            Peek::Off => return Found::Off,
            Peek::Nothing => None,
            Peek::Found(peeked) => Kept::of(None, peeked),
        };
        let Some(first) = first else {
            return Found::Missed(Missed {
                variant: None,
                why: Forward::UriMiss,
                first: None,
            });
        };
        if first.matches(request) {
            return Found::Kept(first);
        }
        let key = first.stored.variant().key_for(&self.key, request);
        if let Peek::Found(peeked) = self.region.peek(&key)
            && let Some(variant) = Kept::of(Some(key.clone()), peeked)
            && variant.matches(request)
        {
            return Found::Kept(variant);
        }
        Found::Missed(Missed {
            variant: Some(key),
            why: Forward::VaryMiss,
            first: Some(first.stored),
        })
    }

    /// Looks at what is kept under one key, if it was chosen by what the request says.
    pub(crate) fn look(&self, key: &Key, request: &HeaderMap) -> Option<Kept> {
        match self.region.peek(key) {
            Peek::Found(peeked) => {
                Kept::of(Some(key.clone()), peeked).filter(|kept| kept.matches(request))
            }
            Peek::Off | Peek::Nothing => None,
        }
    }

    /// Counts a kept response as served, and records it for what encloses the request.
    pub(crate) fn serve(&self, kept: &Kept) {
        let key = kept.variant.as_ref().unwrap_or(&self.key);
        self.region.serve_peeked(key, &kept.peeked);
    }
}

impl Kept {
    fn of(variant: Option<Key>, peeked: Peeked<Stored>) -> Option<Self> {
        let hit: &Hit<Stored> = peeked.hit();
        let stored = hit.value.clone()?;
        let now = stored.now(hit);
        Some(Self {
            variant,
            stored,
            now,
            peeked,
        })
    }

    /// Decides whether it is served.
    pub(crate) fn decide(&self, wishes: Option<&Wishes>) -> Reuse {
        reuse::decide(self.stored.rules(), &self.now, wishes)
    }

    pub(crate) fn peeked(&self) -> &Peeked<Stored> {
        &self.peeked
    }

    /// Tells whether it may be served because nobody answers.
    pub(crate) fn bridges_failure(&self) -> bool {
        reuse::may_serve_on_error(self.stored.rules(), &self.now)
    }

    /// Tells whether the response was chosen by what the request says.
    fn matches(&self, request: &HeaderMap) -> bool {
        self.stored.variant().matches(request)
    }
}
