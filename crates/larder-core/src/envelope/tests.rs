//! What was sealed is opened as it was; everything else is a miss with its reason.

mod costs;

use bytes::Bytes;
use proptest::prelude::*;

use super::{Expected, HEADER, Sealed, Sealing, Unreadable, open, seal};
use crate::hostile::{Mutations, cheaply, hex};

const KEY: [u8; 32] = [3; 32];

fn sealed(value: Option<&[u8]>) -> Sealed<'_> {
    Sealed {
        key: &KEY,
        fingerprint: 5,
        incarnation: 6,
        position: 7,
        loaded_at: 1000,
        expires: 2000,
        stale_until: 3000,
        provenance: b"made of",
        value,
    }
}

fn expected(sealing: &Sealing) -> Expected<'_> {
    Expected {
        key: &KEY,
        fingerprint: 5,
        incarnation: 6,
        sealing,
    }
}

fn plain() -> Sealing {
    Sealing::new(None)
}

fn keyed() -> Sealing {
    Sealing::new(Some([9; 32]))
}

fn why(bytes: impl Into<Bytes>, expected: &Expected<'_>) -> Unreadable {
    open(&bytes.into(), expected).unwrap_err()
}

proptest! {
    #[test]
    fn what_was_sealed_is_opened_as_it_was(
        key: [u8; 32],
        numbers: [u64; 6],
        provenance: Vec<u8>,
        value: Option<Vec<u8>>,
        times in 1..2000_usize,
        mac: Option<[u8; 32]>,
    ) {
        let [fingerprint, incarnation, position, loaded_at, expires, stale_until] = numbers;
        let value = value.map(|value| value.repeat(times));
        let sealing = Sealing::new(mac);
        let bytes = seal(&Sealed {
            key: &key,
            fingerprint,
            incarnation,
            position,
            loaded_at,
            expires,
            stale_until,
            provenance: &provenance,
            value: value.as_deref(),
        }, &sealing);
        let expected = Expected { key: &key, fingerprint, incarnation, sealing: &sealing };
        let opened = open(&bytes, &expected).unwrap();
        prop_assert_eq!(opened.incarnation, incarnation);
        prop_assert_eq!(opened.position, position);
        prop_assert_eq!((opened.expires, opened.stale_until), (expires, stale_until));
        prop_assert_eq!(&*opened.provenance, &*provenance);
        prop_assert_eq!(opened.value.as_deref(), value.as_deref());
    }
}

/// Nodes of other versions read this: a test that fails here says that the version must change.
#[test]
fn the_form_is_that_of_version_1() {
    assert_eq!(hex(&seal(&sealed(Some(b"value")), &plain())), FORM);
    assert_eq!(hex(&seal(&sealed(None), &keyed())), KEYED);
}

const FORM: &str = "4c524452010006000000000000000500000000000000030303030303030303030303030303030303\
    03030303030303030303030303030700000000000000e803000000000000d007000000000000b80b\
    0000000000000700000005000000050000006d616465206f6676616c7565324ad4b8d27a309e";
const KEYED: &str = "4c524452010606000000000000000500000000000000030303030303030303030303030303030303\
    03030303030303030303030303030700000000000000e803000000000000d007000000000000b80b\
    0000000000000700000000000000000000006d616465206f665c5dbd09d96a02d88c0c14efcb18a5\
    d1348cd7c1d94d335bc2f8285a4a1b45da";

#[test]
fn a_value_in_plain_is_not_copied() {
    let bytes = seal(&sealed(Some(b"value")), &plain());
    let value = open(&bytes, &expected(&plain())).unwrap().value.unwrap();
    assert!(bytes.as_ptr_range().contains(&value.as_ptr()));
}

#[test]
fn an_entry_of_something_else_is_a_miss_that_says_why() {
    let bytes = seal(&sealed(Some(b"value")), &plain());
    let sealing = plain();
    let expected = || expected(&sealing);
    let other = [4; 32];
    let of_other_key = Expected {
        key: &other,
        ..expected()
    };
    assert_eq!(why(bytes.clone(), &of_other_key), Unreadable::Key);
    let of_other_schema = Expected {
        fingerprint: 4,
        ..expected()
    };
    assert_eq!(why(bytes.clone(), &of_other_schema), Unreadable::Schema);
    let of_other_log = Expected {
        incarnation: 4,
        ..expected()
    };
    assert_eq!(why(bytes, &of_other_log), Unreadable::Incarnation);
}

#[test]
fn bytes_that_were_changed_anywhere_are_a_miss() {
    for sealing in [plain(), keyed()] {
        let bytes = seal(&sealed(Some(b"value")), &sealing);
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.to_vec();
                changed[place] ^= 1 << bit;
                assert!(
                    open(&changed.into(), &expected(&sealing)).is_err(),
                    "{place} {bit}"
                );
            }
        }
        for cut in 0..bytes.len() {
            assert!(open(&bytes.slice(..cut), &expected(&sealing)).is_err());
        }
        let longer = [&*bytes, &[0]].concat();
        assert_eq!(why(longer, &expected(&sealing)), Unreadable::Length);
    }
}

