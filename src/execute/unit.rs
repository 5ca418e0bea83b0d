//! Changes of units: the manager is asked over the system bus, and looked at before and after.
//!
//! What else the manager does for it (what the unit requires is started, what requires it is stopped) is said by the files
//! of the units and not by a step. Nothing is asked for twice, and a job that has not ended in time is left to the manager.

use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Runtime;
use tokio::time::{Instant, sleep, timeout};
use zbus::{DynamicType, MatchRule, MessageStream, OwnedObjectPath, Type};

use super::Failed;
use crate::action::{Action, Condition, UnitChange, UnitState};
use crate::approval::StepPermit;
use crate::ledger::{Outcome, failpoint};
use crate::model::display::one_line;
use crate::plan::Step;
use crate::probe::host::Host;
use crate::probe::systemd::{self, Bus, MANAGER, SYSTEMD};

/// How long one answer of the manager may take; a reload reads every unit of the machine.
const ANSWER: Duration = Duration::from_secs(90);
/// How long a job may take. Units have deadlines of their own, 90 s where they say nothing.
const JOB: Duration = Duration::from_mins(5);
/// How long a unit that is on the way to another state is waited for, once its job has ended.
const SETTLE: Duration = Duration::from_secs(30);
/// How long what was started has to stay so: a program that ends at once was active for a moment.
const STEADY: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(250);
/// How many ends of jobs, of all units, may wait to be read.
const QUEUE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);
/// How much of the text of an error is kept.
const ERROR_WIDTH_MAX: usize = 200;

/// What a step is about.
struct About<'a> {
    unit: &'a str,
    change: UnitChange,
    before: &'a UnitState,
    after: &'a UnitState,
}

impl<'a> About<'a> {
    fn of(step: &'a Step) -> Result<Self, Failed> {
        match (&step.action, &step.before, &step.after) {
            (
                Action::Unit { unit, change },
                Condition::Unit { unit: one, is: before },
                Condition::Unit { unit: other, is: after },
            ) if unit == one && unit == other => Ok(Self { unit, change: *change, before, after }),
            _ => Err(Failed::new("its conditions are not about its unit")),
        }
    }
}

/// What was seen of a unit.
struct Seen {
    state: UnitState,
    /// How it ended last, where that was no success.
    result: Option<String>,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.result {
            Some(result) => write!(f, "{}, result {result}", self.state),
            None => self.state.fmt(f),
        }
    }
}

/// A unit whose state is the one that was signed.
pub(super) struct Ready<'a> {
    host: &'a Host,
    runtime: Runtime,
}

/// Compares the state of a unit with the precondition.
pub(super) fn ready<'a>(step: &Step, host: &'a Host) -> Result<Ready<'a>, Failed> {
    let about = About::of(step)?;
    let runtime = runtime()?;
    let seen = runtime.block_on(async { look(&connect(host).await?, about.unit).await })?;
    expect(about.before, &seen)?;
    Ok(Ready { host, runtime })
}

/// What an open intent came to.
pub(super) fn came_to(step: &Step, host: &Host) -> Result<(Outcome, String), Failed> {
    let About { unit, before, after, .. } = About::of(step)?;
    let seen = runtime()?.block_on(async { look(&connect(host).await?, unit).await })?;
    if after.holds(&seen.state) {
        Ok((Outcome::Recovered, seen.to_string()))
    } else if before.holds(&seen.state) {
        Ok((Outcome::NotApplied, seen.to_string()))
    } else {
        Err(Failed(format!("it is {seen}, neither {before} nor {after}")))
    }
}

impl Ready<'_> {
    /// Has the manager do what the step says, and looks at what came of it.
    pub(super) fn run(&self, permit: &StepPermit<'_>) -> (Outcome, String, Option<Condition>) {
        let ran =
            About::of(permit.step()).map(|about| self.runtime.block_on(run(&about, self.host)));
        match ran {
            Ok(Ok((outcome, detail))) => (outcome, detail, None),
            // The manager was not asked for anything yet.
            Ok(Err(Failed(why))) | Err(Failed(why)) => {
                (Outcome::Failed, format!("{why}; nothing was asked for"), None)
            }
        }
    }
}

/// Once more the precondition, on the connection over which the change is asked for; then that, and what came of it.
async fn run(about: &About<'_>, host: &Host) -> Result<(Outcome, String), Failed> {
    let bus = connect(host).await?;
    expect(about.before, &look(&bus, about.unit).await?)?;
    let acted = match about.change {
        UnitChange::Start => job(&bus, "StartUnit", about.unit).await,
        UnitChange::Stop => job(&bus, "StopUnit", about.unit).await,
        UnitChange::Enable => enable(&bus, about.unit).await,
        UnitChange::Disable => disable(&bus, about.unit).await,
    };
    failpoint::boundary();
    let seen = steady(&bus, about).await;
    let why = acted.err().map(|Failed(why)| why);
    Ok(match (why, seen) {
        (None, Ok(seen)) if about.after.holds(&seen.state) => (Outcome::Applied, seen.to_string()),
        (None, Ok(seen)) => (Outcome::Diverged, format!("it is {seen}")),
        (Some(why), Ok(seen)) if about.before.holds(&seen.state) => {
            (Outcome::Failed, format!("{why}; it is still {seen}"))
        }
        (Some(why), Ok(seen)) => (Outcome::Diverged, format!("{why}; now it is {seen}")),
        (why, Err(Failed(unknown))) => {
            let why = why.map_or_else(String::new, |why| format!("{why}; "));
            (Outcome::Diverged, format!("{why}what became of it cannot be told: {unknown}"))
        }
    })
}

