//! A body that is gathered by one task and read by another.
//!
//! The task goes ahead of its reader, up to the limit of what is kept: a client that reads slowly,
//! or not at all, does not hold up those who wait for the same response. It stops when the reader
//! leaves, so that one of those who wait can load for itself.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame};

use crate::body::Tail;
use crate::body::gather::{End, Gathered, poll_frames};

/// The place where a body is gathered and read.
pub(crate) struct Feed<B: Body>(Mutex<State<B>>);

struct State<B: Body> {
    gathered: Gathered,
    tail: Option<Tail<B>>,
    reading: Option<Waker>,
    writing: Option<Waker>,
    abandoned: bool,
}

/// What a reader gets.
pub(crate) enum Fed<B: Body> {
    Chunk(Bytes),
    Tail(Tail<B>),
}

/// The end of a feed that is gathered into. Dropped before its end, its reader panics.
pub(crate) struct Writer<B: Body>(Arc<Feed<B>>);

/// The end of a feed that is read from. Dropped, it stops the writer.
pub(crate) struct Reader<B: Body> {
    feed: Arc<Feed<B>>,
    read: usize,
    detached: bool,
}

/// The reader is gone.
#[derive(Debug)]
pub(crate) struct Abandoned;

/// Opens a feed that holds `gathered` already.
pub(crate) fn open<B: Body>(gathered: Gathered) -> (Writer<B>, Reader<B>) {
    let state = State {
        gathered,
        tail: None,
        reading: None,
        writing: None,
        abandoned: false,
    };
    let feed = Arc::new(Feed(Mutex::new(state)));
    (
        Writer(Arc::clone(&feed)),
        Reader {
            feed,
            read: 0,
            detached: false,
        },
    )
}

impl<B: Body> Feed<B> {
    fn state(&self) -> MutexGuard<'_, State<B>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, frame: Frame<B::Data>) -> bool {
        let mut state = self.state();
        let fits = state.gathered.take(frame);
        wake_reader(state);
        fits
    }

    fn end(&self, tail: Tail<B>) {
        let mut state = self.state();
        state.tail.get_or_insert(tail);
        wake_reader(state);
    }
}

fn wake_reader<B: Body>(mut state: MutexGuard<'_, State<B>>) {
    let reading = state.reading.take();
    drop(state);
    if let Some(reading) = reading {
        reading.wake();
    }
}

impl<B: Body> Writer<B> {
    /// Gathers what the body has now. No lock is held while the body is polled.
    pub(crate) fn poll(
        &self,
        body: Pin<&mut B>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<End<B::Error>, Abandoned>> {
        let mut state = self.0.state();
        if state.abandoned {
            return Poll::Ready(Err(Abandoned));
        }
        state.writing = Some(cx.waker().clone());
        drop(state);
        poll_frames(body, cx, |frame| self.0.take(frame)).map(Ok)
    }

    /// Looks at what was gathered.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Gathered) -> T) -> T {
        look(&self.0.state().gathered)
    }

    /// Says how the body goes on, or that it does not.
    pub(crate) fn end(self, tail: Tail<B>) {
        self.0.end(tail);
    }
}

impl<B: Body> Drop for Writer<B> {
    fn drop(&mut self) {
        self.0.end(Tail::Lost);
    }
}

impl<B: Body> Reader<B> {
    /// Returns the bytes not read yet, or how the body goes on behind them.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Fed<B>> {
        let mut state = self.feed.state();
        let unread = &state.gathered.bytes()[self.read..];
        if !unread.is_empty() {
            let chunk = Bytes::copy_from_slice(unread);
            self.read += chunk.len();
            return Poll::Ready(Fed::Chunk(chunk));
        }
        if let Some(tail) = state.tail.take() {
            return Poll::Ready(Fed::Tail(tail));
        }
        state.reading = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Lets the writer run to its end, also when the reader leaves.
    pub(crate) fn let_run(&mut self) {
        self.detached = true;
    }

    /// Leaves without stopping the writer.
    pub(crate) fn detach(mut self) {
        self.let_run();
    }
}

impl<B: Body> Drop for Reader<B> {
    fn drop(&mut self) {
        if self.detached {
            return;
        }
        let mut state = self.feed.state();
        state.abandoned = true;
        let writing = state.writing.take();
        drop(state);
        if let Some(writing) = writing {
            writing.wake();
        }
    }
}
