//! Triggers of tables and views: those that somebody made, and those by which PostgreSQL enforces constraints.

use serde::{Deserialize, Serialize};

use super::{Object, is_default};
use crate::model::display::{escape, escape_bytes};
use crate::model::{MemberName, Reason, RelationName, RoutineName, Unknown};
use crate::probe::postgres::{Fields, Reading, Session};

/// The most triggers that are listed.
const LISTED_MAX: usize = 1_000_000;

/// A trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column of the catalog")]
pub struct Trigger {
    /// The schema of its table.
    pub schema: String,
    /// Its table or view.
    pub table: String,
    /// Its name. One that enforces a constraint has a name with an OID in it, so it is called after what it does and the
    /// constraint: `RI_FKey_check_ins of constraint public.unit_version.unit_fk`.
    pub name: String,
    /// When it fires: `origin` is the usual, `replica` only while changes are replicated, `always`, or `disabled`.
    pub enabled: String,
    /// `before`, `after` or `instead of`.
    pub timing: String,
    /// Some of `insert`, `update`, `delete`, `truncate`, in that order.
    pub events: Vec<String>,
    /// The columns of `UPDATE OF`, sorted; none for any.
    #[serde(default, skip_serializing_if = "is_default")]
    pub columns: Vec<String>,
    /// `row` or `statement`.
    pub level: String,
    /// Its condition, as PostgreSQL writes it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub when: Option<String>,
    /// The function, as desired state writes it: `public.fn_guard()`.
    pub function: String,
    /// What the function gets.
    #[serde(default, skip_serializing_if = "is_default")]
    pub arguments: Vec<String>,
    /// Is it a constraint trigger?
    #[serde(default, skip_serializing_if = "is_default")]
    pub constraint: bool,
    /// Can it be put off to the end of a transaction?
    #[serde(default, skip_serializing_if = "is_default")]
    pub deferrable: bool,
    /// Is it put off from the start?
    #[serde(default, skip_serializing_if = "is_default")]
    pub initially_deferred: bool,
    /// The other table of a constraint.
    #[serde(default, skip_serializing_if = "is_default")]
    pub referenced: Option<String>,
    /// The name of the table of old rows.
    #[serde(default, skip_serializing_if = "is_default")]
    pub old_table: Option<String>,
    /// The name of the table of new rows.
    #[serde(default, skip_serializing_if = "is_default")]
    pub new_table: Option<String>,
    /// On a partition: the trigger of the partitioned table that it is a copy of.
    #[serde(default, skip_serializing_if = "is_default")]
    pub parent: Option<String>,
    /// Does it enforce a foreign key, or a unique constraint that can be deferred?
    #[serde(default, skip_serializing_if = "is_default")]
    pub internal: bool,
    /// The extensions without which it goes away (`DEPENDS ON EXTENSION`), sorted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub depends_on_extensions: Vec<String>,
    /// Its comment.
    #[serde(default, skip_serializing_if = "is_default")]
    pub comment: Option<String>,
    /// What PostgreSQL would write to create it again. The other fields say the same, so it is not stored.
    #[serde(skip)]
    pub definition: String,
}

/// A trigger of a list. No text is written for it, so no lock stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedTrigger {
    /// Its table and its name, which is as that of [`Trigger::name`].
    pub name: String,
    /// As desired state writes it, for one that somebody made.
    pub key: String,
    /// Its table, as desired state writes it.
    pub table: String,
    /// As [`Trigger::enabled`].
    pub enabled: String,
    /// As [`Trigger::internal`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub internal: bool,
    /// As [`Trigger::function`].
    pub function: String,
}

/// Does it enforce a constraint? Before version 15 copies on partitions are called internal too.
const INTERNAL: &str =
    "(t.tgisinternal AND o.contype IS NOT NULL AND o.contype <> 't'::pg_catalog.\"char\")";
