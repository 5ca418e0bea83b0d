//! `countersign history`: what became of a resource, as the observer's ledger says.

use super::error::Failure;
use super::output::Output;
use super::{Global, context, exit, ledgers};
use crate::ledger::event::VerdictChange;
use crate::ledger::{ActorKind, Event, LedgerError, Reader};
use crate::model::display::escape;
use crate::model::{ResourceName, Timestamp, json, nearest};

/// Say what became of a resource
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Reads the observer's ledger, which is verified on the way; deleting the controller's own folder takes nothing \
                  away here."
)]
pub(super) struct Arguments {
    /// The resource, as KIND.NAME
    #[arg(value_name = "RESOURCE")]
    resource: String,
    /// The newest so many changes
    #[arg(long, value_name = "COUNT", default_value = "100", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    last: u32,
}

/// A change and when it was seen.
#[derive(Debug, serde::Serialize)]
struct Entry {
    at: Timestamp,
    seq: u64,
    commit: Option<String>,
    #[serde(flatten)]
    change: VerdictChange,
}

pub(super) fn run(arguments: &Arguments, global: &Global, output: &Output) -> Result<u8, Failure> {
    let config = context::config(global, false)?;
    if ResourceName::parse(&arguments.resource).is_none() {
        let message = format!("`{}` is no name of a resource", escape(&arguments.resource));
        return Err(Failure::new(exit::USAGE, message).hint("a name is KIND.NAME"));
    }
    let reader = match Reader::open(&ledgers::folder(&config, ActorKind::Observer)) {
        Err(LedgerError::Missing { path }) => {
            let message = format!("there is no observer's ledger at {}", path.display());
            return Err(Failure::new(exit::ERROR, message).hint("`countersign watch` makes it"));
        }
        opened => opened?,
    };
    let (mut found, mut total) = (std::collections::VecDeque::new(), 0u64);
    let mut others = std::collections::BTreeSet::new();
    for entry in reader.entries()? {
        let entry = entry?;
        let Event::VerdictsChanged(changed) = entry.event else { continue };
        for change in changed.changes {
            if change.resource != arguments.resource {
                others.insert(change.resource);
                continue;
            }
            total += 1;
            if found.len() == arguments.last as usize {
                found.pop_front();
            }
            let (at, seq, commit) = (entry.time, entry.seq, changed.commit.clone());
            found.push_back(Entry { at, seq, commit, change });
        }
    }
    if found.is_empty() {
        let message = format!("nothing is recorded of {}", escape(&arguments.resource));
        let failure = Failure::new(exit::ERROR, message);
        return Err(match nearest(&arguments.resource, others.iter().map(String::as_str)) {
            Some(near) => failure.hint(format!("did you mean `{}`?", escape(near))),
            None => failure,
        });
    }
    show(&arguments.resource, (&found, total), output)
}

fn show(
    resource: &str,
    (found, total): (&std::collections::VecDeque<Entry>, u64),
    output: &Output,
) -> Result<u8, Failure> {
    output.write(|out| {
        if output.is("json") {
            let shown = serde_json::json!({
                "schema": "countersign.history", "version": 1,
                "resource": resource, "total": total, "changes": found,
            });
            return json::write(out, &shown);
        }
        if total > found.len() as u64 {
            writeln!(out, "{} earlier changes are not shown", total - found.len() as u64)?;
        }
        for Entry { at, seq, commit, change } in found {
            let from = change.from.as_deref().unwrap_or("(new)");
            let to = change.to.as_deref().unwrap_or("(gone)");
            let commit = commit.as_deref().map_or("-", |commit| commit.get(..12).unwrap_or(commit));
            let waived = if change.waived { " (waived)" } else { "" };
            write!(out, "{at}  entry {seq}  {commit}  {} -> {}{waived}", escape(from), escape(to))?;
            match change.detail.as_str() {
                "" => writeln!(out)?,
                detail => writeln!(out, "  {}", escape(detail))?,
            }
        }
        Ok(())
    })?;
    Ok(exit::OK)
}
