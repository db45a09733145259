//! Answers row by row.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt as _};
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, StatementBuilder, StreamTrait,
};

use super::CachedConnection;
use crate::bypass::{drop_own, own};
use crate::session::Turn;
use crate::statement::{Intent, Read, Write};

/// The rows of a statement, one after the other.
///
/// In a transaction it holds the connection until it is dropped, as `SeaORM`'s own does.
pub struct CachedStream<'a> {
    // Before the turn: what is dropped first lets go of the connection.
    rows: BoxStream<'a, Result<QueryResult, DbErr>>,
    turn: Option<Turn>,
}

impl Stream for CachedStream<'_> {
    type Item = Result<QueryResult, DbErr>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.rows.as_mut().poll_next(cx);
        if let (Poll::Ready(Some(Err(error))), Some(turn)) = (&next, &self.turn) {
            turn.failed(error);
        }
        next
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rows.size_hint()
    }
}

/// `SeaORM` tells of a stream when it is dropped.
impl Drop for CachedStream<'_> {
    fn drop(&mut self) {
        drop_own(mem::replace(&mut self.rows, stream::empty().boxed()));
    }
}

impl fmt::Debug for CachedStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CachedStream")
    }
}

type Opening<'a> = Pin<Box<dyn Future<Output = Result<CachedStream<'a>, DbErr>> + Send + 'a>>;

impl<C> StreamTrait for CachedConnection<C>
where
    C: ConnectionTrait + StreamTrait + 'static,
{
    type Stream<'a>
        = CachedStream<'a>
    where
        C: 'a;

    fn get_database_backend(&self) -> DbBackend {
        self.domain.backend
    }

    fn stream_raw(&self, statement: Statement) -> Opening<'_> {
        match Intent::of_raw(&statement, &self.domain, &self.reader) {
            Intent::Read(read) => self.open(read, self.inner().stream_raw(statement)),
            Intent::Write(write) => self.written(write),
        }
    }

    fn stream<'a, S: StatementBuilder + Sync>(&'a self, statement: &S) -> Opening<'a> {
        match Intent::of(statement, &self.domain, &self.reader) {
            Intent::Read(read) => self.open(read, self.inner().stream(statement)),
            Intent::Write(write) => self.written(write),
        }
    }
}

impl<C: ConnectionTrait + StreamTrait + 'static> CachedConnection<C> {
    /// Records the read, then sends it: `rows` does nothing before it is polled.
    fn open<'a>(
        &'a self,
        read: Read,
        rows: impl Future<Output = Result<C::Stream<'a>, DbErr>> + Send + 'a,
    ) -> Opening<'a> {
        Box::pin(async move {
            let turn = self.reading(&read.untold()).await;
            Ok(CachedStream {
                rows: own(rows).await?.boxed(),
                turn,
            })
        })
    }

    /// Streams the rows a write returned once it is done, and published if nothing holds it back.
    fn written(&self, write: Box<Write>) -> Opening<'_> {
        Box::pin(async move {
            let rows = self.rows(write).await?;
            Ok(CachedStream {
                rows: stream::iter(rows.into_iter().map(Ok)).boxed(),
                turn: None,
            })
        })
    }
}
