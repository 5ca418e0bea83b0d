//! `countersign gap history`: what the executor's ledger says of gaps. Looks at nothing else.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde::Serialize;

use super::super::error::Failure;
use super::super::output::Output;
use super::super::planning::CLOCK;
use super::super::{Global, context, exit, ledgers};
use super::{History, chosen};
use crate::desired::Desired;
use crate::ledger::{Entry, Event};
use crate::model::display::{escape, escaped_line};
use crate::model::{Digest, Timestamp, json};
use crate::plan::Scope;

/// What happened to one gap.
#[derive(Serialize)]
struct Told {
    gap: String,
    entries: Vec<Line>,
}

/// One entry of the ledger about it.
#[derive(Serialize)]
struct Line {
    entry: u64,
    at: Timestamp,
    event: &'static str,
    detail: String,
}

#[derive(Serialize)]
struct Shown {
    schema: &'static str,
    version: u32,
    gaps: Vec<Told>,
}

pub(super) fn run(history: &History, global: &Global, output: &Output) -> Result<u8, Failure> {
    let config = context::config(global, false)?;
    let (tree, host) = context::tree_of_host(&config)?;
    let (desired, _) = context::desired(&tree, &host, &CLOCK)?;
    let names = chosen(&desired, Some(&history.names).filter(|names| !names.is_empty()))?;
    let entries: Vec<Entry> = match ledgers::read(&config)? {
        Some(reader) => reader.entries()?.collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    let gaps: Vec<Told> = names.iter().map(|name| of(name, &desired, &entries)).collect();
    if output.is("json") {
        let shown = Shown { schema: "countersign.gap.history", version: 1, gaps };
        output.write(|out| json::write(out, &shown))?;
    } else {
        output.write(|out| gaps.iter().try_for_each(|told| tell(told, out)))?;
    }
    Ok(exit::OK)
}

fn of(name: &str, desired: &Desired, entries: &[Entry]) -> Told {
    let aliases = desired.gaps.get(name).map(|gap| gap.aliases.as_slice()).unwrap_or_default();
    let called = aliases.iter().cloned().chain([name.to_owned()]);
    let scopes: BTreeSet<String> = called.map(|name| Scope::Gap(name).to_string()).collect();
    let mut plans: BTreeSet<Digest> = BTreeSet::new();
    let mut lines = Vec::new();
    for entry in entries {
        let detail = match &entry.event {
            Event::GapChanged(change) if change.gap == name => {
                let from = change.from.as_deref().unwrap_or("not recorded");
                let missing = match change.detail.as_str() {
                    "" => String::new(),
                    missing => format!(": {missing}"),
                };
                format!("{from} -> {}{missing}", change.to)
            }
            Event::PlanSealed(sealed) => {
                let undone =
                    plans.iter().any(|plan| Scope::Undo(*plan).to_string() == sealed.scope);
                if !undone && !scopes.contains(&sealed.scope) {
                    continue;
                }
                plans.insert(sealed.plan);
                format!("{}, {} steps", sealed.scope, sealed.steps)
            }
            event => match (entry.plan(), about(event)) {
                (Some(plan), Some(about)) if plans.contains(&plan) => {
                    format!("plan {}{about}", &plan.to_string()[..12])
                }
                _ => continue,
            },
        };
        let event = entry.event.type_name();
        lines.push(Line { entry: entry.seq, at: entry.time, event, detail });
    }
    Told { gap: name.to_owned(), entries: lines }
}

/// What an entry about a plan adds to its type. Its steps have entries of their own, which `ledger show` prints.
fn about(event: &Event) -> Option<String> {
    Some(match event {
        Event::QuorumMet(met) => format!(", {}", met.approvers.join(", ")),
        Event::PlanFailed(failed) => format!(", {}", failed.detail),
        Event::PlanAbandoned(abandoned) => format!(", {}", abandoned.detail),
        Event::Refused(refused) => format!(", {}", refused.code),
        Event::PlanDone(_) => String::new(),
        _ => return None,
    })
}

fn tell(told: &Told, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", escape(&told.gap))?;
    if told.entries.is_empty() {
        return writeln!(out, "  nothing is recorded; `countersign gap record` does that");
    }
    for line in &told.entries {
        let detail = escaped_line(&line.detail, 160);
        writeln!(out, "  {}  [{}]  {:<16}  {detail}", line.at, line.entry, line.event)?;
    }
    Ok(())
}
