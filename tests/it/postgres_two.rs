//! A look on two connections: one snapshot for both, and one connection wherever there cannot be two.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::model::Reason;
use countersign::probe::catalog::schema::{self, Asked};
use countersign::probe::postgres::{Limits, Reading, Session, Settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio_postgres::Client;

use crate::lab::{Lab, admin, client_of, limits, refused};

/// Who answers, and which state is seen: of rows and of catalogs.
const SEEN: &str = "SELECT pg_catalog.pg_backend_pid()::text, (SELECT pg_catalog.count(*) FROM public.t)::text, \
    (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class WHERE relname = 'later')::text";

type Rows = Arc<Mutex<Vec<[String; 3]>>>;

/// A question whose row is put into `rows`, and of which `told` hears.
fn reading(sql: String, rows: &Rows, told: Option<watch::Sender<bool>>) -> Reading<'static> {
    let rows = Arc::clone(rows);
    Reading::new(sql, Vec::new(), move |row| {
        rows.lock().unwrap().push([row.owned(0)?, row.owned(1)?, row.owned(2)?]);
        if let Some(told) = &told {
            told.send_replace(true);
        }
        Ok(())
    })
}

/// A lock is waited for as long as it takes.
pub(crate) fn patient() -> Limits {
    Limits { lock: Duration::from_secs(30), ..limits() }
}

async fn lab() -> Option<Lab> {
    let lab = Lab::alone().await?;
    lab.run("CREATE TABLE public.t (); GRANT SELECT ON public.t TO OBSERVER").await;
    Some(lab)
}

/// Asks the same twice, and gives the processes that have answered.
pub(crate) async fn answered_by(session: &Session) -> Vec<String> {
    let rows = Rows::default();
    let readings = [(); 2].map(|()| reading(SEEN.to_owned(), &rows, None));
    for answer in session.read_long(readings.into()).await {
        answer.unwrap();
    }
    let mut pids: Vec<String> = rows.lock().unwrap().iter().map(|[pid, ..]| pid.clone()).collect();
    assert_eq!(pids.len(), 2);
    pids.dedup();
    pids
}

/// Asks the same twice, so that two connections have to answer: the first one waits for a lock that `holder` gives up when
/// the second one has answered, and something was `done` by `writer`.
pub(crate) async fn seen_by_both(
    session: &Session,
    holder: &Client,
    (writer, done): (&Client, &str),
) -> Vec<[String; 3]> {
    holder.batch_execute("SELECT pg_catalog.pg_advisory_lock(7)").await.unwrap();
    let rows = Rows::default();
    let (told, mut heard) = watch::channel(false);
    let waiting = format!("{SEEN}, pg_catalog.pg_advisory_lock(7)::text");
    let readings = vec![reading(waiting, &rows, None), reading(SEEN.to_owned(), &rows, Some(told))];
    let (answers, ()) = tokio::join!(session.read_long(readings), async {
        if heard.wait_for(|told| *told).await.is_ok() {
            writer.batch_execute(done).await.unwrap();
            holder.batch_execute("SELECT pg_catalog.pg_advisory_unlock(7)").await.unwrap();
        }
    });
    assert_eq!(answers, [Ok(()), Ok(())]);
    let rows = rows.lock().unwrap().clone();
    assert!(rows.len() == 2 && rows[0][0] != rows[1][0], "one has answered both: {rows:?}");
    rows
}

#[tokio::test]
async fn two_connections_see_one_state_while_somebody_commits() {
    let Some(lab) = lab().await else { return };
    let session = lab.session_as(&lab.observer, patient()).await.unwrap();
    // What was committed before the second connection came is seen by neither, and what is committed after both have
    // begun by neither as well.
    let one_more = "INSERT INTO public.t DEFAULT VALUES";
    lab.run(&format!("{one_more}; CREATE TABLE public.later ()")).await;
    for [_, rows, later] in seen_by_both(&session, &lab.admin, (&lab.admin, one_more)).await {
        assert_eq!((rows.as_str(), later.as_str()), ("0", "0"));
    }
    session.renew().await.unwrap();
    let now = session.ask(SEEN, &[]).await.unwrap();
    assert_eq!(now[0][1..], [Some("2".to_owned()), Some("1".to_owned())]);
}

