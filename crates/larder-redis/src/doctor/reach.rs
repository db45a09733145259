//! Whether the servers can be reached, and whether they let us in.

use std::io;
use std::time::Duration;

use fred::error::{Error, ErrorKind};
use fred::types::config::{Server, ServerConfig};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::Finding;
use super::judge::refusal;
use crate::config::Settings;
use crate::link::Link;
use crate::recipe::Recipe;
use crate::tuning::Tuning;

/// How long the doctor waits for each step.
const PATIENCE: Duration = Duration::from_secs(2);

/// Tries every server the URL names. One that answers is enough where there are several.
pub(super) async fn addresses(settings: &Settings) -> Vec<Finding> {
    let servers = settings.config.server.hosts();
    let mut findings = Vec::new();
    for server in &servers {
        findings.extend(address(server).await);
    }
    if findings.len() < servers.len() {
        for finding in &mut findings {
            finding.gravity = super::Gravity::Worth;
        }
    }
    findings
}

async fn address(server: &Server) -> Option<Finding> {
    let (host, port) = (&*server.host, server.port);
    let found = timeout(PATIENCE, lookup_host((host, port))).await;
    let addresses: Vec<_> = match found {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    };
    if addresses.is_empty() {
        let trouble = format!("the name `{host}` has no address");
        return Some(Finding::wrong(
            trouble,
            "check the host in `url`, and the DNS",
        ));
    }
    match timeout(PATIENCE, TcpStream::connect(addresses.as_slice())).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(unreachable(host, port, &error)),
        Err(_) => Some(Finding::wrong(
            format!("`{host}:{port}` does not answer at all"),
            "check the host and the port in `url`, firewalls and security groups in between",
        )),
    }
}

fn unreachable(host: &str, port: u16, error: &io::Error) -> Finding {
    if error.kind() == io::ErrorKind::ConnectionRefused {
        return Finding::wrong(
            format!("`{host}:{port}` refuses connections"),
            "start Redis there, correct the port in `url`, or let it listen beyond localhost (`bind`)",
        );
    }
    Finding::wrong(
        format!("`{host}:{port}` cannot be reached ({error})"),
        "check the host and the port in `url`, and the network",
    )
}

/// Connects and signs in.
pub(super) async fn connect(settings: &Settings) -> Result<Link, Finding> {
    let tuning = Tuning {
        timeout: PATIENCE,
        connect: PATIENCE,
        ..Tuning::reader(settings.remote_timeout)
    };
    let recipe = Recipe::once(settings.config.clone(), tuning);
    Link::open(&recipe)
        .await
        .map_err(|error| kept_out(&error, settings))
}

fn kept_out(error: &Error, settings: &Settings) -> Finding {
    let said = error.details();
    if let Some(finding) = refusal(said, settings) {
        return finding;
    }
    let tls = settings.config.uses_tls();
    if tls && let Some(finding) = tls_trouble(said) {
        return finding;
    }
    match (&settings.config.server, error.kind()) {
        (ServerConfig::Sentinel { service_name, .. }, ErrorKind::Sentinel) => Finding::wrong(
            format!("Sentinel leads to no master called `{service_name}` ({said})"),
            "give the name that stands in sentinel.conf as `sentinelServiceName`, and look whether \
             the master can be reached from here",
        ),
        (_, ErrorKind::Timeout | ErrorKind::IO | ErrorKind::Protocol) if tls => Finding::wrong(
            format!("the connection stands and TLS does not ({said})"),
            "check whether this port speaks TLS (`tls-port`): if not, begin `url` with `redis`",
        ),
        (_, ErrorKind::Timeout | ErrorKind::IO | ErrorKind::Protocol) => Finding::wrong(
            format!("the connection stands and nobody greets ({said})"),
            "check whether the server hangs, and whether this port speaks TLS: then begin `url` with \
             `rediss`",
        ),
        _ => Finding::wrong(
            format!("signing in failed ({said})"),
            "see the server's log",
        ),
    }
}

/// What rustls says, in words of ours.
fn tls_trouble(said: &str) -> Option<Finding> {
    let has = |part: &str| said.contains(part);
    if has("NotValidForName") || has("not valid for name") {
        return Some(Finding::wrong(
            "the server's certificate is for another name",
            "use in `url` the name that the certificate names, or have it name this one",
        ));
    }
    if has("UnknownIssuer") || has("BadSignature") {
        return Some(Finding::wrong(
            "the server's certificate is signed by nobody that is trusted here",
            "give the certificate of who signed it to `tls_roots`, or install it in the system",
        ));
    }
    if has("Expired") || has("expired") || has("NotValidYet") {
        return Some(Finding::wrong(
            "the server's certificate is not valid today",
            "renew it, or set this machine's clock",
        ));
    }
    has("CertificateRequired").then(|| {
        Finding::wrong(
            "the server asks for a certificate of ours",
            "give one with `tls_identity`, or set `tls-auth-clients no` there",
        )
    })
}
