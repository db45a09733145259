//! Tokens that say who asks: JSON Web Tokens signed with HMAC-SHA-256 (RFC 7519, RFC 7515).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// How long a token is good for.
const LIFETIME: Duration = Duration::from_hours(60 * 24);

const HEADER: &[u8] = br#"{"typ":"JWT","alg":"HS256"}"#;

/// Signs tokens and reads them back.
#[derive(Clone)]
pub(crate) struct Tokens {
    signer: Hmac<Sha256>,
    header: String,
}

#[derive(Deserialize, Serialize)]
struct Claims {
    sub: String,
    exp: u64,
}

impl Tokens {
    /// Tokens of everybody who knows `secret`.
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self {
            signer: Hmac::new_from_slice(secret).expect("HMAC takes keys of any length"),
            header: URL_SAFE_NO_PAD.encode(HEADER),
        }
    }

    /// A token for a user, good for sixty days from `now`.
    pub(crate) fn issue(&self, user: i32, now: SystemTime) -> String {
        let claims = Claims {
            sub: user.to_string(),
            exp: seconds(now + LIFETIME),
        };
        let claims = serde_json::to_vec(&claims).unwrap_or_default();
        let signed = format!("{}.{}", self.header, URL_SAFE_NO_PAD.encode(claims));
        let signature = self
            .signer
            .clone()
            .chain_update(&signed)
            .finalize()
            .into_bytes();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The user a token was issued for; `None` when it is not ours, or no longer good.
    pub(crate) fn user(&self, token: &str, now: SystemTime) -> Option<i32> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        // Only the header we write is read, so that no token chooses its own algorithm.
        if header != self.header {
            return None;
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.signer
            .clone()
            .chain_update(signed)
            .verify_slice(&signature)
            .ok()?;
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        if claims.exp <= seconds(now) {
            return None;
        }
        claims.sub.parse().ok()
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

fn seconds(moment: SystemTime) -> u64 {
    moment
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    #[test]
    fn a_token_names_its_user_until_it_ends() {
        let tokens = Tokens::new(b"secret");
        let token = tokens.issue(7, UNIX_EPOCH);
        assert_eq!(tokens.user(&token, UNIX_EPOCH), Some(7));
        assert_eq!(tokens.user(&token, UNIX_EPOCH + LIFETIME - DAY), Some(7));
        assert_eq!(tokens.user(&token, UNIX_EPOCH + LIFETIME), None);
    }

    #[test]
    fn a_token_signed_by_somebody_else_names_nobody() {
        let token = Tokens::new(b"another").issue(7, UNIX_EPOCH);
        assert_eq!(Tokens::new(b"secret").user(&token, UNIX_EPOCH), None);
    }

    #[test]
    fn a_changed_token_names_nobody() {
        let tokens = Tokens::new(b"secret");
        let (mine, yours) = (tokens.issue(7, UNIX_EPOCH), tokens.issue(8, UNIX_EPOCH));
        let forged: Vec<_> = mine.split('.').zip(yours.split('.')).collect();
        let forged = format!("{}.{}.{}", forged[0].0, forged[1].1, forged[2].0);
        assert_eq!(tokens.user(&forged, UNIX_EPOCH), None);
    }

    #[test]
    fn a_token_without_a_signature_names_nobody() {
        let tokens = Tokens::new(b"secret");
        let claims = URL_SAFE_NO_PAD.encode(br#"{"sub":"7","exp":99999999999}"#);
        let header = URL_SAFE_NO_PAD.encode(br#"{"typ":"JWT","alg":"none"}"#);
        for token in [
            format!("{header}.{claims}."),
            format!("{}.{claims}.", tokens.header),
            String::new(),
        ] {
            assert_eq!(tokens.user(&token, UNIX_EPOCH), None);
        }
    }

    #[test]
    fn a_token_is_what_the_standard_says() {
        // Made with another implementation from the same header, claims and secret.
        let token = Tokens::new(b"secret").issue(7, UNIX_EPOCH);
        let known = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3IiwiZXhwIjo1MTg0MDAwfQ";
        assert_eq!(
            token,
            format!("{known}.{}", "aYnIapchWFKdqRGnmp3J8T0DuWkv2G1__kSuttDqSwA")
        );
    }
}
