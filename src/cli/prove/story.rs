//! What was proven, told to people.

use std::io::{self, Write};

use super::Results;
use crate::desired::Expect;
use crate::model::display::{escape, escaped_line};
use crate::proof::{Census, Evidence, Inside, SetResult};

/// What no proof of this kind shows, whatever its verdict.
const NOT_SHOWN: &str = "what only a commit does: serialization failures, NOTIFY, replicas, ON COMMIT; effects outside of the cluster; \
    dead rows, log and statistics, which stay";

pub(super) fn tell(
    results: &Results,
    (sandbox, whole): (bool, bool),
    out: &mut dyn Write,
) -> io::Result<()> {
    if sandbox {
        writeln!(out, "sandbox: this is no machine's own configuration")?;
    }
    // Of the proofs of a set the set itself has a line, which is enough while they are as expected.
    let of_sets = results.of_sets.iter().filter(|one| whole || !one.verdict.is_green());
    for evidence in results.proofs.iter().chain(of_sets) {
        proof(evidence, out)?;
        writeln!(out)?;
    }
    for set in &results.sets {
        of_set(set, out)?;
        writeln!(out)?;
    }
    if !results.proofs.is_empty() || !results.of_sets.is_empty() {
        writeln!(out, "not shown by any of these: {NOT_SHOWN}")?;
    }
    results.broken.iter().try_for_each(|guard| {
        writeln!(
            out,
            "GUARD BROKEN: {} does not hold after the proofs",
            escaped_line(guard, usize::MAX)
        )
    })
}

fn row(out: &mut dyn Write, key: &str, text: &str) -> io::Result<()> {
    writeln!(out, "  {key:<12}{}", escaped_line(text, usize::MAX))
}

fn proof(evidence: &Evidence, out: &mut dyn Write) -> io::Result<()> {
    let title =
        evidence.title.as_deref().map(|title| format!(": {}", escape(title))).unwrap_or_default();
    writeln!(out, "{:<18}  proof.{}{title}", evidence.verdict, escape(&evidence.proof))?;
    for because in &evidence.because {
        row(out, "because", because)?;
    }
    let attempt = &evidence.attempt;
    if let (Some(server), Some(observer)) = (&evidence.server, &evidence.observer) {
        let text = format!(
            "{} on {} (PostgreSQL {}), watched by {observer}",
            evidence.role, server.database, server.version
        );
        row(out, "as", &text)?;
    }
    if let Some(inside) = &attempt.inside {
        of_inside(evidence, inside, out)?;
    }
    if let Some(census) = &attempt.census {
        row(out, "transaction", &of_census(evidence, census))?;
        for one in &census.foreign {
            let whose = one.whose.as_deref().unwrap_or("cannot be told whose");
            row(out, "", &format!("{} committed: {whose}", one.xid))?;
        }
    }
    for remark in &evidence.remarks {
        row(out, "also", remark)?;
    }
    if let (Some(transaction), Some(window)) = (attempt.transaction_us, attempt.window_us) {
        let tries = match evidence.attempts.0 {
            1 => String::new(),
            n => format!(", at the {n}th try"),
        };
        let text = format!(
            "{} in the transaction, {} in all{tries}",
            milliseconds(transaction.0),
            milliseconds(window.0)
        );
        row(out, "took", &text)?;
    }
    Ok(())
}

fn milliseconds(microseconds: u64) -> String {
    format!("{}.{} ms", microseconds / 1_000, microseconds % 1_000 / 100)
}

