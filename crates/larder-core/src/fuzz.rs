//! Ways in for the fuzz targets of `fuzz/`: what reads bytes that others wrote. Only built for them.
//!
//! Each panics if a promise is broken. Nothing here is part of the crate's face.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;

use crate::bus::{decode, encode};
use crate::envelope::{Expected, Sealed, Sealing, open, seal};
use crate::larder::Larder;
use crate::marks::Marks;
use crate::node::Node;

/// A node remembers the tables that others tell of: so many inputs it reads before it is replaced.
const INPUTS: usize = 256;

thread_local! {
    static NODE: RefCell<(usize, Option<Arc<Node>>)> = const { RefCell::new((0, None)) };
}

/// Opens bytes as they are, and bytes that were sealed by whoever made them up.
pub fn envelope(data: &[u8]) {
    for secret in [None, Some([9; 32])] {
        let sealing = Sealing::new(secret);
        let expected = Expected {
            key: &[3; 32],
            fingerprint: 5,
            incarnation: 6,
            sealing: &sealing,
        };
        let _ = open(&Bytes::copy_from_slice(data), &expected);
        let mut forged = data.to_vec();
        sealing.seal(&mut forged);
        let _ = open(&forged.into(), &expected);
        let half = data.len() / 2;
        let value = (data.first() != Some(&0)).then_some(&data[half..]);
        let sealed = Sealed {
            key: &[3; 32],
            fingerprint: 5,
            incarnation: 6,
            position: 7,
            loaded_at: 1000,
            expires: 2000,
            stale_until: 3000,
            provenance: &data[..half],
            value,
        };
        let opened = open(&seal(&sealed, &sealing), &expected).expect("it was just sealed");
        assert_eq!(opened.value.as_deref(), value);
        assert_eq!(&opened.provenance[..], &data[..half]);
    }
}

/// Takes dependencies from bytes; what could be read means the same on the next node.
pub fn marks(data: &[u8]) {
    let node = node();
    if let Ok(marks) = Marks::decode(data, &node) {
        let written = marks.encode();
        let again = Marks::decode(&written, &node).expect("it was just written");
        assert_eq!(again.encode(), written);
    }
}

/// Takes changes from bytes; what this version understood is passed on as it is.
pub fn bus(data: &[u8]) {
    let changes = decode(data);
    let written = encode(&changes);
    let again = decode(&written);
    assert_eq!(encode(&again), written);
}

fn node() -> Arc<Node> {
    NODE.with_borrow_mut(|(inputs, node)| {
        *inputs += 1;
        if *inputs % INPUTS == 0 {
            *node = None;
        }
        let made = || {
            let larder = Larder::builder("fuzz").slots(1024).environment([("", "")]);
            Arc::clone(larder.build().expect("its settings are right").node())
        };
        Arc::clone(node.get_or_insert_with(made))
    })
}
