//! Pictures as inline SVG. Each has a title and a description, and what it shows stands in a table as well.

use std::fmt::Write as _;

use super::value::{History, Package};
use crate::evidence::{Held, Openness, State};
use crate::model::Timestamp;
use crate::report::page_text as text;

const WIDTH: i64 = 960;
/// The most points of a curve; of more, the newest.
const POINTS_MAX: usize = 500;

/// The class of a gate's state, which has its colour.
pub(super) const fn of_state(state: State) -> &'static str {
    match state {
        State::Pass => "in_sync",
        State::Partial => "pending",
        State::Fail => "drift",
        State::Blocked => "waived",
        State::NotRun => "unknown",
    }
}

pub(super) const fn of_held(held: Held) -> &'static str {
    match held {
        Held::Yes => "in_sync",
        Held::Waived => "waived",
        Held::NotRun | Held::Untold => "unknown",
        Held::No => "drift",
    }
}

pub(super) const fn of_gap(state: Openness) -> &'static str {
    match state {
        Openness::Closed => "in_sync",
        Openness::Partial => "pending",
        Openness::Open => "drift",
    }
}

/// A tile for each gate, and one for each criterion below.
pub(super) fn summary(package: &Package) -> String {
    let gates: Vec<(&str, &str, String)> = package
        .gates
        .iter()
        .map(|gate| (of_state(gate.state), gate.gate.as_str(), gate.state.to_string()))
        .collect();
    let criteria: Vec<&str> = package.criteria.iter().map(|line| of_held(line.held)).collect();
    let described = format!("{}: {}", package.outcome.token, super::summary(package));
    let per_row = gates.len().clamp(1, 10);
    let rows = gates.len().div_ceil(per_row);
    let (tile, line) = (WIDTH / i64::try_from(per_row).unwrap_or(10), 62);
    let below = i64::try_from(rows).unwrap_or(0) * line;
    let height = below + if criteria.is_empty() { 0 } else { 26 };
    let mut out = head("summary", WIDTH, height.max(1), "Gates and criteria", &described);
    for (at, (class, name, state)) in gates.iter().enumerate() {
        let x = i64::try_from(at % per_row).unwrap_or(0) * tile;
        let y = i64::try_from(at / per_row).unwrap_or(0) * line;
        let (name, middle) = (text(&short(name, 12)), x + (tile - 6) / 2);
        let _ = write!(
            out,
            "<g class=\"{class}\"><rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"8\" rx=\"2\"/>\
             <text x=\"{middle}\" y=\"{}\">{name}</text><text class=\"state\" x=\"{middle}\" y=\"{}\">{state}</text></g>",
            tile - 6,
            y + 28,
            y + 46
        );
    }
    let count = i64::try_from(criteria.len()).unwrap_or(1).max(1);
    let step = WIDTH / count;
    for (at, class) in criteria.iter().enumerate() {
        let x = i64::try_from(at).unwrap_or(0) * step;
        let _ = write!(
            out,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{}\" width=\"{}\" height=\"10\" rx=\"2\"/>",
            below + 8,
            (step - 4).max(1)
        );
    }
    out + "</svg>\n"
}

fn short(name: &str, chars_max: usize) -> String {
    if name.chars().count() <= chars_max {
        return name.to_owned();
    }
    name.chars().take(chars_max - 1).chain(['…']).collect()
}

fn head(id: &str, width: i64, height: i64, title: &str, described: &str) -> String {
    format!(
        "<svg class=\"picture\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"{id}-title {id}-said\">\
         <title id=\"{id}-title\">{}</title><desc id=\"{id}-said\">{}</desc>",
        text(title),
        text(described)
    )
}

/// How far along the time from `from` to `to` an instant is.
fn along(at: Timestamp, (from, to): (Timestamp, Timestamp)) -> i64 {
    let whole = (to.unix_seconds() - from.unix_seconds()).max(1);
    let part = (at.unix_seconds() - from.unix_seconds()).clamp(0, whole);
    // Seconds times less than a thousand: far from the end of the numbers.
    part.saturating_mul(WIDTH) / whole
}

/// How many resources differed, over time; nothing where no ledger says.
pub(super) fn drift(history: &History, now: Timestamp) -> String {
    let levels = &history.drift[history.drift.len().saturating_sub(POINTS_MAX)..];
    let Some(first) = levels.first() else { return String::new() };
    let span = (first.at, now.max(first.at));
    let most = levels.iter().map(|level| level.drift + level.unknown).max().unwrap_or(0).max(1);
    let height = 120;
    let y = |count: u64| {
        let count = i64::try_from(count).unwrap_or(i64::MAX / 1000);
        height - 8 - count * (height - 20) / i64::try_from(most).unwrap_or(1).max(1)
    };
    let described = format!(
        "{} changes from {} to {now}; at most {most} resources differed or could not be told",
        levels.len(),
        first.at
    );
    let mut out = head("drift", WIDTH, height, "Drift over time", &described);
    let base = height - 8;
    let _ = write!(out, "<path class=\"axis\" d=\"M0 {base} H{WIDTH}\"/>");
    for (class, count) in [
        ("drift", (|one| one.drift) as fn(&super::value::Level) -> u64),
        ("unknown", |one| one.unknown),
    ] {
        let mut path = String::new();
        for (at, level) in levels.iter().enumerate() {
            let (x, y) = (along(level.at, span), y(count(level)));
            let _ = match at {
                0 => write!(path, "M{x} {y}"),
                _ => write!(path, " H{x} V{y}"),
            };
        }
        let _ = write!(out, "<path class=\"curve {class}\" d=\"{path} H{WIDTH}\"/>");
    }
    out + "</svg>\n"
}

/// A row for each gap whose changes a ledger has: what it was from when on.
pub(super) fn gaps(history: &History, now: Timestamp) -> String {
    let Some(first) = history.gaps.iter().map(|one| one.at).min() else { return String::new() };
    let span = (first, now.max(first));
    let mut names: Vec<&str> = history.gaps.iter().map(|one| one.gap.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let height = i64::try_from(names.len()).unwrap_or(0) * 34;
    let described =
        format!("{} changes of {} gaps from {first} to {now}", history.gaps.len(), names.len());
    let mut out = head("gaps", WIDTH, height, "States of gaps over time", &described);
    for (row, name) in names.iter().enumerate() {
        let y = i64::try_from(row).unwrap_or(0) * 34;
        let _ = write!(out, "<text class=\"name\" x=\"0\" y=\"{}\">{}</text>", y + 14, text(name));
        let changes: Vec<_> = history.gaps.iter().filter(|one| one.gap == *name).collect();
        for (at, change) in changes.iter().enumerate() {
            let from = along(change.at, span);
            let to = changes.get(at + 1).map_or(WIDTH, |next| along(next.at, span));
            let class = match change.state.as_str() {
                "CLOSED" => "in_sync",
                "PARTIAL" => "pending",
                _ => "drift",
            };
            let width = (to - from).max(2);
            let _ = write!(
                out,
                "<rect class=\"{class}\" x=\"{from}\" y=\"{}\" width=\"{width}\" height=\"8\" rx=\"2\"/>",
                y + 20
            );
        }
    }
    out + "</svg>\n"
}
