//! Hostile text made harmless: what was observed prints only through here.
//!
//! File names, configuration lines and database values belong to whoever wrote them. Control characters could rewrite
//! a terminal, bidirectional controls could reorder a line; both are shown as escapes instead.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Shows control, bidirectional and other invisible characters as `\u{…}`, and `\` as `\\`.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| c == '\\' || is_hidden(c)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\\' => shown.push_str("\\\\"),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if is_hidden(c) => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// As [`escape`], for text that was escaped before: its backslashes stay, and doing it twice changes nothing.
#[must_use]
pub fn escaped_line(text: &str, width_max: usize) -> String {
    let parts: Vec<String> = text.split('\\').map(|part| escape(part).into_owned()).collect();
    cut(&parts.join("\\"), width_max)
}

/// As [`escape`], for bytes that need not be UTF-8: what is not becomes `\xNN`. Injective, so two names never look alike.
#[must_use]
pub fn escape_bytes(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        shown.push_str(&escape(chunk.valid()));
        for byte in chunk.invalid() {
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    shown
}

/// One line of at most `width_max` characters, escaped; what was cut is replaced by an ellipsis.
#[must_use]
pub fn one_line(text: &str, width_max: usize) -> String {
    cut(&escape(text), width_max)
}

fn cut(shown: &str, width_max: usize) -> String {
    if shown.chars().count() <= width_max {
        return shown.to_owned();
    }
    let mut cut: String = shown.chars().take(width_max.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// The first few of them, and a mark where there are more: `a, b, …`.
#[must_use]
pub fn few(names: impl ExactSizeIterator<Item = String>, names_max: usize) -> String {
    let more = if names.len() > names_max { ", …" } else { "" };
    let first: Vec<String> = names.take(names_max).collect();
    format!("{}{more}", first.join(", "))
}

/// A number with the words that fit it: `1 step`, `2 steps`.
#[must_use]
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Characters that move the cursor, reorder text, or cannot be seen.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{3164}' | '\u{ffa0}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}'..='\u{ffff}' | '\u{e0000}'..='\u{e007f}')
}

/// A word of a command line, escaped, and as a shell takes it: for commands that people copy.
#[must_use]
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", escape(word).replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_says_that_there_are_more() {
        let names = || ["a", "b", "c"].map(str::to_owned).into_iter();
        assert_eq!(few(names(), 3), "a, b, c");
        assert_eq!(few(names(), 2), "a, b, …");
        assert_eq!(few(std::iter::empty(), 2), "");
    }

    #[test]
    fn what_moves_or_hides_is_shown() {
        assert_eq!(escape("plain äöü"), "plain äöü");
        assert_eq!(escape("\u{1b}[31mred\r\n"), "\\u{1b}[31mred\\r\\n");
        assert_eq!(escape("user\u{202e}txt"), "user\\u{202e}txt");
        assert_eq!(escape_bytes(b"a\xffb\\"), "a\\xffb\\\\");
        for hidden in ['\u{3164}', '\u{fe0f}', '\u{e0101}', '\u{115f}', '\u{fffe}'] {
            assert_ne!(escape(&hidden.to_string()), hidden.to_string());
        }
    }

    #[test]
    fn long_lines_are_cut() {
        assert_eq!(one_line("abcdef", 4), "abc…");
        assert_eq!(one_line("abcd", 4), "abcd");
        assert_eq!(escaped_line(&escape_bytes(b"a\nb\\c\xff"), 40), "a\\nb\\\\c\\xff");
        assert_eq!(escaped_line("a\nb", 40), "a\\nb");
    }
}
