//! One run of one program, and tables of many: medians, and ratios of runs that stood side by side.

use std::io::{Read as _, Seek as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4 as _;

use super::Result;

/// A program that does the workload. The first of a table is this one, the second the peer of the bar.
#[derive(Debug, Clone)]
pub(super) struct Contender {
    pub(super) name: String,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) folder: PathBuf,
    /// Does it say that everything is as it should be? Some end with 0 whatever they find.
    pub(super) in_sync: fn(&str) -> bool,
}

/// What one run took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    /// User and system time of the process and of those it waited for.
    pub(super) cpu: Duration,
    pub(super) wall: Duration,
    /// The peak of its resident memory. What it inherits of this program, a few MiB, is the least that can be seen.
    pub(super) mebibytes: f64,
    success: bool,
}

/// A run that takes longer is not repeated.
const SLOW: Duration = Duration::from_secs(20);

pub(super) fn run(contender: &Contender) -> Result<Run> {
    run_into(contender, Stdio::null(), Stdio::null())
}

/// The first run: warms everything up, and tells whether the program finds what it should.
fn warm_up(contender: &Contender) -> Result<Run> {
    // Nowhere near the folder it works in, which may be what it looks at.
    let mut file = tempfile::tempfile()?;
    let run = run_into(contender, file.try_clone()?.into(), file.try_clone()?.into())?;
    let mut said = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut said)?;
    let said = String::from_utf8_lossy(&said);
    Ok(Run { success: run.success && (contender.in_sync)(&said), ..run })
}

fn run_into(contender: &Contender, output: Stdio, errors: Stdio) -> Result<Run> {
    let start = Instant::now();
    let child = Command::new(&contender.program)
        .args(&contender.arguments)
        .current_dir(&contender.folder)
        .env("LC_ALL", "C")
        .env_remove("COUNTERSIGN_CONFIG")
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .spawn()
        .map_err(|e| format!("{}: {e}", contender.program.display()))?;
    let used = child.wait4()?;
    let wall = start.elapsed();
    Ok(Run {
        cpu: used.rusage.utime + used.rusage.stime,
        wall,
        mebibytes: f64::from(u32::try_from(used.rusage.maxrss >> 10)?) / 1024.0,
        success: used.status.success(),
    })
}

/// The median of some runs, after one that warms everything up.
pub(super) fn median(contender: &Contender, runs: usize) -> Result<Run> {
    let warm = warm_up(contender)?;
    if !warm.success {
        return Err(
            format!("{} found something, so it measured something else", contender.name).into()
        );
    }
    let runs: Vec<Run> = (0..runs.max(1)).map(|_| run(contender)).collect::<Result<_>>()?;
    Ok(middle(&runs))
}

pub(super) fn middle(runs: &[Run]) -> Run {
    let mut sorted = runs.to_vec();
    sorted.sort_by_key(|run| run.cpu);
    let mut walls: Vec<Duration> = runs.iter().map(|run| run.wall).collect();
    walls.sort_unstable();
    let peak = runs.iter().map(|run| run.mebibytes).fold(0.0, f64::max);
    let at = runs.len() / 2;
    Run { wall: walls[at], mebibytes: peak, ..sorted[at] }
}

/// Runs all of them in turn, so that what else the machine does falls on each alike, and prints what they took.
pub(super) fn table(contenders: Vec<Contender>, rounds: usize) -> Result<()> {
    let mut field: Vec<(Contender, Vec<Run>)> = Vec::new();
    let mut notes = Vec::new();
    for contender in contenders {
        let warm = warm_up(&contender)?;
        if !warm.success {
            let name = &contender.name;
            notes.push(format!("{name}: it reports a failure or a change, so it stands aside"));
            continue;
        }
        let first = if warm.wall > SLOW { vec![warm] } else { Vec::new() };
        field.push((contender, first));
    }
    for _ in 0..rounds {
        for (contender, runs) in &mut field {
            if runs.first().is_none_or(|first| first.wall <= SLOW) {
                runs.push(run(contender)?);
            }
        }
    }
    println!("| program | CPU s | wall s | peak MiB | runs | CPU, ours to it | wall, ours to it |");
    println!("|---|---|---|---|---|---|---|");
    let Some((_, ours)) = field.first() else { return Ok(()) };
    for (contender, runs) in &field {
        let median = middle(runs);
        let ratio = |of: fn(&Run) -> Duration| {
            let pairs = ours.iter().zip(runs);
            let mut ratios: Vec<f64> =
                pairs.map(|(a, b)| of(a).as_secs_f64() / of(b).as_secs_f64()).collect();
            ratios.sort_by(f64::total_cmp);
            ratios[ratios.len() / 2]
        };
        println!(
            "| {} | {:.4} | {:.4} | {:.1} | {} | {} | {} |",
            contender.name,
            median.cpu.as_secs_f64(),
            median.wall.as_secs_f64(),
            median.mebibytes,
            runs.len(),
            shown(ratio(|run| run.cpu)),
            shown(ratio(|run| run.wall)),
        );
    }
    for note in notes {
        println!("\n{note}");
    }
    Ok(())
}

/// A ratio with at least two digits that say something.
fn shown(ratio: f64) -> String {
    if ratio < 0.01 { format!("{ratio:.5}") } else { format!("{ratio:.3}") }
}
