//! INI: `key = value` or `key: value` below a `[section]`, as Python's configparser and systemd read it.
//!
//! There is no standard, and readers disagree about quotes, comments behind a value, continued lines, expansions, letter
//! case, and keys that stand twice. Wherever two of them would see another value, or another key, nothing is decided.

use serde_json::Value;

use super::{LiteralError, Place, path};

/// The section whose keys configparser gives to all others.
const DEFAULT: &str = "DEFAULT";
const EITHER_SIGN: &str = "a colon and an equals sign, and readers divide the line at either";

pub(super) fn check(key: &str) -> Result<(), String> {
    match path::parts(key)?.len() {
        1 | 2 => Ok(()),
        _ => Err("an INI path is `section.key`, or `key` for a line above every section".into()),
    }
}

pub(super) fn read(text: &str, key: &str) -> Result<Option<Place>, LiteralError> {
    let parts = path::parts(key).map_err(|what| LiteralError::undecidable(1, what))?;
    let (section, key) = match parts[..] {
        [section, key] => (Some(section), key),
        [key] => (None, key),
        _ => return Ok(None),
    };
    let mut reader = Reader::new(section, key);
    for (index, line) in text.split('\n').enumerate() {
        let number = u64::try_from(index).unwrap_or(u64::MAX).saturating_add(1);
        reader.line(line.strip_suffix('\r').unwrap_or(line), number)?;
    }
    reader.end()
}

struct Reader<'k, 't> {
    section: Option<&'k str>,
    key: &'k str,
    /// The section that lines are in now.
    here: Option<&'t str>,
    /// Where the wanted section begins.
    begins: Option<u64>,
    /// Where it begins once more.
    begins_again: Option<u64>,
    found: Option<Place>,
    /// Where the key stands in the section of defaults.
    default: Option<u64>,
    /// The last key: how far it is indented, and whether it is the wanted one.
    above: Option<(usize, bool)>,
    /// Did the last line end in a backslash?
    goes_on: bool,
}

impl<'k, 't> Reader<'k, 't> {
    fn new(section: Option<&'k str>, key: &'k str) -> Self {
        Self {
            section,
            key,
            here: None,
            begins: None,
            begins_again: None,
            found: None,
            default: None,
            above: None,
            goes_on: false,
        }
    }

    fn line(&mut self, line: &'t str, number: u64) -> Result<(), LiteralError> {
        if line.contains('\r') {
            let what = "a carriage return inside a line, where some readers begin another";
            return Err(LiteralError::undecidable(number, what));
        }
        let text = line.trim();
        if text.is_empty() {
            self.goes_on = false;
            return Ok(());
        }
        if text.starts_with(['#', ';']) {
            return Ok(());
        }
        let indent = line.len() - line.trim_start().len();
        let is_deeper = self.above.is_some_and(|(above, _)| indent > above);
        let continues = std::mem::replace(&mut self.goes_on, text.ends_with('\\')) || is_deeper;
        if continues {
            return self.continued(text, number);
        }
        if text.starts_with('[') {
            self.above = None;
            return self.header(text, number);
        }
        let is_wanted = self.entry(text, number)?;
        self.above = Some((indent, is_wanted));
        Ok(())
    }

    /// A line that belongs to the value above for one reader, and stands for itself for another.
    fn continued(&mut self, text: &str, number: u64) -> Result<(), LiteralError> {
        let doubt = |what| LiteralError::undecidable(number, what);
        if let (Some((_, true)), Some(found)) = (self.above, &mut self.found) {
            found.value = Err(doubt("a line that may continue the value above"));
        }
        let asked_here = self.here == self.section || self.here == Some(DEFAULT);
        if text.starts_with('[') || (asked_here && names(text).any(|name| self.is_alike(name))) {
            return Err(doubt("a line that may continue the one above, or stand for itself"));
        }
        Ok(())
    }

