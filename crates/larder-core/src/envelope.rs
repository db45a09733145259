//! What an entry of the remote tier looks like. Placeholder until the format lands: nothing is read.
#![expect(dead_code, clippy::unused_self, reason = "a placeholder")]
use crate::marks::Marks;
use crate::node::Node;
use bytes::Bytes;
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    Value,
}
impl Unreadable {
    pub(crate) const ALL: [Self; 1] = [Self::Value];
    pub(crate) fn as_str(self) -> &'static str {
        "value"
    }
}
pub(crate) struct Sealing;
impl Sealing {
    pub(crate) fn new(_: Option<[u8; 32]>) -> Self {
        Self
    }
}
pub(crate) struct Sealed<'a> {
    pub key: &'a [u8; 32],
    pub fingerprint: u64,
    pub incarnation: u64,
    pub position: u64,
    pub loaded_at: u64,
    pub expires: u64,
    pub stale_until: u64,
    pub provenance: &'a [u8],
    pub value: Option<&'a [u8]>,
}
pub(crate) struct Expected<'a> {
    pub key: &'a [u8; 32],
    pub fingerprint: u64,
    pub incarnation: u64,
    pub sealing: &'a Sealing,
}
pub(crate) struct Opened {
    pub incarnation: u64,
    pub position: u64,
    pub expires: u64,
    pub stale_until: u64,
    pub provenance: Bytes,
    pub value: Option<Bytes>,
}
pub(crate) fn seal(_: &Sealed<'_>, _: &Sealing) -> Bytes {
    Bytes::new()
}
pub(crate) fn open(_: Bytes, _: &Expected<'_>) -> Result<Opened, Unreadable> {
    Err(Unreadable::Value)
}
impl Marks {
    pub(crate) fn encode(&self) -> Vec<u8> {
        Vec::new()
    }
    pub(crate) fn decode(_: &[u8], _: &Node) -> Result<Self, Unreadable> {
        Err(Unreadable::Value)
    }
}
