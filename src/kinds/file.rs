//! `[file."PATH"]`: a regular file with given content, owner, group and mode, or nothing at that path.
//!
//! Content is compared by digest alone. What a file holds is kept only to show the lines that differ: of a short text, of
//! which desired state has the other side, and where the host's configuration lets it be shown.

mod adopt;
mod carried;
mod remedy;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::metadata::{Metadata, Wanted};
use super::{
    Adopted, Adoption, Answers, Files, Kind, Named, Place, Problem, not_recorded, path, provision,
};
use crate::action::{Depth, Mended, Needs, Surroundings};
use crate::model::display::escape;
use crate::model::{
    Code, Comparison, Difference, Digest, Evidence, Mode, Unknown, document, nearest, unified,
};
use crate::probe::World;
use crate::probe::cancel::Cancel;
use crate::probe::host::{Asked, Contents, FileType, Host, Links};
use carried::Carried;

/// The longest text whose differing lines are shown.
const SHOWN_BYTES_MAX: u64 = 64 << 10;

/// The table of a file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// `false`: nothing at all may stand at this path. Default: true.
    #[serde(default = "super::presence::yes")]
    present: bool,
    /// The name of its owner; the number as text for an owner that has no name.
    owner: Option<String>,
    /// The name of its group; the number as text for a group that has no name.
    group: Option<String>,
    /// Its mode, such as "0640".
    mode: Option<Mode>,
    /// The SHA-256 of its content: 64 hex digits. Excludes `source` and `empty`.
    sha256: Option<Digest>,
    /// A file of desired state with the same content, such as "files/app.conf". Excludes `sha256` and `empty`.
    source: Option<String>,
    /// `true`: every `${values.NAME}` in the file that `source` names stands for that text of `[values]`. Default: false.
    #[serde(default)]
    values: bool,
    /// `true`: it has no content. `false`: it has at least one byte.
    empty: Option<bool>,
    /// Its file capabilities, as `getcap` prints them, such as `cap_net_bind_service=ep`; "" for none.
    capabilities: Option<String>,
    /// All of its extended attributes by name, besides `security.selinux` (and `security.capability`, where `capabilities`
    /// is given): a text, or "sha256:" and the digest of the value. `{}`: it has none.
    xattrs: Option<BTreeMap<String, String>>,
    /// `true`: a flag of its inode forbids every change, even to root (`chattr +i`). `false`: it does not.
    immutable: Option<bool>,
    /// How many names (hard links) it has.
    links: Option<u64>,
    /// Look through symbolic links on the way to it, beneath the root of the host. Never at its end. Default: false.
    #[serde(default)]
    through_links: bool,
    /// The content of `source`, with its digest.
    #[serde(skip)]
    source_content: Option<(Digest, Arc<[u8]>)>,
    /// What `capabilities` and `xattrs` say.
    #[serde(skip)]
    carries: carried::Wanted,
}

/// What was seen.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seen {
    metadata: Metadata,
    size: u64,
    /// Asked only where the table says something about it.
    sha256: Option<Result<Digest, Unknown>>,
    /// The text itself: only of one that differs from `source`, is short, and may be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Asked only where the table says something about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    carried: Option<Result<Carried, Unknown>>,
}

