//! One line of a table: nothing, a setting of the environment, or an entry.

use super::schedule::Schedule;

/// An entry as it stands in its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written<'a> {
    /// When it runs, with one blank between the fields.
    pub(super) schedule: String,
    /// As whom, where the table says so.
    pub(super) user: Option<&'a str>,
    /// What runs.
    pub(super) command: &'a str,
}

/// Reads a line; `None` for one that asks for nothing to be run.
///
/// # Errors
/// A fragment that says what is wrong with it.
pub(super) fn parse(line: &[u8], names_user: bool) -> Result<Option<Written<'_>>, String> {
    let line = line.trim_ascii_start();
    if line.is_empty() || line[0] == b'#' || is_setting(line) {
        return Ok(None);
    }
    let line = std::str::from_utf8(line).map_err(|_| "is not UTF-8".to_owned())?;
    let mut rest = line;
    let fields = if line.starts_with('@') { 1 } else { 5 };
    let schedule: Vec<&str> = (0..fields).map(|_| word(&mut rest)).collect();
    let schedule = schedule.join(" ");
    Schedule::parse(&schedule)?;
    let user = names_user.then(|| word(&mut rest));
    let command = rest.trim();
    if user == Some("") || command.is_empty() {
        return Err("ends before its command".to_owned());
    }
    Ok(Some(Written { schedule, user, command }))
}

/// Takes the next word off the front, and the blanks around it.
fn word<'a>(rest: &mut &'a str) -> &'a str {
    let text = rest.trim_start_matches([' ', '\t']);
    let (word, after) = text.split_at(text.find([' ', '\t']).unwrap_or(text.len()));
    *rest = after.trim_start_matches([' ', '\t']);
    word
}

/// Is it `NAME = value`, with or without quotes around the name?
fn is_setting(line: &[u8]) -> bool {
    let after_name = if let quote @ (b'"' | b'\'') = line[0] {
        let end = line[1..].iter().position(|c| *c == quote);
        end.map_or(line, |end| &line[end + 2..])
    } else {
        let end = line.iter().position(|c| matches!(c, b' ' | b'\t' | b'='));
        &line[end.unwrap_or(line.len())..]
    };
    after_name.len() < line.len() && after_name.trim_ascii_start().starts_with(b"=")
}

/// A longer word is no name.
const NAME_BYTES_MAX: usize = 255;
/// A shell in a shell in a shell is deep enough.
const DEPTH_MAX: usize = 4;

/// The programs and the paths that a command names, in their order: what may be told of it although the rest may
/// hold a secret. Settings in front of a program, options and other words are no part of it, nor is its input after `%`.
pub(super) fn names(command: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let input = command.char_indices().scan(false, |escaped, (at, c)| {
        let ends = c == '%' && !*escaped;
        *escaped = c == '\\' && !*escaped;
        Some((ends, at))
    });
    let end = input.into_iter().find(|(ends, _)| *ends).map_or(command.len(), |(_, at)| at);
    collect(&command[..end], DEPTH_MAX, &mut names);
    names
}

fn collect<'a>(command: &'a str, depth: usize, names: &mut Vec<&'a str>) {
    let (mut program, mut option) = (None, "");
    for word in words(command) {
        let Some(word) = word.map(unquoted) else {
            (program, option) = (None, "");
            continue;
        };
        if program.is_none() && is_assignment(word) {
            continue;
        }
        let runs_option = program.is_some_and(|program| runs(program, option));
        if runs_option && word.contains(|c: char| c.is_whitespace()) && depth > 0 {
            collect(word, depth - 1, names);
        } else if let Some(path) = path_of(word) {
            names.push(path);
        } else if (program.is_none() || runs_option) && is_name(word) {
            names.push(word);
        }
        program = program.or(Some(word));
        option = if word.starts_with('-') { word } else { "" };
    }
}

/// Does a program run what stands behind this option? `sh -c "TEXT"` runs the text, `python3 -m NAME` the module.
fn runs(program: &str, option: &str) -> bool {
    let program = program.rsplit('/').next().unwrap_or(program);
    match program {
        "sh" | "bash" | "dash" | "ash" | "ksh" | "zsh" | "su" | "runuser" | "flock" => {
            option.ends_with('c') && !option.starts_with("--")
        }
        _ => program.starts_with("python") && option == "-m",
    }
}

