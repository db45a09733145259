//! The program itself: what it prints, and how it ends.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// The program with nothing of our own environment but where it may put things.
fn conduit(temporary: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conduit"));
    command.args(arguments).env_clear().env("TMPDIR", temporary);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Reads the line that says where it serves.
fn address(process: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(process.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    let address = line
        .trim()
        .strip_prefix("conduit serves on http://")
        .unwrap();
    address.strip_suffix("/api").unwrap().to_owned()
}

fn entries(directory: &Path) -> usize {
    directory.read_dir().unwrap().count()
}

#[test]
fn told_to_stop_it_ends_well_and_takes_its_temporary_database_along() {
    for signal in ["TERM", "INT"] {
        let temporary = tempfile::tempdir().unwrap();
        let mut process = conduit(temporary.path(), &["--listen", "127.0.0.1:0"])
            .spawn()
            .unwrap();
        std::net::TcpStream::connect(address(&mut process)).unwrap();
        assert_eq!(entries(temporary.path()), 1);

        let kill = format!("kill -{signal} {}", process.id());
        assert!(
            Command::new("sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
        assert!(process.wait().unwrap().success());
        assert_eq!(entries(temporary.path()), 0);
    }
}

#[test]
fn a_given_directory_keeps_the_database() {
    let (temporary, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut process = conduit(temporary.path(), &[])
        .env("LISTEN", "127.0.0.1:0")
        .env("DIRECTORY", kept.path())
        .spawn()
        .unwrap();
    address(&mut process);
    let kill = format!("kill -TERM {}", process.id());
    assert!(
        Command::new("sh")
            .args(["-c", &kill])
            .status()
            .unwrap()
            .success()
    );
    assert!(process.wait().unwrap().success());
    assert_eq!(entries(temporary.path()), 0);
    assert!(kept.path().join("conduit.sqlite").exists());
}

#[test]
fn help_names_each_option() {
    let temporary = tempfile::tempdir().unwrap();
    let Output { status, stdout, .. } = conduit(temporary.path(), &["--help"]).output().unwrap();
    let help = String::from_utf8(stdout).unwrap();
    assert!(status.success());
    for option in [
        "--listen",
        "--database",
        "--directory",
        "--secret",
        "DATABASE",
    ] {
        assert!(help.contains(option), "{option}");
    }
}

#[test]
fn what_does_not_do_is_said_with_its_reason() {
    let temporary = tempfile::tempdir().unwrap();
    let Output { status, stderr, .. } = conduit(temporary.path(), &["--listen", "nowhere"])
        .output()
        .unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert!(!status.success());
    assert!(
        said.starts_with("conduit: cannot listen on nowhere\n  because: "),
        "{said}"
    );
}
