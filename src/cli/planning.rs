//! From desired state and the live world to a plan: one way for `plan`, which seals it, and `apply`, which makes it again to
//! see whether it would still come out the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::error::Failure;
use super::plan::made;
use super::{context, exit, world};
use crate::action;
use crate::config::Config;
use crate::desired::{DatabaseIdentity, Desired, Tree};
use crate::drift::{self, Judged, Verdict};
use crate::ledger::Reader;
use crate::model::display::escape;
use crate::model::{
    Clock, Diagnostic, Digest, Hashing, Period, ResourceName, SystemClock, nearest,
};
use crate::observed::{self, Snapshot};
use crate::plan::format::{DatabaseId, HostId, LedgerId, Program, SourceId};
use crate::plan::{self, Guarded, Input, Left, Plan, Proposal, Scope, Step};
use crate::probe::World;
use crate::probe::postgres::Settings;

/// What was asked for, and what a plan names besides.
#[derive(Debug)]
pub(super) struct Request<'a> {
    /// Which resources.
    pub(super) scope: Scope,
    /// The random part of its name.
    pub(super) id: String,
    /// How long it may be begun.
    pub(super) valid: Period,
    /// How long one kind of resource may take.
    pub(super) deadline: Duration,
    /// The ledgers in use.
    pub(super) ledgers: BTreeMap<String, LedgerId>,
    /// Of the trust file in force.
    pub(super) trust: Option<Digest>,
    /// The executor's ledger, where it is open.
    pub(super) reader: Option<Reader>,
    pub(super) clock: &'a dyn Clock,
}

/// A plan, and what it does not do.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) plan: Plan,
    /// What it was made from.
    pub(super) desired: Arc<Desired>,
    /// What tells each database that was asked from others.
    #[cfg_attr(not(feature = "execute"), expect(dead_code, reason = "asked by apply alone"))]
    pub(super) identities: BTreeMap<String, DatabaseIdentity>,
    pub(super) left: Vec<Left>,
    /// Guards that do not hold, or of which that cannot be told.
    pub(super) broken: Vec<String>,
    /// What a reader has to know.
    pub(super) notes: Vec<String>,
    /// Warnings about desired state, drawn by whoever wants to.
    pub(super) warnings: Vec<Diagnostic>,
}

/// Desired state of this host, whose guards are as the host wants them, from a commit.
pub(super) fn desired(
    config: &Config,
    clock: &dyn Clock,
) -> Result<(Tree, Desired, Vec<Diagnostic>), Failure> {
    let (tree, host) = context::tree_of_host(config)?;
    let (desired, warnings) = context::desired(&tree, &host, clock)?;
    if desired.commit.is_none() || !desired.pinned {
        let message =
            "desired state is not exactly what a commit holds, and no plan is made from it";
        return Err(Failure::new(exit::INVALID, message)
            .hint("commit it, or name a repository with --desired"));
    }
    let loosened = drift::guards(&config.guard, &desired);
    if loosened.is_empty() { Ok((tree, desired, warnings)) } else { Err(loosened.into()) }
}

/// Makes a plan. Looks, and changes nothing.
pub(super) async fn plan(config: &Config, request: Request<'_>) -> Result<Planned, Failure> {
    let (tree, desired, warnings) = desired(config, request.clock)?;
    let planned = plan_from(config, &tree, Arc::new(desired), request).await?;
    Ok(Planned { warnings, ..planned })
}

/// The same from desired state that was loaded before, and whose guards are as the host wants them.
pub(super) async fn plan_from(
    config: &Config,
    tree: &Tree,
    desired: Arc<Desired>,
    request: Request<'_>,
) -> Result<Planned, Failure> {
    require_scope(&request.scope, &desired)?;
    let opened = world::open(config, &desired, request.deadline, false, &[]).await?;
    let guarded = Guarded::of(&desired, &config.guard);
    let asked = asked(&desired, &request.scope, &guarded);
    let snapshot = look(&opened, &desired, &asked, request.clock).await;
    let judged = judge(&desired, &snapshot, &asked);
    let needs = plan::needs(&judged, &request.scope);
    let made = if needs.removed.is_empty() {
        BTreeMap::new()
    } else {
        made::made(config, request.reader.as_ref())?
    };
    let mut around = observed::surroundings(&opened.probe, needs).await;
    (around.made, around.own_roles) = (made, own_roles(config));
    let host = host(&opened.probe, &desired)?;
    let identities = opened.database_identities();
    around.databases = identities
        .iter()
        .filter_map(|(name, identity)| Some((name.clone(), identity.name.clone()?)))
        .collect();
    opened.probe.close().await;
    let input = Input {
        desired: &desired,
        judged: &judged,
        snapshot: &snapshot,
        around: &around,
        guarded: &guarded,
        scope: &request.scope,
    };
    let Proposal { steps, left } = plan::propose(&input);
    let databases = of_steps(&steps, &identities)?;
    let broken = broken(&judged, &guarded);
    let pins = guarded.pins;
    let plan = assemble(request, (tree, &desired), host, databases, pins, steps);
    let (notes, warnings) = (opened.notes, Vec::new());
    Ok(Planned { plan, desired, identities, left, broken, notes, warnings })
}

