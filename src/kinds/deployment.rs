//! `[deployment.NAME]`: what a deployment wrote down about itself, and how its commit stands to the source.
//!
//! A manifest says what somebody wrote into it. That the deployed files are those it names, only `tree` can tell.

mod adopt;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::path::absolute;
use super::{Adopted, Adoption, Answers, Files, Kind, Named, Place, Problem};
use crate::model::display::{escape, one_line};
use crate::model::{Code, Comparison, Content, Difference, Evidence, Line, Reason, Unknown};
use crate::probe::World;
use crate::probe::deploy_manifest::{self, DeployManifest};
use crate::probe::host::{Host, Links};
use source::{Relation, Source, Standing};

/// No manifest is read that is larger.
const BYTES_MAX: u64 = 1 << 20;
/// No more of a line is shown.
const WIDTH_MAX: usize = 200;
/// How many digits of a commit are shown where it is as wanted.
const SHORT: usize = 12;

/// The table of a deployment.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Deployment {
    /// The manifest, as an absolute path: lines `key = value` or `key: value`. At most 1 MiB.
    file: String,
    /// What it has to say: the text of each key, as it stands there. For the key of the commit the first 7 digits or more
    /// are enough.
    #[serde(default)]
    values: BTreeMap<String, String>,
    /// The key of the commit that was deployed. Default: `source_commit`.
    #[serde(default = "source_commit")]
    commit_key: String,
    /// Where the deployed commit comes from, and which commit there it is compared with.
    source: Option<Source>,
    /// How the deployed commit stands to that of `source`: `equal` to it, `behind` it, `ahead` of it, or `diverged` from
    /// it. Default: equal.
    relation: Option<Relation>,
    /// May links be followed on the way to the manifest and to the repository? Never at their end.
    #[serde(default)]
    through_links: bool,
}

fn source_commit() -> String {
    "source_commit".to_owned()
}

/// What was seen.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Seen {
    /// No file stands there.
    NoFile,
    /// A manifest.
    Manifest {
        /// The keys that were asked for; `None` for one that it has not.
        entries: BTreeMap<String, Option<Entry>>,
        /// `None` when nobody asked.
        standing: Option<Result<Standing, Unknown>>,
    },
}

/// One line of a manifest.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    content: Content,
    line: Line,
}

