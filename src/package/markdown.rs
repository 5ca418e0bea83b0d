//! Documents as Markdown. Whatever was observed is escaped as text.

use std::fmt::Write as _;

use super::files::View;
use super::line;
use super::value::{Backing, Cite, Gap, Gate, Line, NonMutation, Package, deed, word};
use super::{ENVELOPE, OBSERVATIONS, PAGE, SUMS, VALUE, excerpt};
use crate::evidence::{Held, Openness, State};
use crate::report::markdown_text as text;

/// How many things a line rests on are written beside it; `package.json` has all.
const CITES_SHOWN: usize = 3;

/// One document.
pub(super) fn document(view: &View<'_>) -> String {
    let mut out = head(view);
    if view.last {
        final_document(view, &mut out);
    } else {
        for gate in view.gates() {
            one_gate(gate, &mut out);
        }
        if !view.document.proofs.is_empty() {
            heading(&mut out, "What was proven");
            proven(&view.document.proofs, &mut out);
        }
        if view.gaps().next().is_some() {
            heading(&mut out, "Gaps");
            view.gaps().for_each(|gap| one_gap(gap, &mut out));
        }
        resources(view, &mut out);
    }
    out
}

fn heading(out: &mut String, title: &str) {
    let _ = writeln!(out, "\n## {title}\n");
}

fn head(view: &View<'_>) -> String {
    let header = &view.package.header;
    let mut out =
        format!("# {} {}\n\n| | |\n|---|---|\n", view.document.name, text(&view.document.title));
    let mut row =
        |key: &str, value: &str| line(&mut out, format_args!("| {key} | {} |", text(value)));
    row("report", &header.id);
    row("date_utc", &header.date_utc.to_string());
    row("host", &header.host);
    row("commit", &commit(view.package));
    let gates = if view.document.gates.is_empty() {
        "none".to_owned()
    } else {
        view.document.gates.join(", ")
    };
    row("gate covered", &gates);
    row("result", &view.result());
    for note in super::notes(view.package) {
        row("note", &note);
    }
    out
}

pub(super) fn commit(package: &Package) -> String {
    let header = &package.header;
    header.commit.clone().filter(|_| header.pinned).unwrap_or_else(|| "unpinned".to_owned())
}

fn final_document(view: &View<'_>, out: &mut String) {
    let package = view.package;
    let result = &package.outcome;
    heading(out, "1. Summary");
    let _ = writeln!(out, "**FINAL RESULT: {}**\n", text(&result.token));
    let _ = writeln!(out, "{}", text(&super::summary(package)));
    for blocker in &result.blockers {
        let _ = writeln!(out, "- {}", text(blocker));
    }
    heading(out, "2. Gates");
    let _ = writeln!(out, "| gate | state | title | missing |\n|---|---|---|---|");
    for gate in &package.gates {
        let missing = gate.missing.as_deref().unwrap_or_default();
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |",
            text(&gate.gate),
            gate.state,
            text(&gate.title),
            text(missing)
        );
    }
    heading(out, "3. Criteria");
    lines(&package.criteria, word, out);
    heading(out, "4. What was proven");
    let proofs: Vec<Line> = package.documents.iter().flat_map(|one| one.proofs.clone()).collect();
    proven(&proofs, out);
    heading(out, "5. Honest residue");
    residue(package, out);
    heading(out, "6. Non-mutation, as measured");
    non_mutation(&package.non_mutation, out);
    heading(out, "7. Forbidden actions");
    lines(&package.forbidden, deed, out);
    heading(out, "8. Next");
    for (at, next) in package.next.iter().enumerate() {
        let _ = writeln!(out, "{}. {}", at + 1, text(next));
    }
    heading(out, "9. STOP");
    let _ = writeln!(out, "{}", super::STOP);
}

fn one_gate(gate: &Gate, out: &mut String) {
    heading(out, &format!("Gate {}: {}", text(&gate.gate), text(&gate.title)));
    let _ = writeln!(out, "**{}**", gate.state);
    if let Some(missing) = &gate.missing {
        let _ = writeln!(out, "\nmissing: {}", text(missing));
    }
    if gate.state == State::Blocked {
        let _ = writeln!(
            out,
            "\nNothing is concluded from what follows: it waits for {}.",
            text(&gate.blocked_by.join(", "))
        );
    }
    let _ = writeln!(out);
    gate.backing.iter().for_each(|one| backing(one, word(one.held), out));
    lines(&gate.criteria, word, out);
}

fn one_gap(gap: &Gap, out: &mut String) {
    let aliases = if gap.aliases.is_empty() {
        String::new()
    } else {
        format!(" ({})", gap.aliases.join(", "))
    };
    let name = format!("{}{aliases}", gap.gap);
    let _ = writeln!(out, "- **{}** {}: {}", gap.state, text(&name), text(&gap.title));
    let mut more = |key: &str, value: Option<&String>| {
        if let Some(value) = value {
            let _ = writeln!(out, "  - {key}: {}", text(value));
        }
    };
    more("missing", gap.missing.as_ref());
    more("residue", gap.residue.as_ref());
    more("next", gap.next.as_ref());
    more("moves", Some(&gap.contact));
}

