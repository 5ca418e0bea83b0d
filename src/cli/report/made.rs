//! `countersign report NAME -o DIR`: looks, computes, writes, signs.

use std::collections::BTreeSet;
use std::path::Path;

use super::super::error::Failure;
use super::super::output::{Output, place};
use super::super::{Global, attested, check, context, exit, outcomes, refusal, resting};
use super::{Arguments, history, ledger, measure};
use crate::approval::Heard;
use crate::config::{Config, strict};
use crate::desired::{Desired, ReportPlan, Requirement, needed};
use crate::drift;
use crate::evidence::{self, Facts, Recorded, Window};
use crate::ledger::Ledger;
use crate::ledger::event::ReportMade;
use crate::model::display::{escape, escaped_line};
use crate::model::{Digest, ResourceName, Timestamp};
use crate::observed::{self, Snapshot};
use crate::package::assemble::{Input, assemble};
use crate::package::value::{Header, History, Package};
use crate::package::{Files, Statement, files};
use crate::plan::format::HostId;
use crate::probe::deeds;
use crate::report::{self, Report};

pub(super) fn run(
    name: &str,
    arguments: &Arguments,
    global: &Global,
    output: &Output,
) -> Result<u8, Failure> {
    let to = folder(output)?;
    let earlier = deeds::so_far();
    let config = match &arguments.looking.replay {
        Some(_) => context::config(global, true)?,
        None => strict::load(&global.overrides())?,
    };
    let mut desired = resting::desired(&config)?;
    let (name, plan) = plan(name, &desired)?;
    narrow(&mut desired, &plan);
    // Held until the end: nothing is applied between the first look and the seal.
    let mut ledger = match &arguments.looking.replay {
        Some(_) => None,
        None => Some(refusal::open(&config)?.1),
    };
    let looked = match &arguments.looking.replay {
        Some(file) => measure::Looked {
            snapshot: check::recording(file)?,
            machine_id: Err(crate::model::Unknown::new(
                crate::model::Reason::NotRecorded,
                "a recorded world",
            )),
            notes: Vec::new(),
            non_mutation: measure::nothing(),
        },
        None => measure::look(&config, &desired, arguments.looking.deadline.time(), &earlier)?,
    };
    let made = Made {
        name,
        plan: &plan,
        config: &config,
        desired: &desired,
        replayed: arguments.looking.replay.is_some(),
        to,
    };
    let (package, mut files) = made.make(looked, ledger.as_mut())?;
    let sealed = ledger.as_mut().map(|ledger| {
        files::seal(&mut files, &package, |of, payload| ledger.envelope(of, payload))
    });
    for (name, bytes) in &files {
        place(to, Path::new(name), bytes)?;
    }
    // After the files: what is recorded as made can be found.
    let sealed = match (sealed, ledger.as_mut()) {
        (Some(statement), Some(ledger)) => Some(made.record(&package, &statement, ledger)?),
        _ => None,
    };
    tell(&package, files.len(), sealed.zip(ledger.as_ref()), to, &output.printed())?;
    Ok(code(&package))
}

/// A new folder, so that a package holds nothing of an earlier one.
fn folder(output: &Output) -> Result<&Path, Failure> {
    let usage =
        |message: String| Failure::new(exit::USAGE, message).hint("name a new folder with -o DIR");
    let to = output.file().ok_or_else(|| usage("the package needs a folder".to_owned()))?;
    let entries = std::fs::read_dir(to).map(|mut entries| entries.next().is_none());
    match entries {
        Ok(true) => Ok(to),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(to),
        Ok(false) | Err(_) => {
            Err(usage(format!("{} is there and not empty", escape(&to.display().to_string()))))
        }
    }
}

fn plan(name: &str, desired: &Desired) -> Result<(String, ReportPlan), Failure> {
    let bare = name.strip_prefix("report.").unwrap_or(name);
    if let Some(plan) = desired.reports.get(bare) {
        return Ok((bare.to_owned(), plan.clone()));
    }
    Err(resting::no_such("report", bare, desired, desired.reports.keys()))
}

/// Keeps what the report rests on.
fn narrow(desired: &mut Desired, plan: &ReportPlan) {
    let gates = needed(&desired.gates, plan.gates());
    let mut required: Vec<Requirement> =
        gates.values().flat_map(|gate| gate.all_requirements()).cloned().collect();
    required.extend(plan.requirements().cloned());
    let named: BTreeSet<&str> = plan.gaps().into_iter().collect();
    let mut members: BTreeSet<ResourceName> = BTreeSet::new();
    for (name, gap) in &desired.gaps {
        let blocks = gap.blocks.iter().any(|gate| gates.contains_key(gate.as_str()));
        if blocks || named.contains(name.as_str()) {
            required.extend(gap.closes_when.iter().cloned());
            members.extend(gap.members(name, desired).into_iter().cloned());
        }
    }
    resting::keep(desired, &required, members);
}

/// A report that is being made.
struct Made<'a> {
    name: String,
    plan: &'a ReportPlan,
    config: &'a Config,
    desired: &'a Desired,
    replayed: bool,
    to: &'a Path,
}