impl Kind for Deployment {
    const NAME: &'static str = "deployment";
    const ABOUT: &'static str =
        "the manifest of a deployment: what it says, and how its commit stands to the source";
    const DOC: &'static str = include_str!("deployment.md");
    const EXAMPLE: &'static str = r#"
[deployment."iu-cutter-v0.6"]
file = "/opt/incomex/dot/iu-cutter-v0.6/DEPLOY-MANIFEST.txt"
values = { source_commit = "703559c", execution_enabled = "false", file_count = "82" }

[deployment."iu-cutter-v0.6 from source"]
file = "/opt/incomex/dot/iu-cutter-v0.6/DEPLOY-MANIFEST.txt"
source = { repository = "/srv/git/iu-cutter.git", ref = "refs/heads/main" }
relation = "equal"
"#;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "deployment",
        value: "FILE",
        help: "a deploy manifest: every key that it has, where it may be shown",
        all: None,
    });
    type Observed = Seen;

    fn prepare(&mut self, _name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        if let Err(why) = absolute(&self.file) {
            problems.push(Problem::key("file", Code::WrongType, format!("the path {why}")));
        }
        if self.values.is_empty() && self.source.is_none() {
            problems.push(Problem {
                place: Place::Resource,
                code: Code::Empty,
                message: "the table says nothing about the deployment".into(),
                hint: Some("add `values`, `source`, or both".into()),
                warning: false,
            });
        }
        if self.relation.is_some() && self.source.is_none() {
            let message = "`relation` is one to the commit of `source`, and there is none";
            problems.push(Problem::key("relation", Code::Contradiction, message));
        }
        if !deploy_manifest::is_key(&self.commit_key) {
            let message = "expected a key: letters, digits, `_`, `-` and `.`";
            problems.push(Problem::key("commit_key", Code::WrongType, message));
        }
        self.check_values(problems);
        if let Some(source) = &self.source {
            source.check(problems);
        }
    }

    fn question(&self, _name: &str) -> Value {
        json!({
            "file": self.file,
            "keys": self.keys(),
            "commit_key": self.commit_key,
            "source": self.source,
            "through_links": self.through_links,
        })
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Seen> {
        let items = wanted.iter().map(|n| (n.name.clone(), Arc::clone(&n.spec))).collect();
        world.sweep(items, |host, _, spec: &Arc<Self>| spec.look(host)).await
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        let asked = asked.to_owned();
        world.ask(move |host| adopt::adopt(host, &asked)).await
    }

    fn diff(&self, _name: &str, observed: &Seen) -> Comparison {
        let mut found = Comparison::by(Evidence::Parsed);
        let Seen::Manifest { entries, standing } = observed else {
            found.seen = Some(format!("no file {}", escape(&self.file)));
            found.differences.push(Difference::new("file", "present", "absent"));
            return found;
        };
        for (key, wanted) in &self.values {
            self.compare_value(key, wanted, entries.get(key), &mut found);
        }
        if let Some(source) = &self.source {
            let wanted = self.relation.unwrap_or_default();
            match standing {
                Some(Ok(standing)) => {
                    let (wanted, actual) = (wanted.name(), standing.relation().name());
                    if wanted != actual {
                        found.differences.push(Difference::new("relation", wanted, actual));
                    }
                }
                Some(Err(unknown)) => found.blind("relation", unknown.clone()),
                None => {
                    let detail = "the commits were not compared";
                    found.blind("relation", Unknown::new(Reason::NotRecorded, detail));
                }
            }
            found.seen = standing
                .as_ref()
                .and_then(|told| told.as_ref().ok())
                .map(|standing| standing.in_short(source));
        }
        let commit = entries.get(&self.commit_key).and_then(|entry| entry.as_ref()?.shown());
        let commit = commit.map(|text| one_line(text, SHORT + 1));
        let seen = [commit, found.seen.take()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        found.seen = Some(if seen.is_empty() { "as wanted".to_owned() } else { seen });
        found
    }
}

impl Deployment {
    /// The keys that are asked for.
    fn keys(&self) -> BTreeSet<&str> {
        self.values.keys().chain([&self.commit_key]).map(String::as_str).collect()
    }

    fn check_values(&self, problems: &mut Vec<Problem>) {
        for (key, value) in &self.values {
            let why = if !deploy_manifest::is_key(key) {
                "no manifest has such a key: letters, digits, `_`, `-` and `.`"
            } else if value.trim() != value || value.contains(['\n', '\r', '\0']) {
                "a value is one line without blanks at its ends"
            } else if *key == self.commit_key && !source::is_commit(value) {
                "expected 7 to 64 hex digits of a commit"
            } else {
                continue;
            };
            let message = format!("`{}`: {why}", escape(key));
            problems.push(Problem::key("values", Code::WrongType, message));
        }
    }

    fn look(&self, host: &Host) -> Result<Seen, Unknown> {
        let links = if self.through_links { Links::Through } else { Links::Refuse };
        let read = host.read_to_show(Path::new(&self.file), links, BYTES_MAX)?;
        let Some((bytes, may_show)) = read else { return Ok(Seen::NoFile) };
        let in_file = |why: Unknown| {
            Unknown::new(why.reason, format!("{}: {}", escape(&self.file), why.detail))
        };
        let manifest = DeployManifest::parse(&bytes).map_err(in_file)?;
        let entries = self.keys().into_iter().map(|key| {
            let entry = manifest.get(key).map(|entry| {
                let text = may_show.then(|| one_line(&entry.text, WIDTH_MAX));
                let line = Line { file: self.file.clone(), number: entry.line, text };
                Entry { content: Content::of_text(&entry.value, may_show), line }
            });
            (key.to_owned(), entry)
        });
        let standing = self.source.as_ref().map(|source| {
            let commit = manifest.get(&self.commit_key).map(|entry| entry.value.as_str());
            let commit = commit.ok_or_else(|| {
                let detail = format!("the manifest has no `{}`", escape(&self.commit_key));
                in_file(Unknown::new(Reason::Undecidable, detail))
            })?;
            source.look(host, links, commit, may_show)
        });
        Ok(Seen::Manifest { entries: entries.collect(), standing })
    }

    fn compare_value(
        &self,
        key: &str,
        wanted: &str,
        entry: Option<&Option<Entry>>,
        found: &mut Comparison,
    ) {
        let Some(entry) = entry else {
            let detail = "this key of the manifest was not looked at";
            found.blind(key, Unknown::new(Reason::NotRecorded, detail));
            return;
        };
        let Some(Entry { content, line }) = entry else {
            found.differences.push(Difference::new(key, wanted, Value::Null));
            return;
        };
        let Some(difference) = content.differs(key, &Value::from(wanted)) else { return };
        let is_prefix = key == self.commit_key && !source::is_whole(wanted);
        match content.shown.as_ref().and_then(Value::as_str) {
            Some(shown)
                if key == self.commit_key
                    && shown.to_ascii_lowercase().starts_with(&wanted.to_ascii_lowercase())
                    && source::is_commit(shown) => {}
            None if is_prefix => {
                let detail = "outside of `show_content` only a digest is kept, with which no beginning of a commit can be \
                              compared: write all its digits";
                found.blind(key, Unknown::new(Reason::NotAllowed, detail));
            }
            _ => found.differences.push(difference.at(Some(line.clone()))),
        }
    }
}

impl Entry {
    fn shown(&self) -> Option<&str> {
        self.content.shown.as_ref().and_then(Value::as_str)
    }
}

#[cfg(test)]
mod tests;
