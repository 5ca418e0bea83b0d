//! What can be reached from a contract: functions that it names, triggers of the tables that it writes to, and what those name.
//!
//! Bodies are searched for names, which finds too much (a name in a comment's place) and too little (a name that is put together when it
//! runs). So this decides what is not even tried; what was called in fact is told by the trace of the run.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::powers;
use crate::desired::Contract;
use crate::model::display::{escape, few};
use crate::model::{Digest, Reason, RelationName, Unknown};
use crate::probe::postgres::{Param, Session};

/// The most functions that are followed.
const FUNCTIONS_MAX: usize = 2_000;
/// Languages whose code the server itself confines to the database and the transaction.
pub(super) const CONFINED: &[&str] = &["internal", "plpgsql", "sql"];
/// Words behind which a table stands that may be written to.
const BEFORE_TABLES: &[&str] =
    &["into", "update", "from", "join", "only", "table", "truncate", "using"];

/// A function that can be reached.
#[derive(Debug, Clone, Serialize)]
struct Reached {
    name: String,
    language: String,
    definer: bool,
    owner: String,
    settings: String,
    code: String,
}

/// What can be reached.
#[derive(Debug, Default)]
pub(super) struct Closure {
    functions: BTreeMap<u64, Reached>,
    /// The server's own functions of [`LASTING`].
    lasting: BTreeSet<String>,
    /// What owners of functions that act with their rights may do that reaches out of a transaction.
    powers: BTreeMap<String, Vec<String>>,
}

/// The server's own functions that everybody may call, and whose effect no rollback takes back.
pub(super) const LASTING: &[&str] =
    &["pg_cancel_backend", "pg_logical_emit_message", "pg_terminate_backend"];

/// Functions by name, and those of the triggers of tables by name. Both are compared with their schemas by whoever asks.
const FUNCTIONS: &str = "SELECT p.oid::text, n.nspname::text, p.proname::text, p.oid::pg_catalog.regprocedure::text, l.lanname::text, \
    p.prosecdef::text, r.rolname::text, coalesce(p.proconfig::text, ''), coalesce(SQLBODY, p.prosrc), t.schema, t.name \
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
    JOIN pg_catalog.pg_language l ON l.oid = p.prolang JOIN pg_catalog.pg_roles r ON r.oid = p.proowner \
    LEFT JOIN (SELECT DISTINCT t.tgfoid, s.nspname::text, c.relname::text FROM pg_catalog.pg_trigger t \
      JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace \
      WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND c.relname = ANY($2)) AS t(function, schema, name) ON t.function = p.oid \
    WHERE p.oid >= 16384 AND (p.proname = ANY($1) OR t.function IS NOT NULL)";

/// A name as it stands in a text: with its schema or without.
type Name = (Option<String>, String);

impl Closure {
    /// Follows a contract.
    pub(super) async fn of(session: &Session, contract: &Contract) -> Result<Self, Unknown> {
        let mut closure = Self::default();
        let mut found = Names::of(&contract.statement);
        for table in &contract.writes {
            if let Ok(RelationName { schema, name }) = RelationName::parse(table) {
                found.tables.insert((Some(schema), name));
            }
        }
        let mut asked = Names::default();
        while !found.is_within(&asked) {
            let rows = Self::ask(session, &found).await?;
            let mut next = Names::default();
            for row in rows {
                let Some((oid, reached)) = wanted(row, &found) else { continue };
                if closure.functions.contains_key(&oid) {
                    continue;
                }
                next.take(Names::of(&reached.code));
                closure.functions.insert(oid, reached);
            }
            if closure.functions.len() > FUNCTIONS_MAX {
                let detail = format!("more than {FUNCTIONS_MAX} functions can be reached from it");
                return Err(Unknown::new(Reason::TooLarge, detail));
            }
            asked.take(found);
            found = next;
        }
        let known = asked.functions.iter().filter(|(schema, name)| {
            schema.as_deref().is_none_or(|schema| schema == "pg_catalog")
                && LASTING.contains(&name.as_str())
        });
        closure.lasting = known.map(|(_, name)| name.clone()).collect();
        let definers = closure.functions.values().filter(|one| one.definer);
        let owners = definers.map(|one| one.owner.clone()).collect();
        closure.powers = powers::of(session, &owners).await?;
        Ok(closure)
    }

