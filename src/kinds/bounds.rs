//! Numbers that are wanted exactly, or within bounds: `count`, or `at_least` and `at_most`.

use super::Problem;
use crate::model::Code;

/// A bound under its key.
type Bound<'a> = (&'a str, Option<u64>);

/// Refuses bounds beside the exact number, whose key is given where it is set, and bounds between which no number lies.
pub(super) fn check(
    exact: Option<&str>,
    least: Bound<'_>,
    most: Bound<'_>,
    problems: &mut Vec<Problem>,
) {
    if let Some(exact) = exact {
        for (key, _) in [least, most].iter().filter(|(_, bound)| bound.is_some()) {
            let message = format!("`{key}` cannot stand beside `{exact}`");
            problems.push(Problem::key(key, Code::Contradiction, message));
        }
    }
    if let ((_, Some(least)), (key, Some(most))) = (least, most)
        && least > most
    {
        let message = format!("no number is at least {least} and at most {most}");
        problems.push(Problem::key(key, Code::Contradiction, message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_number_has_no_bounds_and_bounds_leave_a_number() {
        let keys = |exact, least, most| {
            let mut problems = Vec::new();
            check(exact, ("at_least", least), ("at_most", most), &mut problems);
            problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>().join("; ")
        };
        assert_eq!(keys(None, Some(2), Some(2)), "");
        assert_eq!(keys(Some("count"), None, None), "");
        assert_eq!(keys(Some("count"), None, Some(1)), "`at_most` cannot stand beside `count`");
        assert_eq!(keys(None, Some(2), Some(1)), "no number is at least 2 and at most 1");
    }
}