/// The words of a command as a shell takes them apart; `None` is what stands between two commands.
fn words(command: &str) -> Vec<Option<&str>> {
    let mut words = Vec::new();
    let (mut start, mut quote, mut escaped, mut last) = (None, None, false, ' ');
    for (at, c) in command.char_indices() {
        if escaped {
            escaped = false;
        } else if let Some(open) = quote {
            escaped = c == '\\' && open == '"';
            quote = quote.filter(|_| c != open);
        } else if matches!(c, ' ' | '\t' | '<' | '>') || (c == '&' && last == '>') {
            words.extend(start.take().map(|from| Some(&command[from..at])));
        } else if matches!(c, ';' | '&' | '|' | '(' | ')' | '{' | '}' | '`') {
            words.extend(start.take().map(|from| Some(&command[from..at])));
            words.push(None);
        } else {
            // The number of `2>&1` is no word.
            if !(last == '&' && start.is_none() && c.is_ascii_digit()) {
                start.get_or_insert(at);
            }
            escaped = c == '\\';
            quote = matches!(c, '"' | '\'').then_some(c);
        }
        last = c;
    }
    words.extend(start.map(|from| Some(&command[from..])));
    words
}

/// A word without the quotes around it.
fn unquoted(word: &str) -> &str {
    let inner = |quote| word.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(word)
}

fn is_assignment(word: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    word.split_once('=').is_some_and(|(name, _)| !name.is_empty() && name.bytes().all(plain))
}

/// The path that a word is, or that an option sets: `/x`, `~/x`, `./x`, `$HOME/x`, `--to=/x`.
fn path_of(word: &str) -> Option<&str> {
    let value = word.split_once('=').filter(|_| word.starts_with('-')).map_or(word, |(_, v)| v);
    let path = unquoted(value);
    let below = |start: &str| path.strip_prefix(start).is_some_and(|rest| rest.starts_with('/'));
    let is_path = ["", "~", ".", ".."].iter().any(|start| below(start))
        || (path.starts_with(['$', '~']) && path.contains('/'));
    (is_path && path != "/dev/null" && is_name(path)).then_some(path)
}

/// Could it be a name at all? Not an option, nothing with blanks or controls in it.
fn is_name(word: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '\\');
    !word.is_empty()
        && word.len() <= NAME_BYTES_MAX
        && !word.starts_with('-')
        && !word.contains(odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_settings_comments_or_entries() {
        for nothing in ["", "  # x", "MAILTO=a", "SHELL = /bin/sh", "\"A B\" = c", "'x'=", "X="] {
            assert_eq!(parse(nothing.as_bytes(), true), Ok(None), "{nothing}");
        }
        let entry =
            parse(b" 15\t3 * * *  root   /b/x  --y=1 ", true).expect("good").expect("an entry");
        let expected =
            Written { schedule: "15 3 * * *".into(), user: Some("root"), command: "/b/x  --y=1" };
        assert_eq!(entry, expected);
        let entry = parse(b"@daily FOO=1 x", false).expect("good").expect("an entry");
        assert_eq!((entry.user, entry.command), (None, "FOO=1 x"));
        for bad in [
            "15 3 * * root x",
            "@never root x",
            "@daily",
            "@daily root",
            "* * * * *",
            "x",
            "60 * * * * root x",
        ] {
            assert!(parse(bad.as_bytes(), true).is_err(), "{bad}");
        }
        assert!(parse(b"@daily root \xff", true).is_err());
        assert_eq!(parse(b"# \xff", true), Ok(None));
    }

    #[test]
    fn of_a_command_only_programs_and_paths_are_named() {
        for (command, expected) in [
            ("/usr/local/bin/backup.sh --to s3", "/usr/local/bin/backup.sh"),
            (
                "cd /opt/iu-cutter && python3 -m cutter_agent > /var/log/c.log 2>&1",
                "cd /opt/iu-cutter python3 cutter_agent /var/log/c.log",
            ),
            ("PGPASSWORD=hunter2 pg_dump -p hunter2 >/dev/null", "pg_dump"),
            ("X='a hunter2' Y=\"b c\" psql postgres://u:hunter2@h/d", "psql"),
            ("curl -H 'Authorization: Bearer /hunter2' https://h/x", "curl"),
            ("bash -lc 'cd /srv/cutter; ./run --key hunter2'", "bash cd /srv/cutter ./run"),
            ("/bin/sh -c \"echo a | /bin/b\"", "/bin/sh echo /bin/b"),
            ("mail%password hunter2", "mail"),
            ("date +\\%F; /x", "date /x"),
            ("[ -x /usr/sbin/a ] || b", "[ /usr/sbin/a b"),
            (
                "$HOME/cutter/run ~/a --to=/b/$(date) --key=hunter2",
                "$HOME/cutter/run ~/a /b/$ date",
            ),
            ("${HOME}/cutter x hunter2", "$ HOME /cutter"),
            (
                "sh ./cutter.sh; /opt/cutter/*.py -v /opt/c:/d",
                "sh ./cutter.sh /opt/cutter/*.py /opt/c:/d",
            ),
            ("a&b", "a b"),
            ("\"/opt/a\" x", "/opt/a"),
            ("", ""),
        ] {
            assert_eq!(names(command).join(" "), expected, "{command}");
        }
    }
}
