//! The end of a response that is kept, or not.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_RANGE, HeaderMap};

use super::Fill;
use crate::load::Loaded;
use crate::parts::{Joined, join, keep_whole};
use crate::semantics::cache_status::Outcome;
use crate::semantics::verdict::Skip;
use crate::stored::{Stored, Times, Whole};

impl Fill {
    /// Keeps a response that has ended well: a part together with what is kept of it already.
    pub(super) fn keep(
        self,
        headers: &HeaderMap,
        body: Bytes,
        trailers: Option<HeaderMap>,
        own_tag: bool,
    ) -> Outcome {
        let Some(joined) = self.joined(headers, &body) else {
            let stored = self.made(self.status, headers, body, trailers, own_tag);
            return self.finish(stored);
        };
        self.loaded.lead.confirm(&joined.peeked);
        let Joined {
            mut headers,
            body,
            is_whole,
            ..
        } = joined;
        let stored = self.made(self.status, &headers, body.clone(), None, false);
        headers.remove(CONTENT_RANGE);
        let all = is_whole.then(|| self.made(StatusCode::OK, &headers, body, None, false));
        let (region, part) = (
            self.loaded.asked.region.clone(),
            self.loaded.asked.key.clone(),
        );
        let key = self.loaded.asked.part_of.clone();
        let lifetime = self.plan.lifetime(self.loaded.arrival.delay);
        let outcome = self.finish(stored);
        if let (Some(all), Some(key), Outcome::Stored) = (all, key, outcome) {
            keep_whole(&region, &key, &part, all, lifetime);
        }
        outcome
    }

    fn joined(&self, headers: &HeaderMap, body: &Bytes) -> Option<Joined> {
        let Loaded {
            asked, settings, ..
        } = &self.loaded;
        asked.part_of.as_ref()?;
        let limit = settings.policy.terms.body_limit;
        let request = &asked.client.headers;
        join(&asked.region, &asked.key, request, (headers, body), limit)
    }

    fn made(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: Bytes,
        trailers: Option<HeaderMap>,
        own_tag: bool,
    ) -> Stored {
        Stored::new(Whole {
            status,
            headers,
            body,
            trailers,
            variant: self.variant.clone(),
            times: Times {
                age: self.plan.age,
                fresh_for: self.plan.fresh_for,
                came: self.loaded.came,
                came_at: self.loaded.arrival.at,
            },
            rules: self.plan.rules,
            own_tag,
            ours: self.plan.ours,
        })
    }

    fn finish(self, stored: Stored) -> Outcome {
        let Self { loaded, plan, .. } = self;
        let lifetime = plan.lifetime(loaded.arrival.delay);
        let kept = loaded.lead.finish(Some(Arc::new(stored)), lifetime).kept;
        match (loaded.asked.replaced, kept) {
            (Some(replaced), Ok(())) => replaced.renewed(),
            (Some(replaced), Err(_)) => replaced.answered(StatusCode::OK),
            (None, _) => {}
        }
        if kept.is_ok() {
            loaded.settings.uncacheable.forget(&loaded.asked.key);
        }
        kept.map_or_else(Outcome::Refused, |()| Outcome::Stored)
    }

    /// Keeps nothing; those who wait load for themselves.
    pub(super) fn release(self, skip: Skip) {
        tracing::debug!(reason = skip.as_str(), "a response is not kept");
        let Loaded {
            settings,
            lead,
            asked,
            came,
            ..
        } = self.loaded;
        if skip != Skip::Broken {
            settings.uncacheable.remember(&asked.key, came);
        }
        match asked.replaced {
            Some(replaced) if skip == Skip::Broken => drop(replaced),
            Some(replaced) => replaced.answered(StatusCode::OK),
            None => {}
        }
        lead.release_as(Outcome::Skipped(skip).refusal());
    }
}
