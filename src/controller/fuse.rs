//! The runaway fuse: who drafts a new plan every minute has gone wrong, and more drafts would not help.

use std::collections::VecDeque;

use crate::model::{Period, Timestamp};

/// So many different drafts in a window are the most.
pub const DRAFTS_MAX: usize = 20;
/// The window.
pub const WINDOW: Period = Period::from_seconds(3600);

/// Counts drafts.
#[derive(Debug, Default)]
pub struct Fuse {
    made: VecDeque<Timestamp>,
}

impl Fuse {
    /// May one more be made now? It counts when it may.
    pub fn allows(&mut self, now: Timestamp) -> bool {
        // What was made at a time yet to come was made before the clock went back: nobody can tell when.
        self.made.retain(|made| *made <= now && made.after(WINDOW) > now);
        let allowed = self.made.len() < DRAFTS_MAX;
        if allowed {
            self.made.push_back(now);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_blows_and_mends_with_time() {
        let (mut fuse, start) = (Fuse::default(), Timestamp::from_unix_seconds(1_000_000));
        for _ in 0..DRAFTS_MAX {
            assert!(fuse.allows(start));
        }
        assert!(!fuse.allows(start), "one too many");
        assert!(!fuse.allows(start.after(Period::from_seconds(3599))));
        assert!(fuse.allows(start.after(WINDOW)));
        assert!(fuse.allows(start), "after a clock that went back it does not stay blown");
    }
}
