//! A git repository around files that are already there, as a deployment would find it on a host.
//!
//! Made with libgit2 alone: no program is started, no hook or filter runs, and no file of the work tree is written.

use std::path::Path;

use git2::{Repository, RepositoryInitOptions, Signature, Time};

/// Who commits in the sandbox.
pub(super) const AUTHOR: (&str, &str) = ("countersign demo", "demo@countersign.invalid");
/// When the first commit was made: fixed, so that the same files make the same commit everywhere.
pub(super) const EPOCH_SECONDS: i64 = 1_779_339_600;

/// Makes `folder` a repository whose only commit, on `main`, holds these files of it. Answers the commit.
pub(super) fn commit<'a>(
    folder: &Path,
    paths: impl Iterator<Item = &'a str>,
) -> Result<String, git2::Error> {
    let mut options = RepositoryInitOptions::new();
    options.initial_head("main").no_reinit(true).external_template(false);
    let repository = Repository::init_opts(folder, &options)?;
    // Whoever runs the demo may have asked for other line ends; what is committed is what is on disk.
    repository.config()?.set_bool("core.autocrlf", false)?;
    let mut index = repository.index()?;
    for path in paths {
        index.add_path(Path::new(path))?;
    }
    index.write()?;
    let tree = repository.find_tree(index.write_tree()?)?;
    let author = signature(EPOCH_SECONDS)?;
    let message = "dot: v0.4 skeleton, scripts and configuration\n";
    let commit = repository.commit(Some("HEAD"), &author, &author, message, &tree, &[])?;
    Ok(commit.to_string())
}

/// The author of the sandbox at that second.
pub(super) fn signature(seconds: i64) -> Result<Signature<'static>, git2::Error> {
    Signature::new(AUTHOR.0, AUTHOR.1, &Time::new(seconds, 0))
}
