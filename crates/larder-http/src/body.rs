//! The body of a response that went through the layer.
//!
//! 1. A body that is not to be kept is passed on as it is, frame by frame.
//! 2. One that is kept and complete is a single chunk and its trailers. A large one comes in pieces, and
//!    behind the first, small one it waits for a turn: a server writes what it has by then, so that the
//!    first byte of 32 MiB is out as soon as that of a few bytes.
//! 3. One that turned out too large, too short, too slow or broken is replayed: what was gathered,
//!    then the rest, the error or the end, just as it would have come without the cache.
//! 4. One that ended before its end, for reasons that are another's, ends with an error of its own: half a
//!    body is never passed off as a whole one.
//! 5. One that still runs is read from the [`Feed`](feed::Feed) it is gathered in.

pub(crate) mod error;
pub(crate) mod feed;
pub(crate) mod gather;

use std::fmt;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use larder_core::ReadScope;
use pin_project_lite::pin_project;

use crate::body::error::BodyError;
use crate::body::feed::{Fed, Reader};

/// Up to this size what is there is handed on as one.
const ONE: usize = 64 * 1024;
/// Of more than that, this much first.
const FIRST: usize = 8 * 1024;
/// And then this much at once: a server that is handed 32 MiB holds on to them until all are written.
const PIECE: usize = 64 * 1024;

pin_project! {
    /// The body of a response that went through a [`CacheLayer`](crate::CacheLayer).
    pub struct CacheBody<B>
    where
        B: Body,
    {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProjected]
    enum Kind<B>
    where
        B: Body,
    {
        Passed { #[pin] body: B },
        Kept { bytes: Bytes, trailers: Option<Box<HeaderMap>>, start: Start },
        Replayed { replay: Box<Replay<B>> },
        Running { running: Box<Running<B>> },
    }
}

/// How far a large body that is kept has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// Not at all.
    Due,
    /// Its first piece is handed on, and may be written.
    Written,
    /// The rest comes as fast as it is asked for.
    Over,
}

/// A body that is gathered while it is read.
struct Running<B: Body> {
    reader: Reader<B>,
    /// How long it says the rest is.
    left: Option<u64>,
}

/// What was gathered of a body, and what comes after it.
pub(crate) struct Replay<B: Body> {
    pub(crate) first: Bytes,
    pub(crate) tail: Tail<B>,
}

/// What polling a body gives.
type PolledFrame<D, E> = Poll<Option<Result<Frame<D>, E>>>;

/// How a body goes on behind what was gathered.
pub(crate) enum Tail<B: Body> {
    /// With the rest of it.
    Rest(Pin<Box<B>>),
    /// With its error.
    Failed(B::Error),
    /// With its trailers, if any, and then not at all.
    Ended(Option<HeaderMap>),
    /// It broke for another, or its task is gone: it panicked.
    Cut,
}

impl<B: Body> CacheBody<B> {
    pub(crate) fn passed(body: B) -> Self {
        Self {
            kind: Kind::Passed { body },
        }
    }

    pub(crate) fn kept(bytes: Bytes, trailers: Option<HeaderMap>) -> Self {
        Self {
            kind: Kind::Kept {
                bytes,
                trailers: trailers.map(Box::new),
                start: Start::Due,
            },
        }
    }

    pub(crate) fn empty() -> Self {
        Self::kept(Bytes::new(), None)
    }

    pub(crate) fn replayed(first: Bytes, tail: Tail<B>) -> Self {
        Self {
            kind: Kind::Replayed {
                replay: Box::new(Replay { first, tail }),
            },
        }
    }

    /// Reads a body while it is gathered; `left` is how long it says it is.
    pub(crate) fn running(reader: Reader<B>, left: Option<u64>) -> Self {
        Self {
            kind: Kind::Running {
                running: Box::new(Running { reader, left }),
            },
        }
    }

    /// Lets a body that is gathered come to its end without a reader.
    pub(crate) fn detach(self) {
        if let Kind::Running { running } = self.kind {
            running.reader.detach();
        }
    }
}

