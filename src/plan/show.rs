//! A plan for people: what it does step by step, from which state to which, and until when. Everything is escaped.

use std::io::{self, Write};

use super::format::{Plan, Rehearsal, SourceId, Step};
use super::{FormatError, effect};
use crate::action::{Action, Condition, Content, PathState, Risk, Undo};
use crate::model::Digest;
use crate::model::display::{escape, escaped_line};

/// How much of a text is shown.
const LINES_MAX: usize = 60;

/// What is known of a plan besides its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Nothing.
    None,
    /// It stands on the executor's ledger.
    Sealed,
    /// It was made, and stands nowhere.
    Draft,
}

/// Writes it, with its digest and that of its effect, where the latter is known; `whole`: with its steps.
///
/// # Errors
/// When the sink cannot be written.
pub fn show(
    plan: &Plan,
    (digest, known): (Digest, Option<Digest>),
    mark: Mark,
    whole: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let bold = anstyle::Style::new().bold();
    let noun = if plan.steps.len() == 1 { "step" } else { "steps" };
    let mark = match mark {
        Mark::None => "",
        Mark::Sealed => ", sealed",
        Mark::Draft => ", a draft that cannot be approved",
    };
    writeln!(out, "{bold}plan {}{bold:#}: {} {noun}{mark}", escape(&plan.id), plan.steps.len())?;
    writeln!(out, "  digest    {bold}{digest:?}{bold:#}")?;
    match known.map_or_else(|| effect(plan), Ok) {
        Ok(effect) => writeln!(out, "  effect    {effect:?}")?,
        Err(FormatError::Malformed(why)) => writeln!(out, "  effect    unknown: {why}")?,
        Err(why) => writeln!(out, "  effect    unknown: {why}")?,
    }
    let (name, hostname) = (escape(&plan.host.name), escape(&plan.host.hostname));
    writeln!(out, "  host      {name} ({hostname}), id {:?}", plan.host.id)?;
    for (name, database) in &plan.databases {
        let (name, own) = (escape(name), escape(&database.name));
        let cluster = escape(&database.system_identifier);
        writeln!(out, "  database  {name} ({own}), cluster {cluster}")?;
    }
    writeln!(
        out,
        "  source    {} at {}",
        escape(&plan.source.origin),
        escape(&plan.source.commit)
    )?;
    writeln!(out, "  scope     {}", plan.scope)?;
    for (guard, value) in &plan.guards {
        writeln!(out, "  guard     {} = {}", escape(guard), escape(value))?;
    }
    writeln!(out, "  valid     {} to {}", plan.created, plan.valid_until)?;
    if !whole {
        return Ok(());
    }
    writeln!(out)?;
    plan.steps.iter().try_for_each(|step| {
        self::step(step, &plan.source, out)?;
        match plan.rehearsals.get(&step.n) {
            Some(rehearsal) => self::rehearsal(rehearsal, out),
            None if matches!(step.action, Action::Sql(_)) => writeln!(out, "      not rehearsed"),
            None => Ok(()),
        }
    })
}

fn rehearsal(rehearsal: &Rehearsal, out: &mut dyn Write) -> io::Result<()> {
    let detail = escaped_line(&rehearsal.detail, usize::MAX);
    let Some(verdict) = &rehearsal.verdict else {
        return writeln!(out, "      not rehearsed: {detail}");
    };
    let took = rehearsal.took_us.map_or(0, |took| took.0);
    let (whole, tenths) = (took / 1_000, took % 1_000 / 100);
    writeln!(
        out,
        "      rehearsed in {whole}.{tenths} ms and rolled back: {}: {detail}",
        escape(verdict)
    )?;
    if !rehearsal.locks.is_empty() {
        let locks = escaped_line(&rehearsal.locks.join(", "), usize::MAX);
        writeln!(out, "      it locked: {locks}")?;
    }
    Ok(())
}

fn step(step: &Step, source: &SourceId, out: &mut dyn Write) -> io::Result<()> {
    let risk = match step.risk {
        Risk::Low => "",
        Risk::Medium => "  [medium risk]",
        Risk::High => "  [HIGH RISK]",
    };
    writeln!(out, "{:>4}. {}{risk}", step.n, step.action)?;
    let plain = step.resources.len() == 1
        && step.action.path().is_some_and(|path| step.resources[0].ends_with(&format!(".{path}")));
    if !plain {
        writeln!(out, "      for     {}", escape(&step.resources.join(", ")))?;
    }
    let removed =
        matches!(&step.undo, Undo::By(action) if matches!(**action, Action::Remove { .. }));
    if removed && matches!(step.before, Condition::Path { is: PathState::Absent, .. }) {
        writeln!(out, "      new: nothing stands there; the undo removes it while it is as made")?;
    } else {
        writeln!(out, "      before  {}", condition(&step.before))?;
        writeln!(out, "      after   {}", condition(&step.after))?;
        match &step.undo {
            Undo::By(action) => writeln!(out, "      undo    {action}")?,
            Undo::Irreversible(why) => writeln!(out, "      undo    none: {}", escape(why))?,
        }
    }
    match &step.action {
        Action::WriteFile { content, .. } => self::content(content, source, out),
        Action::Sql(sql) => sql.statements.iter().try_for_each(|one| {
            text(&one.text, out)?;
            match &one.undo {
                Some(undo) => writeln!(out, "      |   undo: {}", escaped_line(undo, usize::MAX)),
                None => writeln!(out, "      |   undo: none"),
            }
        }),
        Action::ImportKey { key, .. } => self::content(key, source, out),
        _ => Ok(()),
    }
}

fn condition(condition: &Condition) -> String {
    match condition {
        Condition::Path { is, .. } => is.to_string(),
        Condition::Unit { is, .. } => is.to_string(),
        Condition::Key { present, .. } => if *present { "present" } else { "absent" }.to_owned(),
        Condition::Answers { answers, .. } => {
            let names: Vec<String> = answers
                .iter()
                .map(|(name, digest)| format!("{} {:.12}", escape(name), digest.to_string()))
                .collect();
            format!("the answers seen: {}", names.join(", "))
        }
        Condition::InSync { resources, .. } => {
            format!("in sync: {}", escape(&resources.join(", ")))
        }
    }
}

fn content(content: &Content, source: &SourceId, out: &mut dyn Write) -> io::Result<()> {
    match content {
        Content::Text(text) => self::text(text, out),
        Content::Base64(_) => writeln!(out, "      | {} bytes that are no text", content.size()),
        Content::Blob { sha256, size } => {
            let file = source.files.iter().find(|(_, digest)| *digest == sha256);
            let name = match file {
                Some((name, _)) => format!("`{}` of that commit", escape(name)),
                None => "desired state, with its values".to_owned(),
            };
            writeln!(out, "      | {size} bytes of {name}, {sha256:?}")
        }
    }
}

fn text(text: &str, out: &mut dyn Write) -> io::Result<()> {
    for line in text.lines().take(LINES_MAX) {
        writeln!(out, "      | {}", escaped_line(line, usize::MAX))?;
    }
    let more = text.lines().count().saturating_sub(LINES_MAX);
    if more > 0 {
        writeln!(out, "      | … {more} lines more")?;
    }
    Ok(())
}
