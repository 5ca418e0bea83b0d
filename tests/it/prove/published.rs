//! The table of all attacks, as it is published.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::attacks::{Attack, GROUPS};

fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

fn row(table: &mut String, attack: &Attack) {
    let stayed =
        if attack.stays.is_empty() { "nothing".to_owned() } else { attack.stays.join(", ") };
    let Attack { about, verdict, .. } = attack;
    writeln!(table, "| {} | {} | {verdict} | {} |", cell(about), attack.became(), cell(&stayed))
        .unwrap();
}

#[test]
fn the_table_is_the_published_one() {
    let mut table = String::from(include_str!("heading.md"));
    for (title, attacks) in GROUPS {
        writeln!(table, "\n## {title}\n\n| what is tried | what it is | verdict | what stayed |\n|---|---|---|---|").unwrap();
        attacks.iter().for_each(|attack| row(&mut table, attack));
    }
    let published = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/proof-attacks.md");
    if std::env::var_os("COUNTERSIGN_BLESS").is_some() {
        fs::write(&published, &table).unwrap();
    }
    let there = fs::read_to_string(&published).unwrap_or_default();
    assert_eq!(there, table, "COUNTERSIGN_BLESS=1 writes it anew");
}
