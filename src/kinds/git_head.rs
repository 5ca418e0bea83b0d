//! `[git_head."PATH"]`: what is checked out in a git repository, and whether its work tree is clean.

mod upstream;

use std::path::{Component, Path};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Adopted, Adoption, Answers, Draft, Files, Kind, Named, Problem, commit, not_recorded, path,
};
use crate::model::display::one_line;
use crate::model::{Code, Comparison, Difference, Evidence, Unknown};
use crate::probe::World;
use crate::probe::git::Repository;
use crate::probe::host::{Host, Links};
use upstream::Upstream;

/// The table of a repository.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GitHead {
    /// The commit that is checked out: 7 to 64 hex digits from its beginning.
    commit: Option<String>,
    /// The branch that is checked out, without `refs/heads/`.
    branch: Option<String>,
    /// `true`: a commit is checked out, and no branch.
    detached: Option<bool>,
    /// Is everything as it was committed? Changed, added, removed and unknown files count, ignored ones do not.
    clean: Option<bool>,
    /// The only part of the work tree where `clean` looks, relative to the repository.
    clean_path: Option<String>,
    /// Another commit that the repository knows, to count from: the full name of a reference, such as
    /// `refs/remotes/origin/main`, or a full commit id. Nothing is fetched.
    upstream: Option<String>,
    /// How many commits are checked out that `upstream` has not.
    ahead: Option<u64>,
    /// How many there may be at most.
    ahead_at_most: Option<u64>,
    /// How many commits `upstream` has that are not checked out.
    behind: Option<u64>,
    /// How many there may be at most.
    behind_at_most: Option<u64>,
    /// Look through symbolic links on the way to the repository. Never at its end. Default: false.
    #[serde(default)]
    through_links: bool,
}

/// What was seen of a repository.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seen {
    commit: Option<String>,
    branch: Option<String>,
    /// `None` when nobody asked.
    tree: Option<Result<Tree, Unknown>>,
    /// `None` when nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upstream: Option<Result<Upstream, Unknown>>,
}

/// What was seen of its work tree.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Tree {
    /// How many paths are not as they were committed.
    changed: u64,
    /// The first few of them, escaped.
    first: Vec<String>,
    /// Does the part that was asked about exist?
    present: bool,
}

impl Kind for GitHead {
    const NAME: &'static str = "git_head";
    const ABOUT: &'static str =
        "a git repository: commit, branch, cleanliness, distance from another commit";
    const DOC: &'static str = include_str!("git_head.md");
    const EXAMPLE: &'static str = r#"
[git_head."/opt/incomex/dot"]
commit = "e93424b"
clean = true
clean_path = "iu-cutter"

[git_head."/srv/deploy"]
upstream = "refs/remotes/origin/main"
ahead = 0
behind_at_most = 3
"#;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "repository",
        value: "DIR",
        help: "A git repository: what is checked out, and that it is clean where it is",
        all: None,
    });
    type Observed = Option<Seen>;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        path::check_name(name, problems);
        if self.commit.is_none()
            && self.branch.is_none()
            && self.detached.is_none()
            && self.clean.is_none()
            && self.upstream.is_none()
        {
            let message = "the table says nothing about the repository";
            let hint = "add one or more of `commit`, `branch`, `detached`, `clean` and `upstream`";
            problems.push(Problem::resource(Code::Empty, message).hint(hint));
        }
        if self.branch.is_some() && self.detached.is_some() {
            let message = "`detached` cannot stand beside `branch`";
            problems.push(Problem::key("detached", Code::Contradiction, message));
        }
        if self.clean_path.is_some() && self.clean.is_none() {
            let message = "`clean_path` says where `clean` looks, and there is no `clean`";
            problems.push(Problem::key("clean_path", Code::Contradiction, message));
        }
        self.check_forms(problems);
        self.check_upstream(problems);
    }

    fn question(&self, _name: &str) -> Value {
        let mut question = json!({
            "clean": self.clean.is_some(),
            "clean_path": self.clean_path,
            "through_links": self.through_links,
        });
        if let Some(name) = &self.upstream {
            question["upstream"] = json!(name);
        }
        question
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Option<Seen>> {
        let items = wanted.iter().map(|n| (n.name.clone(), Arc::clone(&n.spec))).collect();
        world.sweep(items, |host, path, spec: &Arc<Self>| look(host, path, spec)).await
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        let asked = path::asked(asked)?;
        world.ask(move |host| adopt(host, &asked)).await
    }

    fn diff(&self, _path: &str, observed: &Option<Seen>) -> Comparison {
        let mut found = Comparison::by(Evidence::Parsed);
        let Some(seen) = observed else {
            found.differences.push(Difference::new("presence", "present", "absent"));
            return found;
        };
        let commit = seen.commit.as_deref();
        if let Some(wanted) = &self.commit
            && !commit.is_some_and(|commit| commit.starts_with(&wanted.to_ascii_lowercase()))
        {
            found.differences.push(Difference::new("commit", wanted.clone(), commit));
        }
        let branch = seen.branch.as_deref();
        if let Some(wanted) = &self.branch
            && branch != Some(wanted)
        {
            found.differences.push(Difference::new("branch", wanted.clone(), branch));
        }
        found.expect("detached", self.detached.as_ref(), &branch.is_none());
        self.compare_tree(seen.tree.as_ref(), &mut found);
        self.compare_upstream(seen.upstream.as_ref(), &mut found);
        let standing = self.upstream_brief(seen.upstream.as_ref());
        let standing = standing.map(|standing| format!(", {standing}")).unwrap_or_default();
        found.seen = Some(brief(seen) + &standing);
        found
    }
}

