//! Keys: what differs is kept apart, what is equal is found.

use std::collections::HashMap;

use larder_core::{Key, Scope};
use proptest::prelude::*;

use crate::scene::{larder, read, region};

/// One part of a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Part {
    Text(String),
    Bytes(Vec<u8>),
    Int(i128),
}

fn key(parts: &[Part]) -> Key {
    let add = |key: larder_core::KeyBuilder, part: &Part| match part {
        Part::Text(text) => key.text(text),
        Part::Bytes(bytes) => key.bytes(bytes),
        Part::Int(int) => key.int(*int),
    };
    parts.iter().fold(Key::builder(), add).finish()
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let part = prop_oneof![
        "[a-c/]{0,3}".prop_map(Part::Text),
        prop::collection::vec(
            prop_oneof![Just(0), Just(b't'), Just(1), any::<u8>()],
            0..12
        )
        .prop_map(Part::Bytes),
        prop_oneof![
            -2..3_i128,
            Just(i128::from(u64::MAX)),
            Just(i128::from(i64::MIN)),
            any::<i128>()
        ]
        .prop_map(Part::Int),
    ];
    prop::collection::vec(part, 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn keys_are_equal_only_if_all_their_parts_are(a in parts(), b in parts()) {
        prop_assert_eq!(key(&a) == key(&b), a == b);
        prop_assert_eq!(key(&a).as_bytes() == key(&b).as_bytes(), a == b);
    }

    /// No key runs on into the next one, whatever follows.
    #[test]
    fn no_key_is_the_beginning_of_another_by_accident(a in parts(), b in parts()) {
        let begins = key(&a).as_bytes().starts_with(key(&b).as_bytes());
        prop_assert_eq!(begins, a.starts_with(&b));
    }
}

#[test]
fn numbers_of_any_width_are_one_key_and_texts_another() {
    assert_eq!(Key::from(7_u8), Key::from(7_i64));
    assert_eq!(Key::from(7_u64), Key::from((7_i32,)));
    assert_eq!(Key::from(u64::MAX), Key::builder().int(u64::MAX).finish());
    assert_ne!(Key::from(u64::MAX), Key::from(-1));
    assert_ne!(Key::from(7), Key::from("7"));
    assert_ne!(Key::from("7"), Key::from("7".as_bytes()));
    assert_ne!(Key::from(("a", "bc")), Key::from(("ab", "c")));
    assert_ne!(Key::from(("a", "")), Key::from("a"));
    assert_eq!(Key::from("a"), Key::from("a".to_owned()));
    assert_eq!(
        Key::from(("a", 1, "b", 2)),
        Key::builder().text("a").int(1).text("b").int(2).finish()
    );
}

#[test]
fn a_key_reads_as_its_parts() {
    assert_eq!(
        Key::from(("article", 7, [0x0a, 0xff].as_slice())).to_string(),
        "article/7/0aff"
    );
    assert_eq!(Key::builder().finish().to_string(), "");
}

/// Keys, regions and scopes that would run into each other if they were only strung together.
#[tokio::test]
async fn entries_of_similar_keys_regions_and_scopes_are_kept_apart() {
    let larder = larder();
    let scopes = [
        Scope::Public,
        Scope::user("a"),
        Scope::user("at"),
        Scope::tenant("a"),
        Scope::user("a\u{1}\0\0\0b"),
        Scope::user(""),
    ];
    let long = "x".repeat(1000);
    let keys: Vec<Key> = vec![
        Key::builder().finish(),
        "".into(),
        "a".into(),
        "ab".into(),
        ("a", "b").into(),
        "a/b".into(),
        [b'a'].as_slice().into(),
        97.into(),
        long.as_str().into(),
        format!("{long}y").into(),
        (long.as_str(), "y").into(),
        Key::builder().bytes(Key::from("a").as_bytes()).finish(),
    ];
    let mut expected = HashMap::new();
    for (region_number, name) in ["offers", "offer", "s"].into_iter().enumerate() {
        for (scope_number, scope) in scopes.iter().enumerate() {
            let region = region::<String>(&larder, name).scoped(scope.clone());
            for (key_number, key) in keys.iter().enumerate() {
                let value = format!("{region_number} {scope_number} {key_number}");
                assert_eq!(read(&region, key.clone(), value.clone()).await, value);
                expected.insert((name, scope.clone(), key.clone()), value);
            }
        }
    }
    for ((name, scope, key), value) in expected {
        let region = region::<String>(&larder, name).scoped(scope);
        assert_eq!(region.get(key).await.as_deref(), Some(&value));
    }
}

/// A hundred thousand keys, each found again with its own value: a hash alone is never trusted.
#[tokio::test]
async fn every_key_of_many_finds_its_own_value() {
    let larder = crate::scene::builder()
        .local_capacity(1 << 30)
        .build()
        .unwrap();
    let region = region::<u64>(&larder, "offers");
    for key in 0..100_000_u64 {
        read(&region, ("article", key), key).await;
    }
    for key in 0..100_000_u64 {
        assert_eq!(region.get(("article", key)).await.as_deref(), Some(&key));
    }
}
