//! `[ssh_authorized_key."USER/SHA256:…"]`: a key with which a user may log in, or with a pattern all of them.
//!
//! The files of each user are read once for all its resources. Options and comments are kept only where they may be shown.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Adopted, Adoption, Answers, Draft, Files, Kind, Named, Problem, closed, no_answer, path,
    presence,
};
use crate::model::display::escape;
use crate::model::{Code, Comparison, Evidence, Reason, Unknown};
use crate::probe::World;
use crate::probe::authorized_keys::{self, AuthorizedKey, AuthorizedKeys};
use crate::probe::host::{Host, Links};

/// Where sshd looks when nobody tells it otherwise, below the home of the user.
const FILES: [&str; 2] = [".ssh/authorized_keys", ".ssh/authorized_keys2"];

/// The table of a key, or of all keys of a user.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SshAuthorizedKey {
    /// `false`: the user may not log in with that key. Default: true.
    #[serde(default = "super::presence::yes")]
    present: bool,
    /// For a name with a `*`: the names of all keys that it matches, and no others. `[]`: none.
    only: Option<Vec<String>>,
    /// As in "ssh-ed25519".
    #[serde(rename = "type")]
    kind: Option<String>,
    /// The options before the key in their order, such as ["restrict", 'command="/usr/bin/backup"']. Default: none.
    options: Option<Vec<String>>,
    /// The file, instead of the two below the home of the user.
    file: Option<String>,
    /// Look through symbolic links on the way to the file. Never at its end. Default: false.
    #[serde(default)]
    through_links: bool,
}

/// What was seen: the lines with a key that the name means.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seen {
    keys: Vec<AuthorizedKey>,
    /// Lines of the files that hold no key at all.
    unreadable: u64,
}

/// Which files are asked, and how.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Source {
    user: String,
    file: Option<String>,
    through_links: bool,
}

impl Source {
    fn read(&self, host: &Host) -> Result<AuthorizedKeys, Unknown> {
        let links = Links::through(self.through_links);
        let mut found = AuthorizedKeys::default();
        if let Some(file) = &self.file {
            authorized_keys::read(host, Path::new(file), links, &mut found)?;
            return Ok(found);
        }
        let home = authorized_keys::home(host, &self.user)?;
        for file in FILES {
            authorized_keys::read(host, &Path::new(&home).join(file), links, &mut found)?;
        }
        Ok(found)
    }
}

impl SshAuthorizedKey {
    fn source(&self, name: &str) -> Source {
        let (user, _) = name.split_once('/').unwrap_or((name, ""));
        Source { user: user.to_owned(), file: self.file.clone(), through_links: self.through_links }
    }

    fn compare_one(&self, key: &AuthorizedKey, found: &mut Comparison) {
        found.expect("type", self.kind.as_ref(), &key.kind);
        let wanted = Value::from(self.options.clone().unwrap_or_default());
        found.differences.extend(key.options.differs("options", &wanted));
    }
}

fn check_name(name: &str, only: &[String], problems: &mut Vec<Problem>) {
    let why = |text: &str, pattern: bool| {
        let Some((user, key)) = text.split_once('/') else {
            return Some("is a user, a slash and a fingerprint");
        };
        let digest = key.strip_prefix("SHA256:").unwrap_or_default();
        let in_base64 = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/');
        if user.is_empty() || closed::is_pattern(user) {
            Some("begins with the name of one user")
        } else if pattern && closed::is_pattern(key) {
            None
        } else if digest.len() != 43 || !digest.bytes().all(in_base64) {
            Some("ends with `SHA256:` and 43 characters, as `ssh-keygen -l` prints them")
        } else {
            None
        }
    };
    let hint = "write it such as \"root/SHA256:…\"; `ssh-keygen -lf FILE` prints the fingerprints";
    if let Some(why) = why(name, true) {
        problems.push(Problem::resource(Code::BadName, format!("the name {why}")).hint(hint));
    }
    for item in only {
        if let Some(why) = why(item, false) {
            let message = format!("`{}`: a name {why}", escape(item));
            problems.push(Problem::key("only", Code::BadName, message).hint(hint));
        }
    }
}