impl File {
    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            present: self.present,
            file_type: FileType::File,
            owner: self.owner.as_ref(),
            group: self.group.as_ref(),
            mode: self.mode,
        }
    }

    fn links(&self) -> Links {
        Links::through(self.through_links)
    }

    fn asks_content(&self) -> bool {
        self.sha256.is_some() || self.source.is_some()
    }

    fn look(&self, host: &Host, path: &Path, cancel: &Cancel) -> Result<Option<Seen>, Unknown> {
        let Some(mut stat) = host.stat(path, self.links())? else { return Ok(None) };
        let (mut sha256, mut carried, mut text) = (None, None, None);
        let asked = Asked { content: self.asks_content(), xattrs: self.asks_xattrs() };
        if stat.file_type == FileType::File && (self.asks_content() || self.asks_carried()) {
            match host.inside(path, self.links(), asked, cancel) {
                Ok(Contents::Absent) => return Ok(None),
                Ok(Contents::Other(other)) => stat = other,
                // The attributes of what was read, not of what stood there a moment before.
                Ok(Contents::Regular(read, inside)) => {
                    stat = read;
                    sha256 = inside.digest.map(Ok);
                    text = inside.digest.and_then(|is| self.text_to_show(host, path, is));
                    carried = self.asks_carried().then(|| Ok(Carried::of(path, inside)));
                }
                Err(unknown) => {
                    sha256 = asked.content.then(|| Err(unknown.clone()));
                    carried = self.asks_carried().then_some(Err(unknown));
                }
            }
        }
        let metadata = Metadata::of(host, &stat);
        Ok(Some(Seen { metadata, size: stat.size, sha256, text, carried }))
    }

    /// What `digest` was made of, where it is worth showing and may be shown. It decides no verdict, so a text that
    /// cannot be had, or has changed since it was hashed, is simply not shown.
    fn text_to_show(&self, host: &Host, path: &Path, digest: Digest) -> Option<String> {
        let (wanted, source) = self.source_content.as_ref()?;
        if *wanted == digest || as_text(source).is_none() || !host.policy().shows_content(path) {
            return None;
        }
        let (bytes, shown) = host.read_to_show(path, self.links(), SHOWN_BYTES_MAX).ok()??;
        let same = shown && Digest::of(&bytes) == digest;
        same.then(|| as_text(&bytes).map(str::to_owned)).flatten()
    }

    fn compare_content(&self, seen: &Seen, found: &mut Comparison) {
        if let Some(wanted) = self.empty
            && wanted != (seen.size == 0)
        {
            found.differences.push(Difference::new("empty", wanted, seen.size == 0));
        }
        let source = self.source_content.as_ref();
        let Some(wanted) = self.sha256.or(source.map(|(digest, _)| *digest)) else { return };
        match &seen.sha256 {
            Some(Ok(is)) if *is == wanted => {}
            Some(Ok(is)) => {
                let lines = source
                    .and_then(|(_, bytes)| as_text(bytes))
                    .zip(seen.text.as_deref())
                    .map(|(wanted, is)| unified(wanted, is));
                let (wanted, is) = (format!("{wanted:?}"), format!("{is:?}"));
                found.differences.push(Difference::new("content", wanted, is).unified(lines));
            }
            Some(Err(unknown)) => found.blind("content", unknown.clone()),
            None => found.blind("content", not_recorded()),
        }
    }
}

/// The file with the values in their places.
fn filled(
    source: &str,
    bytes: &[u8],
    values: &BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) -> Option<Arc<[u8]>> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        let message = "`values = true` needs a file of text";
        problems.push(Problem::key("values", Code::WrongType, message));
        return None;
    };
    match document::filled(text, values, document::SUBSTITUTED_BYTES_MAX) {
        Ok(text) => Some(text.into_bytes().into()),
        Err(wrong) => {
            problems.extend(wrong.into_iter().map(|(span, name)| {
                let place = Place::File(source.to_owned(), span);
                match name {
                    Some(name) => {
                        let message = format!("no value `{}` in [values]", escape(&name));
                        let near = nearest(&name, values.keys().map(String::as_str));
                        let problem = Problem::at(place, Code::Reference, message);
                        match near {
                            Some(near) => problem.hint(format!("did you mean `{near}`?")),
                            None => problem,
                        }
                    }
                    None => Problem::at(place, Code::Limit, "with its values it is too long"),
                }
            }));
            None
        }
    }
}

/// What people can read line by line.
fn as_text(bytes: &[u8]) -> Option<&str> {
    let short = bytes.len() as u64 <= SHOWN_BYTES_MAX && !bytes.contains(&0);
    std::str::from_utf8(bytes).ok().filter(|_| short)
}

