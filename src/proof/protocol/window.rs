//! What the observer sees: before the prover connects, while its transaction is open, and after its process is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::desired::Contract;
use crate::model::{Reason, RelationName, Unknown};
use crate::probe::postgres::{Amount, Found, Param, Rows, Session};
use crate::proof::{Census, Outside};

/// How long a query of desired state may take.
const QUERY: Duration = Duration::from_secs(10);
/// How long the process of the prover may take to go, and others to end.
const PATIENCE: Duration = Duration::from_secs(5);
const BETWEEN: Duration = Duration::from_millis(5);
/// How many sequences are asked for together where they begin.
const UNUSED_MAX: usize = 500;
/// The most transactions of one window.
const WINDOW_MAX: u64 = 10_000;

/// What was open when the window was opened.
pub(super) struct Window {
    /// The first transaction that can be of the window.
    first: u64,
    /// Transactions that were open then.
    open: Vec<u64>,
    /// Their sessions, where they can be seen: what each is called.
    pub(super) known: BTreeMap<u64, String>,
    /// How many sessions had been opened ever, where the server counts them at once.
    sessions: Option<u64>,
    /// When the server was started.
    started: String,
    /// Where the log of changes stood.
    pub(super) position: String,
    /// The server's time then.
    opened: String,
}

/// What became of the transactions of a window.
pub(super) struct Closed {
    pub(super) census: Census,
    /// The numbers of those that committed and are not ours.
    pub(super) committed: Vec<u64>,
    /// Was no session opened meanwhile but ours?
    pub(super) alone: bool,
    /// Why it cannot be told.
    pub(super) trouble: Option<String>,
}

const OPENING: &str = "SELECT pg_catalog.pg_snapshot_xmax(s)::text, \
    coalesce((SELECT pg_catalog.string_agg(x::text, ',') FROM pg_catalog.pg_snapshot_xip(s) AS x), ''), \
    pg_catalog.pg_postmaster_start_time()::text, pg_catalog.pg_current_wal_insert_lsn()::text, pg_catalog.clock_timestamp()::text \
    FROM pg_catalog.pg_current_snapshot() AS s";

/// Sessions that hold a transaction, and what they are. `backend_xid` has 32 bits.
const HOLDERS: &str = "SELECT backend_xid::text, pid::text, coalesce(usename::text, backend_type), coalesce(application_name, '') \
    FROM pg_catalog.pg_stat_activity WHERE backend_xid IS NOT NULL";

const SESSIONS: &str = "SELECT pg_catalog.sum(sessions)::text FROM pg_catalog.pg_stat_database";

/// How far sequences have come. Where one that nobody has used begins only its own row tells.
const SEQUENCES: &str = "SELECT n.nspname::text, c.relname::text, CASE WHEN \
    pg_catalog.has_sequence_privilege(c.oid, 'SELECT, USAGE') AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') \
    THEN coalesce(pg_catalog.pg_sequence_last_value(c.oid)::text, \
      CASE WHEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT') THEN '' END) END \
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind = 'S' AND c.relpersistence <> 't'";

/// Sessions that were ended by order, on servers that say so at once.
const KILLED: &str =
    "SELECT pg_catalog.sum(sessions_killed)::text FROM pg_catalog.pg_stat_database";

/// Sessions that were opened since.
const YOUNGER: &str = "SELECT pid::text FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend' \
    AND backend_start >= $1::pg_catalog.text::pg_catalog.timestamptz";

const BACKEND: &str = "SELECT backend_xid::text FROM pg_catalog.pg_stat_activity WHERE pid = $1::pg_catalog.text::pg_catalog.int4";

const STATUS: &str =
    "SELECT x, pg_catalog.pg_xact_status(x::pg_catalog.xid8)::text FROM pg_catalog.unnest($1) AS x";

fn malformed() -> Unknown {
    Unknown::new(Reason::Malformed, "the server does not say which transactions are open")
}

fn text(rows: &Rows, at: usize) -> Option<&str> {
    rows.first()?.get(at)?.as_deref()
}

impl Window {
    /// Opens it.
    pub(super) async fn open(session: &Session) -> Result<Self, Unknown> {
        session.renew().await?;
        let rows = session.ask(OPENING, &[]).await?;
        let first = text(&rows, 0).and_then(|t| t.parse().ok()).ok_or_else(malformed)?;
        let open: Vec<u64> =
            text(&rows, 1).unwrap_or_default().split(',').filter_map(|t| t.parse().ok()).collect();
        let started = text(&rows, 2).unwrap_or_default().to_owned();
        let position = text(&rows, 3).unwrap_or_default().to_owned();
        let opened = text(&rows, 4).unwrap_or_default().to_owned();
        let known = holders(session, first).await?;
        let sessions = sessions(session).await?;
        Ok(Self { first, open, known, sessions, started, position, opened })
    }

