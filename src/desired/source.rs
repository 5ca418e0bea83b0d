//! Where desired state comes from: a commit of a repository, or for checks and lint a folder as it lies there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::blob::Blob;
use super::git::{Objects, check_limits, is_id};
use super::mirror;
use super::signed::{self, SignedBy, SignedError};
use super::tree::Tree;
use crate::config::Trust;
use crate::model::display::escape_bytes;

/// The folder that is looked into when the root of a repository holds no `hosts/` itself.
const USUAL_FOLDER: &str = "desired-state";
const DEPTH_MAX: usize = 16;

/// What to load.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// A path or a URL.
    pub source: &'a str,
    /// A branch, a tag or a commit; without one, HEAD.
    pub revision: Option<&'a str>,
    /// The folder of desired state within the repository.
    pub folder: Option<&'a str>,
    /// Only what is committed counts: an uncommitted change in a work tree is not even looked at.
    pub committed_only: bool,
    /// The program's own folder, for the mirror of a remote.
    pub data: &'a Path,
    /// Only the files that this host needs; all without it.
    pub host: Option<&'a str>,
    /// Whose commits are taken; anybody's without it.
    pub signed: Option<SignedBy<'a>>,
}

/// Why desired state could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Nothing was named.
    #[error("no desired state is named")]
    Unnamed,
    /// The path leads nowhere.
    #[error("there is no folder {0}")]
    NoSuchPath(String),
    /// The revision is unknown.
    #[error("there is no revision `{revision}` in {place}")]
    NoRevision {
        /// What was asked for.
        revision: String,
        /// The repository.
        place: String,
    },
    /// The commit lacks the folder.
    #[error("there is no folder `{folder}` in that commit of {place}")]
    NoFolder {
        /// What was asked for.
        folder: String,
        /// The repository.
        place: String,
    },
    /// The commit holds something that desired state may not hold.
    #[error("desired state may not contain {0}")]
    Forbidden(String),
    /// Too large.
    #[error("over the limit: {0}")]
    Limit(String),
    /// The repository belongs to somebody else.
    #[error("{0} belongs to another user")]
    Owner(String),
    /// libgit2 cannot read it.
    #[error("cannot read the repository {place}: {reason}")]
    Git {
        /// The repository.
        place: String,
        /// What libgit2 says.
        reason: String,
    },
    /// The URL is refused.
    #[error("`{url}` is refused: {reason}")]
    BadUrl {
        /// Without its secrets.
        url: String,
        /// Why.
        reason: String,
    },
    /// The fetch failed.
    #[error("cannot fetch {url}: {reason}")]
    Fetch {
        /// Without its secrets.
        url: String,
        /// What git says.
        reason: String,
    },
    /// The push failed.
    #[error("cannot push to {url}: {reason}")]
    Push {
        /// Without its secrets.
        url: String,
        /// What git says.
        reason: String,
    },
    /// A commit is not signed as it has to be.
    #[error(transparent)]
    Signed(SignedError),
    /// The mirror cannot be made.
    #[error("cannot make the mirror {}", path.display())]
    Mirror {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file of a folder cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl From<SignedError> for SourceError {
    fn from(error: SignedError) -> Self {
        Self::Signed(error)
    }
}

impl SourceError {
    pub(super) fn from_git(place: &str, error: &git2::Error) -> Self {
        if error.code() == git2::ErrorCode::Owner {
            return Self::Owner(place.to_owned());
        }
        Self::Git { place: place.to_owned(), reason: error.message().to_owned() }
    }
}

/// Loads the tree.
///
/// # Errors
/// When it cannot be had completely; never a part of it.
pub fn load(request: &Request<'_>) -> Result<Tree, SourceError> {
    if is_remote(request.source) {
        let (mirror, reference) = mirror::fetch(request.source, branch_of(request), request.data)?;
        let objects = open(&mirror)?;
        let revision = if is_commit(request.revision) { request.revision } else { None };
        let mut tree = at_revision(&objects, revision.unwrap_or(&reference), request, None)?;
        tree.origin = mirror::without_secret(request.source);
        return Ok(tree);
    }
    let path = std::fs::canonicalize(request.source)
        .map_err(|_| SourceError::NoSuchPath(request.source.to_owned()))?;
    let objects = match Objects::discover(&path) {
        // Somebody else's repository can still be looked at as a plain folder.
        Err(SourceError::Owner(_)) if !request.committed_only && request.revision.is_none() => None,
        other => other?,
    };
    if objects.is_none() && request.signed.is_some() {
        return Err(SignedError::NoRepository(path.display().to_string()).into());
    }
    let Some(objects) = objects else {
        // What lies there is not the revision that was asked for, whatever it is.
        return match request.revision {
            None => folder(&path, request),
            Some(revision) => Err(SourceError::NoRevision {
                revision: revision.to_owned(),
                place: format!("{}, which is no git repository", path.display()),
            }),
        };
    };
    let within = objects.work_tree().and_then(|work| std::fs::canonicalize(work).ok());
    let within = within.and_then(|work| Some(path.strip_prefix(work).ok()?.display().to_string()));
    let committed = request.committed_only || request.signed.is_some();
    if committed || request.revision.is_some() || within.is_none() {
        return at_revision(
            &objects,
            request.revision.unwrap_or("HEAD"),
            request,
            within.as_deref(),
        );
    }
    let lying = folder(&path, request)?;
    // What lies there is pinned when it is, byte for byte, what HEAD holds.
    match at_revision(&objects, "HEAD", request, within.as_deref()) {
        Ok(committed) if committed.holds_the_files_of(&lying) => Ok(committed),
        Ok(committed) => Ok(Tree { folder: committed.folder, ..lying }),
        Err(SourceError::NoRevision { .. } | SourceError::NoFolder { .. }) => Ok(lying),
        Err(other) => Err(other),
    }
}

/// Who signed the commits of a source from `since`, without it, to `tip`, both in full: the authors of what follows from them.
/// A remote has to have been loaded before; nothing is fetched.
///
/// # Errors
/// When one of the commits is not there, or not signed by a committer of the trust file.
pub fn authors(
    source: &str,
    data: &Path,
    since: &str,
    tip: &str,
    trust: &Trust,
) -> Result<BTreeSet<String>, SourceError> {
    let path = if is_remote(source) { mirror::place(source, data) } else { PathBuf::from(source) };
    signed::authors(&open(&path)?, since, tip, trust)
}

/// Does a commit follow from an earlier one, or is it the same? A remote has to have been loaded before; nothing is fetched.
///
/// # Errors
/// When one of them is not there, or the history is too long to tell.
pub fn follows(source: &str, data: &Path, base: &str, tip: &str) -> Result<bool, SourceError> {
    if base == tip {
        return Ok(true);
    }
    let path = if is_remote(source) { mirror::place(source, data) } else { PathBuf::from(source) };
    signed::contains(&open(&path)?, base, tip)
}

/// The commit that a local repository names by a revision, without looking into it; `None` for a remote, and for what
/// names none. Says only whether it is worth loading.
#[must_use]
pub fn tip(source: &str, revision: Option<&str>) -> Option<String> {
    if is_remote(source) {
        return None;
    }
    let objects = Objects::discover(Path::new(source)).ok()??;
    Some(objects.resolve(revision.unwrap_or("HEAD")).ok()?.to_string())
}

/// The folder in which a local repository keeps its references; `None` for a remote, and for a folder that is in none.
#[must_use]
pub fn references(source: &str) -> Option<PathBuf> {
    if is_remote(source) {
        return None;
    }
    Objects::discover(Path::new(source)).ok()?.map(|objects| objects.git_folder())
}

/// Makes the mirror of a source that is fetched, where there is none; of another one nothing has to be made.
///
/// # Errors
/// Why it cannot be made.
pub fn prepare(source: &str, data: &Path) -> Result<(), SourceError> {
    if is_remote(source) {
        mirror::begin(source, data)?;
    }
    Ok(())
}

/// Is it fetched, rather than read where it lies?
#[must_use]
pub fn is_fetched(source: &str) -> bool {
    is_remote(source)
}

/// A URL for people: without a user's password or token.
#[must_use]
pub fn without_secret(url: &str) -> String {
    mirror::without_secret(url)
}

/// Is it fetched, rather than read where it lies?
pub(crate) fn is_remote(source: &str) -> bool {
    source.contains("://") || source.contains("::") || {
        let first = source.split('/').next().unwrap_or("");
        first.contains(':') && !Path::new(source).exists()
    }
}

fn is_commit(revision: Option<&str>) -> bool {
    revision.is_some_and(is_id)
}

/// The branch to fetch: what was named, unless that is the id of a commit, which is looked up in the default branch.
fn branch_of<'a>(request: &Request<'a>) -> Option<&'a str> {
    if is_commit(request.revision) { None } else { request.revision }
}

