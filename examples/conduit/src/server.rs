//! A running server: from settings to an address, and down again.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use larder::Larder;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::app::App;
use crate::config::Config;
use crate::error::Error;

/// How long requests that have begun may take once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// A Conduit that serves; dropped, it stops without waiting.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<io::Result<()>>,
    app: App,
}

/// Opens the application of these settings and serves it at their address.
///
/// # Errors
/// When a setting, the database or the address does not do.
pub async fn serve(config: &Config) -> Result<Server, Error> {
    let listener = listen(&config.listen).await?;
    start(listener, App::open(config).await?)
}

/// Serves it as [`serve`] does, over a cache that is there; see [`App::open_over`].
///
/// # Errors
/// When a setting, the database or the address does not do.
pub async fn serve_over(config: &Config, larder: Larder) -> Result<Server, Error> {
    let listener = listen(&config.listen).await?;
    start(listener, App::open_over(config, larder).await?)
}

fn start(listener: TcpListener, app: App) -> Result<Server, Error> {
    let address = listener.local_addr().map_err(Error::Serve)?;
    let (stop, stopped) = oneshot::channel();
    let serving = axum::serve(listener, app.router()).with_graceful_shutdown(async {
        // A dropped sender says stop as well.
        let _ = stopped.await;
    });
    let serving = tokio::spawn(serving.into_future());
    Ok(Server {
        address,
        stop,
        serving,
        app,
    })
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets what has begun end, up to ten seconds, and closes the application.
    ///
    /// # Errors
    /// When the server had failed, or the application does not close.
    pub async fn stop(self) -> Result<(), Error> {
        let _ = self.stop.send(());
        let abort = self.serving.abort_handle();
        match timeout(DRAIN, self.serving).await {
            Ok(served) => served
                .map_err(io::Error::other)
                .flatten()
                .map_err(Error::Serve)?,
            Err(_) => abort.abort(),
        }
        self.app.close().await
    }
}

/// Listens, from now on, for the process being asked to stop by SIGTERM or ctrl-c.
///
/// What is returned ends when it was.
///
/// # Errors
/// When the system does not let us listen.
pub fn asked_to_stop() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

async fn listen(address: &str) -> Result<TcpListener, Error> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| Error::Listen {
        address: address.to_owned(),
        source,
    })
}
