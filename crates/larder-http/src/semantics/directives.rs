//! Reads `Cache-Control`, of a response and of a request.
//!
//! 1. Names are compared in any case; several lines are one list (RFC 9111, 5.2; RFC 9110, 5.3).
//! 2. A value may be a token or a quoted string (RFC 9111, 5.2); what stands inside quotes is
//!    never a directive. A quote that does not end makes the field unreadable.
//! 3. Seconds are digits only, right behind `=`. Anything else is a freshness of zero, as is a
//!    directive without its seconds (RFC 9111, 4.2.1: treat as stale).
//! 4. Of a directive given twice the shorter one counts (RFC 9111, 4.2.1 allows the first or stale).
//! 5. `private` and `no-cache` count whole, also with field names (RFC 9111, 5.2.2.4 and 5.2.2.7
//!    allow it): what is kept or served is never more than what was allowed.
//! 6. An unknown directive is ignored (RFC 9111, 5.2.3).

use std::time::Duration;

use http::HeaderMap;
use http::header::{CACHE_CONTROL, HeaderName, PRAGMA};

use crate::semantics::fields::{delta_seconds, has_token};

/// The directives of a response that decide here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one directive")]
pub(crate) struct CacheControl {
    /// The field cannot be read.
    pub(crate) malformed: bool,
    pub(crate) no_store: bool,
    pub(crate) no_cache: bool,
    pub(crate) private: bool,
    pub(crate) public: bool,
    pub(crate) must_revalidate: bool,
    pub(crate) proxy_revalidate: bool,
    pub(crate) must_understand: bool,
    pub(crate) immutable: bool,
    pub(crate) max_age: Option<Duration>,
    pub(crate) s_maxage: Option<Duration>,
    pub(crate) stale_while_revalidate: Option<Duration>,
    pub(crate) stale_if_error: Option<Duration>,
}

/// What a request asks of a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    pub(crate) no_cache: bool,
    pub(crate) no_store: bool,
    pub(crate) only_if_cached: bool,
    pub(crate) max_age: Option<Duration>,
    pub(crate) min_fresh: Option<Duration>,
    pub(crate) max_stale: Option<Duration>,
}

impl CacheControl {
    /// Reads all lines of the field.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self::of_field(headers, &CACHE_CONTROL)
    }

    /// Reads all lines of a field of the same form.
    pub(crate) fn of_field(headers: &HeaderMap, field: &HeaderName) -> Self {
        let mut this = Self::default();
        let read = each(headers, field, |name, value| this.add(name, value));
        this.malformed = read.is_none();
        this
    }

    /// Adds a directive; `value` is what stands behind its `=`.
    pub(crate) fn add(&mut self, name: &[u8], value: Option<&[u8]>) {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        let flag = if is("no-store") {
            &mut self.no_store
        } else if is("no-cache") {
            &mut self.no_cache
        } else if is("private") {
            &mut self.private
        } else if is("public") {
            &mut self.public
        } else if is("must-revalidate") {
            &mut self.must_revalidate
        } else if is("proxy-revalidate") {
            &mut self.proxy_revalidate
        } else if is("must-understand") {
            &mut self.must_understand
        } else if is("immutable") {
            &mut self.immutable
        } else {
            return self.add_seconds(name, value);
        };
        *flag = true;
    }

    fn add_seconds(&mut self, name: &[u8], value: Option<&[u8]>) {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        let seconds = if is("max-age") {
            &mut self.max_age
        } else if is("s-maxage") {
            &mut self.s_maxage
        } else if is("stale-while-revalidate") {
            &mut self.stale_while_revalidate
        } else if is("stale-if-error") {
            &mut self.stale_if_error
        } else {
            return;
        };
        *seconds = Some(shorter(*seconds, value));
    }
}

impl Wishes {
    /// Reads what a request asks for; `Pragma` counts only without `Cache-Control` (RFC 9111, 5.4).
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut this = Self::default();
        if !headers.contains_key(CACHE_CONTROL) {
            this.no_cache = has_token(headers, &PRAGMA, "no-cache");
            return this;
        }
        // What cannot be read is not asked for.
        let _ = each(headers, &CACHE_CONTROL, |name, value| {
            this.add(name, value);
        });
        this
    }

    fn add(&mut self, name: &[u8], value: Option<&[u8]>) {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("no-cache") {
            self.no_cache = true;
        } else if is("no-store") {
            self.no_store = true;
        } else if is("only-if-cached") {
            self.only_if_cached = true;
        } else if is("max-age") {
            self.max_age = Some(shorter(self.max_age, value));
        } else if is("min-fresh") {
            self.min_fresh = value.map(unquoted).and_then(delta_seconds);
        } else if is("max-stale") {
            // Without a value: of any staleness (RFC 9111, 5.2.1.2).
            self.max_stale = match value {
                None => Some(Duration::MAX),
                Some(value) => delta_seconds(unquoted(value)),
            };
        }
    }
}

