//! A server that answers anything but what it should.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use larder_core::{Clock as _, SystemClock};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::node::Node;
use crate::server::Server;
use crate::world::World;

/// What the server does.
#[derive(Clone, Copy, Debug)]
enum Mood {
    /// What the one behind it does.
    Well,
    /// It takes everything and says nothing.
    Silent,
    /// Each answer comes so much later.
    Slow(Duration),
    /// It answers each command with these bytes.
    Says(&'static [u8]),
    /// The same, but greets those who come.
    Refuses(&'static [u8]),
    /// It ends the connection instead of an answer.
    HangsUp,
}

type Shared = Arc<Mutex<Mood>>;

/// A server in front of a real one.
struct Scripted {
    address: SocketAddr,
    mood: Shared,
    _accepts: JoinSet<()>,
}

impl Scripted {
    async fn before(server: &Server) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mood = Arc::new(Mutex::new(Mood::Well));
        let (shared, behind) = (Arc::clone(&mood), server.address());
        let mut accepts = JoinSet::new();
        accepts.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    if let Ok(far) = TcpStream::connect(behind).await {
                        serve(near, far, shared).await;
                    }
                });
            }
        });
        Self {
            address,
            mood,
            _accepts: accepts,
        }
    }
}

async fn serve(near: TcpStream, far: TcpStream, mood: Shared) {
    near.set_nodelay(true).unwrap();
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    let (answers, due) = mpsc::unbounded_channel();
    tokio::select! {
        () = requests(near_read, far_write, answers.clone(), &mood) => {}
        () = replies(far_read, answers, &mood) => {}
        () = deliver(due, near_write) => {}
    }
}

type Answers = mpsc::UnboundedSender<(Instant, Vec<u8>)>;

async fn requests(
    mut near: OwnedReadHalf,
    mut far: OwnedWriteHalf,
    answers: Answers,
    mood: &Shared,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = near.read(&mut buffer).await {
        let bytes = &buffer[..count];
        let now = *mood.lock().unwrap();
        // The greeting: HELLO, CLIENT ID, and INFO of the server.
        let greets = [&b"HELLO"[..], b"CLIENT", b"server"]
            .iter()
            .any(|word| bytes.windows(word.len()).any(|part| part == *word));
        match now {
            Mood::Silent => {}
            Mood::HangsUp => return,
            Mood::Refuses(_) if greets => {
                if far.write_all(bytes).await.is_err() {
                    return;
                }
            }
            Mood::Says(said) | Mood::Refuses(said) => {
                let commands = bytes
                    .windows(2)
                    .filter(|pair| pair[0] == b'*' && pair[1].is_ascii_digit());
                let said = said.repeat(commands.count().max(1));
                if answers.send((Instant::now(), said)).is_err() {
                    return;
                }
            }
            Mood::Well | Mood::Slow(_) => {
                if far.write_all(bytes).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn replies(mut far: OwnedReadHalf, answers: Answers, mood: &Shared) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = far.read(&mut buffer).await {
        let later = match *mood.lock().unwrap() {
            Mood::Slow(later) => later,
            Mood::Silent => continue,
            _ => Duration::ZERO,
        };
        let answer = (Instant::now() + later, buffer[..count].to_vec());
        if answers.send(answer).is_err() {
            return;
        }
    }
}

async fn deliver(mut due: mpsc::UnboundedReceiver<(Instant, Vec<u8>)>, mut near: OwnedWriteHalf) {
    while let Some((at, bytes)) = due.recv().await {
        sleep_until(at).await;
        if near.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

const LASTS: Duration = Duration::from_millis(2500);

async fn bears(name: &str, mood: Mood) -> Option<World> {
    let server = Server::start()?;
    let scripted = Scripted::before(&server).await;
    let url = format!("redis://{}", scripted.address);
    let world = World::over(vec![server], &url).await;
    let set = |mood| *scripted.mood.lock().unwrap() = mood;
    Some(
        world
            .bears(name, |_| set(mood), LASTS, |_| set(Mood::Well))
            .await,
    )
}

macro_rules! borne {
    ($($name:ident: $mood:expr;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                bears(stringify!($name), $mood).await;
            }
        )*
    };
}

borne! {
    a_server_that_says_nothing: Mood::Silent;
    a_server_that_is_slow_enough: Mood::Slow(Duration::from_millis(12));
    a_server_that_is_just_too_slow: Mood::Slow(Duration::from_millis(32));
    a_server_that_is_far_too_slow: Mood::Slow(Duration::from_millis(700));
    a_server_that_speaks_http: Mood::Says(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    a_server_that_speaks_noise: Mood::Says(b"\x00\xff\x13\r\n$-7\r\n*\r\n%x\r\n");
    a_server_that_stops_in_the_midst: Mood::Says(b"$100\r\nabc");
    a_server_that_says_null: Mood::Says(b"_\r\n");
    a_server_that_says_ok: Mood::Says(b"+OK\r\n");
    a_server_that_hangs_up: Mood::HangsUp;
    a_server_that_is_loading: Mood::Refuses(b"-LOADING Redis is loading the dataset in memory\r\n");
    a_server_that_became_a_replica: Mood::Refuses(b"-READONLY You can't write against a read only replica.\r\n");
    a_server_whose_master_is_down: Mood::Refuses(b"-MASTERDOWN Link with MASTER is down\r\n");
    a_server_that_is_busy: Mood::Refuses(b"-BUSY Redis is busy running a script.\r\n");
    a_server_that_wants_a_password: Mood::Says(b"-NOAUTH Authentication required.\r\n");
    a_server_that_has_too_many_clients: Mood::Says(b"-ERR max number of clients reached\r\n");
    a_server_that_is_out_of_memory: Mood::Refuses(b"-OOM command not allowed when used memory > 'maxmemory'.\r\n");
    a_server_that_has_no_code_for_its_error: Mood::Says(b"-\r\n");
}

/// Two nodes, of which one writes a row after the other for longer than anybody is patient.
async fn writes_to_a_slow_server_are_heard_in_time(later: Duration) {
    let Some(server) = Server::start() else {
        return;
    };
    let scripted = Scripted::before(&server).await;
    let url = format!("redis://{}", scripted.address);
    let (one, two) = tokio::join!(Node::heard(&url), Node::heard(&url));
    let clock = SystemClock::new();
    *scripted.mood.lock().unwrap() = Mood::Slow(later);
    let mut written = Vec::new();
    let mut oldest = Duration::ZERO;
    let mut served = 0;
    for row in 0..300 {
        two.read(row, 1).await;
        one.write(row).await;
        written.push(clock.now());
        for (row, at) in (0..).zip(&written) {
            let now = clock.now();
            if two.served(row).await == Some(1) {
                oldest = oldest.max(now.since(*at));
                served += 1;
            }
        }
        clock.sleep(Duration::from_millis(10)).await;
    }
    println!(
        "{later:?} late: {served} served, at most {oldest:.2?} after the write; {}; {}",
        one.bus(),
        two.bus()
    );
    assert!(oldest <= Duration::from_secs(1), "{later:?}: {oldest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_to_a_slow_server_is_heard_in_time() {
    for millis in [15, 32, 60, 120, 180, 240, 290, 350] {
        writes_to_a_slow_server_are_heard_in_time(Duration::from_millis(millis)).await;
    }
}