/// Its name; of one that enforces a constraint, the function and what else makes the name: table and constraint.
const NAME: &str = "t.tgname::text, x.nspname::text, r.relname::text, o.conname::text";
const ENABLED: &str = "CASE t.tgenabled WHEN 'O' THEN 'origin' WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' \
    WHEN 'A' THEN 'always' ELSE t.tgenabled::text END";
const FROM: &str = "pg_catalog.pg_trigger t JOIN pg_catalog.pg_class k ON k.oid = t.tgrelid \
    JOIN pg_catalog.pg_namespace n ON n.oid = k.relnamespace JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid \
    JOIN pg_catalog.pg_namespace f ON f.oid = p.pronamespace \
    LEFT JOIN pg_catalog.pg_constraint o ON o.oid = t.tgconstraint \
    LEFT JOIN pg_catalog.pg_class r ON r.oid = o.conrelid \
    LEFT JOIN pg_catalog.pg_namespace x ON x.oid = r.relnamespace";

impl Object for Trigger {
    const CLASS: &'static str = "trigger";
    const NAMED: (&'static str, &'static str) = ("n.nspname", "k.relname");
    /// Only the condition takes a lock.
    const RELATION: Option<&'static str> =
        Some("CASE WHEN t.tgqual IS NULL THEN 0::pg_catalog.oid ELSE t.tgrelid END");
    const ROW: Option<&'static str> = Some("t");

    fn sql(condition: &str, _version: u32) -> String {
        format!(
            "SELECT n.nspname::text, k.relname::text, {NAME}, {INTERNAL}::text, {ENABLED}, \
             CASE WHEN t.tgtype & 64 <> 0 THEN 'instead of' WHEN t.tgtype & 2 <> 0 THEN 'before' ELSE 'after' END, \
             pg_catalog.to_json(pg_catalog.array_remove(ARRAY[CASE WHEN t.tgtype & 4 <> 0 THEN 'insert' END, \
                 CASE WHEN t.tgtype & 16 <> 0 THEN 'update' END, CASE WHEN t.tgtype & 8 <> 0 THEN 'delete' END, \
                 CASE WHEN t.tgtype & 32 <> 0 THEN 'truncate' END], NULL))::text, \
             CASE WHEN t.tgattr::text = '' THEN '[]' ELSE \
                 pg_catalog.to_json(ARRAY(SELECT a.attname FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.tgrelid \
                 AND a.attnum = ANY (t.tgattr) ORDER BY a.attname))::text END, \
             CASE WHEN t.tgtype & 1 <> 0 THEN 'row' ELSE 'statement' END, \
             (t.tgqual IS NOT NULL)::text, f.nspname::text, p.proname::text, \
             pg_catalog.encode(t.tgargs, 'hex'), coalesce(o.contype = 't', false)::text, \
             t.tgdeferrable::text, t.tginitdeferred::text, cn.nspname::text, c.relname::text, \
             t.tgoldtable::text, t.tgnewtable::text, an.nspname::text, a.relname::text, u.tgname::text, \
             CASE WHEN t.oid IN (SELECT d.objid FROM pg_catalog.pg_depend d \
                 WHERE d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass \
                 AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass) THEN \
                 pg_catalog.to_json(ARRAY(SELECT e.extname::text FROM pg_catalog.pg_depend d \
                 JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid \
                 WHERE d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND d.objid = t.oid AND d.deptype = 'x' \
                 AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass ORDER BY e.extname))::text ELSE '[]' END, \
             (SELECT m.description FROM pg_catalog.pg_description m WHERE m.objoid = t.oid AND m.objsubid = 0 \
                 AND m.classoid = 'pg_catalog.pg_trigger'::pg_catalog.regclass), pg_catalog.pg_get_triggerdef(t.oid) \
             FROM {FROM} LEFT JOIN pg_catalog.pg_class c ON c.oid = t.tgconstrrelid \
             LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = c.relnamespace \
             LEFT JOIN pg_catalog.pg_trigger u ON u.oid = t.tgparentid \
             LEFT JOIN pg_catalog.pg_class a ON a.oid = u.tgrelid \
             LEFT JOIN pg_catalog.pg_namespace an ON an.oid = a.relnamespace \
             WHERE {condition} ORDER BY n.nspname, k.relname, p.proname, x.nspname, r.relname, o.conname, t.tgname"
        )
    }

