//! Opens the world to look at, and makes sure first that it is the one that is meant.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::error::Failure;
use super::{exit, output};
use crate::config::{Config, SessionSection};
use crate::desired::{DatabaseIdentity, Desired};
use crate::drift::{self, ObservedDatabase, ObservedHost};
use crate::model::display::escape;
use crate::model::{Clock as _, Reason, Size, SystemClock, Timestamp, Unknown};
use crate::observed::{Answer, Question, Snapshot};
use crate::probe::host::Host;
use crate::probe::postgres::{self, Limits, Secret, Session};
use crate::probe::{Database, Threads, World};
use crate::state::{HashCaches, Settings};

/// A world whose identity was compared with desired state.
pub(super) struct Opened {
    /// What may be asked.
    pub(super) probe: Arc<World>,
    /// What a reader of the report has to know.
    pub(super) notes: Vec<String>,
    /// Why it cannot be told whether this is the right machine.
    unverified: Option<Unknown>,
}

/// Opens the host and its databases: those that a resource asks, and those named in `also`.
///
/// # Errors
/// When one of them is not the one that desired state, or the host's configuration, names.
pub(super) async fn open(
    config: &Config,
    desired: &Desired,
    deadline: Duration,
    remember: bool,
    also: &[String],
) -> Result<Opened, Failure> {
    let pinned = config.hostname.value.as_deref();
    let identifiers =
        config.system_identifiers.iter().map(|(name, id)| (name.as_str(), id.as_str()));
    drift::pins(desired, pinned, identifiers)?;
    let root = &config.root.value;
    let host = Host::open(root, config.observe.value.clone()).map_err(|e| {
        Failure::new(exit::ERROR, format!("cannot open the root {}: {e}", root.display()))
    })?;
    let observed = ObservedHost { hostname: host.hostname(), machine_id: host.machine_id() };
    let unverified = drift::host(desired, pinned, &observed)?;
    let mut notes = Vec::new();
    if desired.identity.hostname.is_none() && pinned.is_none() {
        notes.push("no host identity is declared: any machine would pass for this one".to_owned());
    }
    let databases = databases(config, desired, deadline, also).await?;
    notes.extend(databases.iter().filter_map(|(name, database)| standby(name, database)));
    let host = Arc::new(host);
    let smoke = config.smoke.value.clone();
    let (progress, now) = (Arc::default(), SystemClock.now());
    let caches = remember.then(|| remembered(config, desired, now, &mut notes)).flatten();
    let threads = Threads::Processors;
    let probe = World { host, databases, smoke, caches, progress, now, deadline, threads };
    let probe = Arc::new(probe);
    Ok(Opened { probe, notes, unverified })
}

/// The digests of earlier looks. A guard never rests on them.
fn remembered(
    config: &Config,
    desired: &Desired,
    now: Timestamp,
    notes: &mut Vec<String>,
) -> Option<Arc<HashCaches>> {
    let guards = desired.resources.values().filter(|resource| {
        resource.common.kill_switch || config.guard.contains_key(&resource.name.to_string())
    });
    let settings = Settings {
        rehash: config.cache.rehash,
        also_on: config.cache.also_on.clone(),
        never_for: guards.map(|resource| resource.name.name.clone()).collect(),
        now,
    };
    HashCaches::open(config.kept(), settings)
        .map_err(|why| notes.push(format!("{why}; every file is hashed")))
        .ok()
        .map(Arc::new)
}

/// A session for each database that is asked for, or the reason why there is none.
async fn databases(
    config: &Config,
    desired: &Desired,
    deadline: Duration,
    also: &[String],
) -> Result<BTreeMap<String, Database>, Failure> {
    let mut opening = tokio::task::JoinSet::new();
    let mut opened = BTreeMap::new();
    let asked = |name: &&String| {
        desired.resources.values().any(|r| r.spec.database() == Some(name.as_str()))
    };
    let asked: BTreeSet<&String> = desired.databases.keys().filter(asked).chain(also).collect();
    for name in asked {
        let Some(observer) = config.observers.get(name) else {
            let detail =
                format!("the host's configuration has no [database.{}] observer", escape(name));
            opened.insert(name.clone(), Err(Unknown::new(Reason::NotConfigured, detail)));
            continue;
        };
        // Read before any connection, so that a password file which others can read is a refusal and not a warning.
        let settings = settings(name, &observer.value)?;
        let name = name.clone();
        let limits = Limits { statement: deadline, ..Limits::default() };
        opening.spawn(async move { (name, Session::open(&settings, limits).await) });
    }
    while let Some(outcome) = opening.join_next().await {
        if let Ok((name, session)) = outcome {
            let named = |why: Unknown| why.of(format_args!("database `{}`", escape(&name)));
            opened.insert(name.clone(), session.map_err(named));
        }
    }
    let undeclared = DatabaseIdentity::default();
    for name in
        desired.databases.keys().chain(also.iter().filter(|n| !desired.databases.contains_key(*n)))
    {
        let wanted = desired.databases.get(name).unwrap_or(&undeclared);
        let pinned = config.system_identifiers.get(name).map(String::as_str);
        let verified = match opened.get(name) {
            Some(Ok(session)) => verify(name, wanted, pinned, session)?,
            _ => None,
        };
        if let Some(reason) = verified {
            let detail = format!(
                "it cannot be verified that this is the database which is meant: {}",
                reason.detail
            );
            opened.insert(name.clone(), Err(Unknown::new(Reason::IdentityUnverified, detail)));
        }
    }
    Ok(opened)
}

