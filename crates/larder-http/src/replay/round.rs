//! Who asks for what, in which order.

use std::future::poll_fn;
use std::marker::PhantomData;

use bytes::Bytes;
use futures_util::future::join;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body::Body;
use larder_core::{Change, Larder, Share, Switches};
use tower_service::Service;

use super::answer::{Answer, Expected};
use super::edit::Edit;
use super::report::{Finding, Order, Report, What};

/// The name of no region: its share is the service's.
const NO_REGION: &str = "larder-replay";

/// Somebody who asks.
#[derive(Clone, Debug)]
pub(super) struct Client {
    name: String,
    /// By which the service knows the client.
    credential: Option<(HeaderName, HeaderValue)>,
}

/// All rounds of a replay.
pub(super) struct Rounds<S, B> {
    service: S,
    larder: Larder,
    clients: Vec<Client>,
    ignored: Vec<HeaderName>,
    request: Request<Bytes>,
    report: Report,
    marks: usize,
    body: PhantomData<fn() -> B>,
}

/// A request as it is sent once.
struct Sent {
    request: Request<Bytes>,
    expected: Expected,
    /// What is looked for in the answers of others.
    marks: Vec<String>,
    /// Whose request it is.
    whom: String,
}

/// Switches a service off for as long as it lives.
struct Off<'a>(&'a Switches, Share);

impl Client {
    /// Whoever sends the request as it is.
    pub(super) fn anybody() -> Self {
        Self {
            name: "the request as it is".to_owned(),
            credential: None,
        }
    }

    pub(super) fn user(number: usize, name: HeaderName, value: HeaderValue) -> Self {
        Self {
            name: format!("user {number} (`{name}`)"),
            credential: Some((name, value)),
        }
    }
}

