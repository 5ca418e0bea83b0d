//! Text of SQL beside names: literals, types, and what a statement may begin with. Names become SQL in [`super::quoted`].

/// What a statement may begin with that runs in a transaction of this program: nothing that ends the transaction, changes
/// the session, or runs code of another language.
const WORDS: &[&str] = &[
    "ALTER", "COMMENT", "CREATE", "DELETE", "DROP", "GRANT", "INSERT", "MERGE", "REASSIGN",
    "REFRESH", "REVOKE", "SECURITY", "SELECT", "TRUNCATE", "UPDATE", "WITH",
];

/// The longest text of one statement, in bytes.
pub const STATEMENT_BYTES_MAX: usize = 64 << 10;

/// A literal, which means the same whatever `standard_conforming_strings` is.
#[must_use]
pub fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if doubled.contains('\\') {
        format!("E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!("'{doubled}'")
    }
}

/// Is this a list of types as PostgreSQL prints them, and nothing else? Outside of quotes there are only plain words, with
/// dots, commas, blanks and brackets.
#[must_use]
pub fn is_list_of_types(text: &str) -> bool {
    let mut quoted = false;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_., []".contains(c);
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            '\0' => return false,
            _ if quoted || plain(c) => {}
            _ => return false,
        }
    }
    !quoted
}

/// Checks a statement that is to run in a transaction with others. That it is only one is the server's to refuse: it is sent
/// in a way that has room for one.
///
/// # Errors
/// A fragment that says what is wrong.
pub fn check_statement(text: &str) -> Result<(), String> {
    if text.len() > STATEMENT_BYTES_MAX {
        return Err(format!(
            "a statement has at most {STATEMENT_BYTES_MAX} bytes, this has {}",
            text.len()
        ));
    }
    if text.contains('\0') {
        return Err("a statement has no zero byte".to_owned());
    }
    let rest = past_comments(text).ok_or("a comment does not end")?;
    let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let word = rest[..end].to_ascii_uppercase();
    if WORDS.contains(&word.as_str()) {
        return Ok(());
    }
    Err(format!("a statement begins with one of {}", WORDS.join(", ")))
}

/// What follows blanks and comments; `None` where a comment does not end.
fn past_comments(text: &str) -> Option<&str> {
    let mut rest = text.trim_start();
    loop {
        if let Some(line) = rest.strip_prefix("--") {
            rest = line.split_once('\n').map_or("", |(_, after)| after).trim_start();
        } else if let Some(block) = rest.strip_prefix("/*") {
            rest = past_block(block)?.trim_start();
        } else {
            return Some(rest);
        }
    }
}

/// What follows the end of a comment; such comments nest.
fn past_block(mut rest: &str) -> Option<&str> {
    let mut depth = 1;
    while depth > 0 {
        let end = rest.find("*/")?;
        if let Some(begin) = rest.find("/*").filter(|begin| *begin < end) {
            depth += 1;
            rest = &rest[begin + 2..];
        } else {
            depth -= 1;
            rest = &rest[end + 2..];
        }
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_cannot_be_left() {
        for (text, sql) in [
            ("", "''"),
            ("it's", "'it''s'"),
            (r"a\", r"E'a\\'"),
            (r"\'; DROP TABLE t; --", r"E'\\''; DROP TABLE t; --'"),
            ("é\n", "'é\n'"),
        ] {
            assert_eq!(literal(text), sql);
        }
    }

    #[test]
    fn types_are_words_and_nothing_else() {
        for good in
            ["", "text, uuid", "character varying[]", r#"s."odd; type", "T"[]"#, r#""a""b""#]
        {
            assert!(is_list_of_types(good), "{good}");
        }
        for bad in
            ["text)", "text; x", "text -- x", "\"open", "a\"b", "text/*", "text\ntext", "TEXT", "é"]
        {
            assert!(!is_list_of_types(bad), "{bad}");
        }
    }

    #[test]
    fn a_statement_ends_no_transaction() {
        for good in [
            "GRANT SELECT ON t TO r",
            "  update t set a = 1;",
            "-- why\n/* and /* how */ */ alter table t add c int",
            "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
        ] {
            assert_eq!(check_statement(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "COMMIT",
            "/* */ rollback",
            "BEGIN",
            "DO $$ $$",
            "SET ROLE x",
            "CALL p()",
            "COPY t TO '/x'",
            "-- GRANT",
            "/* GRANT",
            "VACUUM t",
            "PREPARE TRANSACTION 'x'",
            "SELECT\0",
            "GRANTED",
        ] {
            assert!(check_statement(bad).is_err(), "{bad}");
        }
        assert!(check_statement(&format!("SELECT '{}'", "x".repeat(STATEMENT_BYTES_MAX))).is_err());
    }
}
