//! Presence, for kinds whose things are there or not: how it is compared, and what absence leaves nothing for.

use super::Problem;
use crate::model::{Code, Comparison, Difference};

/// Compares; true when the thing is there as wanted, so that its attributes can be compared as well.
pub(super) fn compare(wanted: bool, is: bool, found: &mut Comparison) -> bool {
    let word = |present| if present { "present" } else { "absent" };
    found.seen = Some(word(is).to_owned());
    if wanted != is {
        found.differences.push(Difference::new("presence", word(wanted), word(is)));
    }
    wanted && is
}

/// Refuses keys that say something about a thing that shall not be there.
pub(super) fn check(present: bool, others: &[(&str, bool)], problems: &mut Vec<Problem>) {
    if present {
        return;
    }
    for (key, set) in others {
        if *set {
            let message = format!("`present = false` leaves nothing that could have `{key}`");
            problems.push(Problem::key(key, Code::Contradiction, message));
        }
    }
}
