//! Looks a request up: decides whether it may be, finds the variant that answers it, and whether that
//! one is served at once.

use std::ops::Deref;
use std::sync::Arc;

use http::Response;
use http::header::HeaderMap;
use http_body::Body;
use larder_core::{Key, Peek, Peeked, ReadScope, Region, Scope};

use crate::body::CacheBody;
use crate::head::Head;
use crate::key::key;
use crate::layer::Settings;
use crate::semantics::cache_status::Forward;
use crate::semantics::directives::Wishes;
use crate::semantics::host::host;
use crate::semantics::request;
use crate::semantics::reuse::{self, Now, Reuse};
use crate::semantics::verdict::Bypass;
use crate::stored::{Serving, Standing, Stored};

/// Where the answer to a request may be kept.
pub(crate) struct Place<'a> {
    pub(crate) region: Home<'a>,
    /// The key all variants have in common.
    pub(crate) key: Key,
    /// The route says whom the answer is for.
    pub(crate) scoped: bool,
}

/// The region under the scope of whom the answer is for.
pub(crate) enum Home<'a> {
    /// The layer's own: for everybody.
    Shared(&'a Region<Stored>),
    /// Boxed, to be small: a place is moved about on every hit.
    Own(Box<Region<Stored>>),
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
    pub(crate) variant: Option<Box<Key>>,
    pub(crate) now: Now,
    peeked: Peeked<Stored>,
}

impl Deref for Home<'_> {
    type Target = Region<Stored>;

    #[inline]
    fn deref(&self) -> &Region<Stored> {
        match self {
            Self::Shared(region) => region,
            Self::Own(region) => region,
        }
    }
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
            Scope::Public => Home::Shared(&settings.region),
            scope => Home::Own(Box::new(settings.region.scoped(scope))),
        };
        let scoped = matches!(region, Home::Own(_));
        let key = key(&settings.name, host, head, &settings.policy.key);
        Ok(Self {
            region,
            key,
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
            region: Home::Own(match self.region {
                Home::Shared(region) => Box::new(region.clone()),
                Home::Own(region) => region,
            }),
            key: self.key,
            scoped: self.scoped,
        }
    }

    /// Looks at what is kept under the key all variants have in common.
    #[inline]
    pub(crate) fn peek(&self) -> Peek<Stored> {
        self.region.peek(&self.key)
    }

    /// Serves what was looked at if it is fresh and was chosen by what the request says: most hits are
    /// such, and nothing is moved about for them.
    #[inline]
    pub(crate) fn answer_fresh<B: Body>(
        &self,
        peek: &Peek<Stored>,
        request: &Head<'_>,
        wishes: Option<&Wishes>,
    ) -> Option<Response<CacheBody<B>>> {
        let Peek::Found(peeked) = peek else {
            return None;
        };
        let stored = peeked.value()?;
        let now = stored.now(Standing::from(peeked));
        let is_right = stored.variant().matches(request.headers)
            && reuse::decide(stored.rules(), &now, wishes) == Reuse::Fresh;
        is_right.then(|| {
            self.region.serve_peeked(&self.key, peeked);
            stored.answer(request, Serving { now, told: None })
        })
    }

    /// Finds the variant that was chosen by what the request says; serves and counts nothing.
    pub(crate) fn find(&self, request: &HeaderMap) -> Found {
        self.find_in(self.peek(), request)
    }

    /// Like [`find`](Self::find), with what was looked at.
    pub(crate) fn find_in(&self, peek: Peek<Stored>, request: &HeaderMap) -> Found {
        let first = match peek {
            Peek::Off => return Found::Off,
            Peek::Nothing => None,
            Peek::Found(peeked) => Kept::of(peeked),
        };
        match first {
            Some(first) if first.matches(request) => Found::Kept(first),
            Some(first) => self.find_beside(&first, request),
            None => Found::Missed(Missed {
                variant: None,
                why: Forward::UriMiss,
                first: None,
            }),
        }
    }

    /// Finds the variant beside the one that came first.
    fn find_beside(&self, first: &Kept, request: &HeaderMap) -> Found {
        let key = first.stored().variant().key_for(&self.key, request);
        if let Some(mut variant) = self.look(&key, request) {
            variant.variant = Some(Box::new(key));
            return Found::Kept(variant);
        }
        Found::Missed(Missed {
            variant: Some(key),
            why: Forward::VaryMiss,
            first: first.shared(),
        })
    }

    /// Looks at what is kept under one key, if it was chosen by what the request says.
    pub(crate) fn look(&self, key: &Key, request: &HeaderMap) -> Option<Kept> {
        match self.region.peek(key) {
            Peek::Found(peeked) => Kept::of(peeked).filter(|kept| kept.matches(request)),
            Peek::Off | Peek::Nothing => None,
        }
    }

    /// Counts a kept response as served, and records it for what encloses the request.
    pub(crate) fn serve(&self, kept: &Kept) {
        let key = kept.variant.as_deref().unwrap_or(&self.key);
        self.region.serve_peeked(key, &kept.peeked);
    }
}

impl Kept {
    #[inline]
    fn of(peeked: Peeked<Stored>) -> Option<Self> {
        let now = peeked.value()?.now(Standing::from(&peeked));
        Some(Self {
            variant: None,
            now,
            peeked,
        })
    }

    /// Returns the response, borrowed: an `Arc` more is what a hit can do without.
    ///
    /// # Panics
    /// Never: [`of`](Self::of) has looked, and what an entry holds does not change.
    #[inline]
    pub(crate) fn stored(&self) -> &Stored {
        self.peeked.value().expect("it holds a response")
    }

    /// Returns it to be held for longer than this look.
    pub(crate) fn shared(&self) -> Option<Arc<Stored>> {
        self.peeked.hit()?.value
    }

    /// Decides whether it is served.
    pub(crate) fn decide(&self, wishes: Option<&Wishes>) -> Reuse {
        reuse::decide(self.stored().rules(), &self.now, wishes)
    }

    pub(crate) fn peeked(&self) -> &Peeked<Stored> {
        &self.peeked
    }

    /// Tells whether it may be served because nobody answers.
    pub(crate) fn bridges_failure(&self) -> bool {
        reuse::may_serve_on_error(self.stored().rules(), &self.now)
    }

    /// Tells whether the response was chosen by what the request says.
    fn matches(&self, request: &HeaderMap) -> bool {
        self.stored().variant().matches(request)
    }
}
