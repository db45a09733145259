//! What can go wrong with a body.

use std::error::Error;
use std::fmt::{self, Debug, Display};

/// Why a [`CacheBody`](crate::CacheBody) ended before its end.
#[derive(Debug)]
#[non_exhaustive]
pub enum BodyError<E> {
    /// The wrapped service's body failed.
    Inner(E),
    /// It was another request's body, and that failed, or panicked.
    Cut,
}

impl<E: Display> Display for BodyError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inner(error) => Display::fmt(error, f),
            Self::Cut => f.write_str("the body that was read along ended before its end"),
        }
    }
}

// The inner error need be none itself: boxed ones are not.
impl<E: Debug + Display> Error for BodyError<E> {}
