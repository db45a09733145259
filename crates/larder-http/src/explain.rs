//! Says why a request is answered from the cache or not.

use http::Request;
use larder_core::{Explanation, Scope};

use crate::head::Head;
use crate::layer::{CacheLayer, Settings};
use crate::lookup::Place;
use crate::semantics::request::is_read;

impl CacheLayer {
    /// Says what the layer would do with a request: what the response kept for it was made of, by
    /// which write it last became invalid, or why none was kept.
    ///
    /// The request is looked up as the layer would: by method, URI, `Host`, what the route varies
    /// by, and whom it is for. Inside a nested router it must be as the layer sees it there. Its body is
    /// taken for empty; it is sent nowhere. For people and tools: it counts and drops nothing.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use larder_core::{Larder, explain::State};
    /// # use larder_http::HttpLayer as _;
    /// # let larder = Larder::builder("shop").build()?;
    /// let layer = larder.http_layer();
    /// let request = http::Request::post("/articles").body(())?;
    /// assert_eq!(layer.explain(request).state, State::PassedBy("method"));
    /// # Ok(()) }
    /// ```
    pub fn explain<B>(&self, request: Request<B>) -> Explanation {
        let (head, _) = request.into_parts();
        let scope_of = self.0.policy.scope.as_ref();
        let scope = scope_of
            .filter(|_| is_read(&head.method))
            .and_then(|scope| scope(&head));
        explain(&self.0, &Request::from_parts(head, ()), scope)
    }
}

fn explain(settings: &Settings, request: &Request<()>, scope: Option<Scope>) -> Explanation {
    let head = Head::of(request);
    let place = match Place::of(settings, &head, true, scope) {
        Ok(place) => place,
        Err(reason) => {
            let key = format!("{} {}", head.method, head.original_uri);
            return settings.region.explain_bypass(key, reason.as_str());
        }
    };
    // The response that came first tells by what it was chosen: another may stand beside it.
    let mut explanation = place.region.explain_through(&place.key, |first| {
        let variant = first.variant();
        (!variant.matches(head.headers)).then(|| variant.key_for(&place.key, head.headers))
    });
    explanation.key = place.key.to_string();
    explanation
}
