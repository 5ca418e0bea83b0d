//! Workloads W1 to W5 against the tools that people use for the same: CPU time of whole processes, peak memory, ratios.
//!
//! `make bench` builds everything below `target/bench` (about 6 GB, most of it W3), measures what is installed, and
//! prints Markdown. Nothing is installed, and a tool that is missing is skipped by name. Nothing here decides a test: a
//! figure is worth something only beside the others of the same run.
//!
//! ```text
//! make bench                             # all of it, minutes; with slow peers much longer
//! make bench BENCH="w1 w2 --runs 9"      # some of it
//! make bench BENCH="scale"               # 10,000 to 1,000,000 files
//! make bench BENCH="w5 --slow"           # with peers that take minutes
//! make bench BENCH="ledger"              # a million entries, verified
//! make bench BENCH="plan apply"          # plans for 10,000 resources; an apply, with its fsyncs counted
//! make bench BENCH="postgres"            # a schema of 200 to 20,000 tables, with a server of its own
//! make bench BENCH="watch"              # from a push, and from a changed file, to a status; an idle controller
//! make bench BENCH="proof"               # the transaction of a proof, with a server of its own
//! make bench BENCH="w1 --below /var/tmp/bench"  # elsewhere, such as outside of every repository
//! ```
#![expect(clippy::disallowed_methods, reason = "benchmarks build the worlds that they look at")]

mod apply;
mod database;
mod host;
mod layout;
mod ledger;
mod machine;
mod measure;
mod peers;
mod plan;
mod proof;
mod watch;

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use layout::Layout;
use measure::Contender;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What was asked on the command line.
#[derive(Debug)]
struct Asked {
    workloads: Vec<String>,
    runs: usize,
    slow: bool,
    /// Where the worlds are built.
    below: PathBuf,
}

const ALL: [&str; 12] = [
    "w1", "w2", "w3", "w4", "w5", "scale", "postgres", "ledger", "plan", "apply", "proof", "watch",
];

fn asked() -> Result<Asked> {
    let below = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    let mut asked = Asked { workloads: Vec::new(), runs: 5, slow: false, below };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // cargo says so to every benchmark.
            "--bench" => {}
            "--slow" => asked.slow = true,
            "--runs" => asked.runs = arguments.next().ok_or("--runs takes a number")?.parse()?,
            "--below" => asked.below = arguments.next().ok_or("--below takes a folder")?.into(),
            name if ALL.contains(&name) => asked.workloads.push(name.to_owned()),
            other => return Err(format!("`{other}` is none of {}", ALL.join(", ")).into()),
        }
    }
    if asked.workloads.is_empty() {
        asked.workloads = ALL.map(str::to_owned).to_vec();
    }
    Ok(asked)
}

/// Copies a program as one that is installed, and in large pieces: of a file that came into the page cache page by page, as
/// a linker leaves it, each start costs up to a quarter more.
fn install(built: &Path, program: &Path) -> Result<()> {
    let mut built = File::open(built)?;
    if program.exists() {
        fs::remove_file(program)?;
    }
    let mut installed = File::create(program)?;
    installed.set_permissions(built.metadata()?.permissions())?;
    // `io::copy` would have the kernel do it, a few pages at a time. Memory of this process counts as that of those it starts.
    let mut piece = vec![0; 1 << 20];
    loop {
        let length = built.read(&mut piece)?;
        if length == 0 {
            return Ok(());
        }
        installed.write_all(&piece[..length])?;
    }
}

fn main() -> Result<()> {
    let asked = asked()?;
    fs::create_dir_all(&asked.below)?;
    let program = asked.below.join("countersign");
    install(Path::new(env!("CARGO_BIN_EXE_countersign")), &program)?;
    let layout = Layout::new(asked.below.clone(), program)?;
    machine::print()?;
    for workload in &asked.workloads {
        let runs = if workload == "w1" { asked.runs.max(25) } else { asked.runs };
        let alone = match workload.as_str() {
            "ledger" => Some(ledger::run as fn(&Layout, usize) -> Result<()>),
            "plan" => Some(plan::run as _),
            "apply" => Some(apply::run as _),
            "postgres" => Some(database::run as _),
            "proof" => Some(proof::run as _),
            "watch" => Some(watch::run as _),
            "scale" => Some(scale as _),
            _ => None,
        };
        if let Some(run) = alone {
            run(&layout, asked.runs)?;
            continue;
        }
        let (title, contenders) = contenders(&layout, workload, &asked)?;
        println!("\n### {title}\n");
        measure::table(contenders, runs)?;
    }
    Ok(())
}

fn contenders(layout: &Layout, workload: &str, asked: &Asked) -> Result<(String, Vec<Contender>)> {
    Ok(match workload {
        "w1" => {
            layout.small()?;
            let mut all = vec![layout.check("w1", &[])];
            all.extend(peers::of_trees(
                layout,
                "w1",
                &["sha256sum", "b3sum", "rhash", "mtree", "aide"],
            )?);
            ("W1: 82 files of 4 to 20 KiB".to_owned(), all)
        }
        "w2" => {
            layout.many()?;
            let mut all = vec![layout.check("w2", &[])];
            let peers: &[&str] = if asked.slow {
                &["sha256sum", "b3sum", "rhash", "mtree", "aide"]
            } else {
                &["sha256sum", "b3sum", "rhash", "mtree"]
            };
            all.extend(peers::of_trees(layout, "w2", peers)?);
            ("W2: 100,000 files of 4 KiB".to_owned(), all)
        }
        "w3" => {
            layout.large()?;
            let mut all = vec![layout.check("w3", &[])];
            all.extend(peers::of_trees(layout, "w3", &["sha256sum", "b3sum", "rhash"])?);
            ("W3: 8 files of 512 MiB".to_owned(), all)
        }
        "w4" => {
            layout.many()?;
            let mut all = vec![layout.check("w2", &["--cached"])];
            all.extend(peers::git_status(layout)?);
            ("W4: W2 once more, nothing changed, cache and index warm".to_owned(), all)
        }
        _ => {
            let resources = layout.resources()?;
            let mut all = vec![layout::Resources::check(layout)];
            all.extend(peers::of_resources(layout, &resources, asked.slow)?);
            (format!("W5: {} resources, all as they should be", resources.count()), all)
        }
    })
}

/// One tree, and lists of ever more of it: does the cost per file stay the same, and the memory small?
fn scale(layout: &Layout, runs: usize) -> Result<()> {
    let counts = [10_000, 30_000, 100_000, 300_000, 1_000_000];
    layout.million(&counts)?;
    println!("\n### Scale: files of 1 KiB\n");
    println!("| files | CPU s | CPU us per file | wall s | peak MiB |\n|---|---|---|---|---|");
    for count in counts {
        let name = format!("scale-{count}");
        let median = measure::median(&layout.check(&name, &[]), runs.min(3))?;
        let per_file = median.cpu.as_secs_f64() * 1e6 / f64::from(count);
        println!(
            "| {count} | {:.3} | {per_file:.2} | {:.3} | {:.1} |",
            median.cpu.as_secs_f64(),
            median.wall.as_secs_f64(),
            median.mebibytes
        );
    }
    Ok(())
}
