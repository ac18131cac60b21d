//! The signed session token of v1: any node of the cluster can check it, nobody else can make one.
//!
//! `base64url(json) "." base64url(HMAC-SHA256)`. It is a credential: never logged, never shown to others.

use std::time::{Duration, SystemTime};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use hubbub_core::{Identity, Name, RefusalCode, Secret, UserId};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// How long a token brings its person back.
const LIFETIME: Duration = Duration::from_hours(24);

/// Makes and checks tokens.
#[derive(Debug, Clone)]
pub(crate) struct Tokens(Secret);

#[derive(Serialize, Deserialize)]
struct Claims {
    user: String,
    name: String,
    /// Seconds since the Unix epoch.
    expires: u64,
}

impl Tokens {
    pub(crate) fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// A token for this person, from now on.
    pub(crate) fn issue(&self, identity: &Identity, now: SystemTime) -> String {
        let expires = seconds(now + LIFETIME);
        let claims = Claims { user: identity.user.to_string(), name: identity.name.to_string(), expires };
        let json = serde_json::to_vec(&claims).unwrap_or_default();
        let body = BASE64_URL_SAFE_NO_PAD.encode(json);
        let proof = BASE64_URL_SAFE_NO_PAD.encode(self.mac(&body).finalize().into_bytes());
        format!("{body}.{proof}")
    }

    /// Whose token it is, or the code for why it brings nobody back.
    pub(crate) fn check(&self, token: &str, now: SystemTime) -> Result<Identity, RefusalCode> {
        let claims = self.claims(token).ok_or(RefusalCode::Unauthorized)?;
        let name = Name::parse(&claims.name).map_err(|_| RefusalCode::Unauthorized)?;
        if claims.expires <= seconds(now) {
            return Err(RefusalCode::Expired);
        }
        Ok(Identity { user: UserId::new(claims.user), name })
    }

    /// What it says, if nobody has changed it.
    fn claims(&self, token: &str) -> Option<Claims> {
        let (body, proof) = token.split_once('.')?;
        self.mac(body).verify_slice(&BASE64_URL_SAFE_NO_PAD.decode(proof).ok()?).ok()?;
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(body).ok()?).ok()
    }

    fn mac(&self, body: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0.0).expect("a key of any length will do");
        mac.update(b"session\0");
        mac.update(body.as_bytes());
        mac
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_brings_back_a_name_that_nobody_could_take_now() {
        let tokens = Tokens::new(Secret([7; 32]));
        for name in ["Server", "__proto__", "\u{440}\u{430}ypal", "\u{fb01}ona"] {
            let holder = Identity { user: UserId::random(), name: Name::parse(name).expect("a name") };
            let token = tokens.issue(&holder, SystemTime::now());
            assert_eq!(tokens.check(&token, SystemTime::now()), Ok(holder));
        }
    }

    #[test]
    fn only_an_unchanged_token_in_its_time_is_good() {
        let tokens = Tokens::new(Secret([7; 32]));
        let ann = Identity { user: UserId::random(), name: Name::parse("Ann").expect("a name") };
        let now = SystemTime::now();
        let token = tokens.issue(&ann, now);
        assert_eq!(tokens.check(&token, now), Ok(ann));
        assert_eq!(tokens.check(&token, now + LIFETIME), Err(RefusalCode::Expired));
        let unauthorized = Err(RefusalCode::Unauthorized);
        assert_eq!(Tokens::new(Secret([8; 32])).check(&token, now), unauthorized);
        for strange in [&token[1..], &token[..token.len() - 1], &token[..20], "", ".", "a.b"] {
            assert_eq!(tokens.check(strange, now), unauthorized, "{strange}");
        }
    }
}
