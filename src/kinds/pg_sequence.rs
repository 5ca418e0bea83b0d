//! `[pg_sequence."SCHEMA.NAME"]`: a sequence: how it counts, what owns it, and how far it has come.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::in_catalog::{self, Seen};
use super::in_database::object_name;
use super::{
    Adopted, Adoption, Answers, Draft, Files, Kind, Named, Problem, by_database, not_recorded,
    presence,
};
use crate::model::{
    Code, Comparison, Difference, MemberName, Percent, Reason, RelationName, Unknown,
};
use crate::probe::catalog::Sequence;
use crate::probe::postgres::{Reading, Session};
use crate::probe::{World, until};

/// The table of a sequence.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PgSequence {
    /// The database, as in `[database.NAME]`.
    database: String,
    /// Shall it exist? Default: true.
    #[serde(default = "presence::yes")]
    present: bool,
    /// For a name with a `*`: everything that it matches.
    only: Option<Vec<String>>,
    /// The type of its numbers: "smallint", "integer" or "bigint".
    #[serde(rename = "type")]
    of_type: Option<String>,
    /// The first number.
    start: Option<i64>,
    /// What is added each time.
    increment: Option<i64>,
    /// The smallest number.
    min: Option<i64>,
    /// The largest number.
    max: Option<i64>,
    /// How many numbers a session takes at once.
    cache: Option<i64>,
    /// Does it begin again when it is used up?
    cycle: Option<bool>,
    /// The column that it belongs to, as in "public.orders.id"; "" for none.
    owned_by: Option<String>,
    /// Does that column take its numbers by itself (`GENERATED … AS IDENTITY`)?
    identity: Option<bool>,
    /// Its owner.
    owner: Option<String>,
    /// "permanent" or, from PostgreSQL 15 on, "unlogged".
    persistence: Option<String>,
    /// Its comment; "" for none.
    comment: Option<String>,
    /// The number that was handed out last is at least this.
    last_value_at_least: Option<i64>,
    /// The number that was handed out last is at most this.
    last_value_at_most: Option<i64>,
    /// At most this share of its numbers is used up, such as "80%".
    used_at_most: Option<Percent>,
}

/// What was seen.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Counted {
    sequence: Seen<Sequence>,
    /// Asked only where the table says something about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<Result<Last, Unknown>>,
}

/// How far a sequence has come.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Last {
    value: i64,
    /// Was this number handed out? If not, it is the next one.
    called: bool,
}

impl Kind for PgSequence {
    const NAME: &'static str = "pg_sequence";
    const ABOUT: &'static str = "a sequence of a database: how it counts, and how far it has come";
    const DOC: &'static str = "\
The key is `schema.sequence`, quoted as in SQL. Where two databases of a host have a sequence of one name, the database stands
before it: `[pg_sequence.\"shop:public.s\"]`. Sequences of identity columns are sequences as well.

What is said without bounds is the definition: taking numbers changes nothing of it. How far a sequence has come is read
where `last_value_at_least`, `last_value_at_most` or `used_at_most` asks. The observer needs SELECT on the sequence
and USAGE on its schema for that; without them these keys are unknown (`permission_denied`), and never zero. A number counts as used
when it was handed out, or taken into the cache of a session. Numbers are not transactional: what is read is the
moment of the look, also inside a snapshot.

`used_at_most` compares how much of the way from `min` to `max` (or down, for a negative `increment`) lies behind, rounded up.
A column may be narrower than its sequence: `type` and `max` say where the numbers really end.

A name with a `*` closes a list: `[pg_sequence.\"public.*\"]` with `only`.
";
    const EXAMPLE: &'static str = r#"
[pg_sequence."public.birth_registry_n_seq"]
database = "directus"
type = "bigint"
increment = 1
cycle = false
owned_by = "public.birth_registry.n"
used_at_most = "80%"
"#;
    const IN_DATABASE: bool = true;
    const ADOPT: Option<Adoption> = Some(Adoption {
        flag: "sequence",
        value: "SCHEMA.SEQUENCE",
        help: "A sequence, or all that a pattern matches, as in 'shop.*'",
        all: Some("*"),
    });
    type Observed = Counted;