impl<S, B, R> Rounds<S, B>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: std::fmt::Debug,
    B: From<Bytes>,
    R: Body,
    R::Error: std::fmt::Debug,
{
    pub(super) fn new(
        service: S,
        larder: Larder,
        clients: Vec<Client>,
        ignored: Vec<HeaderName>,
        request: Request<Bytes>,
    ) -> Self {
        Self {
            service,
            larder,
            clients,
            ignored,
            request,
            report: Report::default(),
            marks: 0,
            body: PhantomData,
        }
    }

    pub(super) async fn run(mut self, edits: &[Edit]) -> Report {
        let mut plain = Vec::new();
        for client in self.clients.clone() {
            plain.push(self.sent(&client, None).await);
        }
        for (at, sender) in plain.iter().enumerate() {
            for (other, whom) in plain.iter().enumerate() {
                if at != other {
                    self.before(&sender.whom, sender, &[whom]).await;
                    self.together(&sender.whom, sender, whom).await;
                }
            }
        }
        for (client, own) in self.clients.clone().iter().zip(&plain) {
            for edit in edits {
                self.edited(client, own, edit, &plain).await;
            }
        }
        self.report
    }

    /// Sends an edited request before, after and together with the one as it is.
    async fn edited(&mut self, client: &Client, own: &Sent, edit: &Edit, plain: &[Sent]) {
        let words = edit.words();
        let first = self.sent(client, Some(edit)).await;
        let second = self.sent(client, Some(edit)).await;
        let mut others: Vec<_> = plain.iter().collect();
        if !edit.own_way {
            others.push(&second);
        }
        self.before(&words, &first, &others).await;
        self.together(&words, &first, own).await;
        if !edit.own_way {
            self.start_anew().await;
            self.ask(&own.request).await;
            let got = self.ask(&first.request).await;
            self.judge(&words, Order::After, &own.whom, (&first, &got), None);
        }
    }

    async fn before(&mut self, words: &str, sender: &Sent, others: &[&Sent]) {
        self.start_anew().await;
        let poison = self.ask(&sender.request).await;
        for other in others {
            let got = self.ask(&other.request).await;
            let from = Some((sender, &poison));
            self.judge(words, Order::Before, &other.whom, (other, &got), from);
        }
    }

    async fn together(&mut self, words: &str, sender: &Sent, other: &Sent) {
        self.start_anew().await;
        let asking = join(
            answer(self.service.clone(), &sender.request),
            answer(self.service.clone(), &other.request),
        );
        let (poison, got) = asking.await;
        self.count(&poison);
        self.count(&got);
        let from = Some((sender, &poison));
        self.judge(words, Order::Together, &other.whom, (other, &got), from);
    }

    /// Notes what is wrong with an answer, given what another client sent and got.
    fn judge(
        &mut self,
        edit: &str,
        order: Order,
        whom: &str,
        (asked, got): (&Sent, &Answer),
        from: Option<(&Sent, &Answer)>,
    ) {
        let leak = from.and_then(|(sender, poison)| asked.leak(got, sender, poison));
        let differs = asked.expected.differs(got, &self.ignored);
        for what in leak.into_iter().chain(differs.map(What::Differs)) {
            let finding = Finding {
                edit: edit.to_owned(),
                order,
                whom: whom.to_owned(),
                what,
            };
            if !self.report.findings.contains(&finding) {
                self.report.findings.push(finding);
            }
        }
    }

    /// Makes a request of a client's, and asks for its answer without the cache.
    async fn sent(&mut self, client: &Client, edit: Option<&Edit>) -> Sent {
        let mut request = self.request.clone();
        let mut marks = Vec::new();
        if let Some((name, value)) = &client.credential {
            marks.extend(
                value
                    .to_str()
                    .ok()
                    .filter(|text| !text.is_empty())
                    .map(str::to_owned),
            );
            request.headers_mut().insert(name.clone(), value.clone());
        }
        let mut whom = client.name.clone();
        if let Some(edit) = edit {
            self.marks += 1;
            let mark = format!("larder-replay-{}-", self.marks);
            edit.make(&mut request, &mark);
            marks.push(mark);
            "the same edit with another value".clone_into(&mut whom);
        }
        let expected = self.expected(&request).await;
        if !expected.steady_body {
            let words = edit.map_or_else(|| whom.clone(), Edit::words);
            if !self.report.unsteady.contains(&words) {
                self.report.unsteady.push(words);
            }
        }
        Sent {
            request,
            expected,
            marks,
            whom,
        }
    }

    async fn expected(&self, request: &Request<Bytes>) -> Expected {
        let _off = Off::new(self.larder.switches());
        let first = answer(self.service.clone(), request).await;
        Expected::new(first, &answer(self.service.clone(), request).await)
    }

    async fn ask(&mut self, request: &Request<Bytes>) -> Answer {
        let got = answer(self.service.clone(), request).await;
        self.count(&got);
        got
    }

    fn count(&mut self, got: &Answer) {
        self.report.requests += 1;
        self.report.from_cache += usize::from(got.is_from_cache());
    }

    /// Makes everything invalid that is kept.
    async fn start_anew(&self) {
        if let Err(error) = self.larder.publish(Change::everything()).await {
            panic!("the replay could not start anew: {error}");
        }
    }
}

impl Sent {
    /// Says what of another client's is in the answer to this request.
    fn leak(&self, got: &Answer, sender: &Self, poison: &Answer) -> Option<What> {
        if self.expected.sets_own_cookies() && got.shares_cookie_with(poison) {
            return Some(What::SharesCookie);
        }
        let foreign = |mark: &&String| !self.marks.contains(mark) && !self.expected.holds(mark);
        let mut foreign = sender.marks.iter().filter(foreign);
        foreign.find_map(|mark| got.place_of(mark)).map(What::Leaks)
    }
}

impl<'a> Off<'a> {
    fn new(switches: &'a Switches) -> Self {
        let share = switches.share(NO_REGION);
        switches.set_service(Share::OFF);
        Self(switches, share)
    }
}

impl Drop for Off<'_> {
    fn drop(&mut self) {
        self.0.set_service(self.1);
    }
}

async fn answer<S, B, R>(mut service: S, request: &Request<Bytes>) -> Answer
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: std::fmt::Debug,
    B: From<Bytes>,
    R: Body,
    R::Error: std::fmt::Debug,
{
    let request = request.clone().map(B::from);
    if let Err(error) = poll_fn(|cx| service.poll_ready(cx)).await {
        return Answer::of::<R, _>(Err(error)).await;
    }
    Answer::of(service.call(request).await).await
}
