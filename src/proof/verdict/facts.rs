//! What an attempt shows, for the rules: what stayed, what cannot be told, what others did, what a reader should know besides.

use std::collections::BTreeSet;

use super::said;
use crate::desired::{Contract, Expect};
use crate::model::display::{escape, few};
use crate::proof::{Attempt, Function, Inside, Outside, Sequence};

/// Classes of SQLSTATEs that say something about the moment, and nothing about the contract: connections, resources, operators,
/// conflicts, and locks that others hold.
const MOMENT: &[&str] = &["08", "40", "53", "55006", "55P03", "57", "58"];
/// Languages whose code the server itself confines to the database and the transaction.
const CONFINED: &[&str] = &["internal", "plpgsql", "sql"];

/// What outlived the rollback, or ran where nobody could see it.
pub(super) fn stayed(
    contract: &Contract,
    attempt: &Attempt,
    sequences: &[Sequence],
) -> Vec<String> {
    let mut stayed = Vec::new();
    if let Some(census) = &attempt.census {
        if census.own.as_deref() == Some("committed") {
            stayed.push("its own transaction was committed".to_owned());
        }
        for one in census.foreign.iter().filter(|one| one.nonce) {
            stayed.push(format!(
                "transaction {} was committed, and carries what was new in this run",
                one.xid
            ));
        }
    }
    if let Some(inside) = &attempt.inside
        && inside.xid != attempt.transaction
    {
        stayed.push(
            "the transaction at the end was not the one that had begun: it was ended from within"
                .to_owned(),
        );
    }
    if attempt.completed {
        stayed.push("the statement around it did not end in its error, so what it did is not known to be undone".to_owned());
    }
    if let (Some(before), Some(after)) = (&attempt.before, &attempt.after) {
        let count =
            |leak: &Option<String>| leak.as_deref().and_then(|text| text.parse::<i64>().ok());
        if let (Some(from), Some(to)) = (count(&before.leak), count(&after.leak))
            && to != 0
        {
            stayed.push(format!("the leak probe counted {from} before and {to} after"));
        }
        for (what, from, to) in [
            ("prepared transaction", &before.prepared, &after.prepared),
            ("replication slot", &before.slots, &after.slots),
        ] {
            let new = to.iter().filter(|name| !from.contains(name));
            stayed.extend(
                new.map(|name| format!("a {what} `{}` is there that was not", escape(name))),
            );
        }
        // A prepared transaction that others ended is told by the census.
        let gone = before.slots.iter().filter(|name| !after.slots.contains(name));
        stayed.extend(gone.map(|name| format!("the replication slot `{}` is gone", escape(name))));
    }
    for one in sequences.iter().filter(|one| one.touched && !contract.sequences.contains(&one.name))
    {
        if let Some((from, to)) = &one.moved
            && from != to
        {
            let shown =
                |value: &Option<String>| value.clone().unwrap_or_else(|| "nowhere".to_owned());
            stayed.push(format!(
                "sequence {} went from {} to {}, and is not declared",
                one.name,
                shown(from),
                shown(to)
            ));
        }
    }
    if let Some(inside) = &attempt.inside {
        stayed.extend(unseen(contract, inside));
    }
    stayed
}

/// What was run where nobody can look, and is not declared.
fn unseen(contract: &Contract, inside: &Inside) -> Vec<String> {
    let declared = |function: &&Function| {
        let language = is_confined(function) || contract.trusted_functions.contains(&function.name);
        language && (function.powers.is_empty() || contract.superuser_definer)
    };
    let unseen = inside.functions.iter().filter(|function| !declared(function));
    let unseen = unseen.filter_map(|function| {
        let why = out_of_sight(function)?;
        Some(format!(
            "{} ran, {why}: what it did outside of the transaction nobody can see",
            function.name
        ))
    });
    let foreign = inside.locks.iter().filter(|lock| lock.relkind == "f");
    let foreign = foreign.map(|lock| {
        format!("{} is a foreign table: what was done there another server knows", lock.relation)
    });
    unseen.chain(foreign).collect()
}

