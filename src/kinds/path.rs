//! Names of resources that are paths.

use std::ffi::OsStr;
use std::path::Path;

use super::Problem;
use crate::model::display::escape;
use crate::model::{Code, Reason, Unknown, shown_path};
use crate::probe::host::FileType;

/// What a path has to look like.
const ONE_FORM: &str = "write an absolute path without `.`, `..`, `//` and a `/` at its end";

/// Refuses a name that is no absolute path, or one that could be written in another way as well.
pub(super) fn check_name(name: &str, problems: &mut Vec<Problem>) {
    if let Err(why) = absolute(name) {
        let message = format!("the name is a path, and it {why}");
        problems.push(Problem::resource(Code::BadName, message).hint(ONE_FORM));
    }
}

/// The same for a path that a key holds.
pub(super) fn check_key(key: &str, path: &str, problems: &mut Vec<Problem>) {
    if let Err(why) = absolute(path) {
        let message = format!("the path `{}` {why}", escape(path));
        problems.push(Problem::key(key, Code::WrongType, message).hint(ONE_FORM));
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

/// A path that `adopt` was given.
///
/// # Errors
/// Unknown, when it could be written in another way as well.
pub(super) fn asked(path: &str) -> Result<String, Unknown> {
    // People complete folders with a tab, which leaves a slash.
    let trimmed = path.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(path);
    let refused = |why| Unknown::new(Reason::NotSupported, format!("the path {why}"));
    absolute(trimmed).map_err(refused)?;
    Ok(trimmed.to_owned())
}

/// The path of an entry of a directory.
///
/// # Errors
/// The path as it is shown, and why it has none in desired state: TOML is UTF-8.
pub(super) fn below(above: &str, name: &OsStr) -> Result<String, (String, Unknown)> {
    let above = if above == "/" { "" } else { above };
    if let Some(name) = name.to_str() {
        return Ok(format!("{above}/{name}"));
    }
    let shown = shown_path(&Path::new(above).join(name));
    let detail = "the name is no UTF-8, and desired state is";
    Err((shown, Unknown::new(Reason::NotSupported, detail)))
}

/// What stands at a path is something else.
pub(super) fn not_a(file_type: FileType) -> Unknown {
    Unknown::new(Reason::NotSupported, format!("it is no {}", file_type.name()))
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
