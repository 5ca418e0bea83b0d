//! A bare mirror of a remote repository, fetched by the `git` command in a scrubbed environment.
//!
//! The operator's ssh configuration, agent and proxies work as everywhere; git's own configuration files do not, because
//! they can name programs to run. The mirror is ours to write: it lies below the program's data folder.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::SourceError;
use crate::model::Digest;
use crate::model::display::escape;
use crate::probe::runner::{Output, Run};

/// How long one fetch may take.
const FETCH_DEADLINE: Duration = Duration::from_mins(2);
/// How git may reach a remote. `ext::` and other helpers that run commands are not among them.
const PROTOCOLS: &str = "file:git:http:https:ssh";

/// Fetches one branch of a remote, and says where its mirror is and what ref of it to read.
pub(super) fn fetch(
    url: &str,
    branch: Option<&str>,
    data: &Path,
) -> Result<(PathBuf, String), SourceError> {
    let branch = branch.map(check_branch).transpose()?;
    let mirror = begin(url, data)?;
    let refspec = match branch {
        Some(branch) => format!("+refs/heads/{branch}:refs/heads/{branch}"),
        None => "+HEAD:refs/heads/remote-head".to_owned(),
    };
    get(&mirror, url, &refspec)?;
    Ok((mirror, format!("refs/heads/{}", branch.unwrap_or("remote-head"))))
}

/// Fetches the refs below `prefix`, and says where the mirror is and below which prefix it holds what they name. There may not
/// be more than `refs_max` of them.
///
/// What was fetched once stays there by its object's id, whatever the remote makes of the ref afterwards: git itself lets a
/// ref of a blob be moved to another blob without asking.
pub(super) fn fetch_refs(
    url: &str,
    prefix: &str,
    refs_max: usize,
    data: &Path,
) -> Result<(PathBuf, String), SourceError> {
    let mirror = begin(url, data)?;
    let pattern = format!("{prefix}*");
    let listed = ["ls-remote", "--quiet", "--refs", "--end-of-options", url, pattern.as_str()];
    let listed = git(&mirror, url, &listed)?;
    let count = String::from_utf8_lossy(&listed.stdout).lines().count();
    if count > refs_max || !listed.complete {
        return Err(SourceError::Limit(format!("more than {refs_max} refs below {prefix}")));
    }
    require_unchanged(&mirror, url, prefix, &listed.stdout)?;
    if count > 0 {
        get(&mirror, url, &format!("+{pattern}:{pattern}"))?;
    }
    let seen = seen(prefix);
    keep(&mirror, &pattern, &seen)
        .map_err(|error| SourceError::from_git(&mirror.display().to_string(), &error))?;
    Ok((mirror, seen))
}

/// Where a mirror holds what refs below `prefix` ever named.
pub(super) fn seen(prefix: &str) -> String {
    prefix.replacen("refs/", "refs/seen/", 1)
}

