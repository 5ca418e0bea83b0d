//! The commands that would close a gap, and what no command can do. Nothing is run.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::{Found, story};
use crate::desired::{Desired, Requirement};
use crate::drift::{Judged, Verdict};
use crate::evidence::{GapResult, Held, Openness};
use crate::model::Route;
use crate::model::display::{escaped_line, shell_word};

pub(super) fn tell(
    found: &Found<'_>,
    desired: &Desired,
    judged: &[Judged<'_>],
    out: &mut dyn Write,
) -> io::Result<()> {
    found.head.tell(out)?;
    for gap in &found.gaps {
        story::first_line(gap, out)?;
        if gap.state == Openness::Closed {
            writeln!(out, "  nothing is left to do")?;
        } else {
            one(gap, desired, judged, out)?;
        }
    }
    Ok(())
}

/// A line in a package: a command, or what a person has to do.
fn line(out: &mut dyn Write, key: &str, text: &str) -> io::Result<()> {
    writeln!(out, "  {key:<9}{}", escaped_line(text, usize::MAX))
}

fn one(
    result: &GapResult,
    desired: &Desired,
    judged: &[Judged<'_>],
    out: &mut dyn Write,
) -> io::Result<()> {
    let Some(gap) = desired.gaps.get(&result.gap) else { return Ok(()) };
    let names: BTreeSet<_> = gap.resources(&result.gap, desired).into_iter().collect();
    let open: Vec<&Judged<'_>> = judged
        .iter()
        .filter(|one| names.contains(&one.resource.name) && one.verdict != Verdict::InSync)
        .collect();
    for one in open.iter().filter(|one| one.verdict == Verdict::Unknown) {
        line(out, "find out", &format!("{}: {}", one.resource.name, one.why()))?;
    }
    let known = |one: &&&Judged<'_>| one.verdict != Verdict::Unknown;
    for one in open.iter().filter(known).filter(|one| one.resource.common.route != Route::Host) {
        let next = one.resource.common.next_action.clone().unwrap_or_else(|| one.why());
        let who = one.resource.common.route.mover();
        line(out, "person", &format!("{who}: {next} ({})", one.resource.name))?;
    }
    let of_host: Vec<&&Judged<'_>> =
        open.iter().filter(known).filter(|one| one.resource.common.route == Route::Host).collect();
    plans(&of_host, out)?;
    proofs(result, gap.closes_when.as_slice(), out)?;
    if let Some(next) = &gap.next {
        line(out, "next", next)?;
    }
    line(out, "then", &format!("countersign gap show {}", shell_word(&result.gap)))
}

/// A plan for all that the host has to be brought to, by the gap that the resources name, or by their own names.
fn plans(open: &[&&Judged<'_>], out: &mut dyn Write) -> io::Result<()> {
    let gaps: BTreeSet<&str> =
        open.iter().filter_map(|one| one.resource.common.gap.as_deref()).collect();
    let alone = open.iter().filter(|one| one.resource.common.gap.is_none());
    let mut scopes: Vec<String> =
        gaps.iter().map(|gap| format!("--gap {}", shell_word(gap))).collect();
    let only: Vec<String> = alone
        .map(|one| {
            let pattern = globset::escape(&one.resource.name.to_string());
            format!("--only {}", shell_word(&pattern))
        })
        .collect();
    if !only.is_empty() {
        scopes.push(only.join(" "));
    }
    for scope in scopes {
        line(out, "run", &format!("countersign plan {scope} -o plan.json"))?;
        let approve = "countersign approve plan.json --as NAME --role ROLE --reason TEXT";
        line(
            out,
            "run",
            &format!("{approve}    # as many people as the policy of its steps wants"),
        )?;
        line(out, "run", "countersign apply plan.json --approval FILE...")?;
    }
    Ok(())
}

/// The proofs that were not run, or did not come out as they should, and what nobody has stated.
fn proofs(result: &GapResult, requirements: &[Requirement], out: &mut dyn Write) -> io::Result<()> {
    for (requirement, backing) in requirements.iter().zip(&result.backing) {
        if backing.held == Held::Yes {
            continue;
        }
        let name = requirement.text();
        match requirement {
            Requirement::Proof(_) | Requirement::Proofset(_) => {
                line(out, "run", &format!("countersign prove {}", shell_word(&name)))?;
            }
            Requirement::Attestation(_) => {
                let name = shell_word(name.strip_prefix("attestation.").unwrap_or(&name));
                let who = "--as NAME --role ROLE --reason TEXT";
                line(out, "run", &format!("countersign attest {name} {who}"))?;
            }
            _ => {}
        }
    }
    Ok(())
}
