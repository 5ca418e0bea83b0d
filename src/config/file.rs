//! `config.toml`: the sections and keys of the host's own configuration, as types.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::Code;

/// The keys outside every section.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Top {
    /// Which `hosts/NAME` of desired state this machine is.
    pub(super) host: Option<String>,
    /// The root of the file system that is managed; "/" unless this is a sandbox or an image.
    pub(super) root: Option<PathBuf>,
    /// The program's own folder.
    pub(super) data: Option<PathBuf>,
}

/// `[source]`: where desired state comes from.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceSection {
    /// A path, or any URL that git fetches from.
    pub(super) url: Option<String>,
    /// The branch; the repository's HEAD without it.
    pub(super) branch: Option<String>,
    /// The folder of desired state within the repository.
    pub(super) path: Option<String>,
    /// Which commits are taken.
    pub(super) verify: Option<Verify>,
    /// With `verify = "signed"`: the first commit that is trusted.
    pub(super) first_commit: Option<String>,
}

impl SourceSection {
    /// What is wrong with `verify` and `first_commit` together: signatures need a commit to begin with, and one that can mean
    /// nothing else.
    pub(super) fn fault(&self) -> Option<(Code, &'static str)> {
        let signed = self.verify == Some(Verify::Signed);
        let is_id = |id: &str| id.len() == 40 && id.bytes().all(|c| c.is_ascii_hexdigit());
        match &self.first_commit {
            Some(first) if !is_id(first) => {
                Some((Code::WrongType, "`first_commit` is the 40 digits of a commit"))
            }
            Some(_) if !signed => Some((
                Code::Contradiction,
                "`first_commit` says nothing without verify = \"signed\"",
            )),
            None if signed => Some((Code::MissingKey, "verify = \"signed\" needs `first_commit`")),
            _ => None,
        }
    }
}

/// Which commits are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verify {
    /// Any.
    #[default]
    None,
    /// Only those that a committer of the trust file signed.
    Signed,
}

/// `[observe]`: what desired state may make this program read.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ObserveSection {
    /// Folders that may be read, with everything below them.
    #[serde(default)]
    pub(super) roots: Vec<PathBuf>,
    /// Patterns of paths that are never read, whatever `roots` says.
    #[serde(default)]
    pub(super) deny: Vec<String>,
    /// Patterns of files whose content may appear in clear; elsewhere differences of content are digests.
    #[serde(default)]
    pub(super) show_content: Vec<String>,
    /// After how long a file is hashed again with `check --cached`, whatever its attributes say: between "1m" and "7d".
    /// Default: "24h".
    pub(super) rehash: Option<String>,
    /// File systems on which `check --cached` may rest on earlier digests although their times are not known to come from
    /// this machine's clock, such as "overlayfs" or "nfs".
    #[serde(default)]
    pub(super) cache_on: Vec<String>,
}

/// `[smoke]`: which commands may run.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SmokeSection {
    /// Commands, each a list of words that is compared word by word.
    #[serde(default)]
    pub(super) allow: Vec<Vec<String>>,
    /// The unprivileged user whose rights they have when this program runs as root. Without it: nobody.
    pub(super) user: Option<String>,
    /// Folders that they may read and execute, besides those of the system and of `[observe] roots`.
    #[serde(default)]
    pub(super) read: Vec<PathBuf>,
    /// What their environment holds besides what every command finds there.
    #[serde(default)]
    pub(super) environment: BTreeMap<String, String>,
}

/// `[anchor]`: where checkpoints of the ledgers are brought.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AnchorSection {
    /// A path, or any URL that git pushes to: a repository of its own, where this machine can add and not overwrite.
    pub(super) url: String,
}

/// One way to reach a database.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionSection {
    /// `postgres://USER@HOST:PORT/DATABASE?host=/SOCKET/FOLDER&sslmode=verify-full`, without a password.
    pub url: String,
    /// A file that holds the password and nothing else, readable by its owner alone.
    pub password_file: Option<PathBuf>,
}

/// `[guard]` and `[identity]`: free keys.
pub(super) type Free = BTreeMap<String, serde_json::Value>;
