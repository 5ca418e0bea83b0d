//! `[observe]`: what desired state may make this program read, and what of it may be shown in clear.

use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// What may be read, and what may be shown. Paths are as the managed host knows them, with `/` as its root.
#[derive(Debug, Clone)]
pub struct Policy {
    roots: Vec<PathBuf>,
    deny: GlobSet,
    show: Shown,
}

/// Which content may be shown in clear.
#[derive(Debug, Clone)]
enum Shown {
    Everything,
    Matching(GlobSet),
}

/// Whether a path may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It lies below one of the roots, and no pattern denies it.
    Allowed,
    /// It lies below none of the roots.
    OutsideRoots,
    /// A pattern of `deny` matches it, or a folder above it.
    Denied,
}

impl Policy {
    /// Reads patterns; `*` stays within one folder, `**` does not.
    ///
    /// # Errors
    /// The first pattern that is none, and why.
    pub fn new(
        roots: &[PathBuf],
        deny: &[String],
        show: &[String],
    ) -> Result<Self, globset::Error> {
        Ok(Self {
            roots: roots.to_vec(),
            deny: patterns(deny)?,
            show: Shown::Matching(patterns(show)?),
        })
    }

    /// Everything may be read and shown: a sandbox, an image, a recorded world.
    #[must_use]
    pub fn everything() -> Self {
        Self { roots: vec![PathBuf::from("/")], deny: GlobSet::empty(), show: Shown::Everything }
    }

    /// Nothing may be read: a live host without a configuration.
    #[must_use]
    pub fn nothing() -> Self {
        let show = Shown::Matching(GlobSet::empty());
        Self { roots: Vec::new(), deny: GlobSet::empty(), show }
    }

    /// May this absolute path be read, its attributes included?
    #[must_use]
    pub fn access(&self, path: &Path) -> Access {
        if path.components().any(|c| matches!(c, Component::ParentDir)) {
            return Access::OutsideRoots;
        }
        if path.ancestors().any(|p| self.deny.is_match(p)) {
            return Access::Denied;
        }
        if self.roots.iter().any(|root| path.starts_with(root)) {
            Access::Allowed
        } else {
            Access::OutsideRoots
        }
    }

    /// May a fact about the system itself be read here? Desired state cannot choose such a path, so `roots` need not name
    /// it; `deny` holds, and where nothing is opened no fact is.
    #[must_use]
    pub fn facts(&self, path: &Path) -> bool {
        !self.opens_nothing() && !path.ancestors().any(|p| self.deny.is_match(p))
    }

    /// Is there no root at all?
    #[must_use]
    pub fn opens_nothing(&self) -> bool {
        self.roots.is_empty()
    }

    /// Does a pattern of `deny` match this very path? For a walk that has asked about every folder above it.
    #[must_use]
    pub fn denies(&self, path: &Path) -> bool {
        self.deny.is_match(path)
    }

    /// The folders that may be read, with everything below them.
    #[must_use]
    pub fn roots(&self) -> &[PathBuf] {
        &self.roots
    }

    /// May content of this file appear in clear?
    #[must_use]
    pub fn shows_content(&self, path: &Path) -> bool {
        let shown = match &self.show {
            Shown::Everything => true,
            Shown::Matching(patterns) => patterns.is_match(path),
        };
        shown && self.access(path) == Access::Allowed
    }

    /// Is there no pattern at all in `deny`? Then a walk need not ask for each file.
    #[must_use]
    pub fn denies_nothing(&self) -> bool {
        self.deny.is_empty()
    }
}

fn patterns(texts: &[String]) -> Result<GlobSet, globset::Error> {
    let mut set = GlobSetBuilder::new();
    for text in texts {
        set.add(GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build()?);
    }
    set.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        let deny = ["/etc/shadow", "**/.ssh/**", "**/*.pass"].map(String::from);
        let show = ["/opt/incomex/dot/**"].map(String::from);
        let roots = ["/opt/incomex", "/etc"].map(PathBuf::from);
        Policy::new(&roots, &deny, &show).expect("patterns")
    }

    #[test]
    fn deny_wins_over_roots() {
        let policy = policy();
        let access = |path: &str| policy.access(Path::new(path));
        assert_eq!(access("/opt/incomex/x"), Access::Allowed);
        assert_eq!(access("/opt/incomexx/x"), Access::OutsideRoots);
        assert_eq!(access("/etc/shadow"), Access::Denied);
        assert_eq!(access("/etc/../root"), Access::OutsideRoots);
        assert_eq!(access("/opt/incomex/u/.ssh/id"), Access::Denied);
        assert_eq!(access("/etc/app/observer.pass"), Access::Denied);
    }

    #[test]
    fn content_is_shown_only_where_said() {
        let policy = policy();
        assert!(policy.shows_content(Path::new("/opt/incomex/dot/a/b.py")));
        assert!(!policy.shows_content(Path::new("/opt/incomex/docker/.env")));
        assert!(!policy.shows_content(Path::new("/opt/incomex/dot/a/b.pass")));
        assert!(Policy::everything().shows_content(Path::new("/any/where")));
        assert_eq!(Policy::nothing().access(Path::new("/")), Access::OutsideRoots);
    }

    #[test]
    fn facts_need_no_root_and_obey_deny() {
        assert!(policy().facts(Path::new("/proc/net/tcp")));
        assert!(!policy().facts(Path::new("/etc/shadow")));
        assert!(!Policy::nothing().facts(Path::new("/proc/net/tcp")));
    }
}