    /// Asks what became of every transaction, once the process of the prover is gone.
    pub(super) async fn close(
        &self,
        session: &Session,
        (own, pid): (&str, &str),
    ) -> Result<Closed, Unknown> {
        let gone = self.gone(session, pid).await?;
        let mut trouble = None;
        if !gone {
            trouble = Some(
                "the process of the prover does not go: is there a pooler between?".to_owned(),
            );
        }
        let rows = session.ask(OPENING, &[]).await?;
        let end: u64 = text(&rows, 0).and_then(|t| t.parse().ok()).ok_or_else(malformed)?;
        if text(&rows, 2) != Some(&self.started) {
            trouble = Some("the server was started anew meanwhile".to_owned());
        }
        let count = end.saturating_sub(self.first);
        if count > WINDOW_MAX {
            trouble = Some(format!("{count} transactions in the window, more than {WINDOW_MAX}"));
        }
        let mut asked: BTreeSet<u64> = (self.first..end.min(self.first + WINDOW_MAX)).collect();
        asked.extend(&self.open);
        asked.extend(holders(session, end).await?.keys());
        let alone = match (self.sessions, sessions(session).await?) {
            // One that is still there may not be counted yet.
            (Some(before), Some(after)) if after.saturating_sub(before) <= 1 => {
                session.ask(YOUNGER, &[Param::Text(&self.opened)]).await?.is_empty()
            }
            _ => false,
        };
        let status = resolved(session, &asked, &self.open).await?;
        let own_number: Option<u64> = own.parse().ok();
        let of = |word: &'static str| {
            status.iter().filter(move |(_, s)| s.as_deref() == Some(word)).map(|(x, _)| *x)
        };
        let unresolved = status
            .iter()
            .filter(|(_, status)| !matches!(status.as_deref(), Some("committed" | "aborted")))
            // What was open before the window, and still is, is none of the proof's making.
            .filter(|(x, status)| {
                status.as_deref() != Some("in progress") || !self.open.contains(x)
            });
        let census = Census {
            from: self.first.to_string(),
            to: end.to_string(),
            own: own_number.and_then(|own| status.get(&own).cloned().flatten()),
            aborted: of("aborted").filter(|x| *x >= self.first).count().to_string(),
            foreign: Vec::new(),
            unresolved: unresolved.map(|(x, _)| x.to_string()).collect(),
        };
        let committed = of("committed").filter(|x| Some(*x) != own_number).collect();
        Ok(Closed { census, committed, alone, trouble })
    }

    /// Waits until a process of the server is gone.
    async fn gone(&self, session: &Session, pid: &str) -> Result<bool, Unknown> {
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            session.renew().await?;
            if session.ask(BACKEND, &[Param::Text(pid)]).await?.is_empty() {
                return Ok(true);
            }
            if tokio::time::Instant::now() > until {
                return Ok(false);
            }
            tokio::time::sleep(BETWEEN).await;
        }
    }
}

/// The transaction that a process holds, as others see it.
pub(super) async fn held_by(session: &Session, pid: &str) -> Result<Option<String>, Unknown> {
    session.renew().await?;
    let rows = session.ask(BACKEND, &[Param::Text(pid)]).await?;
    Ok(text(&rows, 0).map(str::to_owned))
}

/// Transactions by the sessions that hold them. The server shows the lower 32 bits of their numbers; all of them are near `near`.
async fn holders(session: &Session, near: u64) -> Result<BTreeMap<u64, String>, Unknown> {
    let rows = session.ask(HOLDERS, &[]).await?;
    let one = |row: &Vec<Option<String>>| {
        let field = |at: usize| row.get(at).and_then(Option::as_deref).unwrap_or_default();
        let short: u32 = field(0).parse().ok()?;
        let name = match field(3) {
            "" => format!("{} (process {})", field(2), field(1)),
            application => format!("{} (process {}, {application})", field(2), field(1)),
        };
        Some((whole(short, near), name))
    };
    Ok(rows.iter().filter_map(one).collect())
}

/// The 64-bit number nearest to `near` that has these lower bits.
fn whole(short: u32, near: u64) -> u64 {
    const EPOCH: u64 = 1 << 32;
    let candidate = (near & !(EPOCH - 1)) | u64::from(short);
    if candidate > near + EPOCH / 2 {
        candidate.saturating_sub(EPOCH)
    } else if candidate + EPOCH / 2 < near {
        candidate + EPOCH
    } else {
        candidate
    }
}

