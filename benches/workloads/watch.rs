//! The controller: how long from a push, and from a changed file, to a status that says so; and what it costs while nothing
//! happens.
//!
//! A status is read as any reader would read it: the file, again and again. `COUNTERSIGN_IDLE` says for how many seconds the
//! idle controller is looked at; the aim is ten minutes.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Result;
use super::layout::Layout;

/// So many events of each sort.
const EVENTS: usize = 200;
/// The aims: half of them, and all but one in a hundred, within so much.
const P50: Duration = Duration::from_millis(150);
const P99: Duration = Duration::from_secs(1);
/// The aims of an idle controller.
const IDLE_CPU_PERCENT: f64 = 0.2;
const IDLE_MEBIBYTES: f64 = 50.0;
/// How long one event may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The controller; it ends with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

pub(super) fn run(layout: &Layout, _: usize) -> Result<()> {
    let folder = layout.folder.join("watch");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    lay(&folder)?;
    let child = Command::new(layout.program())
        .args(["--config", &folder.join("config.toml").display().to_string(), "watch"])
        .current_dir(&folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let running = Running(child);
    let status = folder.join("data/watch/status.json");
    until(&status, |status| status["verdict"] == "in_sync" && status["files"]["watched"] != 0)?;
    println!("\n### Watch: {EVENTS} events each, of 100 resources\n");
    println!("| from | to | p50 ms | p99 ms | most ms | p50 to its bar | p99 to its bar |");
    println!("|---|---|---|---|---|---|---|");
    let pushes = pushes(&folder, &status)?;
    print("git push", pushes);
    let changes = changes(&folder, &status)?;
    print("file change", changes);
    let seconds = std::env::var("COUNTERSIGN_IDLE").ok().and_then(|s| s.parse().ok()).unwrap_or(60);
    idle(running.0.id(), seconds)
}

/// A bare repository, to which a clone pushes, and a host of 100 resources.
fn lay(folder: &Path) -> Result<()> {
    let write = |path: &str, text: &str| -> Result<()> {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().ok_or("no folder")?)?;
        Ok(fs::write(path, text)?)
    };
    write("root/etc/hostname", "bench\n")?;
    write("root/etc/machine-id", "0123456789abcdef0123456789abcdef\n")?;
    write("clone/hosts/a/host.toml", "[host]\nidentity = { hostname = \"bench\" }\n")?;
    let mut wanted = String::new();
    for n in 0..100 {
        write(&format!("root/srv/{n}/f"), "abc")?;
        writeln!(
            wanted,
            "[file.\"/srv/{n}/f\"]\nsha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\""
        )?;
    }
    write("clone/hosts/a/files.toml", &wanted)?;
    write(
        "config.toml",
        "host = \"a\"\nroot = \"root\"\ndata = \"data\"\n[source]\nurl = \"bare.git\"\nbranch = \"main\"\n\
         [observe]\nroots = [\"/srv\"]\n[watch]\ninterval = \"5m\"\n",
    )?;
    fs::create_dir_all(folder.join("data"))?;
    git(folder, &["init", "--quiet", "--bare", "--initial-branch=main", "bare.git"])?;
    let clone = folder.join("clone");
    git(&clone, &["init", "--quiet", "--initial-branch=main"])?;
    git(&clone, &["remote", "add", "origin", "../bare.git"])?;
    commit(&clone)?;
    git(&clone, &["push", "--quiet", "origin", "main"])?;
    Ok(())
}

fn commit(clone: &Path) -> Result<String> {
    git(clone, &["add", "--all"])?;
    git(clone, &["commit", "--quiet", "--allow-empty", "-m", "x"])?;
    Ok(git(clone, &["rev-parse", "HEAD"])?.trim().to_owned())
}

fn git(folder: &Path, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new("git");
    command.current_dir(folder).args(arguments);
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "bench");
        command.env(format!("GIT_{who}_EMAIL"), "bench@example.org");
    }
    let output = command.output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// From the start of a push to a status by its commit: what git itself takes is part of it.
fn pushes(folder: &Path, status: &Path) -> Result<Vec<Duration>> {
    let clone = folder.join("clone");
    let mut took = Vec::new();
    for _ in 0..EVENTS {
        let commit = commit(&clone)?;
        let start = Instant::now();
        git(&clone, &["push", "--quiet", "origin", "main"])?;
        until(status, |status| {
            status["source"]["commit"] == commit.as_str()
                && status["observed_generation"] == status["generation"]
        })?;
        took.push(start.elapsed());
        pause();
    }
    Ok(took)
}

/// From a write to a status that says so; there and back again.
fn changes(folder: &Path, status: &Path) -> Result<Vec<Duration>> {
    let mut took = Vec::new();
    for n in 0..EVENTS {
        let (text, verdict) = if n % 2 == 0 { ("changed", "drift") } else { ("abc", "in_sync") };
        let file: PathBuf = folder.join(format!("root/srv/{}/f", n / 2 % 100));
        let start = Instant::now();
        fs::write(file, text)?;
        until(status, |status| status["verdict"] == verdict)?;
        took.push(start.elapsed());
        pause();
    }
    Ok(took)
}

/// Events that have nothing to do with each other.
fn pause() {
    std::thread::sleep(Duration::from_millis(300));
}

fn until(status: &Path, is: impl Fn(&Value) -> bool) -> Result<()> {
    let give_up = Instant::now() + PATIENCE;
    while Instant::now() < give_up {
        let known = fs::read(status).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        if known.is_some_and(|known| is(&known)) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Err("the status never said so".into())
}

fn print(what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |share: usize| took[(took.len() * share / 100).min(took.len() - 1)];
    let milliseconds = |one: Duration| one.as_secs_f64() * 1e3;
    println!(
        "| {what} | status | {:.1} | {:.1} | {:.1} | {:.2} | {:.2} |",
        milliseconds(at(50)),
        milliseconds(at(99)),
        milliseconds(at(100)),
        at(50).as_secs_f64() / P50.as_secs_f64(),
        at(99).as_secs_f64() / P99.as_secs_f64(),
    );
}

/// Processor time and memory while nothing happens.
fn idle(pid: u32, seconds: u64) -> Result<()> {
    let before = processor(pid)?;
    std::thread::sleep(Duration::from_secs(seconds));
    let used = processor(pid)? - before;
    #[expect(clippy::cast_precision_loss, reason = "a length of minutes")]
    let percent = used / seconds as f64 * 100.0;
    let mebibytes = resident(pid)?;
    println!("\n| idle for s | CPU % | to its bar | RSS MiB | to its bar |\n|---|---|---|---|---|");
    println!(
        "| {seconds} | {percent:.3} | {:.2} | {mebibytes:.1} | {:.2} |",
        percent / IDLE_CPU_PERCENT,
        mebibytes / IDLE_MEBIBYTES
    );
    Ok(())
}

/// Seconds of user and system time, all threads together.
fn processor(pid: u32) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after = text.rsplit_once(')').ok_or("no name")?.1;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    // The kernel counts them in hundredths for every program, whatever it runs at itself.
    Ok(ticks / 100.0)
}

fn resident(pid: u32) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
    let kibibytes: f64 = line.split_whitespace().nth(1).ok_or("no number")?.parse()?;
    Ok(kibibytes / 1024.0)
}
