//! What a replay found, in words.

use std::fmt;

/// What a replay found.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Report {
    pub(super) findings: Vec<Finding>,
    pub(super) requests: usize,
    pub(super) from_cache: usize,
    pub(super) unsteady: Vec<String>,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What was edited: a header with its value, `*` standing for a text that is looked for.
    pub edit: String,
    /// When the edited request was sent.
    pub order: Order,
    /// Who got the answer that is wrong.
    pub whom: String,
    /// What is wrong with it.
    pub what: What,
}

/// When an edited request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// Before the one who got the wrong answer: it may have poisoned the cache.
    Before,
    /// After the request as it is, whose answer it may have been given.
    After,
    /// At the same time.
    Together,
}

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// Something that another client sent stands in it, here.
    Leaks(String),
    /// It is not what the service answers without the cache; in words.
    Differs(String),
    /// It sets a cookie that was set for another client, where each is given its own.
    SharesCookie,
}

impl Report {
    /// Returns what is not as it should be.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Tells whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// Returns how many requests were sent through the cache.
    pub fn requests(&self) -> usize {
        self.requests
    }

    /// Returns how many of them were answered from it: if none was, the replay says nothing.
    pub fn from_cache(&self) -> usize {
        self.from_cache
    }

    /// Returns the edits to which the service answers something else each time: their answers were
    /// searched, not compared.
    pub fn unsteady(&self) -> &[String] {
        &self.unsteady
    }

    /// Passes if nothing was found.
    ///
    /// # Panics
    /// With the whole report if something was.
    #[track_caller]
    pub fn assert_clean(&self) {
        assert!(self.is_clean(), "{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} findings in {} requests, {} of them answered from the cache",
            self.findings.len(),
            self.requests,
            self.from_cache
        )?;
        if self.from_cache == 0 {
            write!(f, "\n  nothing was kept, so that nothing could be found")?;
        }
        for finding in &self.findings {
            write!(f, "\n  {finding}")?;
        }
        if let Some(first) = self.unsteady.first() {
            let more = self.unsteady.len() - 1;
            write!(
                f,
                "\n  another body each time, which was searched but not compared: {first}"
            )?;
            if more > 0 {
                write!(f, " and {more} more")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (edit, whom) = (&self.edit, &self.whom);
        match self.order {
            Order::Before => write!(f, "`{edit}`, then {whom}: ")?,
            Order::After => write!(f, "`{edit}` after {whom}: ")?,
            Order::Together => write!(f, "`{edit}` together with {whom}: ")?,
        }
        write!(f, "{}", self.what)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leaks(place) => write!(f, "what was sent stands in another's answer ({place})"),
            Self::Differs(how) => write!(f, "not what it is without the cache: {how}"),
            Self::SharesCookie => f.write_str("a cookie set for one is set for another"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_reads_as_what_happened() {
        let finding = |order, what| Finding {
            edit: "x-forwarded-host: *.example".to_owned(),
            order,
            whom: "the request as it is".to_owned(),
            what,
        };
        let report = Report {
            findings: vec![
                finding(Order::Before, What::Leaks("body".to_owned())),
                finding(Order::After, What::Differs("404 instead of 200".to_owned())),
                finding(Order::Together, What::SharesCookie),
            ],
            requests: 9,
            from_cache: 3,
            unsteady: vec!["cookie: *".to_owned(), "accept: *".to_owned()],
        };
        assert_eq!(
            report.to_string(),
            "3 findings in 9 requests, 3 of them answered from the cache\n  \
             `x-forwarded-host: *.example`, then the request as it is: \
             what was sent stands in another's answer (body)\n  \
             `x-forwarded-host: *.example` after the request as it is: \
             not what it is without the cache: 404 instead of 200\n  \
             `x-forwarded-host: *.example` together with the request as it is: \
             a cookie set for one is set for another\n  \
             another body each time, which was searched but not compared: cookie: * and 1 more"
        );
    }

    #[test]
    #[should_panic(expected = "1 findings in 0 requests")]
    fn a_report_that_is_not_clean_panics_in_words() {
        let finding = Finding {
            edit: String::new(),
            order: Order::After,
            whom: String::new(),
            what: What::SharesCookie,
        };
        let report = Report {
            findings: vec![finding],
            ..Report::default()
        };
        report.assert_clean();
    }
}
