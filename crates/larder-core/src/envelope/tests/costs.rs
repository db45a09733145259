//! What an envelope costs, for docs/measurements.md; run in release by name.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::{expected, keyed, plain, sealed};
use crate::allocator;
use crate::envelope::{Sealing, compression, open, seal};
use crate::wire::Write;

const WORDS: &str = "the cache keeps what a service has read and a row that was written makes what \
    was made of it unusable on every node without a key tag or call by hand so that answers stay \
    fresh while most of them come from memory";

/// Rows of about 290 bytes: numbers, a title, a text, two times.
fn rows(bytes: usize) -> Vec<u8> {
    let words: Vec<&str> = WORDS.split(' ').collect();
    let mut random = 7_usize;
    let mut next = |below: usize| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut written = Vec::new();
    while written.len() < bytes {
        written.put_count(next(1 << 30));
        written.put_count(next(5000));
        for length in [5, 40] {
            let text: Vec<&str> = (0..length).map(|_| words[next(words.len())]).collect();
            written.put_counted(text.join(" ").as_bytes());
        }
        for _ in 0..2 {
            written.put_u64(1_700_000_000_000_000 + next(1 << 31) as u64 * 1000);
        }
        (0..4).for_each(|_| written.put_count(next(300)));
    }
    written.truncate(bytes);
    written
}

/// Returns the median time of one call, of 200 rounds.
#[expect(clippy::disallowed_methods, reason = "real time is what is asked for")]
fn median<T>(mut call: impl FnMut() -> T) -> Duration {
    let mut round = || {
        let began = Instant::now();
        (0..20).for_each(|_| drop(black_box(call())));
        began.elapsed() / 20
    };
    let mut times: Vec<Duration> = (0..200).map(|_| round()).collect();
    times.sort();
    times[100]
}

#[test]
#[ignore = "a measurement"]
fn costs_of_envelopes() {
    for (name, bytes) in [("row", 290), ("list", 29_000)] {
        let value = rows(bytes);
        for (how, sealing) in [("", plain()), (", authenticated", keyed())] {
            let one = || seal(&sealed(Some(&value)), &sealing);
            let bytes = one();
            let (sealing_takes, opening_takes) = (
                median(one),
                median(|| open(&bytes, &expected(&sealing)).unwrap()),
            );
            println!(
                "| {name} of {} bytes{how} | {sealing_takes:?} | {opening_takes:?} | {} |",
                value.len(),
                bytes.len()
            );
        }
    }
}

#[cfg(feature = "zstd")]
#[test]
#[ignore = "a measurement"]
fn costs_of_compression() {
    for bytes in [
        290, 600, 1000, 2000, 4096, 8192, 16_384, 29_000, 65_536, 262_144,
    ] {
        let value = rows(bytes);
        let mut packed = zstd::bulk::Compressor::new(1).unwrap();
        let mut unpacked = zstd::bulk::Decompressor::new().unwrap();
        let small = packed.compress(&value).unwrap();
        let packing = median(|| packed.compress(&value).unwrap());
        let unpacking = median(|| unpacked.decompress(&small, bytes).unwrap());
        println!(
            "| {bytes} | {} | {packing:?} | {unpacking:?} |",
            small.len()
        );
    }
}

fn allocations<T>(call: impl FnOnce() -> T) -> u64 {
    let before = allocator::calls();
    let _answer = call();
    allocator::calls() - before
}

/// One for the bytes, two for what shares them; a value in plain is opened without a copy.
#[test]
fn an_envelope_is_sealed_and_opened_in_few_allocations() {
    let value = rows(290);
    for sealing in [plain(), keyed()] {
        let bytes = seal(&sealed(Some(&value)), &sealing);
        let again = |sealing: &Sealing| seal(&sealed(Some(&value)), sealing);
        assert!(allocations(|| again(&sealing)) <= 2);
        // The first slice makes the bytes shared.
        assert!(allocations(|| open(&bytes, &expected(&sealing)).unwrap()) <= 1);
        assert_eq!(
            allocations(|| open(&bytes, &expected(&sealing)).unwrap()),
            0
        );
    }
    assert!(
        compression::pack(&value).is_none(),
        "one row is never compressed"
    );
}
