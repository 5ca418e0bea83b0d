//! Questions to the `git` command, for repositories that libgit2 does not open: of the SHA-256 or reftable format, or of
//! another owner.
//!
//! Only plumbing that reads: no command here runs a hook, a filter, a text conversion or an alias, and `git status`, which
//! does, is never asked. Configuration of the system and of the user is shut out. The repository's own stays in force, for
//! its format stands there; what of it names programs is overridden or has no use in these commands. Its parts are named
//! one by one, so that git looks for no repository of its own, and therefore asks nobody for its owner. Objects that are
//! not there are not fetched.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::graph::Distance;
use super::{Head, Host, Repository, branch_of, object_id};
use crate::model::display::one_line;
use crate::model::{Reason, Unknown, shown_path};
use crate::probe::runner::{Output, Run};

/// How long one question may take. Less than a look has by default, so that a git that hangs (on a FIFO called `.gitignore`,
/// say) is ended by this program and not left behind by it.
const DEADLINE: Duration = Duration::from_secs(30);
/// No more is read of one answer.
const ANSWER_BYTES_MAX: usize = 128 << 20;
/// How much of a complaint is shown.
const COMPLAINT_WIDTH_MAX: usize = 200;
/// How many bytes of paths are handed over at once.
const PATHS_BYTES_MAX: usize = 64 << 10;

/// What the repository's own configuration may not decide.
const SETTINGS: &[&str] = &[
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.hooksPath=/dev/null",
    "core.excludesFile=/dev/null",
    "core.attributesFile=/dev/null",
    "core.pager=cat",
    "protocol.allow=never",
];
const ENVIRONMENT: &[(&str, &str)] = &[
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_ALLOW_PROTOCOL", "none"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("HOME", "/nonexistent"),
    ("XDG_CONFIG_HOME", "/nonexistent"),
];

/// The `git` command in front of one repository.
#[derive(Debug)]
pub(super) struct Program<'r> {
    repository: &'r Repository,
    /// Where it runs: the work tree, or the repository itself when it has none.
    folder: PathBuf,
    own: PathBuf,
    common: PathBuf,
}

/// One file as a commit or the index has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: Vec<u8>,
    /// As git writes it: `100644`, `120000`, …
    pub(super) mode: String,
    pub(super) object: String,
}

/// A file of the index.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) entry: Entry,
    /// 0, or one side of a conflict.
    pub(super) stage: u8,
    /// Left out of the work tree on purpose.
    pub(super) skipped: bool,
}

impl<'r> Program<'r> {
    /// Refuses a repository whose parts could lead git elsewhere, or that git would touch when it reads it.
    pub(super) fn of(repository: &'r Repository, host: &Host) -> Result<Self, Unknown> {
        repository.stays_within(host)?;
        repository.has_a_whole_index(host)?;
        let real = |folder| host.real_directory(folder, repository.links);
        let (own, common) = (real(&repository.git_dir)?, real(&repository.common_dir)?);
        Ok(Self { repository, folder: real(&repository.folder)?, own, common })
    }

    /// What is checked out.
    pub(super) fn head(&self) -> Result<Head, Unknown> {
        let Some(name) = self.line(&["symbolic-ref", "--quiet", "HEAD"])? else {
            let commit = self.line(&["rev-parse", "--verify", "--quiet", "HEAD"])?;
            let commit = commit.as_deref().and_then(object_id);
            let commit = commit.ok_or_else(|| self.strange("a HEAD without a commit"))?;
            return Ok(Head { commit: Some(commit), branch: None });
        };
        Ok(Head { commit: self.reference(&name)?, branch: Some(branch_of(&name)) })
    }

    /// The object of a reference; `None` when there is no such reference.
    pub(super) fn reference(&self, name: &str) -> Result<Option<String>, Unknown> {
        // A name is also the beginning of others: `refs/heads/a` finds `refs/heads/a/b`.
        let answer =
            self.ask(&["for-each-ref", "--format=%(objectname) %(refname)", "--", name])?;
        let text = String::from_utf8_lossy(&answer);
        let own = text.lines().filter_map(|line| line.split_once(' ')).find(|(_, n)| *n == name);
        own.map(|(object, _)| object_id(object).ok_or_else(|| self.strange("a bad object id")))
            .transpose()
    }

