//! Why a request passes by, why a response is not kept: each reason with the one word for it.

/// Defines an enum of reasons, each with the one word it is called by outside.
macro_rules! reasons {
    (
        $(#[$meta:meta])*
        $name:ident, $status:literal { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $name {
            /// Returns the reason as one word, an RFC 9110 token.
            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// Returns the `Cache-Status` it usually leads to, ready made.
            pub(crate) const fn status(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($status, $word),)*
                }
            }
        }
    };
}

reasons! {
    /// Why a request passes by the cache.
    Bypass, "larder; fwd=bypass; detail=" {
        /// The method is neither GET nor HEAD.
        Method = "method",
        /// The request has a body.
        Body = "body",
        /// The request asks for a 412.
        Precondition = "precondition",
        /// The request wants another protocol.
        Upgrade = "upgrade",
        /// The host is missing a clear meaning: invalid, given twice, or contradicting the target.
        Host = "host",
        /// The host is none of those the route names.
        ForeignHost = "foreign-host",
        /// The target is longer than what is kept.
        LongUri = "long-uri",
        /// The request carries credentials that the route did not name a user for.
        Credentials = "credentials",
        /// The request says `no-store`, and the route listens to requests.
        NoStore = "request-no-store",
        /// A switch is off, for the service, the region or this key's share.
        Off = "off",
    }
}

reasons! {
    /// Why a response is not kept.
    Skip, "larder; fwd=uri-miss; detail=" {
        /// Its status is not one that is kept.
        Status = "status",
        /// `must-understand`, with a status this cache does not know.
        NotUnderstood = "not-understood",
        /// Its request had `Authorization`, and it does not say that others may have it.
        Authorization = "authorization",
        /// As many variants of it are kept as the route allows.
        Variants = "too-many-variants",
        /// Its headers are larger than the limit.
        LargeHead = "large-head",
        /// `Set-Cookie` is there.
        SetCookie = "set-cookie",
        /// `Cache-Control` has a quoted string without an end.
        Malformed = "malformed-cache-control",
        /// `no-store`.
        NoStore = "no-store",
        /// `private`.
        Private = "private",
        /// `no-cache`, or `Pragma: no-cache` without any `Cache-Control`, and nothing to ask with.
        NoCache = "no-cache",
        /// Neither the response nor the route says how long it is fresh.
        NoFreshness = "no-freshness",
        /// Its freshness is over already.
        NotFresh = "not-fresh",
        /// `Vary: *`.
        VaryStar = "vary-star",
        /// `Vary` names no header names, or too many.
        VaryInvalid = "vary-invalid",
        /// It is encoded and does not vary by `Accept-Encoding`.
        Encoding = "unvaried-encoding",
        /// It is open to one origin and does not vary by `Origin`.
        Origin = "unvaried-origin",
        /// It is part of another one.
        Partial = "partial",
        /// Its body has no end: `text/event-stream` and what replaces itself.
        Endless = "endless",
        /// Its body is larger than the limit.
        TooLarge = "too-large",
        /// Its body is not as long as announced.
        Length = "length-mismatch",
        /// Its body takes longer than those who wait for it should.
        TooSlow = "too-slow",
        /// Its body broke.
        Broken = "broken-body",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_the_same_word_everywhere() {
        assert_eq!(Bypass::Credentials.as_str(), "credentials");
        assert_eq!(
            Bypass::Credentials.status(),
            "larder; fwd=bypass; detail=credentials"
        );
    }
}
