//! `countersign ledger`: shows a ledger, verifies it, proves things from it, and brings its checkpoint elsewhere.

mod anchor;
mod export;
mod proofs;
mod show;

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::Failure;
use super::output::Output;
use super::{Global, context, exit};
use crate::ledger::verify::{Outside, Verified, verify};
use crate::ledger::{Key, LedgerError, checkpoint};
use crate::model::{json, nearest};

/// Show, verify or export what was recorded of plans, approvals and changes
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The ledger: `executor` or `observer` of this machine, or the folder of any other, or of a copy
    #[arg(long, global = true, value_name = "NAME|DIR", default_value = "executor")]
    ledger: PathBuf,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Print entries, the oldest first
    Show(show::Arguments),
    /// Tell whether it is as it was written: 0 intact, 8 tampered with, 4 cannot tell
    Verify(Verify),
    /// Prove that the newest checkpoint covers an entry
    Prove(proofs::Prove),
    /// Prove that the ledger at one size is the beginning of it at another
    Consistency(proofs::Consistency),
    /// Copy it, verified, with all it refers to, to the new folder that -o names
    Export,
    /// Push its checkpoint to the repository that `[anchor] url` of the configuration names
    Anchor,
}

#[derive(Debug, clap::Args)]
struct Verify {
    /// A checkpoint that was kept elsewhere; may be given several times
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// Its public key, `NAME+ID+BASE64`, where it is known; without it, the one that lies beside it
    #[arg(long, value_name = "KEY", value_parser = key)]
    key: Option<Key>,
}

fn key(text: &str) -> Result<Key, String> {
    text.trim().parse().map_err(|error: checkpoint::NoteError| error.to_string())
}

impl Arguments {
    /// Does its `-o` name a folder?
    pub(super) const fn writes_folder(&self) -> bool {
        matches!(self.what, What::Export)
    }
}

pub(super) fn run(arguments: &Arguments, global: &Global, output: &Output) -> Result<u8, Failure> {
    let dir = folder(&arguments.ledger, global)?;
    match &arguments.what {
        What::Show(asked) => show::run(asked, &dir, global.verbose, output),
        What::Verify(asked) => verified(asked, &dir, output),
        What::Prove(asked) => proofs::prove(asked, &dir, output),
        What::Consistency(asked) => proofs::consistency(asked, &dir, output),
        What::Export => export::run(&dir, output),
        What::Anchor => anchor::run(&dir, &context::config(global, false)?, output),
    }
}

/// A name means a ledger of this machine; anything else is a folder. A copy needs no configuration.
fn folder(asked: &Path, global: &Global) -> Result<PathBuf, Failure> {
    const NAMES: [&str; 2] = ["executor", "observer"];
    if NAMES.iter().any(|name| asked == Path::new(name)) {
        let config = context::config(global, false)?;
        return Ok(config.data.value.join("ledger").join(asked));
    }
    let near = asked.to_str().and_then(|asked| nearest(asked, NAMES));
    match near {
        Some(near) if !asked.exists() => {
            let missing = LedgerError::Missing { path: asked.to_owned() };
            let hint = format!("did you mean `{near}`? Anything else is taken for a folder");
            Err(Failure { code: exit::UNKNOWN, ..Failure::from(missing) }.hint(hint))
        }
        _ => Ok(asked.to_owned()),
    }
}

/// Checkpoints that were kept elsewhere, with the names of their files.
fn outside(path: &Path) -> Result<Outside, Failure> {
    use std::io::Read as _;
    let name = path.display().to_string();
    let failed = |error: std::io::Error| {
        Failure::new(
            exit::ERROR,
            format!("cannot read {}: {error}", crate::model::display::escape(&name)),
        )
    };
    let mut bytes = Vec::new();
    let most = checkpoint::NOTE_BYTES_MAX as u64 + 1;
    std::fs::File::open(path)
        .and_then(|file| file.take(most).read_to_end(&mut bytes))
        .map_err(failed)?;
    let note = String::from_utf8(bytes)
        .map_err(|_| failed(std::io::Error::other("a checkpoint is text in UTF-8")))?;
    Ok(Outside { name, note })
}

