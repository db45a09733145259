//! The read scope: collects what a value is made of while it is made.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smallvec::SmallVec;
use tokio::task::JoinHandle;

use crate::clock::Moment;
use crate::dependency::Dependency;
use crate::entry::{Entry, Serving};
use crate::flight::Flight;
use crate::marks::{MarkSet, Marks};
use crate::node::Node;
use crate::position::{Position, Stamp};
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::session::Luggage;
use crate::waits::Loads;

tokio::task_local! {
    static CURRENT: ReadScope;
}

/// Collects what is read while a future is polled inside it: a task-local.
///
/// What encloses reads takes the union of their dependencies, the lowest position, the earliest
/// expiry, the narrowest scope, and any refusal. `tokio::spawn` loses the scope; use
/// [`ReadScope::spawn`].
#[derive(Clone)]
pub struct ReadScope {
    inner: Option<Arc<Inner>>,
    /// Off: nothing is collected, `inner` only tells which loads enclose this.
    collects: bool,
}

struct Inner {
    node: Arc<Node>,
    parent: Option<ReadScope>,
    /// The flights whose load this scope collects for.
    flights: SmallVec<[Arc<Flight>; 1]>,
    tasks: AtomicUsize,
    /// The remote tier did not answer somewhere in the outermost scope: it is not asked again.
    given_up: Arc<AtomicBool>,
    state: Mutex<State>,
}

struct State {
    marks: MarkSet,
    position: Position,
    as_of: Moment,
    expires: Moment,
    scope: Scope,
    refusal: Option<Refusal>,
    /// The refusal in the words of who gave it.
    details: Option<Arc<str>>,
    incarnation: Option<u64>,
    /// What was collected has been taken.
    ended: bool,
}

/// What a value was made of.
pub(crate) struct Provenance {
    pub(crate) marks: Marks,
    pub(crate) position: Position,
    pub(crate) as_of: Moment,
    pub(crate) expires: Moment,
    pub(crate) scope: Scope,
    pub(crate) refusal: Option<Refusal>,
    pub(crate) details: Option<Arc<str>>,
    pub(crate) incarnation: Option<u64>,
}

impl ReadScope {
    /// Returns the scope the current task runs in, if any.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Returns a scope that collects nothing: reads in it are not counted as unscoped.
    pub fn untracked() -> Self {
        let enclosing = Self::current().and_then(|scope| scope.inner);
        Self {
            inner: enclosing,
            collects: false,
        }
    }

