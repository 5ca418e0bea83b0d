//! Every rule of a verdict, and their order.

use std::collections::BTreeMap;

use super::*;
use crate::desired::Expect;
use crate::model::Decimal;
use crate::proof::{Census, Foreign, Function, Lock, Outside, Written};

fn contract() -> Contract {
    Contract {
        database: "shop".to_owned(),
        role: "app".to_owned(),
        statement: "INSERT INTO public.t VALUES ($1)".to_owned(),
        parameters: Vec::new(),
        expect: Expect::Write,
        rows: None,
        result: BTreeMap::new(),
        witness: Some("SELECT 1".to_owned()),
        leak: Some("SELECT 0".to_owned()),
        writes: vec!["public.t".to_owned()],
        sequences: vec!["public.declared".to_owned()],
        trusted_functions: Vec::new(),
        superuser_definer: false,
        statement_ms: Decimal(500),
        lock_ms: Decimal(200),
    }
}

fn outside() -> Outside {
    let at = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
    Outside {
        witness: Some("1".to_owned()),
        leak: Some("0".to_owned()),
        sequences: BTreeMap::from([at("public.declared", "5"), at("public.other", "7")]),
        prepared: vec!["old".to_owned()],
        slots: vec!["kept".to_owned()],
        killed: Some("3".to_owned()),
    }
}

fn inside() -> Inside {
    Inside {
        done: true,
        rows: Some("1".to_owned()),
        sqlstate: None,
        message: None,
        witness_before: Some("1".to_owned()),
        witness_inside: Some("2".to_owned()),
        found: BTreeMap::new(),
        xid: Some("100".to_owned()),
        pid: "1".to_owned(),
        role: "app".to_owned(),
        session_role: "app".to_owned(),
        traced: true,
        functions: Vec::new(),
        writes: vec![written("public.t")],
        locks: Vec::new(),
        advisory: "0".to_owned(),
        fired: "0".to_owned(),
        unfired: Vec::new(),
    }
}

fn written(table: &str) -> Written {
    let number = |text: &str| text.to_owned();
    Written {
        table: table.to_owned(),
        inserted: number("1"),
        updated: number("0"),
        deleted: number("0"),
    }
}

fn function(name: &str, language: &str, powers: &[&str]) -> Function {
    Function {
        name: name.to_owned(),
        language: language.to_owned(),
        owner: "somebody".to_owned(),
        definer: !powers.is_empty(),
        powers: powers.iter().map(|power| (*power).to_owned()).collect(),
        builds: false,
        lasting: false,
        calls: "1".to_owned(),
    }
}

fn lock(relation: &str, relkind: &str) -> Lock {
    let [relation, relkind] = [relation, relkind].map(str::to_owned);
    Lock { relation, relkind, mode: "RowExclusiveLock".to_owned() }
}

fn foreign(whose: Option<&str>, nonce: bool) -> Foreign {
    Foreign { xid: "101".to_owned(), whose: whose.map(str::to_owned), nonce }
}

/// An attempt of which nothing can be said but that it went well.
fn clean() -> Attempt {
    let census = Census {
        from: "100".to_owned(),
        to: "102".to_owned(),
        own: Some("aborted".to_owned()),
        aborted: "2".to_owned(),
        ..Census::default()
    };
    Attempt {
        before: Some(outside()),
        transaction: Some("100".to_owned()),
        inside: Some(inside()),
        after: Some(outside()),
        census: Some(census),
        ..Attempt::default()
    }
}

/// What it comes to after a change.
#[track_caller]
fn after(change: impl FnOnce(&mut Contract, &mut Attempt)) -> Judged {
    let (mut contract, mut attempt) = (contract(), clean());
    change(&mut contract, &mut attempt);
    judge(&contract, &attempt)
}

/// The verdict after a change, and what its reasons have to say.
#[track_caller]
fn comes_to(verdict: Verdict, says: &str, change: impl FnOnce(&mut Contract, &mut Attempt)) {
    let judged = after(change);
    let why = judged.because.join("; ");
    assert_eq!(judged.verdict, verdict, "{why}");
    assert!(why.contains(says), "{why}");
}

fn within(attempt: &mut Attempt) -> &mut Inside {
    attempt.inside.as_mut().expect("it ran")
}

fn later(attempt: &mut Attempt) -> &mut Outside {
    attempt.after.as_mut().expect("it was looked at")
}

fn counted(attempt: &mut Attempt) -> &mut Census {
    attempt.census.as_mut().expect("it was counted")
}

