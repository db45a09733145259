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
use larder_core::{Hit, Key, ReadScope, Turn};
use tower_service::Service;

use crate::body::CacheBody;
use crate::cache_status::{self, Forward};
use crate::head::Head;
use crate::layer::Settings;
use crate::load::{Asked, load};
use crate::lookup::{Answer, Found, Place};
use crate::stored::Stored;
use crate::verdict::Bypass;

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
    Pass,
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
                Turn::Lead(lead) | Turn::Alone(lead) => {
                    let asked = Asked::new(self.request.headers(), self.why);
                    return load(self.settings, lead, self.inner, self.request, asked).await;
                }
                Turn::Hit(hit) => self.follow(hit),
                Turn::Failed(_) => Next::Pass,
            };
            match next {
                Next::Answer(answer) => {
                    return Ok(answer.collapsed(&Head::of(&self.request), self.why));
                }
                Next::Join(key) => {
                    self.key = key;
                    self.why = Forward::VaryMiss;
                }
                Next::Pass => return self.pass().await,
            }
        }
    }

    fn follow(&self, hit: Hit<Stored>) -> Next {
        let headers = self.request.headers();
        match Answer::of(None, hit) {
            None => Next::Pass,
            Some(answer) if answer.matches(headers) => Next::Answer(answer),
            Some(_) if self.why == Forward::VaryMiss => Next::Pass,
            // The leader's answer was chosen by other headers, which is known only now.
            Some(_) => match self.place.find(headers) {
                Found::Hit(answer) => Next::Answer(answer),
                Found::Missed(Some(key), _) => Next::Join(key),
                Found::Missed(..) | Found::Off => Next::Pass,
            },
        }
    }

    /// Sends the request on, for itself.
    async fn pass(self) -> Result<Response<CacheBody<R>>, S::Error> {
        let Self {
            mut inner, request, ..
        } = self;
        let call = async move { inner.call(request).await };
        let mut response = match ReadScope::current() {
            Some(_) => call.await?,
            None => ReadScope::untracked().run(call).await?,
        };
        let status = cache_status::bypassed(Bypass::NotShared);
        cache_status::append(response.headers_mut(), status);
        Ok(response.map(CacheBody::passed))
    }
}
