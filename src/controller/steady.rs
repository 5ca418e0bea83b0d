//! Whether the clock was set, or the machine slept: then what was seen is older, or younger, than it says.

use std::time::Instant;

use crate::model::{Period, Timestamp};

/// What the clock may be set by without anybody minding: it is set right by a second or two all the time.
pub const TOLERANCE: Period = Period::from_seconds(5);

/// Compares the clock with one that nobody can set.
#[derive(Debug, Clone, Copy)]
pub struct Steady {
    instant: Instant,
    clock: Timestamp,
}

impl Steady {
    /// Begins to compare.
    #[must_use]
    pub const fn new(instant: Instant, clock: Timestamp) -> Self {
        Self { instant, clock }
    }

    /// By how many seconds the clock went another way than time since the last call, where that is more than [`TOLERANCE`];
    /// negative where it went back.
    pub fn stepped(&mut self, instant: Instant, clock: Timestamp) -> Option<i64> {
        let passed = instant.saturating_duration_since(self.instant).as_secs();
        let passed = i64::try_from(passed).unwrap_or(i64::MAX);
        let shown = clock.unix_seconds().saturating_sub(self.clock.unix_seconds());
        let by = shown.saturating_sub(passed);
        let stepped = by.unsigned_abs() > TOLERANCE.seconds();
        *self = Self { instant, clock };
        stepped.then_some(by)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_step_is_told_once_and_time_that_passes_is_none() {
        let (start, at) = (Instant::now(), Timestamp::from_unix_seconds);
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut steady = Steady::new(start, at(1000));
        assert_eq!(steady.stepped(after(15), at(1015)), None);
        assert_eq!(steady.stepped(after(30), at(1034)), None, "set right by four seconds");
        assert_eq!(steady.stepped(after(45), at(-2551)), Some(-3600));
        assert_eq!(steady.stepped(after(60), at(-2536)), None, "it was told");
        assert_eq!(steady.stepped(after(75), at(6079)), Some(8600));
        assert_eq!(steady.stepped(after(10_000), at(16_004)), None, "a long pause is no step");
    }
}
