//! Points at which a test can let something happen between two steps; nothing otherwise.

#[cfg(test)]
thread_local! {
    static HOOK: std::cell::RefCell<Option<(&'static str, Box<dyn FnOnce()>)>> =
        const { std::cell::RefCell::new(None) };
}

/// Passes a named point; a test may have something happen here.
#[inline]
pub(crate) fn point(_name: &'static str) {
    #[cfg(test)]
    {
        let due = HOOK.with_borrow_mut(|hook| {
            if hook.as_ref().is_some_and(|(name, _)| *name == _name) {
                hook.take()
            } else {
                None
            }
        });
        if let Some((_, then)) = due {
            then();
        }
    }
}

/// Runs `then` once, when this thread next passes `name`.
#[cfg(test)]
pub(crate) fn at(name: &'static str, then: impl FnOnce() + 'static) {
    HOOK.with_borrow_mut(|hook| *hook = Some((name, Box::new(then))));
}

/// Tells whether what [`at`] was given has run.
#[cfg(test)]
pub(crate) fn passed() -> bool {
    HOOK.with_borrow(Option::is_none)
}