/// How many sessions were ever opened, on servers that count a session before its process is gone: from 15 on.
async fn sessions(session: &Session) -> Result<Option<u64>, Unknown> {
    if session.identity().version_number < 150_000 {
        return Ok(None);
    }
    let rows = session.ask(SESSIONS, &[]).await?;
    Ok(text(&rows, 0).and_then(|count| count.parse().ok()))
}

/// What became of each, asked again while one of them is still open that was not open before.
async fn resolved(
    session: &Session,
    asked: &BTreeSet<u64>,
    before: &[u64],
) -> Result<BTreeMap<u64, Option<String>>, Unknown> {
    let until = tokio::time::Instant::now() + PATIENCE;
    let mut status = BTreeMap::new();
    let mut todo: Vec<String> = asked.iter().map(ToString::to_string).collect();
    loop {
        for row in session.ask(STATUS, &[Param::Texts(&todo)]).await? {
            let mut row = row.into_iter();
            let number = row.next().flatten().and_then(|text| text.parse::<u64>().ok());
            status.insert(number.ok_or_else(malformed)?, row.next().flatten());
        }
        todo = status
            .iter()
            .filter(|(x, status)| status.as_deref() == Some("in progress") && !before.contains(x))
            .map(|(number, _)| number.to_string())
            .collect();
        if todo.is_empty() || tokio::time::Instant::now() > until {
            return Ok(status);
        }
        tokio::time::sleep(BETWEEN).await;
        session.renew().await?;
    }
}

/// What can be seen from outside of what the contract could leave behind.
pub(super) async fn outside(session: &Session, contract: &Contract) -> Result<Outside, Unknown> {
    let mut outside = Outside::default();
    if let Some(witness) = &contract.witness {
        outside.witness = Some(number(session, witness, "the witness").await?);
    }
    if let Some(leak) = &contract.leak {
        outside.leak = Some(number(session, leak, "the leak probe").await?);
    }
    let mut unused = Vec::new();
    for row in session.ask(SEQUENCES, &[]).await? {
        if let Ok([Some(schema), Some(name), value]) = <[Option<String>; 3]>::try_from(row) {
            let names = RelationName { schema, name };
            unused.extend(value.as_deref().is_some_and(str::is_empty).then(|| names.clone()));
            outside.sequences.insert(names.to_string(), value);
        }
    }
    for (name, value) in begins(session, &unused).await? {
        outside.sequences.insert(name.to_string(), value);
    }
    if session.identity().version_number >= 150_000 {
        outside.killed = text(&session.ask(KILLED, &[]).await?, 0).map(str::to_owned);
    }
    let list = async |sql| {
        let rows = session.ask(sql, &[]).await?;
        Ok::<_, Unknown>(rows.into_iter().flatten().flatten().collect::<Vec<String>>())
    };
    outside.prepared =
        list("SELECT gid::text FROM pg_catalog.pg_prepared_xacts ORDER BY 1").await?;
    outside.slots = list("SELECT slot_name::text FROM pg_catalog.pg_replication_slots WHERE NOT temporary ORDER BY 1").await?;
    Ok(outside)
}

/// Where sequences begin that nobody has used.
async fn begins(
    session: &Session,
    unused: &[RelationName],
) -> Result<Vec<(RelationName, Option<String>)>, Unknown> {
    let mut begins = Vec::new();
    for some in unused.chunks(UNUSED_MAX) {
        let one = |(at, name): (usize, &RelationName)| {
            format!("SELECT {at}, last_value::text FROM {}", name.sql())
        };
        let all: Vec<String> = some.iter().enumerate().map(one).collect();
        let sql = format!(
            "SELECT last_value FROM ({}) AS s(at, last_value) ORDER BY at",
            all.join(" UNION ALL ")
        );
        let rows = session.ask(&sql, &[]).await?;
        let values = rows.into_iter().map(|row| row.into_iter().next().flatten());
        let values = values.map(|value| value.map(|value| format!("never, to begin at {value}")));
        begins.extend(some.iter().cloned().zip(values));
    }
    Ok(begins)
}

/// The one number that a query of desired state answers.
async fn number(session: &Session, query: &str, what: &str) -> Result<String, Unknown> {
    let one = Amount::Rows { rows_max: 1, bytes_max: 64 };
    let found = session.evaluate(query, one, QUERY).await.map_err(|why| why.of(what))?;
    match found {
        Found::Rows(rows) if rows.len() == 1 && rows[0].len() == 1 => {
            rows[0][0].clone().filter(|text| text.parse::<i64>().is_ok())
        }
        _ => None,
    }
    .ok_or_else(|| {
        Unknown::new(Reason::Malformed, format!("{what} does not answer one whole number"))
    })
}
