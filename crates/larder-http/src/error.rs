//! What can be wrong with a route's policy.

use larder_core::RegionError;
use thiserror::Error;

/// Why a layer could not be built; each message begins with the setting.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Nothing would ever be served from the cache.
    #[error(
        "ttl: zero without a grace keeps nothing; leave it out to keep only what responses allow"
    )]
    ZeroTtl,
    /// There is no freshness that could stand over a response's own.
    #[error("overrule_freshness: needs a ttl, the freshness that stands over a response's own")]
    OverruleWithoutTtl,
    /// There is no time in which something stale could be served.
    #[error("stale_on_error: needs a grace, the time in which it may serve something stale")]
    StaleOnErrorWithoutGrace,
    /// A session's cookie cannot have this name.
    #[error("cookie: `{0}` is no name: a token of 1 to 100 characters (RFC 6265, 4.1.1)")]
    Cookie(String),
    /// No body would ever be kept.
    #[error("body_limit: zero keeps nothing; switch the region off instead")]
    ZeroBodyLimit,
    /// No variant would ever be kept.
    #[error("variants: zero keeps nothing; switch the region off instead")]
    ZeroVariants,
    /// Nothing other nodes could wait for.
    #[error(
        "lease: other nodes find nothing of this layer; give it a `name`, and tiers other than `Local`"
    )]
    LeaseWithoutRemote,
    /// Only what has a name is kept in the remote tier.
    #[error("tiers: `Remote` keeps nothing of a layer without a `name`; give it one")]
    RemoteWithoutName,
    /// A list of target fields names none.
    #[error("targets: names no field; leave it out to go by `Cache-Control`")]
    NoTargets,
    /// A target field cannot be one.
    #[error("targets: `{0}` is not the name of a header")]
    NoTargetName(String),
    /// A layer's name cannot stand in a key.
    #[error("name: `{0}` is not up to a hundred visible ASCII characters that are not all digits")]
    Name(String),
    /// A list of hosts names none.
    #[error("hosts: names no host; leave it out to look up requests for any")]
    NoHosts,
    /// A host that no browser would send.
    #[error("hosts: `{0}` is no host as browsers send it, in lower case")]
    NoHost(String),
    /// Whatever host a client makes up would be the same.
    #[error("one_host: needs hosts, those that are one")]
    OneHostWithoutHosts,
    /// A header by which requests are to be told apart cannot be one.
    #[error("vary_by_header: `{0}` is not the name of a header")]
    NoHeaderName(String),
    /// A header that says who the user is would only be half of what keeps users apart.
    #[error(
        "vary_by_header: `{0}` tells users apart; use vary_by_user, which also keeps their answers apart"
    )]
    CredentialHeader(String),
    /// The region cannot be had.
    #[error("region: `{name}` cannot be used")]
    Region {
        /// The region's name.
        name: String,
        /// Why not.
        source: RegionError,
    },
}
