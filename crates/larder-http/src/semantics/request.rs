//! May this request be looked up?
//!
//! A request is looked up if and only if
//!
//! 1. its method is GET or HEAD (RFC 9110, 9.2.3; RFC 9111, 2), and no field says that another is
//!    meant (`X-HTTP-Method-Override`), which some handlers follow,
//! 2. it has no body: no `Transfer-Encoding`, no `Content-Length` but 0, nothing left to read. A
//!    body on a GET has no meaning (RFC 9110, 9.3.1), yet a handler may read it,
//! 3. it has no `If-Match` or `If-Unmodified-Since` (RFC 9110, 13.1): the origin's to judge (RFC 9111,
//!    4.3.2). `If-None-Match`, `If-Modified-Since`, `Range` and `If-Range` are ours,
//! 4. it asks for no other protocol (`Upgrade`; RFC 9110, 7.8),
//! 5. its host is clear (see [`host`](crate::semantics::host)), its target at most [`MAX_URI`] bytes long,
//! 6. it carries neither `Authorization` nor `Cookie`, or the route says whom they mean, or leaves it
//!    to the response whether others may have it (RFC 9111, 3.5).
//!
//! `Cache-Control` and `Pragma` of the request decide nothing unless the route listens to them: a
//! client could otherwise switch a shared cache off (RFC 9111, 5.2.1 leaves it to the cache).

use http::{Method, Uri};
use larder_core::Scope;

use crate::head::{Head, Traits};
use crate::semantics::verdict::Bypass;

/// The longest target that is looked up, in bytes of path and query.
pub(crate) const MAX_URI: usize = 8 * 1024;

/// Tells whether a request, with or without more body to read, may be looked up: rules 1 to 4.
pub(crate) fn judge(head: &Head<'_>, body_is_empty: bool) -> Result<(), Bypass> {
    let has = |one| head.traits.has(one);
    if !is_read(head.method) || has(Traits::OVERRIDE) {
        Err(Bypass::Method)
    } else if !body_is_empty || has(Traits::BODY) {
        Err(Bypass::Body)
    } else if has(Traits::PRECONDITION) {
        Err(Bypass::Precondition)
    } else if has(Traits::UPGRADE) {
        Err(Bypass::Upgrade)
    } else {
        Ok(())
    }
}

/// Tells whether a method only reads: rule 1.
pub(crate) fn is_read(method: &Method) -> bool {
    *method == Method::GET || *method == Method::HEAD
}

/// Tells whether the target is short enough to be kept.
pub(crate) fn judge_length(uri: &Uri) -> Result<(), Bypass> {
    let length = uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if length > MAX_URI {
        Err(Bypass::LongUri)
    } else {
        Ok(())
    }
}

/// Returns whom the answer is for, rule 6: `scope` is what the route made of the request.
///
/// An empty name is none: a missing header read as `""` would be everybody's. With `by_response`,
/// whether others may have the answer is for the response to say.
pub(crate) fn scope(
    head: &Head<'_>,
    scope: Option<Scope>,
    by_response: bool,
) -> Result<Scope, Bypass> {
    let in_question = head.traits.has(Traits::CREDENTIALS) && !by_response;
    match scope.filter(names_somebody) {
        Some(scope) => Ok(scope),
        None if in_question => Err(Bypass::Credentials),
        None => Ok(Scope::Public),
    }
}