/// The state that the unit rests in; what was started, once it has stayed so for a while.
async fn steady(bus: &Bus, about: &About<'_>) -> Result<Seen, Failed> {
    let until = Instant::now() + STEADY;
    loop {
        let seen = look(bus, about.unit).await?;
        let done = about.change != UnitChange::Start
            || !about.after.holds(&seen.state)
            || Instant::now() >= until;
        if done {
            return Ok(seen);
        }
        sleep(PAUSE).await;
    }
}

fn runtime() -> Result<Runtime, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failed(format!("the system bus cannot be asked: {error}")))
}

async fn connect(host: &Host) -> Result<Bus, Failed> {
    Ok(within(ANSWER, "the system bus", systemd::manager(host)).await??)
}

async fn within<T>(
    deadline: Duration,
    what: &str,
    waiting: impl Future<Output = T>,
) -> Result<T, Failed> {
    let late = |_| Failed(format!("{what} did not answer within {} s", deadline.as_secs()));
    timeout(deadline, waiting).await.map_err(late)
}

async fn look(bus: &Bus, unit: &str) -> Result<Seen, Failed> {
    let seen = within(ANSWER + SETTLE, "the manager", bus.look_at(unit, SETTLE)).await??;
    if seen.id != unit {
        return Err(Failed(format!("it is another name of {}", seen.id)));
    }
    if seen.load != "loaded" {
        return Err(Failed(format!("it is {}", seen.load)));
    }
    let state = UnitState { active: Some(seen.active?.state), enabled: Some(seen.enabled?) };
    let result = seen.result.ok().flatten().filter(|result| result != "success");
    Ok(Seen { state, result })
}

fn expect(before: &UnitState, seen: &Seen) -> Result<(), Failed> {
    if before.holds(&seen.state) {
        return Ok(());
    }
    Err(Failed(format!("it is {seen}, where {before} is expected")))
}

/// Asks for a job, and waits for its end.
async fn job(bus: &Bus, method: &str, unit: &str) -> Result<(), Failed> {
    let (path, interface) = MANAGER;
    let rule = MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .sender(SYSTEMD)
        .path(path)
        .interface(interface)
        .member("JobRemoved")
        .build();
    let rule = rule.map_err(|error| said(method, &error))?;
    let listening = MessageStream::for_match_rule(rule, bus.connection(), Some(QUEUE));
    let listening = within(ANSWER, "the system bus", listening).await?;
    let mut ended = listening.map_err(|error| said("AddMatch", &error))?;
    // It tells of jobs only where somebody asked to be told, and before the job is there, so that its end is not missed.
    let () = ask(bus, "Subscribe", &()).await?;
    let job: OwnedObjectPath = ask(bus, method, &(unit, "replace")).await?;
    let end = async {
        while let Some(message) = ended.next().await {
            let message = message.map_err(|error| said("JobRemoved", &error))?;
            let read = message.body().deserialize::<(u32, OwnedObjectPath, String, String)>();
            let (_, of, _, result) = read.map_err(|error| said("JobRemoved", &error))?;
            if of == job {
                return Ok(result);
            }
        }
        Err(Failed::new("the system bus was closed before its job had ended"))
    };
    let late = || {
        let seconds = JOB.as_secs();
        Failed(format!("its job had not ended after {seconds} s, and the manager goes on with it"))
    };
    match timeout(JOB, end).await.map_err(|_| late())??.as_str() {
        "done" => Ok(()),
        result => {
            Err(Failed(format!("its job ended with `{}`", one_line(result, ERROR_WIDTH_MAX))))
        }
    }
}

/// What the manager did to files: links it made or removed.
type Changes = Vec<(String, String, String)>;

async fn enable(bus: &Bus, unit: &str) -> Result<(), Failed> {
    // For good and not until the next boot; a link that says something else is not replaced.
    let asked = (&[unit][..], false, false);
    let (installs, _): (bool, Changes) = ask(bus, "EnableUnitFiles", &asked).await?;
    let () = ask(bus, "Reload", &()).await?;
    if installs { Ok(()) } else { Err(Failed::new("it has no [Install] section")) }
}

async fn disable(bus: &Bus, unit: &str) -> Result<(), Failed> {
    let _: Changes = ask(bus, "DisableUnitFiles", &(&[unit][..], false)).await?;
    ask(bus, "Reload", &()).await
}

async fn ask<B, T>(bus: &Bus, method: &str, body: &B) -> Result<T, Failed>
where
    B: Serialize + DynamicType,
    T: DeserializeOwned + Type,
{
    let (path, interface) = MANAGER;
    let called = bus.connection().call_method(Some(SYSTEMD), path, Some(interface), method, body);
    let reply = within(ANSWER, &format!("`{method}`"), called).await?;
    let reply = reply.map_err(|error| said(method, &error))?;
    reply.body().deserialize().map_err(|error| said(method, &error))
}

fn said(what: &str, error: &dyn fmt::Display) -> Failed {
    Failed(format!("`{what}`: {}", one_line(&error.to_string(), ERROR_WIDTH_MAX)))
}
