//! The host's own configuration: what desired state can never say for itself.
//!
//! Which folders may be read, what may be shown, which machine and which database this is, and which guards must stand.
//! A push to the repository of desired state cannot widen any of it. Secrets are named here and never held in the file.

mod databases;
mod file;
mod load;
mod origin;
mod outward;
mod place;
mod policy;
mod smoke;
pub mod strict;
pub mod switch;
pub mod trust;
mod trusted;
mod watch;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

pub use databases::{Admit, ProverSection};
pub use file::{SessionSection, Verify};
pub use load::{ConfigError, Overrides, load};
pub use origin::{Origin, Setting};
pub use outward::{
    Address, AddressError, Listen, ListenError, LogForm, Notify, Outward, Schedule, Sink, Via,
    WebhookIn,
};
pub use policy::{Access, Policy};
pub use smoke::SmokePolicy;
pub use switch::Switch;
pub use trust::Trust;
pub use watch::{ForcePush, Watch};

/// Where a machine's configuration stands when no flag says otherwise.
pub const DEFAULT_PATH: &str = "/etc/countersign/config.toml";

/// The effective configuration, each value with its origin.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it was read from.
    pub file: Option<PathBuf>,
    /// Which `hosts/NAME` this machine is.
    pub host: Setting<Option<String>>,
    /// The root of the managed file system.
    pub root: Setting<PathBuf>,
    /// The program's own folder.
    pub data: Setting<PathBuf>,
    /// Where mirrors and digests of earlier looks are kept, where that is not [`Config::data`] itself: the controller's are its own.
    pub kept: Option<PathBuf>,
    /// Where desired state comes from: a path or a URL.
    pub source: Setting<Option<String>>,
    /// The revision: a branch of the configuration, or what `--rev` named.
    pub revision: Setting<Option<String>>,
    /// The folder of desired state within its repository.
    pub source_path: Setting<Option<String>>,
    /// Which commits are taken.
    pub verify: Setting<Verify>,
    /// With [`Verify::Signed`]: the commit that is trusted without a signature, in full.
    pub first_commit: Option<String>,
    /// Which host this is, as the host itself says; desired state must not contradict.
    pub hostname: Setting<Option<String>>,
    /// Which cluster each database is, by system identifier.
    pub system_identifiers: BTreeMap<String, String>,
    /// What desired state must contain, with these values: by resource name.
    pub guard: BTreeMap<String, serde_json::Value>,
    /// What may be read and shown.
    pub observe: Setting<Policy>,
    /// How digests of earlier looks may be used, where a look may use them.
    pub cache: CacheUse,
    /// `[observe]` as it was written, for `config show`.
    pub observe_text: Vec<(&'static str, String)>,
    /// Which commands may run.
    pub smoke: Setting<SmokePolicy>,
    /// How the observer reaches each database.
    pub observers: BTreeMap<String, Setting<SessionSection>>,
    /// How proofs reach each database that they may run in.
    pub provers: BTreeMap<String, Setting<ProverSection>>,
    /// Which contracts may run, and whether statements of plans are rehearsed.
    pub admit: Setting<Admit>,
    /// How the executor reaches each database that it may change.
    pub executors: BTreeMap<String, Setting<SessionSection>>,
    /// Where checkpoints of the ledgers are brought: a path or a URL.
    pub anchor: Setting<Option<String>>,
    /// What the controller says to the outside, and within what it keeps itself.
    pub outward: Outward,
    /// The rhythm of the controller.
    pub watch: Setting<Watch>,
    /// The configuration belongs to a user other than root, or there is a root other than `/`: not a machine's own.
    pub sandbox: bool,
}

/// `[observe] rehash` and `cache_on`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheUse {
    /// After how long a file is hashed again, whatever its attributes say. Never off.
    pub rehash: Duration,
    /// File systems on which a cache is used although their times are not known to come from this machine's clock.
    pub also_on: Vec<String>,
}

impl Default for CacheUse {
    fn default() -> Self {
        Self { rehash: Duration::from_hours(24), also_on: Vec::new() }
    }
}

impl Config {
    /// Where mirrors and digests of earlier looks are kept.
    #[must_use]
    pub fn kept(&self) -> &std::path::Path {
        self.kept.as_deref().unwrap_or(&self.data.value)
    }

    /// The settings of the file with a password, read and checked now.
    ///
    /// # Errors
    /// When the file cannot be read, or others may read it.
    pub fn password(session: &SessionSection) -> Result<Option<String>, ConfigError> {
        session.password_file.as_deref().map(trusted::password).transpose()
    }

    /// A secret that stands in a file of its own, read and checked now.
    ///
    /// # Errors
    /// When the file cannot be read, or others may read it.
    pub fn secret(file: &std::path::Path) -> Result<String, ConfigError> {
        trusted::password(file)
    }
}