/// Asks about these resources, and no others.
pub(super) async fn look(
    opened: &world::Opened,
    desired: &Desired,
    asked: &BTreeSet<ResourceName>,
    clock: &dyn Clock,
) -> Snapshot {
    let questions = drift::questions(desired).into_iter().filter(|q| asked.contains(&q.name));
    let mut withheld = Snapshot::empty(clock.now());
    let questions = opened.withhold(questions.collect(), &mut withheld);
    let bar = world::progress(&opened.probe);
    let mut snapshot = observed::collect(&opened.probe, &questions, clock).await;
    bar.stop();
    snapshot.answers.append(&mut withheld.answers);
    snapshot
}

pub(super) fn judge<'a>(
    desired: &'a Desired,
    snapshot: &Snapshot,
    asked: &BTreeSet<ResourceName>,
) -> Vec<Judged<'a>> {
    let judged = drift::compare(desired, snapshot, None, snapshot.observed_at);
    judged.into_iter().filter(|one| asked.contains(&one.resource.name)).collect()
}

pub(super) fn assemble(
    request: Request<'_>,
    (tree, desired): (&Tree, &Desired),
    host: HostId,
    databases: BTreeMap<String, DatabaseId>,
    guards: BTreeMap<String, String>,
    steps: Vec<Step>,
) -> Plan {
    let (countersign, v) = Plan::format();
    let created = request.clock.now();
    Plan {
        countersign,
        v,
        id: request.id,
        host,
        databases,
        source: SourceId {
            origin: desired.origin.clone(),
            commit: desired.commit.clone().unwrap_or_default(),
            files: files(tree, desired, &steps),
        },
        scope: request.scope,
        guards,
        trust: request.trust,
        actions: action::VERSION.to_owned(),
        ledgers: request.ledgers,
        // Its digest takes longer than all that is around here, and is asked for when there is a plan to be sealed.
        program: Program { version: env!("CARGO_PKG_VERSION").to_owned(), sha256: None },
        created,
        valid_until: created.after(request.valid),
        steps,
        rehearsals: BTreeMap::new(),
    }
}

/// What `--only` takes.
const PATTERN: &str = "a name is KIND.NAME, as in 'directory.*' or '*/var/lib/*'";

/// A scope that reaches nothing would be a plan that does nothing, and look like success.
fn require_scope(scope: &Scope, desired: &Desired) -> Result<(), Failure> {
    let reach = scope.reach();
    let reached = desired.resources.values().any(|resource| reach.covers(resource));
    match scope {
        Scope::Host | Scope::Undo(_) => Ok(()),
        _ if reached => Ok(()),
        Scope::Gap(gap) => {
            let gaps: BTreeSet<&str> =
                desired.resources.values().filter_map(|r| r.common.gap.as_deref()).collect();
            let message =
                format!("no resource of {} belongs to gap `{}`", desired.host, escape(gap));
            let failure = Failure::new(exit::INVALID, message);
            Err(match nearest(gap, gaps.iter().copied()) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None if gaps.is_empty() => failure.hint("none of them says `gap`"),
                None => failure.hint(format!("it has: {}", Vec::from_iter(gaps).join(", "))),
            })
        }
        Scope::Only(patterns) => {
            if let Some(error) = patterns.iter().find_map(|p| globset::Glob::new(p).err()) {
                return Err(Failure::of(exit::USAGE, &error).hint(PATTERN));
            }
            let shown = escape(&patterns.join(", ")).into_owned();
            let message = format!("no resource of {} matches {shown}", desired.host);
            Err(Failure::new(exit::INVALID, message).hint(PATTERN))
        }
    }
}

/// What has to be looked at: what is reached, all that it depends on, what lies below it, and the guards. Everything for a
/// plan of the whole host.
fn asked(desired: &Desired, scope: &Scope, guarded: &Guarded) -> BTreeSet<ResourceName> {
    if *scope == Scope::Host {
        return desired.resources.keys().cloned().collect();
    }
    let reach = scope.reach();
    let mut todo: Vec<&ResourceName> = desired
        .resources
        .values()
        .filter(|resource| reach.covers(resource) || guarded.is_guard(&resource.name))
        .map(|resource| &resource.name)
        .collect();
    let reached: BTreeSet<&str> =
        todo.iter().map(|name| name.name.as_str()).filter(|name| name.starts_with('/')).collect();
    let below = |name: &&ResourceName| {
        let ancestors = std::path::Path::new(&name.name).ancestors().skip(1);
        ancestors.filter_map(std::path::Path::to_str).any(|above| reached.contains(above))
    };
    todo.extend(desired.resources.keys().filter(below));
    let mut asked = BTreeSet::new();
    while let Some(name) = todo.pop() {
        if asked.insert(name.clone())
            && let Some(resource) = desired.resources.get(name)
        {
            todo.extend(&resource.common.depends_on);
        }
    }
    asked
}

