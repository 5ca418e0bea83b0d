//! Transactions of others that committed while a proof was open: whose they were, where that can be told.
//!
//! Three things show that one is none of the proof's. Its session held it before the prover connected. No session was opened meanwhile
//! but the prover's: what a contract can make another session do, it does through one that it opens. Or the log of changes says what it wrote,
//! which is nothing that the contract wrote, without what was new in this run.

use std::collections::{BTreeMap, BTreeSet};

use super::window::Window;
use crate::desired::Contract;
use crate::model::quoted;
use crate::model::{RelationName, Unknown};
use crate::probe::postgres::{Param, Session};
use crate::proof::{Foreign, Inside};

/// Where the extension that reads the log is installed, when the observer may use it.
const INSPECTOR: &str = "SELECT n.nspname::text FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
    WHERE p.proname = 'pg_get_wal_records_info' AND p.pronargs >= 2 AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE') \
    AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')";

/// The tables behind files of this database; indexes and long values count as the table that they belong to.
const TABLES: &str = "SELECT f.path, n.nspname::text, c.relname::text FROM pg_catalog.unnest($1) AS f(path) \
    JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database() \
      AND d.oid::text = pg_catalog.split_part(f.path, '/', 2) \
    JOIN pg_catalog.pg_class r ON r.oid = pg_catalog.pg_filenode_relation( \
      pg_catalog.split_part(f.path, '/', 1)::pg_catalog.oid, pg_catalog.split_part(f.path, '/', 3)::pg_catalog.oid) \
    LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = r.oid \
    LEFT JOIN pg_catalog.pg_class o ON o.reltoastrelid = coalesce(i.indrelid, r.oid) \
    JOIN pg_catalog.pg_class c ON c.oid = coalesce(o.oid, i.indrelid, r.oid) \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace";

/// Says of each committed transaction whose it was.
pub(super) async fn attribute(
    session: &Session,
    window: &Window,
    (committed, alone): (&[u64], bool),
    (contract, inside, nonce): (&Contract, Option<&Inside>, &str),
) -> Result<Vec<Foreign>, Unknown> {
    let mut foreign: Vec<Foreign> = committed
        .iter()
        .map(|xid| {
            let held = window.known.get(xid).map(|name| format!("{name}, since before the proof"));
            let before = || alone.then(|| "a session that was open before the proof".to_owned());
            Foreign { xid: xid.to_string(), whose: held.or_else(before), nonce: false }
        })
        .collect();
    // A function that nobody can look into could have written anything through another session.
    let open = foreign.iter().any(|one| one.whose.is_none());
    if open && contract.trusted_functions.is_empty() {
        let written = inside.iter().flat_map(|inside| &inside.writes).map(|one| one.table.as_str());
        let own: BTreeSet<&str> =
            written.chain(contract.writes.iter().map(String::as_str)).collect();
        logged(session, window, &mut foreign, (&own, nonce)).await?;
    }
    Ok(foreign)
}

/// Reads in the log of changes what the others wrote.
async fn logged(
    session: &Session,
    window: &Window,
    foreign: &mut [Foreign],
    (own, nonce): (&BTreeSet<&str>, &str),
) -> Result<(), Unknown> {
    let rows = session.ask(INSPECTOR, &[]).await?;
    let Some(schema) = rows.into_iter().flatten().flatten().next() else { return Ok(()) };
    let numbers: Vec<String> = foreign.iter().map(|one| one.xid.clone()).collect();
    // The log is asked up to where it is on the disk; what has not come so far is not attributed.
    let sql = format!(
        "SELECT xid::text, resource_manager, record_type, coalesce(block_ref, ''), start_lsn::text, end_lsn::text \
         FROM {}.pg_get_wal_records_info($1::pg_catalog.text::pg_catalog.pg_lsn, pg_catalog.pg_current_wal_flush_lsn()) WHERE xid::text = ANY($2)",
        quoted(&schema)
    );
    // An unreadable log leaves them without a name, which is what they were.
    let Ok(rows) =
        session.ask(&sql, &[Param::Text(&window.position), Param::Texts(&numbers)]).await
    else {
        return Ok(());
    };
    let mut records: BTreeMap<String, Vec<(bool, BTreeSet<String>)>> = BTreeMap::new();
    for row in rows {
        let [Some(xid), Some(manager), Some(record), Some(blocks), ..] = row.as_slice() else {
            continue;
        };
        let commit = manager == "Transaction" && record.starts_with("COMMIT");
        records.entry(xid.clone()).or_default().push((commit, files(blocks)));
    }
    let all: BTreeSet<String> =
        records.values().flatten().flat_map(|(_, files)| files.clone()).collect();
    let tables = tables(session, all.into_iter().collect()).await?;
    for one in foreign.iter_mut().filter(|one| one.whose.is_none()) {
        let Some(records) = records.get(&one.xid) else { continue };
        let committed = records.iter().any(|(commit, _)| *commit);
        let files: BTreeSet<&String> = records.iter().flat_map(|(_, files)| files).collect();
        let names: Option<BTreeSet<&String>> = files.iter().map(|file| tables.get(*file)).collect();
        let apart = names
            .as_ref()
            .is_some_and(|names| names.iter().all(|name| !own.contains(name.as_str())));
        if let (true, true, Some(names)) = (committed, apart, names) {
            let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
            one.whose =
                Some(format!("one that wrote to {}, as the log of changes says", names.join(", ")));
        }
    }
    carried(session, window, foreign, (&schema, &numbers, nonce)).await
}

/// Finds what was new in this run in what others wrote. The server shows the content of the log from 16 on.
async fn carried(
    session: &Session,
    window: &Window,
    foreign: &mut [Foreign],
    (schema, numbers, nonce): (&str, &[String], &str),
) -> Result<(), Unknown> {
    if session.identity().version_number < 160_000 {
        return Ok(());
    }
    let sql = format!(
        "SELECT DISTINCT xid::text FROM {}.pg_get_wal_block_info($1::pg_catalog.text::pg_catalog.pg_lsn, \
           pg_catalog.pg_current_wal_flush_lsn(), true), pg_catalog.convert_to($3, 'UTF8') AS nonce \
         WHERE xid::text = ANY($2) AND (pg_catalog.position(block_data, nonce) > 0 OR pg_catalog.position(block_fpi_data, nonce) > 0)",
        quoted(schema)
    );
    let params = [Param::Text(&window.position), Param::Texts(numbers), Param::Text(nonce)];
    let rows = session.ask(&sql, &params).await.unwrap_or_default();
    let found: BTreeSet<String> = rows.into_iter().flatten().flatten().collect();
    for one in foreign.iter_mut().filter(|one| found.contains(&one.xid)) {
        one.nonce = true;
    }
    Ok(())
}

/// The files that a record refers to, as `TABLESPACE/DATABASE/FILE`.
fn files(blocks: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut words = blocks.split_whitespace();
    while let Some(word) = words.next() {
        if word == "rel"
            && let Some(file) = words.next()
        {
            found.insert(file.trim_end_matches(&[',', ';'][..]).to_owned());
        }
    }
    found
}

/// The tables of files of this database. Files of others have none.
async fn tables(
    session: &Session,
    files: Vec<String>,
) -> Result<BTreeMap<String, String>, Unknown> {
    let mut tables = BTreeMap::new();
    for row in session.ask(TABLES, &[Param::Texts(&files)]).await? {
        if let Ok([Some(file), Some(schema), Some(name)]) = <[Option<String>; 3]>::try_from(row) {
            tables.insert(file, RelationName { schema, name }.to_string());
        }
    }
    Ok(tables)
}
