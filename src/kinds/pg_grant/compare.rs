//! Compares what is granted with what is wanted, and what a role can do with what it should.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::PgGrant;
use super::look::{Effect, Seen, ask, column_of, group, in_parentheses, place, probes};
use super::subject::{Subject, schema_of};
use super::wanted::{Key, key, keys, privileges, sentence};
use crate::kinds::closed::ITEMS_MAX;
use crate::kinds::not_recorded;
use crate::model::display::escape;
use crate::model::grant::{Class, Grant, Objects, Phrase, Securable, Standing, is_known};
use crate::model::{Change, Comparison, Difference, Digest, Evidence, Reason, Unknown};
use crate::probe::catalog::{Place, Probe};

/// What was there from the beginning and was taken away is wanted unless a list says otherwise.
const INITIAL: &str = "as from the beginning";

/// Compares a table with what was seen.
pub(super) fn compare(table: &PgGrant, subject: &Subject, seen: &Seen) -> Comparison {
    let mut found = Comparison::by(Evidence::Queried);
    if !seen.present {
        found.differences.push(Difference::new("presence", "present", "absent"));
        return found;
    }
    let granted = |grant: &&Grant| {
        subject.covers(grant)
            && !table.wanted.leaves(grant)
            && (!matches!(subject, Subject::To(_)) || table.is_within(schema_of(&grant.on)))
    };
    let granted: Vec<&Grant> = seen.grants.iter().filter(granted).collect();
    let mut said = Vec::new();
    if table.grants.is_some() {
        said.push(List::new(table, seen, &granted).compare(&mut found));
    } else if table.digest.is_some() {
        said.push(count(matrix(&granted).lines().count(), "grant"));
    }
    if let Some(digest) = &table.digest {
        let actual = Digest::of(matrix(&granted).as_bytes());
        if *digest != actual {
            let sides = (format!("{digest:?}"), format!("{actual:?}"));
            found.differences.push(Difference::new("digest", sides.0, sides.1));
        }
    }
    if let Subject::To(grantee) = subject {
        let probes = probes(table, grantee, seen.version);
        effective(&probes, seen, &mut found);
        for (list, what) in [(&table.allowed, "allowed"), (&table.denied, "denied")] {
            let asked = probes.iter().filter(|probe| probe.out_of_reach == (what == "denied"));
            said.extend(list.is_some().then(|| format!("{} {what}", asked.count())));
        }
        if seen.superuser {
            said.push("a superuser, who may do everything".to_owned());
        }
    }
    found.differences.truncate(ITEMS_MAX);
    found.seen = Some(said.join(", "));
    found
}

fn count(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// What a digest is made of: the sentences of all that is granted and was taken away, sorted, each with a line's end.
fn matrix(granted: &[&Grant]) -> String {
    let told = granted.iter().filter(|grant| grant.standing != Standing::Initial);
    let lines: BTreeSet<String> = told.map(|grant| format!("{grant}\n")).collect();
    lines.into_iter().collect()
}

/// A closed list beside what is granted.
pub(super) struct List<'a> {
    phrases: &'a [Phrase],
    seen: &'a Seen,
    pub(super) granted: BTreeMap<Key, &'a Grant>,
    /// What is wanted one by one, and what is wanted not to be.
    pub(super) wanted: BTreeMap<Key, &'a Phrase>,
}