#[tokio::test]
async fn where_there_is_no_room_one_connection_answers_everything() {
    let Some(lab) = lab().await else { return };
    let observer = &lab.observer;
    let room = format!("ALTER ROLE {observer} CONNECTION LIMIT -1");
    for (narrow, wide) in [
        (format!("ALTER ROLE {observer} CONNECTION LIMIT 2"), room.clone()),
        (format!("ALTER ROLE {observer} CONNECTION LIMIT 1"), room.clone()),
        (
            format!("ALTER DATABASE {} CONNECTION LIMIT 3", lab.database),
            format!("ALTER DATABASE {} CONNECTION LIMIT -1", lab.database),
        ),
        (
            "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_export_snapshot() FROM PUBLIC".to_owned(),
            "GRANT EXECUTE ON FUNCTION pg_catalog.pg_export_snapshot() TO PUBLIC".to_owned(),
        ),
    ] {
        let session = lab.session().await;
        lab.run(&narrow).await;
        session.renew().await.unwrap();
        let asked = session.questions().await;
        assert_eq!(answered_by(&session).await.len(), 1, "{narrow}");
        assert_eq!(session.questions().await - asked, 2, "what it asked for itself counts");
        let exported = "SELECT pg_catalog.count(*) FROM pg_catalog.pg_ls_dir('pg_snapshots')";
        let count: i64 = lab.admin.query_one(exported, &[]).await.unwrap().get(0);
        assert_eq!(count, 0, "{narrow}: a snapshot was lent for nothing");
        lab.run(&wide).await;
        session.close().await;
    }
}

/// The role could have four connections, and others have three of them.
#[tokio::test]
async fn a_second_connection_that_is_refused_costs_no_answer() {
    let Some(lab) = lab().await else { return };
    lab.run("ALTER ROLE OBSERVER CONNECTION LIMIT 4").await;
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(client_of(&lab.server, &lab.observer, &lab.database).await);
    }
    let session = lab.session().await;
    assert_eq!(answered_by(&session).await.len(), 1);
    assert!(session.ask("SELECT 'x'", &[]).await.is_ok());
}