pub(super) fn open(path: &Path) -> Result<Objects, SourceError> {
    Objects::discover(path)?.ok_or_else(|| SourceError::NoSuchPath(path.display().to_string()))
}

fn at_revision(
    objects: &Objects,
    revision: &str,
    request: &Request<'_>,
    within: Option<&str>,
) -> Result<Tree, SourceError> {
    let commit = objects.resolve(revision)?;
    // Nothing of a commit is parsed before it is known whose it is.
    let signers = request.signed.map(|by| signed::verify(objects, commit, &by)).transpose()?;
    let base = request.folder.or(within).unwrap_or("").trim_matches('/');
    let usual =
        if base.is_empty() { USUAL_FOLDER.to_owned() } else { format!("{base}/{USUAL_FOLDER}") };
    let hosts = if base.is_empty() { "hosts".to_owned() } else { format!("{base}/hosts") };
    let descend = request.folder.is_none()
        && !objects.has_folder(commit, &hosts)
        && objects.has_folder(commit, &usual);
    let folder = if descend { &usual } else { base };
    let tree = objects.tree(commit, folder, &|path| wanted(path, request.host))?;
    Ok(Tree { signers, ..tree })
}

fn folder(path: &Path, request: &Request<'_>) -> Result<Tree, SourceError> {
    let mut root = path.to_owned();
    if let Some(inner) = request.folder {
        root.push(inner);
    } else if !root.join("hosts").is_dir() && root.join(USUAL_FOLDER).join("hosts").is_dir() {
        root.push(USUAL_FOLDER);
    }
    if !root.is_dir() {
        return Err(SourceError::NoSuchPath(root.display().to_string()));
    }
    let mut files = BTreeMap::new();
    let mut bytes = 0;
    read_folder(&root, "", request.host, &mut files, &mut bytes, 0)?;
    let origin = root.display().to_string();
    Ok(Tree { files, origin, ..Tree::default() })
}

