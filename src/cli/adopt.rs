//! `countersign adopt`: what is there becomes what is wanted. Looks, writes files of desired state, and nothing else.
//!
//! What was written is judged before it is written, against the same world, by the code of `check`: the summary says what
//! would not be in sync, and why.

mod asked;
mod commit;
mod import;
mod summary;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::error::Failure;
use super::output::{self, Output};
use super::{Global, context, exit, world};
use crate::adopt::from::Imported;
use crate::adopt::{self, Identities, Outcome, Wanted, Writing};
use crate::config::Config;
use crate::desired::{self, Desired, Request, Tree};
use crate::drift::{self, Judged, Verdict};
use crate::kinds::{self, Draft, Entry};
use crate::model::display::escape;
use crate::model::{Clock as _, Reason, ResourceName, SystemClock, Unknown};
use crate::observed::{self, Question};
use asked::Asked;
use summary::Summary;

/// Write down what is there as desired state
///
/// Everything that is asked for is observed and becomes a table of desired state: manifests, modes, closed lists. Tables
/// that are there keep their comments and their own keys; what says so already is not touched. Nothing that the host's
/// configuration does not show in clear is written in clear, no secret is written at all.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without -o DIR, what would be written is printed. Writes below DIR and nowhere else, commits only with \
                  --commit, and never pushes. Ends with 0 when a check right after is in sync, with 4 when something that \
                  was asked for could not be seen."
)]
pub(super) struct Arguments {
    #[command(flatten)]
    asked: Asked,
    /// Take over what another tool wrote: sha256sums (with --tree DIR), deploy-manifest or goss
    #[arg(long, num_args = 2, value_names = ["FORMAT", "FILE"])]
    from: Vec<String>,
    /// Look only at this database of the host's configuration; can be given several times
    #[arg(long, value_name = "NAME")]
    database: Vec<String>,
    /// Commit what was written, in the repository that DIR lies in
    #[arg(long)]
    commit: bool,
    /// How long one kind of resource may take
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    deadline: u64,
}

pub(super) fn run(arguments: &Arguments, global: &Global, output: &Output) -> Result<u8, Failure> {
    if arguments.asked.of_kinds.is_empty() && arguments.from.is_empty() {
        return Err(Failure::new(exit::USAGE, "nothing is asked for")
            .hint("name it, as in --directory /srv/app or --only listener; --help has the flags"));
    }
    let folder = output.file().map(target);
    if arguments.commit && folder.is_none() {
        return Err(Failure::new(exit::USAGE, "--commit needs -o DIR, the folder to write to"));
    }
    let config = context::config(global, false)?;
    let tree = base(&config, folder.as_deref())?;
    let (host, known) = host(&config, &tree)?;
    let mut summary = Summary::new(&host);
    let writing = match import::read(arguments, &mut summary)? {
        Some(imported) => take_over(imported, &tree, (&host, known))?,
        None => look_at_once(arguments, &config, &tree, (&host, known), &mut summary)?,
    };
    if let Some(folder) = &folder {
        for (path, bytes) in &writing.files {
            output::place(folder, Path::new(path), bytes)?;
        }
        if arguments.commit {
            commit::commit(folder, &writing, &summary)?;
        }
    }
    show(&writing, &summary, folder.as_deref(), global, output)?;
    Ok(summary.exit())
}

/// What another tool wrote, as files of desired state.
fn take_over(
    imported: Imported,
    tree: &Tree,
    (host, known): (&str, bool),
) -> Result<Writing, Failure> {
    let before = read(tree, host)?;
    let of = |(kind, draft): (&str, Draft)| (ResourceName::new(kind, &draft.name), draft);
    let drafts = adopt::named(imported.drafts.into_iter().map(of).collect(), &before);
    let wanted = wanted(drafts, &[]);
    let desired = known.then_some(&before);
    let writing = adopt::write_down(tree, host, &Identities::default(), desired, &wanted)
        .map_err(|e| Failure::of(exit::INVALID, &e))?;
    read(&writing.applied(tree), host)?;
    Ok(writing)
}

/// What desired state says of the host; nothing where it does not know it, because nothing was written down.
fn read(tree: &Tree, host: &str) -> Result<Desired, Failure> {
    if !tree.hosts().iter().any(|known| known == host) {
        return Ok(empty(host));
    }
    let loaded = desired::read_begun(tree, host, SystemClock.now());
    context::valid(loaded, tree, host).map(|(desired, _)| desired)
}

fn look_at_once(
    arguments: &Arguments,
    config: &Config,
    tree: &Tree,
    host: (&str, bool),
    summary: &mut Summary,
) -> Result<Writing, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::of(exit::ERROR, &e))?;
    let looked = runtime.block_on(look(arguments, config, tree, host, summary));
    // A thread that hangs on a dead mount must not hang the program.
    runtime.shutdown_background();
    looked
}

