//! The lists of a table: sentences, checked as a whole, and taken apart into single grants.

use std::collections::BTreeMap;

use super::PgGrant;
use super::subject::{Subject, schema_of};
use crate::kinds::closed::{self, ITEMS_MAX};
use crate::kinds::{Place, Problem};
use crate::model::Code;
use crate::model::display::escape;
use crate::model::grant::{Class, Grant, Grantee, Objects, Phrase, Securable, Standing};

/// The sentences of a table, with whatever its key says put in.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) grants: Vec<Phrase>,
    pub(super) allowed: Vec<Phrase>,
    pub(super) denied: Vec<Phrase>,
    /// What another table decides. Nothing is asked about it.
    pub(super) elsewhere: Vec<Phrase>,
}

/// What makes a grant this one.
pub(super) type Key = (Securable, Option<String>, String, Grantee);

pub(super) fn key(grant: &Grant) -> Key {
    let (on, column, privilege, grantee) = grant.key();
    (on.clone(), column.map(str::to_owned), privilege.to_owned(), grantee.clone())
}

/// The sentence of a grant: `SELECT on public.unit to cutter_exec`.
pub(super) fn sentence((on, column, privilege, grantee): &Key) -> String {
    let grant = Grant {
        privilege: privilege.clone(),
        column: column.clone(),
        on: on.clone(),
        grantee: grantee.clone(),
        with_grant_option: false,
        standing: Standing::Granted,
        granted_by: Vec::new(),
    };
    grant.subject()
}

/// The privileges of a sentence, each with its column, as a server of this version has them.
pub(super) fn privileges(phrase: &Phrase, version: u32) -> Vec<(&'static str, Option<String>)> {
    let Some(class) = class_of(phrase) else { return Vec::new() };
    let mut found = Vec::new();
    for privileges in &phrase.privileges {
        let names: Vec<&'static str> = match privileges.name {
            Some(name) => vec![name],
            None => class.all(!privileges.columns.is_empty(), version).collect(),
        };
        for name in names {
            if privileges.columns.is_empty() {
                found.push((name, None));
            }
            found.extend(privileges.columns.iter().map(|column| (name, Some(column.clone()))));
        }
    }
    found
}

fn class_of(phrase: &Phrase) -> Option<Class> {
    match phrase.on.as_ref()? {
        Objects::These(these) => these.first().map(|on| on.class),
        Objects::All(class, _) => Some(*class),
    }
}

/// The things that a sentence names one by one.
pub(super) fn things(phrase: &Phrase) -> &[Securable] {
    match &phrase.on {
        Some(Objects::These(these)) => these,
        _ => &[],
    }
}

/// The grants that a sentence names one by one.
pub(super) fn keys(phrase: &Phrase, version: u32) -> Vec<Key> {
    let privileges = privileges(phrase, version);
    let mut found = Vec::new();
    for on in things(phrase) {
        for (privilege, column) in &privileges {
            for grantee in &phrase.to {
                let column = column.clone();
                found.push((on.clone(), column, (*privilege).to_owned(), grantee.clone()));
            }
        }
    }
    found
}

impl Wanted {
    /// All sentences of all lists.
    pub(super) fn all(&self) -> impl Iterator<Item = &Phrase> {
        self.grants.iter().chain(&self.allowed).chain(&self.denied)
    }

    /// Reads the lists of a table.
    pub(super) fn read(table: &PgGrant, subject: &Subject, problems: &mut Vec<Problem>) -> Self {
        let lists = [
            ("grants", &table.grants),
            ("allowed", &table.allowed),
            ("denied", &table.denied),
            ("elsewhere", &table.elsewhere),
        ];
        let [grants, allowed, denied, elsewhere] = lists.map(|(key, list)| {
            let list = list.as_deref().unwrap_or_default();
            if list.len() > ITEMS_MAX {
                let message = format!("{} sentences, at most {ITEMS_MAX} are taken", list.len());
                problems.push(Problem::key(key, Code::Limit, message));
                return Vec::new();
            }
            let read = |(at, text): (usize, &String)| match read(text, subject) {
                Ok(phrase) => {
                    problems.extend(problem_of(table, subject, key, &phrase).map(|problem| {
                        Problem { place: Place::Item(key.to_owned(), at), ..problem }
                    }));
                    Some(phrase)
                }
                Err(problem) => {
                    problems.push(Problem { place: Place::Item(key.to_owned(), at), ..problem });
                    None
                }
            };
            list.iter().enumerate().filter_map(read).collect()
        });
        let wanted = Self { grants, allowed, denied, elsewhere };
        wanted.check_twice(problems);
        wanted
    }

    /// Does another table decide about this grant?
    pub(super) fn leaves(&self, grant: &Grant) -> bool {
        let key = key(grant);
        self.elsewhere.iter().any(|phrase| keys(phrase, u32::MAX).contains(&key))
    }