/// What `verify` prints.
#[derive(Serialize)]
struct Answer<'a> {
    version: u32,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(flatten)]
    found: Option<Found>,
}

#[derive(Serialize)]
struct Found {
    ledger: String,
    key: String,
    entries: u64,
    root: String,
    covered: u64,
    outside_checkpoints: usize,
    anchored: usize,
    blobs: usize,
    torn_bytes: usize,
    unknown_entries: u64,
}

impl From<&Verified> for Found {
    fn from(verified: &Verified) -> Self {
        Self {
            ledger: verified.key.origin().to_owned(),
            key: verified.key.to_string(),
            entries: verified.size,
            root: verified.root.to_string(),
            covered: verified.covered,
            outside_checkpoints: verified.outside,
            anchored: verified.anchored,
            blobs: verified.blobs,
            torn_bytes: verified.torn_bytes,
            unknown_entries: verified.unknown,
        }
    }
}

fn verified(asked: &Verify, dir: &Path, output: &Output) -> Result<u8, Failure> {
    let outside: Vec<Outside> =
        asked.checkpoint.iter().map(|path| outside(path)).collect::<Result<_, _>>()?;
    let result = verify(dir, asked.key.as_ref(), &outside);
    if output.is("json") {
        let text = result.as_ref().err().map(ToString::to_string);
        let (verdict, place, reason) = match &result {
            Ok(_) => ("intact", None, None),
            Err(LedgerError::Damaged { damage, .. }) => {
                ("tampered", Some(damage.place.as_str()), Some(damage.what.as_str()))
            }
            Err(_) => ("untold", None, text.as_deref()),
        };
        let found = result.as_ref().ok().map(Found::from);
        let answer = Answer { version: 1, verdict, place, reason, found };
        output.write(|out| json::write(out, &answer))?;
    }
    let found = result.map_err(|error| match error {
        // For those who ask whether it is intact, a ledger that is not there is no answer.
        LedgerError::Missing { .. } | LedgerError::Io { .. } => {
            Failure { code: exit::UNKNOWN, ..Failure::from(error) }
        }
        error => Failure::from(error),
    })?;
    if !output.is("json") {
        output.write(|out| tell(out, &found))?;
    }
    Ok(exit::OK)
}

fn tell(out: &mut dyn std::io::Write, found: &Verified) -> std::io::Result<()> {
    let Verified { size, covered, blobs, .. } = found;
    let noun =
        |count: u64, one: &'static str, more: &'static str| if count == 1 { one } else { more };
    let (entries, kept) = (noun(*size, "entry", "entries"), noun(*blobs as u64, "blob", "blobs"));
    writeln!(out, "intact: {}, {size} {entries}, {blobs} {kept}", found.key.origin())?;
    writeln!(out, "  root     {}", found.root)?;
    writeln!(out, "  key      {}", found.key)?;
    let from = match found.outside {
        0 => {
            "its own checkpoint; none from elsewhere was given, so a cut or rewritten whole would not show"
        }
        1 => "its own checkpoint, and by one from elsewhere",
        _ => "its own checkpoint, and by several from elsewhere",
    };
    writeln!(out, "  covered  {covered} entries, by {from}")?;
    if found.anchored > 0 {
        writeln!(out, "  anchored {} times, by its own word", found.anchored)?;
    }
    if found.torn_bytes > 0 {
        let bytes = found.torn_bytes;
        writeln!(
            out,
            "  {bytes} bytes follow the last entry: one that was not written to its end"
        )?;
    }
    if found.unknown > 0 {
        writeln!(out, "  {} entries are of types that this version does not know", found.unknown)?;
    }
    Ok(())
}
