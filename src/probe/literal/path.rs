//! Dotted paths: `a.b.c`, and `a."b.c".d` where a part has a dot of its own.

use super::DEPTH_MAX;

/// The parts of a dotted path.
///
/// A part between `"` or `'` is taken as it stands; there are no escapes, so a part with one quote uses the other.
pub(super) fn parts(path: &str) -> Result<Vec<&str>, String> {
    let mut parts = Vec::new();
    let mut rest = path;
    loop {
        let (part, after) = part(rest)?;
        parts.push(part);
        if parts.len() > DEPTH_MAX {
            return Err(format!("the path has more than {DEPTH_MAX} parts"));
        }
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(parts),
            None => return Err("expected a dot after the closing quote".into()),
        }
    }
}

fn part(rest: &str) -> Result<(&str, &str), String> {
    if let Some(quote @ ('"' | '\'')) = rest.chars().next() {
        return rest[1..].split_once(quote).ok_or_else(|| format!("a closing {quote} is missing"));
    }
    let end = rest.find('.').unwrap_or(rest.len());
    let (part, after) = rest.split_at(end);
    if part.is_empty() {
        return Err("a part of the path is empty".into());
    }
    if part.contains(['"', '\'']) {
        return Err("a part with a quote in it has to be quoted as a whole".into());
    }
    Ok((part, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_divide_and_quotes_hold_together() {
        assert_eq!(parts("a.b-c.d"), Ok(vec!["a", "b-c", "d"]));
        assert_eq!(parts("a.\"b.c\".'d\"e'"), Ok(vec!["a", "b.c", "d\"e"]));
        assert_eq!(parts("\"\""), Ok(vec![""]));
        for bad in ["", ".", "a.", ".a", "a..b", "\"a", "\"a\"b", "a\"b\""] {
            assert!(parts(bad).is_err(), "{bad}");
        }
        assert!(parts(&"a.".repeat(64)).is_err());
        assert!(parts(&["a"; 65].join(".")).is_err());
    }
}
