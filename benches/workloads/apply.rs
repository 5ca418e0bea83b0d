//! Apply of the worked example's gap: eight directories and two files. What it costs is its fsyncs; they are counted, and the
//! same number of them is waited for with nothing else around, in the same run and on the same file system.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use super::Result;
use super::host::{APPROVERS, Host, finish};
use super::layout::Layout;
use super::measure::{self, Contender, Run};
use super::peers::find;

/// Besides `/var/lib/cutter` itself.
const DIRECTORIES: [&str; 7] = ["apply", "cut", "proof", "runs", "spool", "tmp", "verify"];
const FILES: [&str; 2] = ["orchestrator.config.json", "release.json"];
const ENTRY: [u8; 600] = [b'x'; 600];

pub(super) fn run(layout: &Layout, runs: usize) -> Result<()> {
    if find("ssh-keygen").is_none() || find("git").is_none() {
        println!("\nskipped: apply needs ssh-keygen and git");
        return Ok(());
    }
    let host = lay(layout)?;
    let steps = 1 + DIRECTORIES.len() + FILES.len();
    println!("\n### Apply: {steps} steps, two approvals\n");
    let mut ours = Vec::new();
    let mut syncs = None;
    // One more at the end, of which the system calls are counted.
    for at in 0..=runs.max(1) {
        let words = approved(&host)?;
        let apply =
            host.asked("countersign apply", &words.iter().map(String::as_str).collect::<Vec<_>>());
        if at < runs.max(1) {
            ours.push(measure::run(&apply)?);
        } else {
            syncs = counted(&host, &apply)?;
        }
        let ends = fs::read_to_string(host.path("/var/lib/cutter/release.json"))?;
        assert_eq!(ends, "{}\n", "it was not applied");
    }
    println!("| what | CPU s | wall s | fsyncs |\n|---|---|---|---|");
    let told = |syncs: Option<usize>| {
        syncs.map_or_else(|| "strace is not installed".to_owned(), |n| n.to_string())
    };
    row("countersign apply", &ours, &told(syncs));
    if let Some(syncs) = syncs {
        let alone = waited(&host, syncs, runs.max(1))?;
        println!(
            "| {syncs} appends of 600 bytes, each with fdatasync | | {:.4} | {syncs} |",
            alone.as_secs_f64()
        );
    }
    peers(&host, runs)
}

/// The host of the example, and people who approve.
fn lay(layout: &Layout) -> Result<Host> {
    let host = Host::new(layout, "apply")?;
    fs::create_dir_all(host.path("/var/lib"))?;
    host.arm()?;
    let owned = format!("owner = \"{}\"\ngroup = \"{}\"\n", host.owner, host.group);
    let mut toml = format!("[directory.\"/var/lib/cutter\"]\n{owned}mode = \"0750\"\n");
    for name in DIRECTORIES {
        write!(toml, "[directory.\"/var/lib/cutter/{name}\"]\n{owned}mode = \"0750\"\n")?;
    }
    for name in FILES {
        host.write(&format!("desired/hosts/bench/files/{name}"), "{}\n")?;
        write!(
            toml,
            "[file.\"/var/lib/cutter/{name}\"]\n{owned}mode = \"0640\"\nsource = \"files/{name}\"\n"
        )?;
    }
    host.want(&toml)?;
    Ok(host)
}

/// A fresh plan on a host that lacks all of it, signed by everybody; the words that apply it.
fn approved(host: &Host) -> Result<Vec<String>> {
    let there = host.path("/var/lib/cutter");
    if there.exists() {
        fs::remove_dir_all(there)?;
    }
    let text = |name: &str| host.folder.join(name).display().to_string();
    let (config, plan) = (text("config.toml"), text("plan.json"));
    host.run(&["plan", "--quiet", "--config", &config, "-o", &plan])?;
    let digest = countersign::model::Digest::of(&fs::read(&plan)?).to_string();
    let mut words = vec!["apply".to_owned(), plan.clone()];
    for name in APPROVERS {
        let (key, signed) = (text(name), text(&format!("{name}.approval")));
        let said = ["--as", name, "--role", name, "--reason", "bench", "--i-am-remote"];
        let how = ["--key", &key, "--digest", &digest, "-o", &signed];
        host.run(&[&["approve", &plan][..], &said, &how].concat())?;
        words.extend(["--approval".to_owned(), signed]);
    }
    Ok(words)
}

