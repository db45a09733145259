//! What the derive names, without what stands behind it.
#![allow(dead_code)]

pub trait CachedEntity {
    fn policy() -> __private::Policy;

    fn region() -> String {
        "table".to_owned()
    }

    fn scope() -> __private::ScopeKind {
        __private::ScopeKind::Public
    }
}

pub mod __private {
    pub use std::time::Duration;

    #[derive(Debug, PartialEq)]
    pub enum ScopeKind {
        Public,
        Tenant,
        User,
    }

    #[derive(Debug)]
    pub enum Tiers {
        Both,
        Local,
        Remote,
    }

    #[derive(Debug, PartialEq)]
    pub struct Policy(pub String);

    impl Policy {
        pub fn ttl(ttl: Duration) -> Self {
            Self(format!("ttl {ttl:?}"))
        }

        pub fn grace(self, grace: Duration) -> Self {
            Self(self.0 + &format!(", grace {grace:?}"))
        }

        pub fn negative_ttl(self, ttl: Duration) -> Self {
            Self(self.0 + &format!(", negative ttl {ttl:?}"))
        }

        pub fn early_refresh(self, early: Duration) -> Self {
            Self(self.0 + &format!(", early refresh {early:?}"))
        }

        pub fn tiers(self, tiers: Tiers) -> Self {
            Self(self.0 + &format!(", tiers {tiers:?}"))
        }

        pub fn lease(self, lease: Duration) -> Self {
            Self(self.0 + &format!(", lease {lease:?}"))
        }

        pub fn jitter(self, jitter: f64) -> Self {
            Self(self.0 + &format!(", jitter {jitter}"))
        }

        pub fn stale_on_error(self, keep: bool) -> Self {
            Self(self.0 + &format!(", stale on error {keep}"))
        }

        pub fn invalidated_by(self, tag: &str) -> Self {
            Self(self.0 + &format!(", invalidated by {tag}"))
        }
    }
}

pub struct Entity;