fn moved(attempt: &mut Attempt, name: &str) {
    later(attempt).sequences.insert(name.to_owned(), Some("9".to_owned()));
}

#[test]
fn what_went_well_is_clean_by_what_others_did() {
    comes_to(Verdict::CleanAbsolute, "nothing at all was committed", |_, _| {});
    comes_to(Verdict::CleanExact, "1 transactions of others", |_, attempt| {
        counted(attempt).foreign.push(foreign(Some("a session of before"), false));
    });
    comes_to(Verdict::CleanWithResidue, "public.declared", |_, attempt| {
        moved(attempt, "public.declared");
        within(attempt).locks.push(lock("public.declared", "S"));
    });
    // Touched and not moved leaves nothing, declared or not; moved by others is theirs.
    comes_to(Verdict::CleanAbsolute, "", |_, attempt| {
        within(attempt).locks.push(lock("public.other", "S"));
    });
    let judged = after(|_, attempt| moved(attempt, "public.other"));
    assert_eq!(judged.verdict, Verdict::CleanAbsolute);
    assert!(judged.remarks.join("; ").contains("public.other was advanced by others"));
}

#[test]
fn what_is_declared_to_run_out_of_sight_is_named_and_never_absolute() {
    comes_to(Verdict::CleanWithResidue, "public.f() did", |contract, attempt| {
        contract.trusted_functions.push("public.f()".to_owned());
        within(attempt).functions.push(function("public.f()", "c", &[]));
    });
    comes_to(Verdict::CleanWithResidue, "public.g() did", |contract, attempt| {
        contract.superuser_definer = true;
        within(attempt).functions.push(function("public.g()", "plpgsql", &["superuser"]));
    });
    comes_to(
        Verdict::Leak,
        "public.g() ran, with the rights of `somebody` (superuser)",
        |contract, attempt| {
            contract.trusted_functions.push("public.g()".to_owned());
            within(attempt).functions.push(function("public.g()", "plpgsql", &["superuser"]));
        },
    );
    comes_to(Verdict::Leak, "public.f() ran, written in c", |contract, attempt| {
        contract.superuser_definer = true;
        within(attempt).functions.push(function("public.f()", "c", &[]));
    });
    comes_to(Verdict::CleanAbsolute, "", |_, attempt| {
        within(attempt).functions.push(function("public.h()", "plpgsql", &[]));
    });
}

#[test]
fn whatever_stayed_is_a_leak() {
    type Change = fn(&mut Attempt);
    let cases: &[(&str, Change)] = &[
        ("its own transaction was committed", |a| counted(a).own = Some("committed".to_owned())),
        ("carries what was new", |a| counted(a).foreign.push(foreign(Some("whoever"), true))),
        ("was not the one that had begun", |a| within(a).xid = Some("101".to_owned())),
        ("was not the one that had begun", |a| within(a).xid = None),
        ("did not end in its error", |a| a.completed = true),
        ("the leak probe counted 0 before and 1 after", |a| later(a).leak = Some("1".to_owned())),
        ("a prepared transaction `new`", |a| later(a).prepared.push("new".to_owned())),
        ("a replication slot `new`", |a| later(a).slots.push("new".to_owned())),
        ("the replication slot `kept` is gone", |a| later(a).slots.clear()),
        ("sequence public.other went from 7 to 9", |a| {
            moved(a, "public.other");
            within(a).locks.push(lock("public.other", "S"));
        }),
        ("public.f() ran, written in c", |a| {
            within(a).functions.push(function("public.f()", "c", &[]));
        }),
        ("public.far is a foreign table", |a| within(a).locks.push(lock("public.far", "f"))),
    ];
    for (says, change) in cases {
        comes_to(Verdict::Leak, says, |_, attempt| change(attempt));
        // It wins over everything that could not be told, and over a contract that failed.
        comes_to(Verdict::Leak, says, |contract, attempt| {
            change(attempt);
            attempt.trouble.push("lost".to_owned());
            within(attempt).traced = false;
            within(attempt).done = false;
            within(attempt).sqlstate = Some("25001".to_owned());
            contract.expect = Expect::Read;
        });
    }
    // A prepared transaction that others ended is theirs.
    comes_to(Verdict::CleanAbsolute, "", |_, attempt| later(attempt).prepared.clear());
}

