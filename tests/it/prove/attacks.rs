//! Attacks: what each of them came to, and what stayed of it.

/// A contract that does what it says, and something else.
macro_rules! doing {
    ($body:expr) => {
        concat!("DO $a$ BEGIN INSERT INTO public.bag (note) VALUES ('probe'); ", $body, " END $a$")
    };
}

/// A function that somebody made to save himself trouble: it runs any statement, as a superuser.
macro_rules! root_run {
    ($then:expr) => {
        concat!(
            "CREATE FUNCTION public.root_run(sql text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS \
             $f$ BEGIN EXECUTE sql; END $f$; ",
            $then
        )
    };
}

/// The same, as the owner of the application's tables.
macro_rules! owner_run {
    ($then:expr) => {
        concat!(
            "CREATE FUNCTION public.owner_run(sql text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS \
             $f$ BEGIN EXECUTE sql; END $f$; ALTER FUNCTION public.owner_run OWNER TO directus; ",
            $then
        )
    };
}

mod functions;
mod outside;
mod pill;
mod sequences;
mod transactions;

use super::content::{Content, WATCH};
use super::{Lab, because};
use crate::program::skipped;

/// Every attack, in the order of the table.
pub(super) const GROUPS: &[(&str, &[Attack])] = &[
    ("Ending the transaction", transactions::ATTACKS),
    ("What a role may do in a transaction", transactions::INSIDE),
    ("The pill", pill::ATTACKS),
    ("The statement around the contract", pill::WRAPPER),
    ("Sequences", sequences::ATTACKS),
    ("Other connections, files, programs", outside::ATTACKS),
    ("Functions that hide something", functions::ATTACKS),
];

/// One attack.
pub(super) struct Attack {
    /// What is tried, as the table says it.
    pub(super) about: &'static str,
    /// The contract.
    statement: &'static str,
    /// What somebody did before, as superuser.
    before: &'static str,
    /// Takes that back.
    after: &'static str,
    /// More keys of the proof.
    keys: &'static str,
    /// The verdict.
    pub(super) verdict: &'static str,
    /// What its reasons say.
    says: &'static str,
    /// What stays.
    pub(super) stays: &'static [&'static str],
    /// An extension without which there is nothing to try.
    extension: &'static str,
    /// The first major version in which it can be tried, and the last.
    versions: (i32, i32),
}

/// One that is tried on every server.
pub(super) const fn attack(
    about: &'static str,
    statement: &'static str,
    verdict: &'static str,
    says: &'static str,
) -> Attack {
    Attack {
        about,
        statement,
        before: "",
        after: "",
        keys: "",
        verdict,
        says,
        stays: &[],
        extension: "",
        versions: (0, 99),
    }
}

impl Attack {
    /// The same, after somebody granted or made something.
    const fn given(mut self, before: &'static str, after: &'static str) -> Self {
        (self.before, self.after) = (before, after);
        self
    }

    const fn keys(mut self, keys: &'static str) -> Self {
        self.keys = keys;
        self
    }

    const fn stays(mut self, stays: &'static [&'static str]) -> Self {
        self.stays = stays;
        self
    }

    const fn extension(mut self, extension: &'static str) -> Self {
        self.extension = extension;
        self
    }

    const fn versions(mut self, first: i32, last: i32) -> Self {
        self.versions = (first, last);
        self
    }

    /// What it is called in the table.
    pub(super) fn became(&self) -> &'static str {
        match (self.verdict, self.stays.is_empty()) {
            ("CLEAN-ABSOLUTE" | "CLEAN-EXACT", true) => "undone",
            ("CLEAN-ABSOLUTE" | "CLEAN-EXACT", false) | ("CLEAN-WITH-RESIDUE", _) => "declared",
            ("CONTRACT-FAILED" | "UNPROVABLE", true) => "prevented",
            _ => "detected",
        }
    }

    /// On servers that do not record the calls of functions, nothing that ran is green.
    fn verdict_on(&self, major: i32) -> &'static str {
        match self.verdict {
            "CLEAN-ABSOLUTE" | "CLEAN-EXACT" | "CLEAN-WITH-RESIDUE" if major < 15 => "INCONCLUSIVE",
            other => other,
        }
    }
}