    /// The same grant twice, or wanted and not wanted.
    fn check_twice(&self, problems: &mut Vec<Problem>) {
        let mut seen: BTreeMap<Key, bool> = BTreeMap::new();
        for phrase in &self.grants {
            for key in keys(phrase, u32::MAX) {
                let said = escape(&sentence(&key)).into_owned();
                match seen.insert(key, phrase.negated) {
                    None => {}
                    Some(before) if before == phrase.negated => {
                        let message = format!("`{said}` is listed twice");
                        let problem = Problem::key("grants", Code::Redundant, message);
                        problems.push(Problem { warning: true, ..problem });
                    }
                    Some(_) => {
                        let message = format!("`{said}` is wanted, and not wanted");
                        problems.push(Problem::key("grants", Code::Contradiction, message));
                    }
                }
            }
        }
        for key in self.elsewhere.iter().flat_map(|phrase| keys(phrase, u32::MAX)) {
            if seen.contains_key(&key) {
                let message = format!("`{}` is in `grants` too", escape(&sentence(&key)));
                problems.push(Problem::key("elsewhere", Code::Contradiction, message));
            }
        }
    }
}

/// What is wrong with a sentence in its list.
fn problem_of(table: &PgGrant, subject: &Subject, list: &str, phrase: &Phrase) -> Option<Problem> {
    let message = if list == "grants" {
        outside(table, subject, phrase)?
    } else if list == "elsewhere" {
        let plain = !phrase.negated && !phrase.with_grant_option && phrase.granted_by.is_none();
        if plain && !matches!(phrase.on, Some(Objects::All(..))) {
            return None;
        }
        "what another table decides is named thing by thing, and nothing is said of how".to_owned()
    } else {
        not_plain(phrase)?.to_owned()
    };
    Some(Problem::resource(Code::Contradiction, message))
}

/// What is asked of a role's rights in effect is plain: no wish, no maker, nothing that does not exist yet.
fn not_plain(phrase: &Phrase) -> Option<&'static str> {
    if phrase.negated {
        Some("`no` belongs to `grants`; here the list says it")
    } else if phrase.granted_by.is_some() {
        Some("what a role can do has many reasons; `granted by` belongs to `grants`")
    } else if class_of(phrase).is_some_and(Class::is_future) {
        Some("nobody can do anything to what does not exist yet; it belongs to `grants`")
    } else {
        None
    }
}

/// A list says nothing about what lies outside of its range.
fn outside(table: &PgGrant, subject: &Subject, phrase: &Phrase) -> Option<String> {
    let schemas: Vec<Option<&String>> = match &phrase.on {
        Some(Objects::All(_, schemas)) => schemas.iter().map(Some).collect(),
        _ => things(phrase).iter().map(schema_of).collect(),
    };
    let outside = schemas.into_iter().find(|schema| match subject {
        Subject::In(only) => *schema != Some(only),
        Subject::On(_) => false,
        Subject::To(_) => !table.is_within(*schema),
    });
    let what = match outside? {
        Some(schema) => format!("schema `{}`", escape(schema)),
        None => "a thing that lies in no schema".to_owned(),
    };
    let of = if table.within.is_some() { "`within`" } else { "the key" };
    Some(format!("{what} is outside of {of}"))
}

impl PgGrant {
    /// Does the list speak about a schema, or about what lies in none?
    pub(super) fn is_within(&self, schema: Option<&String>) -> bool {
        self.within.as_ref().is_none_or(|within| {
            schema.is_some_and(|schema| within.iter().any(|one| closed::matches(one, schema)))
        })
    }
}

/// One sentence; what the key of the table says already must not stand in it again.
fn read(text: &str, subject: &Subject) -> Result<Phrase, Problem> {
    let problem = |message: &str, hint: Option<String>| {
        let message = format!("`{}`: {message}", escape(text));
        Problem { hint, ..Problem::resource(Code::WrongType, message) }
    };
    let class = match subject {
        Subject::On(thing) => Some(thing.class),
        _ => None,
    };
    let mut phrase =
        Phrase::parse(text, class).map_err(|flaw| problem(&flaw.message, flaw.hint))?;
    if let Subject::On(thing) = subject {
        phrase.on = Some(Objects::These(vec![thing.clone()]));
    }
    match (subject, phrase.to.is_empty()) {
        (Subject::To(grantee), true) => phrase.to = vec![grantee.clone()],
        (Subject::To(_), false) => {
            let message = "it says to whom, which the key of the table says already";
            return Err(problem(message, Some("leave out what follows `to`".to_owned())));
        }
        (_, false) => {}
        (_, true) => {
            let hint = format!("as in `{text} to PUBLIC`");
            return Err(problem("it does not say to whom", Some(hint)));
        }
    }
    Ok(phrase)
}
