//! A connection that ends with its first failure, for those who have it to themselves.

use std::time::Duration;

use fred::clients::Client;
use fred::error::{Error, ErrorKind};
use fred::interfaces::ClientLike as _;
use fred::types::ConnectHandle;
use fred::types::config::Options;
use tokio::time::timeout;

use crate::ask::{Answer, Ask, send};
use crate::recipe::Recipe;

/// No attempt to connect, to however many nodes, takes longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is looked whether the connection stands.
const LOOK: Duration = Duration::from_millis(10);

/// One connection, for as long as it holds.
pub(crate) struct Link {
    client: Client,
    task: ConnectHandle,
    options: Options,
}

impl Link {
    pub(crate) async fn open(recipe: &Recipe) -> Result<Self, Error> {
        let client = recipe.client();
        // From here on a connection that nobody wants ends with the link.
        let mut link = Self {
            task: client.connect(),
            options: recipe.options(),
            client,
        };
        let connected = timeout(PATIENCE, link.connected()).await;
        let late = || Error::new(ErrorKind::Timeout, "connecting took too long");
        connected.unwrap_or_else(|_| Err(late()))?;
        Ok(link)
    }

    async fn connected(&mut self) -> Result<(), Error> {
        while !self.client.is_connected() {
            tokio::select! {
                ended = &mut self.task => {
                    let gone = || Error::new(ErrorKind::Canceled, "the connection ended");
                    return Err(ended.ok().and_then(Result::err).unwrap_or_else(gone));
                }
                connected = self.client.wait_for_connect() => connected?,
                // What is told between two looks is told once only.
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        Ok(())
    }

    pub(crate) async fn send(&self, asks: Vec<Ask>) -> Vec<Answer> {
        send(&self.client, &self.options, asks).await
    }

    /// Sends commands of which only failures matter.
    pub(crate) async fn send_all(&self, asks: Vec<Ask>) -> Result<(), Error> {
        let answers = self.send(asks).await;
        answers.into_iter().try_for_each(|answer| answer.map(drop))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}
