//! Private database servers for tests: started on first use, ended with this process.
//!
//! Where a server is not installed, its tests say that they are left out and pass.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};

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
    initdb -D "$dir/data" -U larder -A trust -E UTF8 --locale=C --no-sync || return 1
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
    printf 'CREATE USER larder;\nGRANT ALL ON *.* TO larder WITH GRANT OPTION;\n' >"$dir/init"
    # A server that starts clears the folder of temporary tables: each has its own.
    mkdir "$dir/temporary"
    mariadbd --no-defaults --datadir="$dir/data" --tmpdir="$dir/temporary" --socket="$dir/socket" --pid-file="$dir/pid" \
        --port="$port" --bind-address=127.0.0.1 --skip-name-resolve --init-file="$dir/init" \
        --innodb-flush-log-at-trx-commit=0 >"$dir/server" 2>&1 &
    pid=$!
    stop() { kill "$pid"; wait "$pid"; }
    mariadb-admin --no-defaults --host=127.0.0.1 --port="$port" --user=larder --wait=20 ping
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

/// A server that runs as long as this process.
pub(crate) struct Server {
    scheme: &'static str,
    admin: &'static str,
    port: u16,
    /// Its standard input is closed with this process, which ends the server.
    _supervisor: Child,
}

/// Returns this process's `PostgreSQL`; `None` where it is not installed.
pub(crate) fn postgres() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(|| begin(&POSTGRES)).as_ref()
}

/// Returns this process's `MariaDB`; `None` where it is not installed.
pub(crate) fn mariadb() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(|| begin(&MARIADB)).as_ref()
}

impl Server {
    /// Makes a new, empty database and connects to it, with one connection.
    pub(crate) async fn fresh(&self) -> DatabaseConnection {
        let name = self.database().await;
        self.connect(&name, "larder").await
    }

    /// Makes a new, empty database and returns its name.
    pub(crate) async fn database(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("larder_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let admin = self.connect(self.admin, "larder").await;
        let create = format!("CREATE DATABASE {name}");
        admin
            .execute_unprepared(&create)
            .await
            .expect("a database is made");
        admin.close().await.expect("the connection closes");
        name
    }

    /// Connects to a database as a user, with one connection.
    pub(crate) async fn connect(&self, database: &str, user: &str) -> DatabaseConnection {
        self.pool(database, user, 1).await
    }

    /// Connects to a database as a user.
    pub(crate) async fn pool(&self, database: &str, user: &str, most: u32) -> DatabaseConnection {
        connected(self.options(database, user, most)).await
    }

    /// Connects so that `PostgreSQL` plans each statement anew: no answer tells of an older schema.
    pub(crate) async fn forgetful(&self, database: &str, most: u32) -> DatabaseConnection {
        let mut options = self.options(database, "larder", most);
        options.map_sqlx_postgres_opts(|options| options.statement_cache_capacity(0));
        connected(options).await
    }

    fn options(&self, database: &str, user: &str, most: u32) -> ConnectOptions {
        let url = format!(
            "{}://{user}@127.0.0.1:{}/{database}",
            self.scheme, self.port
        );
        let mut options = ConnectOptions::new(url);
        options.max_connections(most).sqlx_logging(false);
        options
    }
}

async fn connected(options: ConnectOptions) -> DatabaseConnection {
    Database::connect(options)
        .await
        .expect("the server answers")
}

fn begin(kind: &Kind) -> Option<Server> {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let port = free.expect("a port is free").port();
    let script = format!("port={port}\n{}{SUPERVISOR}", kind.script);
    let mut shell = unprivileged_shell();
    shell
        .args(["-c", &script])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut supervisor = shell.spawn().expect("there is a shell");
    let mut said = String::new();
    let output = supervisor.stdout.take().expect("its output is piped");
    BufReader::new(output)
        .read_line(&mut said)
        .expect("it says something");
    match said.trim() {
        "ready" => Some(Server {
            scheme: kind.scheme,
            admin: kind.admin,
            port,
            _supervisor: supervisor,
        }),
        missing if missing.starts_with("missing") => {
            // Past the capture of the test's output: who reads the run must see it.
            let mut stderr = std::io::stderr().lock();
            let _ = writeln!(
                stderr,
                "left out, {} is not installed: {missing}",
                kind.scheme
            );
            let _ = supervisor.wait();
            None
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