/// Does the server itself confine it to the database and the transaction?
fn is_confined(function: &Function) -> bool {
    CONFINED.contains(&function.language.as_str())
}

/// Why a function could leave the transaction without a trace in it; `None` for one that cannot.
pub(super) fn out_of_sight(function: &Function) -> Option<String> {
    let Function { language, owner, powers, .. } = function;
    if !is_confined(function) {
        return Some(format!("written in {language}"));
    }
    (!powers.is_empty()).then(|| {
        format!("with the rights of `{}` ({})", escape(owner), few(powers.iter().cloned(), 3))
    })
}

/// What kept it from being told.
pub(super) fn untold(
    contract: &Contract,
    attempt: &Attempt,
    sequences: &[Sequence],
) -> Vec<String> {
    let mut untold = attempt.trouble.clone();
    if let Some(inside) = &attempt.inside {
        untold.extend(untold_within(contract, attempt, inside));
    }
    let hidden = sequences.iter().filter(|one| one.touched && one.moved.is_none());
    let hidden = hidden.filter(|one| !contract.sequences.contains(&one.name));
    untold
        .extend(hidden.map(|one| {
            format!("the observer may not read how far sequence {} has come", one.name)
        }));
    match &attempt.census {
        Some(census) if census.own.as_deref() == Some("aborted") => {}
        Some(census) => {
            let status = census.own.as_deref().unwrap_or("nothing");
            untold.push(format!("of its own transaction the server says {status}"));
        }
        None => untold.push("there was no census of the transactions".to_owned()),
    }
    match (&attempt.before, &attempt.after) {
        (Some(before), Some(after)) => {
            let number = |side: &Outside| side.killed.as_deref()?.parse::<u64>().ok();
            if let (Some(from), Some(to)) = (number(before), number(after))
                && to > from
            {
                untold.push(
                    "a session was ended by order meanwhile, by this or by others".to_owned(),
                );
            }
        }
        _ => untold.push("the observer has not seen what was left".to_owned()),
    }
    untold
}

/// The same, of what the transaction said of itself.
fn untold_within(contract: &Contract, attempt: &Attempt, inside: &Inside) -> Vec<String> {
    let mut untold = Vec::new();
    let state = inside.sqlstate.as_deref().unwrap_or_default();
    if MOMENT.iter().any(|class| state.starts_with(class)) {
        untold.push(format!("it was not its moment: {}", said(Some(inside))));
    }
    if !inside.traced {
        untold.push("calls of functions are not recorded: the role may not set track_functions, or the contract has switched it off".to_owned());
    }
    untold.extend(put_together(attempt, inside));
    // Reached by a way that the search before does not follow, such as the default of a column.
    let lasting = inside.functions.iter().filter(|one| {
        one.lasting
            && out_of_sight(one).is_none()
            && !contract.trusted_functions.contains(&one.name)
    });
    untold.extend(lasting.map(|one| format!("{} calls what no rollback takes back", one.name)));
    untold.extend(inside.unfired.iter().map(|name| {
        format!("the deferred constraint {name} could not be made to judge: the role may not use its schema")
    }));
    if forgets(contract, inside) {
        let used = |name: &&String| inside.locks.iter().any(|lock| lock.relation == **name);
        untold.extend(attempt.reach.iter().filter(|name| !used(name)).map(|name| {
            format!("{name} is a foreign table within its reach: whether it was used in a part that failed cannot be told")
        }));
    }
    untold
}

/// What text that is put together may have done, where nothing records that and nothing forbids it.
fn put_together(attempt: &Attempt, inside: &Inside) -> Vec<String> {
    let ran = |of_others: bool| {
        let builders = inside.functions.iter().filter(move |one| {
            one.builds && out_of_sight(one).is_none() && (of_others || !one.definer)
        });
        let ran = builders.map(|one| one.name.as_str());
        attempt.builders.iter().map(String::as_str).chain(ran).collect::<BTreeSet<&str>>()
    };
    let mut may = Vec::new();
    let mut say =
        |who: BTreeSet<&str>, what: &str| {
            may.extend(who.iter().map(|name| {
                format!("{name} runs text that is put together, and so may have {what}")
            }));
        };
    if attempt.switchable {
        say(ran(false), "switched the recording of calls off and on again");
    }
    if attempt.messages {
        say(
            ran(true),
            "written messages to the log of changes: everybody may, until EXECUTE on pg_logical_emit_message is revoked from PUBLIC",
        );
    }
    may
}

