//! Looks: one range for all tables of a database, read at once, and each table gets its part of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::PgGrant;
use super::subject::{Subject, schema_of};
use super::wanted::{privileges, things};
use crate::kinds::{Answers, Named, answer_all};
use crate::model::Unknown;
use crate::model::grant::{
    Class, Grant, Grantee, Objects, Phrase, Securable, Standing, columns_written, is_known,
};
use crate::probe::catalog::{self, Answer, Grants, Place, Probe, Range, Thing};
use crate::probe::postgres::Session;
use crate::probe::until;

/// What was seen of one table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::kinds) struct Seen {
    /// The version of the server, which decides what `ALL` is.
    pub(super) version: u32,
    /// Does the role, the thing or the schema of the key exist?
    pub(super) present: bool,
    /// Is the role a superuser, who can do anything whatever is granted?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) superuser: bool,
    /// All that is granted, and was taken away; of things that the table names also what was there from the beginning.
    pub(super) grants: Vec<Grant>,
    /// What the table names and is not there, with what is: things, columns (`THING.COLUMN`), grantees (`to ROLE`), and
    /// `tables in schema shop` where there is no such schema.
    pub(super) absent: BTreeMap<String, String>,
    /// Of every `tables in schema shop` that the table names: all that there are, without those of an extension.
    pub(super) all: BTreeMap<String, Vec<Securable>>,
    /// The answers to `allowed SELECT on …` and `denied SELECT on …`.
    pub(super) effective: Result<BTreeMap<String, Vec<Effect>>, Unknown>,
}

/// What a role can do in effect with one thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::kinds) struct Effect {
    /// The thing, and with it the column; `None` where there is no such thing.
    pub(super) on: Option<Securable>,
    /// Does the column exist, where one is named?
    pub(super) column: bool,
    /// Does the role hold the privilege?
    pub(super) held: bool,
    /// May it use the schema of the thing?
    pub(super) usage: bool,
    /// Why it holds the privilege.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) because: Option<String>,
    /// The roles that it can become and that hold the privilege.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) through: Option<String>,
}

/// The name of a group of things: `tables in schema shop`.
pub(super) fn group(class: Class, schema: &str) -> String {
    let schema = Securable::plain(Class::Schema, schema);
    format!("{} in {schema}", class.plural().unwrap_or_default())
}

/// The name of a column in [`Seen::absent`].
pub(super) fn column_of(on: &Securable, column: &str) -> String {
    format!("{on}.{column}")
}

/// One question of `allowed` or `denied`, as it is stored.
pub(super) fn ask(probe: &Probe) -> String {
    let list = if probe.out_of_reach { "denied" } else { "allowed" };
    let column = in_parentheses(probe);
    let option = if probe.with_grant_option { " with grant option" } else { "" };
    format!("{list} {}{column} on {}{option}", probe.privilege, place(&probe.on))
}

/// What a question is about: a thing, or `tables in schema shop`.
pub(super) fn place(on: &Place) -> String {
    match on {
        Place::Thing(thing) => thing.to_string(),
        Place::All(class, schema) => group(*class, schema),
    }
}

/// The column of a question, as it stands behind the privilege.
pub(super) fn in_parentheses(probe: &Probe) -> String {
    let column = probe.column.as_ref().map(|column| columns_written(std::slice::from_ref(column)));
    column.map(|column| format!(" ({column})")).unwrap_or_default()
}

/// The questions of a table, for a server of this version.
pub(super) fn probes(table: &PgGrant, grantee: &Grantee, version: u32) -> Vec<Probe> {
    let mut found = Vec::new();
    for (phrases, out_of_reach) in [(&table.wanted.allowed, false), (&table.wanted.denied, true)] {
        for phrase in phrases {
            for on in places(phrase) {
                found.extend(privileges(phrase, version).into_iter().map(|(privilege, column)| {
                    Probe {
                        role: grantee.clone(),
                        privilege: privilege.to_owned(),
                        column,
                        on: on.clone(),
                        with_grant_option: phrase.with_grant_option,
                        out_of_reach,
                    }
                }));
            }
        }
    }
    found
}

/// On what a sentence asks.
fn places(phrase: &Phrase) -> Vec<Place> {
    match &phrase.on {
        Some(Objects::All(class, schemas)) => {
            schemas.iter().map(|schema| Place::All(*class, schema.clone())).collect()
        }
        _ => things(phrase).iter().cloned().map(Place::Thing).collect(),
    }
}