    fn read(row: &Fields<'_>) -> Result<Self, Unknown> {
        let maybe = |at| row.maybe(at).map(|text| text.map(str::to_owned));
        let relation = |at| {
            let name = maybe(at)?.zip(maybe(at + 1)?);
            Ok::<_, Unknown>(name.map(|(schema, name)| RelationName { schema, name }))
        };
        let internal = row.flag(6)?;
        let function = RelationName { schema: row.owned(13)?, name: row.owned(14)? };
        let gone = || Unknown::new(Reason::ChangedWhileReading, "it was dropped meanwhile");
        let definition = maybe(28)?.ok_or_else(gone)?;
        let when = if row.flag(12)? { Some(condition(&definition)?) } else { None };
        let parent = relation(23)?.zip(maybe(25)?);
        Ok(Self {
            schema: row.owned(0)?,
            table: row.owned(1)?,
            name: name(*row, 2, internal, &function.name)?,
            enabled: row.owned(7)?,
            timing: row.owned(8)?,
            events: row.json(9)?,
            columns: row.json(10)?,
            level: row.owned(11)?,
            when,
            function: RoutineName { name: function, arguments: String::new() }.to_string(),
            arguments: arguments(row.text(15)?)?,
            constraint: row.flag(16)?,
            deferrable: row.flag(17)?,
            initially_deferred: row.flag(18)?,
            referenced: relation(19)?.map(|name| name.to_string()),
            old_table: maybe(21)?,
            new_table: maybe(22)?,
            parent: parent.map(|(table, name)| MemberName { table, name }.to_string()),
            internal,
            depends_on_extensions: row.json(26)?,
            comment: maybe(27)?,
            definition,
        })
    }
}

/// All triggers of the tables of a database of which `wanted` says so, those of temporary tables left out.
///
/// # Errors
/// Why there is no list.
pub async fn triggers(
    session: &Session,
    wanted: impl Fn(&ListedTrigger) -> bool + Send + Sync,
) -> Result<Vec<ListedTrigger>, Unknown> {
    let sql = format!(
        "SELECT n.nspname::text, k.relname::text, {NAME}, {INTERNAL}::text, {ENABLED}, f.nspname::text, p.proname::text \
         FROM {FROM} WHERE n.nspname !~ '^pg_temp_'"
    );
    let (mut listed, mut seen) = (Vec::new(), 0);
    let reading = Reading::new(sql, Vec::new(), |row| {
        seen += 1;
        if seen > LISTED_MAX {
            let detail = format!("there are more than {LISTED_MAX} triggers");
            return Err(Unknown::new(Reason::TooLarge, detail));
        }
        let table = RelationName { schema: row.owned(0)?, name: row.owned(1)? };
        let function = RelationName { schema: row.owned(8)?, name: row.owned(9)? };
        let internal = row.flag(6)?;
        let name = name(*row, 2, internal, &function.name)?;
        let trigger = ListedTrigger {
            key: MemberName { table: table.clone(), name: name.clone() }.to_string(),
            name,
            table: table.to_string(),
            enabled: row.owned(7)?,
            internal,
            function: RoutineName { name: function, arguments: String::new() }.to_string(),
        };
        if wanted(&trigger) {
            listed.push(trigger);
        }
        Ok(())
    });
    session.read(vec![reading]).await.into_iter().collect::<Result<(), Unknown>>()?;
    listed.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(listed)
}