/// What stands between: connections are counted from 1.
struct Between {
    folder: tempfile::TempDir,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Between {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What becomes of the second connection.
#[derive(Debug, Clone)]
enum Second {
    /// Nobody ever answers.
    Silent,
    /// It leads to another server.
    Elsewhere(std::path::PathBuf),
    /// Somebody takes the snapshot out of what is asked on it.
    Forgetful,
    /// It is cut when this was asked on it. The first gets no answers from another question on until then.
    Cut { at: &'static str, held_at: &'static str },
}

impl Between {
    fn new(server: &Path, second: Second) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let server = server.join(".s.PGSQL.5432");
        let task = tokio::spawn(async move {
            let (mut kept, cut) = (Vec::new(), watch::Sender::new(false));
            for number in 1.. {
                let (near, _) = listener.accept().await.unwrap();
                let far = match (&second, number) {
                    (Second::Silent, 2..) => {
                        kept.push(near);
                        continue;
                    }
                    (Second::Elsewhere(other), 2..) => other.join(".s.PGSQL.5432"),
                    _ => server.clone(),
                };
                let far = UnixStream::connect(far).await.unwrap();
                tokio::spawn(pass_on((near, far), (second.clone(), number), cut.clone()));
            }
        });
        Self { folder, task }
    }

    async fn session(&self, lab: &Lab) -> Session {
        let host = self.folder.path().display();
        let url =
            format!("postgres://{}@/{}?host={host}&sslmode=disable", lab.observer, lab.database);
        Session::open(&Settings::parse(&url, None).unwrap(), limits()).await.unwrap()
    }
}

/// How a snapshot is borrowed, and words of the same length that change nothing.
const BORROWED: (&str, &str) = ("SET TRANSACTION SNAPSHOT '", "SET application_name    = '");

/// Passes one connection on, for better or worse.
async fn pass_on(
    (near, far): (UnixStream, UnixStream),
    (second, number): (Second, u32),
    cut: watch::Sender<bool>,
) {
    let ((mut near_in, mut near_out), (mut far_in, mut far_out)) =
        (near.into_split(), far.into_split());
    let held = watch::Sender::new(false);
    let asked = async {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(count @ 1..) = near_in.read(&mut bytes).await {
            let part = &mut bytes[..count];
            let found = |text: &str| part.windows(text.len()).position(|at| at == text.as_bytes());
            match (&second, number) {
                (Second::Cut { held_at, .. }, 1) if found(held_at).is_some() => {
                    held.send_replace(true);
                }
                (Second::Cut { at, .. }, 2) if found(at).is_some() => break,
                (Second::Forgetful, 2) => {
                    if let Some(at) = found(BORROWED.0) {
                        part[at..at + BORROWED.1.len()].copy_from_slice(BORROWED.1.as_bytes());
                    }
                }
                _ => {}
            }
            if far_out.write_all(part).await.is_err() {
                break;
            }
        }
    };
    let answered = async {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(count @ 1..) = far_in.read(&mut bytes).await {
            if *held.borrow() {
                let _ = cut.subscribe().wait_for(|cut| *cut).await;
            }
            if near_out.write_all(&bytes[..count]).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = asked => {}
        () = answered => {}
    }
    if number == 2 {
        cut.send_replace(true);
    }
}

/// As a pooler does that has no connection left.
#[tokio::test]
async fn a_second_connection_that_never_comes_is_not_waited_for() {
    let Some(lab) = lab().await else { return };
    let between = Between::new(&lab.server.socket_folder(), Second::Silent);
    let session = between.session(&lab).await;
    assert_eq!(answered_by(&session).await.len(), 1);
}

/// The first connection waits in vain for a lock that would be given up when the second one has answered.
#[tokio::test]
async fn a_second_connection_on_another_snapshot_is_asked_nothing() {
    let Some(lab) = lab().await else { return };
    let between = Between::new(&lab.server.socket_folder(), Second::Forgetful);
    let session = between.session(&lab).await;
    lab.run("INSERT INTO public.t DEFAULT VALUES").await;
    lab.run("SELECT pg_catalog.pg_advisory_lock(7)").await;
    let rows = Rows::default();
    let waiting = format!("{SEEN}, pg_catalog.pg_advisory_lock(7)::text");
    let readings = vec![reading(waiting, &rows, None), reading(SEEN.to_owned(), &rows, None)];
    let mut answers = session.read_long(readings).await;
    assert_eq!(refused(answers.remove(0)).0, Reason::Locked);
    assert_eq!(answers, [Ok(())]);
    assert_eq!(rows.lock().unwrap()[0][1], "0");
}

/// As a name does behind which there are several servers.
#[tokio::test]
async fn a_second_connection_to_another_server_is_asked_nothing() {
    let (Some(lab), Some(other)) = (lab().await, Lab::alone().await) else { return };
    let root = admin(&other.server, "postgres").await;
    // Alike in everything that could be mistaken, the number of the snapshot included.
    for sql in
        [format!("CREATE ROLE {} LOGIN", lab.observer), format!("CREATE DATABASE {}", lab.database)]
    {
        root.batch_execute(&sql).await.unwrap();
    }
    let second = Second::Elsewhere(other.server.socket_folder());
    let between = Between::new(&lab.server.socket_folder(), second);
    let session = between.session(&lab).await;
    assert_eq!(answered_by(&session).await.len(), 1);
}

/// The first question of a schema is about indexes, and the last about tables.
const CUT: Second = Second::Cut { at: "pg_get_partkeydef", held_at: "pg_get_indexdef" };

#[tokio::test]
async fn a_second_connection_that_is_lost_loses_its_question_and_no_other() {
    let Some(lab) = lab().await else { return };
    let between = Between::new(&lab.server.socket_folder(), CUT);
    let session = between.session(&lab).await;
    let rows = Rows::default();
    let readings = ["pg_get_indexdef", "between", "pg_get_partkeydef"]
        .map(|text| reading(format!("SELECT '{text}', '', ''"), &rows, None));
    let mut answers = session.read_long(readings.into()).await;
    assert_eq!(refused(answers.remove(2)).0, Reason::Unreachable);
    assert_eq!(answers, [Ok(()), Ok(())]);
    assert_eq!(rows.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn of_a_schema_what_a_lost_connection_was_asked_is_asked_on_the_first() {
    let Some(lab) = lab().await else { return };
    lab.run(
        "DO $$ BEGIN FOR n IN 1..2100 LOOP \
         EXECUTE pg_catalog.format('CREATE FUNCTION public.f%s() RETURNS int LANGUAGE sql AS ''SELECT 1''', n); \
         END LOOP; END $$",
    )
    .await;
    let between = Between::new(&lab.server.socket_folder(), CUT);
    assert_eq!(objects(&between.session(&lab).await).await, (2_100, 1));
}

/// How many functions and tables a look at the schema finds; nothing may be unknown.
async fn objects(session: &Session) -> (u64, u64) {
    let asked = Asked { schema: "public", owners: true, comments: true, grants: true };
    let contents = schema::read::<u64>(session, &asked, |count, _| *count += 1).await;
    let classes = contents.unwrap().unwrap().classes;
    assert!(classes.iter().all(|(_, answer)| answer.is_ok()), "{classes:?}");
    let of = |wanted| {
        let counts = classes.iter().filter(|(class, _)| *class == wanted);
        counts.map(|(_, count)| count.clone().unwrap()).sum()
    };
    (of("function"), of("table"))
}