#[test]
fn each_damage_has_its_reason() {
    let bytes = seal(&sealed(Some(b"value")), &plain()).to_vec();
    let changed = |place: usize, byte: u8| {
        let mut changed = bytes.clone();
        changed[place] = byte;
        why(changed, &expected(&plain()))
    };
    assert_eq!(changed(0, b'X'), Unreadable::Foreign);
    assert_eq!(changed(4, 2), Unreadable::Version);
    assert_eq!(changed(5, 128), Unreadable::Version);
    assert_eq!(changed(HEADER, b'M'), Unreadable::Corrupt);
    assert_eq!(changed(86, 8), Unreadable::Length);
    assert_eq!(why(&b""[..], &expected(&plain())), Unreadable::Foreign);
    assert_eq!(why(&b"LRDR"[..], &expected(&plain())), Unreadable::Length);
}

#[test]
fn an_entry_that_is_not_sealed_with_this_key_is_a_miss() {
    let (plain, keyed, other) = (plain(), keyed(), Sealing::new(Some([8; 32])));
    for sealing in [&plain, &other] {
        let bytes = seal(&sealed(Some(b"value")), sealing);
        assert_eq!(why(bytes, &expected(&keyed)), Unreadable::Unauthenticated);
    }
    let bytes = seal(&sealed(Some(b"value")), &keyed);
    assert_eq!(why(bytes, &expected(&plain)), Unreadable::Unauthenticated);
}

#[cfg(feature = "zstd")]
mod compressed {
    use super::*;
    use crate::envelope::header::{COMPRESSED, Header};

    /// An envelope of a value that is compressed to `packed` and says that it has `plain` bytes.
    fn forged(packed: &[u8], plain: usize) -> Vec<u8> {
        let header = Header {
            flags: COMPRESSED,
            incarnation: 6,
            fingerprint: 5,
            key: KEY,
            position: 7,
            loaded_at: 0,
            expires: 0,
            stale_until: 0,
            provenance: 0,
            stored: packed.len(),
            plain,
        };
        let mut bytes = Vec::new();
        header.write(&mut bytes);
        bytes.extend_from_slice(packed);
        super::plain().seal(&mut bytes);
        bytes
    }

    #[test]
    fn a_large_value_is_smaller_in_the_store() {
        let value = b"the same again, ".repeat(2000);
        let bytes = seal(&sealed(Some(&value)), &plain());
        assert!(bytes.len() < value.len() / 10, "{}", bytes.len());
        let opened = open(&bytes, &expected(&plain())).unwrap();
        assert_eq!(opened.value.as_deref(), Some(&*value));
    }

    /// 61 kB that would be 2 GB (a known bomb), and others that say less than they are.
    #[test]
    fn a_value_is_not_decompressed_to_more_than_it_says_nor_to_more_than_is_read() {
        let large = zstd::bulk::compress(&vec![0; 64 << 20], 1).unwrap();
        let small = zstd::bulk::compress(&vec![0; 1 << 20], 1).unwrap();
        let cases = [
            (&large, 64 << 20, Unreadable::TooLarge),
            (&large, 1 << 20, Unreadable::Compression),
            (&large, u32::MAX as usize, Unreadable::TooLarge),
            (&small, (1 << 20) - 1, Unreadable::Compression),
            (&small, 2 << 20, Unreadable::Compression),
        ];
        for (packed, length, reason) in cases {
            let bytes = forged(packed, length);
            let sealing = plain();
            let read = cheaply(&bytes, |bytes| {
                open(&Bytes::copy_from_slice(bytes), &expected(&sealing)).map(|_| ())
            });
            assert_eq!(read, Err(reason), "{length}");
        }
        let honest = forged(&small, 1 << 20);
        assert!(open(&honest.into(), &expected(&plain())).is_ok());
    }

    #[test]
    fn frames_by_anyone_are_read_cheaply() {
        let value = b"the same again, ".repeat(2000);
        let packed = zstd::bulk::compress(&value, 1).unwrap();
        let mut mutations = Mutations::of(vec![packed]);
        let sealing = plain();
        for _ in 0..20_000 {
            let bytes = forged(&mutations.next(), value.len());
            let _ = cheaply(&bytes, |bytes| {
                open(&Bytes::copy_from_slice(bytes), &expected(&sealing)).map(|_| ())
            });
        }
    }
}

/// With the seal made anew, as somebody could who writes to the store.
#[test]
fn envelopes_by_anyone_are_read_cheaply() {
    let sealing = plain();
    let seeds = [Some(&b"value"[..]), None].map(|value| seal(&sealed(value), &sealing).to_vec());
    let mut mutations = Mutations::of(seeds.to_vec());
    let mut opened = 0;
    for turn in 0..100_000 {
        let mut bytes = mutations.next();
        if turn % 2 == 0 {
            bytes.truncate(bytes.len().saturating_sub(8));
            sealing.seal(&mut bytes);
        }
        let read = cheaply(&bytes, |bytes| {
            open(&Bytes::copy_from_slice(bytes), &expected(&sealing)).map(|_| ())
        });
        opened += u32::from(read.is_ok());
    }
    assert!(opened > 1000, "{opened}: the mutations are too wild");
}
