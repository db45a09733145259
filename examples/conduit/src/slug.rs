//! The part of an article's address that is made of its title.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Characters of a title that are used; leaves room for a suffix in `varchar(255)`.
const LENGTH: usize = 160;

/// How many addresses are tried; the second is already one of two thousand million.
const TRIES: usize = 8;

/// `/articles/feed` is another page.
const RESERVED: &str = "feed";

/// The addresses an article may have, best first; the caller takes the first that is free.
pub(crate) fn candidates(title: &str) -> impl Iterator<Item = String> {
    let plain = slug(title);
    let base = if plain.is_empty() {
        "article".to_owned()
    } else {
        plain.clone()
    };
    let own = Some(plain).filter(|plain| !plain.is_empty() && plain != RESERVED);
    own.into_iter()
        .chain(std::iter::repeat_with(move || {
            format!("{base}-{}", suffix())
        }))
        .take(TRIES)
}

/// Lower-case letters and digits of any script, words joined by single dashes.
pub(crate) fn slug(title: &str) -> String {
    let mut slug = String::new();
    for character in title.chars().flat_map(char::to_lowercase).take(LENGTH) {
        if !separates(character) {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

/// Whether a character stands between words; marks that combine with a letter do not.
fn separates(character: char) -> bool {
    match character {
        '\0'..='\u{7f}' => !character.is_ascii_alphanumeric(),
        // Signs and punctuation: Latin, general, CJK, full width.
        '\u{80}'..='\u{bf}'
        | '\u{2000}'..='\u{206f}'
        | '\u{3000}'..='\u{303f}'
        | '\u{ff00}'..='\u{ff0f}' => true,
        _ => character.is_whitespace(),
    }
}

fn suffix() -> String {
    let mut number = RandomState::new().build_hasher().finish();
    let mut suffix = String::with_capacity(6);
    for _ in 0..6 {
        let digit = u32::try_from(number % 36).unwrap_or_default();
        suffix.extend(char::from_digit(digit, 36));
        number /= 36;
    }
    suffix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_the_words_of_the_title() {
        assert_eq!(slug("How to train your dragon"), "how-to-train-your-dragon");
        assert_eq!(slug("  C++ & Rust -- 2026!  "), "c-rust-2026");
        assert_eq!(slug("?!"), "");
    }

    #[test]
    fn letters_of_any_script_stay() {
        assert_eq!(slug("Ünïcode Straße"), "ünïcode-straße");
        assert_eq!(slug("如何训练你的龙、第一章"), "如何训练你的龙-第一章");
        assert_eq!(slug("हिन्दी लेख"), "हिन्दी-लेख");
        assert_eq!(slug("cafe\u{301} noir"), "cafe\u{301}-noir");
    }

    #[test]
    fn a_second_article_of_one_title_gets_a_suffix() {
        let candidates: Vec<_> = candidates("Dragons").take(3).collect();
        assert_eq!(candidates[0], "dragons");
        assert!(candidates[1].starts_with("dragons-") && candidates[1].len() == 14);
        assert_ne!(candidates[1], candidates[2]);
    }

    #[test]
    fn no_article_takes_the_address_of_another_page() {
        assert!(candidates("Feed").all(|slug| slug != "feed" && slug.starts_with("feed-")));
        assert!(candidates("!").all(|slug| slug.starts_with("article-")));
    }

    #[test]
    fn a_long_title_leaves_room_for_the_suffix() {
        assert!(candidates(&"ẞ".repeat(255)).all(|slug| slug.chars().count() <= 255));
    }
}