/// The folder that holds `hosts/`: the one that was named, or the usual one in it.
fn target(named: &Path) -> PathBuf {
    let usual = named.join("desired-state");
    if !named.join("hosts").is_dir() && usual.join("hosts").is_dir() {
        return usual;
    }
    named.to_owned()
}

/// What is there already: in the folder, or in the configured source when nothing is written.
fn base(config: &Config, folder: Option<&Path>) -> Result<Tree, Failure> {
    let Some(folder) = folder else {
        return if config.source.value.is_some() {
            context::tree(config, None, None)
        } else {
            Ok(Tree::default())
        };
    };
    let Ok(true) = folder.try_exists() else { return Ok(Tree::default()) };
    let source = folder.to_str().ok_or_else(|| {
        Failure::new(exit::USAGE, "the folder's name is no UTF-8, which desired state needs")
    })?;
    let request = Request {
        source,
        revision: None,
        folder: None,
        committed_only: false,
        data: &config.data.value,
        host: None,
        signed: None,
    };
    Ok(desired::source::load(&request)?)
}

async fn look(
    arguments: &Arguments,
    config: &Config,
    tree: &Tree,
    (host, known): (&str, bool),
    summary: &mut Summary,
) -> Result<Writing, Failure> {
    let deadline = Duration::from_secs(arguments.deadline);
    let before = read(tree, host)?;
    let databases = databases(arguments, config)?;
    let opened = world::open(config, &before, deadline, false, &databases).await?;
    let mut drafts = Vec::new();
    for (kind, asked) in &arguments.asked.of_kinds {
        match kind.adopt(&opened.probe, asked).await {
            Ok(adopted) => {
                if adopted.drafts.is_empty() && adopted.unseen.is_empty() {
                    summary.nothing(kind.name(), asked);
                }
                let (plain, replaced): (Vec<Draft>, _) =
                    adopted.drafts.into_iter().partition(|draft| !refers(draft));
                summary.unseen(kind.name(), replaced.into_iter().map(as_unseen).collect());
                drafts.extend(plain.into_iter().map(|draft| {
                    let name = draft.kind.unwrap_or(kind.name());
                    (ResourceName::new(name, &draft.name), draft)
                }));
                summary.unseen(kind.name(), adopted.unseen);
            }
            Err(unknown) => summary.unseen(kind.name(), vec![(asked.clone(), unknown)]),
        }
    }
    let drafts = adopt::named(drafts, &before);
    let names: Vec<ResourceName> = drafts.iter().map(|(name, _)| name.clone()).collect();
    let there = verdicts(&opened, &before, &names).await;
    let wanted = wanted(drafts, &there);
    let hostname = opened.probe.host.hostname().ok();
    let desired = known.then_some(&before);
    let identities =
        Identities { hostname: hostname.as_deref(), databases: opened.database_identities() };
    let mut writing = adopt::write_down(tree, host, &identities, desired, &wanted)
        .map_err(|e| Failure::of(exit::INVALID, &e))?;
    let after = read(&writing.applied(tree), host)?;
    let of_old = covered(&after, &arguments.asked.of_kinds, &names);
    let all = [names, of_old].concat();
    for (name, verdict, why) in verdicts(&opened, &after, &all).await {
        let file = after.resources.get(&name).map(|resource| resource.file.clone());
        if !writing.outcomes.contains_key(&name) {
            // What cannot be told of it was said of what was asked for.
            if verdict != Verdict::Drift {
                continue;
            }
            writing.outcomes.insert(name.clone(), (Outcome::LeftAlone, file.unwrap_or_default()));
        }
        summary.judged(&name, verdict, why, &writing);
    }
    opened.probe.close().await;
    Ok(writing)
}

/// The databases that are looked at: those of the host's configuration, or the ones that were named of them.
fn databases(arguments: &Arguments, config: &Config) -> Result<Vec<String>, Failure> {
    if !arguments.asked.of_kinds.iter().any(|(kind, _)| kind.in_database()) {
        return Ok(Vec::new());
    }
    for name in &arguments.database {
        if !config.observers.contains_key(name) {
            let name = escape(name);
            let message = format!("the host's configuration has no [database.{name}] observer");
            return Err(Failure::new(exit::USAGE, message));
        }
    }
    let all = config.observers.keys();
    let wanted =
        |name: &&String| arguments.database.is_empty() || arguments.database.contains(name);
    let named: Vec<String> = all.filter(wanted).cloned().collect();
    if named.is_empty() {
        return Err(Failure::new(exit::USAGE, "no database is configured to be looked at")
            .hint("add `[database.NAME] observer = { url = \"…\" }` to the host's configuration"));
    }
    Ok(named)
}

