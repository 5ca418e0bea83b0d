//! What a trigger is, compared with what its table says.

use super::{Event, Found, ListedTrigger, PgTrigger, Seen, Trigger, closed};
use crate::kinds::{not_recorded, presence};
use crate::model::display::{escape, one_line};
use crate::model::{Comparison, Difference, Evidence, MemberName};

const WIDTH_MAX: usize = 60;

pub(super) fn compare(spec: &PgTrigger, name: &str, seen: &Seen) -> Comparison {
    let mut found = Comparison::by(Evidence::Queried);
    let is = match seen {
        Seen::List(triggers) => {
            list(spec, triggers, &mut found);
            return found;
        }
        Seen::One(is) => Some(is),
        Seen::Absent => None,
    };
    // A stored answer under a pattern is always a list.
    if closed::is_pattern(name) {
        found.blind("only", not_recorded());
    } else if presence::compare(spec.present, is.is_some(), &mut found)
        && let Some(is) = is
    {
        attributes(spec, is, &mut found);
        found.seen = Some(brief(&is.trigger));
    }
    found
}

/// A closed list, in words that a tired reader takes in at once: `zz on public.orders`.
fn list(spec: &PgTrigger, triggers: &[ListedTrigger], found: &mut Comparison) {
    let only: Vec<String> = spec.only.iter().flatten().map(|key| phrase(key)).collect();
    let own = triggers.iter().filter(|trigger| !trigger.internal);
    let about = |trigger: &ListedTrigger| format!("{}, {}", trigger.enabled, trigger.function);
    let seen = own.map(|trigger| (phrase(&trigger.key), Some(about(trigger)))).collect();
    closed::compare(&only, &seen, found);
    if spec.constraints_fire == Some(false) {
        return;
    }
    for trigger in triggers.iter().filter(|trigger| trigger.internal) {
        if trigger.enabled != "origin" {
            let field = format!("{} on {}", trigger.name, trigger.table);
            found.differences.push(Difference::new(
                escape(&field),
                "origin",
                trigger.enabled.clone(),
            ));
        }
    }
}

fn phrase(key: &str) -> String {
    let Ok(member) = MemberName::parse(key) else { return key.to_owned() };
    let table = member.table.to_string();
    let name = key.strip_prefix(&table).and_then(|rest| rest.strip_prefix('.'));
    name.map_or_else(|| key.to_owned(), |name| format!("{name} on {table}"))
}

fn brief(is: &Trigger) -> String {
    let function = one_line(&is.function, WIDTH_MAX);
    let enabled = if is.enabled == "origin" { String::new() } else { format!(", {}", is.enabled) };
    format!("{} {}, {function}{enabled}", is.timing, is.events.join(" or "))
}

fn attributes(spec: &PgTrigger, seen: &Found, found: &mut Comparison) {
    let is = &seen.trigger;
    let word = |word: Option<&'static str>| word.map(str::to_owned);
    found.expect("enabled", word(spec.enabled.map(super::Enabled::word)).as_ref(), &is.enabled);
    found.expect("timing", word(spec.timing.map(super::Timing::word)).as_ref(), &is.timing);
    found.expect("events", spec.events.as_ref().map(|events| words(events)).as_ref(), &is.events);
    let mut columns = spec.columns.clone();
    if let Some(columns) = &mut columns {
        columns.sort();
    }
    found.expect("columns", columns.as_ref(), &is.columns);
    found.expect("level", word(spec.level.map(super::PerWhat::word)).as_ref(), &is.level);
    found.expect_text("when", spec.when.as_ref(), is.when.as_ref());
    found.expect("function", spec.function.as_ref(), &is.function);
    found.expect("arguments", spec.arguments.as_ref(), &is.arguments);
    for (field, wanted, is) in [
        ("constraint", &spec.constraint, is.constraint),
        ("deferrable", &spec.deferrable, is.deferrable),
        ("initially_deferred", &spec.initially_deferred, is.initially_deferred),
    ] {
        found.expect(field, wanted.as_ref(), &is);
    }
    for (field, wanted, is) in [
        ("referenced", &spec.referenced, &is.referenced),
        ("old_table", &spec.old_table, &is.old_table),
        ("new_table", &spec.new_table, &is.new_table),
        ("parent", &spec.parent, &is.parent),
    ] {
        found.expect_text(field, wanted.as_ref(), is.as_ref());
    }
    match (&spec.definition, &seen.definition) {
        (Some(_), None) => found.blind("definition", not_recorded()),
        (wanted, Some(is)) => found.expect("definition", wanted.as_ref(), is),
        (None, None) => {}
    }
    found.expect_text("comment", spec.comment.as_ref(), is.comment.as_ref());
}

/// In the order in which events are stored, each once.
fn words(events: &[Event]) -> Vec<String> {
    let mentioned = Event::ALL.into_iter().filter(|event| events.contains(event));
    mentioned.map(|event| event.word().to_owned()).collect()
}
