//! The same cases with the tools that people use for it: is anything different in a dump of the schema, and does migra
//! find a difference?

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Case, GROUPS, Group, run, template};
use crate::lab::admin;
use crate::private_server::shared;
use crate::server::Server;

/// What the two tools saw of a case: `yes`, `no`, or nothing where they were not asked.
type Seen = BTreeMap<String, [String; 2]>;

fn published() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recall-postgres.md")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn table(seen: &Seen) -> String {
    let mut table = String::from(include_str!("heading.md"));
    for group in GROUPS {
        writeln!(table, "\n## {}\n", group.title).unwrap();
        table.push_str("| what happens | reported as | pg_dump | migra |\n|---|---|---|---|\n");
        let (drifts, quiet): (Vec<&Case>, Vec<&Case>) =
            group.cases.iter().partition(|case| !case.reported.is_empty());
        for case in drifts {
            let reported = case.reported.iter();
            let reported: Vec<String> = reported
                .map(|(name, field)| format!("`{}`: {}", cell(name), cell(field)))
                .collect();
            let about = cell(case.about);
            let [dump, migra] = seen.get(&about).cloned().unwrap_or_default();
            writeln!(table, "| {about} | {} | {dump} | {migra} |", reported.join("; ")).unwrap();
        }
        table
            .push_str("\nWhat stays quiet:\n\n| what happens | pg_dump | migra |\n|---|---|---|\n");
        for case in quiet {
            let about = cell(case.about);
            let [dump, migra] = seen.get(&about).cloned().unwrap_or_default();
            writeln!(table, "| {about} | {dump} | {migra} |").unwrap();
        }
    }
    table.push_str(include_str!("ending.md"));
    table
}

/// What the published table says of the two tools.
fn as_published() -> Seen {
    let text = fs::read_to_string(published()).unwrap_or_default();
    let row = |line: &str| {
        let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        let [about, .., dump, migra] = cells.as_slice() else { return None };
        Some(((*about).to_owned(), [dump.trim().to_owned(), migra.trim().to_owned()]))
    };
    text.lines().filter_map(row).collect()
}

fn bless_or_compare(table: &str) {
    if std::env::var_os("COUNTERSIGN_BLESS").is_some() {
        fs::write(published(), table).unwrap();
    }
    let there = fs::read_to_string(published()).unwrap_or_default();
    assert_eq!(there, table, "COUNTERSIGN_BLESS=1 writes it anew");
}

#[test]
fn the_table_is_the_published_one() {
    bless_or_compare(&table(&as_published()));
}

/// The lines of a dump without those that are random.
fn dump(server: &Server, database: &str) -> Vec<String> {
    let url = server.url("postgres", database);
    let dumped = Command::new("pg_dump").args(["-s", "-d", &url]).output().unwrap();
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    let text = String::from_utf8_lossy(&dumped.stdout);
    let random = |line: &&str| line.starts_with("\\restrict") || line.starts_with("\\unrestrict");
    text.lines().filter(|line| !random(line)).map(str::to_owned).collect()
}

fn migra(server: &Server, before: &str, after: &str) -> &'static str {
    let program = std::env::var_os("COUNTERSIGN_MIGRA").unwrap_or_else(|| "migra".into());
    let url =
        |database: &str| server.url("postgres", database).replace("postgres://", "postgresql://");
    let compared = Command::new(program)
        .args(["--unsafe", "--with-privileges", &url(before), &url(after)])
        .output()
        .expect("migra: pip install migra psycopg2-binary 'setuptools<81' 'sqlalchemy<2.1'");
    match compared.status.code() {
        Some(0) => "no",
        Some(2) => "yes",
        _ => "fails",
    }
}

async fn measure(server: &Server, group: &Group, seen: &mut Seen) {
    let root = admin(server, "postgres").await;
    let template = template(server, group, &root).await;
    let before = dump(server, &template);
    let major = super::major(&root).await.unsigned_abs();
    for case in group.cases.iter().filter(|case| case.since <= major) {
        let database = format!("{template}_peer");
        let create = format!("CREATE DATABASE {database} TEMPLATE {template}");
        root.batch_execute(&create).await.unwrap();
        run(server, &database, &super::of_group(case.sql, group)).await;
        let dumped = if dump(server, &database) == before { "no" } else { "yes" };
        let migrated = migra(server, &template, &database);
        seen.insert(cell(case.about), [dumped.to_owned(), migrated.to_owned()]);
        run(server, &database, &super::of_group(case.undo, group)).await;
        root.batch_execute(&format!("DROP DATABASE {database} WITH (FORCE)")).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs migra, and the pg_dump of the server's version"]
async fn what_others_see_of_it() {
    let Some(server) = shared() else { return };
    let mut seen = Seen::new();
    for group in GROUPS {
        measure(&server, group, &mut seen).await;
    }
    let cases = || GROUPS.iter().flat_map(|group| group.cases);
    let (drifts, quiet) = (
        cases().filter(|case| !case.reported.is_empty()).count(),
        cases().filter(|case| case.reported.is_empty()).count(),
    );
    for (at, tool) in ["pg_dump -s | diff", "migra"].into_iter().enumerate() {
        let yes = |case: &&Case| seen.get(&cell(case.about)).is_some_and(|seen| seen[at] == "yes");
        let found = cases().filter(|case| !case.reported.is_empty()).filter(yes).count();
        let noise = cases().filter(|case| case.reported.is_empty()).filter(yes).count();
        println!("{tool}: {found} of {drifts} drifts, {noise} of {quiet} that are none");
    }
    bless_or_compare(&table(&seen));
}
