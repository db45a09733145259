//! The headers of the hits of one second: they all say the same, so they are written once.

use std::sync::RwLock;

use http::header::{AGE, HeaderMap, HeaderName, HeaderValue};

use crate::semantics::cache_status::{self, CACHE_STATUS};

/// The headers of a kept response with `Age` and `Cache-Status` filled in, as of the last second that
/// was asked for.
#[derive(Debug, Default)]
pub(crate) struct ClockFace(RwLock<Option<Face>>);

#[derive(Debug)]
struct Face {
    seconds: u64,
    left: i64,
    headers: HeaderMap,
}

impl ClockFace {
    /// Returns `headers` as those of a hit at this age, with so many seconds left.
    pub(crate) fn read(&self, headers: &HeaderMap, seconds: u64, left: i64) -> HeaderMap {
        // Whoever finds it taken writes them for itself: nobody waits here.
        if let Ok(shown) = self.0.try_read()
            && let Some(face) = shown.as_ref()
            && (face.seconds, face.left) == (seconds, left)
        {
            return face.headers.clone();
        }
        let (age, hit) = cache_status::hit(seconds, left);
        let headers = filled(headers, age, hit);
        if let Ok(mut shown) = self.0.try_write() {
            *shown = Some(Face {
                seconds,
                left,
                headers: headers.clone(),
            });
        }
        headers
    }
}

/// Returns `headers`, which have both fields already, with their values.
pub(crate) fn filled(headers: &HeaderMap, age: HeaderValue, told: HeaderValue) -> HeaderMap {
    let mut headers = headers.clone();
    fill_in(&mut headers, &AGE, age);
    fill_in(&mut headers, &CACHE_STATUS, told);
    headers
}

/// Fills in a field that is there; `insert` makes room for one more first.
fn fill_in(headers: &mut HeaderMap, name: &HeaderName, value: HeaderValue) {
    if let Some(slot) = headers.get_mut(name) {
        *slot = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hit_says_how_old_it_is_in_each_second() {
        let (face, mut headers) = (ClockFace::default(), HeaderMap::new());
        headers.insert(AGE, HeaderValue::from_static("0"));
        headers.insert(CACHE_STATUS, HeaderValue::from_static("larder"));
        headers.insert("x", HeaderValue::from_static("1"));
        for (seconds, left) in [(0, 59), (0, 59), (1, 59), (1, -3), (0, 59)] {
            let hit = face.read(&headers, seconds, left);
            assert_eq!(hit[AGE], seconds.to_string());
            assert_eq!(hit[CACHE_STATUS], format!("larder; hit; ttl={left}"));
            assert_eq!((hit.len(), &hit["x"]), (3, &headers["x"]));
        }
    }
}