/// One look at a database for all of its tables.
pub(super) async fn look(
    session: &Session,
    wanted: &[&Named<PgGrant>],
    give_up: Instant,
) -> Answers<Seen> {
    let version = session.identity().version_number;
    let tables: Vec<(&Named<PgGrant>, Subject)> = wanted
        .iter()
        .filter_map(|named| Some((*named, named.spec.subject(&named.name).ok()?)))
        .collect();
    let mut range = Range::default();
    for (named, subject) in &tables {
        match subject {
            Subject::To(grantee) => range.grantees.push(grantee.clone()),
            Subject::On(thing) => {
                range.roles.extend(thing.class.is_future().then(|| thing.name.clone()));
                range.things.push(thing.clone());
            }
            Subject::In(schema) => range.schemas.push(schema.clone()),
        }
        range.things.extend(named_by(&named.spec));
        range
            .roles
            .extend(named_by(&named.spec).filter(|on| on.class.is_future()).map(|on| on.name));
        let to = named.spec.wanted.grants.iter().flat_map(|phrase| &phrase.to);
        range.roles.extend(to.filter_map(|grantee| match grantee {
            Grantee::Public => None,
            Grantee::Role(role) => Some(role.clone()),
        }));
        let groups = groups(named.spec.wanted.all());
        range.schemas.extend(groups.into_iter().map(|(_, schema)| schema.clone()));
    }
    let found = match until(give_up, catalog::grants(session, &range)).await {
        Ok(found) => found,
        Err(why) => return answer_all(wanted.iter().copied(), &why),
    };
    let mut asked: Vec<(usize, Probe)> = Vec::new();
    for (at, (named, subject)) in tables.iter().enumerate() {
        if let Subject::To(grantee) = subject {
            let probes = probes(&named.spec, grantee, version);
            let probes = probes.into_iter().filter(|probe| is_known(&probe.privilege, version));
            asked.extend(probes.map(|probe| (at, probe)));
        }
    }
    let probes: Vec<Probe> = asked.iter().map(|(_, probe)| probe.clone()).collect();
    let effective = until(give_up, catalog::effective(session, &probes)).await;
    let mut effects: Vec<BTreeMap<String, Vec<Effect>>> = vec![BTreeMap::new(); tables.len()];
    for answer in effective.as_ref().into_iter().flatten() {
        if let Some((at, probe)) = asked.get(answer.probe) {
            effects[*at].entry(ask(probe)).or_default().push(effect(answer));
        }
    }
    let parts = tables.iter().zip(effects);
    parts
        .map(|((named, subject), effects)| {
            let effective = effective.as_ref().map(|_| effects).map_err(Clone::clone);
            let part = Part { table: &named.spec, subject, found: &found, version };
            let seen = Seen { effective, ..part.seen(&session.identity().database) };
            (named.name.clone(), Ok(seen))
        })
        .collect()
}

fn effect(answer: &Answer) -> Effect {
    let Answer { on, column, held, usage, because, through, .. } = answer.clone();
    Effect { on, column, held, usage, because, through }
}

/// The things that the lists of a table name.
fn named_by(table: &PgGrant) -> impl Iterator<Item = Securable> {
    table.wanted.grants.iter().flat_map(things).cloned()
}

/// The groups of things that the lists of a table name.
fn groups<'a>(phrases: impl Iterator<Item = &'a Phrase>) -> BTreeSet<(Class, &'a String)> {
    let groups = |phrase: &'a Phrase| match &phrase.on {
        Some(Objects::All(class, schemas)) => {
            schemas.iter().map(|schema| (*class, schema)).collect()
        }
        _ => Vec::new(),
    };
    phrases.flat_map(groups).collect()
}

/// What of a look belongs to one table.
struct Part<'a> {
    table: &'a PgGrant,
    subject: &'a Subject,
    found: &'a Grants,
    version: u32,
}

