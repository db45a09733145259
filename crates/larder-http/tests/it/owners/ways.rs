//! The ways in which a route tells its users apart.

use axum::body::Body;
use http::Request;
use http::request::Parts;
use larder_core::Scope;
use larder_http::HttpPolicy;

use super::origin::answer;
use crate::site::{SECOND, Site, get, minute};

/// By what a site tells its owners apart.
pub(super) struct Way {
    pub(super) name: &'static str,
    /// The header that says who it is.
    pub(super) header: &'static str,
    policy: fn() -> HttpPolicy,
    pub(super) vary: &'static str,
}

pub(super) const WAYS: &[Way] = &[
    Way {
        name: "a user by token",
        header: "authorization",
        policy: || minute().vary_by_user(by("authorization")),
        vary: "",
    },
    Way {
        name: "a user by cookie",
        header: "cookie",
        policy: || minute().vary_by_user(by("cookie")),
        vary: "",
    },
    Way {
        name: "a tenant",
        header: "cookie",
        policy: || minute().vary_by_scope(|head| by("cookie")(head).map(Scope::tenant)),
        vary: "",
    },
    Way {
        name: "credentials nobody named",
        header: "authorization",
        policy: minute,
        vary: "",
    },
    Way {
        name: "a header of the route's",
        header: "x-owner",
        policy: || minute().vary_by_header("x-owner"),
        vary: "",
    },
    Way {
        name: "vary",
        header: "x-owner",
        policy: || minute().grace(SECOND * 30),
        vary: "x-owner, x-other",
    },
    Way {
        name: "by the letter, a user by token",
        header: "authorization",
        policy: || {
            HttpPolicy::rfc()
                .ttl(SECOND * 60)
                .vary_by_user(by("authorization"))
        },
        vary: "",
    },
    Way {
        name: "by the letter, vary",
        header: "x-owner",
        policy: || {
            HttpPolicy::rfc()
                .ttl(SECOND * 60)
                .grace(SECOND * 30)
                .variants(2)
        },
        vary: "x-owner",
    },
    Way {
        name: "a user and vary",
        header: "authorization",
        policy: || {
            minute()
                .grace(SECOND * 30)
                .stale_on_error(true)
                .vary_by_user(by("authorization"))
        },
        vary: "accept-language",
    },
];

fn by(header: &'static str) -> impl Fn(&Parts) -> Option<String> + Send + Sync {
    move |head| Some(head.headers.get(header)?.to_str().ok()?.to_owned())
}

impl Way {
    pub(super) fn site(&'static self) -> Site {
        Site::new((self.policy)(), move |call| answer(call, self))
    }

    /// Says whose answer it is; its language too if that is what it is chosen by.
    pub(super) fn mark(&self, owner: &str, path: &str, language: &str) -> String {
        let chosen = self.vary.contains("accept-language");
        format!("{owner} {path} {};", if chosen { language } else { "any" })
    }

    pub(super) fn ask(&self, owner: &str, page: u64, language: &str) -> Request<Body> {
        let uri = format!("/{page}");
        let mut headers = vec![("accept-language", language)];
        if owner != "nobody" {
            headers.push((self.header, owner));
        }
        get(&uri, &headers)
    }
}