fn names_somebody(scope: &Scope) -> bool {
    match scope {
        Scope::Public => false,
        Scope::Tenant(name) | Scope::User(name) => !name.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn head(method: &str, headers: &[(&str, &str)]) -> Request<()> {
        let request = Request::builder().method(method).uri("/a");
        headers
            .iter()
            .fold(request, |request, (name, value)| {
                request.header(*name, *value)
            })
            .body(())
            .unwrap()
    }

    fn verdict(method: &str, headers: &[(&str, &str)]) -> Result<(), Bypass> {
        judge(&Head::of(&head(method, headers)), true)
    }

    #[test]
    fn get_and_head_are_looked_up() {
        assert_eq!(verdict("GET", &[]), Ok(()));
        assert_eq!(verdict("HEAD", &[]), Ok(()));
        for method in [
            "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "QUERY", "get",
        ] {
            assert_eq!(verdict(method, &[]), Err(Bypass::Method), "{method}");
        }
    }

    #[test]
    fn a_request_that_means_another_method_passes_by() {
        for name in [
            "x-http-method-override",
            "x-http-method",
            "x-method-override",
        ] {
            let verdict = verdict("GET", &[(name, "DELETE")]);
            assert_eq!(verdict, Err(Bypass::Method), "{name}");
        }
    }

    #[test]
    fn a_request_with_a_body_passes_by() {
        assert_eq!(verdict("GET", &[("content-length", "0")]), Ok(()));
        for length in ["5", "", "x", "00", "-0", "0, 5"] {
            assert_eq!(
                verdict("GET", &[("content-length", length)]),
                Err(Bypass::Body),
                "{length}"
            );
        }
        assert_eq!(
            verdict("GET", &[("content-length", "0"), ("content-length", "5")]),
            Err(Bypass::Body)
        );
        assert_eq!(
            verdict("GET", &[("transfer-encoding", "chunked")]),
            Err(Bypass::Body)
        );
        assert_eq!(
            judge(&Head::of(&head("GET", &[])), false),
            Err(Bypass::Body)
        );
    }

    #[test]
    fn what_only_the_handler_can_answer_passes_by() {
        for name in ["if-match", "if-unmodified-since"] {
            assert_eq!(
                verdict("GET", &[(name, "\"a\"")]),
                Err(Bypass::Precondition),
                "{name}"
            );
        }
        assert_eq!(
            verdict("GET", &[("upgrade", "websocket")]),
            Err(Bypass::Upgrade)
        );
        assert_eq!(
            verdict(
                "GET",
                &[("if-none-match", "\"a\""), ("if-modified-since", "x")]
            ),
            Ok(())
        );
        assert_eq!(
            verdict("GET", &[("range", "bytes=0-1"), ("if-range", "\"a\"")]),
            Ok(())
        );
    }

    #[test]
    fn the_client_cannot_switch_the_cache_off() {
        for value in [
            "no-cache",
            "no-store",
            "max-age=0",
            "max-stale",
            "only-if-cached",
        ] {
            assert_eq!(
                verdict("GET", &[("cache-control", value), ("pragma", "no-cache")]),
                Ok(()),
                "{value}"
            );
        }
    }

    #[test]
    fn credentials_need_a_user() {
        let scope = |headers: &[(&str, &str)], user: Option<&str>| {
            scope(
                &Head::of(&head("GET", headers)),
                user.map(Scope::user),
                false,
            )
        };
        assert_eq!(scope(&[], None), Ok(Scope::Public));
        assert_eq!(scope(&[("cookie", "a=b")], None), Err(Bypass::Credentials));
        assert_eq!(
            scope(&[("authorization", "Token x")], None),
            Err(Bypass::Credentials)
        );
        assert_eq!(
            scope(&[("authorization", "Token x")], Some("")),
            Err(Bypass::Credentials)
        );
        assert_eq!(
            scope(&[("authorization", "Token x")], Some("ann")),
            Ok(Scope::user("ann"))
        );
        assert_eq!(scope(&[], Some("ann")), Ok(Scope::user("ann")));
    }

    #[test]
    fn a_route_may_leave_credentials_to_the_response() {
        let request = head("GET", &[("authorization", "Token x"), ("cookie", "a=b")]);
        assert_eq!(scope(&Head::of(&request), None, true), Ok(Scope::Public));
    }

    #[test]
    fn credentials_of_everybody_are_nobodys() {
        let request = head("GET", &[("cookie", "a=b")]);
        let scope = |named| scope(&Head::of(&request), Some(named), false);
        assert_eq!(scope(Scope::Public), Err(Bypass::Credentials));
        assert_eq!(scope(Scope::tenant("")), Err(Bypass::Credentials));
        assert_eq!(scope(Scope::tenant("acme")), Ok(Scope::tenant("acme")));
    }

    #[test]
    fn a_target_is_kept_up_to_the_limit() {
        let uri = |length: usize| {
            format!("/{}", "a".repeat(length - 1))
                .parse::<Uri>()
                .unwrap()
        };
        assert_eq!(judge_length(&uri(MAX_URI)), Ok(()));
        assert_eq!(judge_length(&uri(MAX_URI + 1)), Err(Bypass::LongUri));
    }
}
