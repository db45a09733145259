//! Groups and tags a response belongs to, by which it is invalidated with others.
//!
//! 1. `Cache-Groups` is a Structured Fields List of Strings (RFC 9875, 2); one that is not is ignored
//!    whole, parameters are ignored. Groups are of one origin, and compared case for case (2.1).
//! 2. `Cache-Group-Invalidation` in an answer to an unsafe request that is no error makes all of the
//!    origin's responses in these groups invalid (3). It means nothing in an answer to a safe one, and
//!    what is invalid by it makes nothing else invalid (2.2.1).
//! 3. `Surrogate-Key` (blanks between) and `Cache-Tag` (commas between) name the user's own tags,
//!    those that `Larder::invalidate` takes, of all origins.
//! 4. Of each response the first 256 groups and tags count.

use http::HeaderMap;
use http::header::HeaderName;
use sfv::{List, ListEntry, Parser};

const GROUPS: HeaderName = HeaderName::from_static("cache-groups");
const INVALIDATION: HeaderName = HeaderName::from_static("cache-group-invalidation");
pub(crate) const SURROGATE_KEY: HeaderName = HeaderName::from_static("surrogate-key");
pub(crate) const CACHE_TAG: HeaderName = HeaderName::from_static("cache-tag");

/// More than this of one response are left out.
const MOST: usize = 256;

/// Returns the tags of a response's groups.
pub(crate) fn of(host: &str, headers: &HeaderMap) -> Vec<String> {
    strings(host, headers, &GROUPS)
}

/// Returns the tags of the groups that an answer to an unsafe request makes invalid.
pub(crate) fn invalidated(host: &str, headers: &HeaderMap) -> Vec<String> {
    strings(host, headers, &INVALIDATION)
}

/// Returns the user's own tags of a response: rule 3.
pub(crate) fn tags(headers: &HeaderMap) -> Vec<String> {
    let words = |name, separator: &'static [u8]| {
        headers
            .get_all(name)
            .iter()
            .flat_map(move |line| line.as_bytes().split(|byte| separator.contains(byte)))
    };
    words(&SURROGATE_KEY, b" \t")
        .chain(words(&CACHE_TAG, b","))
        .filter_map(|tag| std::str::from_utf8(tag.trim_ascii()).ok())
        .filter(|tag| !tag.is_empty())
        .map(str::to_owned)
        .take(MOST)
        .collect()
}

fn strings(host: &str, headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let mut field = Vec::new();
    for line in headers.get_all(name) {
        if !field.is_empty() {
            field.extend_from_slice(b", ");
        }
        field.extend_from_slice(line.as_bytes());
    }
    if field.is_empty() {
        return Vec::new();
    }
    let groups = Parser::new(&field).parse::<List>().ok();
    let group = |entry: &ListEntry| match entry {
        // No host has a slash: host and group cannot run into each other.
        ListEntry::Item(item) => {
            let group = item.bare_item.as_string()?;
            Some(format!("larder:http:group:{host}/{}", group.as_str()))
        }
        ListEntry::InnerList(_) => None,
    };
    let tags = groups.and_then(|groups| groups.iter().map(group).collect::<Option<Vec<_>>>());
    let mut tags = tags.unwrap_or_default();
    tags.truncate(MOST);
    tags
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(name: &HeaderName, lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, line.parse().unwrap());
        }
        headers
    }

    fn groups(lines: &[&str]) -> Vec<String> {
        of("a:80", &headers(&GROUPS, lines))
    }

    #[test]
    fn groups_are_strings_of_one_origin() {
        let tag = |group: &str| format!("larder:http:group:a:80/{group}");
        assert_eq!(
            groups(&[r#""scripts", "Styles";x=1"#, r#""a b""#]),
            [tag("scripts"), tag("Styles"), tag("a b")]
        );
        for line in ["scripts", r#""a", b"#, r#""a"#, "(\"a\")", "1", ""] {
            assert!(groups(&[line]).is_empty(), "{line}");
        }
        let other = of("b", &headers(&GROUPS, &[r#""scripts""#]));
        assert_ne!(other, groups(&[r#""scripts""#]));
        let named = invalidated("a:80", &headers(&INVALIDATION, &[r#""scripts""#]));
        assert_eq!(named, groups(&[r#""scripts""#]));
    }

    #[test]
    fn many_long_groups_are_taken() {
        let names: Vec<_> = (0..64).map(|n| format!("\"{n:032}\"")).collect();
        assert_eq!(groups(&[&names.join(", ")]).len(), 64);
    }

    #[test]
    fn surrogate_keys_and_cache_tags_are_the_users_tags() {
        let keys = tags(&headers(&SURROGATE_KEY, &["product-7  list", "front"]));
        assert_eq!(keys, ["product-7", "list", "front"]);
        let named = tags(&headers(&CACHE_TAG, &["product 7, list ,,front"]));
        assert_eq!(named, ["product 7", "list", "front"]);
    }

    proptest! {
        #[test]
        fn any_field_is_read_without_a_panic(line in r"[ -~]{0,40}") {
            groups(&[&line]);
            tags(&headers(&CACHE_TAG, &[&line]));
        }
    }
}