impl Made<'_> {
    fn make(
        &self,
        looked: measure::Looked,
        ledger: Option<&mut Ledger>,
    ) -> Result<(Package, Files), Failure> {
        let desired = self.desired;
        let now = looked.snapshot.observed_at;
        let host_id = looked.machine_id.as_ref().ok().map(|id| HostId::id_of(id).to_string());
        let recorded = match ledger {
            Some(_) => outcomes::read(self.config, looked.machine_id.clone())?,
            None => Recorded {
                unread: Some("a recorded world has no ledger".to_owned()),
                ..Recorded::default()
            },
        };
        let since = now
            .unix_seconds()
            .saturating_sub(i64::try_from(self.plan.window.seconds()).unwrap_or(i64::MAX));
        let told = ledger.as_deref().map(|ledger| {
            ledger::read(ledger, Timestamp::from_unix_seconds(since), &self.plan.gaps())
        });
        let told = told.transpose()?;
        let explanations = if self.replayed {
            Ok(Vec::new())
        } else {
            attested::explanations(self.config, looked.machine_id.clone())
        };
        let (judged, explained) = self.judged(&looked.snapshot, &explanations);
        let facts = Facts::new(desired, &judged, &recorded, now);
        let unread = Window {
            unread: Some("a recorded world has no ledger".to_owned()),
            ..Window::default()
        };
        let window = told.as_ref().map_or(&unread, |told| &told.window);
        let result = evidence::report(&facts, self.plan, window);
        let excerpt = match (&told, ledger) {
            (Some(told), Some(ledger)) => Some(told.excerpt(ledger, &result.entries())?),
            _ => None,
        };
        let (drift, silent) =
            if self.replayed { (Vec::new(), None) } else { history::drift(self.config)? };
        let mut non_mutation = looked.non_mutation;
        non_mutation.wrote = self.wrote();
        let notes = looked.notes.into_iter().chain(explained).chain(silent).collect();
        let package = assemble(&Input {
            header: self.header(now, host_id, notes),
            plan: self.plan,
            desired,
            snapshot: &looked.snapshot,
            judged: &judged,
            recorded: &recorded,
            result: &result,
            excerpt: excerpt.as_ref(),
            non_mutation,
            history: History { drift, gaps: told.map(|told| told.gaps).unwrap_or_default() },
        });
        let report = self.report(&package, self.judged(&looked.snapshot, &explanations).0);
        let observations = observed::write(&looked.snapshot)?;
        let files = files::files(&package, &report, observations, excerpt.as_ref());
        Ok((package, files))
    }

    /// What was seen, held against what is wanted and what people have explained; and what is worth saying about that.
    fn judged(
        &self,
        snapshot: &Snapshot,
        explanations: &Result<Vec<Heard>, String>,
    ) -> (Vec<drift::Judged<'_>>, Vec<String>) {
        let mut judged = drift::compare(self.desired, snapshot, None, snapshot.observed_at);
        let mut notes = Vec::new();
        match explanations {
            Ok(heard) => notes.extend(evidence::explain(&mut judged, heard)),
            Err(why) => notes.push(format!("whether drift is explained cannot be told: {why}")),
        }
        (judged, notes)
    }

    /// The run writes its package, and says on the ledger that it did.
    fn wrote(&self) -> Vec<String> {
        let mut wrote = vec![format!("the package: {}", escape(&self.to.display().to_string()))];
        if !self.replayed {
            wrote.push("the executor's ledger: a checkpoint, and an entry report.made that names the package".to_owned());
        }
        wrote
    }

    fn header(&self, now: Timestamp, host_id: Option<String>, notes: Vec<String>) -> Header {
        let desired = self.desired;
        Header {
            report: self.name.clone(),
            id: self.plan.id.clone(),
            title: self.plan.title.clone(),
            date_utc: now,
            host: desired.host.clone(),
            host_id,
            commit: desired.commit.clone(),
            pinned: desired.pinned,
            sandbox: self.config.sandbox && !self.replayed,
            replayed: self.replayed,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            notes,
        }
    }

    fn report(&self, package: &Package, judged: Vec<drift::Judged<'_>>) -> Report {
        let header = &package.header;
        let header = report::Header {
            host: header.host.clone(),
            commit: header.commit.clone(),
            pinned: header.pinned,
            sandbox: header.sandbox,
            replayed: header.replayed,
            observed_at: header.date_utc,
            since: None,
            folder: self.desired.folder.clone(),
            source: self.desired.origin.clone(),
            only: Vec::new(),
            notes: header.notes.clone(),
        };
        Report::new(header, judged)
    }

    fn record(
        &self,
        package: &Package,
        statement: &Statement,
        ledger: &mut Ledger,
    ) -> Result<Digest, Failure> {
        let event = ReportMade {
            report: self.name.clone(),
            outcome: package.outcome.token.clone(),
            statement: statement.digest(),
            commit: package.header.commit.clone(),
        };
        ledger.append(&event.into(), &[])?;
        ledger.checkpoint()?;
        Ok(statement.digest())
    }
}

fn tell(
    package: &Package,
    files: usize,
    sealed: Option<(Digest, &Ledger)>,
    to: &Path,
    output: &Output,
) -> Result<(), Failure> {
    if output.is("json") {
        return output.write(|out| crate::model::json::write(out, &package.outcome));
    }
    let folder = escape(&to.display().to_string()).into_owned();
    output.write(|out| {
        writeln!(
            out,
            "{}: {}",
            escape(&package.outcome.token),
            escape(&crate::package::summary(package))
        )?;
        for blocker in &package.outcome.blockers {
            writeln!(out, "  {}", escaped_line(blocker, 200))?;
        }
        writeln!(out, "\npackage of {files} files in {folder}")?;
        match sealed {
            Some((digest, ledger)) => {
                writeln!(out, "statement sha256:{digest}")?;
                writeln!(out, "countersign report verify {folder} --ledger-key '{}'", ledger.key())
            }
            None => writeln!(out, "it is not signed: a recorded world has no ledger"),
        }
    })
}

/// What cannot be told hides what does not hold: of both, the former decides, as in a check.
fn code(package: &Package) -> u8 {
    if package.outcome.ready {
        exit::OK
    } else if package.is_untold() {
        exit::UNKNOWN
    } else {
        exit::DRIFT
    }
}
