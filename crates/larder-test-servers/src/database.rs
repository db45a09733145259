//! `PostgreSQL` and `MariaDB`.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::{free_port, left_out};

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
        -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c max_connections=200"
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
    admin: &'static str,
    /// Sets `tools`, defines `start`, and in it `stop`.
    script: &'static str,
}

/// A database server with a user `larder` that may do anything without a password.
#[derive(Debug)]
pub struct Database {
    scheme: &'static str,
    admin: &'static str,
    port: u16,
    /// Its standard input is closed with this value or this process, which ends the server.
    _supervisor: Child,
}

impl Database {
    /// Starts a `PostgreSQL`; `None` where it is not installed.
    ///
    /// # Panics
    /// If it is installed and does not start.
    pub fn start_postgres() -> Option<Self> {
        start(&POSTGRES)
    }

    /// Returns this process's `PostgreSQL`, started when it is first asked for.
    ///
    /// # Panics
    /// If it is installed and does not start.
    pub fn postgres() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<Database>> = OnceLock::new();
        SERVER.get_or_init(Self::start_postgres).as_ref()
    }

    /// Returns this process's `MariaDB`, started when it is first asked for.
    ///
    /// # Panics
    /// If it is installed and does not start.
    pub fn mariadb() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<Database>> = OnceLock::new();
        SERVER.get_or_init(|| start(&MARIADB)).as_ref()
    }

    /// Returns the URL of a database on it, for a user without a password.
    pub fn url(&self, user: &str, database: &str) -> String {
        let Self { scheme, port, .. } = self;
        format!("{scheme}://{user}@127.0.0.1:{port}/{database}")
    }

    /// Returns the name of the database that is there from the start.
    pub fn admin(&self) -> &'static str {
        self.admin
    }
}

fn start(kind: &Kind) -> Option<Database> {
    let port = free_port();
    let script = format!("port={port}\n{}{SUPERVISOR}", kind.script);
    let mut supervisor = unprivileged_shell()
        .args(["-c", &script])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("there is a shell");
    let mut said = String::new();
    let output = supervisor.stdout.take().expect("its output is piped");
    BufReader::new(output)
        .read_line(&mut said)
        .expect("it says something");
    match said.trim() {
        "ready" => Some(Database {
            scheme: kind.scheme,
            admin: kind.admin,
            port,
            _supervisor: supervisor,
        }),
        missing if missing.starts_with("missing") => {
            left_out(kind.scheme);
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