/// The roles as which this program looks and changes.
fn own_roles(config: &Config) -> BTreeMap<String, String> {
    let mut roles = BTreeMap::new();
    for (purpose, sessions) in [("observer", &config.observers), ("executor", &config.executors)] {
        for (database, session) in sessions {
            let Ok(settings) = Settings::parse(&session.value.url, None) else { continue };
            let purpose = format!("the {purpose} of `{}`", escape(database));
            roles.entry(settings.user().to_owned()).or_insert(purpose);
        }
    }
    roles
}

/// The machine that is looked at. Without an id of its own nothing could be signed for it.
pub(super) fn host(probe: &Arc<World>, desired: &Desired) -> Result<HostId, Failure> {
    let machine_id = probe.host.machine_id().map_err(|why| {
        let message = format!("this machine cannot be told from others: {}", why.detail);
        Failure::new(exit::UNKNOWN, message)
            .hint("a machine has one line in /etc/machine-id; see machine-id(5)")
    })?;
    let hostname = probe.host.hostname().unwrap_or_default();
    Ok(HostId { name: desired.host.clone(), id: HostId::id_of(&machine_id), hostname })
}

/// The databases that steps change, each with what tells it from others.
pub(super) fn of_steps(
    steps: &[Step],
    identities: &BTreeMap<String, DatabaseIdentity>,
) -> Result<BTreeMap<String, DatabaseId>, Failure> {
    let mut databases = BTreeMap::new();
    for name in steps.iter().filter_map(|step| step.action.database()) {
        let identity = identities.get(name);
        let cluster = identity.and_then(|identity| identity.system_identifier.clone());
        let own = identity.and_then(|identity| identity.name.clone());
        let (Some(system_identifier), Some(own)) = (cluster, own) else {
            let message = format!("database `{}` does not say which cluster it is", escape(name));
            return Err(Failure::new(exit::UNKNOWN, message)
                .hint("the observer needs EXECUTE on pg_control_system()"));
        };
        databases.insert(name.to_owned(), DatabaseId { system_identifier, name: own });
    }
    Ok(databases)
}

/// The files that the steps were made from, with the ones that hold for every host.
fn files(tree: &Tree, desired: &Desired, steps: &[Step]) -> BTreeMap<String, Digest> {
    let own = format!("hosts/{}/host.toml", desired.host);
    let mut names: BTreeSet<String> = ["fleet.toml".to_owned(), own].into();
    for name in steps.iter().flat_map(|step| &step.resources) {
        let Some(resource) = ResourceName::parse(name).and_then(|n| desired.resources.get(&n))
        else {
            continue;
        };
        names.insert(resource.file.clone());
        names.extend(resource.files.iter().cloned());
    }
    names
        .into_iter()
        .filter_map(|name| {
            let bytes = tree.files.get(&name)?.read().ok()?;
            Some((name, Digest::of(&bytes)))
        })
        .collect()
}

pub(super) fn broken(judged: &[Judged<'_>], guarded: &Guarded) -> Vec<String> {
    let broken = judged
        .iter()
        .filter(|one| guarded.is_guard(&one.resource.name) && one.verdict != Verdict::InSync);
    broken.map(|one| one.resource.name.to_string()).collect()
}

/// The digest of this program's own file, where that can be read.
pub(super) fn own_digest() -> Option<Digest> {
    let mut own = std::fs::File::open("/proc/self/exe").ok()?;
    let mut hashing = Hashing::default();
    std::io::copy(&mut own, &mut hashing).ok()?;
    Some(hashing.digest())
}

/// 128 random bits as 26 letters and digits.
pub(super) fn nonce() -> Result<String, Failure> {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut bytes = [0; 16];
    let got = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    if got.ok() != Some(bytes.len()) {
        return Err(Failure::new(exit::ERROR, "the kernel gives no random numbers"));
    }
    let number = u128::from_be_bytes(bytes);
    let digit = |at: u32| {
        let index = usize::try_from(number >> (5 * at) & 31).unwrap_or_default();
        char::from(ALPHABET[index])
    };
    Ok((0..26).map(digit).collect())
}

/// Runs what looks, and lets no thread that hangs on a dead mount hang the program.
pub(super) fn run<T>(looking: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::of(exit::ERROR, &e))?;
    let looked = runtime.block_on(looking);
    runtime.shutdown_background();
    looked
}

/// The clock of the machine.
pub(super) const CLOCK: SystemClock = SystemClock;
