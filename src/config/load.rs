//! Reads the configuration file, lays the environment and the flags over it, and checks that it can be trusted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::file::{AnchorSection, Free, ObserveSection, SmokeSection, SourceSection, Top};
use super::place::below;
use super::trusted::{Privacy, read_checked};
use super::{
    Admit, CacheUse, Config, DEFAULT_PATH, Origin, Outward, Policy, Setting, SmokePolicy, Verify,
    Watch,
};
use crate::model::document::{self, Table};
use crate::model::{Code, Diagnostic, Period};

/// The largest configuration file that is read.
pub(super) const FILE_BYTES_MAX: u64 = 1 << 20;
const SECTIONS: &[&str] = &[
    "source", "identity", "guard", "observe", "prove", "smoke", "watch", "anchor", "database",
    "notify", "metrics", "webhook", "schedule", "log", "confine",
];

/// What the command line and the environment say.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--config`
    pub config: Option<(PathBuf, Origin)>,
    /// `--desired`
    pub desired: Option<(String, Origin)>,
    /// `--rev`
    pub revision: Option<(String, Origin)>,
    /// `--host`
    pub host: Option<(String, Origin)>,
    /// `--root`
    pub root: Option<(PathBuf, Origin)>,
    /// `--data`
    pub data: Option<(PathBuf, Origin)>,
    /// The world comes from a recording: everything in it may be looked at.
    pub replay: bool,
}

/// Why there is no usable configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that was named cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Its content is refused.
    #[error("{} is not valid", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Its content, to draw the places.
        text: String,
        /// Everything that is wrong with it.
        diagnostics: Vec<Diagnostic>,
    },
    /// Others could change it, or read what only its owner may read.
    #[error("{}: {reason}", path.display())]
    Insecure {
        /// The file.
        path: PathBuf,
        /// What is wrong, and how to mend it.
        reason: String,
    },
    /// A flag or a variable sets what only the file may set.
    #[error(
        "`{origin}` sets nothing here: a verb that changes something takes its settings from the configuration file alone"
    )]
    Overridden {
        /// Who tried.
        origin: Origin,
    },
}

/// Makes the effective configuration.
///
/// # Errors
/// When a file that was named is missing, or a file that is there cannot be trusted or understood. A machine without any
/// configuration is no error: then hardly anything may be read.
pub fn load(overrides: &Overrides) -> Result<Config, ConfigError> {
    let (path, named) = match &overrides.config {
        Some((path, _)) => (path.clone(), true),
        None => (PathBuf::from(DEFAULT_PATH), false),
    };
    let mut config = match read_checked(&path, FILE_BYTES_MAX, Privacy::NotWritable) {
        Ok((text, owner)) => parse(&path, text, owner)?,
        Err(ConfigError::Read { source, .. })
            if !named && source.kind() == std::io::ErrorKind::NotFound =>
        {
            bare()
        }
        Err(error) => return Err(error),
    };
    overlay(&mut config, overrides);
    Ok(config)
}

/// What holds where there is no configuration file.
fn bare() -> Config {
    Config {
        file: None,
        host: Setting::default(None),
        root: Setting::default(PathBuf::from("/")),
        data: Setting::default(PathBuf::from("/var/lib/countersign")),
        kept: None,
        source: Setting::default(None),
        revision: Setting::default(None),
        source_path: Setting::default(None),
        verify: Setting::default(Verify::None),
        first_commit: None,
        hostname: Setting::default(None),
        system_identifiers: BTreeMap::new(),
        guard: BTreeMap::new(),
        observe: Setting::default(Policy::nothing()),
        cache: CacheUse::default(),
        observe_text: Vec::new(),
        smoke: Setting::default(SmokePolicy::nothing()),
        observers: BTreeMap::new(),
        provers: BTreeMap::new(),
        executors: BTreeMap::new(),
        admit: Setting::default(Admit::default()),
        anchor: Setting::default(None),
        outward: Outward::default(),
        watch: Setting::default(Watch::default()),
        sandbox: false,
    }
}

