//! What a manager is asked for, so that a unit comes into a state that its table takes: start or stop, enable or disable,
//! and only where nobody has to choose.

use super::compare::explained;
use super::word::{Active, Enabled, Vocabulary, Words};
use super::{Found, Seen, SystemdUnit};
use crate::action::{Action, Change, Condition, Mended, Remedy, Risk, Undo, UnitChange, UnitState};
use crate::kinds::Kind as _;
use crate::model::display::escape;
use crate::probe::systemd::{Source, Unit};

/// What may differ as well where a unit is started: the next look says whether that was the reason.
const FOLLOWS_A_START: &[&str] = &["result", "triggered_within"];

fn nothing<T>(why: impl Into<String>) -> Result<T, Remedy> {
    Err(Remedy::Nothing(why.into()))
}

/// The changes, or why there are none.
pub(super) fn of(spec: &SystemdUnit, name: &str, seen: &Seen) -> Mended {
    let found = spec.diff(name, seen);
    if let Some(blind) = found.blind.into_iter().next() {
        return Err(blind.unknown);
    }
    let fields: Vec<&str> = found.differences.iter().map(|one| one.field.as_str()).collect();
    Ok(changes(spec, name, seen, &fields).map_or_else(|nothing| nothing, Remedy::Changes))
}

fn changes(
    spec: &SystemdUnit,
    name: &str,
    seen: &Seen,
    fields: &[&str],
) -> Result<Vec<Change>, Remedy> {
    let unit = changeable(spec, name, seen)?;
    let mut changes = Vec::new();
    if fields.contains(&"enabled")
        && let (Some(wanted), Ok(word)) = (&spec.enabled, &unit.enabled)
    {
        changes.push(change(name, enabling(wanted, word)?, word));
    }
    if fields.contains(&"active")
        && let (Some(wanted), Ok(active)) = (&spec.active, &unit.active)
    {
        changes.push(change(name, starting(wanted, &active.state)?, &active.state));
    }
    let starts =
        |one: &Change| matches!(one.action, Action::Unit { change: UnitChange::Start, .. });
    let follows: &[&str] = if changes.iter().any(starts) { FOLLOWS_A_START } else { &[] };
    let other = fields
        .iter()
        .find(|field| !["active", "enabled"].contains(field) && !follows.contains(field));
    match other {
        Some(field) => nothing(format!(
            "a unit whose `{field}` differs is not started, stopped, enabled or disabled"
        )),
        None => Ok(changes),
    }
}

/// A unit that the manager itself told about, under its own name, as its files are now.
fn changeable<'a>(spec: &SystemdUnit, name: &str, seen: &'a Seen) -> Result<&'a Unit, Remedy> {
    let Found::Unit { unit, .. } = &seen.found else {
        return nothing("which units may exist is nobody's to change here; name one of them");
    };
    if !spec.present {
        return nothing("no step takes a unit away");
    }
    match seen.source {
        Source::Bus => {}
        Source::Files => {
            return nothing(
                "only what the manager of the running system says is changed; its files were read",
            );
        }
        Source::Systemctl => {
            return nothing("the manager did not answer on the system bus, and steps ask it there");
        }
    }
    if unit.load == "not-found" {
        return nothing(
            "there is no such unit; once its file is there and the manager has read it (`systemctl daemon-reload`, which takes \
             over whatever anybody has edited, so no plan does it), a new plan can start and enable it",
        );
    }
    if unit.id != name {
        return nothing(format!(
            "it is another name of {}; steps are about a unit under its own",
            escape(&unit.id)
        ));
    }
    if unit.load != "loaded" {
        return nothing(format!("it is {}, and no step changes that", escape(&unit.load)));
    }
    if unit.needs_reload == Ok(true) {
        return nothing(
            "its files are not those that the manager has read; `systemctl daemon-reload` comes first",
        );
    }
    Ok(unit)
}

fn enabling(wanted: &Words<Enabled>, word: &str) -> Result<UnitChange, Remedy> {
    match (word, wanted.has("enabled"), wanted.has("disabled")) {
        ("disabled", true, _) => Ok(UnitChange::Enable),
        ("enabled", _, true) => Ok(UnitChange::Disable),
        ("disabled" | "enabled", ..) => nothing(leads_nowhere(wanted)),
        ("", ..) => nothing("it has no unit file, so it can be neither enabled nor disabled"),
        _ => {
            let why = explained(word).map_or_else(String::new, |why| format!(": {why}"));
            nothing(format!("it is {}{why}", escape(word)))
        }
    }
}

fn starting(wanted: &Words<Active>, state: &str) -> Result<UnitChange, Remedy> {
    match (state, wanted.has("active"), wanted.has("inactive")) {
        ("failed", true, true) => nothing(
            "it has failed, and `active` and `inactive` are both fine: somebody has to choose",
        ),
        ("failed", false, true) => nothing(
            "it has failed; once somebody has seen why, `systemctl reset-failed` makes it inactive",
        ),
        ("inactive" | "failed", true, _) => Ok(UnitChange::Start),
        ("active", _, true) => Ok(UnitChange::Stop),
        ("inactive" | "failed" | "active", ..) => nothing(leads_nowhere(wanted)),
        _ => nothing(format!("it is {}, from which no step is certain to lead", escape(state))),
    }
}

fn leads_nowhere<V: Vocabulary>(wanted: &Words<V>) -> String {
    format!("no step is certain to lead to {}", wanted.shown())
}

fn change(name: &str, change: UnitChange, word: &str) -> Change {
    let unit = || name.to_owned();
    let word = Some(word.to_owned());
    let before = match change {
        UnitChange::Enable | UnitChange::Disable => UnitState { active: None, enabled: word },
        UnitChange::Start | UnitChange::Stop => UnitState { active: word, enabled: None },
    };
    Change {
        action: Action::Unit { unit: unit(), change },
        before: Condition::Unit { unit: unit(), is: before },
        after: Condition::Unit { unit: unit(), is: change.leads_to() },
        undo: Undo::By(Box::new(Action::Unit { unit: unit(), change: change.inverse() })),
        risk: Risk::Medium,
    }
}