/// What a standby says may be older than what its primary would say.
fn standby(name: &str, database: &Database) -> Option<String> {
    let identity = database.as_ref().ok()?.identity();
    let until = match &identity.replayed_to {
        Some(time) => format!("which has replayed its primary's changes up to {}", escape(time)),
        None => "which has not replayed a change of its primary since it started".to_owned(),
    };
    identity.standby.then(|| format!("database `{}`: a standby answers, {until}", escape(name)))
}

fn settings(name: &str, observer: &SessionSection) -> Result<postgres::Settings, Failure> {
    let hint = |key| format!("it stands as `{key}` of the observer of [database.{}]", escape(name));
    let password = Config::password(observer)
        .map_err(|e| Failure::from(e).hint(hint("password_file")))?
        .map(Secret::new);
    postgres::Settings::parse(&observer.url, password)
        .map_err(|e| Failure::of(exit::CONFIG, &e).hint(hint("url")))
}

fn verify(
    name: &str,
    wanted: &DatabaseIdentity,
    pinned: Option<&str>,
    session: &Session,
) -> Result<Option<Unknown>, Failure> {
    let identity = session.identity();
    let observed = ObservedDatabase {
        system_identifier: identity.system_identifier.clone(),
        name: identity.database.clone(),
        server_version: identity.version(),
    };
    Ok(drift::database(name, wanted, pinned, &observed)?)
}

impl Opened {
    /// What tells each open database from others.
    pub(super) fn database_identities(&self) -> BTreeMap<String, DatabaseIdentity> {
        let identity = |session: &Session| {
            let seen = session.identity();
            DatabaseIdentity {
                system_identifier: seen.system_identifier.clone().ok(),
                name: Some(seen.database.clone()),
                server_version: None,
            }
        };
        let open = self.probe.databases.iter().filter_map(|(n, d)| Some((n, d.as_ref().ok()?)));
        open.map(|(name, session)| (name.clone(), identity(session))).collect()
    }

    /// Takes the questions out that must not be put to an unverified machine, and answers them with the reason.
    pub(super) fn withhold(
        &self,
        questions: Vec<Question>,
        snapshot: &mut Snapshot,
    ) -> Vec<Question> {
        let Some(reason) = &self.unverified else { return questions };
        let detail = format!(
            "it cannot be verified that this is the machine which is meant: {}",
            reason.detail
        );
        let unknown = Unknown::new(Reason::IdentityUnverified, detail);
        let (ask, withheld): (Vec<_>, Vec<_>) =
            questions.into_iter().partition(|q| q.spec.database().is_some());
        for question in withheld {
            let answer = Answer { question: question.text(), seen: Err(unknown.clone()) };
            snapshot.add(question.name, answer);
        }
        ask
    }
}

/// A line on standard error while somebody watches it.
pub(super) struct Progress {
    shown: Option<tokio::task::JoinHandle<()>>,
}

/// Starts the line; it appears only when a look takes longer than a moment.
pub(super) fn progress(world: &Arc<World>) -> Progress {
    if !output::watched() {
        return Progress { shown: None };
    }
    let counters = Arc::clone(&world.progress);
    let shown = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(400)).await;
        loop {
            let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            let (files, total) = (count(&counters.files), count(&counters.files_total));
            let size = Size::of(count(&counters.bytes));
            overwrite(&format!("  {files} of {total} files, {size}"));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    Progress { shown: Some(shown) }
}

impl Progress {
    /// Takes the line away.
    pub(super) fn stop(self) {
        if let Some(shown) = self.shown {
            shown.abort();
            overwrite("");
        }
    }
}

/// Writes a line in the place of the one before. Whoever closed standard error does not miss it.
fn overwrite(line: &str) {
    let mut stderr = io::stderr().lock();
    let _ = write!(stderr, "\r\x1b[2K{line}").and_then(|()| stderr.flush());
}