impl<B: Body> Body for CacheBody<B> {
    type Data = Bytes;
    type Error = BodyError<B::Error>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> PolledFrame<Bytes, BodyError<B::Error>> {
        let mut kind = self.project().kind;
        loop {
            match kind.as_mut().project() {
                KindProjected::Passed { body } => {
                    return poll_in_scope(body, cx).map_err(BodyError::Inner);
                }
                KindProjected::Kept {
                    bytes,
                    trailers,
                    start,
                } => {
                    let trailers = || trailers.take().map(|trailers| Frame::trailers(*trailers));
                    let chunk = ready!(start.chunk(bytes, cx));
                    return Poll::Ready(chunk.or_else(trailers).map(Ok));
                }
                KindProjected::Replayed { replay } => return replay.poll_frame(cx),
                KindProjected::Running { running } => match ready!(running.poll(cx)) {
                    Fed::Chunk(bytes) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                    Fed::Tail(tail) => kind.set(Kind::Replayed {
                        replay: Box::new(Replay {
                            first: Bytes::new(),
                            tail,
                        }),
                    }),
                },
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Passed { body } => body.is_end_stream(),
            Kind::Kept {
                bytes, trailers, ..
            } => bytes.is_empty() && trailers.is_none(),
            Kind::Replayed { replay } => replay.is_end_stream(),
            Kind::Running { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Passed { body } => body.size_hint(),
            Kind::Kept { bytes, .. } => exact(bytes),
            Kind::Replayed { replay } => replay.size_hint(),
            Kind::Running { running } => running
                .left
                .map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}

impl<B: Body> fmt::Debug for CacheBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.kind {
            Kind::Passed { .. } => "passed",
            Kind::Kept { .. } => "kept",
            Kind::Replayed { .. } => "replayed",
            Kind::Running { .. } => "running",
        };
        f.debug_struct("CacheBody")
            .field("kind", &kind)
            .finish_non_exhaustive()
    }
}

impl Start {
    /// Takes the next piece, if there is one.
    fn chunk(&mut self, bytes: &mut Bytes, cx: &mut Context<'_>) -> Poll<Option<Frame<Bytes>>> {
        if *self == Self::Due && bytes.len() > ONE {
            *self = Self::Written;
            return Poll::Ready(Some(Frame::data(bytes.split_to(FIRST))));
        }
        if std::mem::replace(self, Self::Over) == Self::Written {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(chunk(bytes))
    }
}

impl<B: Body> Running<B> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Fed<B>> {
        let fed = ready!(self.reader.poll(cx));
        if let Fed::Chunk(bytes) = &fed {
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            self.left = self.left.map(|left| left.saturating_sub(length));
            if self.left == Some(0) {
                // Who has all that was announced asks for no end: a server lets go of it here.
                self.reader.let_run();
            }
        }
        Poll::Ready(fed)
    }
}

impl<B: Body> Replay<B> {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> PolledFrame<Bytes, BodyError<B::Error>> {
        if let Some(first) = chunk(&mut self.first) {
            return Poll::Ready(Some(Ok(first)));
        }
        if let Tail::Rest(body) = &mut self.tail {
            return poll_in_scope(body.as_mut(), cx).map_err(BodyError::Inner);
        }
        Poll::Ready(match std::mem::replace(&mut self.tail, Tail::Ended(None)) {
            Tail::Failed(error) => Some(Err(BodyError::Inner(error))),
            Tail::Ended(trailers) => trailers.map(|trailers| Ok(Frame::trailers(trailers))),
            // An end here would pass off half a body as a whole one.
            Tail::Cut => Some(Err(BodyError::Cut)),
            Tail::Rest(_) => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_empty()
            && match &self.tail {
                Tail::Rest(body) => body.is_end_stream(),
                Tail::Ended(trailers) => trailers.is_none(),
                Tail::Failed(_) | Tail::Cut => false,
            }
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = exact(&self.first);
        if let Tail::Rest(body) = &self.tail {
            let (first, rest) = (hint.lower(), body.size_hint());
            hint = SizeHint::new();
            hint.set_lower(rest.lower().saturating_add(first));
            if let Some(upper) = rest.upper() {
                hint.set_upper(upper.saturating_add(first));
            }
        } else if matches!(self.tail, Tail::Failed(_) | Tail::Cut) {
            let first = hint.lower();
            hint = SizeHint::new();
            hint.set_lower(first);
        }
        hint
    }
}

/// Polls a body inside the enclosing read scope, or, without one, inside a scope that collects
/// nothing: what it reads is read for no entry, and is not lost either.
fn poll_in_scope<B: Body>(body: Pin<&mut B>, cx: &mut Context<'_>) -> PolledFrame<Bytes, B::Error> {
    let polled = match ReadScope::current() {
        Some(_) => body.poll_frame(cx),
        None => poll_untracked(body, cx),
    };
    polled.map_ok(|frame| frame.map_data(|mut data| data.copy_to_bytes(data.remaining())))
}

fn poll_untracked<B: Body>(
    mut body: Pin<&mut B>,
    cx: &mut Context<'_>,
) -> PolledFrame<B::Data, B::Error> {
    let poll = std::future::poll_fn(|cx| Poll::Ready(body.as_mut().poll_frame(cx)));
    match pin!(ReadScope::untracked().run(poll)).poll(cx) {
        Poll::Ready(polled) => polled,
        Poll::Pending => Poll::Pending,
    }
}

/// Takes the next piece, if there is one.
fn chunk(bytes: &mut Bytes) -> Option<Frame<Bytes>> {
    let next = if bytes.len() > ONE {
        bytes.split_to(PIECE)
    } else {
        std::mem::take(bytes)
    };
    (!next.is_empty()).then(|| Frame::data(next))
}

fn exact(bytes: &Bytes) -> SizeHint {
    SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
}
