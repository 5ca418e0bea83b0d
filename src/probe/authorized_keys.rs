//! The lines of an `authorized_keys` file, read as sshd reads them.
//!
//! A line has options, a type, a key and a comment. Options and comments may hold secrets and names, so they are cut down
//! to what may be shown before anything else sees them.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::accounts;
use super::host::{Host, Links};
use crate::model::display::{escape, one_line};
use crate::model::{Content, Digest, Reason, Unknown, shown_path};

/// The most bytes of a file.
const BYTES_MAX: u64 = 4 << 20;
/// The most lines with a key.
const KEYS_MAX: usize = 10_000;

/// A key that may log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizedKey {
    /// `SHA256:` and 43 characters, as `ssh-keygen -l` prints it.
    pub fingerprint: String,
    /// As in `ssh-ed25519`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What stands before it, as a list; an empty one where nothing does.
    pub options: Content,
    /// The same letter for letter, for writing them down where they may be shown. Never stored.
    #[serde(skip)]
    pub written: Option<Vec<String>>,
    /// What stands behind it, where that may be shown, letter for letter. Never stored.
    #[serde(skip)]
    pub comment: Option<String>,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AuthorizedKeys {
    /// In the order of their lines.
    pub keys: Vec<AuthorizedKey>,
    /// Lines that hold no key, so that sshd passes over them. Comments and empty lines are none of them.
    pub unreadable: u64,
}

/// The home of a user, as `/etc/passwd` of the host says.
///
/// # Errors
/// Unknown, when that cannot be read or does not say.
pub fn home(host: &Host, user: &str) -> Result<String, Unknown> {
    let users = accounts::read_users(host)?;
    let home = users.named(user)?.map(|account| String::from_utf8(account.home.clone()));
    match home {
        Some(Ok(home)) if home.starts_with('/') => Ok(home),
        _ => {
            let user = one_line(user, 60);
            let detail =
                format!("`/etc/passwd` names no home of `{user}`; `file` can name the file");
            Err(Unknown::new(Reason::Undecidable, detail))
        }
    }
}

/// Adds the keys of a file to those of others. A file that does not exist holds none.
///
/// # Errors
/// Unknown, when it cannot be read or holds too many.
pub fn read(
    host: &Host,
    path: &Path,
    links: Links,
    found: &mut AuthorizedKeys,
) -> Result<(), Unknown> {
    // Asked first: the place that was read decides what may be shown, and it may be another one behind a link.
    let Some((bytes, may_show)) = host.read_to_show(path, links, BYTES_MAX)? else { return Ok(()) };
    // sshd reads texts of C, which end at a NUL.
    let text = |line: &'_ [u8]| line.iter().position(|c| *c == 0).unwrap_or(line.len());
    for line in bytes.split(|c| *c == b'\n').map(|line| blank_trimmed(&line[..text(line)])) {
        match key(line, may_show) {
            _ if line.is_empty() || line[0] == b'#' => {}
            None => found.unreadable += 1,
            Some(_) if found.keys.len() == KEYS_MAX => {
                let detail = format!("`{}` has more than {KEYS_MAX} keys", shown_path(path));
                return Err(Unknown::new(Reason::TooLarge, detail));
            }
            Some(key) => found.keys.push(key),
        }
    }
    Ok(())
}

const fn is_blank(c: u8) -> bool {
    matches!(c, b' ' | b'\t')
}

fn blank_trimmed(line: &[u8]) -> &[u8] {
    let start = line.iter().position(|c| !is_blank(*c)).unwrap_or(line.len());
    &line[start..]
}

/// The word at the start, and what follows it and the blanks behind it.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let (word, rest) = text.split_at(text.iter().position(|c| is_blank(*c)).unwrap_or(text.len()));
    (word, blank_trimmed(rest))
}

/// Reads a line: a key, or options and then a key.
fn key(line: &[u8], may_show: bool) -> Option<AuthorizedKey> {
    if let Some((kind, blob, comment)) = plain(line) {
        return Some(authorized(kind, &blob, &[], comment, may_show));
    }
    let end = options_end(line)?;
    let (options, rest) = line.split_at(end);
    let (kind, blob, comment) = plain(blank_trimmed(rest))?;
    Some(authorized(kind, &blob, &split(options), comment, may_show))
}