impl<'a> List<'a> {
    pub(super) fn new(table: &'a PgGrant, seen: &'a Seen, granted: &[&'a Grant]) -> Self {
        let phrases = table.wanted.grants.as_slice();
        let named = |phrase| keys(phrase, seen.version).into_iter().map(move |key| (key, phrase));
        let mut wanted: BTreeMap<Key, &Phrase> = BTreeMap::new();
        for (key, phrase) in phrases.iter().flat_map(named) {
            wanted.entry(key).or_insert(phrase);
        }
        let granted = granted.iter().map(|grant| (key(grant), *grant)).collect();
        Self { phrases, seen, granted, wanted }
    }

    /// Adds what differs, and says in a few words what was seen.
    fn compare(&mut self, found: &mut Comparison) -> String {
        self.spread(found);
        let (mut listed, mut matched) = (0, 0);
        for (key, phrase) in &self.wanted {
            let there = self.granted.get(key).filter(|g| g.standing != Standing::Revoked);
            if phrase.negated {
                if there.is_some() {
                    let difference = Difference::new(shown(key), Value::Null, "present");
                    found.differences.push(difference.changed(Change::Unlisted));
                }
                continue;
            }
            listed += 1;
            match there {
                None => found.differences.push(self.missing(key)),
                Some(grant) => {
                    matched += 1;
                    found.differences.extend(otherwise(key, phrase, grant));
                }
            }
        }
        let unlisted = self.unlisted(found);
        let total = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        found.counts = Some(BTreeMap::from([
            ("listed", total(listed)),
            ("matched", total(matched)),
            ("unlisted", total(unlisted)),
        ]));
        let grants = if listed == matched {
            count(listed, "grant")
        } else {
            format!("{matched}/{listed} grants")
        };
        if unlisted == 0 { grants } else { format!("{grants}, {unlisted} unlisted") }
    }

    /// What is wanted on all of a schema becomes what is wanted on each; what is said of one thing by its name stands.
    pub(super) fn spread(&mut self, found: &mut Comparison) {
        for phrase in self.phrases {
            let Some(Objects::All(class, schemas)) = &phrase.on else { continue };
            let privileges = privileges(phrase, self.seen.version);
            for schema in schemas {
                let group = group(*class, schema);
                if let Some(why) = self.seen.absent.get(&group) {
                    let group = escape(&group).into_owned();
                    found.differences.push(Difference::new(group, "present", why.as_str()));
                    continue;
                }
                let Some(members) = self.seen.all.get(&group) else {
                    found.blind(group, not_recorded());
                    continue;
                };
                // An extension's things need not be granted, and may be.
                let others = self.granted.keys().map(|(on, ..)| on).filter(|on| {
                    on.class == *class
                        && on.schema.as_ref() == Some(schema)
                        && !members.contains(on)
                });
                let others: BTreeSet<_> = others.cloned().collect();
                for (privilege, column) in &privileges {
                    for grantee in &phrase.to {
                        let key = |on: &Securable| {
                            (on.clone(), column.clone(), (*privilege).to_owned(), grantee.clone())
                        };
                        let there = others.iter().map(key).filter(|k| self.granted.contains_key(k));
                        let there: Vec<Key> = there.collect();
                        for key in members.iter().map(key).chain(there) {
                            self.wanted.entry(key).or_insert(phrase);
                        }
                    }
                }
            }
        }
    }

    /// Why a grant cannot be there, where a part of it does not exist.
    pub(super) fn absence(&self, key: &Key) -> Option<&'a str> {
        let (on, column, _, grantee) = key;
        let column = column.as_deref().map(|column| column_of(on, column));
        let absent = &self.seen.absent;
        let why = absent.get(&on.to_string()).or_else(|| absent.get(&column?));
        why.or_else(|| absent.get(&format!("to {grantee}"))).map(String::as_str)
    }

    fn missing(&self, key: &Key) -> Difference {
        let why = self.absence(key);
        let actual = why.map_or(Value::Null, |why| Value::from(escape(why).into_owned()));
        Difference::new(shown(key), "present", actual).changed(Change::Missing)
    }

    /// What is granted and not listed; and what was taken away from what was there, and nobody wants gone.
    fn unlisted(&self, found: &mut Comparison) -> usize {
        let mut unlisted = 0;
        for (key, grant) in &self.granted {
            if self.wanted.contains_key(key) {
                continue;
            }
            match grant.standing {
                Standing::Initial => {}
                Standing::Granted => {
                    unlisted += 1;
                    let option =
                        if grant.with_grant_option { "with grant option" } else { "present" };
                    let difference = Difference::new(shown(key), Value::Null, option);
                    found.differences.push(difference.changed(Change::Unlisted));
                }
                Standing::Revoked => {
                    let difference = Difference::new(shown(key), INITIAL, Value::Null);
                    found.differences.push(difference.changed(Change::Missing));
                }
            }
        }
        unlisted
    }
}