/// What desired state has of what was asked for, besides what was found: it may be gone, and its table is not.
fn covered(
    desired: &Desired,
    asked: &[(&'static Entry, String)],
    found: &[ResourceName],
) -> Vec<ResourceName> {
    let asked_for = |name: &&ResourceName| {
        asked
            .iter()
            .any(|(kind, asked)| kind.name() == name.kind && kinds::covers(asked, &name.name))
    };
    let names = desired.resources.keys().filter(|name| !found.contains(name));
    names.filter(asked_for).cloned().collect()
}

/// The name of the host, and whether desired state has it.
fn host(config: &Config, tree: &Tree) -> Result<(String, bool), Failure> {
    let hosts = tree.hosts();
    let named = config.host.value.clone();
    match (named, hosts.as_slice()) {
        (Some(name), _) if name.is_empty() || name.starts_with('.') || name.contains('/') => {
            let message = format!("`{}` cannot be the name of a folder of a host", escape(&name));
            Err(Failure::new(exit::USAGE, message))
        }
        (Some(name), hosts) => {
            let known = hosts.contains(&name);
            Ok((name, known))
        }
        (None, [only]) => Ok((only.clone(), true)),
        (None, []) => Err(Failure::new(exit::USAGE, "which host is this?")
            .hint("name it with --host NAME: it becomes the folder hosts/NAME")),
        (None, several) => Err(Failure::new(exit::USAGE, "which host is this?")
            .hint(format!("name it with --host: {}", several.join(", ")))),
    }
}

/// Desired state that says nothing, of a host that is not in it yet.
fn empty(host: &str) -> Desired {
    Desired { host: host.to_owned(), ..Desired::default() }
}

/// Does a value of it hold what desired state replaces by a value of its own? There is no other way to write that.
fn refers(draft: &Draft) -> bool {
    fn any(value: &Value) -> bool {
        match value {
            Value::String(text) => text.contains("${values."),
            Value::Array(items) => items.iter().any(any),
            Value::Object(keys) => keys.values().any(any),
            _ => false,
        }
    }
    draft.keys.iter().any(|(_, value)| any(value))
}

fn as_unseen(draft: Draft) -> (String, Unknown) {
    let detail = "it holds `${values.`, which desired state would take for a reference";
    (draft.name, Unknown::new(Reason::NotSupported, detail))
}

/// Drafts in their order, the first of a name wins.
fn wanted(
    drafts: Vec<(ResourceName, Draft)>,
    there: &[(ResourceName, Verdict, Option<Unknown>)],
) -> Vec<Wanted> {
    let mut seen = std::collections::BTreeSet::new();
    let mut wanted = Vec::new();
    for (name, draft) in drafts {
        if seen.insert(name.clone()) {
            let in_sync = there.iter().any(|(n, v, _)| *n == name && *v == Verdict::InSync);
            wanted.push(Wanted { name, draft, in_sync });
        }
    }
    wanted
}

/// How those of the resources that desired state has are judged now.
async fn verdicts(
    opened: &world::Opened,
    desired: &Desired,
    names: &[ResourceName],
) -> Vec<(ResourceName, Verdict, Option<Unknown>)> {
    let questions: Vec<Question> = drift::questions(desired)
        .into_iter()
        .filter(|question| names.contains(&question.name))
        .collect();
    let snapshot = observed::collect(&opened.probe, &questions, &SystemClock).await;
    let judged = drift::compare(desired, &snapshot, None, snapshot.observed_at);
    let of_names = judged.into_iter().filter(|judged| names.contains(&judged.resource.name));
    of_names.map(|judged| (judged.resource.name.clone(), judged.verdict, why(judged))).collect()
}

fn why(judged: Judged<'_>) -> Option<Unknown> {
    judged.unknown.or_else(|| judged.comparison.blind.into_iter().next().map(|b| b.unknown))
}

fn show(
    writing: &Writing,
    summary: &Summary,
    folder: Option<&Path>,
    global: &Global,
    output: &Output,
) -> Result<(), Failure> {
    // The file that -o names is the folder; what is said about it goes where people read.
    let told = output.printed();
    if output.is("json") {
        return told.write(|out| summary.json(writing, folder, out));
    }
    if folder.is_none() {
        told.write(|out| {
            for (path, bytes) in &writing.files {
                writeln!(out, "# {path}\n{}", String::from_utf8_lossy(bytes))?;
            }
            Ok(())
        })?;
        told.say(&summary.text(writing, None, global));
        return Ok(());
    }
    let text = summary.text(writing, folder, global);
    told.write(|out| out.write_all(text.as_bytes()))
}

/// Something of it was changed.
fn is_written(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Added | Outcome::Changed)
}