impl Kind for SshAuthorizedKey {
    const NAME: &'static str = "ssh_authorized_key";
    const ABOUT: &'static str =
        "a key with which a user may log in by SSH: presence, type, options";
    const DOC: &'static str = "\
The key is the name of a user, a slash, and the fingerprint that `ssh-keygen -l` prints. Without other keys the user may log
in with it, and nothing stands before it: an option that appears, such as `command=` or `cert-authority`, is a difference
of `options`. Options are compared in their order and letter for letter; where their file may not be shown, by digest.

With `*` in the place of the fingerprint, `only` lists the names of all keys that may be there; `only = []` is none. A list
compares names alone: what stands before a key is compared by a table of its own.

Read are `.ssh/authorized_keys` and `.ssh/authorized_keys2` below the home that `/etc/passwd` gives the user, or `file`. What
`AuthorizedKeysFile`, `AuthorizedKeysCommand` and `TrustedUserCAKeys` of sshd's own configuration say is not asked, nor
whether sshd refuses the file because of its mode. A key that stands there more than once has to be right each time.

A line that holds no key is passed over by sshd; such lines are counted and shown, and are no difference.

Many hosts deny `**/.ssh/**` in `[observe]`; then the verdict is unknown (`not_allowed`).";
    const EXAMPLE: &'static str = r#"
[ssh_authorized_key."root/*"]
only = ["root/SHA256:2D4bQ1F0mXn1s0cWl9rTqJ7o3yVZxkPp6uHh8iGgEeA"]

[ssh_authorized_key."root/SHA256:2D4bQ1F0mXn1s0cWl9rTqJ7o3yVZxkPp6uHh8iGgEeA"]
type = "ssh-ed25519"
options = ['from="10.0.0.0/8"', "restrict", "pty"]
"#;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "authorized-keys",
        value: "USER",
        help: "The keys of a user: the closed list of them, and each of them",
        all: None,
    });
    type Observed = Seen;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        check_name(name, self.only.as_deref().unwrap_or_default(), problems);
        let of_one = [("type", self.kind.is_some()), ("options", self.options.is_some())];
        presence::check(self.present, &of_one, problems);
        let absent = [("present", !self.present)];
        closed::check(name, self.only.as_ref(), &[&of_one[..], &absent].concat(), problems);
        if let Some(file) = &self.file {
            path::check_key("file", file, problems);
        }
    }

    fn question(&self, _name: &str) -> Value {
        json!({ "file": self.file, "through_links": self.through_links })
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen> {
        let mut sources: Vec<Source> = wanted.iter().map(|n| n.spec.source(&n.name)).collect();
        sources.sort();
        sources.dedup();
        let place = |at: usize| at.to_string();
        let items = sources.iter().enumerate().map(|(at, source)| (place(at), source.clone()));
        let read = world.sweep(items.collect(), |host, _, source: &Source| source.read(host)).await;
        let answer = |named: &Named<Self>| {
            let source = named.spec.source(&named.name);
            let at = sources.binary_search(&source).map_err(|_| no_answer())?;
            let found = read.get(&place(at)).cloned().ok_or_else(no_answer)??;
            let is_meant = |key: &AuthorizedKey| {
                closed::matches(&named.name, &format!("{}/{}", source.user, key.fingerprint))
            };
            let keys = found.keys.into_iter().filter(is_meant).collect();
            Ok(Seen { keys, unreadable: found.unreadable })
        };
        wanted.iter().map(|named| (named.name.clone(), answer(named))).collect()
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        let source = Source { user: asked.to_owned(), file: None, through_links: false };
        world.ask(move |host| adopt(host, &source)).await
    }

    fn diff(&self, name: &str, observed: &Seen) -> Comparison {
        let mut found = Comparison::by(Evidence::Parsed);
        if let Some(only) = &self.only {
            let (user, _) = name.split_once('/').unwrap_or((name, ""));
            let named = |key: &AuthorizedKey| {
                (format!("{user}/{}", key.fingerprint), Some(key.kind.clone()))
            };
            let seen: BTreeMap<_, _> = observed.keys.iter().map(named).collect();
            closed::compare(only, &seen, &mut found);
            let passed_over = match observed.unreadable {
                0 => String::new(),
                1 => ", 1 line that holds no key".to_owned(),
                lines => format!(", {lines} lines that hold no key"),
            };
            found.seen = found.seen.map(|seen| seen + &passed_over);
            return found;
        }
        if presence::compare(self.present, !observed.keys.is_empty(), &mut found) {
            for key in &observed.keys {
                self.compare_one(key, &mut found);
            }
            found.differences.dedup();
            found.seen = observed.keys.first().map(|key| escape(&key.kind).into_owned());
        }
        found
    }
}

