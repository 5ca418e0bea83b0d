//! `[tree.NAME]`: all files below a folder against a list of digests, or one digest of all of them.
//!
//! The walk compares while it goes and keeps only what differs; here its outcome is turned into differences.

mod adopt;
mod ignore;
mod outcome;

use std::sync::Arc;

use globset::GlobSet;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::deadline::Deadline;
use super::{Adopted, Adoption, Answers, Files, Kind, Named, Place, Problem, path};
use crate::model::hash_list::{Ending, HashList, LineFinding};
use crate::model::{Code, Comparison, Difference, Digest, Evidence, Mode, Unknown};
use crate::probe::World;
use crate::probe::cancel::Cancel;
use crate::probe::host::{FileType, Links};
use crate::probe::tree::{self, Against, Attributes, Carried, Question, Seen};

/// The table of a tree.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Tree {
    /// The absolute path of its root.
    root: String,
    /// A list of digests in desired state, as `sha256sum` writes it, with names relative to `root`.
    manifest: Option<String>,
    /// What ends an entry of the list: "line", or "nul" for the output of `sha256sum -z`. Default: "line".
    format: Option<Format>,
    /// Instead of `manifest`: the one digest that `find PREFIX -type f | LC_ALL=C sort | xargs sha256sum | sha256sum`
    /// prints in the folder above `root`.
    digest: Option<Digest>,
    /// The PREFIX of `digest`. Default: the last part of `root`.
    digest_prefix: Option<String>,
    /// What a file that is not listed means: nothing and not looked for ("ignore"), counted and shown ("report"), or a
    /// difference ("drift"). Default: "drift".
    unlisted: Option<Unlisted>,
    /// An unlisted directory without entries counts as unlisted, too. Default: false.
    empty_directories: Option<bool>,
    /// Patterns of paths below `root` that are left alone unless they are listed; `**` crosses folders, `*` does not.
    #[serde(default)]
    ignore: Vec<String>,
    /// The owner of every listed file, and of every directory that holds one.
    owner: Option<String>,
    /// The group of every listed file, and of every directory that holds one.
    group: Option<String>,
    /// The mode of every listed file, such as "0644".
    file_mode: Option<Mode>,
    /// The mode of every directory that holds a listed file, the root included, such as "0755".
    directory_mode: Option<Mode>,
    /// What extended attributes of a listed file or of a directory above it mean, besides `security.selinux`: they are not
    /// looked for ("ignore"), counted and shown ("report"), or differences ("drift"). Default: "ignore".
    xattrs: Option<Meaning>,
    /// What rights mean that a listed file gives to whoever executes it - setuid, setgid, file capabilities: they are not
    /// looked for ("ignore"), counted and shown ("report"), or differences ("drift"). Default: "ignore".
    privileges: Option<Meaning>,
    /// Enter other file systems that are mounted below the root. Default: false, and what lies there is unknown.
    #[serde(default)]
    span_mounts: bool,
    /// Look through symbolic links on the way to the root. Below the root none is ever followed. Default: false.
    #[serde(default)]
    through_links: bool,
    /// How long the walk may take, such as "10m", at most a day. Default: "10m".
    #[serde(default)]
    deadline: Deadline<600, 86_400>,
    /// What `prepare` makes of the keys above.
    #[serde(skip)]
    ready: Ready,
}

/// What ends an entry of a list.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    /// The end of the line.
    Line,
    /// A NUL byte.
    Nul,
}

/// What an unlisted file means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Unlisted {
    /// Nothing, and it is not looked for.
    Ignore,
    /// It is counted and shown.
    Report,
    /// It is a difference.
    #[default]
    Drift,
}

/// What something means that files can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Meaning {
    /// Nothing, and it is not looked for.
    #[default]
    Ignore,
    /// It is counted and shown.
    Report,
    /// It is a difference.
    Drift,
}

#[derive(Debug, Default)]
struct Ready {
    list: Arc<HashList>,
    /// Of the bytes of the list.
    manifest: Option<Digest>,
    ignore: GlobSet,
}

