//! Signatures of webhooks, as Standard Webhooks has them, and as forges sign what they post.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// How far the time of a signed message may lie from ours, in seconds: an old one is somebody's replay.
pub const TOLERANCE_SECONDS: u64 = 300;
/// The shortest secret, in bytes: fewer can be tried through.
const SECRET_BYTES_MIN: usize = 16;

/// A shared secret. It is shown nowhere.
#[derive(Clone)]
pub struct Key(Vec<u8>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// A text is no secret that could be used. It is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not base64 behind `whsec_`.
    #[error("what stands behind `whsec_` is no base64")]
    Encoding,
    /// Too short.
    #[error("a secret has at least {SECRET_BYTES_MIN} bytes; `openssl rand -base64 32` makes one")]
    Short,
}

/// The headers of a signed message.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// `webhook-id`
    pub id: &'a str,
    /// `webhook-timestamp`, in seconds since 1970
    pub timestamp: &'a str,
    /// `webhook-signature`: one or several, parted by blanks
    pub signatures: &'a str,
}

impl Key {
    /// Reads a secret: `whsec_` and base64, or the bytes of the text.
    ///
    /// # Errors
    /// When it is too short, or no base64 where it says that it is.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bytes = match text.strip_prefix("whsec_") {
            Some(encoded) => STANDARD.decode(encoded).map_err(|_| KeyError::Encoding)?,
            None => text.as_bytes().to_vec(),
        };
        if bytes.len() < SECRET_BYTES_MIN {
            return Err(KeyError::Short);
        }
        Ok(Self(bytes))
    }

    fn mac(&self, parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
        // A key of any length is one.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        for part in parts {
            mac.update(part);
        }
        Some(mac)
    }

    /// The value of `webhook-signature`.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> String {
        let mac = self.mac(&[id.as_bytes(), b".", timestamp.as_bytes(), b".", body]);
        let code = mac.map(|mac| STANDARD.encode(mac.finalize().into_bytes()));
        format!("v1,{}", code.unwrap_or_default())
    }

    /// Is one of the signatures ours, and of this time? Compared in constant time.
    #[must_use]
    pub fn verifies(&self, signed: Signed<'_>, body: &[u8], now: i64) -> bool {
        let Ok(at) = signed.timestamp.parse::<i64>() else { return false };
        if now.abs_diff(at) > TOLERANCE_SECONDS {
            return false;
        }
        let parts = [signed.id.as_bytes(), b".", signed.timestamp.as_bytes(), b".", body];
        signed.signatures.split(' ').take(8).any(|one| {
            let code = one.strip_prefix("v1,").and_then(|code| STANDARD.decode(code).ok());
            code.is_some_and(|code| self.matches(&parts, &code))
        })
    }

    /// Is `sha256=HEX` over the body ours? As GitHub, Gitea and Forgejo sign. It knows no time: it can only be replayed, and
    /// a replay wakes.
    #[must_use]
    pub fn verifies_forge(&self, signature: &str, body: &[u8]) -> bool {
        let hex = signature.strip_prefix("sha256=").unwrap_or(signature);
        let Ok(code) = hex.parse::<crate::model::Digest>() else { return false };
        self.matches(&[body], code.as_bytes())
    }

    fn matches(&self, parts: &[&[u8]], code: &[u8]) -> bool {
        self.mac(parts).is_some_and(|mac| mac.verify_slice(code).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification of Standard Webhooks.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const SIGNED: Signed<'_> = Signed {
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp: "1614265330",
        signatures: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    };
    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    #[test]
    fn the_published_example_verifies() {
        let key = Key::parse(SECRET).expect("a secret");
        assert_eq!(key.sign(SIGNED.id, SIGNED.timestamp, BODY), SIGNED.signatures);
        assert!(key.verifies(SIGNED, BODY, 1_614_265_330));
        assert!(key.verifies(SIGNED, BODY, 1_614_265_330 + 300));
        let two = format!("v1,AAAA v1a,x {}", SIGNED.signatures);
        assert!(key.verifies(Signed { signatures: &two, ..SIGNED }, BODY, 1_614_265_330));
    }

    #[test]
    fn whatever_is_other_does_not() {
        let key = Key::parse(SECRET).expect("a secret");
        let at = 1_614_265_330;
        assert!(!key.verifies(SIGNED, BODY, at + 301), "too old");
        assert!(!key.verifies(SIGNED, BODY, at - 301), "from the future");
        assert!(!key.verifies(SIGNED, b"{}", at));
        assert!(!key.verifies(Signed { id: "msg_other", ..SIGNED }, BODY, at));
        for signatures in ["", "v1,", "v1,g0hM", "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="]
        {
            assert!(!key.verifies(Signed { signatures, ..SIGNED }, BODY, at), "{signatures}");
        }
        for timestamp in ["", "x", "1614265330.0", "-1", "99999999999999999999"] {
            assert!(!key.verifies(Signed { timestamp, ..SIGNED }, BODY, at), "{timestamp}");
        }
        let other = Key::parse("another secret of some length").expect("a secret");
        assert!(!other.verifies(SIGNED, BODY, at));
    }

    #[test]
    fn what_forges_sign_verifies() {
        // From GitHub's documentation of its deliveries.
        let key = Key::parse("It's a Secret to Everybody").expect("a secret");
        let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert!(key.verifies_forge(signature, b"Hello, World!"));
        assert!(!key.verifies_forge(signature, b"Hello, World"));
        for bad in ["", "sha256=", "sha256=00", "sha1=757107ea", &signature[..70]] {
            assert!(!key.verifies_forge(bad, b"Hello, World!"), "{bad}");
        }
    }

    #[test]
    fn a_short_secret_is_refused_and_none_is_shown() {
        assert_eq!(Key::parse("short").err(), Some(KeyError::Short));
        assert_eq!(Key::parse("whsec_c2hvcnQ=").err(), Some(KeyError::Short));
        assert_eq!(Key::parse("whsec_ä").err(), Some(KeyError::Encoding));
        assert_eq!(format!("{:?}", Key::parse(SECRET)), "Ok(Key(…))");
    }
}