    /// The commit that an object is, or that a tag means; `None` when there is no such object or it is no commit.
    pub(super) fn peeled(&self, object: &str) -> Result<Option<String>, Unknown> {
        let wanted = format!("{object}^{{commit}}");
        let line = self.line(&["rev-parse", "--verify", "--quiet", &wanted])?;
        Ok(line.as_deref().and_then(object_id))
    }

    /// The objects whose names begin with these digits.
    pub(super) fn objects_named(&self, digits: &str) -> Result<Vec<String>, Unknown> {
        let answer = self.ask(&["rev-parse", &format!("--disambiguate={digits}")])?;
        Ok(String::from_utf8_lossy(&answer).lines().filter_map(object_id).collect())
    }

    /// Is an object that is there a commit?
    pub(super) fn is_commit(&self, object: &str) -> Result<bool, Unknown> {
        Ok(self.line(&["cat-file", "-t", object])?.as_deref() == Some("commit"))
    }

    /// How many commits each of two has that the other has not.
    pub(super) fn distance(&self, ours: &str, theirs: &str) -> Result<Distance, Unknown> {
        let both = format!("{ours}...{theirs}");
        let line = self.line(&["rev-list", "--left-right", "--count", &both, "--"])?;
        let counts = line.as_deref().and_then(|line| line.split_once('\t'));
        counts
            .and_then(|(ahead, behind)| {
                Some(Distance { ahead: ahead.parse().ok()?, behind: behind.parse().ok()? })
            })
            .ok_or_else(|| self.strange("no two counts of commits"))
    }

    /// Every file of a commit.
    pub(super) fn files_of(&self, commit: &str) -> Result<Vec<Entry>, Unknown> {
        let answer = self.ask(&["ls-tree", "-r", "-z", "--full-tree", commit])?;
        records(&answer)
            .map(|record| {
                let (fields, path) = split(record)?;
                let [mode, _, object] = fields[..] else { return None };
                Some(Entry { path: path.to_vec(), mode: mode.into(), object: object_id(object)? })
            })
            .collect::<Option<_>>()
            .ok_or_else(|| self.strange("a strange line of a tree"))
    }

    /// Every file of the index.
    pub(super) fn index(&self) -> Result<Vec<Staged>, Unknown> {
        let answer = self.ask(&["ls-files", "-s", "-v", "-z"])?;
        records(&answer)
            .map(|record| {
                let (fields, path) = split(record)?;
                let [tag, mode, object, stage] = fields[..] else { return None };
                let (path, object) = (path.to_vec(), object_id(object)?);
                let entry = Entry { path, mode: mode.into(), object };
                let skipped = tag.eq_ignore_ascii_case("s");
                Some(Staged { entry, stage: stage.parse().ok()?, skipped })
            })
            .collect::<Option<_>>()
            .ok_or_else(|| self.strange("a strange line of the index"))
    }

    /// What git does not know and does not ignore, a whole folder as one path with a `/` at its end.
    pub(super) fn unknown_paths(&self, below: Option<&str>) -> Result<Vec<Vec<u8>>, Unknown> {
        let mut words = vec!["ls-files", "-o", "-z", "--exclude-standard", "--directory"];
        words.extend(["--no-empty-directory", "--"]);
        let literal = below.map(|below| format!(":(literal){below}"));
        words.extend(literal.as_deref());
        Ok(records(&self.ask(&words)?).map(<[u8]>::to_vec).collect())
    }

    /// Do the rules of the repository say that this path is to be ignored?
    pub(super) fn ignores(&self, path: &str) -> Result<bool, Unknown> {
        // In this form no character of it means anything but itself.
        let path = format!("./{path}");
        Ok(self.succeeds(&["check-ignore", "--quiet", "--", &path])?.is_some())
    }