impl Trigger {
    /// The name under which desired state knows it, where somebody made it.
    #[must_use]
    pub fn member(&self) -> MemberName {
        let table = RelationName { schema: self.schema.clone(), name: self.table.clone() };
        MemberName { table, name: self.name.clone() }
    }
}

/// What a trigger is called; the columns are those of [`NAME`].
fn name(row: Fields<'_>, at: usize, internal: bool, function: &str) -> Result<String, Unknown> {
    if !internal {
        return row.owned(at);
    }
    let table = RelationName { schema: row.owned(at + 1)?, name: row.owned(at + 2)? };
    let constraint = MemberName { table, name: row.owned(at + 3)? };
    Ok(format!("{function} of constraint {constraint}"))
}

/// The condition of a trigger out of its definition, the only place where the server writes it.
///
/// Before it stand names alone, in double quotes where they are odd, so the first ` WHEN (` outside of quotes is where it
/// begins; it ends with the parenthesis that closes.
fn condition(definition: &str) -> Result<String, Unknown> {
    const BEFORE: &str = " WHEN (";
    let mut quote = None;
    let mut depth = 0_u32;
    let mut start = None;
    for (at, c) in definition.char_indices() {
        match (quote, c) {
            // A quote that is doubled closes and opens again.
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            // The parenthesis that opens it belongs to what stands before.
            (None, '(') if start.is_some_and(|start| at >= start) => depth += 1,
            (None, ')') if start.is_some() && depth == 0 => {
                return Ok(definition[start.unwrap_or_default()..at].to_owned());
            }
            (None, ')') if start.is_some() => depth -= 1,
            (None, ' ') if start.is_none() && definition[at..].starts_with(BEFORE) => {
                start = Some(at + BEFORE.len());
            }
            _ => {}
        }
    }
    let detail = format!("no condition in `{}`", escape(definition));
    Err(Unknown::new(Reason::Malformed, detail))
}

/// Arguments as the catalog holds them: bytes, each argument with a zero byte behind it.
fn arguments(hex: &str) -> Result<Vec<String>, Unknown> {
    let malformed = || Unknown::new(Reason::Malformed, "the arguments of a trigger are no bytes");
    let digit = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = hex.as_bytes().chunks(2).map(digit).collect();
    let bytes = bytes.ok_or_else(malformed)?;
    let Some(all) = bytes.strip_suffix(&[0]) else {
        return if bytes.is_empty() { Ok(Vec::new()) } else { Err(malformed()) };
    };
    let text = |bytes: &[u8]| {
        std::str::from_utf8(bytes).map_or_else(|_| escape_bytes(bytes), str::to_owned)
    };
    Ok(all.split(|byte| *byte == 0).map(text).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_found_whatever_the_names_are() {
        let names = r#"CREATE TRIGGER "a WHEN (b) x" BEFORE UPDATE OF "c"" WHEN (d" ON s."t'" FOR EACH ROW"#;
        for condition_text in [
            "(new.a IS DISTINCT FROM ') \'')'::text)",
            "(pg_trigger_depth() = 0)",
            r#"((new."q)" > 1) AND (old.b <> ')'::text))"#,
        ] {
            let text = format!("{names} WHEN ({condition_text}) EXECUTE FUNCTION s.f(' WHEN (x)')");
            assert_eq!(condition(&text).expect("it has one"), condition_text);
        }
        assert!(condition("CREATE TRIGGER x").is_err());
        assert!(condition(&format!("{names} WHEN (never ends")).is_err());
    }

    #[test]
    fn arguments_are_bytes_with_a_zero_behind_each() {
        assert_eq!(arguments("").expect("none"), Vec::<String>::new());
        assert_eq!(arguments("780069742700").expect("two"), ["x", "it'"]);
        assert_eq!(arguments("00").expect("an empty one"), [""]);
        assert_eq!(arguments("e400").expect("Latin-1"), ["\\xe4"]);
        assert!(arguments("78").is_err() && arguments("7").is_err() && arguments("zz00").is_err());
    }
}