impl Part<'_> {
    fn seen(&self, database: &str) -> Seen {
        let things: BTreeMap<&Securable, &Thing> =
            self.found.things.iter().map(|thing| (&thing.on, thing)).collect();
        let (present, superuser) = self.subject_is(&things);
        Seen {
            version: self.version,
            present,
            superuser,
            grants: self.grants(database),
            absent: self.absent(&things),
            all: self.all(),
            effective: Ok(BTreeMap::new()),
        }
    }

    fn subject_is(&self, things: &BTreeMap<&Securable, &Thing>) -> (bool, bool) {
        match self.subject {
            Subject::To(Grantee::Public) => (true, false),
            Subject::To(Grantee::Role(role)) => {
                let superuser = self.found.roles.get(role);
                (superuser.is_some(), superuser.copied().unwrap_or_default())
            }
            Subject::On(thing) => (self.exists(thing, things), false),
            Subject::In(schema) => {
                (things.contains_key(&Securable::plain(Class::Schema, schema)), false)
            }
        }
    }

    /// What was there from the beginning is of interest only where a list may name it.
    fn grants(&self, database: &str) -> Vec<Grant> {
        let named: BTreeSet<Securable> = named_by(self.table).collect();
        let groups: BTreeSet<&String> =
            self.groups().into_iter().map(|(_, schema)| schema).collect();
        let to: BTreeSet<&Grantee> = self.table.wanted.grants.iter().flat_map(|p| &p.to).collect();
        let belongs = |grant: &&Grant| {
            let (on, is_named) = (&grant.on, named.contains(&grant.on));
            let elsewhere = on.class == Class::Database && on.name != database && !is_named;
            let initial = grant.standing == Standing::Initial;
            let told = is_named || schema_of(on).is_some_and(|schema| groups.contains(schema));
            self.subject.covers(grant)
                && !(matches!(self.subject, Subject::To(_)) && elsewhere)
                && !(initial && !(told && to.contains(&grant.grantee)))
        };
        self.found.grants.iter().filter(belongs).cloned().collect()
    }

    fn absent(&self, things: &BTreeMap<&Securable, &Thing>) -> BTreeMap<String, String> {
        let mut absent = BTreeMap::new();
        for (class, schema) in groups(self.table.wanted.all()) {
            if !things.contains_key(&Securable::plain(Class::Schema, schema)) {
                absent.insert(group(class, schema), "no such schema".to_owned());
            }
        }
        for phrase in &self.table.wanted.grants {
            for grantee in &phrase.to {
                if matches!(grantee, Grantee::Role(role) if !self.found.roles.contains_key(role)) {
                    absent.insert(format!("to {grantee}"), "no such role".to_owned());
                }
            }
            for on in self::things(phrase) {
                if !self.exists(on, things) {
                    absent.insert(on.to_string(), self.instead(on));
                    continue;
                }
                let Some(thing) = things.get(on) else { continue };
                for column in phrase.privileges.iter().flat_map(|privileges| &privileges.columns) {
                    if !thing.columns.contains(column) {
                        absent.insert(column_of(on, column), "no such column".to_owned());
                    }
                }
            }
        }
        absent
    }

    /// What there is in the place of a thing that is not there.
    fn instead(&self, on: &Securable) -> String {
        if on.class.is_future() {
            return format!("no such role {}", on.name);
        }
        let none = format!("no such {}", on.class.word());
        let same = |thing: &&Thing| {
            let other = &thing.on;
            (other.class, &other.schema, &other.name) == (on.class, &on.schema, &on.name)
        };
        match self.found.things.iter().find(same) {
            Some(other) => format!("{none}; there is {}", other.on),
            None => none,
        }
    }

    fn all(&self) -> BTreeMap<String, Vec<Securable>> {
        let members = |(class, schema): (Class, &String)| {
            let own = self.found.things.iter().filter(|thing| {
                thing.on.class == class && thing.on.schema.as_ref() == Some(schema) && !thing.made
            });
            (group(class, schema), own.map(|thing| thing.on.clone()).collect())
        };
        self.groups().into_iter().map(members).collect()
    }

    fn groups(&self) -> BTreeSet<(Class, &String)> {
        groups(self.table.wanted.grants.iter())
    }

    /// A setting is there whether or not anybody was granted it; default privileges are where their role is.
    fn exists(&self, on: &Securable, things: &BTreeMap<&Securable, &Thing>) -> bool {
        match on.class {
            Class::Parameter => true,
            class if class.is_future() => self.found.roles.contains_key(&on.name),
            _ => things.contains_key(on),
        }
    }
}
