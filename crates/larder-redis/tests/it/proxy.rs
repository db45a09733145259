//! A proxy between a client and a server that can swallow all that passes.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A TCP proxy; its connections end with it.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    swallows: Arc<AtomicBool>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let swallows = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, server, Arc::clone(&swallows)));
        Self {
            address,
            swallows,
            _tasks: tasks,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// From now on nothing passes, in either direction, and no connection ends.
    pub(crate) fn swallow(&self) {
        self.swallows.store(true, Ordering::SeqCst);
    }

    /// New connections pass again; those of before stay dead.
    pub(crate) fn pass(&self) {
        self.swallows.store(false, Ordering::SeqCst);
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, swallows: Arc<AtomicBool>) {
    let mut pairs = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        pairs.spawn(carry(client, server, Arc::clone(&swallows)));
    }
}

async fn carry(client: TcpStream, server: SocketAddr, swallows: Arc<AtomicBool>) {
    if swallows.load(Ordering::SeqCst) {
        return hold(client).await;
    }
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = copy(from_client, to_server, &swallows) => {}
        () = copy(from_server, to_client, &swallows) => {}
    }
}

async fn copy(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    swallows: &AtomicBool,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if swallows.load(Ordering::SeqCst) {
            return std::future::pending().await;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

/// Keeps a connection open that nobody answers.
async fn hold(mut client: TcpStream) {
    let mut buffer = [0; 1024];
    while let Ok(Ok(1..)) =
        tokio::time::timeout(Duration::from_mins(1), client.read(&mut buffer)).await
    {}
}
