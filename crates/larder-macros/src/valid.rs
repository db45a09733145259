//! Settings that contradict themselves.

use std::time::Duration;

use proc_macro2::Span;

use crate::ast::Model;
use crate::attr::{Attrs, Errors, Given, Tiers};

/// What would break a switch such as `conduit.articles=25` or a list of them.
const NOT_IN_NAMES: [char; 3] = [',', '=', '*'];

impl Model {
    /// Refuses what cannot be meant, all of it at once.
    pub(crate) fn validate(&self) -> syn::Result<()> {
        let mut errors = Errors::default();
        self.attrs.times(&mut errors);
        self.attrs.share(&mut errors);
        self.attrs.names(&mut errors);
        self.attrs.lease(&mut errors);
        errors.finish()
    }
}

impl Attrs {
    fn times(&self, errors: &mut Errors) {
        let grace = self
            .grace
            .as_ref()
            .map_or(Duration::ZERO, |grace| grace.value);
        let Some(ttl) = &self.ttl else {
            let span = self.span.unwrap_or_else(Span::call_site);
            errors.at(
                span,
                "a cached entity needs a ttl: `#[cached(ttl = \"10m\")]`; it bounds what no write announces",
            );
            return;
        };
        if ttl.value.is_zero() && grace.is_zero() {
            errors.at(
                ttl.span,
                "a ttl of zero needs a grace: add `grace = \"1m\"`, or a ttl",
            );
        }
        if let Some(early) = self
            .early_refresh
            .as_ref()
            .filter(|early| early.value >= ttl.value)
        {
            errors.at(
                early.span,
                "a refresh this early would never end: `early_refresh` must be shorter than `ttl`",
            );
        }
        if let Some(flag) = self
            .stale_on_error
            .as_ref()
            .filter(|flag| flag.value && grace.is_zero())
        {
            errors.at(
                flag.span,
                "`stale_on_error` serves within the grace: add `grace = \"1m\"`",
            );
        }
    }

    fn share(&self, errors: &mut Errors) {
        if let Some(jitter) = &self.jitter
            && !(0.0..=1.0).contains(&jitter.value)
        {
            errors.at(
                jitter.span,
                "`jitter` is a share of the ttl between 0 and 1; for a tenth of it write `jitter = 0.1`",
            );
        }
    }

    fn lease(&self, errors: &mut Errors) {
        let is_local = self
            .tiers
            .as_ref()
            .is_some_and(|tiers| tiers.value == Tiers::Local);
        if let Some(lease) = self.lease.as_ref().filter(|_| is_local) {
            errors.at(
                lease.span,
                "a lease is for what is kept in the remote tier, and `tiers` says `local`; remove one of them",
            );
        }
    }

    fn names(&self, errors: &mut Errors) {
        for name in self.region.iter().chain(&self.invalidated_by) {
            if let Some(problem) = problem_of_name(name) {
                errors.at(name.span, problem);
            }
        }
        for (index, tag) in self.invalidated_by.iter().enumerate() {
            if self.invalidated_by[..index]
                .iter()
                .any(|earlier| earlier.value == tag.value)
            {
                errors.at(tag.span, "this tag is given twice; remove one of them");
            }
        }
    }
}

fn problem_of_name(name: &Given<String>) -> Option<String> {
    if name.value.is_empty() {
        return Some("an empty name; leave the setting out or write one".to_owned());
    }
    name.value
        .chars()
        .find(|letter| letter.is_whitespace() || NOT_IN_NAMES.contains(letter))
        .map(|letter| format!("a name cannot have `{letter}` in it: switches could not name it"))
}