/// Only these belong to desired state; a README, a `.git` or an editor's leavings beside them do not.
fn wanted(path: &str, host: Option<&str>) -> bool {
    let mut parts = path.split('/');
    let (first, second) = (parts.next().unwrap_or(""), parts.next());
    let hidden = path.split('/').any(|part| part.starts_with('.')) || path.ends_with('~');
    !hidden
        && match (first, second) {
            ("fleet.toml", None) | ("roles", Some(_)) | ("hosts", Some("")) => true,
            // Of other hosts only that they are there.
            ("hosts", Some(name)) => {
                host.is_none_or(|host| host == name)
                    || matches!((parts.next(), parts.next()), (Some("" | "host.toml"), None))
            }
            _ => false,
        }
}

fn read_folder(
    folder: &Path,
    prefix: &str,
    host: Option<&str>,
    files: &mut BTreeMap<String, Blob>,
    total: &mut u64,
    depth: usize,
) -> Result<(), SourceError> {
    if depth > DEPTH_MAX {
        return Err(SourceError::Limit(format!("folders deeper than {DEPTH_MAX}: {prefix}")));
    }
    let failed = |path: &Path, source| SourceError::Read { path: path.to_owned(), source };
    for entry in std::fs::read_dir(folder).map_err(|e| failed(folder, e))? {
        let entry = entry.map_err(|e| failed(folder, e))?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            let shown = escape_bytes(name.as_encoded_bytes());
            return Err(SourceError::Forbidden(format!("{prefix}{shown}: its name is not UTF-8")));
        };
        let (path, full) = (format!("{prefix}{name}"), entry.path());
        let kind = entry.file_type().map_err(|e| failed(&full, e))?;
        if kind.is_dir() {
            if wanted(&format!("{path}/"), host) {
                read_folder(&full, &format!("{path}/"), host, files, total, depth + 1)?;
            }
        } else if wanted(&path, host) {
            if !kind.is_file() {
                return Err(SourceError::Forbidden(format!("{path}: it is no regular file")));
            }
            let blob = Blob::lying(&full, |size| {
                *total += size;
                check_limits(&path, size, *total, files.len())
            });
            files.insert(path, blob?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_desired_state_is_read() {
        for yes in [
            "fleet.toml",
            "roles/base/x.toml",
            "hosts/a/host.toml",
            "hosts/a/files/x",
            "hosts/",
            "roles/",
        ] {
            assert!(wanted(yes, Some("a")), "{yes}");
        }
        for no in
            ["README.md", ".git/config", "hosts/b/x.toml", "hosts/a/.x.toml.swp", "hosts/a/x.toml~"]
        {
            assert!(!wanted(no, Some("a")), "{no}");
        }
        assert!(wanted("hosts/b/x.toml", None));
    }

    #[test]
    fn remotes_are_told_from_paths() {
        for remote in ["https://h/a", "git@h:a/b", "file:///a", "ext::x"] {
            assert!(is_remote(remote), "{remote}");
        }
        for path in ["/srv/a", "a/b", ".", "./a:b"] {
            assert!(!is_remote(path), "{path}");
        }
        assert!(is_commit(Some("703559c")) && !is_commit(Some("main")) && !is_commit(None));
    }

    #[test]
    fn a_revision_of_what_is_no_repository_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir_all(folder.path().join("hosts/a")).expect("a folder");
        std::fs::write(folder.path().join("hosts/a/host.toml"), "[host]\n").expect("a file");
        let load = |revision| {
            let (source, data) = (folder.path().to_str().expect("UTF-8"), folder.path());
            let host = Some("a");
            let signed = None;
            load(&Request {
                source,
                revision,
                folder: None,
                committed_only: false,
                data,
                host,
                signed,
            })
        };
        assert_eq!(load(None).map(|tree| tree.pinned).ok(), Some(false));
        for revision in ["main", "abc", "703559c"] {
            let refused = load(Some(revision)).map_err(|error| error.to_string());
            let refused = refused.err().unwrap_or_default();
            assert!(refused.contains("no git repository"), "{revision}: {refused}");
        }
        git2::Repository::init(folder.path()).expect("a repository");
        let refused = load(Some("abc")).map(|_| ());
        assert!(matches!(refused, Err(SourceError::NoRevision { .. })), "{refused:?}");
    }
}
