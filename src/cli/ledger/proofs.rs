//! `countersign ledger prove` and `consistency`.

use std::path::Path;

use serde::Serialize;

use super::super::error::Failure;
use super::super::exit;
use super::super::output::Output;
use crate::ledger::proof::{self, End};
use crate::ledger::{Checkpoint, Hash, merkle};
use crate::model::{Decimal, json};

#[derive(Debug, clap::Args)]
pub(super) struct Prove {
    /// The number of the entry
    seq: Decimal,
}

#[derive(Debug, clap::Args)]
pub(super) struct Consistency {
    /// The older checkpoint: a file, or a number of entries
    old: String,
    /// The newer one
    new: String,
}

#[derive(Serialize)]
struct Included<'a> {
    version: u32,
    seq: u64,
    line: &'a str,
    leaf: Hash,
    path: &'a [Hash],
    checkpoint: &'a str,
}

#[derive(Serialize)]
struct Grown<'a> {
    version: u32,
    ledger: &'a str,
    old: Tree,
    new: Tree,
    path: &'a [Hash],
}

#[derive(Serialize)]
struct Tree {
    size: u64,
    root: Hash,
}

impl From<&Checkpoint> for Tree {
    fn from(checkpoint: &Checkpoint) -> Self {
        Self { size: checkpoint.size, root: checkpoint.root }
    }
}

/// Prints a proof in the form of C2SP `tlog-proof`, or as JSON with the entry's line.
pub(super) fn prove(asked: &Prove, dir: &Path, output: &Output) -> Result<u8, Failure> {
    let proof = proof::inclusion(dir, asked.seq.0)?;
    output.write(|out| {
        if output.is("json") {
            let included = Included {
                version: 1,
                seq: proof.seq,
                line: &proof.line,
                leaf: merkle::leaf(proof.line.as_bytes()),
                path: &proof.path,
                checkpoint: &proof.checkpoint.note,
            };
            return json::write(out, &included);
        }
        out.write_all(proof.text().as_bytes())
    })?;
    Ok(exit::OK)
}

pub(super) fn consistency(asked: &Consistency, dir: &Path, output: &Output) -> Result<u8, Failure> {
    let (old, new) = (end(&asked.old)?, end(&asked.new)?);
    let proof = proof::consistency(dir, &old, &new)?;
    output.write(|out| {
        if output.is("json") {
            let (old, new) = (Tree::from(&proof.old), Tree::from(&proof.new));
            let ledger = &proof.old.origin;
            return json::write(out, &Grown { version: 1, ledger, old, new, path: &proof.path });
        }
        let (old, new) = (&proof.old, &proof.new);
        writeln!(out, "consistent: {}", old.origin)?;
        writeln!(out, "  old  {} {}", old.size, old.root)?;
        writeln!(out, "  new  {} {}", new.size, new.root)?;
        proof.path.iter().try_for_each(|hash| writeln!(out, "  path {hash}"))
    })?;
    Ok(exit::OK)
}

/// A number means a size; anything else a file.
fn end(text: &str) -> Result<End, Failure> {
    match text.parse::<Decimal>() {
        Ok(size) if !text.is_empty() => Ok(End::Size(size.0)),
        _ => super::outside(Path::new(text)).map(End::Outside),
    }
}