#[test]
fn what_cannot_be_proven_is_not() {
    comes_to(Verdict::Unprovable, "no way", |_, attempt| {
        *attempt = Attempt { unprovable: vec!["no way".to_owned()], ..Attempt::default() };
    });
    for state in ["0A000", "25001", "2D000", "2D521"] {
        let failed = |attempt: &mut Attempt| {
            within(attempt).done = false;
            within(attempt).sqlstate = Some(state.to_owned());
        };
        comes_to(Verdict::Unprovable, state, |_, attempt| failed(attempt));
        comes_to(Verdict::CleanAbsolute, "", |contract, attempt| {
            failed(attempt);
            contract.expect = Expect::Denied(state.to_owned());
        });
    }
}

#[test]
fn what_cannot_be_told_is_inconclusive_and_another_try_tells_no_more() {
    type Change = fn(&mut Attempt);
    let cases: &[(&str, Change)] = &[
        ("lost", |a| a.trouble.push("lost".to_owned())),
        ("are not recorded", |a| within(a).traced = false),
        ("s.late could not be made to judge", |a| within(a).unfired.push("s.late".to_owned())),
        ("no census", |a| a.census = None),
        ("the server says nothing", |a| counted(a).own = None),
        ("the server says in progress", |a| counted(a).own = Some("in progress".to_owned())),
        ("has not seen what was left", |a| a.after = None),
        ("has not seen what was left", |a| a.before = None),
        ("a session was ended by order", |a| later(a).killed = Some("4".to_owned())),
        ("may not read how far sequence public.hidden", |a| {
            within(a).locks.push(lock("public.hidden", "S"));
        }),
        ("the contract runs text that is put together", |a| {
            (a.switchable, a.builders) = (true, vec!["the contract".to_owned()]);
        }),
        ("public.b() runs text that is put together", |a| {
            a.switchable = true;
            within(a)
                .functions
                .push(Function { builds: true, ..function("public.b()", "plpgsql", &[]) });
        }),
        ("public.d() runs text that is put together, and so may have written messages", |a| {
            a.messages = true;
            let definer = function("public.d()", "plpgsql", &[]);
            within(a).functions.push(Function { builds: true, definer: true, ..definer });
        }),
        ("public.e() calls what no rollback takes back", |a| {
            let calling = function("public.e()", "plpgsql", &[]);
            within(a).functions.push(Function { lasting: true, ..calling });
        }),
        ("public.far is a foreign table within its reach", |a| {
            a.reach.push("public.far".to_owned());
            within(a).functions.push(function("public.b()", "plpgsql", &[]));
        }),
    ];
    for (says, change) in cases {
        comes_to(Verdict::Inconclusive, says, |_, attempt| change(attempt));
        assert!(!after(|_, attempt| change(attempt)).again, "{says}");
        // It wins over a contract that failed, and over others.
        comes_to(Verdict::Inconclusive, says, |contract, attempt| {
            contract.rows = Some(Decimal(7));
            change(attempt);
        });
    }
    comes_to(Verdict::Inconclusive, "said nothing of itself", |_, attempt| attempt.inside = None);
    for state in ["08006", "40001", "40P01", "53300", "55006", "55P03", "57014", "57P01", "58030"] {
        comes_to(Verdict::Inconclusive, state, |contract, attempt| {
            // Not even where it is what was expected.
            contract.expect = Expect::Denied(state.to_owned());
            within(attempt).done = false;
            within(attempt).sqlstate = Some(state.to_owned());
        });
    }
    // Where the role may not switch it off, nothing put together does.
    comes_to(Verdict::CleanAbsolute, "", |_, attempt| {
        attempt.builders.push("the contract".to_owned());
    });
    comes_to(Verdict::CleanAbsolute, "", |_, attempt| attempt.messages = true);
    comes_to(Verdict::CleanAbsolute, "", |_, attempt| attempt.reach.push("public.far".to_owned()));
}