    /// Those that act as whoever calls them, and could switch the recording of calls off.
    pub(super) fn builders(&self) -> Vec<String> {
        let own = self.functions.values().filter(|one| !one.definer && powers::builds(&one.code));
        own.map(|one| one.name.clone()).collect()
    }

    async fn ask(session: &Session, names: &Names) -> Result<Vec<Vec<Option<String>>>, Unknown> {
        let list =
            |names: &BTreeSet<Name>| names.iter().map(|(_, name)| name.clone()).collect::<Vec<_>>();
        let (functions, tables) = (list(&names.functions), list(&names.tables));
        let version = session.identity().version_number;
        let body =
            if version < 140_000 { "NULL" } else { "pg_catalog.pg_get_function_sqlbody(p.oid)" };
        let sql = FUNCTIONS.replace("SQLBODY", body);
        session.ask(&sql, &[Param::Texts(&functions), Param::Texts(&tables)]).await
    }

    /// Why no proof of the contract is possible.
    pub(super) fn faults(&self, contract: &Contract) -> Vec<String> {
        let mut faults = Vec::new();
        for function in self.functions.values() {
            let Reached { name, language, .. } = function;
            if !CONFINED.contains(&language.as_str()) && !contract.trusted_functions.contains(name)
            {
                faults.push(format!(
                    "{name} can be reached, written in {language}: what it does outside of the transaction nobody can see"
                ));
            }
            let powers = self.powers.get(&function.owner).filter(|_| function.definer);
            if let Some(powers) = powers.filter(|_| !contract.superuser_definer) {
                faults.push(format!(
                    "{name} can be reached, and acts with the rights of `{}` ({}), which reach out of the transaction",
                    escape(&function.owner),
                    few(powers.iter().cloned(), 3)
                ));
            }
        }
        let lasting = self.lasting.iter().filter(|name| !contract.trusted_functions.contains(name));
        faults.extend(
            lasting
                .map(|name| format!("{name} can be reached: no rollback takes back what it does")),
        );
        faults
    }

    /// Of all that can be reached, code and rights included.
    pub(super) fn digest(&self) -> Digest {
        let mut functions: Vec<&Reached> = self.functions.values().collect();
        functions.sort_by(|a, b| a.name.cmp(&b.name));
        let mut bytes = b"countersign-closure-v1\n".to_vec();
        // Texts and booleans can always be expressed.
        serde_json::to_writer(&mut bytes, &functions).unwrap_or_default();
        Digest::of(&bytes)
    }
}

/// A row that was meant, and not only one of the same name in another schema.
fn wanted(row: Vec<Option<String>>, names: &Names) -> Option<(u64, Reached)> {
    let [oid, schema, plain, name, language, definer, owner, settings, code, of_schema, of_table] =
        <[Option<String>; 11]>::try_from(row).ok()?;
    let in_list = |list: &BTreeSet<Name>, schema: &str, name: &str| {
        list.contains(&(None, name.to_owned()))
            || list.contains(&(Some(schema.to_owned()), name.to_owned()))
    };
    let by_name = in_list(&names.functions, &schema?, &plain?);
    let by_trigger = of_schema
        .zip(of_table)
        .is_some_and(|(schema, table)| in_list(&names.tables, &schema, &table));
    let is = |flag: Option<String>| flag.as_deref() == Some("true");
    let reached = Reached {
        name: name?,
        language: language?,
        definer: is(definer),
        owner: owner?,
        settings: settings.unwrap_or_default(),
        code: code.unwrap_or_default(),
    };
    (by_name || by_trigger).then_some((oid?.parse().ok()?, reached))
}

