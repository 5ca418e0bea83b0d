//! What the kinds `git_head` and `deployment` have in common: how desired state names a commit, and how people are told
//! of one, and of how two of them stand to each other.

use crate::model::display::one_line;
use crate::probe::git::{Distance, is_object_id};

/// A beginning of a commit that is shorter may soon mean two commits.
const PREFIX_MIN: usize = 7;
const PREFIX_MAX: usize = 64;
/// What [`is_prefix`] accepts.
pub(super) const PREFIX_FORM: &str = "expected 7 to 64 hex digits of a commit";
/// How many digits of a commit are shown where it is as wanted.
pub(super) const SHORT: usize = 12;
/// No more of the name of a reference is shown.
const WIDTH_MAX: usize = 80;

/// Are these the digits of a commit, or the beginning of them?
pub(super) fn is_prefix(text: &str) -> bool {
    (PREFIX_MIN..=PREFIX_MAX).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_hexdigit())
}

/// The first digits of a commit.
pub(super) fn short(commit: &str) -> &str {
    commit.get(..SHORT).unwrap_or(commit)
}

/// The name of a reference, or a commit, as people say it.
pub(super) fn said(name: &str) -> String {
    let folders = ["refs/remotes/", "refs/heads/", "refs/tags/"];
    let name = folders.iter().find_map(|folder| name.strip_prefix(folder)).unwrap_or(name);
    if is_object_id(name) { short(name).to_owned() } else { one_line(name, WIDTH_MAX) }
}

/// How a commit stands to the one of that name: `2 behind origin/main`.
pub(super) fn standing(distance: Distance, name: &str) -> String {
    let name = said(name);
    match (distance.ahead, distance.behind) {
        (0, 0) => format!("equal to {name}"),
        (ahead, 0) => format!("{ahead} ahead of {name}"),
        (0, behind) => format!("{behind} behind {name}"),
        (ahead, behind) => format!("diverged from {name}: {ahead} ahead, {behind} behind"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_and_references_are_told_in_short() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(said(id), "0123456789ab");
        assert_eq!(said("refs/remotes/origin/main"), "origin/main");
        assert_eq!(said("refs/notes/x"), "refs/notes/x");
        let told = |ahead, behind| standing(Distance { ahead, behind }, "refs/heads/main");
        assert_eq!(told(0, 0), "equal to main");
        assert_eq!(told(1, 0), "1 ahead of main");
        assert_eq!(told(1, 3), "diverged from main: 1 ahead, 3 behind");
        assert!(is_prefix("703559c") && is_prefix(id));
        assert!(!is_prefix("703559") && !is_prefix("703559g") && !is_prefix(&id.repeat(2)));
    }
}
