//! What happens on a miss: one request a key loads, the others wait for its answer.
//!
//! 1. The first request leads; those that come while it runs follow.
//! 2. A follower gets the answer if it was chosen by the headers it has too; otherwise it goes on
//!    under its variant's own key, once.
//! 3. An answer that is not kept releases all followers at once: they load in parallel, each for
//!    itself, and what they get may be kept.
//! 4. A leader whose client goes away is dropped, and one follower leads.
//!
//! Nothing is shared but what is kept: an error of the wrapped service is the leader's alone.

use std::sync::Arc;

use http::{Request, Response};
use http_body::Body;
use larder_core::{Hit, Key, Lead, Turn};
use tower_service::Service;

use crate::body::CacheBody;
use crate::cache_status::Forward;
use crate::head::Head;
use crate::layer::Settings;
use crate::load::{Asked, load};
use crate::lookup::{Answer, Found, Place};
use crate::stored::Stored;

/// A request that nothing is kept for.
pub(crate) struct Exchange<S, B> {
    pub(crate) settings: Arc<Settings>,
    /// Ready to be called.
    pub(crate) inner: S,
    pub(crate) request: Request<B>,
    pub(crate) place: Place<'static>,
    pub(crate) key: Key,
    pub(crate) why: Forward,
}

/// What a follower does next.
enum Next {
    Answer(Answer),
    Join(Key),
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
        loop {
            let next = match self.place.region.join(&self.key).await {
                Turn::Lead(lead) | Turn::Alone(lead) => return self.load(lead).await,
                Turn::Hit(hit) => self.follow(hit),
                Turn::Failed(_) => Next::Alone,
            };
            match next {
                Next::Answer(answer) => {
                    return Ok(answer.collapsed(&Head::of(&self.request), self.why));
                }
                Next::Join(key) => {
                    self.key = key;
                    self.why = Forward::VaryMiss;
                }
                Next::Alone => {
                    let lead = self.place.region.alone(&self.key);
                    return self.load(lead).await;
                }
            }
        }
    }

    fn follow(&self, hit: Hit<Stored>) -> Next {
        let headers = self.request.headers();
        match Answer::of(None, hit) {
            None => Next::Alone,
            Some(answer) if answer.matches(headers) => Next::Answer(answer),
            Some(_) if self.why == Forward::VaryMiss => Next::Alone,
            // The leader's answer was chosen by other headers, which is known only now.
            Some(_) => match self.place.find(headers) {
                Found::Hit(answer) => Next::Answer(answer),
                Found::Missed(Some(key), _) => Next::Join(key),
                Found::Missed(..) | Found::Off => Next::Alone,
            },
        }
    }

    async fn load(self, lead: Lead<Stored>) -> Result<Response<CacheBody<R>>, S::Error> {
        let asked = Asked::new(self.request.headers(), self.why);
        load(self.settings, lead, self.inner, self.request, asked).await
    }
}
