//! How long a key or a certificate stays valid, counted from the moment of the look.

use crate::model::{Comparison, Difference, Period, Timestamp};

/// Compares the end of a validity with how long it has to last. No end lasts for ever.
pub(super) fn compare(
    field: &str,
    valid_for: Option<Period>,
    expires: Option<Timestamp>,
    looked_at: Timestamp,
    found: &mut Comparison,
) {
    let (Some(valid_for), Some(expires)) = (valid_for, expires) else { return };
    let soonest = looked_at.after(valid_for);
    if expires < soonest {
        let wanted = format!("{soonest} or later");
        found.differences.push(Difference::new(field, wanted, expires.to_string()));
    }
}

/// The end of a validity in a few words.
pub(super) fn brief(expires: Option<Timestamp>) -> String {
    expires.map_or_else(|| "does not expire".to_owned(), |expires| format!("expires {expires}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_may_be_as_near_as_said_and_no_nearer() {
        let at = Timestamp::from_unix_seconds;
        let differs = |valid_for, expires| {
            let mut found = Comparison::default();
            compare("expires", valid_for, expires, at(1000), &mut found);
            !found.differences.is_empty()
        };
        let day = Some(Period::from_seconds(100));
        assert!(differs(day, Some(at(1099))));
        assert!(!differs(day, Some(at(1100))));
        assert!(!differs(day, None));
        assert!(!differs(None, Some(at(1))));
        assert!(differs(Some(Period::from_seconds(0)), Some(at(999))), "expired");
    }
}