    /// Polls `future` inside this scope.
    pub fn run<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        CURRENT.scope(self.clone(), future)
    }

    /// Spawns a task that stays in the current scope, if there is one.
    ///
    /// What it reads counts as long as it ends before the scope does; a value whose tasks still
    /// run is not kept.
    pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let future = Luggage::packed().carried(future);
        let Some(scope) = Self::current() else {
            return tokio::spawn(future);
        };
        let running = scope.collecting().map(Arc::clone).map(Running::new);
        tokio::spawn(CURRENT.scope(scope, async move {
            let _running = running;
            future.await
        }))
    }

    /// Makes what encloses the reads uncacheable. The first reason stays.
    pub fn refuse(&self, refusal: Refusal) {
        if let Some(mut state) = self.state() {
            state.refusal.get_or_insert(refusal);
        }
    }

    /// Like [`refuse`](Self::refuse), with the reason in more words, asked for if it stays.
    pub fn refuse_with(&self, refusal: Refusal, details: impl FnOnce() -> String) {
        if let Some(mut state) = self.state()
            && state.refusal.is_none()
        {
            state.refusal = Some(refusal);
            state.details = Some(details().into());
        }
    }

    /// Returns why what is made in this scope will not be kept, as far as that is known.
    pub fn refusal(&self) -> Option<Refusal> {
        self.state()?.refusal
    }

    /// Narrows the scope of what is made here: it is for this tenant or user only.
    pub fn narrow(&self, scope: &Scope) {
        if let Some(mut state) = self.state() {
            state.narrow(scope);
        }
    }

    /// Records dependencies of a statement that is about to be sent, with its stamp.
    pub(crate) fn read(&self, node: &Arc<Node>, stamp: Stamp, dependencies: &[Dependency]) {
        let Some(mut state) = self.state_of(node) else {
            return;
        };
        state.limit(stamp.position, stamp.as_of, Moment::MAX);
        state.belong(stamp.incarnation);
        for dependency in dependencies {
            state.marks.add(dependency, node);
        }
    }

    /// Records an entry that is served.
    pub(crate) fn served(&self, node: &Arc<Node>, entry: &Entry, serving: &Serving, scope: &Scope) {
        let Some(mut state) = self.state_of(node) else {
            return;
        };
        state.limit(serving.position, serving.as_of, serving.expires);
        state.belong(entry.incarnation);
        state.marks.add_all(&entry.marks);
        state.marks.add_named(entry.own);
        state.marks.add_named(entry.region.tag());
        state.narrow(scope);
    }

    /// Records what an entry was made of, which the load confirms: not the entry itself.
    pub(crate) fn confirmed(
        &self,
        node: &Arc<Node>,
        entry: &Entry,
        serving: &Serving,
        scope: &Scope,
    ) {
        let Some(mut state) = self.state_of(node) else {
            return;
        };
        state.limit(serving.position, serving.as_of, serving.expires);
        state.belong(entry.incarnation);
        state.marks.add_all(&entry.marks);
        state.narrow(scope);
    }

    /// Records all that another scope collected, and the names of the entry made of it.
    ///
    /// `end` is when that entry expires.
    pub(crate) fn absorb(
        &self,
        node: &Arc<Node>,
        inner: &Provenance,
        end: Moment,
        names: impl Iterator<Item = u64>,
    ) {
        let Some(mut state) = self.state_of(node) else {
            return;
        };
        state.limit(inner.position, inner.as_of, inner.expires.min(end));
        if let Some(incarnation) = inner.incarnation {
            state.belong(incarnation);
        }
        state.marks.add_all(&inner.marks);
        names.for_each(|name| state.marks.add_named(name));
        state.narrow(&inner.scope);
        if state.refusal.is_none() {
            state.refusal = inner.refusal;
            state.details.clone_from(&inner.details);
        }
    }

    /// Records that there is no entry of this name: it may be put.
    pub(crate) fn missed(&self, node: &Arc<Node>, stamp: Stamp, names: [u64; 2], scope: &Scope) {
        let Some(mut state) = self.state_of(node) else {
            return;
        };
        state.limit(stamp.position, stamp.as_of, Moment::MAX);
        state.belong(stamp.incarnation);
        names
            .into_iter()
            .for_each(|name| state.marks.add_named(name));
        state.narrow(scope);
    }

    /// Opens a scope of its own. What encloses it gets nothing, but is not waited for either.
    pub(crate) fn root(node: &Arc<Node>) -> Self {
        Self::new(node, Self::current(), SmallVec::new(), State::new())
    }

    /// Opens the scope of a load.
    pub(crate) fn of_load(
        node: &Arc<Node>,
        parent: Option<Self>,
        flights: SmallVec<[Arc<Flight>; 1]>,
        stamp: Stamp,
    ) -> Self {
        let mut state = State::new();
        state.limit(stamp.position, stamp.as_of, Moment::MAX);
        state.belong(stamp.incarnation);
        Self::new(node, parent, flights, state)
    }

    /// Returns what was collected so far; `None` if the collection has ended.
    pub(crate) fn so_far(&self) -> Option<Provenance> {
        let state = self.state()?;
        Some(Provenance {
            marks: state.marks.so_far(),
            position: state.position,
            as_of: state.as_of,
            expires: state.expires,
            scope: state.scope.clone(),
            refusal: state.refusal,
            details: None,
            incarnation: state.incarnation,
        })
    }

    /// Ends the collection and returns it; what comes later is ignored.
    pub(crate) fn take(&self) -> Provenance {
        let Some(mut state) = self.state() else {
            return State::new().provenance();
        };
        let running = self
            .collecting()
            .is_some_and(|inner| inner.tasks.load(Ordering::Acquire) > 0);
        if running {
            state.refusal.get_or_insert(Refusal::TasksRunning);
        }
        let ended = State {
            ended: true,
            ..State::new()
        };
        std::mem::replace(&mut *state, ended).provenance()
    }

    /// Returns the flights of all loads that enclose this, innermost first.
    pub(crate) fn flights(&self) -> Loads {
        let mut flights = Loads::new();
        let mut scope = Some(self);
        while let Some(inner) = scope.and_then(|scope| scope.inner.as_ref()) {
            flights.extend(inner.flights.iter().map(Arc::clone));
            scope = inner.parent.as_ref();
        }
        flights
    }

    fn new(
        node: &Arc<Node>,
        parent: Option<Self>,
        flights: SmallVec<[Arc<Flight>; 1]>,
        state: State,
    ) -> Self {
        let enclosing = parent.as_ref().and_then(|parent| parent.inner.as_ref());
        let given_up = enclosing.map(|inner| Arc::clone(&inner.given_up));
        let inner = Inner {
            node: Arc::clone(node),
            given_up: given_up.unwrap_or_default(),
            parent,
            flights,
            tasks: AtomicUsize::new(0),
            state: Mutex::new(state),
        };
        Self {
            inner: Some(Arc::new(inner)),
            collects: true,
        }
    }

    /// Has no more asked of the remote tier in the outermost scope around this: one request waits
    /// for a store that does not answer once.
    pub(crate) fn give_up(&self) {
        if let Some(inner) = &self.inner {
            inner.given_up.store(true, Ordering::Relaxed);
        }
    }

    /// Tells whether the remote tier did not answer before.
    pub(crate) fn has_given_up(&self) -> bool {
        let inner = self.inner.as_ref();
        inner.is_some_and(|inner| inner.given_up.load(Ordering::Relaxed))
    }

    /// Returns what this scope collects into, if it collects.
    fn collecting(&self) -> Option<&Arc<Inner>> {
        self.inner.as_ref().filter(|_| self.collects)
    }

    /// Returns the state; `None` if nothing is collected, or no more.
    fn state(&self) -> Option<MutexGuard<'_, State>> {
        let inner = self.collecting()?;
        let state = inner.state.lock().unwrap_or_else(PoisonError::into_inner);
        (!state.ended).then_some(state)
    }

    /// Returns the state if `node` is the scope's own; marks of another node mean nothing here.
    fn state_of(&self, node: &Arc<Node>) -> Option<MutexGuard<'_, State>> {
        let foreign = self
            .collecting()
            .is_some_and(|inner| !Arc::ptr_eq(&inner.node, node));
        if foreign {
            self.refuse(Refusal::ForeignLarder);
            return None;
        }
        self.state()
    }
}

