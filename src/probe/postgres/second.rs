//! A second connection that sees the very snapshot of the first, for looks that would keep one process of the server busy
//! for long: PostgreSQL answers the questions of one connection one after the other.
//!
//! The first lends its snapshot (`pg_export_snapshot`) and goes on with the questions from their front; the second, once it
//! is there, takes them from their back. Whoever is never lent to, refused, held up by a pooler or sent to another server
//! takes none, and the first answers them all: there is nothing to fall back from.

use std::collections::VecDeque;
use std::sync::Mutex;

use tokio::sync::oneshot;

use super::Limits;
use super::line::{GRACE, Line, Rows};
use super::reading::Reading;
use super::settings::Settings;
use crate::model::{Reason, Unknown};

/// Who looks, where, and at what: a second connection has to say the same before it is asked anything.
const SAME: &str = "SELECT pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time())::text, \
    pg_catalog.current_database()::text, session_user::text, current_user::text, \
    pg_catalog.pg_is_in_recovery()::text, pg_catalog.pg_current_snapshot()::text";

/// May a snapshot be lent, and is there room for one connection more? A role or a database whose connections are limited
/// to three keeps them, and so does a server of which few are left.
const ROOM: &str = "SELECT (pg_catalog.has_function_privilege('pg_catalog.pg_export_snapshot()', 'EXECUTE') \
    AND (r.rolconnlimit < 0 OR r.rolconnlimit > 3) AND (d.datconnlimit < 0 OR d.datconnlimit > 3) \
    AND (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_get_activity(NULL)) + 10 \
        < pg_catalog.current_setting('max_connections')::int4)::text \
    FROM pg_catalog.pg_roles r, pg_catalog.pg_database d \
    WHERE r.rolname = session_user AND d.datname = pg_catalog.current_database()";

/// A snapshot that another connection may look through while this one keeps its transaction open.
#[derive(Debug)]
struct Lent {
    id: String,
    same: Rows,
}

/// Lends the snapshot of this line, where that can do no harm.
///
/// A snapshot is lent outside of any savepoint, so a failure would cost the transaction: what is known to fail is not tried.
async fn lend(line: &mut Line) -> Option<Lent> {
    let room = line.ask(ROOM, &[]).await.ok()?;
    let same = line.ask(SAME, &[]).await.ok()?;
    line.forget(2);
    if room.into_iter().flatten().flatten().next()? != "true" {
        return None;
    }
    let id = line.export().await.ok()?;
    let plain = |c: char| c.is_ascii_hexdigit() || c == '-';
    (!id.is_empty() && id.chars().all(plain)).then_some(Lent { id, same })
}

/// A line on the snapshot that was lent.
async fn borrow(settings: &Settings, limits: Limits, lent: &Lent) -> Result<Line, Unknown> {
    let snapshot = format!("SET TRANSACTION SNAPSHOT '{}'; ", lent.id);
    let mut line = Line::open_on(settings, limits, &snapshot).await?;
    if line.ask(SAME, &[]).await? != lent.same {
        line.close().await;
        return Err(Unknown::new(Reason::Unreachable, "another server, or another snapshot"));
    }
    Ok(line)
}

type Answers = Vec<(usize, Result<(), Unknown>)>;
type Queue<'a> = Mutex<VecDeque<(usize, Reading<'a>)>>;

fn next<'a>(queue: &Queue<'a>, back: bool) -> Option<(usize, Reading<'a>)> {
    let mut queue = queue.lock().ok()?;
    if back { queue.pop_back() } else { queue.pop_front() }
}

/// Takes questions as long as there are any and the connection stands: what is lost leaves the rest to the other.
async fn work(line: &mut Line, queue: &Queue<'_>, back: bool) -> Answers {
    let mut answers = Answers::new();
    while line.lost().is_ok()
        && let Some((at, reading)) = next(queue, back)
    {
        answers.extend(line.read(vec![reading]).await.into_iter().map(|answer| (at, answer)));
    }
    answers
}

/// Answers all questions, on two connections where that is possible.
pub(super) async fn read(
    line: &mut Line,
    settings: Option<&Settings>,
    readings: Vec<Reading<'_>>,
) -> Vec<Result<(), Unknown>> {
    let Some(settings) = settings else { return line.read(readings).await };
    let Some(lent) = lend(line).await else { return line.read(readings).await };
    let limits = line.limits;
    let count = readings.len();
    let queue: Queue<'_> = Mutex::new(readings.into_iter().enumerate().collect());
    // Dropped when the first has no question left: nobody waits for a connection that is not there by then.
    let (done, needless) = oneshot::channel::<()>();
    let first = async {
        let answers = work(line, &queue, false).await;
        drop(done);
        answers
    };
    let second = async {
        let opened = tokio::select! {
            opened = borrow(settings, limits, &lent) => opened,
            _ = needless => return Answers::new(),
        };
        let Ok(mut line) = opened else { return Answers::new() };
        let answers = work(&mut line, &queue, true).await;
        line.close().await;
        answers
    };
    let (first, second) = tokio::join!(first, second);
    // A question is left over only when both are lost.
    let left_over = || Unknown::new(Reason::NoAnswer, "the question was not put");
    let left_over = line.lost().err().unwrap_or_else(left_over);
    let mut all: Vec<_> = vec![Err(left_over); count];
    for (at, answer) in first.into_iter().chain(second) {
        all[at] = answer;
    }
    all
}

impl Line {
    /// Lends the snapshot out.
    async fn export(&mut self) -> Result<String, Unknown> {
        let lending = self.lost()?.query_typed("SELECT pg_catalog.pg_export_snapshot()", &[]);
        let lent = tokio::time::timeout(self.limits.statement + GRACE, lending).await;
        let id = lent.ok().and_then(Result::ok).and_then(|rows| rows.first()?.try_get(0).ok());
        if id.is_none() {
            self.lose("its snapshot could not be lent, which ended its transaction");
        }
        id.map_or_else(|| self.lost().map(|_| String::new()), Ok)
    }
}
