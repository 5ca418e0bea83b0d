//! How long to wait after a failure: exponential with full jitter, for each target by itself.

use std::time::Duration;

/// The most that is waited after the first failure.
const FIRST: Duration = Duration::from_secs(1);
/// The most that is ever waited.
const MOST: Duration = Duration::from_mins(5);
/// The least that is waited: a jitter near zero would be no waiting at all.
const LEAST: Duration = Duration::from_millis(200);

/// How many times in a row a target failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How many times in a row.
    #[must_use]
    pub const fn failures(self) -> u32 {
        self.failures
    }

    /// Counts a failure, and says how long to wait: anything up to twice as long as after the one before. `random` is any
    /// number, each as likely as any other.
    pub fn failed(&mut self, random: u64) -> Duration {
        let doublings = self.failures.min(16);
        self.failures = self.failures.saturating_add(1);
        let most = FIRST.saturating_mul(1 << doublings).min(MOST);
        share(most, random).max(LEAST)
    }

    /// It succeeded, or there is something new to try.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

/// A random share of a length of time, from nothing to all of it.
pub(super) fn share(length: Duration, random: u64) -> Duration {
    let nanoseconds = length.as_nanos() * u128::from(random) / u128::from(u64::MAX);
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_a_ceiling_and_begins_anew() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..12).map(|_| backoff.failed(u64::MAX).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        backoff.reset();
        assert_eq!(backoff.failed(u64::MAX), FIRST);
    }

    #[test]
    fn the_jitter_is_full_and_never_nothing() {
        let mut backoff = Backoff { failures: 5 };
        assert_eq!(backoff.failed(0), LEAST);
        let mut backoff = Backoff { failures: 5 };
        assert_eq!(backoff.failed(u64::MAX / 2).as_secs(), 15);
        let mut endless = Backoff { failures: u32::MAX };
        assert_eq!(endless.failed(u64::MAX), MOST);
        assert_eq!(endless.failures(), u32::MAX);
    }
}