/// What the server says, with the folder of its socket put in.
fn placed(lab: &Lab, sql: &str) -> String {
    sql.replace("SOCKET", &lab.server.socket_folder().display().to_string())
}

async fn one(lab: &Lab, attack: &Attack) -> Result<(), String> {
    let say = |why: String| Err(format!("{}: {why}", attack.about));
    if !attack.before.is_empty() {
        lab.sql(&placed(lab, attack.before)).await;
    }
    let before = Content::of(lab).await;
    lab.declare(&placed(lab, attack.statement), attack.keys);
    let evidence = lab.evidence();
    let changed = before.changed_to(&Content::of(lab).await);
    let mut undone = String::new();
    // `;;` stands between what cannot share a transaction.
    for sql in attack.after.split(";;").filter(|sql| !sql.is_empty()) {
        if let Err(error) = lab.root.batch_execute(&placed(lab, sql)).await {
            undone = format!(", not taken back: {error:?}");
        }
    }
    let (verdict, why) = (evidence["verdict"].as_str().unwrap(), because(&evidence));
    let shown = || format!("{verdict} ({why}), stayed: {changed:?}{undone}");
    let clean = matches!(verdict, "CLEAN-ABSOLUTE" | "CLEAN-EXACT");
    if clean && !changed.is_empty() {
        return say(format!("GOT THROUGH: {}", shown()));
    }
    let wanted = attack.verdict_on(lab.major);
    let old = lab.major < 15;
    if verdict != wanted && !(old && verdict == "INCONCLUSIVE") {
        return say(format!("wanted {wanted}, got {}", shown()));
    }
    let unsure = old && verdict == "INCONCLUSIVE";
    if !unsure && !why.contains(attack.says) {
        return say(format!("does not say `{}`: {}", attack.says, shown()));
    }
    if !old && (!undone.is_empty() || changed != attack.stays) {
        return say(format!("wanted {:?} to stay: {}", attack.stays, shown()));
    }
    Ok(())
}

/// Tries every attack of a group on a server of its own.
async fn run(group: usize) {
    let Some(lab) = Lab::new().await else { return };
    lab.sql(WATCH).await;
    let (title, attacks) = GROUPS[group];
    let mut wrong = Vec::new();
    for attack in attacks {
        let (first, last) = attack.versions;
        if lab.major < first || lab.major > last {
            continue;
        }
        if !attack.extension.is_empty() {
            let make = format!("CREATE EXTENSION IF NOT EXISTS {}", attack.extension);
            if let Err(error) = lab.root.batch_execute(&make).await {
                skipped(attack.about, &format!("{title}: {error}"));
                continue;
            }
        }
        if let Err(why) = one(&lab, attack).await {
            wrong.push(why);
        }
        if !attack.extension.is_empty() {
            lab.sql(&format!("DROP EXTENSION {} CASCADE", attack.extension)).await;
        }
    }
    assert!(wrong.is_empty(), "{title}\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn no_statement_ends_the_transaction() {
    run(0).await;
}

#[tokio::test]
async fn what_a_role_does_in_its_transaction_is_undone() {
    run(1).await;
}

#[tokio::test]
async fn nobody_gets_rid_of_the_pill() {
    run(2).await;
}

#[tokio::test]
async fn the_statement_around_it_is_not_fooled() {
    run(3).await;
}

#[tokio::test]
async fn sequences_that_move_are_named() {
    run(4).await;
}

#[tokio::test]
async fn what_leaves_by_other_ways_is_seen() {
    run(5).await;
}

#[tokio::test]
async fn what_hides_in_functions_is_seen() {
    run(6).await;
}

/// Each could fail: what is green in this file is green for the reason that it names.
#[test]
fn no_attack_that_leaves_something_is_expected_to_be_clean() {
    for attack in GROUPS.iter().flat_map(|(_, attacks)| *attacks) {
        let clean = matches!(attack.verdict, "CLEAN-ABSOLUTE" | "CLEAN-EXACT");
        assert!(!clean || attack.stays.is_empty(), "{}", attack.about);
        assert!(
            !attack.verdict.starts_with("CONTRACT") || attack.stays.is_empty(),
            "{}",
            attack.about
        );
    }
}