impl Kind for File {
    const NAME: &'static str = "file";
    const ABOUT: &'static str = "a regular file: presence, content, owner, group, mode";
    const DOC: &'static str = "\
The key is an absolute path. Without other keys a regular file must exist there.

Content is given as `sha256`, or as `source`, a file of desired state (with `values = true`, every `${values.NAME}` in it
stands for that text of `[values]`); both are compared by digest, and a difference of
`content` shows the two digests. With `source`, the lines that differ are shown as well, where both sides are text of at
most 64 KiB and the host's `[observe] show_content` names the file. Attributes are those of the very file that was hashed.

What stands at the path is looked at without following it: a symbolic link is a difference of `type`, whatever it points
to. A link on the way to the path is named, and the verdict is unknown, unless `through_links = true`. Devices, FIFOs and
sockets are never opened.

`capabilities` are compared as sets, whatever the order of the text. `xattrs` is all of the extended attributes: one that
is there and not in the table is a difference, and `{}` means none. Access control lists are among them, as
`system.posix_acl_access`. Values are compared by digest, and shown where `show_content` of the host allows it. `links = 1`
says that the file has no other name.";
    const EXAMPLE: &'static str = r#"
[file."/var/lib/cutter/orchestrator.config.json"]
owner = "root"
group = "root"
mode = "0640"
sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"#;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "file",
        value: "PATH",
        help: "A file, or those directly in a folder: owner, group, mode, digest",
        all: None,
    });
    type Observed = Option<Seen>;

    fn prepare(&mut self, name: &str, files: &dyn Files, problems: &mut Vec<Problem>) {
        path::check_name(name, problems);
        let content = [("sha256", self.sha256.is_some()), ("source", self.source.is_some())];
        let [sha256, source] = content;
        let mut others = vec![sha256, source, ("empty", self.empty.is_some())];
        others.extend(self.carried_keys());
        self.wanted().check(&others, problems);
        self.prepare_carried(problems);
        if self.asks_content() && self.empty.is_some() {
            let message = "`empty` says nothing beside a given content";
            problems.push(Problem::key("empty", Code::Contradiction, message));
        }
        if self.values && self.source.is_none() {
            let message = "`values` is about the file that `source` names, and there is none";
            problems.push(Problem::key("values", Code::Contradiction, message));
        }
        let Some(source) = &self.source else { return };
        if self.sha256.is_some() {
            let message = "`sha256` and `source` both give the content";
            problems.push(Problem::key("source", Code::Contradiction, message));
        }
        let bytes = match files.read(source) {
            Ok(bytes) if self.values => filled(source, &bytes, files.values(), problems),
            Ok(bytes) => Some(bytes),
            Err(why) => {
                problems.push(Problem::key("source", Code::MissingFile, why));
                None
            }
        };
        self.source_content = bytes.map(|bytes| (Digest::of(&bytes), bytes));
    }

    fn question(&self, _name: &str) -> Value {
        let plain = [("content", self.asks_content()), ("through_links", self.through_links)];
        let plain = plain.map(|(key, value)| (key.to_owned(), value.into()));
        plain.into_iter().chain(self.carried_question()).collect()
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Option<Seen>> {
        let cancel = Cancel::default();
        let _guard = cancel.on_drop();
        let items = wanted.iter().map(|n| (n.name.clone(), Arc::clone(&n.spec))).collect();
        let look = move |host: &Host, path: &str, spec: &Arc<Self>| {
            spec.look(host, Path::new(path), &cancel)
        };
        world.sweep(items, look).await
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        let asked = path::asked(asked)?;
        let cancel = Cancel::default();
        let _guard = cancel.on_drop();
        world.ask(move |host| adopt::adopt(host, &asked, &cancel)).await
    }

    fn diff(&self, _path: &str, observed: &Option<Seen>) -> Comparison {
        let evidence = if self.asks_content() { Evidence::Hashed } else { Evidence::Stat };
        let mut found = Comparison::by(evidence);
        let metadata = observed.as_ref().map(|seen| &seen.metadata);
        if self.wanted().compare(metadata, &mut found)
            && let Some(seen) = observed
        {
            self.compare_content(seen, &mut found);
            self.compare_carried(seen.carried.as_ref(), &mut found);
        }
        found
    }

    fn content(&self) -> Option<&Arc<[u8]>> {
        self.source_content.as_ref().map(|(_, bytes)| bytes)
    }

    fn needs(&self, path: &str) -> Needs {
        provision::needs(path, &self.wanted(), Depth::Content)
    }

    fn remedy(&self, path: &str, seen: &Option<Seen>, around: &Surroundings) -> Mended {
        remedy::of(self, path, seen.as_ref(), around)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::test_world::{self, check};

    const ABC: &str = "sha256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'";

    #[test]
    fn content_type_and_attributes_are_compared() {
        let root = test_world::Root::new();
        root.file("f", b"abc").mode("f", 0o640).file("e", b"").dir("d/in", 0o755).link("l", "f");
        root.file("d/in/f", b"abc").link("way", "d").fifo("p");
        let other = format!("content \"{:?}\" \"{:?}\"", Digest::of(b"abc"), Digest::of(b""));
        let cases: &[(&str, &str, &[&str])] = &[
            ("/f", ABC, &[]),
            ("/f", "owner = 'USER'\ngroup = 'GROUP'\nmode = '0640'\nempty = false", &[]),
            ("/f", "source = 'files/abc'", &[]),
            ("/e", "source = 'files/abc'", &[&other]),
            ("/e", ABC, &[&other]),
            ("/e", "empty = true", &[]),
            ("/f", "empty = true", &["empty true false"]),
            (
                "/f",
                "mode = '0600'\ngroup = 'g'",
                &["group \"g\" \"GROUP\"", "mode \"0600\" \"0640\""],
            ),
            ("/l", ABC, &["type \"file\" \"symlink\""]),
            ("/p", ABC, &["type \"file\" \"fifo\""]),
            ("/d", ABC, &["type \"file\" \"directory\""]),
            ("/none", ABC, &["presence \"present\" \"absent\""]),
            ("/none", "present = false", &[]),
            ("/l", "present = false", &["presence \"absent\" \"present\""]),
            ("/way/in/f", ABC, &["blind symlink_on_path"]),
            ("/way/in/f", &format!("{ABC}\nthrough_links = true"), &[]),
        ];
        for (name, toml, expected) in cases {
            check::<File>(&root, name, toml, expected);
        }
    }

    fn unified_of(root: &test_world::Root, path: &str, toml: &str) -> Option<String> {
        let (spec, _) = test_world::prepare::<File>(path, toml);
        let mut found = test_world::compare(root, path, spec).expect("it can be told");
        found.differences.pop().expect("it differs").unified
    }

    #[test]
    fn differing_lines_are_shown_where_they_may_be() {
        use crate::config::Policy;
        let mut root = test_world::Root::new();
        root.file("open/f", b"abd\n").file("open/raw", b"\xff").file("open/nul", b"a\0b");
        root.file("open/big", &vec![b'a'; 65_537])
            .file("shut/f", b"secret")
            .link("open/way", "../shut");
        let show = ["/open/**".to_owned()];
        root.policy = Policy::new(&["/".into()], &[], &show).expect("patterns");
        let source = "source = 'files/abc'\nthrough_links = true";
        let diff = unified_of(&root, "/open/f", source).expect("it may be shown");
        assert!(diff.contains("\n-abc\n\\ no newline at the end\n+abd\n"), "{diff}");
        for path in ["/open/raw", "/open/nul", "/open/big", "/shut/f", "/open/way/f"] {
            assert_eq!(unified_of(&root, path, source), None, "{path}");
        }
        assert_eq!(unified_of(&root, "/open/f", ABC), None, "desired state has only a digest");
    }

    #[test]
    fn unreadable_lists_of_users_leave_the_owner_unknown() {
        let root = test_world::Root::new();
        root.file("f", b"").disown("f").file("etc/group", b"us");
        check::<File>(&root, "/f", "mode = '0644'", &[]);
        check::<File>(&root, "/f", "group = 'us'", &["blind group malformed"]);
    }

    #[test]
    fn contents_exclude_each_other() {
        for (toml, code) in [
            (format!("{ABC}\nsource = 'files/abc'"), "CS0008"),
            (format!("{ABC}\nempty = true"), "CS0008"),
            (format!("{ABC}\npresent = false"), "CS0008"),
            ("source = 'files/none'".to_owned(), "CS0011"),
        ] {
            let problems = test_world::prepare::<File>("/f", &toml).1;
            let codes: Vec<_> = problems.iter().map(|p| p.code.to_string()).collect();
            assert_eq!(codes, [code], "{toml}");
        }
    }
}
