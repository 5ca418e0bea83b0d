//! The transaction of a proof against a bare `BEGIN; SELECT …; ROLLBACK` of psql, on the database of the worked example.
//!
//! What is measured is the transaction alone: from `BEGIN` to the end of `ROLLBACK`, as the evidence of the proof and `\timing` of psql say.
//! So long, others may have to wait for what it holds.

use std::process::Command;

use countersign::demo::people;
use countersign::demo::sandbox::Sandbox;
use serde_json::Value;

use super::Result;
use super::layout::Layout;
use super::peers::find;

/// The proof of the example that writes a unit.
const PROOF: &str = "iu-create";
/// The same write as psql does it.
const BARE: &str = "\\timing on\nBEGIN;\nSELECT public.fn_iu_create('ICX-CONST/O8C-RB-PROBE-BENCH', 'probe', 'text', 'bench', \
    'law_unit', 'article', 'operations');\nROLLBACK;\n";

pub(super) fn run(layout: &Layout, runs: usize) -> Result<()> {
    let folder = layout.folder.join("proof");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let sandbox = runtime.block_on(Sandbox::create(&folder, false))?;
    let measured = measure(layout, &sandbox, runs.max(15));
    sandbox.remove()?;
    measured
}

fn measure(layout: &Layout, sandbox: &Sandbox, runs: usize) -> Result<()> {
    guard(layout, sandbox)?;
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        let proof = proof(layout, sandbox)?;
        ours.push(proof);
        if let Some(psql) = find("psql") {
            let bare = bare(&psql, sandbox)?;
            theirs.push(bare);
            ratios.push(proof / bare);
        }
    }
    println!("\n### The transaction of a proof ({runs} runs)\n");
    println!("| | median ms | least ms | most ms |\n|---|---|---|---|");
    row("`countersign prove iu-create`", &mut ours);
    if theirs.is_empty() {
        println!("\npsql is not here: nothing to compare with");
        return Ok(());
    }
    row("psql: BEGIN; SELECT fn_iu_create(…); ROLLBACK", &mut theirs);
    ratios.sort_by(f64::total_cmp);
    println!("\nours to psql's, the median of ratios: {:.2}", ratios[ratios.len() / 2]);
    Ok(())
}

fn row(name: &str, all: &mut [f64]) {
    all.sort_by(f64::total_cmp);
    let (least, most) = (all[0], all[all.len() - 1]);
    println!("| {name} | {:.1} | {least:.1} | {most:.1} |", all[all.len() / 2]);
}

/// Puts the objects in place on which proofs rest, by a plan that both approvers of the sandbox sign.
fn guard(layout: &Layout, sandbox: &Sandbox) -> Result<()> {
    let plan = sandbox.folder().join("guard.json").display().to_string();
    ours(layout, sandbox, &["plan", "--only", "proof_guard.*", "-o", &plan])?;
    let digest = countersign::model::Digest::of(&std::fs::read(&plan)?).to_string();
    let mut apply = vec!["apply".to_owned(), plan.clone()];
    for (name, role) in people::APPROVERS {
        let key = people::key(sandbox.folder(), name).display().to_string();
        let signed = format!("{plan}.{role}");
        let words =
            ["approve", &plan, "--as", name, "--role", role, "--key", &key, "--reason", "bench"];
        ours(layout, sandbox, &[&words[..], &["--digest", &digest, "-o", &signed]].concat())?;
        apply.extend(["--approval".to_owned(), signed]);
    }
    let words: Vec<&str> = apply.iter().map(String::as_str).collect();
    ours(layout, sandbox, &words).map(|_| ())
}

/// Runs this program on the sandbox.
fn ours(layout: &Layout, sandbox: &Sandbox, words: &[&str]) -> Result<Vec<u8>> {
    let config = sandbox.config().display().to_string();
    let ran = Command::new(layout.program()).args(words).args(["--config", &config]).output()?;
    if ran.status.success() {
        return Ok(ran.stdout);
    }
    Err(format!("{words:?}: {}", String::from_utf8_lossy(&ran.stderr)).into())
}

/// One proof; its transaction in milliseconds.
fn proof(layout: &Layout, sandbox: &Sandbox) -> Result<f64> {
    let told: Value =
        serde_json::from_slice(&ours(layout, sandbox, &["prove", PROOF, "--output", "json"])?)?;
    let took = told["proofs"][0]["attempt"]["transaction_us"].as_str().ok_or("no time")?;
    Ok(took.parse::<f64>()? / 1_000.0)
}

/// The same by psql, in milliseconds: the three statements together.
fn bare(psql: &std::path::Path, sandbox: &Sandbox) -> Result<f64> {
    let script = sandbox.folder().join("bare.sql");
    std::fs::write(&script, BARE)?;
    let url = sandbox.superuser_url().replace("postgres@", "cutter_exec@");
    let ran = Command::new(psql).args(["-X", "-q", "-d", &url, "-f"]).arg(&script).output()?;
    let text = String::from_utf8_lossy(&ran.stdout);
    let times = text
        .lines()
        .filter_map(|line| line.strip_prefix("Time: ")?.split(' ').next()?.parse::<f64>().ok());
    let times: Vec<f64> = times.collect();
    if times.len() == 3 { Ok(times.iter().sum()) } else { Err(format!("psql said: {text}").into()) }
}
