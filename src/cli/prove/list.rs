//! `countersign prove --list`: what could be proven here, and what the host admits.

use super::super::error::Failure;
use super::super::output::Output;
use super::super::planning::CLOCK;
use super::super::{context, exit};
use crate::config::Config;
use crate::desired::Expect;
use crate::model::display::escape;

pub(super) fn run(config: &Config, output: &Output) -> Result<u8, Failure> {
    let (tree, host) = context::tree_of_host(config)?;
    let (desired, _) = context::desired(&tree, &host, &CLOCK)?;
    output.write(|out| {
        if desired.proofs.is_empty() {
            return writeln!(out, "{} has no proofs", escape(&desired.host));
        }
        for (name, proof) in &desired.proofs {
            let contract = &proof.contract;
            let what = match &contract.expect {
                Expect::Write => "writes".to_owned(),
                Expect::Read => "reads".to_owned(),
                Expect::Denied(state) => format!("is denied ({state})"),
            };
            let role = escape(&contract.role);
            writeln!(
                out,
                "proof.{}: {role} {what} in {}",
                escape(name),
                escape(&contract.database)
            )?;
            if let Some(title) = &proof.title {
                writeln!(out, "  {}", escape(title))?;
            }
            let digest = contract.digest();
            let admitted =
                if config.admit.value.contract(digest) { "admitted" } else { "not admitted" };
            writeln!(out, "  {digest:?} {admitted}")?;
        }
        for (name, set) in &desired.proofsets {
            let lines = set.lines.len();
            writeln!(out, "proofset.{}: {lines} lines", escape(name))?;
        }
        Ok(())
    })?;
    Ok(exit::OK)
}
