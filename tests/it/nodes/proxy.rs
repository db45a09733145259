//! A TCP proxy between one node and Redis, which can cut it off or swallow all it says.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It is handed on.
    Open,
    /// It is swallowed, and connections stay: a black hole.
    Swallowed,
    /// Connections are closed, and new ones too.
    Cut,
}

/// Dropped, it closes all connections.
pub(crate) struct Proxy {
    port: u16,
    way: watch::Sender<Way>,
    target: watch::Sender<SocketAddr>,
}

impl Proxy {
    /// Listens on a free port for what is meant for `target`.
    pub(crate) async fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (way, seen) = watch::channel(Way::Open);
        let (target, aim) = watch::channel(local(target));
        tokio::spawn(listen(listener, aim, seen));
        Self { port, way, target }
    }

    /// Leads connections that are made from now on to another server.
    pub(crate) fn lead_to(&self, target: u16) {
        self.target.send_replace(local(target));
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn set(&self, way: Way) {
        self.way.send_replace(way);
    }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

async fn listen(
    listener: TcpListener,
    target: watch::Receiver<SocketAddr>,
    mut way: watch::Receiver<Way>,
) {
    loop {
        let client = tokio::select! {
            client = listener.accept() => client,
            closed = way.changed() => match closed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        let Ok((client, _)) = client else { return };
        tokio::spawn(connect(client, target.clone(), way.clone()));
    }
}

async fn connect(
    client: TcpStream,
    target: watch::Receiver<SocketAddr>,
    mut way: watch::Receiver<Way>,
) {
    // What is swallowed is not connected anywhere, until it is open again.
    let opened = way.wait_for(|way| *way != Way::Swallowed).await;
    let opened = opened.is_ok_and(|way| *way == Way::Open);
    if !opened {
        return;
    }
    let target = *target.borrow();
    let Ok(server) = TcpStream::connect(target).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (client_in, client_out) = client.into_split();
    let (server_in, server_out) = server.into_split();
    tokio::join!(
        hand_on(client_in, server_out, way.clone()),
        hand_on(server_in, client_out, way),
    );
}

async fn hand_on(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut way: watch::Receiver<Way>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = tokio::select! {
            biased;
            cut = way.wait_for(|way| *way == Way::Cut) => {
                drop(cut);
                return;
            }
            read = from.read(&mut buffer) => read,
        };
        let Ok(length @ 1..) = read else { return };
        // Packets of before are lost for good: a connection that was in a hole ends with it.
        if *way.borrow() == Way::Swallowed {
            let ended = way.wait_for(|way| *way != Way::Swallowed).await;
            drop(ended);
            return;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