/// Gives each object that a ref names a ref of its own below `seen`.
fn keep(mirror: &Path, pattern: &str, seen: &str) -> Result<(), git2::Error> {
    let repository = git2::Repository::open_bare(mirror)?;
    for reference in repository.references_glob(pattern)? {
        let Some(id) = reference?.target() else { continue };
        let name = format!("{seen}{id}");
        match repository.reference(&name, id, false, "seen") {
            Err(error) if error.code() != git2::ErrorCode::Exists => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Git takes another blob for a ref without being forced to, so what was fetched once is compared here, before it is lost.
fn require_unchanged(
    mirror: &Path,
    url: &str,
    prefix: &str,
    listed: &[u8],
) -> Result<(), SourceError> {
    let below = prefix.trim_end_matches('/');
    let own = git(mirror, url, &["for-each-ref", "--format=%(objectname)%09%(refname)", below])?;
    let lines = |bytes: &[u8]| -> BTreeMap<String, String> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let pairs = text.lines().filter_map(|line| line.split_once('\t'));
        pairs.map(|(id, name)| (name.to_owned(), id.to_owned())).collect()
    };
    let (own, listed) = (lines(&own.stdout), lines(listed));
    let changed = own.iter().find(|(name, id)| listed.get(*name).is_some_and(|now| now != *id));
    changed.map_or(Ok(()), |(name, _)| {
        let reason = format!("the ref `{}` is not what it was", escape(name));
        Err(SourceError::Fetch { url: without_secret(url), reason })
    })
}

/// Makes the mirror of a remote where there is none, and says where it is. Whoever confines himself does so before: git changes
/// the mode of what it makes.
pub(super) fn begin(url: &str, data: &Path) -> Result<PathBuf, SourceError> {
    check_url(url)?;
    let mirror = place(url, data);
    let created = create_folder(&mirror);
    created.map_err(|source| SourceError::Mirror { path: mirror.clone(), source })?;
    // A repository that was begun and not ended says nothing, and is begun again.
    let whole = git(&mirror, url, &["config", "--local", "--get", "core.bare"]);
    if !whole.is_ok_and(|said| said.stdout.starts_with(b"true")) {
        git(&mirror, url, &["init", "--quiet", "--bare", "."])?;
    }
    Ok(mirror)
}

/// Where the mirror of a remote is.
pub(super) fn place(url: &str, data: &Path) -> PathBuf {
    data.join("mirror").join(format!("{}.git", &Digest::of(url.as_bytes()).to_string()[..16]))
}

fn get(mirror: &Path, url: &str, refspec: &str) -> Result<(), SourceError> {
    let fetch = [
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-write-fetch-head",
        "--no-auto-gc",
        "--no-recurse-submodules",
        "--end-of-options",
        url,
        refspec,
    ];
    git(mirror, url, &fetch).map(drop)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the mirror is one of the rooms that write, below the data folder"
)]
pub(super) fn create_folder(mirror: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(mirror)
}

pub(super) fn git(mirror: &Path, url: &str, arguments: &[&str]) -> Result<Output, SourceError> {
    let safety = [
        "core.hooksPath=/dev/null",
        "core.fsmonitor=false",
        "protocol.ext.allow=never",
        "fetch.fsckObjects=true",
        "transfer.bundleURI=false",
        "submodule.recurse=false",
    ];
    let mut all: Vec<OsString> =
        safety.iter().flat_map(|setting| ["-c".into(), setting.into()]).collect();
    all.extend(arguments.iter().map(OsString::from));
    let environment = vec![
        ("GIT_CONFIG_NOSYSTEM", "1".into()),
        ("GIT_CONFIG_GLOBAL", "/dev/null".into()),
        ("GIT_TERMINAL_PROMPT", "0".into()),
        ("GIT_ALLOW_PROTOCOL", PROTOCOLS.into()),
        // As seen from the folder that it runs in, whatever the path to that is relative to.
        ("GIT_DIR", ".".into()),
        ("GIT_SSH_COMMAND", "ssh -o BatchMode=yes".into()),
    ];
    let run = Run {
        program: "git",
        arguments: all,
        environment,
        folder: mirror,
        deadline: FETCH_DEADLINE,
    };
    let failed = |reason: String| SourceError::Fetch { url: without_secret(url), reason };
    let output = run.output().map_err(|error| failed(with_cause(&error)))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let last = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join("; ");
        return Err(failed(crate::model::display::one_line(
            &last.replace(url, &without_secret(url)),
            400,
        )));
    }
    Ok(output)
}

fn with_cause(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

/// A URL is either of a scheme that git speaks itself, or the `user@host:path` of ssh.
pub(super) fn check_url(url: &str) -> Result<(), SourceError> {
    let refuse =
        |why: &str| Err(SourceError::BadUrl { url: without_secret(url), reason: why.to_owned() });
    if url.starts_with('-') || url.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return refuse("it starts with a dash or holds blanks");
    }
    let host = match url.split_once("://") {
        Some((scheme, _)) if !PROTOCOLS.split(':').any(|known| known == scheme) => {
            return refuse("its scheme is none of file, git, http, https, ssh");
        }
        Some((_, rest)) => rest.split('/').next().unwrap_or(""),
        None if url.contains("::") => return refuse("remote helpers are not used"),
        None => url.split(':').next().unwrap_or(""),
    };
    let name = host.rsplit('@').next().unwrap_or(host);
    if host.starts_with('-') || name.starts_with('-') {
        return refuse("a host or user name starts with a dash");
    }
    Ok(())
}

pub(super) fn check_branch(branch: &str) -> Result<&str, SourceError> {
    let branch = branch.strip_prefix("refs/heads/").unwrap_or(branch);
    if branch.starts_with('-') || !git2::Reference::is_valid_name(&format!("refs/heads/{branch}")) {
        return Err(SourceError::NoRevision {
            revision: branch.to_owned(),
            place: "a remote".to_owned(),
        });
    }
    Ok(branch)
}

/// The URL without a user's password or token.
pub(super) fn without_secret(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((user, host)) if user.contains(':') || scheme.starts_with("http") => {
            format!("{scheme}://…@{host}{path}")
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_could_run_something_are_refused() {
        for good in [
            "https://git.example.org/a.git",
            "git@host:a/b.git",
            "ssh://u@host/a",
            "file:///srv/a.git",
        ] {
            assert!(check_url(good).is_ok(), "{good}");
        }
        for bad in [
            "--upload-pack=x",
            "ext::sh -c x",
            "ext::x",
            "ssh://-oProxyCommand=x/a",
            "u@-x:a",
            "foo://a",
            "-x:a",
        ] {
            assert!(check_url(bad).is_err(), "{bad}");
        }
        assert!(check_branch("--exec=x").is_err());
        assert!(check_branch("a..b").is_err());
        assert_eq!(check_branch("refs/heads/main").ok(), Some("main"));
    }

    #[test]
    fn secrets_of_a_url_are_not_repeated() {
        assert_eq!(without_secret("https://u:token@host/a"), "https://…@host/a");
        assert_eq!(without_secret("https://token@host/a"), "https://…@host/a");
        assert_eq!(without_secret("ssh://git@host/a"), "ssh://git@host/a");
        assert_eq!(without_secret("git@host:a"), "git@host:a");
    }
}
