//! Desired state for the controller: had by the same way as every look has it, on a thread of its own.
//!
//! A server that drips, or a repository on a dead mount, holds up this thread and nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::cli::context;
use crate::cli::error::Failure;
use crate::cli::{exit, planning::CLOCK};
use crate::config::{Config, ForcePush, Setting, Verify, strict};
use crate::controller::Why;
use crate::desired::{self, Desired, Tree};
use crate::drift;
use crate::model::display::one_line;

/// The longest message that is kept of why a commit is refused, in bytes.
const MESSAGE_MAX: usize = 4000;

/// Desired state that may be put in force.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub(super) tree: Arc<Tree>,
    pub(super) desired: Arc<Desired>,
    /// Who signed the commits since the one that was accepted before, where that is asked for.
    pub(super) signers: BTreeSet<String>,
}

/// Why the newest state of the source is not put in force.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    pub(super) why: Why,
    /// The commit, where that much is known.
    pub(super) commit: Option<String>,
    pub(super) message: String,
}

/// Loads the newest. `in_force`: the newest commit that was ever accepted.
pub(super) fn load(config: &Config, in_force: Option<&str>) -> Result<Taken, Refused> {
    let (tree, host) = context::tree_of_host(config).map_err(|failure| {
        let why = match failure.word {
            Some("source_unsigned") => Why::SourceUnsigned,
            _ if failure.code == exit::INVALID => Why::SourceInvalid,
            _ => Why::SourceUnreachable,
        };
        refused(why, None, &failure)
    })?;
    let commit = tree.commit.clone();
    if let (Some(base), Some(tip)) = (in_force, &commit) {
        require_follows(config, base, tip)?;
    }
    let (desired, _) = context::desired(&tree, &host, &CLOCK)
        .map_err(|failure| refused(Why::SourceInvalid, commit.clone(), &failure))?;
    let loosened = drift::guards(&config.guard, &desired);
    if !loosened.is_empty() {
        return Err(refused(Why::GuardLoosened, commit, &loosened.into()));
    }
    let signers = signers(config, in_force, &tree)
        .map_err(|failure| refused(Why::SourceUnsigned, commit, &failure))?;
    Ok(Taken { tree: Arc::new(tree), desired: Arc::new(desired), signers })
}

/// Who signed what is new.
fn signers(
    config: &Config,
    in_force: Option<&str>,
    tree: &Tree,
) -> Result<BTreeSet<String>, Failure> {
    let (Some(all), Some(tip)) = (&tree.signers, &tree.commit) else { return Ok(BTreeSet::new()) };
    let Some(base) = in_force else { return Ok(all.clone()) };
    let source = config.source.value.as_deref().unwrap_or_default();
    let trust = strict::trust(config)?;
    Ok(desired::source::authors(source, config.kept(), base, tip, &trust)?)
}

/// The history must contain what was accepted, before anything of the new tree is parsed.
fn require_follows(config: &Config, base: &str, tip: &str) -> Result<(), Refused> {
    let free =
        config.verify.value == Verify::None && config.watch.value.force_push == ForcePush::Accept;
    if free {
        return Ok(());
    }
    let source = config.source.value.as_deref().unwrap_or_default();
    let (why, commit) = (Why::SourceRewound, Some(tip.to_owned()));
    match desired::source::follows(source, config.kept(), base, tip) {
        Ok(true) => Ok(()),
        Ok(false) => {
            let message = format!(
                "{tip} does not follow from {base}, which was accepted before: the history was rewound or rewritten"
            );
            Err(Refused { why, commit, message })
        }
        Err(error) => {
            let message = format!(
                "whether {tip} follows from {base}, which was accepted before, cannot be told: {error}"
            );
            Err(Refused { why, commit, message: one_line(&message, MESSAGE_MAX) })
        }
    }
}

/// Desired state at the last commit that converged. Its signatures were asked for when it was accepted.
pub(super) fn baseline(config: &Config, commit: &str) -> Option<Arc<Desired>> {
    let mut config = config.clone();
    config.verify = Setting::default(Verify::None);
    let host = config.host.value.clone();
    let tree = context::tree(&config, Some(commit), host.as_deref()).ok()?;
    let host = host.or_else(|| tree.hosts().first().cloned())?;
    Some(Arc::new(context::desired(&tree, &host, &CLOCK).ok()?.0))
}

fn refused(why: Why, commit: Option<String>, failure: &Failure) -> Refused {
    let drawn = anstream::adapter::strip_str(&failure.drawn).to_string();
    let mut message = format!("{}\n{drawn}", failure.message).trim_end().to_owned();
    let mut end = MESSAGE_MAX.min(message.len());
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    message.truncate(end);
    Refused { why, commit, message }
}
