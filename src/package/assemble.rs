//! From what was computed to the value of a package: every line with what it rests on.

use super::excerpt::Excerpt;
use super::outcome;
use super::value::{
    Backing, Cite, Counts, Document, Gap, Gate, Header, History, Line, NonMutation, Outcome,
    Package, Part, Resource, SCHEMA, VERSION,
};
use crate::desired::{Desired, ReportPlan, Requirement};
use crate::drift::Judged;
use crate::evidence::{self, Cited, Held, Recorded, ReportResult};
use crate::model::ResourceName;
use crate::observed::{self, Snapshot};
use crate::proof::Holds;
use crate::report::Summary;

/// What a package is made of.
#[derive(Debug)]
pub struct Input<'a> {
    /// What it is about.
    pub header: Header,
    /// What desired state wants reported.
    pub plan: &'a ReportPlan,
    /// Desired state.
    pub desired: &'a Desired,
    /// What was seen.
    pub snapshot: &'a Snapshot,
    /// What was judged of it.
    pub judged: &'a [Judged<'a>],
    /// What the ledger says of proofs.
    pub recorded: &'a Recorded,
    /// What was computed.
    pub result: &'a ReportResult,
    /// The part of the ledger that lines may cite; absent where there is none.
    pub excerpt: Option<&'a Excerpt>,
    /// What the run itself did and found changed.
    pub non_mutation: NonMutation,
    /// How it came to be as it is.
    pub history: History,
}

/// Puts a package together.
#[must_use]
pub fn assemble(input: &Input<'_>) -> Package {
    let result = input.result;
    let mut counts = Summary::default();
    for one in input.judged {
        if one.explained {
            counts.explained += 1;
        } else {
            counts.add(one.verdict, one.waived);
        }
    }
    let documents = input.plan.documents.iter().zip(&result.proofs);
    let documents = documents.map(|(document, proofs)| input.document(document, proofs)).collect();
    let criteria = result.criteria.iter().map(|one| input.line(&one.name, one.held, &one.backing));
    let forbidden =
        result.forbidden.iter().map(|one| input.line(&one.name, one.held, &one.backing));
    let tokens = [input.plan.ready.clone(), input.plan.blocked.clone()];
    let mut package = Package {
        schema: SCHEMA.to_owned(),
        version: VERSION,
        outcome: Outcome { ready: false, token: tokens[1].clone(), blockers: Vec::new(), tokens },
        resources: Counts {
            in_sync: counts.in_sync,
            drift: counts.drift,
            pending: counts.pending,
            unknown: counts.unknown,
            waived: counts.waived,
            explained: counts.explained,
        },
        documents,
        gates: result.gates.iter().map(|gate| input.gate(gate)).collect(),
        criteria: criteria.collect(),
        gaps: result.gaps.iter().map(|gap| input.gap(gap)).collect(),
        forbidden: forbidden.collect(),
        next: input.plan.next.clone(),
        ledger: input.excerpt.map(Excerpt::cited),
        non_mutation: input.non_mutation.clone().judged(),
        history: input.history.clone(),
        header: input.header.clone(),
    };
    package.outcome = outcome(&package);
    package
}

impl Input<'_> {
    fn document(&self, one: &crate::desired::Document, proofs: &[evidence::Backing]) -> Document {
        let proofs = one.proofs.iter().zip(proofs).map(|(requirement, backing)| {
            let mut line =
                self.line(&backing.requires, backing.held, std::slice::from_ref(backing));
            line.parts = self.parts(requirement);
            line
        });
        let shown = |name: &&ResourceName| {
            one.resources.iter().any(|r| r.resources(self.desired).contains(name))
        };
        let resources = self.judged.iter().filter(|judged| shown(&&judged.resource.name));
        Document {
            name: one.name.clone(),
            title: one.title.clone(),
            gates: one.gates.clone(),
            gaps: one.gaps.clone(),
            proofs: proofs.collect(),
            resources: resources.map(|judged| self.resource(judged)).collect(),
        }
    }

    /// The lines of a set, as they came out.
    fn parts(&self, requirement: &Requirement) -> Vec<Part> {
        let Requirement::Proofset(set) = requirement else { return Vec::new() };
        let lines = self.recorded.sets.get(set).map(|record| record.lines.as_slice());
        let part = |line: &crate::proof::LineResult| Part {
            name: line.name.clone(),
            title: line.title.clone(),
            held: match line.holds {
                Holds::Yes => Held::Yes,
                Holds::No => Held::No,
                Holds::Untold => Held::Untold,
                Holds::NotRun => Held::NotRun,
            },
            because: line.because.clone(),
        };
        lines.unwrap_or_default().iter().map(part).collect()
    }

    fn resource(&self, judged: &Judged<'_>) -> Resource {
        let seen = judged.comparison.seen.clone().filter(|_| judged.why().is_empty());
        Resource {
            resource: judged.resource.name.to_string(),
            verdict: match judged {
                Judged { waived: true, .. } => "waived",
                Judged { explained: true, .. } => "explained",
                _ => judged.verdict.word(),
            }
            .to_owned(),
            seen: seen.unwrap_or_else(|| judged.why()),
            cites: self.observation(&judged.resource.name).into_iter().collect(),
        }
    }

    fn gate(&self, gate: &evidence::GateResult) -> Gate {
        let criteria = gate.criteria.iter().map(|one| self.line(&one.name, one.held, &one.backing));
        Gate {
            gate: gate.gate.clone(),
            title: gate.title.clone(),
            state: gate.state,
            missing: gate.missing.clone(),
            needs: gate.needs.clone(),
            blocked_by: gate.blocked_by.clone(),
            backing: self.backings(&gate.backing),
            criteria: criteria.collect(),
        }
    }

    fn gap(&self, gap: &evidence::GapResult) -> Gap {
        Gap {
            gap: gap.gap.clone(),
            aliases: gap.aliases.clone(),
            title: gap.title.clone(),
            state: gap.state,
            required: self.plan.closed.contains(&gap.gap),
            missing: gap.missing.clone(),
            contact: gap.contact.word().to_owned(),
            residue: gap.residue.clone(),
            next: gap.next.clone(),
            backing: self.backings(&gap.backing),
        }
    }

    fn line(&self, name: &str, held: Held, backing: &[evidence::Backing]) -> Line {
        let backing = self.backings(backing);
        Line { name: name.to_owned(), held, backing, parts: Vec::new() }
    }

    fn backings(&self, backing: &[evidence::Backing]) -> Vec<Backing> {
        let one = |one: &evidence::Backing| Backing {
            requires: one.requires.clone(),
            held: one.held,
            seen: one.seen.clone(),
            missing: one.missing.clone(),
            cites: one.cited.iter().filter_map(|cited| self.cite(cited)).collect(),
        };
        backing.iter().map(one).collect()
    }

    fn cite(&self, cited: &Cited) -> Option<Cite> {
        match cited {
            Cited::Observation(name) => self.observation(name),
            Cited::Entry(seq) => {
                let leaf = self.excerpt?.leaf(*seq)?;
                Some(Cite::Entry { seq: *seq, leaf })
            }
        }
    }

    fn observation(&self, name: &ResourceName) -> Option<Cite> {
        let question = self.desired.resources.get(name)?.spec.question(&name.name);
        let answers = self.snapshot.answers.get(name)?;
        let answer = answers.iter().find(|answer| answer.question == question)?;
        let (resource, sha256) = (name.to_string(), observed::digest(name, answer));
        Some(Cite::Observation { resource, sha256 })
    }
}