impl Tree {
    fn check_keys(&self, problems: &mut Vec<Problem>) {
        path::check_key("root", &self.root, problems);
        match (&self.manifest, &self.digest) {
            (Some(_), Some(_)) => {
                let message = "`manifest` and `digest` both give the content";
                problems.push(Problem::key("digest", Code::Contradiction, message));
            }
            (None, None) => {
                let message = "neither `manifest` nor `digest` says what the tree holds";
                let hint = "add `manifest`, a list that `sha256sum` wrote";
                problems.push(Problem::resource(Code::MissingKey, message).hint(hint));
            }
            _ => {}
        }
        let of_lists = [
            ("unlisted", self.unlisted.is_some()),
            ("empty_directories", self.empty_directories.is_some()),
            ("format", self.format.is_some()),
            ("xattrs", self.xattrs.is_some()),
            ("privileges", self.privileges.is_some()),
        ];
        for (key, set) in of_lists {
            if set && self.digest.is_some() {
                let message = format!("`{key}` is about a list, and `digest` covers every file");
                problems.push(Problem::key(key, Code::Contradiction, message));
            }
        }
        self.check_prefix(problems);
    }

    fn check_prefix(&self, problems: &mut Vec<Problem>) {
        if self.digest_prefix.is_some() && self.digest.is_none() {
            let message = "`digest_prefix` says how paths enter `digest`, which is not given";
            problems.push(Problem::key("digest_prefix", Code::Contradiction, message));
        }
        let prefix = self.prefix();
        if self.digest.is_some() && (prefix.is_empty() || tree::pipeline_breaks(prefix.as_bytes()))
        {
            let message = "the paths cannot be written below this prefix: it is empty, or `xargs` takes it apart";
            problems.push(Problem::key("digest_prefix", Code::Contradiction, message));
        }
    }

    fn prefix(&self) -> &str {
        let last = || self.root.rsplit('/').next().unwrap_or_default();
        self.digest_prefix.as_deref().unwrap_or_else(last)
    }

    fn read_manifest(&mut self, files: &dyn Files, problems: &mut Vec<Problem>) {
        let Some(manifest) = &self.manifest else { return };
        let ending = match self.format {
            None | Some(Format::Line) => Ending::Line,
            Some(Format::Nul) => Ending::Nul,
        };
        let text = files.pieces(manifest);
        let parsed =
            match text.and_then(|text| HashList::read(&*text, self.root.as_bytes(), ending)) {
                Ok(parsed) => parsed,
                Err(why) => return problems.push(Problem::key("manifest", Code::MissingFile, why)),
            };
        if parsed.list.is_empty() && parsed.errors == 0 {
            let message = format!("`{manifest}` lists no file, so any tree would match it");
            problems.push(Problem::key("manifest", Code::Empty, message));
        }
        problems.extend(parsed.findings.into_iter().map(|f| of_line(manifest, f)));
        self.ready.list = Arc::new(parsed.list);
        self.ready.manifest = Some(parsed.digest);
    }

    fn read_ignore(&mut self, problems: &mut Vec<Problem>) {
        match ignore::patterns(&self.ignore) {
            Ok(set) => self.ready.ignore = set,
            Err(problem) => problems.push(problem),
        }
    }

    fn unlisted(&self) -> Unlisted {
        self.unlisted.unwrap_or_default()
    }

    /// What listed files are looked through for.
    fn carried(&self) -> Carried {
        let asked = |meaning: Option<Meaning>| meaning.unwrap_or_default() != Meaning::Ignore;
        Carried { xattrs: asked(self.xattrs), privileges: asked(self.privileges) }
    }

