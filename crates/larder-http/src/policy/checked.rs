//! A policy as it is used: nothing in it is wrong.

use std::time::Duration;

use http::HeaderName;
use http::header::{AUTHORIZATION, COOKIE};
use larder_core::{Policy, Tiers, hash_value};

use crate::error::PolicyError;
use crate::key::KeyPolicy;
use crate::policy::{HttpPolicy, ScopeOf};
use crate::semantics::host::{Hosts, is_host};
use crate::semantics::storing::Terms;
use crate::semantics::vary::Order;

/// The ttl of the region: each response brings its own lifetime.
const YEAR: Duration = Duration::from_hours(365 * 24);

/// A policy nothing is wrong with.
pub(crate) struct CheckedPolicy {
    pub(crate) terms: Terms,
    pub(crate) stale_on_error: bool,
    /// The region's policy.
    pub(crate) keeping: Policy,
    pub(crate) region: String,
    pub(crate) name: Option<String>,
    pub(crate) key: KeyPolicy,
    pub(crate) variants: usize,
    pub(crate) serving: ServingPolicy,
    pub(crate) scope: Option<ScopeOf>,
}

impl CheckedPolicy {
    /// Returns a number that differs for policies under which other responses are kept, or by other
    /// keys: nodes of which each has its own share none.
    ///
    /// By the form in which settings are shown, which names every one, new ones too. Where another
    /// compiler writes it otherwise, its nodes share nothing with those of this one.
    pub(crate) fn fingerprint(&self) -> u64 {
        let Self {
            terms,
            stale_on_error,
            // Where they are kept, and by what keys.
            keeping: _,
            region: _,
            name: _,
            key,
            variants,
            serving,
            scope,
        } = self;
        let scoped = scope.is_some();
        let settings = (terms, stale_on_error, key, variants, serving, scoped);
        hash_value(format!("{settings:?}").as_bytes())
    }
}

/// What of a policy decides when something is served.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one setting")]
pub(crate) struct ServingPolicy {
    /// Requests are listened to.
    pub(crate) listens: bool,
    /// Whether others may have an answer to credentials is for the response to say.
    pub(crate) credentials_by_response: bool,
    /// Bodies without a tag get one.
    pub(crate) makes_tags: bool,
    /// Fields that name tags are not passed on.
    pub(crate) strips_tags: bool,
    pub(crate) order: Order,
}

impl HttpPolicy {
    /// Returns the policy in the form it is used in, if nothing in it is wrong.
    pub(crate) fn check(self) -> Result<CheckedPolicy, PolicyError> {
        self.refuse_contradictions()?;
        self.refuse_hosts()?;
        let headers = self.headers.into_iter().map(header_name);
        let headers = headers.collect::<Result<_, _>>()?;
        let targets = self.targets.unwrap_or_default().into_iter();
        let targets = targets
            .map(|name| HeaderName::try_from(&name).map_err(|_| PolicyError::NoTargetName(name)))
            .collect::<Result<_, _>>()?;
        let bridged = if self.stale_on_error {
            self.terms.grace
        } else {
            Duration::ZERO
        };
        Ok(CheckedPolicy {
            terms: Terms {
                if_error: self.terms.if_error.max(bridged),
                body_limit: u64::try_from(self.body_limit).unwrap_or(u64::MAX),
                targets,
                ..self.terms
            },
            stale_on_error: self.stale_on_error,
            keeping: Policy::ttl(YEAR).tiers(self.tiers).lease(self.lease),
            region: self.region,
            name: self.name,
            key: KeyPolicy {
                headers,
                query: self.query,
                sorted: self.sorted,
                hosts: Hosts {
                    named: self.hosts.unwrap_or_default(),
                    are_one: self.one_host,
                },
            },
            variants: self.variants,
            serving: self.serving,
            scope: self.scope,
        })
    }