fn authorized(
    kind: &str,
    blob: &[u8],
    options: &[String],
    comment: &[u8],
    may_show: bool,
) -> AuthorizedKey {
    let digest = STANDARD_NO_PAD.encode(Digest::of(blob).as_bytes());
    let comment = String::from_utf8_lossy(comment.trim_ascii()).into_owned();
    AuthorizedKey {
        fingerprint: format!("SHA256:{digest}"),
        kind: kind.to_owned(),
        options: Content {
            sha256: Content::digest(&Value::from(options)),
            shown: may_show.then(|| options.iter().map(|option| escape(option)).collect()),
        },
        written: (may_show || options.is_empty()).then(|| options.to_vec()),
        comment: (may_show && !comment.is_empty()).then(|| comment.chars().take(80).collect()),
    }
}

/// `TYPE BLOB COMMENT`, where the key itself says that it is of that type.
fn plain(text: &[u8]) -> Option<(&str, Vec<u8>, &[u8])> {
    let (kind, rest) = word(text);
    let (blob, comment) = word(rest);
    // Whatever else C takes for a blank may stand between the letters.
    let blank = |c: &u8| matches!(c, b'\t'..=b'\r');
    let letters: Vec<u8> = blob.iter().copied().filter(|c| !blank(c)).collect();
    let blob = STANDARD.decode(letters).ok()?;
    let kind =
        std::str::from_utf8(kind).ok().filter(|k| k.bytes().all(|c| c.is_ascii_graphic()))?;
    let kind = own_type(kind);
    is_key(kind, &blob).then_some((kind, blob, comment))
}

/// The type that a key has which sshd also takes under the name of a signature.
fn own_type(kind: &str) -> &str {
    match kind {
        "rsa-sha2-256" | "rsa-sha2-512" => "ssh-rsa",
        "rsa-sha2-256-cert-v01@openssh.com" | "rsa-sha2-512-cert-v01@openssh.com" => {
            "ssh-rsa-cert-v01@openssh.com"
        }
        "webauthn-sk-ecdsa-sha2-nistp256@openssh.com" => "sk-ecdsa-sha2-nistp256@openssh.com",
        kind => kind,
    }
}

/// A key is a row of counted strings. The first is its type; how many more there are is known for the known types.
fn is_key(kind: &str, blob: &[u8]) -> bool {
    let mut strings = Vec::new();
    let mut rest = blob;
    while !rest.is_empty() {
        let Some((length, after)) = rest.split_first_chunk::<4>() else { return false };
        let length = usize::try_from(u32::from_be_bytes(*length)).ok();
        let Some((string, after)) = length.and_then(|length| after.split_at_checked(length)) else {
            return false;
        };
        strings.push(string);
        rest = after;
    }
    let wanted = match kind {
        "ssh-ed25519" => 2,
        "ssh-rsa"
        | "ecdsa-sha2-nistp256"
        | "ecdsa-sha2-nistp384"
        | "ecdsa-sha2-nistp521"
        | "sk-ssh-ed25519@openssh.com" => 3,
        "sk-ecdsa-sha2-nistp256@openssh.com" => 4,
        "ssh-dss" => 5,
        _ => strings.len(),
    };
    // The last of a hardware key names what it is for, and may name nothing.
    let filled = strings.len().saturating_sub(usize::from(kind.starts_with("sk-")));
    let empty = strings[..filled].iter().any(|string| string.is_empty());
    strings.first() == Some(&kind.as_bytes())
        && strings.len() == wanted
        && !empty
        && (kind != "ssh-ed25519" || strings[1].len() == 32)
}

/// Where options end: at the first blank outside quotes. `None` when a quote is not closed.
fn options_end(line: &[u8]) -> Option<usize> {
    let mut quoted = false;
    let mut at = 0;
    while let Some(c) = line.get(at) {
        match c {
            b'\\' if line.get(at + 1) == Some(&b'"') => at += 1,
            b'"' => quoted = !quoted,
            c if !quoted && is_blank(*c) => return Some(at),
            _ => {}
        }
        at += 1;
    }
    (!quoted).then_some(at)
}

