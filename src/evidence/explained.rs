//! Explained drift: a person whom the host trusts said that a resource differs, in exactly this way and until then.
//!
//! It silences the alarm about that difference and nothing else: the verdict stays what it is, no gate opens, and whatever
//! changes something still refuses while a guard does not hold. When its time is over the difference is critical.

use super::attestation::of_a_guard;
use crate::approval::{Heard, Subject, asked};
use crate::drift::{Explanation, Judged, Verdict};
use crate::model::Difference;
use crate::model::display::escape;

/// Finds the explanations of what differs. Answers why some that would fit do not count, for whoever reads the report.
#[must_use]
pub fn explain(judged: &mut [Judged<'_>], heard: &[Heard]) -> Vec<String> {
    let mut notes = Vec::new();
    for one in judged.iter_mut() {
        // What cannot be told is not explained, as it is not waived.
        if !matches!(one.verdict, Verdict::Drift | Verdict::Pending) {
            continue;
        }
        for heard in heard {
            take(one, heard, &mut notes);
        }
        one.explanations.sort_by_key(|explanation| explanation.until);
        let covered = |at: usize, field: &str| {
            let explained = |one: &Explanation| !one.over && one.differences.contains(&at);
            let waived = one.waivers.iter().any(|waiver| waiver.covers(field));
            waived || one.explanations.iter().any(explained)
        };
        let mut differences = one.comparison.differences.iter().enumerate();
        let all = differences.all(|(at, difference)| covered(at, &difference.field));
        let in_force = one.explanations.iter().any(|explanation| !explanation.over);
        let overdue = one.explanations.iter().filter(|explanation| explanation.over).any(|over| {
            let again = |at: &usize| {
                let renewed = |one: &Explanation| !one.over && one.differences.contains(at);
                one.explanations.iter().any(renewed)
            };
            !over.differences.iter().all(again)
        });
        one.explained = all && in_force && !one.waived;
        one.overdue = overdue && !one.waived && !one.explained;
        if one.waived || one.explained {
            one.explanations.retain(|explanation| !explanation.over);
        }
    }
    notes
}

/// Takes an explanation that fits some of what differs.
fn take(one: &mut Judged<'_>, heard: &Heard, notes: &mut Vec<String>) {
    let said = &heard.assertion;
    let Subject::Explained { resource, question, differences, run } = &said.about else { return };
    if *resource != one.resource.name || !(heard.refused.is_none() || heard.is_over()) {
        return;
    }
    // A push can have the same name mean another file.
    if *question != asked(&one.resource.spec.question(&resource.name)) {
        return notes.push(format!(
            "what {} signed of {resource} explains nothing: desired state looks at something else for it now",
            escape(&said.approver)
        ));
    }
    let differs = &one.comparison.differences;
    let reads = |found: &&Difference| differences.iter().any(|expected| expected.reads_like(found));
    if let Some(found) = differs.iter().filter(|found| found.partial).find(reads) {
        notes.push(format!(
            "{} of {resource} cannot be explained: what is there may change without a change of what is said of it",
            escape(&found.field)
        ));
    }
    let fits = differs.iter().enumerate();
    let fits = fits.filter(|(_, found)| differences.iter().any(|expected| expected.is(found)));
    let fits: Vec<usize> = fits.map(|(at, _)| at).collect();
    if fits.is_empty() {
        return;
    }
    if one.resource.common.kill_switch && !heard.of_guards {
        return notes.push(of_a_guard(heard));
    }
    one.explanations.push(Explanation {
        differences: fits,
        by: said.approver.clone(),
        role: said.role.clone(),
        reason: said.reason.clone(),
        run: run.clone(),
        until: said.expires,
        over: heard.is_over(),
        attestation: heard.id,
        entry: heard.entry,
    });
}
