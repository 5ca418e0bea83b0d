//! What most verbs need first: the configuration, and the desired state that it names.

use super::error::Failure;
use super::{Global, exit};
use crate::config::{Config, Origin, Verify, strict};
use crate::desired::{self, Desired, Loaded, Request, SignedBy, SourceError, Tree};
use crate::model::{Clock, Diagnostic, Level};

/// The configuration that flags, environment and file make together.
pub(super) fn config(global: &Global, replay: bool) -> Result<Config, Failure> {
    let mut overrides = global.overrides();
    overrides.replay = replay;
    Ok(crate::config::load(&overrides)?)
}

/// The files of desired state, at the configured revision or at another.
pub(super) fn tree(
    config: &Config,
    revision: Option<&str>,
    host: Option<&str>,
) -> Result<Tree, Failure> {
    let source = config.source.value.as_deref().ok_or(SourceError::Unnamed)?;
    let trust = match config.verify.value {
        Verify::Signed => Some(strict::trust(config)?),
        Verify::None => None,
    };
    let accepted = match config.verify.value {
        Verify::Signed => super::ledgers::accepted(config)?,
        Verify::None => None,
    };
    let first_commit = config.first_commit.as_deref();
    let signed = trust.as_ref().zip(first_commit);
    let signed = signed.map(|(trust, first_commit)| SignedBy {
        trust,
        first_commit,
        accepted: accepted.as_ref(),
    });
    let request = Request {
        source,
        revision: revision.or(config.revision.value.as_deref()),
        folder: config.source_path.value.as_deref(),
        committed_only: config.source.origin == Origin::File,
        data: config.kept(),
        host,
        signed,
    };
    Ok(desired::source::load(&request)?)
}

/// The files of desired state with the name of the host: as configured, or the only one that there is.
pub(super) fn tree_of_host(config: &Config) -> Result<(Tree, String), Failure> {
    if let Some(host) = &config.host.value {
        return Ok((tree(config, None, Some(host))?, host.clone()));
    }
    let tree = tree(config, None, None)?;
    let hosts = tree.hosts();
    match hosts.as_slice() {
        [only] => Ok((tree, only.clone())),
        [] => Err(Failure::new(
            exit::INVALID,
            "desired state has no hosts: there is no hosts/NAME/host.toml",
        )
        .hint("`countersign explain` lists what a host can declare")),
        several => Err(Failure::new(exit::USAGE, "which host is this?").hint(format!(
            "name it with --host, or as `host` in the configuration: {}",
            several.join(", ")
        ))),
    }
}

/// Desired state of a host, and the warnings about it; any error refuses the whole.
pub(super) fn desired(
    tree: &Tree,
    host: &str,
    clock: &dyn Clock,
) -> Result<(Desired, Vec<Diagnostic>), Failure> {
    valid(desired::read(tree, host, clock.now()), tree, host)
}

/// What was read, unless there is an error in it.
pub(super) fn valid(
    loaded: Loaded,
    tree: &Tree,
    host: &str,
) -> Result<(Desired, Vec<Diagnostic>), Failure> {
    let errors = loaded.errors();
    let line_of = |path: &str, at| tree.line(path, at);
    let Some(desired) = loaded.desired else {
        let noun = if errors == 1 { "error" } else { "errors" };
        let summary = format!("desired state of {host} is not valid: {errors} {noun}");
        return Err(Failure::invalid(&loaded.diagnostics, &line_of, summary)
            .hint("`countersign explain CODE` says more about a code"));
    };
    let warnings: Vec<_> =
        loaded.diagnostics.into_iter().filter(|d| d.level == Level::Warning).collect();
    Ok((desired, warnings))
}