fn overlay(config: &mut Config, overrides: &Overrides) {
    fn set<T: Clone, U: From<T>>(setting: &mut Setting<U>, from: Option<&(T, Origin)>) {
        if let Some((value, origin)) = from {
            *setting = Setting { value: value.clone().into(), origin: *origin };
        }
    }
    if overrides.desired.is_some() {
        // Another source has its own branches and folders.
        config.revision = Setting::default(None);
        config.source_path = Setting::default(None);
        config.verify = Setting::default(Verify::None);
    }
    set(&mut config.source, overrides.desired.as_ref());
    set(&mut config.revision, overrides.revision.as_ref());
    set(&mut config.host, overrides.host.as_ref());
    set(&mut config.root, overrides.root.as_ref());
    set(&mut config.data, overrides.data.as_ref());
    let other_root = config.root.value != Path::new("/");
    if config.file.is_none() && (other_root || overrides.replay) {
        config.observe = Setting { value: Policy::everything(), origin: config.root.origin };
    }
    config.sandbox |= other_root;
}

pub(super) fn parse(path: &Path, text: String, owner: u32) -> Result<Config, ConfigError> {
    let mut config = bare();
    config.sandbox = owner != 0;
    let diagnostics = fill(&mut config, path, &text);
    if !diagnostics.is_empty() {
        return Err(ConfigError::Invalid { path: path.to_owned(), text, diagnostics });
    }
    config.file = Some(path.to_owned());
    Ok(config)
}

fn fill(config: &mut Config, path: &Path, text: &str) -> Vec<Diagnostic> {
    let (root, mut found) = document::parse(&path.display().to_string(), text);
    let (sections, top) = root.split(SECTIONS);
    let (top, wrong) = top.decode::<Top>();
    found.extend(wrong);
    // What the file names lies beside it, wherever this process goes later.
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let base = absolute.parent().unwrap_or(Path::new("/"));
    // Whether this is a sandbox is told by the root.
    let whole = top.is_some();
    if let Some(top) = top {
        config.host = top.host.map_or(Setting::default(None), |host| Setting::file(Some(host)));
        if let Some(root) = top.root {
            config.root = Setting::file(base.join(root));
            config.sandbox |= config.root.value != Path::new("/");
        }
        if let Some(data) = top.data {
            config.data = Setting::file(base.join(data));
        }
    }
    let mut reader = Sections { all: &sections, found: &mut found, base };
    reader.source(config);
    reader.observe(config);
    reader.identity(config);
    reader.databases(config);
    reader.smoke(config);
    if let Some(guard) = reader.free("guard") {
        config.guard = guard;
    }
    if let Some(anchor) = reader.section::<AnchorSection>("anchor") {
        config.anchor = Setting::file(Some(below(base, anchor.url)));
    }
    reader.prove(config, whole);
    config.outward = reader.outward();
    reader.watch(config);
    found.sort();
    found
}

pub(super) struct Sections<'a, 't> {
    pub(super) all: &'a Table<'t>,
    pub(super) found: &'a mut Vec<Diagnostic>,
    pub(super) base: &'a Path,
}

