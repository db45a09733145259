//! A body that is gathered by one task and read by others.
//!
//! 1. The task goes ahead of its readers, up to the limit of what is kept: a client that reads slowly,
//!    or not at all, holds up nobody. It stops when the last reader leaves, so that one of those who
//!    wait can load for itself.
//! 2. The first reader gets the body as it would have come: its error, its rest above the limit. The
//!    others read along; one that breaks is cut for them, which they are told.
//! 3. Above the limit nothing is kept, and if there are others the task passes the rest on: it is at most
//!    [`AHEAD`] ahead of the foremost reader, and holds what the others have not read up to
//!    [`WINDOW`], or the limit if that is more. Who falls behind further is cut: one that reads slowly
//!    neither holds up the others nor takes memory without end.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};

use crate::body::Tail;
use crate::body::gather::{End, Gathered, poll_frames};

/// How far the task may be ahead of the foremost reader of a body above the limit.
const AHEAD: usize = 256 * 1024;
/// How far a reader of such a body may fall behind.
pub(crate) const WINDOW: usize = 4 * 1024 * 1024;

/// The place where a body is gathered and read.
pub(crate) struct Feed<B: Body>(Mutex<State<B>>);

struct State<B: Body> {
    gathered: Gathered,
    /// How it goes on for the first reader.
    tail: Option<Tail<B>>,
    end: Option<Ending>,
    reading: Vec<(u64, Waker)>,
    writing: Option<Waker>,
    readers: usize,
    /// The first reader is one of them.
    has_first: bool,
    /// The number of the next reader.
    next: u64,
    /// It runs to its end whether it is read or not.
    runs_on: bool,
    /// How far the foremost reader is.
    foremost: usize,
    /// It is above the limit, and passed on: so much of it is held.
    window: Option<usize>,
}

/// How a body ended for those who read along.
#[derive(Clone)]
enum Ending {
    Clean(Option<HeaderMap>),
    Cut,
}

/// What a reader gets.
pub(crate) enum Fed<B: Body> {
    Chunk(Bytes),
    Tail(Tail<B>),
}

/// The end of a feed that is gathered into. Dropped before its end, its readers are cut.
pub(crate) struct Writer<B: Body>(Arc<Feed<B>>);

/// An end of a feed that is read from. The last that is dropped stops the writer.
pub(crate) struct Reader<B: Body> {
    feed: Arc<Feed<B>>,
    number: u64,
    read: usize,
    /// It leaves no trace: it has all it needs.
    is_done: bool,
}

/// The readers are gone.
#[derive(Debug)]
pub(crate) struct Abandoned;

/// Opens a feed that holds `gathered` already.
pub(crate) fn open<B: Body>(gathered: Gathered) -> (Writer<B>, Reader<B>) {
    let state = State {
        gathered,
        tail: None,
        end: None,
        reading: Vec::new(),
        writing: None,
        readers: 1,
        has_first: true,
        next: 1,
        runs_on: false,
        foremost: 0,
        window: None,
    };
    let feed = Arc::new(Feed(Mutex::new(state)));
    let reader = Reader {
        feed: Arc::clone(&feed),
        number: 0,
        read: 0,
        is_done: false,
    };
    (Writer(feed), reader)
}

impl<B: Body> Feed<B> {
    /// Reads along from the beginning; `None` if nobody does any more, or if it was cut.
    pub(crate) fn reader(self: &Arc<Self>) -> Option<Reader<B>> {
        let mut state = self.state();
        let is_gone = state.readers == 0 && !state.runs_on && state.end.is_none();
        if is_gone || state.window.is_some() || matches!(state.end, Some(Ending::Cut)) {
            return None;
        }
        state.readers += 1;
        state.next += 1;
        Some(Reader {
            feed: Arc::clone(self),
            number: state.next,
            read: 0,
            is_done: false,
        })
    }

    fn state(&self) -> MutexGuard<'_, State<B>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, frame: Frame<B::Data>) -> bool {
        let mut state = self.state();
        let fits = state.gathered.take(frame);
        if let Some(window) = state.window {
            state.gathered.keep_last(window);
        }
        wake_readers(state);
        fits
    }

    fn end(&self, tail: Tail<B>) {
        let mut state = self.state();
        if state.end.is_none() {
            state.end = Some(match &tail {
                Tail::Ended(trailers) => Ending::Clean(trailers.clone()),
                Tail::Rest(_) | Tail::Failed(_) | Tail::Cut => Ending::Cut,
            });
            state.tail = Some(tail);
        }
        wake_readers(state);
    }
}

fn wake_readers<B: Body>(mut state: MutexGuard<'_, State<B>>) {
    let reading = std::mem::take(&mut state.reading);
    drop(state);
    for (_, waker) in reading {
        waker.wake();
    }
}

impl<B: Body> State<B> {
    /// Returns what comes behind all that was gathered, for this reader.
    fn tail_for(&mut self, number: u64) -> Option<Tail<B>> {
        match self.end.as_ref()? {
            Ending::Clean(trailers) => Some(Tail::Ended(trailers.clone())),
            Ending::Cut if number > 0 => Some(Tail::Cut),
            Ending::Cut => self.tail.take(),
        }
    }

