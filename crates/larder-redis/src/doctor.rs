//! What is wrong with a connection, in words: findings, each with what to do about it.

mod judge;
mod look;
mod reach;
mod rights;

use std::fmt;
use std::time::Duration;

use crate::config::Settings;

/// What the doctor found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// What was found, in the order it was looked at.
    pub findings: Vec<Finding>,
    /// The server's version.
    pub version: Option<String>,
    /// The middle of twenty answers.
    pub latency: Option<Duration>,
    /// How far the server's clock is ahead of this machine's, in milliseconds.
    pub clock_ahead_millis: Option<i64>,
    /// The changes the log keeps.
    pub log_length: Option<u64>,
}

/// Something the doctor found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Whether it has to be put right.
    pub gravity: Gravity,
    /// What it is.
    pub trouble: String,
    /// What to do about it.
    pub remedy: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gravity {
    /// The cache will not work, or not keep its promises.
    Wrong,
    /// The cache works; it could do so better.
    Worth,
}

impl Report {
    /// Tells whether nothing has to be put right.
    pub fn is_well(&self) -> bool {
        !self.is_wrong()
    }

    fn is_wrong(&self) -> bool {
        let mut findings = self.findings.iter();
        findings.any(|finding| finding.gravity == Gravity::Wrong)
    }

    fn add(&mut self, findings: impl IntoIterator<Item = Finding>) {
        // What keeps all commands out is said once.
        for finding in findings {
            if !self.findings.contains(&finding) {
                self.findings.push(finding);
            }
        }
    }
}

impl Finding {
    fn wrong(trouble: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            gravity: Gravity::Wrong,
            trouble: trouble.into(),
            remedy: remedy.into(),
        }
    }

    fn worth(trouble: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            gravity: Gravity::Worth,
            ..Self::wrong(trouble, remedy)
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        f.write_str(if self.is_well() { "well" } else { "not well" })?;
        if let Some(version) = &self.version {
            write!(f, ": Redis {version}")?;
        }
        if let Some(latency) = self.latency {
            write!(f, ", answers within {latency:.1?}")?;
        }
        if let Some(millis) = self.clock_ahead_millis {
            write!(f, ", its clock {millis:+} ms from ours")?;
        }
        if let Some(length) = self.log_length {
            write!(f, ", {length} changes on the log")?;
        }
        Ok(())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.gravity {
            Gravity::Wrong => "wrong",
            Gravity::Worth => "worth knowing",
        };
        write!(f, "{word}: {}; {}", self.trouble, self.remedy)
    }
}

/// Looks from the outside in, and stops where there is nothing further to see.
pub(crate) async fn examine(settings: &Settings) -> Report {
    let mut report = Report::default();
    report.add(reach::addresses(settings).await);
    if report.is_wrong() {
        return report;
    }
    let link = match reach::connect(settings).await {
        Ok(link) => link,
        Err(finding) => {
            report.add([finding]);
            return report;
        }
    };
    rights::examine(&link, settings, &mut report).await;
    look::examine(&link, settings, &mut report).await;
    report
}
