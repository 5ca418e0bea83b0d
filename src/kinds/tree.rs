//! `[tree.NAME]`: all files below a folder against a list of digests, or one digest of all of them.
//!
//! The walk compares while it goes and keeps only what differs; here its outcome is turned into differences.

mod adopt;
mod ignore;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use globset::GlobSet;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Adopted, Adoption, Answers, Files, Kind, Named, Place, Problem, path};
use crate::model::display::escape;
use crate::model::hash_list::{Ending, HashList, LineFinding};
use crate::model::{Change, Code, Comparison, Difference, Digest, Evidence, Mode, Reason, Unknown};
use crate::probe::World;
use crate::probe::cancel::Cancel;
use crate::probe::host::{FileType, Links};
use crate::probe::tree::{self, Against, Attributes, Finding, Question, Seen, Walked, What};

const DEADLINE_DEFAULT: Duration = Duration::from_mins(10);
const DEADLINE_MAX: Duration = Duration::from_hours(24);

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
    /// Enter other file systems that are mounted below the root. Default: false, and what lies there is unknown.
    #[serde(default)]
    span_mounts: bool,
    /// Look through symbolic links on the way to the root. Below the root none is ever followed. Default: false.
    #[serde(default)]
    through_links: bool,
    /// How long the walk may take, such as "10m", at most a day. Default: "10m".
    deadline: Option<String>,
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

#[derive(Debug, Default)]
struct Ready {
    list: Arc<HashList>,
    /// Of the bytes of the list.
    manifest: Option<Digest>,
    ignore: GlobSet,
    deadline: Option<Duration>,
}

impl Tree {
    fn check_keys(&self, problems: &mut Vec<Problem>) {
        if let Err(why) = path::absolute(&self.root) {
            let message = format!("`root` is a path, and it {why}");
            problems.push(Problem::key("root", Code::BadName, message));
        }
        match (&self.manifest, &self.digest) {
            (Some(_), Some(_)) => {
                let message = "`manifest` and `digest` both give the content";
                problems.push(Problem::key("digest", Code::Contradiction, message));
            }
            (None, None) => problems.push(Problem {
                place: Place::Resource,
                code: Code::MissingKey,
                message: "neither `manifest` nor `digest` says what the tree holds".into(),
                hint: Some("add `manifest`, a list that `sha256sum` wrote".into()),
                warning: false,
            }),
            _ => {}
        }
        let of_lists = [
            ("unlisted", self.unlisted.is_some()),
            ("empty_directories", self.empty_directories.is_some()),
            ("format", self.format.is_some()),
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
        let text = match files.read(manifest) {
            Ok(text) => text,
            Err(why) => return problems.push(Problem::key("manifest", Code::MissingFile, why)),
        };
        let ending = match self.format {
            None | Some(Format::Line) => Ending::Line,
            Some(Format::Nul) => Ending::Nul,
        };
        let parsed = HashList::parse(&text, self.root.as_bytes(), ending);
        if parsed.list.is_empty() && parsed.errors == 0 {
            let message = format!("`{manifest}` lists no file, so any tree would match it");
            problems.push(Problem::key("manifest", Code::Empty, message));
        }
        problems.extend(parsed.findings.into_iter().map(|f| of_line(manifest, f)));
        self.ready.list = Arc::new(parsed.list);
        self.ready.manifest = Some(Digest::of(&text));
    }

    fn read_ignore(&mut self, problems: &mut Vec<Problem>) {
        match ignore::patterns(&self.ignore) {
            Ok(set) => self.ready.ignore = set,
            Err(problem) => problems.push(problem),
        }
    }

    fn read_deadline(&mut self, problems: &mut Vec<Problem>) {
        let Some(text) = &self.deadline else { return };
        let parsed = text.parse::<jiff::SignedDuration>().ok();
        let deadline = parsed.and_then(|deadline| Duration::try_from(deadline).ok());
        let range = Duration::from_secs(1)..=DEADLINE_MAX;
        self.ready.deadline = deadline.filter(|deadline| range.contains(deadline));
        if self.ready.deadline.is_none() {
            let message = "`deadline` is a duration between \"1s\" and \"24h\"";
            problems.push(Problem::key("deadline", Code::WrongType, message));
        }
    }

    fn unlisted(&self) -> Unlisted {
        self.unlisted.unwrap_or_default()
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
            links: if self.through_links { Links::Through } else { Links::Refuse },
            against,
            ignore: self.ready.ignore.clone(),
            unlisted: self.unlisted() != Unlisted::Ignore,
            empty_directories: self.empty_directories.unwrap_or_default(),
            attributes: Attributes {
                owner: self.owner.clone(),
                group: self.group.clone(),
                file_mode: self.file_mode,
                directory_mode: self.directory_mode,
            },
            span_mounts: self.span_mounts,
            deadline: self.ready.deadline.unwrap_or(DEADLINE_DEFAULT),
        }
    }