/// Hands each directive and its value to `add`; `None` if a quoted string has no end.
fn each(
    headers: &HeaderMap,
    field: &HeaderName,
    mut add: impl FnMut(&[u8], Option<&[u8]>),
) -> Option<()> {
    for line in headers.get_all(field) {
        let mut rest = line.as_bytes();
        while !rest.is_empty() {
            let (directive, tail) = split_list(rest)?;
            let directive = directive.trim_ascii();
            match directive.iter().position(|byte| *byte == b'=') {
                // A blank beside the `=` makes the value one that cannot be read.
                Some(at) if directive[..at].trim_ascii_end().len() < at => {
                    add(directive[..at].trim_ascii(), Some(b""));
                }
                Some(at) => add(&directive[..at], Some(&directive[at + 1..])),
                None => add(directive, None),
            }
            rest = tail;
        }
    }
    Some(())
}

fn shorter(known: Option<Duration>, value: Option<&[u8]>) -> Duration {
    let value = value
        .map(unquoted)
        .and_then(delta_seconds)
        .unwrap_or_default();
    known.map_or(value, |known| known.min(value))
}

fn unquoted(value: &[u8]) -> &[u8] {
    value
        .strip_prefix(b"\"")
        .and_then(|value| value.strip_suffix(b"\""))
        .unwrap_or(value)
}

/// Splits the first member off a list; `None` if a quoted string in it has no end.
fn split_list(list: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in list.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return Some((&list[..at], &list[at + 1..])),
            _ => {}
        }
    }
    (!quoted).then_some((list, &[]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(name: &HeaderName, lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, line.parse().unwrap());
        }
        headers
    }

    fn read(text: &[&str]) -> CacheControl {
        CacheControl::of(&lines(&CACHE_CONTROL, text))
    }

    fn wishes(text: &[&str]) -> Wishes {
        Wishes::of(&lines(&CACHE_CONTROL, text))
    }

    #[expect(clippy::unnecessary_wraps, reason = "as directives hold them")]
    const fn seconds(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    #[test]
    fn several_lines_in_any_case_are_one_list() {
        let read = read(&[
            "Max-AGE=5",
            " NO-Store ,, private, stale-while-revalidate=7",
            "stale-if-error=8, Must-Revalidate, proxy-revalidate, public",
            "must-understand, IMMUTABLE, s-maxage=9, no-cache=\"a, b\"",
        ]);
        let all = CacheControl {
            malformed: false,
            no_store: true,
            no_cache: true,
            private: true,
            public: true,
            must_revalidate: true,
            proxy_revalidate: true,
            must_understand: true,
            immutable: true,
            max_age: seconds(5),
            s_maxage: seconds(9),
            stale_while_revalidate: seconds(7),
            stale_if_error: seconds(8),
        };
        assert_eq!(read, all);
    }

    #[test]
    fn what_stands_in_quotes_is_no_directive() {
        let quoted = read(&[r#"ext="no-store, max-age=9, \", private", max-age="7""#]);
        let only = CacheControl {
            max_age: seconds(7),
            ..CacheControl::default()
        };
        assert_eq!(quoted, only);
        assert!(read(&[r#"private, ext="a, no-store"#]).malformed);
    }

    #[test]
    fn seconds_that_are_none_count_as_stale() {
        for value in [
            "=", "=-1", "=1.5", "=x", "=1 0", "=0x10", "='7'", "= 7", " =7", "",
        ] {
            let read = read(&[&format!("max-age{value}")]);
            assert_eq!(read.max_age, seconds(0), "{value}");
        }
        assert_eq!(
            read(&["max-age=99999999999999999999999"]).max_age,
            seconds(1 << 31)
        );
        assert_eq!(read(&["max-age=100, max-age=5"]).max_age, seconds(5));
        assert_eq!(read(&["max-age=003600"]).max_age, seconds(3600));
    }

    #[test]
    fn field_names_do_not_weaken_a_directive() {
        assert!(read(&[r#"private="set-cookie""#]).private);
        assert!(read(&["no-cache=x"]).no_cache);
        assert_eq!(read(&["xno-store, no-store-x"]), CacheControl::default());
    }

    #[test]
    fn a_requests_wishes_are_read() {
        let all = wishes(&[
            "no-cache, no-store, only-if-cached",
            "max-age=3, min-fresh=4, max-stale=5",
        ]);
        let expected = Wishes {
            no_cache: true,
            no_store: true,
            only_if_cached: true,
            max_age: seconds(3),
            min_fresh: seconds(4),
            max_stale: seconds(5),
        };
        assert_eq!(all, expected);
        assert_eq!(wishes(&["max-stale"]).max_stale, Some(Duration::MAX));
        assert_eq!(wishes(&["max-stale=x"]).max_stale, None);
    }

    #[test]
    fn pragma_counts_only_without_cache_control() {
        let mut headers = lines(&PRAGMA, &["x, No-Cache"]);
        assert!(Wishes::of(&headers).no_cache);
        headers.insert(CACHE_CONTROL, "max-age=9".parse().unwrap());
        assert!(!Wishes::of(&headers).no_cache);
    }

    proptest! {
        #[test]
        fn any_field_is_read_without_a_panic(line in r"[ -~\t]{0,40}") {
            read(&[&line]);
            wishes(&[&line]);
        }
    }
}
