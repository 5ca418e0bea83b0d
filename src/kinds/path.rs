//! Names of resources that are paths.

use std::path::Path;

use super::{Place, Problem};
use crate::model::Code;

/// Refuses a name that is no absolute path, or one that could be written in another way as well.
pub(super) fn check_name(name: &str, problems: &mut Vec<Problem>) {
    if let Err(why) = absolute(name) {
        let message = format!("the name is a path, and it {why}");
        problems.push(Problem {
            place: Place::Resource,
            code: Code::BadName,
            message,
            hint: Some(
                "write an absolute path without `.`, `..`, `//` and a `/` at its end".into(),
            ),
            warning: false,
        });
    }
}

/// Is this an absolute path that is written in the one normal way?
///
/// # Errors
/// A fragment that says what it is instead.
pub(super) fn absolute(path: &str) -> Result<&Path, &'static str> {
    let below = path.strip_prefix('/').ok_or("is not absolute")?;
    if path.contains('\0') {
        return Err("has a NUL character in it");
    }
    if !below.is_empty() {
        for part in below.split('/') {
            match part {
                "" => return Err("has an empty part"),
                "." | ".." => return Err("has a `.` or `..` in it"),
                _ => {}
            }
        }
    }
    Ok(Path::new(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_form() {
        for good in ["/", "/a", "/a/b.c", "/a/..b", "/ä b"] {
            assert!(absolute(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "./a", "//a", "/a/", "/a//b", "/a/./b", "/a/../b", "/..", "/a\0"] {
            assert!(absolute(bad).is_err(), "{bad:?}");
        }
    }
}