    fn prepare(&mut self, name: &str, _files: &dyn Files, problems: &mut Vec<Problem>) {
        let name = object_name(name, &self.database);
        let wanted = (self.present, self.only.as_ref());
        in_catalog::check::<Sequence>(name, wanted, &self.keys(), problems);
        for (key, value, words) in [
            ("type", &self.of_type, &["smallint", "integer", "bigint"][..]),
            ("persistence", &self.persistence, &["permanent", "unlogged"][..]),
        ] {
            if let Some(value) = value.as_deref()
                && !words.contains(&value)
            {
                let message = format!("expected one of {}", words.join(", "));
                problems.push(Problem::key(key, Code::WrongType, message));
            }
        }
        if let Some(column) = self.owned_by.as_deref().filter(|column| !column.is_empty())
            && let Err(why) = MemberName::parse(column)
        {
            problems.push(Problem::key("owned_by", Code::BadName, why));
        }
        for (least, most, key) in [
            (self.min, self.max, "max"),
            (self.last_value_at_least, self.last_value_at_most, "last_value_at_most"),
        ] {
            if let (Some(least), Some(most)) = (least, most)
                && least > most
            {
                let message = format!("no number is at least {least} and at most {most}");
                problems.push(Problem::key(key, Code::Contradiction, message));
            }
        }
    }

    fn database(&self) -> Option<&str> {
        Some(&self.database)
    }

    fn question(&self, _name: &str) -> Value {
        json!({ "database": self.database, "last_value": self.asks_last() })
    }

    async fn observe_all(world: &World, wanted: &[Named<Self>]) -> Answers<Counted> {
        let give_up = Instant::now() + world.deadline;
        let mut answers: Answers<Counted> =
            in_catalog::observe_all::<Self, Sequence>(world, wanted)
                .await
                .into_iter()
                .map(|(key, seen)| (key, seen.map(|sequence| Counted { sequence, last: None })))
                .collect();
        for (database, wanted) in by_database(wanted) {
            let Ok(session) = world.database(database) else { continue };
            let there = |key: &str| {
                matches!(answers.get(key), Some(Ok(Counted { sequence: Seen::One(_), .. })))
            };
            let asked: Vec<(String, RelationName)> = wanted
                .iter()
                .filter(|named| named.spec.asks_last() && there(&named.name))
                .filter_map(|named| {
                    let name = RelationName::parse(object_name(&named.name, database)).ok()?;
                    Some((named.name.clone(), name))
                })
                .collect();
            let lasts = until(give_up, async { Ok(lasts(session, &asked).await) }).await;
            for (at, (key, _)) in asked.iter().enumerate() {
                let last = match &lasts {
                    Ok(lasts) => lasts.get(at).cloned(),
                    Err(why) => Some(Err(why.clone())),
                };
                if let Some(Ok(counted)) = answers.get_mut(key) {
                    counted.last = last;
                }
            }
        }
        answers
    }

    async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
        in_catalog::adopt(world, asked, draft).await
    }

    fn diff(&self, name: &str, observed: &Counted) -> Comparison {
        let name = object_name(name, &self.database);
        let wanted = (self.present, self.only.as_ref());
        let (mut found, one) = in_catalog::compare(name, wanted, &observed.sequence);
        if let Some(one) = one {
            self.compare(one, &mut found);
            self.compare_last(one, observed.last.as_ref(), &mut found);
        }
        found
    }
}

impl PgSequence {
    fn asks_last(&self) -> bool {
        self.bounds().iter().any(|(_, set)| *set)
    }