/// A grant in a report: its names belong to whoever gave them.
fn shown(key: &Key) -> String {
    escape(&sentence(key)).into_owned()
}

/// What of a grant that is there is otherwise than wanted. An owner may pass on what is his, whatever a list says.
fn otherwise(key: &Key, phrase: &Phrase, grant: &Grant) -> Vec<Difference> {
    let mut found = Vec::new();
    let option = |has: bool| if has { "with grant option" } else { "without grant option" };
    let told = grant.standing == Standing::Granted || phrase.with_grant_option;
    if told && grant.with_grant_option != phrase.with_grant_option {
        let (wanted, is) = (option(phrase.with_grant_option), option(grant.with_grant_option));
        found.push(Difference::new(shown(key), wanted, is).changed(Change::Changed));
    }
    if let Some(role) = &phrase.granted_by
        && !grant.granted_by.contains(role)
    {
        let by = |roles: &str| format!("granted by {}", escape(roles));
        let (wanted, is) = (by(role), by(&grant.granted_by.join(", ")));
        found.push(Difference::new(shown(key), wanted, is).changed(Change::Changed));
    }
    found
}

/// Compares what a role can do in effect.
pub(super) fn effective(probes: &[Probe], seen: &Seen, found: &mut Comparison) {
    if probes.is_empty() {
        return;
    }
    let answers = match &seen.effective {
        Ok(answers) => answers,
        Err(why) => return found.blind("effective", why.clone()),
    };
    for probe in probes {
        let asked = ask(probe);
        match answers.get(&asked) {
            Some(effects) => {
                let of_effect = effects.iter().filter_map(|effect| differs(probe, effect, seen));
                found.differences.extend(of_effect);
            }
            None if is_known(&probe.privilege, seen.version) => {
                found.blind(escape(&asked), not_recorded());
            }
            None => {
                let detail = format!("this server knows no privilege `{}`", probe.privilege);
                found.blind(escape(&asked), Unknown::new(Reason::NotSupported, detail));
            }
        }
    }
}

/// What a role can do with one thing, where it is not as wanted.
fn differs(probe: &Probe, effect: &Effect, seen: &Seen) -> Option<Difference> {
    let wanted = if probe.out_of_reach { "denied" } else { "allowed" };
    let class = probe.on.class();
    let whole = matches!(probe.on, Place::All(..));
    let is = match (&effect.on, effect) {
        // Of no table at all anything can be said of all tables.
        (None, _) if whole => seen.absent.get(&place(&probe.on))?.clone(),
        (None, _) if class != Class::Parameter => format!("no such {}", class.word()),
        (_, Effect { column: false, .. }) => {
            if whole {
                return None;
            }
            "no such column".to_owned()
        }
        (_, Effect { held: true, .. }) if probe.out_of_reach => {
            let because = effect.because.as_deref().map(|because| format!(": {because}"));
            format!("allowed{}", because.unwrap_or_default())
        }
        (_, Effect { through: Some(through), .. }) if probe.out_of_reach => {
            format!("allowed after SET ROLE {through}")
        }
        (_, Effect { held: false, .. }) if !probe.out_of_reach => "denied".to_owned(),
        (Some(on), Effect { usage: false, .. }) if !probe.out_of_reach => {
            let schema = on.schema.as_deref().unwrap_or_default();
            format!("denied: no USAGE on schema {schema}")
        }
        _ => return None,
    };
    let on = effect.on.as_ref().map_or_else(|| place(&probe.on), ToString::to_string);
    let field = format!("{}{} on {on}", probe.privilege, in_parentheses(probe));
    Some(Difference::new(escape(&field), wanted, escape(&is).into_owned()))
}