    /// Notes how far a reader is; returns the task, if it waits for that.
    fn advanced(&mut self, read: usize) -> Option<Waker> {
        let waits = self.window.is_some() && read > self.foremost;
        self.foremost = self.foremost.max(read);
        self.writing.take_if(|_| waits)
    }

    fn wait(&mut self, number: u64, cx: &Context<'_>) {
        self.reading.retain(|(other, _)| *other != number);
        self.reading.push((number, cx.waker().clone()));
    }
}

impl<B: Body> Writer<B> {
    /// Returns the feed, to be read along.
    pub(crate) fn feed(&self) -> Arc<Feed<B>> {
        Arc::clone(&self.0)
    }

    /// Gathers what the body has now. No lock is held while the body is polled.
    pub(crate) fn poll(
        &self,
        body: Pin<&mut B>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<End<B::Error>, Abandoned>> {
        let mut state = self.0.state();
        if state.readers == 0 && !state.runs_on {
            return Poll::Ready(Err(Abandoned));
        }
        state.writing = Some(cx.waker().clone());
        drop(state);
        poll_frames(body, cx, |frame| self.0.take(frame)).map(Ok)
    }

    /// Passes on a body above the limit to its end; the first reader alone gets the rest itself.
    pub(crate) async fn pass_on(self, mut body: Pin<Box<B>>, limit: u64) {
        if !self.opens_window(limit) {
            return self.end(Tail::Rest(body));
        }
        match poll_fn(|cx| self.poll_rest(body.as_mut(), cx)).await {
            Ok(Some(error)) => self.end(Tail::Failed(error)),
            Ok(None) => {
                let trailers = self.0.state().gathered.trailers().cloned();
                self.end(Tail::Ended(trailers));
            }
            Err(Abandoned) => {}
        }
    }

    /// Begins to hold only the last of what comes; false if there is none but the first reader.
    fn opens_window(&self, limit: u64) -> bool {
        let mut state = self.0.state();
        let others = state.readers > usize::from(state.has_first);
        if others {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            state.window = Some(limit.max(WINDOW));
        }
        others
    }

    /// Takes frames as long as the foremost reader keeps up; returns the body's error, if it ends in one.
    fn poll_rest(
        &self,
        mut body: Pin<&mut B>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<B::Error>, Abandoned>> {
        loop {
            let mut state = self.0.state();
            if state.readers == 0 {
                return Poll::Ready(Err(Abandoned));
            }
            state.writing = Some(cx.waker().clone());
            if state.gathered.len() - state.foremost >= AHEAD {
                return Poll::Pending;
            }
            drop(state);
            match ready!(body.as_mut().poll_frame(cx)) {
                None => return Poll::Ready(Ok(None)),
                Some(Err(error)) => return Poll::Ready(Ok(Some(error))),
                Some(Ok(frame)) => {
                    self.0.take(frame);
                }
            }
        }
    }

    /// Returns what was gathered, whole: bytes and trailers.
    pub(crate) fn close(&self) -> (Bytes, Option<HeaderMap>) {
        let mut state = self.0.state();
        (state.gathered.close(), state.gathered.trailers().cloned())
    }

    /// Says how the body goes on, or that it does not.
    pub(crate) fn end(self, tail: Tail<B>) {
        self.0.end(tail);
    }
}

impl<B: Body> Drop for Writer<B> {
    fn drop(&mut self) {
        self.0.end(Tail::Cut);
    }
}

impl<B: Body> Reader<B> {
    /// Returns the bytes not read yet, or how the body goes on behind them.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Fed<B>> {
        let mut state = self.feed.state();
        if let Some(chunk) = state.gathered.since(self.read) {
            self.read += chunk.len();
            let writing = state.advanced(self.read);
            drop(state);
            if let Some(writing) = writing {
                writing.wake();
            }
            return Poll::Ready(Fed::Chunk(chunk));
        }
        if state.gathered.is_gone(self.read) {
            return Poll::Ready(Fed::Tail(Tail::Cut));
        }
        if let Some(tail) = state.tail_for(self.number) {
            return Poll::Ready(Fed::Tail(tail));
        }
        state.wait(self.number, cx);
        Poll::Pending
    }

    /// Lets the writer run to its end, also when the readers leave.
    pub(crate) fn let_run(&mut self) {
        self.is_done = true;
        self.feed.state().runs_on = true;
    }

    /// Leaves without stopping the writer.
    pub(crate) fn detach(mut self) {
        self.let_run();
    }
}

impl<B: Body> Drop for Reader<B> {
    fn drop(&mut self) {
        let mut state = self.feed.state();
        state.readers -= 1;
        state.has_first &= self.number > 0;
        state.reading.retain(|(other, _)| *other != self.number);
        let writing = if state.readers == 0 && !self.is_done {
            state.writing.take()
        } else {
            None
        };
        drop(state);
        if let Some(writing) = writing {
            writing.wake();
        }
    }
}
