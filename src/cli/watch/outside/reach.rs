//! Within what the controller keeps itself: where its configuration says that it goes, and nowhere else.

use std::path::{Path, PathBuf};

use crate::cli::error::Failure;
use crate::cli::{exit, ledgers};
use crate::config::{Config, Listen, Via};
use crate::desired::source::is_remote;
use crate::ledger::ActorKind;
use crate::sandbox::controller::{Confinement, Reach, confine};
use crate::state::published;

/// Narrows this process for good, while it has one thread.
pub(in crate::cli::watch) fn confined(config: &Config) -> Result<Confinement, Failure> {
    let reach = reach(config);
    match confine(&reach) {
        Ok(confinement) => Ok(confinement),
        Err(why) if !config.outward.confine => {
            Ok(Confinement { level: 0, lacks: Some(why.detail) })
        }
        Err(why) => Err(Failure::new(exit::ERROR, format!("the controller cannot confine itself: {}", why.detail))
            .hint("`[confine] require = false` starts it all the same, and says so in the log and the metrics")),
    }
}

/// Where the controller goes: what it may look at, what it is told by, and its own folders.
pub(super) fn reach(config: &Config) -> Reach {
    let root = &config.root.value;
    let mut read: Vec<PathBuf> = Vec::new();
    if root == Path::new("/") {
        read.extend(config.observe.value.roots().iter().cloned());
    } else {
        // An image or a sandbox is looked at as a whole; facts about its system lie anywhere in it.
        read.push(root.clone());
    }
    read.extend(config.file.clone());
    read.push(config.data.value.clone());
    read.extend(config.smoke.value.read.iter().cloned());
    let sessions = config.observers.values().filter_map(|one| one.value.password_file.clone());
    read.extend(sessions);
    for sink in config.outward.notify.sinks.values() {
        match &sink.via {
            Via::Webhook { secret_file, ca_file, .. } => {
                read.extend(secret_file.iter().chain(ca_file).cloned());
            }
            Via::Slack { url_file } => read.push(url_file.clone()),
            Via::Command { words } => read.extend(words.first().map(PathBuf::from)),
        }
    }
    read.extend(config.outward.webhook.as_ref().map(|webhook| webhook.secret_file.clone()));
    let source = config.source.value.as_deref().filter(|source| !is_remote(source));
    read.extend(source.map(PathBuf::from));
    // This program starts itself again for commands of `smoke`, and git finds its keys at home.
    read.extend(std::env::current_exe().ok());
    read.extend(std::env::var_os("HOME").map(|home| Path::new(&home).join(".ssh/config")));
    let mut write =
        vec![published::folder(&config.data.value), ledgers::folder(config, ActorKind::Observer)];
    write.extend(config.outward.schedule.values().map(|schedule| schedule.folder.clone()));
    let listens = config.outward.metrics.iter();
    let listens = listens.chain(config.outward.webhook.as_ref().map(|webhook| &webhook.listen));
    for listen in listens {
        if let Listen::Unix(path) = listen {
            write.extend(path.parent().map(Path::to_owned));
        }
    }
    let canary = ["/tmp", "/var/tmp", "/dev/shm"].map(Path::new);
    let canary = canary.into_iter().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
    read.sort();
    read.dedup();
    Reach { read, write, canary: canary.to_owned() }
}