    /// The attributes under which content is converted between work tree and commit: path, name and value of each.
    pub(super) fn conversions(
        &self,
        paths: &[&[u8]],
    ) -> Result<Vec<(Vec<u8>, String, String)>, Unknown> {
        use std::os::unix::ffi::OsStringExt as _;
        const NAMES: [&str; 6] =
            ["filter", "working-tree-encoding", "ident", "text", "eol", "crlf"];
        let mut found = Vec::new();
        let mut rest = paths;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = rest.iter().take_while(|path| {
                bytes += path.len();
                bytes <= PATHS_BYTES_MAX
            });
            let (now, later) = rest.split_at(fits.count().max(1));
            rest = later;
            let mut words: Vec<OsString> = vec!["check-attr".into(), "-z".into()];
            words.extend(NAMES.map(OsString::from));
            words.push("--".into());
            words.extend(now.iter().map(|path| OsString::from_vec(path.to_vec())));
            let answer = self.run(words)?;
            let answer = self.expect(answer)?;
            let fields: Vec<&[u8]> = records(&answer).collect();
            found.extend(fields.chunks_exact(3).map(|three| {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                (three[0].to_vec(), text(three[1]), text(three[2]))
            }));
        }
        Ok(found)
    }

    /// The only line of an answer; `None` when git says no.
    fn line(&self, words: &[&str]) -> Result<Option<String>, Unknown> {
        let Some(answer) = self.succeeds(words)? else { return Ok(None) };
        let text =
            String::from_utf8(answer).map_err(|_| self.strange("a name that is not UTF-8"))?;
        Ok(text.lines().next().map(str::to_owned))
    }

    /// An answer that is always there.
    fn ask(&self, words: &[&str]) -> Result<Vec<u8>, Unknown> {
        let output = self.run(words.iter().map(OsString::from).collect())?;
        self.expect(output)
    }

    fn expect(&self, output: Output) -> Result<Vec<u8>, Unknown> {
        if output.status.success() { Ok(output.stdout) } else { Err(self.refused(&output)) }
    }

    /// An answer, or `None` for the exit code with which git says no without any words.
    fn succeeds(&self, words: &[&str]) -> Result<Option<Vec<u8>>, Unknown> {
        let output = self.run(words.iter().map(OsString::from).collect())?;
        match output.status.code() {
            Some(0) => Ok(Some(output.stdout)),
            Some(1) => Ok(None),
            _ => Err(self.refused(&output)),
        }
    }

    /// Runs git once. Whatever it complains about makes its answer one that nobody relies on.
    fn run(&self, words: Vec<OsString>) -> Result<Output, Unknown> {
        let mut arguments: Vec<OsString> =
            SETTINGS.iter().flat_map(|setting| ["-c".into(), setting.into()]).collect();
        arguments.extend(words);
        let mut environment: Vec<(&str, OsString)> =
            ENVIRONMENT.iter().map(|(name, value)| (*name, value.into())).collect();
        environment.push(("GIT_DIR", self.own.clone().into()));
        environment.push(("GIT_COMMON_DIR", self.common.clone().into()));
        if !self.repository.bare {
            environment.push(("GIT_WORK_TREE", self.folder.clone().into()));
        }
        let run = Run {
            program: "git",
            arguments,
            environment,
            folder: &self.folder,
            deadline: DEADLINE,
        };
        let output = run.output_up_to(ANSWER_BYTES_MAX).map_err(|error| {
            let reason = match error {
                crate::probe::runner::RunError::Start { .. } => Reason::NotSupported,
                crate::probe::runner::RunError::Deadline { .. } => Reason::Deadline,
            };
            Unknown::new(reason, format!("{}: {error}", self.place()))
        })?;
        if !output.complete {
            let detail =
                format!("{}: git answers with more than {ANSWER_BYTES_MAX} bytes", self.place());
            return Err(Unknown::new(Reason::TooLarge, detail));
        }
        if output.stderr.is_empty() { Ok(output) } else { Err(self.refused(&output)) }
    }

    fn refused(&self, output: &Output) -> Unknown {
        let words = String::from_utf8_lossy(&output.stderr);
        let words = one_line(words.trim(), COMPLAINT_WIDTH_MAX);
        let denied = words.contains("ermission denied");
        let reason = if denied { Reason::PermissionDenied } else { Reason::NotSupported };
        Unknown::new(reason, format!("{}: git says: {words}", self.place()))
    }

    fn strange(&self, what: &str) -> Unknown {
        Unknown::new(Reason::Malformed, format!("{}: git answers with {what}", self.place()))
    }

    fn place(&self) -> String {
        format!("`{}`", shown_path(&self.repository.folder))
    }
}

/// The parts of an answer that end with a NUL.
fn records(answer: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = answer.strip_suffix(b"\0").unwrap_or(answer);
    whole.split(|byte| *byte == 0).filter(move |_| !answer.is_empty())
}

/// The fields in front of the tab of a record, and the path behind it.
fn split(record: &[u8]) -> Option<(Vec<&str>, &[u8])> {
    let at = record.iter().position(|byte| *byte == b'\t')?;
    let fields = std::str::from_utf8(&record[..at]).ok()?;
    Some((fields.split(' ').collect(), &record[at + 1..]))
}

#[cfg(test)]
mod tests;
