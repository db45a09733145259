//! Where the position stands in requests and responses.

use http::header::{COOKIE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use larder_core::SessionPosition;

/// How far a client's writes reach: given with a response, and handed back with later requests.
pub const POSITION: HeaderName = HeaderName::from_static("larder-position");

/// A header, or a cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    Header,
    Cookie(Box<str>),
}

impl Carrier {
    /// A cookie of this name; `None` if there can be none (RFC 6265, 4.1.1: a token).
    pub(crate) fn cookie(name: &str) -> Option<Self> {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let is_name = !name.is_empty() && name.len() <= 100 && name.bytes().all(token);
        is_name.then(|| Self::Cookie(name.into()))
    }

    /// Returns the position that a request brings.
    pub(crate) fn read(&self, request: &HeaderMap) -> Option<SessionPosition> {
        match self {
            Self::Header => request.get(POSITION)?.to_str().ok()?.trim().parse().ok(),
            Self::Cookie(name) => {
                let lines = request.get_all(COOKIE).iter();
                let pairs = lines.filter_map(|line| line.to_str().ok());
                let mut pairs = pairs.flat_map(|line| line.split(';'));
                pairs.find_map(|pair| {
                    let (own, value) = pair.split_once('=')?;
                    (own.trim() == &**name).then(|| value.trim().parse().ok())?
                })
            }
        }
    }

    /// Gives a client its position.
    pub(crate) fn write(&self, response: &mut HeaderMap, position: SessionPosition) {
        let (field, text) = match self {
            Self::Header => (POSITION, position.to_string()),
            Self::Cookie(name) => {
                let cookie = format!("{name}={position}; Path=/; HttpOnly; SameSite=Lax");
                (SET_COOKIE, cookie)
            }
        };
        // Letters, digits and what a name may hold.
        let Ok(value) = HeaderValue::try_from(text) else {
            return;
        };
        if field == POSITION {
            response.insert(field, value);
        } else {
            response.append(field, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "0000000000000007-0000000000000003";

    fn headers(lines: &[(HeaderName, &str)]) -> HeaderMap {
        let each = lines.iter();
        each.map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    #[test]
    fn what_is_given_is_what_is_read() {
        let position = TEXT.parse().unwrap();
        let mut response = HeaderMap::new();
        Carrier::Header.write(&mut response, position);
        assert_eq!(response[POSITION], TEXT);
        assert_eq!(Carrier::Header.read(&response), Some(position));

        let cookie = Carrier::cookie("p").unwrap();
        let mut response = HeaderMap::new();
        cookie.write(&mut response, position);
        let set = response[SET_COOKIE].to_str().unwrap();
        assert_eq!(set, format!("p={TEXT}; Path=/; HttpOnly; SameSite=Lax"));
        let pair = set.split(';').next().unwrap();
        let request = headers(&[(COOKIE, "a=b"), (COOKIE, &format!("pp=1; {pair}; c=d"))]);
        assert_eq!(cookie.read(&request), Some(position));
    }

    #[test]
    fn what_is_no_position_is_none() {
        for value in ["", "x", "7-3", "u-1", &format!("{TEXT}0"), "-"] {
            assert_eq!(Carrier::Header.read(&headers(&[(POSITION, value)])), None);
            let cookie = Carrier::cookie("p").unwrap();
            let line = format!("p={value}");
            assert_eq!(cookie.read(&headers(&[(COOKIE, &line)])), None, "{value}");
        }
        assert_eq!(Carrier::Header.read(&HeaderMap::new()), None);
    }

    #[test]
    fn a_cookie_has_a_name() {
        for name in ["", "a b", "a=b", "a;b", "ä", "a\n"] {
            assert_eq!(Carrier::cookie(name), None, "{name}");
        }
    }
}