fn of_inside(evidence: &Evidence, inside: &Inside, out: &mut dyn Write) -> io::Result<()> {
    let attempt = &evidence.attempt;
    let outside = |side: &Option<crate::proof::Outside>,
                   what: fn(&crate::proof::Outside) -> &Option<String>| {
        side.as_ref().and_then(|outside| what(outside).clone()).unwrap_or_else(|| "?".to_owned())
    };
    if let (Some(before), Some(seen)) = (&inside.witness_before, &inside.witness_inside) {
        let after = outside(&attempt.after, |side| &side.witness);
        row(out, "witness", &format!("inside {before} → {seen}, after {after}"))?;
    }
    if attempt.before.as_ref().is_some_and(|side| side.leak.is_some()) {
        let (before, after) = (
            outside(&attempt.before, |side| &side.leak),
            outside(&attempt.after, |side| &side.leak),
        );
        row(out, "leak probe", &format!("{before} before, {after} after"))?;
    }
    if let Expect::Denied(_) = evidence.expect
        && let Some(message) = &inside.message
    {
        let state = inside.sqlstate.as_deref().unwrap_or("?");
        row(out, "refused", &format!("{state}: {message}"))?;
    }
    for (place, value) in &inside.found {
        row(out, "answered", &format!("{place} = {value}"))?;
    }
    if !inside.writes.is_empty() {
        let one = |written: &crate::proof::Written| {
            let counts =
                [("+", &written.inserted), ("~", &written.updated), ("-", &written.deleted)];
            let counts = counts.iter().filter(|(_, count)| *count != "0");
            let counts: Vec<String> =
                counts.map(|(sign, count)| format!("{sign}{count}")).collect();
            format!("{} {}", written.table, counts.join(" "))
        };
        let all: Vec<String> = inside.writes.iter().map(one).collect();
        row(out, "wrote", &all.join(", "))?;
    }
    for sequence in attempt.sequences().iter().filter(|one| one.touched) {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "never".to_owned());
        let text = match &sequence.moved {
            Some((from, to)) => format!("{} {} → {}", sequence.name, shown(from), shown(to)),
            None => format!("{}, by how much the observer may not see", sequence.name),
        };
        row(out, "advanced", &text)?;
    }
    let strong: Vec<String> = inside
        .locks
        .iter()
        .filter(|lock| lock.relkind != "S")
        .map(|lock| format!("{} {}", lock.relation, lock.mode.trim_end_matches("Lock")))
        .collect();
    if !strong.is_empty() {
        row(out, "locked", &strong.join(", "))?;
    }
    if inside.done && inside.fired != "0" {
        let names: Vec<&str> = inside.functions.iter().map(|one| one.name.as_str()).collect();
        let called = if names.is_empty() { "no function".to_owned() } else { names.join(", ") };
        row(out, "called", &called)?;
        let judged =
            format!("{} deferrable constraints, as a commit would make them", inside.fired);
        row(out, "judged", &judged)?;
    }
    Ok(())
}

fn of_census(evidence: &Evidence, census: &Census) -> String {
    let own = evidence.attempt.transaction.as_deref().unwrap_or("?");
    let became = census.own.as_deref().unwrap_or("not told");
    let foreign = match census.foreign.len() {
        0 => "nobody committed".to_owned(),
        1 => "1 transaction of others committed".to_owned(),
        n => format!("{n} transactions of others committed"),
    };
    format!("{own} {became}; in the window {} to {} {foreign}", census.from, census.to)
}

fn of_set(set: &SetResult, out: &mut dyn Write) -> io::Result<()> {
    let title =
        set.title.as_deref().map(|title| format!(": {}", escape(title))).unwrap_or_default();
    writeln!(out, "proofset.{}{title}", escape(&set.proofset))?;
    let width = set.lines.iter().map(|line| line.name.chars().count()).max().unwrap_or(0);
    for line in &set.lines {
        let name = escape(&line.name);
        writeln!(out, "  {:<7}  {name:<width$}  {}", line.holds, escape(&line.title))?;
        for because in &line.because {
            writeln!(out, "           {:width$}  {}", "", escaped_line(because, usize::MAX))?;
        }
    }
    let verdict = if set.holds() { "ALL PASS" } else { "NOT PROVEN" };
    writeln!(out, "  {set} {verdict}")
}
