//! Stopping work that nobody waits for any more.
//!
//! A thread cannot be ended from outside. Long work asks between two steps whether it should go on; whoever waits for
//! it holds the guard, and lets go of it when the deadline passes or the look is broken off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::model::{Reason, Unknown};

/// A flag that says "stop".
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

/// Raises the flag when it is dropped.
#[derive(Debug)]
pub struct CancelOnDrop(Cancel);

impl Cancel {
    /// A guard that raises the flag when it is dropped.
    #[must_use]
    pub fn on_drop(&self) -> CancelOnDrop {
        CancelOnDrop(self.clone())
    }

    /// Raises the flag.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Goes on only while the flag is down.
    ///
    /// # Errors
    /// Unknown (`deadline`) once it is up.
    pub fn check(&self) -> Result<(), Unknown> {
        if self.0.load(Ordering::Relaxed) {
            return Err(Unknown::new(Reason::Deadline, "stopped before it was done"));
        }
        Ok(())
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_guard_stops_the_work() {
        let cancel = Cancel::default();
        let guard = cancel.on_drop();
        assert_eq!(cancel.check(), Ok(()));
        drop(guard);
        assert_eq!(cancel.check().map_err(|e| e.reason), Err(Reason::Deadline));
    }
}
