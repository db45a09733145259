//! What a route says about its responses.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use http::header::{AUTHORIZATION, COOKIE};
use http::request::Parts;
use larder_core::Scope;

use crate::error::PolicyError;
use crate::verdict::response::Terms;

/// Tells from a request's head whom its answer is for.
pub(crate) type ScopeOf = Arc<dyn Fn(&Parts) -> Option<Scope> + Send + Sync>;

/// The policy of the routes under one layer.
///
/// Without any setting, only responses that say themselves how long they are fresh are kept, and
/// requests with `Authorization` or `Cookie` pass by.
///
/// ```
/// use std::time::Duration;
/// use larder_http::HttpPolicy;
///
/// let lists = HttpPolicy::new()
///     .ttl(Duration::from_secs(600))
///     .grace(Duration::from_secs(10))
///     .vary_by_header("accept-language");
/// ```
#[derive(Clone)]
pub struct HttpPolicy {
    ttl: Option<Duration>,
    grace: Duration,
    stale_on_error: bool,
    body_limit: usize,
    region: String,
    headers: Vec<String>,
    scope: Option<ScopeOf>,
}

impl HttpPolicy {
    /// Starts with every setting at its default.
    pub fn new() -> Self {
        Self {
            ttl: None,
            grace: Duration::ZERO,
            stale_on_error: false,
            body_limit: 1024 * 1024,
            region: "http".to_owned(),
            headers: Vec::new(),
            scope: None,
        }
    }

    /// Keeps responses that do not say how long they are fresh, for `ttl`.
    ///
    /// This freshness is Larder's own: clients are told `Cache-Control: no-cache` and an `ETag`,
    /// unless the handler says otherwise, so that none of them outlives a write. A response that
    /// forbids it (`no-store`, `private`, `Set-Cookie`, ...) is not kept. Default: none.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Serves a stale response for up to `grace` past its ttl, while one refresh runs.
    ///
    /// Never with `must-revalidate`, `proxy-revalidate` or `s-maxage`. Default: zero.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
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

    /// Returns the policy in the form it is used in, if nothing in it is wrong.
    pub(crate) fn check(self) -> Result<CheckedPolicy, PolicyError> {
        if self.ttl == Some(Duration::ZERO) && self.grace.is_zero() {
            return Err(PolicyError::ZeroTtl);
        }
        if self.stale_on_error && self.grace.is_zero() {
            return Err(PolicyError::StaleOnErrorWithoutGrace);
        }
        if self.body_limit == 0 {
            return Err(PolicyError::ZeroBodyLimit);
        }
        let headers = self
            .headers
            .into_iter()
            .map(header_name)
            .collect::<Result<_, _>>()?;
        let body_limit = u64::try_from(self.body_limit).unwrap_or(u64::MAX);
        Ok(CheckedPolicy {
            terms: Terms {
                ttl: self.ttl,
                grace: self.grace,
                body_limit,
            },
            stale_on_error: self.stale_on_error,
            region: self.region,
            headers,
            scope: self.scope,
        })
    }
}

impl Default for HttpPolicy {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for HttpPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpPolicy")
            .field("ttl", &self.ttl)
            .field("grace", &self.grace)
            .field("stale_on_error", &self.stale_on_error)
            .field("body_limit", &self.body_limit)
            .field("region", &self.region)
            .field("vary_by_header", &self.headers)
            .field("vary_by_scope", &self.scope.is_some())
            .finish()
    }
}

/// A policy nothing is wrong with.
pub(crate) struct CheckedPolicy {
    pub(crate) terms: Terms,
    pub(crate) stale_on_error: bool,
    pub(crate) region: String,
    pub(crate) headers: Vec<HeaderName>,
    pub(crate) scope: Option<ScopeOf>,
}

fn header_name(name: String) -> Result<HeaderName, PolicyError> {
    match HeaderName::try_from(&name) {
        Ok(known) if known == AUTHORIZATION || known == COOKIE => {
            Err(PolicyError::CredentialHeader(name))
        }
        Ok(known) => Ok(known),
        Err(_) => Err(PolicyError::NoHeaderName(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn refusal(policy: HttpPolicy) -> String {
        policy
            .check()
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn a_wrong_setting_is_refused_by_its_name() {
        let new = HttpPolicy::new;
        for (policy, setting) in [
            (new().ttl(Duration::ZERO), "ttl: "),
            (new().ttl(SECOND).stale_on_error(true), "stale_on_error: "),
            (new().body_limit(0), "body_limit: "),
            (new().vary_by_header("a b"), "vary_by_header: `a b`"),
            (new().vary_by_header(""), "vary_by_header: ``"),
            (new().vary_by_header("Cookie"), "vary_by_header: `Cookie`"),
        ] {
            let refusal = refusal(policy);
            assert!(refusal.starts_with(setting), "{setting} {refusal}");
        }
        assert_eq!(refusal(new()), "");
        assert_eq!(
            refusal(new().ttl(Duration::ZERO).grace(SECOND).stale_on_error(true)),
            ""
        );
    }
}
