//! Panics that belong to a test.

use std::any::Any;
use std::sync::Once;

/// How the message of a panic begins that a test has planned.
pub(crate) const PLANNED: &str = "planned";

/// Keeps planned panics out of what the tests print.
pub(crate) fn hush() {
    static HUSHED: Once = Once::new();
    HUSHED.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !is_planned(panic.payload()) {
                print(panic);
            }
        }));
    });
}

/// Tells whether a panic was planned.
pub(crate) fn is_planned(panic: &(dyn Any + Send)) -> bool {
    words(panic).starts_with(PLANNED)
}

/// Returns what a panic says.
pub(crate) fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or_default()
}
