//! A ledger of a million entries, verified from its first line to its last.
//!
//! Appending them one by one would take an hour of waiting for the disk. So the lines are laid down here, as the format says,
//! after the first one, and the checkpoint over them is signed with the ledger's own key.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::ledger::merkle::{Frontier, leaf};
use countersign::ledger::{ActorKind, Ledger, Writer};
use ed25519_dalek::{Signer as _, SigningKey};

use super::Result;
use super::layout::Layout;
use super::measure::{self, Contender};

const ENTRIES: u64 = 1_000_000;
const SEGMENT_BYTES: usize = 16 << 20;
const ORIGIN: &str = "bench.example.org/host/executor";
/// Any digest: what a plan, a host and a program are named by.
const DIGEST: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

pub(super) fn run(layout: &Layout, runs: usize) -> Result<()> {
    let dir = layout.folder.join("ledger");
    if dir.exists() {
        fs::remove_dir_all(&dir)?;
    }
    let bytes = lay(&dir)?;
    println!("\n### Ledger: {ENTRIES} entries of {} bytes\n", bytes / ENTRIES);
    println!("| what | CPU s | wall s | peak MiB |\n|---|---|---|---|");
    let verify = Contender {
        name: "countersign ledger verify".to_owned(),
        program: layout.program().to_owned(),
        arguments: ["ledger", "verify", "--ledger"]
            .map(str::to_owned)
            .into_iter()
            .chain([dir.display().to_string()])
            .collect(),
        folder: layout.folder.clone(),
        in_sync: |said| said.starts_with("intact: "),
    };
    let median = measure::median(&verify, runs)?;
    println!(
        "| {} | {:.3} | {:.3} | {:.1} |",
        verify.name,
        median.cpu.as_secs_f64(),
        median.wall.as_secs_f64(),
        median.mebibytes
    );
    fs::remove_dir_all(&dir)?;
    Ok(())
}

/// Lays the ledger down; answers how many bytes its entries have.
fn lay(dir: &Path) -> Result<u64> {
    let host = DIGEST;
    drop(Ledger::create(dir, ORIGIN, host, Writer::this(ActorKind::Executor))?);
    let segment = |number: u32| dir.join(format!("{number:08}.jsonl"));
    let first = fs::read(segment(0))?;
    let (mut frontier, mut previous) = (Frontier::default(), leaf(first.trim_ascii_end()));
    frontier.push(previous);
    let open = |number| File::options().create(true).append(true).open(segment(number));
    let (mut number, mut written, mut total) = (0, first.len(), first.len() as u64);
    let mut out = BufWriter::new(open(0)?);
    for seq in 1..ENTRIES {
        let (kind, rest) = if seq % 2 == 1 {
            (
                "step.intent",
                r#""resource":"directory./var/lib/cutter/runs","action":"create directory""#,
            )
        } else {
            ("step.outcome", r#""outcome":"applied","detail":"it is as it should be""#)
        };
        let line = format!(
            r#"{{"v":1,"seq":"{seq}","prev":"{previous}","time":"2099-01-01T00:00:00.000Z","boot":"1b4e28ba-2fa1-41d2-883f-0016d3cca427","mono":"{seq}","host":"{host}","actor":{{"kind":"executor","uid":"0","ver":"0.1.0","exe":"{DIGEST}"}},"type":"{kind}","body":{{"plan":"{DIGEST}","step":"{seq}",{rest}}}}}"#
        );
        if written >= SEGMENT_BYTES {
            out.flush()?;
            number += 1;
            (out, written) = (BufWriter::new(open(number)?), 0);
        }
        writeln!(out, "{line}")?;
        written += line.len() + 1;
        total += line.len() as u64 + 1;
        previous = leaf(line.as_bytes());
        frontier.push(previous);
    }
    out.flush()?;
    sign(dir, &frontier)?;
    Ok(total)
}

/// Puts a checkpoint over all of it, by the ledger's own key.
fn sign(dir: &Path, frontier: &Frontier) -> Result<()> {
    let text = fs::read_to_string(dir.join("key"))?;
    let seed = STANDARD.decode(text.trim_end().splitn(5, '+').last().ok_or("no key")?)?;
    let key = SigningKey::from_bytes(seed.get(1..).ok_or("no key")?.try_into()?);
    let public = fs::read_to_string(dir.join("key.pub"))?;
    let id = u32::from_str_radix(public.split('+').nth(1).ok_or("no key")?, 16)?;
    let body = format!("{ORIGIN}\n{}\n{}\n", frontier.size(), frontier.root());
    let signature = [&id.to_be_bytes()[..], &key.sign(body.as_bytes()).to_bytes()].concat();
    let note = format!("{body}\n— {ORIGIN} {}\n", STANDARD.encode(signature));
    Ok(fs::write(dir.join("checkpoint"), note)?)
}