/// The names that a text has.
#[derive(Debug, Default, PartialEq, Eq)]
struct Names {
    functions: BTreeSet<Name>,
    tables: BTreeSet<Name>,
}

impl Names {
    fn is_within(&self, other: &Self) -> bool {
        self.functions.is_subset(&other.functions) && self.tables.is_subset(&other.tables)
    }

    fn take(&mut self, other: Self) {
        self.functions.extend(other.functions);
        self.tables.extend(other.tables);
    }

    /// Finds names in SQL or PL/pgSQL. Texts in quotes are searched too, since they may be run; comments are not.
    fn of(text: &str) -> Self {
        let mut names = Self::default();
        let mut before = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if let Some(line) = rest.strip_prefix("--") {
                rest = line.split_once('\n').map_or("", |(_, after)| after);
            } else if let Some(block) = rest.strip_prefix("/*") {
                rest = block.split_once("*/").map_or("", |(_, after)| after);
            } else if first == '"' || first == '_' || first.is_alphabetic() {
                let (name, after) = chain(rest);
                rest = after;
                if rest.trim_start().starts_with('(') {
                    names.functions.insert(name.clone());
                }
                if BEFORE_TABLES.contains(&before.as_str()) {
                    names.tables.insert(name.clone());
                }
                before = if name.0.is_none() { name.1 } else { String::new() };
            } else {
                if !first.is_whitespace() {
                    before.clear();
                }
                rest = &rest[first.len_utf8()..];
            }
        }
        names
    }
}

/// The name at the beginning of a text, of which the last two parts count.
fn chain(text: &str) -> (Name, &str) {
    let (mut last, mut rest) = part(text);
    let mut schema = None;
    while let Some(after) = rest.trim_start().strip_prefix('.') {
        let after = after.trim_start();
        if !after.starts_with(|c: char| c == '"' || c == '_' || c.is_alphabetic()) {
            break;
        }
        let (name, left) = part(after);
        schema = Some(std::mem::replace(&mut last, name));
        rest = left;
    }
    ((schema, last), rest)
}

/// One identifier, as the server would read it.
fn part(text: &str) -> (String, &str) {
    if let Some(mut rest) = text.strip_prefix('"') {
        let mut name = String::new();
        loop {
            let Some((before, after)) = rest.split_once('"') else { return (name, "") };
            name.push_str(before);
            match after.strip_prefix('"') {
                Some(after) => {
                    name.push('"');
                    rest = after;
                }
                None => return (name, after),
            }
        }
    }
    let is_part = |c: char| c == '_' || c == '$' || c.is_alphanumeric();
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    (text[..end].to_lowercase(), &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(names: &BTreeSet<Name>) -> Vec<String> {
        let one = |(schema, name): &Name| match schema {
            Some(schema) => format!("{schema}.{name}"),
            None => name.clone(),
        };
        names.iter().map(one).collect()
    }

    #[test]
    fn names_are_found_in_code_and_in_texts_that_code_may_run() {
        let names = Names::of(
            r#"BEGIN -- not f1()
              /* nor f2() */ PERFORM Public.F3(1); x := "Odd""name" (2); INSERT INTO s.t VALUES (f4()); UPDATE only u SET a = 1;
              EXECUTE 'DELETE FROM "W w" WHERE f5()'; a.b.f6 ( ); IF x THEN y END IF; $1::text"#,
        );
        assert_eq!(
            shown(&names.functions),
            ["Odd\"name", "f4", "f5", "values", "b.f6", "public.f3"]
        );
        assert_eq!(shown(&names.tables), ["W w", "only", "u", "s.t"]);
    }

    #[test]
    fn texts_that_end_too_early_end_the_search() {
        for text in ["\"open", "/* open", "a.", "a.\"", "-- x", "é(", "a . b ("] {
            let _ = Names::of(text);
        }
        assert_eq!(shown(&Names::of("a . b (").functions), ["a.b"]);
    }
}
