//! Points at which a test can let something happen between two steps; nothing otherwise.

/// Passes a named point; a test may have something happen here.
#[cfg(not(test))]
#[inline]
pub(crate) fn point(_: &'static str) {}

#[cfg(test)]
pub(crate) use self::hook::{at, passed, point};

#[cfg(test)]
mod hook {
    use std::cell::RefCell;

    type Hook = (&'static str, Box<dyn FnOnce()>);

    thread_local! {
        static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
    }

    /// Passes a named point; runs what waits for it.
    pub(crate) fn point(name: &'static str) {
        let due = HOOK.with_borrow_mut(|hook| hook.take_if(|(waits, _)| *waits == name));
        if let Some((_, then)) = due {
            then();
        }
    }

    /// Runs `then` once, when this thread next passes `name`.
    pub(crate) fn at(name: &'static str, then: impl FnOnce() + 'static) {
        HOOK.with_borrow_mut(|hook| *hook = Some((name, Box::new(then))));
    }

    /// Tells whether what [`at`] was given has run.
    pub(crate) fn passed() -> bool {
        HOOK.with_borrow(Option::is_none)
    }
}
