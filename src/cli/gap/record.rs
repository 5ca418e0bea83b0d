//! `countersign gap record`: states of gaps onto the executor's ledger, where they are others than before.

use std::collections::BTreeMap;

use super::super::error::Failure;
use super::super::output::Output;
use super::super::planning::{self, CLOCK};
use super::super::resting::{self, Deadline};
use super::super::{Global, exit, refusal};
use super::{all, chosen, narrow};
use crate::config::strict;
use crate::evidence::{GapResult, Openness};
use crate::ledger::event::GapChanged;
use crate::ledger::{Event, Reader};
use crate::model::display::escaped_line;

pub(super) fn run(deadline: &Deadline, global: &Global, output: &Output) -> Result<u8, Failure> {
    if output.is("json") {
        let message = "`gap record` has no format `json`";
        return Err(Failure::new(exit::USAGE, message).hint("`gap history` tells it to programs"));
    }
    let config = strict::load(&global.overrides())?;
    let (_, mut desired, _) = planning::desired(&config, &CLOCK)?;
    let names = chosen(&desired, None)?;
    narrow(&mut desired, &names);
    let looked = resting::live(deadline, &config, &desired)?;
    let (_, mut ledger) = refusal::open(&config)?;
    let known = newest(&ledger.reader())?;
    let commit = desired.commit.clone().unwrap_or_default();
    let (mut said, mut untold) = (Vec::new(), false);
    for gap in all(&desired, &looked) {
        untold |= gap.untold;
        let (name, from) = (gap.gap.clone(), known.get(&gap.gap).cloned());
        match change(&gap, from.as_deref()) {
            Change::None => {}
            Change::Untold => {
                said.push(format!("{name}: not recorded, not all of it could be told or was run"));
            }
            Change::To(to) => {
                let was = from.as_deref().unwrap_or("not recorded");
                said.push(format!("{name}: {was} -> {to}"));
                let detail = gap.missing.unwrap_or_default();
                let event = GapChanged { gap: name, from, to, commit: commit.clone(), detail };
                ledger.append(&event.into(), &[])?;
            }
        }
    }
    ledger.checkpoint()?;
    output.write(|out| {
        if said.is_empty() {
            writeln!(out, "every gap is as it was recorded last")?;
        }
        said.iter().try_for_each(|line| writeln!(out, "{}", escaped_line(line, usize::MAX)))
    })?;
    Ok(if untold { exit::UNKNOWN } else { exit::OK })
}

enum Change {
    None,
    To(String),
    /// It is not known to be closed, and not known why not.
    Untold,
}

/// A database that does not answer opens no gap: what could not be told is no change.
fn change(gap: &GapResult, from: Option<&str>) -> Change {
    let to = gap.state.to_string();
    if gap.untold && gap.state != Openness::Closed {
        Change::Untold
    } else if from == Some(to.as_str()) {
        Change::None
    } else {
        Change::To(to)
    }
}

/// The state of each gap that was recorded last.
fn newest(reader: &Reader) -> Result<BTreeMap<String, String>, Failure> {
    let mut newest = BTreeMap::new();
    for entry in reader.entries()? {
        if let Event::GapChanged(change) = entry?.event {
            newest.insert(change.gap, change.to);
        }
    }
    Ok(newest)
}