    fn bounds(&self) -> [(&'static str, bool); 3] {
        [
            ("last_value_at_least", self.last_value_at_least.is_some()),
            ("last_value_at_most", self.last_value_at_most.is_some()),
            ("used_at_most", self.used_at_most.is_some()),
        ]
    }

    fn keys(&self) -> Vec<(&'static str, bool)> {
        let mut keys = vec![
            ("type", self.of_type.is_some()),
            ("start", self.start.is_some()),
            ("increment", self.increment.is_some()),
            ("min", self.min.is_some()),
            ("max", self.max.is_some()),
            ("cache", self.cache.is_some()),
            ("cycle", self.cycle.is_some()),
            ("owned_by", self.owned_by.is_some()),
            ("identity", self.identity.is_some()),
            ("owner", self.owner.is_some()),
            ("persistence", self.persistence.is_some()),
            ("comment", self.comment.is_some()),
        ];
        keys.extend(self.bounds());
        keys
    }

    fn compare(&self, is: &Sequence, found: &mut Comparison) {
        found.expect("type", self.of_type.as_ref(), &is.of_type);
        for (field, wanted, is) in [
            ("start", self.start, is.start),
            ("increment", self.increment, is.increment),
            ("min", self.min, is.min),
            ("max", self.max, is.max),
            ("cache", self.cache, is.cache),
        ] {
            found.expect(field, wanted.as_ref(), &is);
        }
        found.expect("cycle", self.cycle.as_ref(), &is.cycle);
        found.expect_text("owned_by", self.owned_by.as_ref(), is.owned_by.as_ref());
        found.expect("identity", self.identity.as_ref(), &is.identity);
        found.expect_text("owner", self.owner.as_ref(), Some(&is.owner));
        found.expect("persistence", self.persistence.as_ref(), &is.persistence);
        found.expect_text("comment", self.comment.as_ref(), is.comment.as_ref());
    }

    fn compare_last(
        &self,
        sequence: &Sequence,
        last: Option<&Result<Last, Unknown>>,
        found: &mut Comparison,
    ) {
        let last = match last {
            _ if !self.asks_last() => return,
            Some(Ok(last)) => *last,
            other => {
                let why = other.map_or_else(not_recorded, |told| match told {
                    Err(why) => why.clone(),
                    Ok(_) => not_recorded(),
                });
                for (key, _) in self.bounds().iter().filter(|(_, set)| *set) {
                    found.blind(*key, why.clone());
                }
                return;
            }
        };
        let (handed_out, used) = (last.handed_out(sequence), last.used(sequence));
        if let Some(least) = self.last_value_at_least
            && handed_out < i128::from(least)
        {
            let difference = Difference::new("last_value_at_least", least, last.shown());
            found.differences.push(difference);
        }
        if let Some(most) = self.last_value_at_most
            && handed_out > i128::from(most)
        {
            found.differences.push(Difference::new("last_value_at_most", most, last.shown()));
        }
        if let Some(most) = self.used_at_most
            && used > most
        {
            let is = format!("{used} (at {} of {})", last.value, sequence.last());
            found.differences.push(Difference::new("used_at_most", most.to_string(), is));
        }
        found.seen = Some(format!("at {}, {used} used", last.value));
    }
}

impl Sequence {
    /// The number where it ends.
    const fn last(&self) -> i64 {
        if self.increment > 0 { self.max } else { self.min }
    }
}

impl Last {
    /// The number that was handed out last; before the first one, the one that would stand before it.
    fn handed_out(self, sequence: &Sequence) -> i128 {
        let step = if self.called { 0 } else { i128::from(sequence.increment) };
        i128::from(self.value) - step
    }

    fn used(self, sequence: &Sequence) -> Percent {
        let [min, max, at] = [sequence.min, sequence.max, self.value].map(i128::from);
        let behind = if sequence.increment > 0 { at - min } else { max - at };
        let count = |number: i128| u64::try_from(number.max(0)).unwrap_or(u64::MAX);
        Percent::of(count(behind + i128::from(self.called)), count(max - min + 1))
    }

