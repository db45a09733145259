//! Who may see an entry: everyone, a tenant, a user.

use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::name::push_counted;
use crate::refusal::Refusal;

/// Who an entry is for; part of its key, and never widened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everyone gets the same answer.
    #[default]
    Public,
    /// All users of one tenant get the same answer.
    Tenant(Arc<str>),
    /// One user's answer.
    User(Arc<str>),
}

/// How many people a scope is for, the most first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScopeKind {
    /// Everyone.
    #[default]
    Public,
    /// The users of a tenant.
    Tenant,
    /// A user.
    User,
}

impl Scope {
    /// Names a tenant.
    pub fn tenant(id: impl Into<Arc<str>>) -> Self {
        Self::Tenant(id.into())
    }

    /// Names a user.
    pub fn user(id: impl Into<Arc<str>>) -> Self {
        Self::User(id.into())
    }

    /// Returns how many people it is for.
    pub fn kind(&self) -> ScopeKind {
        match self {
            Self::Public => ScopeKind::Public,
            Self::Tenant(_) => ScopeKind::Tenant,
            Self::User(_) => ScopeKind::User,
        }
    }

    /// Returns the scope of what is made of `self` and `other`.
    ///
    /// A user's and a tenant's data together are the user's: the user is one of the tenant's.
    ///
    /// # Errors
    /// [`Refusal::MixedScopes`] for two users or two tenants.
    pub fn narrow(&self, other: &Self) -> Result<Self, Refusal> {
        match (self, other) {
            (Self::Public, scope) | (scope, Self::Public) => Ok(scope.clone()),
            (Self::User(a), Self::User(b)) | (Self::Tenant(a), Self::Tenant(b)) if a != b => {
                Err(Refusal::MixedScopes)
            }
            (user @ Self::User(_), _) | (_, user @ Self::User(_)) => Ok(user.clone()),
            (tenant, _) => Ok(tenant.clone()),
        }
    }

    /// Tells whether what was read under `read` may be kept under this scope.
    ///
    /// # Errors
    /// [`Refusal::WiderScope`] if others than those it was read for would see it.
    pub fn admits(&self, read: &Self) -> Result<(), Refusal> {
        match read.narrow(self) {
            Ok(narrowest) if narrowest == *self => Ok(()),
            Ok(_) => Err(Refusal::WiderScope),
            Err(refusal) => Err(refusal),
        }
    }

    /// Returns an injective encoding; empty for [`Scope::Public`].
    pub(crate) fn encoded(&self) -> SmallVec<[u8; 32]> {
        let mut bytes = SmallVec::new();
        match self {
            Self::Public => {}
            Self::Tenant(id) => {
                bytes.push(b'T');
                push_counted(&mut bytes, id.as_bytes());
            }
            Self::User(id) => {
                bytes.push(b'U');
                push_counted(&mut bytes, id.as_bytes());
            }
        }
        bytes
    }

    /// Takes a scope back from its encoding.
    pub(crate) fn decoded(bytes: &[u8]) -> Self {
        let id = || String::from_utf8_lossy(bytes.get(9..).unwrap_or_default()).into_owned();
        match bytes.first() {
            Some(b'T') => Self::tenant(id()),
            Some(b'U') => Self::user(id()),
            _ => Self::Public,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Tenant(_) => "tenant",
            Self::User(_) => "user",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_only_narrows() {
        let (ann, bob, acme) = (
            Scope::user("ann"),
            Scope::user("bob"),
            Scope::tenant("acme"),
        );
        assert_eq!(Scope::Public.narrow(&ann), Ok(ann.clone()));
        assert_eq!(ann.narrow(&acme), Ok(ann.clone()));
        assert_eq!(acme.narrow(&ann), Ok(ann.clone()));
        assert_eq!(ann.narrow(&bob), Err(Refusal::MixedScopes));
        assert_eq!(
            acme.narrow(&Scope::tenant("other")),
            Err(Refusal::MixedScopes)
        );
    }

    #[test]
    fn a_users_scope_is_narrower_than_a_tenants() {
        let kinds = [Scope::Public, Scope::tenant("a"), Scope::user("a")].map(|scope| scope.kind());
        assert!(kinds.is_sorted());
    }

    #[test]
    fn a_scope_survives_its_encoding() {
        for scope in [Scope::Public, Scope::user("ann"), Scope::tenant("")] {
            assert_eq!(Scope::decoded(&scope.encoded()), scope);
        }
    }

    #[test]
    fn nothing_is_kept_for_more_than_it_was_read_for() {
        let (ann, acme) = (Scope::user("ann"), Scope::tenant("acme"));
        assert_eq!(Scope::Public.admits(&Scope::Public), Ok(()));
        assert_eq!(ann.admits(&Scope::Public), Ok(()));
        assert_eq!(ann.admits(&acme), Ok(()));
        assert_eq!(Scope::Public.admits(&ann), Err(Refusal::WiderScope));
        assert_eq!(acme.admits(&ann), Err(Refusal::WiderScope));
        assert_eq!(ann.admits(&Scope::user("bob")), Err(Refusal::MixedScopes));
    }
}
