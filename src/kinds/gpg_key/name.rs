//! Names of keys: a keyring, a slash, and a whole fingerprint in its one form, or a pattern in its place.

use super::super::{Place, Problem, closed, path};
use crate::model::Code;
use crate::model::display::escape;

/// A name taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named<'a> {
    pub(super) keyring: &'a str,
    pub(super) key: &'a str,
}

impl<'a> Named<'a> {
    pub(super) fn of(name: &'a str) -> Option<Self> {
        let (keyring, key) = name.rsplit_once('/')?;
        Some(Self { keyring, key })
    }
}

/// Refuses names that could be written in another way, or that may mean more than one key.
pub(super) fn check(name: &str, only: &[String], problems: &mut Vec<Problem>) {
    let bad = |message: String| Problem {
        place: Place::Resource,
        code: Code::BadName,
        message,
        hint: None,
        warning: false,
    };
    let Some(Named { keyring, key }) = Named::of(name) else {
        let problem = bad("the name is a keyring, a slash and a fingerprint".to_owned());
        problems.push(problem.hint("such as \"/root/.gnupg/\" and 40 hex digits"));
        return;
    };
    if let Err(why) = path::absolute(keyring) {
        problems.push(bad(format!("the name begins with the path of a keyring, and it {why}")));
    } else if closed::is_pattern(keyring) || keyring.is_empty() {
        problems.push(bad("only the fingerprint can be a pattern, not the keyring".to_owned()));
    }
    if !closed::is_pattern(key)
        && let Err((why, hint)) = fingerprint(key)
    {
        problems.push(bad(why).hint(hint));
    }
    for item in only {
        let key = Named::of(item).map_or("", |item| item.key);
        if let Err((why, hint)) = fingerprint(key) {
            let message = format!("`{}`: {why}", escape(item));
            problems.push(Problem::key("only", Code::BadName, message).hint(hint));
        }
    }
}

/// Is this a whole fingerprint as it is written here?
fn fingerprint(text: &str) -> Result<(), (String, String)> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let digits = digits.strip_prefix("0x").unwrap_or(&digits).to_ascii_uppercase();
    let is_hex = !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_hexdigit());
    let problem = |why: &str, hint: String| Err((why.to_owned(), hint));
    match digits.len() {
        40 | 64 if is_hex && digits == text => Ok(()),
        40 | 64 if is_hex => problem(
            "a fingerprint stands in upper case and without blanks, so that a key has one name",
            format!("write `{digits}`"),
        ),
        8 | 16 | 32 if is_hex => problem(
            "this is the short id of a key, and anybody can make another key with it",
            "write the whole fingerprint, as `gpg --fingerprint` shows it".to_owned(),
        ),
        _ => problem(
            "a fingerprint has 40 hex digits, or 64 from version 5 on",
            "`gpg --fingerprint` shows it".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hints(name: &str, only: &[&str]) -> Vec<String> {
        let only: Vec<String> = only.iter().map(ToString::to_string).collect();
        let mut problems = Vec::new();
        check(name, &only, &mut problems);
        problems.into_iter().map(|p| p.hint.unwrap_or(p.message)).collect()
    }

    #[test]
    fn a_key_has_one_name() {
        let whole = "8D1F0A6C5B7E42930F4C6E8A1B2D3C4E5F60718A";
        let name = |key: &str| format!("/root/.gnupg/{key}");
        assert!(hints(&name(whole), &[]).is_empty());
        assert!(hints(&name(&"AB".repeat(32)), &[]).is_empty());
        assert!(hints("/root/.gnupg/*", &[&name(whole)]).is_empty());
        let write = [format!("write `{whole}`")];
        assert_eq!(hints(&name(&whole.to_lowercase()), &[]), write);
        assert_eq!(hints(&name(&format!("{} {}", &whole[..4], &whole[4..])), &[]), write);
        assert_eq!(hints("/root/.gnupg/*", &[&name(&whole.to_lowercase())]), write);
        assert!(hints(&name(&whole[24..]), &[])[0].contains("whole fingerprint"));
        for bad in [&name("x"), &name(""), "x", "", "root/AB", "/*/x/*", "/*"] {
            assert!(!hints(bad, &[]).is_empty(), "{bad}");
        }
    }
}
