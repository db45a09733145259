//! What happens when nothing can be served at once: one request a key asks, the others wait for its
//! answer.
//!
//! 1. The first request leads; those that come while it runs follow.
//! 2. A follower gets the answer if it was chosen by the headers it has too and may be served without
//!    asking again, also while its body runs ([`ride`](crate::ride)); of another variant it goes on under
//!    that one's own key, once.
//! 3. An answer that is not kept releases all followers at once: they load in parallel, each for
//!    itself, and what they get may be kept. The key is remembered for a while: requests for it do not
//!    wait at all ([`uncacheable`](crate::uncacheable)).
//! 4. A leader whose client goes away is dropped, and one follower leads.
//! 5. The leader has the remote tier asked first: what another node made is a hit for all of them.
//! 6. If nobody answers the leader, its followers too are served what is stale, where that is allowed.
//!
//! Nothing is shared but what is kept: an error of the wrapped service is the leader's alone.

use std::sync::Arc;

use http::{Request, Response};
use http_body::Body;
use larder_core::{Heard, Hit, Key, Lead, Turn};
use tower_service::Service;

use crate::body::CacheBody;
use crate::head::Head;
use crate::layer::Settings;
use crate::load::{Asked, load};
use crate::lookup::{Found, Kept, Missed, Place};
use crate::ride::{may_ride, ride};
use crate::semantics::cache_status::{self, Forward};
use crate::semantics::reuse::{self, Reuse};
use crate::service::Ask;
use crate::stored::{Serving, Standing, Stored, seconds_left};

/// A request that cannot be answered at once.
pub(crate) struct Exchange<S, B> {
    pub(crate) settings: Arc<Settings>,
    /// Ready to be called.
    pub(crate) inner: S,
    pub(crate) request: Request<B>,
    pub(crate) place: Place<'static>,
    pub(crate) key: Key,
    pub(crate) why: Forward,
    /// The response that stands under the place's own key, if the answer is a variant beside it.
    pub(crate) first: Option<Arc<Stored>>,
    pub(crate) ask: Ask,
}

/// What a follower does next.
enum Next {
    Answer(Arc<Stored>, Serving),
    Join(Key, Option<Arc<Stored>>),
    Alone,
}

impl<S, B, R> Exchange<S, B>
where
    S: Service<Request<B>, Response = Response<R>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Send + 'static,
    R: Body + Send + 'static,
    R::Error: Send,
{
    pub(crate) async fn run(mut self) -> Result<Response<CacheBody<R>>, S::Error> {
        while self.ask == Ask::Together {
            let next = match hear(&self.place, &self.key).await {
                Heard::News(news) => {
                    if let Some(answer) = ride(&news, &Head::of(&self.request), self.why) {
                        return Ok(answer);
                    }
                    None
                }
                Heard::Hit(hit) => Some(self.follow(hit)),
                Heard::Failed(_) => Some(self.bridge()),
                Heard::Released => Some(Next::Alone),
                Heard::Nothing => None,
            };
            let next = match next {
                Some(next) => next,
                None => match self.place.region.join(&self.key).await {
                    Turn::Lead(lead) | Turn::Alone(lead) => return self.load(lead).await,
                    Turn::Hit(hit) => self.follow(hit),
                    Turn::Failed(_) => self.bridge(),
                },
            };
            match next {
                Next::Answer(stored, serving) => {
                    return Ok(stored.answer(&Head::of(&self.request), serving));
                }
                Next::Join(key, first) => {
                    self.key = key;
                    self.first = first;
                    self.why = Forward::VaryMiss;
                }
                Next::Alone => self.ask = Ask::Alone,
            }
        }
        let lead = self.place.region.alone(&self.key);
        self.load(lead).await
    }

    fn follow(&self, hit: Hit<Stored>) -> Next {
        let headers = self.request.headers();
        let now = hit
            .value
            .as_ref()
            .map(|stored| stored.now(Standing::from(&hit)));
        let (Some(stored), Some(now)) = (hit.value, now) else {
            return Next::Alone;
        };
        if stored.variant().matches(headers) {
            return match reuse::decide(stored.rules(), &now, None) {
                Reuse::Fresh | Reuse::Stale(_) => {
                    Next::Answer(stored, self.serving(now, hit.elsewhere))
                }
                // It was for one request only.
                Reuse::Ask(_) => Next::Alone,
            };
        }
        if self.why == Forward::VaryMiss {
            return Next::Alone;
        }
        // The leader's answer was chosen by other headers, which is known only now.
        match self.place.find(headers) {
            Found::Kept(kept) => self.take(&kept),
            Found::Missed(Missed {
                variant: Some(key),
                first,
                ..
            }) => Next::Join(key, first),
            Found::Missed(_) | Found::Off => Next::Alone,
        }
    }

    /// Takes a variant that was kept meanwhile.
    fn take(&self, kept: &Kept) -> Next {
        let hit = kept.peeked().hit();
        let hit = hit.and_then(|hit| Some((hit.value?, hit.elsewhere)));
        match (kept.decide(None), hit) {
            (Reuse::Fresh | Reuse::Stale(_), Some((stored, elsewhere))) => {
                self.place.serve(kept);
                Next::Answer(stored, self.serving(kept.now, elsewhere))
            }
            _ => Next::Alone,
        }
    }

    /// Nobody answered the leader.
    fn bridge(&self) -> Next {
        let kept = self.place.look(&self.key, self.request.headers());
        let kept = kept.filter(Kept::bridges_failure);
        match kept.and_then(|kept| Some((kept.shared()?, kept))) {
            Some((stored, kept)) => {
                self.place.serve(&kept);
                let told = cache_status::asked(self.why, None, "detail=stale-if-error");
                let serving = Serving {
                    now: kept.now,
                    told: Some(told),
                };
                Next::Answer(stored, serving)
            }
            None => Next::Alone,
        }
    }

    /// Says that it was made for another request, here or on another node.
    fn serving(&self, now: reuse::Now, elsewhere: bool) -> Serving {
        let told = if elsewhere {
            cache_status::remote(seconds_left(&now))
        } else {
            cache_status::collapsed(self.why)
        };
        Serving {
            now,
            told: Some(told),
        }
    }

    async fn load(self, lead: Lead<Stored>) -> Result<Response<CacheBody<R>>, S::Error> {
        let head = Head::of(&self.request);
        let for_part = self.ask == Ask::ForPart;
        let look = || self.place.look(&self.key, head.headers);
        let kept = (!for_part).then(look).flatten();
        let mut asked = Asked::new(&self.settings, &self.place, &head, &self.key, self.why);
        asked.first = self.first;
        asked.part_of = for_part.then(|| self.place.key.clone());
        load(self.settings, lead, self.inner, self.request, asked, kept).await
    }
}

/// Waits for the head of a response that is under way already.
async fn hear(place: &Place<'static>, key: &Key) -> Heard<Stored> {
    if may_ride() {
        place.region.hear(key).await
    } else {
        Heard::Nothing
    }
}
