//! Who reads over a connection, as its user has named them.

use larder_core::{ReadScope, Refusal, Scope};

/// Who reads over a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reader {
    scope: Scope,
    /// Two users or two tenants were named.
    mixed: bool,
}

impl Reader {
    /// Names who reads; who was named before must be among them, or they among those.
    pub(crate) fn narrowed(&self, scope: &Scope) -> Self {
        match self.scope.narrow(scope) {
            Ok(scope) => Self {
                scope,
                mixed: self.mixed,
            },
            Err(_) => Self {
                scope: self.scope.clone(),
                mixed: true,
            },
        }
    }

    /// Returns whom entries are kept for.
    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Tells whether anybody was named.
    pub(crate) fn is_named(&self) -> bool {
        self.scope != Scope::Public
    }

    /// Returns why nothing that is read may be kept or served, if so.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.mixed.then_some(Refusal::MixedScopes)
    }

    /// Narrows what is being made of the reads to those who read.
    pub(crate) fn narrow(&self) {
        if self.is_named()
            && let Some(scope) = ReadScope::current()
        {
            scope.narrow(&self.scope);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_named_stays_named() {
        let acme = Reader::default().narrowed(&Scope::tenant("acme"));
        assert!(acme.is_named());
        assert_eq!(acme.narrowed(&Scope::Public).scope(), acme.scope());
        let ann = acme.narrowed(&Scope::user("ann"));
        assert_eq!(ann.scope(), &Scope::user("ann"));
        assert_eq!(ann.refusal(), None);
        let both = ann.narrowed(&Scope::user("bob"));
        assert_eq!(both.refusal(), Some(Refusal::MixedScopes));
        assert_eq!(both.narrowed(&Scope::user("ann")).refusal(), both.refusal());
    }
}