    fn refuse_contradictions(&self) -> Result<(), PolicyError> {
        let plain = |name: &str| {
            let number = name.bytes().all(|byte| byte.is_ascii_digit());
            !number && name.len() <= 100 && name.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if self.terms.overrules && self.terms.ttl.is_none() {
            Err(PolicyError::OverruleWithoutTtl)
        } else if self.terms.ttl == Some(Duration::ZERO) && self.terms.grace.is_zero() {
            Err(PolicyError::ZeroTtl)
        } else if self.stale_on_error && self.terms.grace.is_zero() {
            Err(PolicyError::StaleOnErrorWithoutGrace)
        } else if self.body_limit == 0 {
            Err(PolicyError::ZeroBodyLimit)
        } else if self.variants == 0 {
            Err(PolicyError::ZeroVariants)
        } else if !self.lease.is_zero() && (self.name.is_none() || self.tiers == Tiers::Local) {
            Err(PolicyError::LeaseWithoutRemote)
        } else if self.tiers == Tiers::Remote && self.name.is_none() {
            Err(PolicyError::RemoteWithoutName)
        } else if self.targets.as_ref().is_some_and(Vec::is_empty) {
            Err(PolicyError::NoTargets)
        } else if let Some(name) = self.name.as_ref().filter(|name| !plain(name)) {
            Err(PolicyError::Name(name.clone()))
        } else {
            Ok(())
        }
    }
}

impl HttpPolicy {
    fn refuse_hosts(&self) -> Result<(), PolicyError> {
        match &self.hosts {
            None if self.one_host => Err(PolicyError::OneHostWithoutHosts),
            None => Ok(()),
            Some(hosts) if hosts.is_empty() => Err(PolicyError::NoHosts),
            Some(hosts) => hosts.iter().try_for_each(|host| {
                let no_host = || PolicyError::NoHost(host.clone());
                is_host(host).then_some(()).ok_or_else(no_host)
            }),
        }
    }
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
    fn what_is_kept_under_another_policy_is_not_shared() {
        let new = || HttpPolicy::new().ttl(SECOND).name("pages");
        let policies = [
            new(),
            new().ttl(2 * SECOND),
            new().grace(SECOND),
            new().keep_cookies(true),
            new().make_tags(false),
            new().strip_tags(true),
            new().vary_by_header("x"),
            new().only_parameters(["a"]),
            new().only_parameters(["b"]),
            new().without_parameters(["a"]),
            new().targets(["x"]),
            new().vary_by_user(|_| None),
            new().body_limit(7),
            HttpPolicy::rfc(),
        ];
        let all: std::collections::HashSet<u64> = policies
            .iter()
            .map(|policy| policy.clone().check().ok().unwrap().fingerprint())
            .collect();
        assert_eq!(all.len(), policies.len());
        let again = new().check().ok().unwrap().fingerprint();
        assert!(all.contains(&again));
    }

    #[test]
    fn a_wrong_setting_is_refused_by_its_name() {
        let new = HttpPolicy::new;
        for (policy, setting) in [
            (new().ttl(Duration::ZERO), "ttl: "),
            (new().ttl(SECOND).stale_on_error(true), "stale_on_error: "),
            (new().overrule_freshness(true), "overrule_freshness: "),
            (new().body_limit(0), "body_limit: "),
            (new().variants(0), "variants: "),
            (new().lease(SECOND), "lease: "),
            (new().name("a").tiers(Tiers::Local).lease(SECOND), "lease: "),
            (new().tiers(Tiers::Remote), "tiers: "),
            (new().targets(["a b"]), "targets: `a b`"),
            (new().targets([""; 0]), "targets: "),
            (new().hosts([""; 0]), "hosts: names no host"),
            (new().hosts(["a.org", "A.org"]), "hosts: `A.org`"),
            (new().hosts(["https://a.org"]), "hosts: `https://a.org`"),
            (new().hosts([""]), "hosts: ``"),
            (new().one_host(true), "one_host: "),
            (new().name("a b"), "name: `a b`"),
            (new().name(""), "name: ``"),
            (new().name("7"), "name: `7`"),
            (new().vary_by_header("a b"), "vary_by_header: `a b`"),
            (new().vary_by_header(""), "vary_by_header: ``"),
            (new().vary_by_header("Cookie"), "vary_by_header: `Cookie`"),
        ] {
            let refusal = refusal(policy);
            assert!(refusal.starts_with(setting), "{setting} {refusal}");
        }
        assert_eq!(refusal(new()), "");
        let hosts = new().hosts(["a.org", "[::1]:3000"]).one_host(true);
        assert_eq!(refusal(hosts), "");
        assert_eq!(refusal(HttpPolicy::rfc().private().name("edge")), "");
        assert_eq!(
            refusal(new().ttl(Duration::ZERO).grace(SECOND).stale_on_error(true)),
            ""
        );
    }
}