impl GitHead {
    fn check_forms(&self, problems: &mut Vec<Problem>) {
        if self.commit.as_deref().is_some_and(|commit| !commit::is_prefix(commit)) {
            problems.push(Problem::key("commit", Code::WrongType, commit::PREFIX_FORM));
        }
        if let Some(branch) = &self.branch
            && (branch.is_empty() || branch.starts_with("refs/heads/"))
        {
            let problem = Problem::key("branch", Code::WrongType, "expected the name of a branch");
            problems.push(problem.hint("write it without `refs/heads/`"));
        }
        if let Some(part) = &self.clean_path {
            let below = Path::new(part).components().all(|c| matches!(c, Component::Normal(_)));
            if !below || path::absolute(&format!("/{part}")).is_err() || part.is_empty() {
                let message = "expected a path below the repository, without `.` and `..`";
                problems.push(Problem::key("clean_path", Code::WrongType, message));
            }
        }
    }

    fn compare_tree(&self, tree: Option<&Result<Tree, Unknown>>, found: &mut Comparison) {
        let Some(wanted) = self.clean else { return };
        match tree {
            None => found.blind("clean", not_recorded()),
            Some(Err(unknown)) => found.blind("clean", unknown.clone()),
            Some(Ok(Tree { present: false, .. })) => {
                let difference =
                    Difference::new("clean_path", self.clean_path.clone(), Value::Null);
                found.differences.push(difference);
            }
            Some(Ok(tree)) if wanted != (tree.changed == 0) => {
                let actual = if wanted { Value::from(changes(tree)) } else { Value::Bool(true) };
                found.differences.push(Difference::new("clean", wanted, actual).partial());
            }
            Some(Ok(_)) => {}
        }
    }
}

fn adopt(host: &Host, path: &str) -> Result<Adopted, Unknown> {
    let mut adopted = Adopted::default();
    let asking = GitHead { clean: Some(true), ..GitHead::default() };
    let Some(seen) = look(host, path, &asking)? else { return Ok(adopted) };
    let mut draft =
        Draft::new(path).set("commit", seen.commit).set("branch", seen.branch.as_deref());
    if seen.branch.is_none() {
        draft = draft.set("detached", true);
    }
    draft = match seen.tree {
        Some(Ok(Tree { changed: 0, .. })) => draft.set("clean", true),
        Some(Ok(tree)) => draft.comment(format!("It is not clean: {}", changes(&tree))),
        Some(Err(unknown)) => {
            adopted.unseen.push((format!("{path}: clean"), unknown));
            draft
        }
        None => draft,
    };
    adopted.drafts.push(draft);
    Ok(adopted)
}

fn look(host: &Host, path: &str, spec: &GitHead) -> Result<Option<Seen>, Unknown> {
    let links = Links::through(spec.through_links);
    let Some(repository) = Repository::find(host, Path::new(path), links)? else {
        return Ok(None);
    };
    let head = repository.head(host)?;
    let tree = spec.clean.map(|_| {
        let changes = repository.changes(host, spec.clean_path.as_deref())?;
        Ok(Tree { changed: changes.count, first: changes.first, present: changes.present })
    });
    let upstream = spec.upstream.as_deref();
    let upstream = upstream.map(|name| upstream::look(host, &repository, &head, name));
    Ok(Some(Seen { commit: head.commit, branch: head.branch, tree, upstream }))
}

/// `3 changed: a.py, b.py, …`
fn changes(tree: &Tree) -> String {
    let named = u64::try_from(tree.first.len()).unwrap_or(u64::MAX);
    let more = if tree.changed > named { ", …" } else { "" };
    format!("{} changed: {}{more}", tree.changed, tree.first.join(", "))
}

fn brief(seen: &Seen) -> String {
    let commit = seen.commit.as_deref().map_or("no commit", commit::short);
    let branch = seen
        .branch
        .as_ref()
        .map_or("detached".into(), |branch| format!("on {}", one_line(branch, 80)));
    let tree = match &seen.tree {
        Some(Ok(Tree { changed: 0, .. })) => ", clean",
        Some(Ok(_)) => ", not clean",
        _ => "",
    };
    format!("{commit} {branch}{tree}")
}

#[cfg(test)]
mod tests;