    fn compare(&self, walked: &Walked, found: &mut Comparison) {
        let differences = walked.findings.iter().filter_map(|f| self.difference(f));
        found.differences.extend(differences);
        let drifts = self.unlisted() == Unlisted::Drift;
        let unlisted_more = if drifts { walked.unlisted_more } else { 0 };
        let more = walked.findings_more.saturating_add(unlisted_more);
        if more > 0 {
            let actual = format!("{more} more differences, which are counted and not kept");
            found.differences.push(Difference::new("(more)", Value::Null, actual));
        }
        found.blind.extend(walked.blind.iter().cloned());
        if walked.blind_more > 0 {
            let detail = format!("{} more paths could not be told", walked.blind_more);
            found.blind("(more)", Unknown::new(Reason::TooLarge, detail));
        }
        match self.digest {
            None => self.count_list(walked, found),
            Some(digest) => compare_digest(digest, walked, found),
        }
    }

    fn count_list(&self, walked: &Walked, found: &mut Comparison) {
        let Walked { listed, matched, unlisted, .. } = walked;
        let others = match self.unlisted() {
            Unlisted::Report if *unlisted > 0 => format_unlisted(walked),
            Unlisted::Drift if *unlisted > 0 => format!(", {unlisted} unlisted"),
            _ => String::new(),
        };
        found.seen = Some(format!("{matched}/{listed}{others}"));
        let counts = [("listed", *listed), ("matched", *matched), ("unlisted", *unlisted)];
        found.counts = Some(BTreeMap::from(counts));
    }

    fn difference(&self, finding: &Finding) -> Option<Difference> {
        let wanted = |name: &Option<String>| name.clone().unwrap_or_default();
        let (desired, actual, change): (Value, Value, Change) = match &finding.what {
            What::Unlisted(_) if self.unlisted() != Unlisted::Drift => return None,
            What::Missing => (FileType::File.into(), Value::Null, Change::Missing),
            What::Unlisted(actual) => (Value::Null, (*actual).into(), Change::Unlisted),
            What::Type { desired, actual } => {
                ((*desired).into(), (*actual).into(), Change::Changed)
            }
            What::Content { desired, actual } => {
                (format!("{desired:?}").into(), format!("{actual:?}").into(), Change::Changed)
            }
            What::Owner(actual) => attribute("owner", &wanted(&self.owner), actual),
            What::Group(actual) => attribute("group", &wanted(&self.group), actual),
            What::Mode { desired, actual } => {
                attribute("mode", &desired.to_string(), &actual.to_string())
            }
        };
        Some(Difference::new(&finding.path, desired, actual).changed(change))
    }
}

fn attribute(name: &str, desired: &str, actual: &str) -> (Value, Value, Change) {
    let text = |value: &str| Value::from(format!("{name} {}", escape(value)));
    (text(desired), text(actual), Change::Metadata)
}

/// How many things are not listed, and the first of them.
fn format_unlisted(walked: &Walked) -> String {
    let is_unlisted = |f: &&Finding| matches!(f.what, What::Unlisted(_));
    let first = walked.findings.iter().find(is_unlisted).map_or("", |f| f.path.as_str());
    format!(", {} unlisted, such as {first}", walked.unlisted)
}

fn compare_digest(wanted: Digest, walked: &Walked, found: &mut Comparison) {
    found.seen = Some(format!("{} files", walked.hashed));
    found.counts = Some(BTreeMap::from([("files", walked.hashed)]));
    match walked.digest {
        Some(is) if is == wanted => {}
        Some(is) => {
            let (wanted, is) = (format!("{wanted:?}"), format!("{is:?}"));
            found.differences.push(Difference::new("digest", wanted, is).changed(Change::Changed));
        }
        None => {
            let detail = "not every file could be read, so there is no digest of all";
            found.blind("digest", Unknown::new(Reason::NoAnswer, detail));
        }
    }
}

fn of_line(manifest: &str, finding: LineFinding) -> Problem {
    let code = if finding.warning { Code::Redundant } else { Code::HashList };
    Problem {
        place: Place::File(manifest.to_owned(), finding.span),
        code,
        message: finding.message,
        hint: None,
        warning: finding.warning,
    }
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
        self.read_deadline(problems);
    }

    fn question(&self, _name: &str) -> Value {
        json!({
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
        })
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
mod tests;