    fn header(&mut self, text: &'t str, number: u64) -> Result<(), LiteralError> {
        let Some((name, rest)) = text[1..].split_once(']') else {
            return Err(LiteralError::malformed(number, "a section without a closing bracket"));
        };
        if !rest.is_empty() {
            return Err(LiteralError::undecidable(number, "text behind a closing bracket"));
        }
        self.here = Some(name);
        let Some(wanted) = self.section else { return Ok(()) };
        if name == wanted {
            match self.begins {
                None => self.begins = Some(number),
                Some(_) => self.begins_again = Some(number),
            }
        } else if name.trim().eq_ignore_ascii_case(wanted) {
            let what = "a section whose name differs from the wanted one only in case or blanks";
            return Err(LiteralError::undecidable(number, what));
        }
        Ok(())
    }

    /// Reads a key with its value. Is it the wanted one?
    fn entry(&mut self, text: &str, number: u64) -> Result<bool, LiteralError> {
        let in_defaults = self.here == Some(DEFAULT) && self.section.is_some();
        if self.here != self.section {
            if in_defaults && names(text).any(|name| self.is_alike(name)) {
                self.default = Some(number);
            }
            return Ok(false);
        }
        let Some(at) = text.find(['=', ':']) else {
            if !self.is_alike(text) {
                return Ok(false);
            }
            self.found =
                Some(Place { line: number, value: doubt(number, "a key without a value") });
            return Ok(true);
        };
        let name = text[..at].trim_end();
        if names(text).skip(1).any(|name| self.is_alike(name)) {
            return doubt(number, EITHER_SIGN);
        }
        if name != self.key {
            if self.is_alike(name) {
                return doubt(number, "a key that differs from the wanted one only in case");
            }
            return Ok(false);
        }
        if let Some(first) = &mut self.found {
            let what = format!("the key stands here and on line {}", first.line);
            first.value = Err(LiteralError::undecidable(number, what));
            return Ok(true);
        }
        let value = if text[at..].starts_with(':') && text.contains('=') {
            doubt(number, EITHER_SIGN)
        } else {
            value_of(text[at + 1..].trim(), number)
        };
        self.found = Some(Place { line: number, value });
        Ok(true)
    }

    /// Is this the wanted key for a reader that does not look at case?
    fn is_alike(&self, name: &str) -> bool {
        name.eq_ignore_ascii_case(self.key)
    }

    fn end(self) -> Result<Option<Place>, LiteralError> {
        match (self.found, self.begins_again, self.default) {
            (Some(mut found), Some(line), _) => {
                let what = "the section begins here once more";
                found.value = found.value.and(Err(LiteralError::undecidable(line, what)));
                Ok(Some(found))
            }
            (None, _, Some(line)) => {
                let what = "the key stands among the defaults, where some readers find it";
                Err(LiteralError::undecidable(line, what))
            }
            (found, ..) => Ok(found),
        }
    }
}

/// The names that a line gives a value, by each way to divide it: at its first sign, or only at the equals sign.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let first = text.find(['=', ':']).unwrap_or(text.len());
    let equals = text.find('=').filter(|equals| *equals != first);
    [Some(first), equals].into_iter().flatten().map(|end| text[..end].trim_end())
}

fn doubt<T>(number: u64, what: &str) -> Result<T, LiteralError> {
    Err(LiteralError::undecidable(number, what))
}

