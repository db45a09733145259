//! What is read, for what is made of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::dependency::Dependency;
use crate::larder::Larder;
use crate::position::Stamp;
use crate::read_scope::ReadScope;
use crate::refusal::Refusal;

impl Larder {
    /// Takes the stamp of a read: call it before its first statement is sent.
    pub fn stamp(&self) -> Stamp {
        self.0.node.stamp()
    }

    /// Records what a statement that is about to be sent will read; for integrators.
    ///
    /// Without a stamp it is taken here. Without a read scope nothing can depend on the
    /// statement: it is counted, warned about once if scopes are in use, and panics under
    /// [`strict_scopes`](crate::Builder::strict_scopes).
    ///
    /// # Panics
    /// Under strict scopes, outside of any scope.
    pub fn reading(&self, stamp: Option<Stamp>, dependencies: &[Dependency]) {
        let Some(scope) = ReadScope::current() else {
            return self.unscoped();
        };
        scope.read(
            &self.0.node,
            stamp.unwrap_or_else(|| self.stamp()),
            dependencies,
        );
    }

    /// Makes what encloses the current read uncacheable.
    pub fn refuse(&self, refusal: Refusal) {
        if let Some(scope) = ReadScope::current() {
            scope.refuse(refusal);
        }
    }

    /// Like [`refuse`](Self::refuse), with the reason in more words for
    /// [`explain`](crate::Region::explain).
    pub fn refuse_with(&self, refusal: Refusal, details: impl FnOnce() -> String) {
        if let Some(scope) = ReadScope::current() {
            scope.refuse_with(refusal, details);
        }
    }

    /// Counts a statement that was noticed past the cache; for integrators.
    pub fn count_bypass(&self) {
        self.0.bypasses.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds a dependency on a tag to what is being made: `invalidate(tag)` will reach it.
    pub fn depend_on(&self, tag: impl Into<Arc<str>>) {
        self.reading(None, &[Dependency::tag(tag)]);
    }

    /// Opens a read scope of its own.
    pub fn read_scope(&self) -> ReadScope {
        self.0.scopes_in_use.store(true, Ordering::Relaxed);
        ReadScope::root(&self.0.node)
    }

    fn unscoped(&self) {
        assert!(
            !self.0.strict_scopes,
            "a statement was read outside of any read scope: spawn tasks by `ReadScope::spawn`"
        );
        let before = self.0.unscoped_reads.fetch_add(1, Ordering::Relaxed);
        if before == 0 && self.0.scopes_in_use.load(Ordering::Relaxed) {
            tracing::warn!(
                service = &*self.0.service,
                "a statement was read outside of any read scope: no response can depend on it"
            );
        }
    }
}