fn lines(lines: &[Line], says: fn(Held) -> &'static str, out: &mut String) {
    for line in lines {
        let why =
            if line.held == Held::Yes { String::new() } else { format!(": {}", line.missing()) };
        let _ = writeln!(out, "- **{}** {}{}", says(line.held), text(&line.name), text(&why));
        for one in &line.backing {
            out.push_str("  ");
            backing(one, word(one.held), out);
        }
    }
}

fn proven(proofs: &[Line], out: &mut String) {
    lines(proofs, word, out);
    for part in proofs.iter().flat_map(|line| &line.parts) {
        let because = part.because.join("; ");
        let _ = writeln!(
            out,
            "  - {} {} {}: {}",
            word(part.held),
            text(&part.name),
            text(&part.title),
            text(&because)
        );
    }
    if proofs.is_empty() {
        let _ = writeln!(out, "nothing");
    }
}

fn backing(one: &Backing, held: &str, out: &mut String) {
    let said = if one.held == Held::Yes {
        one.seen.as_str()
    } else {
        one.missing.as_deref().unwrap_or(&one.seen)
    };
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    let _ = writeln!(out, "- {held} `{}`{}{}", code(&one.requires), text(&said), cites(&one.cites));
}

fn cites(cites: &[Cite]) -> String {
    let shown: Vec<String> = cites
        .iter()
        .take(CITES_SHOWN)
        .map(|cite| format!("`{}`", code(&cite.to_string())))
        .collect();
    match (shown.len(), cites.len() - shown.len()) {
        (0, _) => String::new(),
        (_, 0) => format!(" [{}]", shown.join(", ")),
        (_, more) => format!(" [{}, and {more} more in {VALUE}]", shown.join(", ")),
    }
}

/// Text between two backticks.
fn code(raw: &str) -> String {
    crate::model::display::escape(raw).replace('`', "'")
}

fn residue(package: &Package, out: &mut String) {
    let open =
        package.gaps.iter().filter(|gap| gap.state != Openness::Closed || gap.residue.is_some());
    let mut some = false;
    for gap in open {
        some = true;
        one_gap(gap, out);
    }
    let counts = package.resources;
    if counts.waived + counts.explained + counts.unknown > 0 {
        some = true;
        let _ = writeln!(
            out,
            "- {} resources are waived, {} explained, {} could not be told",
            counts.waived, counts.explained, counts.unknown
        );
    }
    if !some {
        let _ = writeln!(out, "none that desired state names");
    }
}

fn non_mutation(measured: &NonMutation, out: &mut String) {
    let _ = writeln!(out, "**{}**\n", word(measured.held));
    for line in super::measured::told(measured) {
        let _ = writeln!(out, "- {}", text(&line));
    }
}

fn resources(view: &View<'_>, out: &mut String) {
    let resources = &view.document.resources;
    if resources.is_empty() {
        return;
    }
    heading(out, "Resources");
    let _ = writeln!(out, "| resource | verdict | seen | backed by |\n|---|---|---|---|");
    for one in resources {
        let (name, cites) = (text(&one.resource), cites(&one.cites));
        let _ =
            writeln!(out, "| {name} | {} | {} | {} |", one.verdict, text(&one.seen), cites.trim());
    }
}

/// What is in the folder, and how to verify it with and without this program.
pub(super) fn readme(package: &Package) -> String {
    let header = &package.header;
    let (id, token) = (text(&header.id), text(&package.outcome.token));
    let (entries, blobs) = (excerpt::ENTRIES, excerpt::BLOBS);
    format!(
        r#"# {id}: {token}

`{PAGE}` is the whole, for people; the numbered documents are its parts, each as Markdown, HTML and JSON; `{VALUE}` is the whole for
programs. What its lines rest on lies beside them: `{OBSERVATIONS}` is what was seen (a recorded world: `countersign check --replay`
judges it again), `{entries}` are the entries of the executor's ledger that are cited, with their proofs and with what belongs to
them in `{blobs}`.

Verify it with the ledger's key, which you have from somebody else than the sender of this folder:

    countersign report verify . --ledger-key 'NAME+ID+BASE64'

With stock tools: the sums, and that they are those that were signed.

    sha256sum -c {SUMS}
    jq -r .payload {ENVELOPE} | base64 -d | jq -r '.subject[] | .digest.sha256 + "  " + .name' | cmp - {SUMS}

`{ENVELOPE}` is a DSSE envelope with an in-toto Statement v1. Its signature is Ed25519 over `DSSEv1 LENGTH TYPE LENGTH PAYLOAD`.
"#
    )
}
