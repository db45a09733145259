//! The head of a request, borrowed, with what its headers decide noted in one pass.

use std::ops::BitOrAssign;

use http::header::{HeaderMap, HeaderValue};
use http::{Method, Request, Uri};

use crate::semantics::forwarded;

/// What stands above a request's body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    pub(crate) method: &'a Method,
    /// The target as the wrapped service sees it.
    pub(crate) uri: &'a Uri,
    /// The target the client asked for, which routers take parts off.
    pub(crate) original_uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    /// The first `Host` line.
    pub(crate) host: Option<&'a HeaderValue>,
    pub(crate) traits: Traits,
}

/// What a request's headers say that decides here; a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traits(u16);

impl Traits {
    /// It announces a body.
    pub(crate) const BODY: Self = Self(1);
    /// It asks for a part.
    pub(crate) const RANGE: Self = Self(1 << 1);
    /// It asks for a 412.
    pub(crate) const PRECONDITION: Self = Self(1 << 2);
    /// It wants another protocol.
    pub(crate) const UPGRADE: Self = Self(1 << 3);
    /// It carries credentials.
    pub(crate) const CREDENTIALS: Self = Self(1 << 4);
    /// It may be answered with a 304.
    pub(crate) const CONDITIONAL: Self = Self(1 << 5);
    /// It has more than one `Host` line.
    pub(crate) const HOSTS: Self = Self(1 << 6);

    /// It says that another method is meant than the one it has.
    pub(crate) const OVERRIDE: Self = Self(1 << 7);
    /// It says by which URL a proxy was asked for it ([`forwarded`](crate::semantics::forwarded)).
    pub(crate) const FORWARDED: Self = Self(1 << 8);

    /// Tells whether the request has this trait.
    pub(crate) fn has(self, one: Self) -> bool {
        self.0 & one.0 != 0
    }

    fn of_header(name: &str, value: &HeaderValue) -> Self {
        match name {
            "content-length" if value == "0" => Self::default(),
            "content-length" | "transfer-encoding" => Self::BODY,
            "range" => Self::RANGE,
            "if-match" | "if-unmodified-since" => Self::PRECONDITION,
            "upgrade" => Self::UPGRADE,
            "authorization" | "cookie" => Self::CREDENTIALS,
            "if-none-match" | "if-modified-since" => Self::CONDITIONAL,
            "x-http-method-override" | "x-http-method" | "x-method-override" => Self::OVERRIDE,
            name if forwarded::is_one(name) => Self::FORWARDED,
            _ => Self::default(),
        }
    }
}

impl BitOrAssign for Traits {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl<'a> Head<'a> {
    pub(crate) fn of<B>(request: &'a Request<B>) -> Self {
        let mut this = Self {
            method: request.method(),
            uri: request.uri(),
            original_uri: original_uri(request),
            headers: request.headers(),
            host: None,
            traits: Traits::default(),
        };
        for (name, value) in this.headers {
            if name.as_str() != "host" {
                this.traits |= Traits::of_header(name.as_str(), value);
            } else if this.host.replace(value).is_some() {
                this.traits |= Traits::HOSTS;
            }
        }
        this
    }
}

fn original_uri<B>(request: &Request<B>) -> &Uri {
    #[cfg(feature = "axum")]
    if let Some(original) = request.extensions().get::<axum::extract::OriginalUri>() {
        return &original.0;
    }
    request.uri()
}
