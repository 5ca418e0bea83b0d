//! `countersign prove --list`: what could be proven here, and what the host admits.

use std::io::{self, Write};

use serde::Serialize;

use super::super::error::Failure;
use super::super::output::Output;
use super::super::planning::CLOCK;
use super::super::{attested, context, exit};
use crate::config::Config;
use crate::desired::Expect;
use crate::model::display::escape;
use crate::model::{Digest, json};

/// The same for programs.
#[derive(Serialize)]
struct Listed<'a> {
    schema: &'static str,
    version: u32,
    proofs: Vec<Proof<'a>>,
    sets: Vec<Set<'a>>,
}

#[derive(Serialize)]
struct Proof<'a> {
    name: &'a str,
    title: Option<&'a str>,
    database: &'a str,
    role: &'a str,
    expect: String,
    contract: Digest,
    admitted: bool,
}

#[derive(Serialize)]
struct Set<'a> {
    name: &'a str,
    lines: usize,
}

pub(super) fn run(config: &Config, output: &Output) -> Result<u8, Failure> {
    let (tree, host) = context::tree_of_host(config)?;
    let (desired, _) = context::desired(&tree, &host, &CLOCK)?;
    let proofs = desired.proofs.iter().map(|(name, proof)| {
        let contract = &proof.contract;
        let digest = contract.digest();
        Proof {
            name,
            title: proof.title.as_deref(),
            database: &contract.database,
            role: &contract.role,
            expect: match &contract.expect {
                Expect::Write => "write".to_owned(),
                Expect::Read => "read".to_owned(),
                Expect::Denied(state) => format!("denied ({state})"),
            },
            contract: digest,
            // What cannot be told is not admitted.
            admitted: attested::admits(config, digest).unwrap_or(false),
        }
    });
    let sets = desired.proofsets.iter().map(|(name, set)| Set { name, lines: set.lines.len() });
    let listed = Listed {
        schema: "countersign.proofs",
        version: 1,
        proofs: proofs.collect(),
        sets: sets.collect(),
    };
    if output.is("json") {
        output.write(|out| json::write(out, &listed))?;
    } else {
        output.write(|out| tell(&listed, &desired.host, out))?;
    }
    Ok(exit::OK)
}

fn tell(listed: &Listed<'_>, host: &str, out: &mut dyn Write) -> io::Result<()> {
    if listed.proofs.is_empty() {
        return writeln!(out, "{} has no proofs", escape(host));
    }
    for proof in &listed.proofs {
        let (role, database) = (escape(proof.role), escape(proof.database));
        writeln!(out, "proof.{}: {} as {role} in {database}", escape(proof.name), proof.expect)?;
        if let Some(title) = proof.title {
            writeln!(out, "  {}", escape(title))?;
        }
        let admitted = if proof.admitted { "admitted" } else { "not admitted" };
        writeln!(out, "  {:?} {admitted}", proof.contract)?;
    }
    for set in &listed.sets {
        writeln!(out, "proofset.{}: {} lines", escape(set.name), set.lines)?;
    }
    Ok(())
}
