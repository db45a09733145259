//! How much memory a value takes, as far as its type tells.

use std::any::Any;

/// Returns `size_of::<V>()`, plus what strings and byte vectors hold on the heap.
pub(crate) fn of<V: 'static>(value: &V) -> usize {
    let value: &dyn Any = value;
    let heap = if let Some(text) = value.downcast_ref::<String>() {
        text.capacity()
    } else if let Some(bytes) = value.downcast_ref::<Vec<u8>>() {
        bytes.capacity()
    } else if let Some(text) = value.downcast_ref::<Box<str>>() {
        text.len()
    } else if let Some(bytes) = value.downcast_ref::<Box<[u8]>>() {
        bytes.len()
    } else {
        0
    };
    size_of::<V>() + heap
}
