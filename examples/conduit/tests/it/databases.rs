//! A database for each test: a `SQLite` file, or one on a private server of this run.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::{ConnectionTrait, Database};

/// The environment variable that says where the tests run.
const VARIABLE: &str = "CONDUIT_TEST_DATABASE";

/// Starts a server in `$dir`, tells when it answers, and ends it with this process: its standard
/// input closes then, whatever the process ends by.
const SUPERVISOR: &str = r#"
for bin in /usr/sbin /usr/lib/postgresql/*/bin; do PATH="$PATH:$bin"; done
for tool in $tools; do
    command -v "$tool" >/dev/null || { echo "missing $tool"; exit 0; }
done
dir=$(mktemp -d) || exit 1
stop() { :; }
trap 'exit 1' INT TERM
trap 'stop >>"$dir/log" 2>&1; rm -rf "$dir"' EXIT
start >>"$dir/log" 2>&1 || { cat "$dir"/log "$dir"/server >&2; exit 1; }
echo ready
read -r _
"#;

const POSTGRES: Kind = Kind {
    scheme: "postgres",
    admin: "postgres",
    script: r#"
tools="initdb pg_ctl"
start() {
    initdb -D "$dir/data" -U conduit -A trust -E UTF8 --locale=C --no-sync || return 1
    stop() { pg_ctl -D "$dir/data" -m immediate stop; }
    pg_ctl -D "$dir/data" -w -l "$dir/server" start \
        -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
}
"#,
};

const MARIADB: Kind = Kind {
    scheme: "mysql",
    admin: "mysql",
    script: r#"
tools="mariadb-install-db mariadbd mariadb-admin"
start() {
    mariadb-install-db --no-defaults --datadir="$dir/data" --skip-test-db || return 1
    printf 'CREATE USER conduit;\nGRANT ALL ON *.* TO conduit;\n' >"$dir/init"
    # A server that starts clears the folder of temporary tables: each has its own.
    mkdir "$dir/temporary"
    mariadbd --no-defaults --datadir="$dir/data" --tmpdir="$dir/temporary" --socket="$dir/socket" --pid-file="$dir/pid" \
        --port="$port" --bind-address=127.0.0.1 --skip-name-resolve --init-file="$dir/init" \
        --innodb-flush-log-at-trx-commit=0 >"$dir/server" 2>&1 &
    pid=$!
    stop() { kill "$pid"; wait "$pid"; }
    mariadb-admin --no-defaults --host=127.0.0.1 --port="$port" --user=conduit --wait=20 ping
}
"#,
};

/// One sort of server.
struct Kind {
    scheme: &'static str,
    /// The database that is there from the start.
    admin: &'static str,
    /// Sets `tools`, defines `start`, and in it `stop`.
    script: &'static str,
}

/// What a Conduit under test is to be given.
#[derive(Clone)]
pub(crate) enum Fresh {
    /// Nothing: it makes a `SQLite` file of its own.
    File,
    /// The URL of a new, empty database.
    Url(String),
}

/// A new database; `None` where its server is not installed.
pub(crate) async fn fresh() -> Option<Fresh> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    static PLACE: OnceLock<Place> = OnceLock::new();
    let server = match PLACE.get_or_init(place) {
        Place::Files => return Some(Fresh::File),
        Place::Server(server) => server,
        Place::Nowhere => return None,
    };
    let name = format!("conduit_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let admin = Database::connect(server.url(server.admin)).await.unwrap();
    admin
        .execute_unprepared(&format!("CREATE DATABASE {name}"))
        .await
        .unwrap();
    admin.close().await.unwrap();
    Some(Fresh::Url(server.url(&name)))
}

/// Where the databases of this run are.
enum Place {
    Files,
    Server(Server),
    /// The server is not installed.
    Nowhere,
}

struct Server {
    scheme: &'static str,
    admin: &'static str,
    port: u16,
    /// Its standard input is closed with this process, which ends the server.
    _supervisor: Child,
}

impl Server {
    fn url(&self, database: &str) -> String {
        format!(
            "{}://conduit@127.0.0.1:{}/{database}",
            self.scheme, self.port
        )
    }
}

fn place() -> Place {
    match std::env::var(VARIABLE).unwrap_or_default().as_str() {
        "" | "sqlite" => Place::Files,
        "postgres" => begin(&POSTGRES),
        "mariadb" => begin(&MARIADB),
        other => panic!("{VARIABLE} is {other}: it can be sqlite, postgres or mariadb"),
    }
}

fn begin(kind: &Kind) -> Place {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let script = format!("port={port}\n{}{SUPERVISOR}", kind.script);
    let mut shell = unprivileged_shell();
    shell
        .args(["-c", &script])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut supervisor = shell.spawn().unwrap();
    let mut said = String::new();
    BufReader::new(supervisor.stdout.take().unwrap())
        .read_line(&mut said)
        .unwrap();
    match said.trim() {
        "ready" => Place::Server(Server {
            scheme: kind.scheme,
            admin: kind.admin,
            port,
            _supervisor: supervisor,
        }),
        missing if missing.starts_with("missing") => {
            // Past the capture of the test's output: who reads the run must see it.
            let mut stderr = std::io::stderr().lock();
            writeln!(
                stderr,
                "left out, {} is not installed: {missing}",
                kind.scheme
            )
            .unwrap();
            supervisor.wait().unwrap();
            Place::Nowhere
        }
        _ => panic!("{} did not start: {:?}", kind.scheme, supervisor.wait()),
    }
}

/// A shell of a user these servers are willing to run as: any but root.
fn unprivileged_shell() -> Command {
    use std::os::unix::fs::MetadataExt;
    let root = Path::new("/proc/self")
        .metadata()
        .is_ok_and(|process| process.uid() == 0);
    if !root {
        return Command::new("sh");
    }
    let mut shell = Command::new("runuser");
    shell.args(["-u", "nobody", "--", "sh"]);
    shell
}
