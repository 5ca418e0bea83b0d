//! A whole schema of a database: against `pg_dump -s` in the same run, looked at again, and ten times as large.
//!
//! The server is one of our own in a temporary folder; it goes away with the benchmark. Its memory and its time count for
//! nobody, for both programs make it work: what is measured are wall time, and the processor and memory of the clients.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tokio_postgres::{Client, Config, NoTls};

use super::Result;
use super::layout::Layout;
use super::measure::{self, Contender};
use super::peers::find;

// The private server of the demo and the tests.
#[path = "../../src/demo/server/mod.rs"]
#[expect(unreachable_pub, reason = "an interface of the library, included here")]
#[expect(dead_code, reason = "a benchmark needs a part of it")]
mod server;

use server::{Options, Server, binaries};

/// How many tables the comparison has: with them 20,000 columns, 4,000 indexes, 5,000 functions, 10,000 grants.
const TABLES: usize = 2_000;
const SCALE: [usize; 3] = [200, 2_000, 20_000];

/// The configuration of a role that may have as many connections as it likes, and of one that may have one.
const CONFIG: &str = "config.toml";
const ALONE: &str = "alone.toml";

/// One database with its desired state, as it was adopted.
struct Database {
    name: String,
    folder: PathBuf,
    program: PathBuf,
}

impl Database {
    /// Makes the database, and writes its schema down.
    fn make(layout: &Layout, server: &Server, tables: usize) -> Result<Self> {
        let name = format!("bench_{tables}");
        let folder = layout.folder.join("postgres").join(&name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let made = runtime.block_on(generate(server.socket_folder().as_path(), &name, tables));
        made.map_err(|e| format!("{name}: {e:?}"))?;
        for (file, role) in [(CONFIG, "bench_observer"), (ALONE, "bench_alone")] {
            let url = server.url(role, &name);
            let config = format!("[database.bench]\nobserver = {{ url = {url:?} }}\n");
            std::fs::write(folder.join(file), config)?;
        }
        let database = Self { name, folder, program: layout.program().to_owned() };
        let mut adopt = database.arguments(layout, CONFIG);
        adopt.extend(["--host", "bench", "adopt", "--deadline", "600"].map(str::to_owned));
        adopt.extend(["--schema", "public", "-o"].map(str::to_owned));
        adopt.push(database.folder.join("desired").display().to_string());
        let adopted = Command::new(&database.program).args(&adopt).stdin(Stdio::null()).output()?;
        if !adopted.status.success() {
            return Err(String::from_utf8_lossy(&adopted.stderr).into_owned().into());
        }
        Ok(database)
    }

    fn arguments(&self, layout: &Layout, config: &str) -> Vec<String> {
        let text = |path: PathBuf| path.display().to_string();
        let (config, root) = (self.folder.join(config), layout.root());
        vec!["--config".into(), text(config), "--root".into(), text(root)]
    }

    /// This program on it.
    fn check(&self, layout: &Layout, more: &[&str]) -> Contender {
        self.check_as(layout, CONFIG, more)
    }

    /// The same as a role that may have one connection.
    fn check_alone(&self, layout: &Layout) -> Contender {
        let name = "countersign check, one connection".to_owned();
        Contender { name, ..self.check_as(layout, ALONE, &[]) }
    }

    fn check_as(&self, layout: &Layout, config: &str, more: &[&str]) -> Contender {
        let text = |path: PathBuf| path.display().to_string();
        let mut arguments = self.arguments(layout, config);
        arguments.extend(["--desired".into(), text(self.folder.join("desired"))]);
        arguments.extend(["--data".into(), text(self.folder.join("data"))]);
        arguments.extend(["check", "--quiet", "--deadline", "600"].map(str::to_owned));
        arguments.extend(more.iter().map(ToString::to_string));
        let name = ["countersign", "check"].iter().chain(more).copied().collect::<Vec<_>>();
        Contender {
            name: name.join(" "),
            program: self.program.clone(),
            arguments,
            folder: self.folder.clone(),
            // Its exit code says so.
            in_sync: |_| true,
        }
    }

    /// `pg_dump` of the schema, as the superuser: it locks every table, which takes the right to read it.
    fn dump(&self, server: &Server) -> Option<Contender> {
        let beside = binaries().ok()?.join("pg_dump");
        let program = if beside.is_file() { beside } else { find("pg_dump")? };
        let url = server.url("postgres", &self.name);
        let arguments = ["-s", "-n", "public", "-f", "/dev/null", "-d", &url].map(str::to_owned);
        Some(Contender {
            name: "pg_dump -s".to_owned(),
            program,
            arguments: arguments.to_vec(),
            folder: self.folder.clone(),
            in_sync: |_| true,
        })
    }
}

async fn connect(
    socket: &Path,
    database: &str,
) -> std::result::Result<Client, tokio_postgres::Error> {
    let mut config = Config::new();
    config.host_path(socket).user("postgres").dbname(database);
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn generate(
    socket: &Path,
    name: &str,
    tables: usize,
) -> std::result::Result<(), tokio_postgres::Error> {
    let root = connect(socket, "postgres").await?;
    root.batch_execute(&format!("CREATE DATABASE {name}")).await?;
    let client = connect(socket, name).await?;
    let sql = include_str!("database.sql").replace("TABLES", &tables.to_string());
    client.batch_execute(&sql).await?;
    client.batch_execute("VACUUM ANALYZE").await
}

/// Runs all of it.
pub(super) fn run(layout: &Layout, runs: usize) -> Result<()> {
    let settings = vec![("max_locks_per_transaction".to_owned(), "4096".to_owned())];
    let server = Server::start(&Options { settings, ..Options::default() })?;
    eprintln!("building databases of {SCALE:?} tables");
    let database = Database::make(layout, &server, TABLES)?;
    println!("\n### Schema: {TABLES} tables, all as it should be\n");
    let mut contenders = vec![database.check(layout, &[])];
    match database.dump(&server) {
        Some(dump) => contenders.push(dump),
        None => println!("skipped: pg_dump is not installed"),
    }
    contenders.push(database.check_alone(layout));
    measure::table(contenders, runs)?;
    println!("\n### Schema: looked at again, nothing changed\n");
    measure::table(vec![database.check(layout, &["--cached"]), database.check(layout, &[])], runs)?;
    println!("\n### Schema: scale\n");
    println!(
        "| tables | wall s | wall ms per table | client CPU s | client peak MiB |\n|---|---|---|---|---|"
    );
    for tables in SCALE {
        let database =
            if tables == TABLES { None } else { Some(Database::make(layout, &server, tables)?) }
                .unwrap_or_else(|| Database {
                    name: database.name.clone(),
                    folder: database.folder.clone(),
                    program: database.program.clone(),
                });
        let median = measure::median(&database.check(layout, &[]), runs.min(3))?;
        println!(
            "| {tables} | {:.3} | {:.3} | {:.3} | {:.1} |",
            median.wall.as_secs_f64(),
            median.wall.as_secs_f64() * 1e3 / f64::from(u32::try_from(tables)?),
            median.cpu.as_secs_f64(),
            median.mebibytes
        );
    }
    server.stop()?;
    Ok(())
}
