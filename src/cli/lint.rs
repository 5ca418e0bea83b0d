//! `countersign lint`: every error of desired state at once, without a look at any host.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::error::Failure;
use super::output::Output;
use super::{Global, context, exit};
use crate::approval::could_attest;
use crate::config::{Config, strict};
use crate::desired::{self, Tree};
use crate::model::{Clock as _, Code, Diagnostic, Level, Lines, SystemClock, json};
use crate::report::diagnostics;

/// Check desired state itself: every error of every host at once
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Reads no host and no database. Ends with 0, or with 65 when there is an error."
)]
pub(super) struct Arguments {
    /// Desired state, as with --desired
    #[arg(value_name = "PATH|URL", conflicts_with = "desired")]
    source: Option<String>,
}

#[derive(Serialize)]
struct Findings<'a> {
    schema: &'static str,
    version: u32,
    hosts: usize,
    resources: usize,
    errors: usize,
    warnings: usize,
    diagnostics: Vec<Placed<'a>>,
}

/// A finding with its place as people count, for editors and review tools.
#[derive(Serialize)]
struct Placed<'a> {
    line: usize,
    column: usize,
    #[serde(flatten)]
    diagnostic: &'a Diagnostic,
}

pub(super) fn run(arguments: &Arguments, global: &Global, output: &Output) -> Result<u8, Failure> {
    let mut overrides = global.overrides();
    if let Some(desired) = &arguments.source {
        overrides.desired = Some((desired.clone(), crate::config::Origin::Flag("argument")));
    }
    let config = crate::config::load(&overrides)?;
    let tree = context::tree(&config, None, None)?;
    let hosts = match &config.host.value {
        Some(host) => vec![host.clone()],
        None => tree.hosts(),
    };
    if hosts.is_empty() {
        return Err(Failure::new(
            exit::INVALID,
            "desired state has no hosts: there is no hosts/NAME/host.toml",
        ));
    }
    let (mut found, resources) = read(&tree, &hosts, config.host.value.is_none());
    found.extend(nobody(&config, &tree, &hosts));
    let errors = found.iter().filter(|d| d.level == Level::Error).count();
    let warnings = found.len() - errors;
    if output.is("json") {
        let mut lines = BTreeMap::new();
        let placed = found.iter().map(|diagnostic| {
            let file = diagnostic.file.as_str();
            let text = || Lines::of(tree.text(file).unwrap_or_default());
            let (line, column) = lines.entry(file).or_insert_with(text).place(diagnostic.span.0);
            Placed { line, column, diagnostic }
        });
        let findings = Findings {
            schema: "countersign.lint",
            version: 1,
            hosts: hosts.len(),
            resources,
            errors,
            warnings,
            diagnostics: placed.collect(),
        };
        output.write(|out| json::write(out, &findings))?;
    } else {
        let drawn =
            diagnostics::draw(&found, &|path, at| tree.line(path, at), super::error::width());
        output.write(|out| {
            if !global.quiet {
                out.write_all(drawn.as_bytes())?;
            }
            let counts = [
                (hosts.len(), "host"),
                (resources, "resource"),
                (errors, "error"),
                (warnings, "warning"),
            ];
            let counts = counts.map(|(count, noun)| {
                format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
            });
            writeln!(out, "{}", counts.join(", "))
        })?;
    }
    Ok(if errors > 0 { exit::INVALID } else { exit::OK })
}

/// What nobody of this host's trust file may state, where there is one at hand: a warning, for another host may have another.
fn nobody(config: &Config, tree: &Tree, hosts: &[String]) -> Vec<Diagnostic> {
    let (Some(_), Ok(trust)) = (&config.file, strict::trust(config)) else { return Vec::new() };
    let mut found = Vec::new();
    for host in hosts {
        let loaded = desired::read(tree, host, SystemClock.now());
        let attestations = loaded.desired.map(|desired| desired.attestations).unwrap_or_default();
        for (name, one) in attestations {
            let able = could_attest(&trust, &one.roles).len();
            if able < one.people {
                let message = format!(
                    "{able} of {} people who would have to may state `attestation.{name}`",
                    one.people
                );
                let warning = Diagnostic::error(Code::TrustGap, one.file, one.span, message);
                let hint =
                    "an approver needs a role that it and `[attest] roles` of the trust file name";
                found.push(warning.warning().hint(hint));
            }
        }
    }
    found
}

/// What is wrong with the hosts, each finding once, and how many resources they have. What no host reads is told only
/// where every host was asked.
fn read(tree: &Tree, hosts: &[String], mut whole: bool) -> (Vec<Diagnostic>, usize) {
    let (mut found, mut resources, mut roles) = (Vec::new(), 0, BTreeSet::new());
    for host in hosts {
        let loaded = desired::read(tree, host, SystemClock.now());
        // A host with errors may take part in any role.
        whole &= loaded.desired.is_some();
        if let Some(desired) = loaded.desired {
            resources += desired.resources.len();
            roles.extend(desired.roles);
        }
        found.extend(loaded.diagnostics);
    }
    if whole {
        found.extend(desired::astray(tree, &roles));
    }
    // A role that several hosts share is read once for each, and its findings are told once.
    found.sort();
    found.dedup();
    (found, resources)
}