/// What a verdict says of an attempt that was changed so.
type Case = (&'static str, fn(&mut Attempt));

#[test]
fn what_others_did_asks_for_another_try() {
    let cases: &[Case] = &[
        ("cannot be told by whom: 101", |a| counted(a).foreign.push(foreign(None, false))),
        ("not ended yet: 103", |a| counted(a).unresolved.push("103".to_owned())),
        ("the witness counts another number", |a| later(a).witness = Some("2".to_owned())),
        ("sequence public.other has moved", |a| {
            moved(a, "public.other");
            within(a).functions.push(function("public.f()", "c", &[]));
        }),
    ];
    for (says, change) in cases {
        let trusting =
            |contract: &mut Contract| contract.trusted_functions.push("public.f()".to_owned());
        comes_to(Verdict::Inconclusive, says, |contract, attempt| {
            trusting(contract);
            change(attempt);
        });
        assert!(
            after(|contract, attempt| {
                trusting(contract);
                change(attempt);
            })
            .again
        );
        // A contract that failed has failed, whatever others did.
        comes_to(Verdict::ContractFailed, "7 are expected", |contract, attempt| {
            trusting(contract);
            change(attempt);
            contract.rows = Some(Decimal(7));
        });
    }
    let denied = |contract: &mut Contract, attempt: &mut Attempt| {
        contract.expect = Expect::Denied("42501".to_owned());
        within(attempt).done = false;
        within(attempt).sqlstate = Some("42501".to_owned());
    };
    comes_to(Verdict::CleanAbsolute, "", |contract, attempt| denied(contract, attempt));
    comes_to(Verdict::Inconclusive, "sequence public.other has moved", |contract, attempt| {
        denied(contract, attempt);
        moved(attempt, "public.other");
    });
}

#[test]
fn a_contract_that_does_something_else_has_failed() {
    let failed = |state: &str| {
        let state = state.to_owned();
        move |attempt: &mut Attempt| {
            within(attempt).done = false;
            within(attempt).sqlstate = Some(state);
        }
    };
    comes_to(Verdict::ContractFailed, "SQLSTATE 23505", |_, attempt| failed("23505")(attempt));
    comes_to(
        Verdict::ContractFailed,
        "another refusal than 42501: SQLSTATE 23505",
        |contract, attempt| {
            contract.expect = Expect::Denied("42501".to_owned());
            failed("23505")(attempt);
        },
    );
    comes_to(Verdict::ContractFailed, "it was not refused", |contract, _| {
        contract.expect = Expect::Denied("42501".to_owned());
    });
    comes_to(Verdict::ContractFailed, "1 rows, where 2 are expected", |contract, _| {
        contract.rows = Some(Decimal(2));
    });
    comes_to(Verdict::ContractFailed, "no rows", |contract, attempt| {
        contract.rows = Some(Decimal(1));
        within(attempt).rows = None;
    });
    comes_to(Verdict::ContractFailed, "`a.b` of its answer is null", |contract, _| {
        contract.result.insert("a.b".to_owned(), "x".into());
    });
    comes_to(Verdict::CleanAbsolute, "", |contract, attempt| {
        contract.result.insert("a.b".to_owned(), "x".into());
        within(attempt).found.insert("a.b".to_owned(), "x".into());
    });
    comes_to(Verdict::ContractFailed, "should only read, and wrote to public.t", |contract, _| {
        contract.expect = Expect::Read;
    });
    comes_to(Verdict::CleanAbsolute, "", |contract, attempt| {
        contract.expect = Expect::Read;
        within(attempt).writes.clear();
    });
}

#[test]
fn a_write_without_effect_shows_nothing() {
    comes_to(Verdict::Vacuous, "wrote to no table", |_, attempt| within(attempt).writes.clear());
    comes_to(Verdict::Vacuous, "the witness counts 1 before and after", |_, attempt| {
        within(attempt).witness_inside = Some("1".to_owned());
    });
    comes_to(Verdict::ContractFailed, "2 are expected", |contract, attempt| {
        contract.rows = Some(Decimal(2));
        within(attempt).writes.clear();
    });
}

#[test]
fn what_was_not_declared_is_said() {
    let judged = after(|contract, attempt| {
        contract.writes = vec!["public.silent".to_owned()];
        within(attempt).advisory = "2".to_owned();
        within(attempt).role = "other".to_owned();
    });
    assert_eq!(judged.verdict, Verdict::CleanAbsolute);
    let said = judged.remarks.join("\n");
    for what in ["public.t as well", "not write to public.silent", "2 advisory locks", "as `other`"]
    {
        assert!(said.contains(what), "{what}: {said}");
    }
}

#[test]
fn statements_of_a_plan_have_only_to_run() {
    let script = Contract { superuser_definer: true, ..contract() };
    let mut attempt = clean();
    moved(&mut attempt, "public.other");
    within(&mut attempt).locks.push(lock("public.other", "S"));
    within(&mut attempt).writes.clear();
    assert_eq!(judge_script(&script, &attempt).verdict, Verdict::CleanWithResidue);
    within(&mut attempt).done = false;
    within(&mut attempt).sqlstate = Some("42P01".to_owned());
    assert_eq!(judge_script(&script, &attempt).verdict, Verdict::ContractFailed);
}