fn adopt(host: &Host, source: &Source) -> Result<Adopted, Unknown> {
    let user = &source.user;
    if user.is_empty() || user.contains(['/', '*']) {
        let detail = format!("`{}` is no name of one user", escape(user));
        return Err(Unknown::new(Reason::NotSupported, detail));
    }
    let mut keys = source.read(host)?.keys;
    keys.sort_by(|a, b| a.fingerprint.cmp(&b.fingerprint));
    let named = |key: &AuthorizedKey| format!("{user}/{}", key.fingerprint);
    let mut all: Vec<String> = keys.iter().map(named).collect();
    all.dedup();
    let list = Draft::new(format!("{user}/*")).set("only", all);
    let mut drafts = vec![list.comment("These are all the keys.")];
    let mut unseen = Vec::new();
    for same in keys.chunk_by(|a, b| a.fingerprint == b.fingerprint) {
        let Some(key) = same.first() else { continue };
        let refuse = |why: &str| Unknown::new(Reason::NotAllowed, why);
        if same.iter().any(|other| other.options != key.options) {
            unseen.push((named(key), refuse("it stands there twice, with other options")));
            continue;
        }
        let Some(options) = &key.written else {
            unseen.push((named(key), refuse("its options may not be shown (`show_content`)")));
            continue;
        };
        let options = Some(options.clone()).filter(|options| !options.is_empty());
        let draft = Draft::new(named(key)).set("type", key.kind.clone()).set("options", options);
        drafts.push(match &key.comment {
            Some(comment) => draft.comment(comment.clone()),
            None => draft,
        });
    }
    Ok(Adopted { drafts, unseen })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

    use super::*;
    use crate::kinds::test_world::{Root, adopted, check, prepare};
    use crate::model::Digest;

    /// A line with a key, and its fingerprint.
    fn key(seed: u8) -> (String, String) {
        let blob = [&[0, 0, 0, 11][..], b"ssh-ed25519", &[0, 0, 0, 32], &[seed; 32]].concat();
        let digest = STANDARD_NO_PAD.encode(Digest::of(&blob).as_bytes());
        let line = format!("ssh-ed25519 {} c\n", STANDARD.encode(blob));
        (line, format!("anna/SHA256:{digest}"))
    }

    fn root(lines: &str) -> Root {
        let root = Root::new();
        root.file("etc/passwd", b"anna:x:7:7::/home/anna:/bin/sh\n");
        root.file("home/anna/.ssh/authorized_keys", lines.as_bytes());
        root
    }

    #[test]
    fn a_key_is_compared_with_its_options() {
        let (line, name) = key(1);
        let root = root(&line);
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("type = 'ssh-ed25519'\noptions = []", &[]),
            ("type = 'ssh-rsa'", &["type \"ssh-rsa\" \"ssh-ed25519\""]),
            ("options = ['restrict']", &["options [\"restrict\"] []"]),
            ("present = false", &["presence \"absent\" \"present\""]),
            ("file = '/none'", &["presence \"present\" \"absent\""]),
            ("file = '/home/anna/.ssh/authorized_keys'", &[]),
        ];
        for (toml, expected) in cases {
            check::<SshAuthorizedKey>(&root, &name, toml, expected);
        }
        let (_, other) = key(2);
        check::<SshAuthorizedKey>(&root, &other, "", &["presence \"present\" \"absent\""]);
        check::<SshAuthorizedKey>(&root, &other, "present = false", &[]);
    }

    #[test]
    fn an_option_that_appears_is_a_difference() {
        let (line, name) = key(1);
        let root = root(&format!("command=\"/bin/x\",no-pty {line}"));
        let expected = r#"options [] ["command=\"/bin/x\"","no-pty"]"#;
        check::<SshAuthorizedKey>(&root, &name, "", &[expected]);
        let wanted = "options = ['command=\"/bin/x\"', 'no-pty']";
        check::<SshAuthorizedKey>(&root, &name, wanted, &[]);
        // In the second file it stands without them.
        root.file("home/anna/.ssh/authorized_keys2", line.as_bytes());
        check::<SshAuthorizedKey>(&root, &name, "", &[expected]);
        check::<SshAuthorizedKey>(
            &root,
            &name,
            wanted,
            &[r#"options ["command=\"/bin/x\"","no-pty"] []"#],
        );
    }

    #[test]
    fn a_closed_list_names_every_other_key() {
        let ((one, first), (two, second)) = (key(1), key(2));
        let root = root(&format!("{one}nonsense\n"));
        root.file("home/anna/.ssh/authorized_keys2", two.as_bytes());
        let both = format!("only = ['{first}', '{second}']");
        check::<SshAuthorizedKey>(&root, "anna/*", &both, &[]);
        let unlisted = format!("{second} null \"ssh-ed25519\"");
        check::<SshAuthorizedKey>(&root, "anna/*", &format!("only = ['{first}']"), &[&unlisted]);
        let file = "only = []\nfile = '/none'";
        check::<SshAuthorizedKey>(&root, "anna/*", file, &[]);
        let (spec, _) = prepare::<SshAuthorizedKey>("anna/*", &both);
        let found = crate::kinds::test_world::compare(&root, "anna/*", spec).expect("seen");
        assert_eq!(found.seen.as_deref(), Some("2/2, 1 line that holds no key"));
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        let (line, name) = key(1);
        let mut root = root(&line);
        check::<SshAuthorizedKey>(&root, "berta/*", "only = []", &["blind undecidable"]);
        root.link("home/anna/.ssh/authorized_keys2", "elsewhere");
        check::<SshAuthorizedKey>(&root, "anna/*", "only = []", &["blind not_supported"]);
        let deny = ["**/.ssh/**".to_owned()];
        root.policy = crate::config::Policy::new(&["/".into()], &deny, &[]).expect("a policy");
        check::<SshAuthorizedKey>(&root, &name, "", &["blind not_allowed"]);
    }

    #[test]
    fn names_have_one_form() {
        let (_, good) = key(1);
        for (name, toml, count) in [
            (good.as_str(), "", 0),
            ("anna/*", "only = []", 0),
            ("anna/*", "", 1),
            (&good, "only = []", 1),
            (&good, "present = false\ntype = 'x'", 1),
            (&good, "file = 'x'", 1),
            ("anna/SHA256:abc", "", 1),
            ("anna/MD5:00:11", "", 1),
            ("anna", "", 1),
            ("*/*", "only = []", 1),
            ("anna/*", "only = ['anna/x']", 1),
            ("anna/*", "only = []\noptions = []", 1),
        ] {
            assert_eq!(prepare::<SshAuthorizedKey>(name, toml).1.len(), count, "{name} {toml}");
        }
    }

    #[test]
    fn the_keys_of_a_user_are_written_down_closed() {
        let ((one, first), (two, second)) = (key(1), key(2));
        let mut root = root(&format!("restrict,command=\"x\" {one}{two}"));
        let written = adopted::<SshAuthorizedKey>(&root, "anna").expect("seen");
        let names: Vec<&str> = written.drafts.iter().map(|d| d.name.as_str()).collect();
        let mut expected = [first.as_str(), &second];
        expected.sort_unstable();
        assert_eq!(names, [&["anna/*"], &expected[..]].concat());
        assert!(adopted::<SshAuthorizedKey>(&root, "*").is_err());
        // Where options may not be shown they are not written down, and it is said.
        root.policy = crate::config::Policy::new(&["/".into()], &[], &[]).expect("a policy");
        let written = adopted::<SshAuthorizedKey>(&root, "anna").expect("seen");
        assert_eq!((written.drafts.len(), written.unseen.len()), (2, 1));
        assert_eq!(written.unseen[0].0, first);
    }
}
