//! Passwords, hashed by argon2 away from the threads that serve.

use std::sync::Arc;
use std::thread::available_parallelism;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::error::{ApiError, Error};

/// Hashes and checks passwords.
#[derive(Clone, Debug)]
pub(crate) struct Passwords {
    argon2: Arc<Argon2<'static>>,
    /// One hash a core: more at once would only hold more memory.
    turns: Arc<Semaphore>,
}

impl Passwords {
    /// Passwords at this cost.
    ///
    /// # Errors
    /// When argon2 does not work with it.
    pub(crate) fn new(memory: u32, passes: u32) -> Result<Self, Error> {
        let params = Params::new(memory, passes, 1, None).map_err(|source| Error::Hashing {
            memory,
            passes,
            source,
        })?;
        Ok(Self {
            argon2: Arc::new(Argon2::new(Algorithm::Argon2id, Version::V0x13, params)),
            turns: Arc::new(Semaphore::new(
                available_parallelism().map_or(1, usize::from),
            )),
        })
    }

    /// The hash to keep of a password, in the PHC string format.
    pub(crate) async fn hash(&self, password: String) -> Result<String, ApiError> {
        self.blocking(move |argon2| {
            argon2
                .hash_password(password.as_bytes())
                .map(|hash| hash.to_string())
        })
        .await?
        .map_err(|error| ApiError::Internal(Box::new(error)))
    }

    /// Whether `kept` is the hash of this password.
    pub(crate) async fn matches(&self, password: String, kept: String) -> Result<bool, ApiError> {
        self.blocking(move |argon2| {
            PasswordHash::new(&kept)
                .is_ok_and(|kept| argon2.verify_password(password.as_bytes(), &kept).is_ok())
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'static>) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = Arc::clone(&self.turns)
            .acquire_owned()
            .await
            .map_err(|error| ApiError::Internal(Box::new(error)))?;
        let argon2 = Arc::clone(&self.argon2);
        // The turn goes along: a request that is given up leaves its hash running.
        let done = spawn_blocking(move || {
            let answer = work(&argon2);
            drop(turn);
            answer
        });
        done.await
            .map_err(|error| ApiError::Internal(Box::new(error)))
    }
}