fn value_of(text: &str, number: u64) -> Result<Value, LiteralError> {
    let comment = |c: char| matches!(c, '#' | ';');
    let what = if text.starts_with(['"', '\'']) {
        "quotes, which some readers keep and others take off"
    } else if text.contains(['$', '%', '\\']) {
        "a `$`, `%` or backslash, which some readers expand"
    } else if text.split([' ', '\t']).any(|word| word.starts_with(comment)) {
        "what some readers take for a comment"
    } else {
        return Ok(Value::from(text));
    };
    doubt(number, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value, `there; WHY` for a key whose value is not decided, or `open; WHY` where nothing is.
    fn value(text: &str, key: &str) -> Result<Option<String>, String> {
        match read(text, key) {
            Ok(Some(place)) => match place.value {
                Ok(value) => Ok(value.as_str().map(str::to_owned)),
                Err(error) => Err(format!("there; {error}")),
            },
            Ok(None) => Ok(None),
            Err(error) => Err(format!("open; {error}")),
        }
    }

    #[test]
    fn plain_lines_have_a_value() {
        let cases = [
            ("[s]\nkey = a b\n", "a b"),
            ("[s]\nkey: a=b\n", "there"),
            ("[s]\nkey: a\n", "a"),
            ("[s]\r\nkey=a:b\r\n", "a:b"),
            ("[s]\nkey =\nother = 1\n", ""),
            ("[s]\n; key = 1\n# key = 2\nkey = 3\n", "3"),
            ("[t]\nkey = 1\n[s]\nkey = 2\n[u]\nkey = 3\n", "2"),
            ("[s]\n\tkey = 1\n\tother = 2\n", "1"),
            ("[s]\nkey = 1#2;3\n", "1#2;3"),
            ("[s]\nother = a\n   key2 = b\nkey = 1\n", "1"),
            ("[s]\nother = a\\\nb\nkey = 1\n", "1"),
            ("key = 0\n[s]\nkey = 1\nflag\n", "1"),
            ("[DEFAULT]\nkey = 0\n[s]\nkey = 1\n", "1"),
        ];
        for (text, wanted) in cases {
            match value(text, "s.key") {
                Err(why) => assert!(wanted == "there" && why.starts_with("there"), "{text}: {why}"),
                Ok(found) => assert_eq!(found.as_deref(), Some(wanted), "{text}"),
            }
        }
        assert_eq!(value("key = 1\n[s]\nkey = 2\n", "key"), Ok(Some("1".into())));
        assert_eq!(value("[a.b]\nc.d = 1\n", "\"a.b\".'c.d'"), Ok(Some("1".into())));
        let place = read("\n[s]\n\nkey = 1", "s.key").expect("decided").expect("there");
        assert_eq!(place.line, 4);
    }

    #[test]
    fn absence_is_proven() {
        let texts = [
            "",
            "key = 1",
            "[s]\nkeys = 1\n",
            "[t]\nkey = 1\n[s]\n",
            "[s]\n#key = 1\n",
            "[s]\nflag\n",
        ];
        for text in texts {
            assert_eq!(value(text, "s.key"), Ok(None), "{text}");
        }
        assert_eq!(value("[s]\nkey = 1\n", "key"), Ok(None));
    }

    #[test]
    fn where_readers_disagree_nothing_is_decided() {
        let there = [
            "[s]\nkey = 1\nkey = 1\n",
            "[s]\nkey = 1\n[t]\n[s]\n",
            "[s]\nkey = 1\n  more\n",
            "[s]\nkey = 1\n\n  more\n",
            "[s]\nkey = 1 \\\nmore\n",
            "[s]\nkey = 1\\\n# comment\nmore\n",
            "[s]\nkey = 1 ; comment\n",
            "[s]\nkey = # comment\n",
            "[s]\nkey = \"1\"\n",
            "[s]\nkey = %(home)s\n",
            "[s]\nkey = ${HOME}\n",
            "[s]\nkey = a\\tb\n",
            "[s]\nkey\n",
        ];
        for text in there {
            let found = value(text, "s.key");
            assert!(matches!(&found, Err(why) if why.starts_with("there")), "{text}: {found:?}");
        }
        let open = [
            "[s]\nKey = 1\n",
            "[S]\nkey = 1\n",
            "[ s ]\nkey = 1\n",
            "[s] # comment\nkey = 1\n",
            "[s\nkey = 1\n",
            "[s]\nother = 1\n  key = 2\n",
            "[s]\nother = 1\\\nkey = 2\n",
            "[s]\nother = 1\\\n; comment\nkey = 2\n",
            "[t]\nother = 1\n  [s]\nkey = 2\n",
            "[s]\nkey : x = 1\nkey:x = 2\nkey: y = 2\n",
            "[DEFAULT]\nkey = 1\n[s]\nother = 1\n",
            "[s]\nother = 1\rkey = 2\n",
        ];
        for text in open {
            let found = value(text, "s.key");
            assert!(found.is_err(), "{text}: {found:?}");
        }
        assert!(value("[s]\nkey:x = 1\n", "s.\"key:x\"").is_err());
    }

    #[test]
    fn a_path_has_two_parts_at_most() {
        assert!(check("a.b").is_ok() && check("a").is_ok() && check("\"a.b\".c").is_ok());
        assert!(check("a.b.c").is_err() && check("").is_err());
    }
}