impl fmt::Debug for ReadScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadScope")
    }
}

impl State {
    fn new() -> Self {
        Self {
            marks: MarkSet::default(),
            position: Position::new(u64::MAX),
            as_of: Moment::MAX,
            expires: Moment::MAX,
            scope: Scope::Public,
            refusal: None,
            details: None,
            incarnation: None,
            ended: false,
        }
    }

    fn limit(&mut self, position: Position, as_of: Moment, expires: Moment) {
        self.position = self.position.min(position);
        self.as_of = self.as_of.min(as_of);
        self.expires = self.expires.min(expires);
    }

    fn belong(&mut self, incarnation: u64) {
        if *self.incarnation.get_or_insert(incarnation) != incarnation {
            self.refusal.get_or_insert(Refusal::NewIncarnation);
        }
    }

    fn narrow(&mut self, scope: &Scope) {
        match self.scope.narrow(scope) {
            Ok(scope) => self.scope = scope,
            Err(refusal) => {
                self.refusal.get_or_insert(refusal);
            }
        }
    }

    fn provenance(mut self) -> Provenance {
        Provenance {
            marks: self.marks.take(),
            position: self.position,
            as_of: self.as_of,
            expires: self.expires,
            scope: self.scope,
            refusal: self.refusal,
            details: self.details,
            incarnation: self.incarnation,
        }
    }
}

/// Counts a task of a scope as long as it runs.
struct Running(Arc<Inner>);

impl Running {
    fn new(inner: Arc<Inner>) -> Self {
        inner.tasks.fetch_add(1, Ordering::AcqRel);
        Self(inner)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.tasks.fetch_sub(1, Ordering::AcqRel);
    }
}
