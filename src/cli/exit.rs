//! Exit codes: what a script or a monitor learns without reading a word.

use crate::drift::Verdict;
use crate::killswitch::Halted;

/// In sync, or done.
pub const OK: u8 = 0;
/// The program could not do its work.
pub const ERROR: u8 = 1;
/// Live differs from desired state.
pub const DRIFT: u8 = 2;
/// Only desired state moved.
pub const PENDING: u8 = 3;
/// Something cannot be told; nothing may be concluded.
pub const UNKNOWN: u8 = 4;
/// Refused: a switch, a halt, a guard, an identity or a window.
pub const REFUSED: u8 = 7;
/// Refused: the world, desired state or the plan is not what it was.
pub const STALE: u8 = 5;
/// Refused: an approval is missing, or does not count.
pub const APPROVAL: u8 = 6;
/// What has to verify does not.
pub const VERIFICATION: u8 = 8;
/// Stopped half way: some steps were applied.
pub const PARTLY: u8 = 9;
/// The command line cannot be understood.
pub const USAGE: u8 = 64;
/// Desired state is not valid.
pub const INVALID: u8 = 65;
/// The configuration is not valid.
pub const CONFIG: u8 = 78;

/// Every code with its meaning, in the order in which they win when several hold.
pub const MEANINGS: &[(u8, &str)] = &[
    (PARTLY, "partly applied"),
    (VERIFICATION, "verification failed"),
    (REFUSED, "refused: switch, halt, guard, identity or window"),
    (APPROVAL, "refused: approval"),
    (STALE, "refused: the plan is stale"),
    (ERROR, "error"),
    (UNKNOWN, "unknown: something could not be told, so nothing may be concluded"),
    (DRIFT, "drift"),
    (PENDING, "pending only: desired state moved, live did not"),
    (OK, "in sync, or done"),
    (USAGE, "usage"),
    (INVALID, "invalid desired state"),
    (CONFIG, "bad configuration"),
];

/// The code of a halt. A switch that others could have written is configuration like any other of the host.
#[must_use]
pub const fn of_halt(halted: &Halted) -> u8 {
    match halted {
        Halted::Insecure(_) => CONFIG,
        _ => REFUSED,
    }
}

/// The code of a verdict.
#[must_use]
pub const fn of(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::InSync => OK,
        Verdict::Pending => PENDING,
        Verdict::Drift => DRIFT,
        Verdict::Unknown => UNKNOWN,
    }
}
