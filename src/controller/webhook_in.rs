//! The receiver of wake-ups: somebody says that something was pushed.
//!
//! Nothing in the body is believed, or even read as anything but bytes that are signed: it wakes, and the controller looks for
//! itself. Who floods is told so, and wakes no more often for it.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::{Method, Request, StatusCode};

use super::metrics::Metrics;
use super::signature::{Key, Signed};
use crate::model::{Clock, Timestamp};

/// The largest body that is taken.
pub const BODY_BYTES_MAX: usize = 64 << 10;
/// So many may come at once, and then one in [`SECONDS_EACH`].
const BURST: u32 = 10;
const SECONDS_EACH: i64 = 2;

/// Wakes the controller.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// Takes wake-ups that are signed.
pub struct Receiver {
    key: RwLock<Key>,
    wake: Wake,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    bucket: Mutex<Bucket>,
}

/// What is left of the burst, and since when.
#[derive(Debug)]
struct Bucket {
    left: u32,
    since: Timestamp,
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Receiver")
    }
}

impl Receiver {
    /// One that wakes.
    #[must_use]
    pub fn new(key: Key, wake: Wake, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Self {
        let since = clock.now();
        Self {
            key: RwLock::new(key),
            wake,
            clock,
            metrics,
            bucket: Mutex::new(Bucket { left: BURST, since }),
        }
    }

    /// Takes another secret from now on.
    pub fn rekey(&self, key: Key) {
        *self.key.write().unwrap_or_else(PoisonError::into_inner) = key;
    }

    /// Takes one request. Answers what is said to the caller.
    pub async fn receive(&self, request: Request<Incoming>) -> (StatusCode, &'static str) {
        let (status, said, result) = self.judge(request).await;
        self.metrics.count("countersign_webhook_requests", &[result]);
        (status, said)
    }

    async fn judge(&self, request: Request<Incoming>) -> (StatusCode, &'static str, &'static str) {
        if request.method() != Method::POST {
            return (StatusCode::METHOD_NOT_ALLOWED, "only POST\n", "malformed");
        }
        // Before anything is read: a flood costs as little as it can.
        if !self.admits() {
            return (StatusCode::TOO_MANY_REQUESTS, "too many\n", "limited");
        }
        let (parts, body) = request.into_parts();
        let too_large = (StatusCode::PAYLOAD_TOO_LARGE, "too large\n", "too_large");
        if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
            return too_large;
        }
        let Ok(body) = Limited::new(body, BODY_BYTES_MAX).collect().await else { return too_large };
        let body = body.to_bytes();
        let key = self.key.read().unwrap_or_else(PoisonError::into_inner);
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let standard = || {
            let signed = Signed {
                id: header("webhook-id")?,
                timestamp: header("webhook-timestamp")?,
                signatures: header("webhook-signature")?,
            };
            Some(key.verifies(signed, &body, self.clock.now().unix_seconds()))
        };
        let forge = || {
            let header = header("x-hub-signature-256").or_else(|| header("x-gitea-signature"))?;
            Some(key.verifies_forge(header, &body))
        };
        if !standard().or_else(forge).unwrap_or(false) {
            return (
                StatusCode::UNAUTHORIZED,
                "not signed by the secret that is known here\n",
                "unsigned",
            );
        }
        (self.wake)();
        (StatusCode::ACCEPTED, "it is looked at\n", "woke")
    }

    fn admits(&self) -> bool {
        let now = self.clock.now();
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.unix_seconds() - bucket.since.unix_seconds();
        if passed < 0 {
            // The clock was set back: what was left stays.
            bucket.since = now;
        }
        let gained = u32::try_from(passed / SECONDS_EACH).unwrap_or(0);
        if gained > 0 {
            bucket.left = bucket.left.saturating_add(gained).min(BURST);
            bucket.since = now;
        }
        let admitted = bucket.left > 0;
        bucket.left = bucket.left.saturating_sub(1);
        admitted
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    #[derive(Debug)]
    struct Set(AtomicI64);

    impl Clock for Set {
        fn now(&self) -> Timestamp {
            Timestamp::from_unix_seconds(self.0.load(Ordering::Relaxed))
        }
    }

    #[test]
    fn a_flood_is_let_in_drop_by_drop() {
        let clock = Arc::new(Set(AtomicI64::new(1000)));
        let key = Key::parse("a secret of some length").expect("a secret");
        let wake: Wake = Arc::new(|| {});
        let receiver =
            Receiver::new(key, wake, Arc::clone(&clock) as Arc<dyn Clock>, Arc::default());
        let admitted = || (0..1000).filter(|_| receiver.admits()).count();
        assert_eq!(admitted(), 10);
        assert_eq!(admitted(), 0);
        clock.0.store(1005, Ordering::Relaxed);
        assert_eq!(admitted(), 2);
        clock.0.store(500, Ordering::Relaxed);
        assert_eq!(admitted(), 0, "a clock that is set back lets nobody in");
        clock.0.store(1_000_000, Ordering::Relaxed);
        assert_eq!(admitted(), 10, "what was not used is not kept for ever");
    }
}
