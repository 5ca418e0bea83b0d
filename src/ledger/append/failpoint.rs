//! Where a crash is tried: each write and each fsync of a ledger, and whatever an executor adds.
//!
//! A debug build kills itself at the boundary whose number a test names in its environment. In a release build these are
//! empty functions, and nothing reads that variable.

/// Passes a boundary. In a debug build with `COUNTERSIGN_TEST_KILL_AT=N`, the N-th one (from 0) ends the process with SIGKILL.
#[cfg(debug_assertions)]
pub fn boundary() {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    static PASSED: AtomicU64 = AtomicU64::new(0);
    static KILL_AT: LazyLock<Option<u64>> =
        LazyLock::new(|| std::env::var("COUNTERSIGN_TEST_KILL_AT").ok()?.parse().ok());
    let number = PASSED.fetch_add(1, Ordering::SeqCst);
    if *KILL_AT == Some(number) {
        // Nothing of this process runs after it, destructors included: that is what a crash is.
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// Passes a boundary.
#[cfg(not(debug_assertions))]
pub const fn boundary() {}

#[cfg(test)]
thread_local! {
    /// What the next write, and the next fsync, of this thread answer.
    static FAILING: std::cell::Cell<(Option<rustix::io::Errno>, Option<rustix::io::Errno>)> =
        const { std::cell::Cell::new((None, None)) };
}

/// Lets the next write or the next fsync of this thread fail.
#[cfg(test)]
pub(in crate::ledger) fn fail(write: Option<rustix::io::Errno>, sync: Option<rustix::io::Errno>) {
    FAILING.set((write, sync));
}

/// Fails in unit tests that asked for it; nowhere else.
#[cfg_attr(not(test), expect(clippy::unnecessary_wraps, reason = "it fails in tests"))]
pub(super) fn write() -> std::io::Result<()> {
    #[cfg(test)]
    if let (Some(errno), sync) = FAILING.get() {
        FAILING.set((None, sync));
        return Err(errno.into());
    }
    Ok(())
}

/// The same for an fsync.
#[cfg_attr(not(test), expect(clippy::unnecessary_wraps, reason = "it fails in tests"))]
pub(super) fn sync() -> std::io::Result<()> {
    #[cfg(test)]
    if let (write, Some(errno)) = FAILING.get() {
        FAILING.set((write, None));
        return Err(errno.into());
    }
    Ok(())
}
