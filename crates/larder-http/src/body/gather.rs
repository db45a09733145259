//! Gathers a body, frame by frame, up to a limit.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame};

/// How many frames are taken at once before others get their turn.
const FRAMES_AT_ONCE: usize = 64;

/// The most room that is made for a body before it has come.
const BELIEVED: u64 = 1024 * 1024;

/// From this size on a body that comes in one frame is kept as it is, without a copy.
const LARGE: usize = 1024 * 1024;

/// The most that is copied for a reader at once.
const CHUNK: usize = 128 * 1024;

/// How gathering a body ended.
#[derive(Debug)]
pub(crate) enum End<E> {
    /// At the body's end.
    Clean,
    /// Above the limit; the body may go on.
    TooLarge,
    /// With the body's error.
    Broken(E),
}

/// What was gathered of a body.
#[derive(Debug)]
pub(crate) struct Gathered {
    bytes: Vec<u8>,
    /// All of it, in one piece that is not copied: a large first frame, or what was closed.
    piece: Option<Bytes>,
    /// How much of the beginning has been let go of.
    gone: usize,
    trailers: Option<HeaderMap>,
    limit: u64,
}

impl Gathered {
    /// Gathers up to `limit` bytes of a body that says it is `expected` bytes long.
    pub(crate) fn new(limit: u64, expected: u64) -> Self {
        // What a body says of its length is not believed beyond this before it has come.
        let capacity = usize::try_from(expected.min(limit).min(BELIEVED)).unwrap_or_default();
        Self {
            bytes: Vec::with_capacity(capacity),
            piece: None,
            gone: 0,
            trailers: None,
            limit,
        }
    }

    /// Returns how many bytes have come so far.
    pub(crate) fn len(&self) -> usize {
        self.gone + self.piece.as_ref().map_or(self.bytes.len(), Bytes::len)
    }

    /// Tells whether the bytes behind the first `read` are no longer here.
    pub(crate) fn is_gone(&self, read: usize) -> bool {
        read < self.gone
    }

    /// Lets go of the beginning, so that at most `most` bytes stay and a quarter more.
    pub(crate) fn keep_last(&mut self, most: usize) {
        if let Some(piece) = self.piece.take() {
            self.bytes = piece.into();
        }
        if self.bytes.len() > most.saturating_add(most / 4) {
            let surplus = self.bytes.len() - most;
            self.bytes.drain(..surplus);
            self.gone += surplus;
        }
    }

    /// Returns the bytes behind the first `read`, if there are any.
    pub(crate) fn since(&self, read: usize) -> Option<Bytes> {
        let read = read.checked_sub(self.gone)?;
        if let Some(all) = &self.piece {
            return (read < all.len()).then(|| all.slice(read..));
        }
        let unread = self.bytes.get(read..).filter(|unread| !unread.is_empty())?;
        Some(Bytes::copy_from_slice(&unread[..unread.len().min(CHUNK)]))
    }

    /// Ends the gathering and returns all bytes, which are not copied any more.
    pub(crate) fn close(&mut self) -> Bytes {
        let bytes = &mut self.bytes;
        let all = self
            .piece
            .get_or_insert_with(|| std::mem::take(bytes).into_boxed_slice().into());
        all.clone()
    }

    /// Returns the trailers, which come last.
    pub(crate) fn trailers(&self) -> Option<&HeaderMap> {
        self.trailers.as_ref()
    }

    /// Takes what was gathered: bytes and trailers.
    pub(crate) fn into_parts(mut self) -> (Bytes, Option<HeaderMap>) {
        (self.close(), self.trailers)
    }

    /// Takes the frames that are there now. Pending while the body is, and between turns.
    pub(crate) fn poll<B: Body>(
        &mut self,
        body: Pin<&mut B>,
        cx: &mut Context<'_>,
    ) -> Poll<End<B::Error>> {
        poll_frames(body, cx, |frame| self.take(frame))
    }

    /// Takes a frame; false above the limit.
    pub(crate) fn take<D: Buf>(&mut self, frame: Frame<D>) -> bool {
        match frame.into_data() {
            Ok(data) => self.take_data(data),
            Err(frame) => self.trailers = frame.into_trailers().ok().or(self.trailers.take()),
        }
        u64::try_from(self.len()).unwrap_or(u64::MAX) <= self.limit
    }

    fn take_data(&mut self, mut data: impl Buf) {
        let length = data.remaining();
        let is_one = self.len() == 0 && length >= LARGE && data.chunk().len() == length;
        if is_one {
            self.piece = Some(data.copy_to_bytes(length));
            return;
        }
        if let Some(piece) = self.piece.take() {
            self.bytes = piece.into();
        }
        while data.has_remaining() {
            let chunk = data.chunk();
            let length = chunk.len();
            self.bytes.extend_from_slice(chunk);
            data.advance(length);
        }
    }
}

/// Hands the frames that are there now to `take`, until it says that they are too many.
///
/// A body that is always ready gives way to others from time to time.
pub(crate) fn poll_frames<B: Body>(
    mut body: Pin<&mut B>,
    cx: &mut Context<'_>,
    mut take: impl FnMut(Frame<B::Data>) -> bool,
) -> Poll<End<B::Error>> {
    for _ in 0..FRAMES_AT_ONCE {
        match ready!(body.as_mut().poll_frame(cx)) {
            None => return Poll::Ready(End::Clean),
            Some(Err(error)) => return Poll::Ready(End::Broken(error)),
            Some(Ok(frame)) => {
                if !take(frame) {
                    return Poll::Ready(End::TooLarge);
                }
            }
        }
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}