/// How often it has the disk hold what was written, as the kernel sees it.
fn counted(host: &Host, apply: &Contender) -> Result<Option<usize>> {
    let Some(strace) = find("strace") else { return Ok(None) };
    let log = host.folder.join("strace.log");
    let mut traced = Command::new(strace);
    traced.args(["-f", "-qq", "-e", "trace=fsync,fdatasync,sync,syncfs", "-o"]).arg(&log);
    finish(traced.arg(&apply.program).args(&apply.arguments).current_dir(&apply.folder))?;
    Ok(Some(fs::read_to_string(log)?.lines().filter(|line| line.contains("sync(")).count()))
}

/// How long as many appends take by themselves.
fn waited(host: &Host, syncs: usize, runs: usize) -> Result<Duration> {
    let mut all = Vec::new();
    for _ in 0..runs {
        let mut file = File::create(host.folder.join("appended"))?;
        let start = Instant::now();
        for _ in 0..syncs {
            file.write_all(&ENTRY)?;
            file.sync_data()?;
        }
        all.push(start.elapsed());
    }
    all.sort_unstable();
    Ok(all[all.len() / 2])
}

/// Other ways to the same ten things, none of which asks, proves or records anything; and what stock OpenSSH takes for the
/// two signatures.
fn peers(host: &Host, runs: usize) -> Result<()> {
    let there = host.path("/var/lib/cutter");
    let source = host.folder.join("desired/hosts/bench/files");
    let mut script = format!("set -e\nrm -rf '{0}'\nmkdir -m 0750 '{0}'\n", there.display());
    for name in DIRECTORIES {
        writeln!(script, "mkdir -m 0750 '{}/{name}'", there.display())?;
    }
    for name in FILES {
        let (from, to) = (source.display(), there.display());
        writeln!(script, "install -m 0640 '{from}/{name}' '{to}/{name}'")?;
    }
    fs::write(host.folder.join("mkdir.sh"), &script)?;
    let trust = host.run(&[
        "trust",
        "export-allowed-signers",
        "--config",
        &host.folder.join("config.toml").display().to_string(),
    ])?;
    fs::write(host.folder.join("allowed"), trust)?;
    let shell = |name: &str, script: &str| contender(host, name, "sh", &[script]);
    let all = [shell("sh: mkdir and install", "mkdir.sh"), signatures(host)?];
    for peer in all.into_iter().flatten() {
        let taken: Vec<Run> =
            (0..runs.max(1)).map(|_| measure::run(&peer)).collect::<Result<_>>()?;
        row(&peer.name, &taken, "");
    }
    Ok(())
}

/// `ssh-keygen -Y verify` of both statements, as anybody would.
fn signatures(host: &Host) -> Result<Option<Contender>> {
    let mut script = "set -e\n".to_owned();
    for name in APPROVERS {
        let both = fs::read_to_string(host.folder.join(format!("{name}.approval")))?;
        let at = both.find("-----BEGIN").ok_or("no signature")?;
        fs::write(host.folder.join(format!("{name}.statement")), &both[..at])?;
        fs::write(host.folder.join(format!("{name}.sig")), &both[at..])?;
        writeln!(
            script,
            "ssh-keygen -q -Y verify -f allowed -I {name} -n countersign/approval/v1 -s {name}.sig < {name}.statement"
        )?;
    }
    fs::write(host.folder.join("verify.sh"), script)?;
    Ok(contender(host, "ssh-keygen -Y verify, twice", "sh", &["verify.sh"]))
}

fn contender(host: &Host, name: &str, program: &str, arguments: &[&str]) -> Option<Contender> {
    Some(Contender {
        name: name.to_owned(),
        program: find(program)?,
        arguments: arguments.iter().map(ToString::to_string).collect(),
        folder: host.folder.clone(),
        in_sync: |_| true,
    })
}

fn row(name: &str, runs: &[Run], syncs: &str) {
    let median = measure::middle(runs);
    let (cpu, wall) = (median.cpu.as_secs_f64(), median.wall.as_secs_f64());
    println!("| {name} | {cpu:.4} | {wall:.4} | {syncs} |");
}