impl<'t> Sections<'_, 't> {
    pub(super) fn table(&mut self, name: &str) -> Option<Table<'t>> {
        self.all.table(name).unwrap_or_else(|wrong| {
            self.found.push(wrong);
            None
        })
    }

    pub(super) fn section<T: serde::de::DeserializeOwned + schemars::JsonSchema + 'static>(
        &mut self,
        name: &str,
    ) -> Option<T> {
        let (value, wrong) = self.table(name)?.decode::<T>();
        self.found.extend(wrong);
        value
    }

    /// A section with keys of the operator's own choosing.
    fn free(&mut self, name: &str) -> Option<Free> {
        let (value, wrong) = self.table(name)?.decode_free::<serde_json::Value>();
        self.found.extend(wrong);
        value
    }

    fn source(&mut self, config: &mut Config) {
        let Some(source) = self.section::<SourceSection>("source") else { return };
        if let Some((code, message)) = source.fault() {
            let place = self.all.value_span("source").unwrap_or_default();
            let hint =
                "the first commit that is trusted, unsigned as it may be: `git rev-parse main`";
            self.found.push(Diagnostic::error(code, self.all.file(), place, message).hint(hint));
        }
        if let Some(url) = source.url {
            config.source = Setting::file(Some(below(self.base, url)));
        }
        if let Some(branch) = source.branch {
            config.revision = Setting::file(Some(branch));
        }
        if let Some(path) = source.path {
            config.source_path = Setting::file(Some(path));
        }
        if let Some(verify) = source.verify {
            config.verify = Setting::file(verify);
        }
        config.first_commit = source.first_commit;
    }

    fn observe(&mut self, config: &mut Config) {
        let Some(observe) = self.section::<ObserveSection>("observe") else { return };
        let roots: Vec<String> =
            observe.roots.iter().map(|root| root.display().to_string()).collect();
        config.observe_text = vec![
            ("observe.roots", roots.join(", ")),
            ("observe.deny", observe.deny.join(", ")),
            ("observe.show_content", observe.show_content.join(", ")),
            ("observe.rehash", observe.rehash.clone().unwrap_or_else(|| "24h".to_owned())),
            ("observe.cache_on", observe.cache_on.join(", ")),
        ];
        let place = self.all.value_span("observe").unwrap_or_default();
        let patterns = [("deny", &observe.deny), ("show_content", &observe.show_content)];
        for (key, texts) in patterns {
            for text in texts.iter().filter(|text| !can_match(text)) {
                let message = format!("no path can match `{text}` of `{key}`");
                let error =
                    Diagnostic::error(Code::WrongType, self.all.file(), place.clone(), message);
                self.found
                    .push(error.hint(
                        "paths are absolute: begin with `/` or `**/`, and end without a `/`",
                    ));
            }
        }
        if let Some(relative) = observe.roots.iter().find(|root| !root.is_absolute()) {
            let message = format!("`roots` holds absolute paths, not `{}`", relative.display());
            self.found.push(Diagnostic::error(
                Code::WrongType,
                self.all.file(),
                place.clone(),
                message,
            ));
        }
        if let Some(rehash) = rehash(observe.rehash.as_deref()) {
            config.cache = CacheUse { rehash, also_on: observe.cache_on.clone() };
        } else {
            let message = "`rehash` is a length of time between \"1m\" and \"7d\"";
            let error = Diagnostic::error(Code::WrongType, self.all.file(), place.clone(), message);
            self.found.push(error.hint("it can be made longer, and never be switched off"));
        }
        match Policy::new(&observe.roots, &observe.deny, &observe.show_content) {
            Ok(policy) => config.observe = Setting::file(policy),
            Err(error) => {
                let message = format!("a pattern cannot be read: {error}");
                self.found.push(Diagnostic::error(
                    Code::WrongType,
                    self.all.file(),
                    place,
                    message,
                ));
            }
        }
    }

    fn identity(&mut self, config: &mut Config) {
        let Some(table) = self.table("identity") else { return };
        let databases = self.all.table("database").ok().flatten();
        let known: Vec<String> = std::iter::once("hostname".to_owned())
            .chain(databases.iter().flat_map(Table::keys).map(|(name, _)| name))
            .collect();
        // A pin that nothing is ever compared with would be no pin, and nobody would know.
        for (key, span) in table.keys().into_iter().filter(|(key, _)| !known.contains(key)) {
            let message =
                format!("`{key}` is neither `hostname` nor a [database.NAME] of this file");
            let error = Diagnostic::error(Code::UnknownKey, table.file(), span, message);
            self.found.push(error.suggest(&key, known.iter().map(String::as_str)));
        }
        let (identity, wrong) = table.decode_free::<String>();
        self.found.extend(wrong);
        let mut identity = identity.unwrap_or_default();
        if let Some(hostname) = identity.remove("hostname") {
            config.hostname = Setting::file(Some(hostname));
        }
        config.system_identifiers = identity;
    }

    fn smoke(&mut self, config: &mut Config) {
        let Some(section) = self.section::<SmokeSection>("smoke") else { return };
        let (policy, faults) = SmokePolicy::of(section);
        let place = self.all.value_span("smoke").unwrap_or_default();
        let error =
            |fault| Diagnostic::error(Code::WrongType, self.all.file(), place.clone(), fault);
        self.found.extend(faults.into_iter().map(error));
        config.smoke = Setting::file(policy);
    }
}

/// After how long files are hashed again; `None` for a text that is no such duration.
fn rehash(text: Option<&str>) -> Option<Duration> {
    let Some(text) = text else { return Some(CacheUse::default().rehash) };
    let parsed = Duration::from_secs(text.parse::<Period>().ok()?.seconds());
    (Duration::from_mins(1)..=Duration::from_hours(7 * 24)).contains(&parsed).then_some(parsed)
}

/// Can this pattern match an absolute path at all? One that cannot would deny nothing, and look as if it did.
fn can_match(pattern: &str) -> bool {
    let begins =
        pattern == "**" || ["/", "**/", "{"].iter().any(|beginning| pattern.starts_with(beginning));
    begins && !pattern.contains("//") && (pattern == "/" || !pattern.ends_with('/'))
}