    /// What is put to the host.
    fn walk(&self) -> Question {
        let against = if self.digest.is_some() {
            Against::Digest { prefix: self.prefix().to_owned() }
        } else {
            Against::List(Arc::clone(&self.ready.list))
        };
        Question {
            root: self.root.clone().into(),
            links: Links::through(self.through_links),
            against,
            manifest: self.ready.manifest,
            ignore: self.ready.ignore.clone(),
            unlisted: self.unlisted() != Unlisted::Ignore,
            empty_directories: self.empty_directories.unwrap_or_default(),
            attributes: Attributes {
                owner: self.owner.clone(),
                group: self.group.clone(),
                file_mode: self.file_mode,
                directory_mode: self.directory_mode,
            },
            carried: self.carried(),
            span_mounts: self.span_mounts,
            deadline: self.deadline.0,
        }
    }
}

fn of_line(manifest: &str, finding: LineFinding) -> Problem {
    let code = if finding.warning { Code::Redundant } else { Code::HashList };
    let place = Place::File(manifest.to_owned(), finding.span);
    Problem { warning: finding.warning, ..Problem::at(place, code, finding.message) }
}

impl Kind for Tree {
    const NAME: &'static str = "tree";
    const ABOUT: &'static str = "all files below a folder: changed, missing, unlisted, attributes";
    const DOC: &'static str = include_str!("tree.md");
    const EXAMPLE: &'static str = r#"
[tree.cutter-v0_6]
root = "/opt/incomex/dot/iu-cutter-v0.6"
manifest = "manifests/iu-cutter-v0.6.sha256"
unlisted = "drift"
ignore = ["**/__pycache__/**"]
file_mode = "0644"
"#;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "tree",
        value: "DIR",
        help: "All files below a folder: a list of their digests, owner, group, modes",
        all: None,
    });
    type Observed = Seen;

    fn prepare(&mut self, _name: &str, files: &dyn Files, problems: &mut Vec<Problem>) {
        self.check_keys(problems);
        self.read_manifest(files, problems);
        self.read_ignore(problems);
    }

    fn question(&self, _name: &str) -> Value {
        let mut question = json!({
            "root": self.root,
            "through_links": self.through_links,
            "manifest": self.ready.manifest,
            "digest_prefix": self.digest.map(|_| self.prefix()),
            "ignore": self.ignore,
            "looks_for_unlisted": self.unlisted() != Unlisted::Ignore,
            "empty_directories": self.empty_directories.unwrap_or_default(),
            "owner": self.owner,
            "group": self.group,
            "file_mode": self.file_mode,
            "directory_mode": self.directory_mode,
            "span_mounts": self.span_mounts,
        });
        // Named only where they are asked, so that what was recorded before they could be still answers.
        let Carried { xattrs, privileges } = self.carried();
        let asked = [("xattrs", xattrs), ("privileges", privileges)];
        let asked = asked.iter().filter(|(_, asked)| *asked);
        let asked: Map<_, _> = asked.map(|(key, _)| ((*key).to_owned(), true.into())).collect();
        if let Some(question) = question.as_object_mut() {
            question.extend(asked);
        }
        question
    }

    fn lives_in(&self, _name: &str) -> Vec<String> {
        vec![self.root.clone()]
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen> {
        let questions = wanted.iter().map(|n| (n.name.clone(), n.spec.walk())).collect();
        tree::walk_all(world, questions).await
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        let asked = path::asked(asked)?;
        let cancel = Cancel::default();
        let _guard = cancel.on_drop();
        world.ask(move |host| adopt::adopt(host, &asked, &cancel)).await
    }

    fn diff(&self, _name: &str, observed: &Seen) -> Comparison {
        let mut found = Comparison::by(Evidence::Hashed);
        match observed {
            Seen::Absent => {
                found.differences.push(Difference::new("presence", "present", "absent"));
            }
            Seen::Other(actual) => {
                let difference = Difference::new("type", FileType::Directory, *actual);
                found.differences.push(difference);
            }
            Seen::Walked(walked) => self.compare(walked, &mut found),
        }
        found
    }
}

#[cfg(test)]
mod recalled;
#[cfg(test)]
mod tests;