    fn shown(self) -> Value {
        if self.called {
            return self.value.into();
        }
        format!("nothing since it was set to {}", self.value).into()
    }
}

/// How far sequences have come, in their order, each in a question of its own: a lock on one hides no other.
async fn lasts(session: &Session, asked: &[(String, RelationName)]) -> Vec<Result<Last, Unknown>> {
    let mut lasts: Vec<Option<Last>> = vec![None; asked.len()];
    let readings = lasts.iter_mut().zip(asked).map(|(last, (_, name))| {
        let sql = format!("SELECT last_value::text, is_called::text FROM {}", name.sql());
        Reading::new(sql, Vec::new(), move |row| {
            *last = Some(Last { value: row.parsed(0)?, called: row.flag(1)? });
            Ok(())
        })
    });
    let read = session.read(readings.collect()).await;
    let answer = |(read, last): (Result<(), Unknown>, Option<Last>)| match read {
        Err(why) if why.reason == Reason::PermissionDenied => {
            let detail = "how far it has come is hidden: the observer needs SELECT on the sequence and USAGE on its schema";
            Err(Unknown::new(Reason::PermissionDenied, detail))
        }
        Err(why) => Err(why),
        Ok(()) => last.ok_or_else(|| Unknown::new(Reason::NoAnswer, "the sequence has no row")),
    };
    read.into_iter().zip(lasts).map(answer).collect()
}

fn draft(is: &Sequence, draft: Draft) -> Draft {
    let largest = match is.of_type.as_str() {
        "smallint" => i64::from(i16::MAX),
        "integer" => i64::from(i32::MAX),
        _ => i64::MAX,
    };
    let up = is.increment > 0;
    let (min, max) = if up { (1, largest) } else { (-largest - 1, -1) };
    let start = if up { is.min } else { is.max };
    let unless = |usual: bool, is: i64| (!usual).then_some(is);
    draft
        .set("type", is.of_type.as_str())
        .set("start", unless(is.start == start, is.start))
        .set("increment", is.increment)
        .set("min", unless(is.min == min, is.min))
        .set("max", unless(is.max == max, is.max))
        .set("cache", unless(is.cache == 1, is.cache))
        .set("cycle", is.cycle)
        .set("owned_by", is.owned_by.as_deref().unwrap_or_default())
        .set("identity", is.identity.then_some(true))
        .set("owner", is.owner.as_str())
        .set("persistence", (is.persistence != "permanent").then_some(is.persistence.as_str()))
        .set("comment", is.comment.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::NoFiles;

    fn prepared(name: &str, mut table: Value) -> (PgSequence, Vec<Code>) {
        table["database"] = json!("d");
        let mut spec: PgSequence = serde_json::from_value(table).expect("keys that fit");
        let mut problems = Vec::new();
        spec.prepare(name, &NoFiles, &mut problems);
        (spec, problems.into_iter().map(|problem| problem.code).collect())
    }

    fn sequence(changes: &Value) -> Sequence {
        let mut is = json!({
            "schema": "public", "name": "s", "type": "smallint", "start": 1, "increment": 1, "min": 1, "max": 100,
            "cache": 1, "cycle": false, "identity": false, "owner": "me", "persistence": "permanent",
        });
        is.as_object_mut().expect("an object").extend(changes.as_object().expect("keys").clone());
        serde_json::from_value(is).expect("a sequence")
    }

    fn lines(table: Value, sequence: Sequence, last: Option<Result<Last, Unknown>>) -> Vec<String> {
        let (spec, problems) = prepared("public.s", table);
        assert_eq!(problems, []);
        let found =
            spec.diff("public.s", &Counted { sequence: Seen::One(Box::new(sequence)), last });
        let blind = found.blind.iter().map(|b| format!("blind {} {}", b.field, b.unknown.reason));
        let line = |d: &Difference| format!("{} {} {}", d.field, d.desired, d.actual);
        found.differences.iter().map(line).chain(blind).collect()
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (name, table, codes) in [
            ("public.s", json!({"type": "bigint", "owned_by": ""}), vec![]),
            ("public.s", json!({"type": "int8"}), vec![Code::WrongType]),
            ("public.s", json!({"persistence": "temporary"}), vec![Code::WrongType]),
            ("public.s", json!({"owned_by": "t.id"}), vec![Code::BadName]),
            ("public.s", json!({"min": 2, "max": 1}), vec![Code::Contradiction]),
            (
                "public.s",
                json!({"last_value_at_least": 2, "last_value_at_most": 1}),
                vec![Code::Contradiction],
            ),
            (
                "public.s",
                json!({"present": false, "used_at_most": "1%"}),
                vec![Code::Contradiction],
            ),
            ("public.*", json!({"only": [], "cycle": true}), vec![Code::Contradiction]),
        ] {
            assert_eq!(prepared(name, table.clone()).1, codes, "{name} {table}");
        }
    }

    #[test]
    fn each_attribute_is_compared() {
        for (other, line) in [
            (json!({"type": "bigint"}), r#"type "bigint" "smallint""#),
            (json!({"start": 2}), "start 2 1"),
            (json!({"increment": 2}), "increment 2 1"),
            (json!({"min": 2}), "min 2 1"),
            (json!({"max": 2}), "max 2 100"),
            (json!({"cache": 2}), "cache 2 1"),
            (json!({"cycle": true}), "cycle true false"),
            (json!({"owned_by": "public.t.id"}), r#"owned_by "public.t.id" null"#),
            (json!({"identity": true}), "identity true false"),
            (json!({"owner": "you"}), r#"owner "you" "me""#),
            (json!({"persistence": "unlogged"}), r#"persistence "unlogged" "permanent""#),
            (json!({"comment": "x"}), r#"comment "x" null"#),
        ] {
            assert_eq!(lines(other, sequence(&json!({})), None), [line]);
        }
    }

    #[test]
    fn how_far_it_has_come_is_compared_in_both_directions() {
        let at = |value, called| Some(Ok(Last { value, called }));
        let up = || sequence(&json!({}));
        let used = json!({"used_at_most": "80%"});
        assert_eq!(lines(used.clone(), up(), at(80, true)), Vec::<String>::new());
        assert_eq!(lines(used.clone(), up(), at(81, false)), Vec::<String>::new());
        let line = r#"used_at_most "80%" "81% (at 81 of 100)""#;
        assert_eq!(lines(used.clone(), up(), at(81, true)), [line]);
        let down = sequence(&json!({"increment": -1, "min": -100, "max": -1}));
        let line = r#"used_at_most "80%" "90% (at -90 of -100)""#;
        assert_eq!(lines(used.clone(), down, at(-90, true)), [line]);
        let widest = sequence(&json!({"min": i64::MIN, "max": i64::MAX}));
        assert_eq!(lines(used, widest, at(0, true)), Vec::<String>::new());
        let bounds = json!({"last_value_at_least": 5, "last_value_at_most": 9});
        assert_eq!(lines(bounds.clone(), up(), at(5, true)), Vec::<String>::new());
        assert_eq!(lines(bounds.clone(), up(), at(10, false)), Vec::<String>::new());
        let line = r#"last_value_at_least 5 "nothing since it was set to 5""#;
        assert_eq!(lines(bounds.clone(), up(), at(5, false)), [line]);
        assert_eq!(lines(bounds, up(), at(10, true)), ["last_value_at_most 9 10"]);
    }

    #[test]
    fn what_is_hidden_is_unknown_and_never_zero() {
        let hidden = || Some(Err(Unknown::new(Reason::PermissionDenied, "hidden")));
        let bounds = json!({"last_value_at_most": 9, "used_at_most": "1%"});
        let blind =
            ["blind last_value_at_most permission_denied", "blind used_at_most permission_denied"];
        assert_eq!(lines(bounds.clone(), sequence(&json!({})), hidden()), blind);
        assert_eq!(lines(json!({"min": 1}), sequence(&json!({})), hidden()), Vec::<String>::new());
        assert_eq!(lines(bounds, sequence(&json!({})), None).len(), 2);
    }
}