/// Can a part of it have failed and taken its locks with it?
fn forgets(contract: &Contract, inside: &Inside) -> bool {
    let mut words = contract.statement.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    !inside.done
        || words.any(|word| word.eq_ignore_ascii_case("do"))
        || inside.functions.iter().any(|function| function.language == "plpgsql")
}

/// What others did meanwhile that cannot be told from a leak.
pub(super) fn busy(contract: &Contract, attempt: &Attempt, sequences: &[Sequence]) -> Vec<String> {
    let mut busy = Vec::new();
    if let Some(census) = &attempt.census {
        let unknown: Vec<&str> = census
            .foreign
            .iter()
            .filter(|one| one.whose.is_none())
            .map(|one| one.xid.as_str())
            .collect();
        if !unknown.is_empty() {
            busy.push(format!(
                "committed meanwhile, and it cannot be told by whom: {}",
                unknown.join(", ")
            ));
        }
        if !census.unresolved.is_empty() {
            busy.push(format!("not ended yet: {}", census.unresolved.join(", ")));
        }
    }
    // Through another connection, what runs out of sight moves sequences that the transaction never touches.
    let sure = attempt.inside.as_ref().is_some_and(|inside| {
        inside.done && inside.functions.iter().all(|one| out_of_sight(one).is_none())
    });
    let moved =
        sequences.iter().filter(|one| !one.touched && !contract.sequences.contains(&one.name));
    busy.extend(
        moved
            .filter(|_| !sure)
            .map(|one| format!("sequence {} has moved, by this or by others", one.name)),
    );
    if let (Some(before), Some(after)) = (&attempt.before, &attempt.after)
        && before.witness != after.witness
        && attempt.census.as_ref().is_none_or(|census| census.foreign.is_empty())
    {
        busy.push(
            "the witness counts another number than before, and nobody has committed".to_owned(),
        );
    }
    busy
}

/// What was not declared and does no harm, and what stays of every proof.
pub(super) fn remarks(
    contract: &Contract,
    attempt: &Attempt,
    sequences: &[Sequence],
) -> Vec<String> {
    let mut remarks = Vec::new();
    let Some(inside) = &attempt.inside else { return remarks };
    if inside.done && contract.expect == Expect::Write {
        let undeclared = inside.writes.iter().filter(|one| !contract.writes.contains(&one.table));
        remarks.extend(
            undeclared
                .map(|one| format!("it writes to {} as well, which is not declared", one.table)),
        );
        let silent = contract
            .writes
            .iter()
            .filter(|name| inside.writes.iter().all(|one| one.table != **name));
        remarks
            .extend(silent.map(|name| format!("it does not write to {name}, which is declared")));
    }
    for one in sequences.iter().filter(|one| !one.touched && inside.done) {
        remarks.push(format!("sequence {} was advanced by others", one.name));
    }
    if attempt.messages {
        remarks.push("it could have written messages to the log of changes by code that is built into its caller, which leaves no trace: everybody may, until EXECUTE on pg_logical_emit_message is revoked from PUBLIC".to_owned());
    }
    if inside.advisory != "0" {
        let count = &inside.advisory;
        let noun = if count == "1" { "lock" } else { "locks" };
        remarks.push(format!("it held {count} advisory {noun}, which ended with its session"));
    }
    if inside.role != inside.session_role {
        remarks.push(format!(
            "it ended as `{}`, and had logged in as `{}`",
            escape(&inside.role),
            escape(&inside.session_role)
        ));
    }
    remarks
}