/// The options, taken apart at the commas outside quotes.
fn split(options: &[u8]) -> Vec<String> {
    let (mut found, mut start, mut at, mut quoted) = (Vec::new(), 0, 0, false);
    let text = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
    while let Some(c) = options.get(at) {
        match c {
            b'\\' if options.get(at + 1) == Some(&b'"') => at += 1,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                found.push(text(&options[start..at]));
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    found.push(text(&options[start..]));
    found
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use proptest::prelude::*;

    use super::*;
    use crate::config::Policy;

    /// A key whose 32 bytes are all the same.
    fn ed25519(seed: u8) -> String {
        let strings = [&[0, 0, 0, 11][..], b"ssh-ed25519", &[0, 0, 0, 32], &[seed; 32]].concat();
        format!("ssh-ed25519 {}", STANDARD.encode(strings))
    }

    fn read_text(text: &[u8]) -> AuthorizedKeys {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("k"), text).expect("written");
        let host = Host::open(folder.path(), Policy::everything()).expect("a root");
        let mut found = AuthorizedKeys::default();
        read(&host, Path::new("/k"), Links::Refuse, &mut found).expect("read");
        found
    }

    fn options(found: &AuthorizedKeys) -> Vec<Vec<String>> {
        found.keys.iter().map(|key| key.written.clone().unwrap_or_default()).collect()
    }

    #[test]
    fn options_keys_and_comments_are_told_apart() {
        let key = ed25519(1);
        let text = format!(
            "# comment\n\n  {key} anna@home\n\
             command=\"/bin/x \\\"a b\\\", c\",no-pty,from=\"10.0.0.0/8\"\t{key}\n\
             restrict {key} two words\n"
        );
        let found = read_text(text.as_bytes());
        assert_eq!(found.unreadable, 0);
        let command = "command=\"/bin/x \\\"a b\\\", c\"";
        assert_eq!(
            options(&found),
            [vec![], vec![command, "no-pty", "from=\"10.0.0.0/8\""], vec!["restrict"]]
        );
        let shown = found.keys[1].options.shown.clone().unwrap_or_default();
        assert_eq!(shown[0], command.replace('\\', "\\\\"), "escaped like all that is shown");
        let comments: Vec<_> = found.keys.iter().map(|key| key.comment.as_deref()).collect();
        assert_eq!(comments, [Some("anna@home"), None, Some("two words")]);
        assert!(found.keys.iter().all(|k| k.fingerprint == found.keys[0].fingerprint));
    }

    #[test]
    fn lines_that_sshd_passes_over_are_counted() {
        let key = ed25519(1);
        let text = format!(
            "nonsense\n\
             command=\"open {key}\n\
             ssh-rsa {}\n\
             ssh-ed25519 AAAA\n\
             ssh-ed25519 {}\n\
             a b {key}\n",
            key.split(' ').nth(1).expect("a blob"),
            &key.split(' ').nth(1).expect("a blob")[1..],
        );
        assert_eq!(read_text(text.as_bytes()), AuthorizedKeys { keys: Vec::new(), unreadable: 6 });
    }

    #[test]
    fn keys_that_sshd_takes_in_an_odd_form_are_keys() {
        let key = ed25519(1);
        let (start, end) = key.split_at(40);
        let strings = |strings: &[&[u8]]| {
            let counted = strings
                .iter()
                .flat_map(|s| [&[0, 0, 0, u8::try_from(s.len()).expect("short")], *s].concat());
            STANDARD.encode(counted.collect::<Vec<u8>>())
        };
        let rsa = strings(&[b"ssh-rsa", &[1, 0, 1], &[7; 64]]);
        let hardware = strings(&[b"sk-ssh-ed25519@openssh.com", &[1; 32], b""]);
        for (line, kind) in [
            (format!("{key}\0junk"), "ssh-ed25519"),
            (format!("{start}\x0b{end} c"), "ssh-ed25519"),
            (format!("restrict {start}\r{end}\r"), "ssh-ed25519"),
            (format!("rsa-sha2-512 {rsa}"), "ssh-rsa"),
            (format!("sk-ssh-ed25519@openssh.com {hardware}"), "sk-ssh-ed25519@openssh.com"),
        ] {
            let found = read_text(line.as_bytes());
            let kinds: Vec<&str> = found.keys.iter().map(|key| key.kind.as_str()).collect();
            assert_eq!((kinds.as_slice(), found.unreadable), (&[kind][..], 0), "{line:?}");
        }
    }

    #[test]
    fn a_type_that_nobody_knows_yet_is_a_key_all_the_same() {
        let blob = [&[0, 0, 0, 3][..], b"new", &[0, 0, 0, 1, 7]].concat();
        let found = read_text(format!("new {}", STANDARD.encode(blob)).as_bytes());
        assert_eq!(found.keys[0].kind, "new");
    }

    #[test]
    fn options_and_comments_are_not_kept_where_they_may_not_be_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let line = format!("command=\"canary-1\" {} canary-2", ed25519(1));
        std::fs::write(folder.path().join("k"), line).expect("written");
        let policy = Policy::new(&["/".into()], &[], &[]).expect("a policy");
        let host = Host::open(folder.path(), policy).expect("a root");
        let mut found = AuthorizedKeys::default();
        read(&host, Path::new("/k"), Links::Refuse, &mut found).expect("read");
        let stored = serde_json::to_string(&found).expect("JSON");
        assert!(!stored.contains("canary") && stored.contains("ssh-ed25519"), "{stored}");
    }

    #[test]
    fn ssh_keygen_prints_the_same_fingerprints() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("keys");
        let mut text = String::new();
        for (name, bits) in [
            ("ed25519", "256"),
            ("rsa", "2048"),
            ("ecdsa", "256"),
            ("ecdsa", "521"),
            ("rsa", "1024"),
        ] {
            let key = folder.path().join(format!("{name}{bits}"));
            let mut keygen = Command::new("ssh-keygen");
            keygen
                .args(["-q", "-N", "", "-t", name, "-b", bits, "-C", "a comment", "-f"])
                .arg(&key);
            let Ok(made) = keygen.stdout(Stdio::null()).status() else {
                eprintln!("SKIPPED, nothing was tested: no `ssh-keygen` on this machine");
                return;
            };
            assert!(made.success(), "{name} {bits}");
            text += "no-pty,command=\"echo \\\"x y\\\"\" ";
            text += &std::fs::read_to_string(key.with_extension("pub")).expect("a public key");
        }
        text += "not a key\n";
        std::fs::write(&file, &text).expect("written");
        let listed = Command::new("ssh-keygen").arg("-lf").arg(&file).output().expect("ssh-keygen");
        let listed = String::from_utf8(listed.stdout).expect("UTF-8");
        let theirs: Vec<&str> = listed.lines().filter_map(|line| line.split(' ').nth(1)).collect();
        let found = read_text(text.as_bytes());
        let ours: Vec<&str> = found.keys.iter().map(|key| key.fingerprint.as_str()).collect();
        assert_eq!(ours, theirs, "{listed}");
        assert_eq!((ours.len(), found.unreadable), (5, 1));
    }

    #[test]
    fn the_home_is_that_of_the_hosts_own_list() {
        let folder = tempfile::tempdir().expect("a folder");
        let host = Host::open(folder.path(), Policy::everything()).expect("a root");
        std::fs::create_dir(folder.path().join("etc")).expect("a folder");
        let list = "root:x:0:0::/root:/bin/sh\nanna:x:1:1::/srv/a:/bin/sh\nodd:x:2:2::home:\n";
        std::fs::write(folder.path().join("etc/passwd"), list).expect("written");
        assert_eq!(home(&host, "anna").as_deref(), Ok("/srv/a"));
        for user in ["odd", "none", ""] {
            assert_eq!(home(&host, user).map_err(|u| u.reason), Err(Reason::Undecidable), "{user}");
        }
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "[a-z\"\\\\ ,=\t#]{0,40}", bytes in any::<Vec<u8>>()) {
            let _ = key(line.as_bytes(), true);
            let _ = key(&bytes, true);
            let _ = key(format!("{line} {}", ed25519(1)).as_bytes(), true);
            let _ = is_key("ssh-rsa", &bytes);
        }
    }
}
