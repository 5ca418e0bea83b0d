//! What a role can do in effect: by grants, as an owner, through its memberships, as everybody, as a superuser.

use super::sql::things;
use super::{GRANTS_MAX, bounded, schema_of, thing};
use crate::model::Unknown;
use crate::model::grant::{Class, Grantee, ON_COLUMNS, Securable};
use crate::probe::postgres::{Fields, Param, Reading, Session};

/// From this version on a membership says whether it lets a role become the other.
const SET_SINCE: u32 = 160_000;

/// One question about one role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Probe {
    /// Who.
    pub role: Grantee,
    /// What.
    pub privilege: String,
    /// On which column, where not on the whole.
    pub column: Option<String>,
    /// On what.
    pub on: Place,
    /// Is also asked whether it may grant that to others?
    pub with_grant_option: bool,
    /// Shall it be out of reach? Then one column counts as the table, and so does what the role has after SET ROLE.
    pub out_of_reach: bool,
}

/// On what something is asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// On one thing.
    Thing(Securable),
    /// On each of a class in a schema.
    All(Class, String),
}

impl Place {
    /// The class of what is asked about.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Thing(thing) => thing.class,
            Self::All(class, _) => *class,
        }
    }

    /// Class, schema, name and arguments as they stand in the question; an empty name stands for all.
    fn texts(&self) -> [String; 4] {
        let word = self.class().word().to_owned();
        match self {
            Self::All(_, schema) => [word, schema.clone(), String::new(), String::new()],
            Self::Thing(thing) => {
                let arguments = thing.arguments.clone().unwrap_or_default();
                [word, schema_of(thing), thing.name.clone(), arguments]
            }
        }
    }
}

/// The answer about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The position of its question.
    pub probe: usize,
    /// The thing; `None` where there is none of the name.
    pub on: Option<Securable>,
    /// Does the column exist, where one was asked about?
    pub column: bool,
    /// Does it hold the privilege?
    pub held: bool,
    /// May it look up what lies in the schema of the thing?
    pub usage: bool,
    /// Why it holds the privilege, as a fragment.
    pub because: Option<String>,
    /// The roles that it can become and that hold the privilege; asked only where it does not.
    pub through: Option<String>,
}

/// Puts all questions at once.
///
/// # Errors
/// Why there is no answer to any of them.
pub async fn effective(session: &Session, probes: &[Probe]) -> Result<Vec<Answer>, Unknown> {
    if probes.is_empty() {
        return Ok(Vec::new());
    }
    let texts = texts(probes);
    let params = texts.iter().map(|texts| Param::Texts(texts)).collect();
    let mut found = Vec::new();
    let reading = Reading::new(sql(session.identity().version_number), params, |row| {
        bounded(found.len())?;
        found.push(read(*row)?);
        Ok(())
    });
    session.read(vec![reading]).await.into_iter().collect::<Result<(), Unknown>>()?;
    Ok(found)
}

fn read(row: Fields<'_>) -> Result<Answer, Unknown> {
    let position: usize = row.parsed(0)?;
    let on = row.maybe(1)?.is_some().then(|| thing(row, 1)).transpose()?;
    Ok(Answer {
        probe: position.saturating_sub(1).min(GRANTS_MAX),
        on,
        column: row.flag(5)?,
        held: row.flag(6)?,
        usage: row.flag(7)?,
        because: row.maybe(8)?.map(str::to_owned),
        through: row.maybe(9)?.map(str::to_owned),
    })
}

/// The parameters `$1` to `$9`.
fn texts(probes: &[Probe]) -> [Vec<String>; 9] {
    let texts = |text: fn(&Probe) -> &str| probes.iter().map(text).map(str::to_owned).collect();
    let place = |at: usize| {
        let text = |probe: &Probe| std::mem::take(&mut probe.on.texts()[at]);
        probes.iter().map(text).collect()
    };
    [
        texts(|probe| match &probe.role {
            Grantee::Public => "",
            Grantee::Role(name) => name,
        }),
        texts(|probe| &probe.privilege),
        texts(|probe| if probe.with_grant_option { " WITH GRANT OPTION" } else { "" }),
        texts(|probe| probe.column.as_deref().unwrap_or_default()),
        place(0),
        place(1),
        place(2),
        place(3),
        texts(|probe| match (probe.out_of_reach, ON_COLUMNS.contains(&probe.privilege.as_str())) {
            (false, _) => "",
            (true, true) => "any",
            (true, false) => "all",
        }),
    ]
}

/// Does the role of the OID `role` hold what is asked about?
///
/// Before version 18 no function tells it of large objects, so their lists of privileges are read.
fn held(role: &str, version: u32) -> String {
    let has = |what: &str, thing: &str| {
        format!("pg_catalog.has_{what}_privilege({role}, {thing}, a.privilege || a.option)")
    };
    let parameter =
        if version >= 150_000 { has("parameter", "a.name") } else { "false".to_owned() };
    let [table, any, column] =
        [has("table", "o.oid"), has("any_column", "o.oid"), has("column", "o.oid, m.attnum")];
    let plain = [
        ("sequence", "sequence"),
        ("function", "function"),
        ("procedure", "function"),
        ("type", "type"),
        ("schema", "schema"),
        ("database", "database"),
        ("language", "language"),
        ("foreign data wrapper", "foreign_data_wrapper"),
        ("foreign server", "server"),
        ("tablespace", "tablespace"),
    ];
    let plain = plain.map(|(class, what)| format!("WHEN '{class}' THEN {} ", has(what, "o.oid")));
    format!(
        "coalesce(CASE a.class WHEN 'table' THEN CASE WHEN a.member <> '' THEN {column} \
         WHEN a.reach = 'any' THEN {any} ELSE {table} END {}WHEN 'parameter' THEN {parameter} ELSE \
         (a.option <> '' AND pg_catalog.pg_has_role({role}, o.owner, 'USAGE')) OR EXISTS (SELECT FROM \
         pg_catalog.aclexplode(coalesce(o.acl, pg_catalog.acldefault(o.kind, o.owner))) g \
         WHERE g.privilege_type = a.privilege AND (a.option = '' OR g.is_grantable) \
         AND (g.grantee = 0 OR pg_catalog.pg_has_role({role}, g.grantee, 'USAGE'))) END, false)",
        plain.concat()
    )
}

fn sql(version: u32) -> String {
    let become_it = if version >= SET_SINCE { "SET" } else { "MEMBER" };
    let (held_by_it, held_by_all, held_by_other) =
        (held("a.oid", version), held("0::pg_catalog.oid", version), held("v.oid", version));
    format!(
        "{things}, asked AS (SELECT w.*, coalesce(r.oid, 0) AS oid, coalesce(r.rolsuper, false) AS super, \
             w.role = '' OR r.oid IS NOT NULL AS known \
             FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), \
                 pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8), \
                 pg_catalog.unnest($9)) WITH ORDINALITY \
                 AS w (role, privilege, option, member, class, schema, name, arguments, reach, position) \
             LEFT JOIN pg_catalog.pg_roles r ON r.rolname = w.role::pg_catalog.name) \
         SELECT a.position::text, o.class, o.schema::text, o.name::text, o.arguments, \
         (a.member = '' OR m.attnum IS NOT NULL)::text, (a.known AND h.held)::text, \
         coalesce(CASE WHEN o.schema IS NULL OR o.class = 'schema' THEN true \
             ELSE pg_catalog.has_schema_privilege(a.oid, o.schema::text, 'USAGE') END, false)::text, \
         CASE WHEN NOT h.held THEN NULL WHEN a.super THEN 'it is a superuser' \
             WHEN {held_by_all} THEN 'granted to PUBLIC' \
             ELSE coalesce('granted to ' || (SELECT pg_catalog.string_agg(DISTINCT \
                 pg_catalog.pg_get_userbyid(g.grantee)::text, ', ') \
                 FROM pg_catalog.aclexplode(coalesce(o.acl, pg_catalog.acldefault(o.kind, o.owner))) g \
                 WHERE g.grantee NOT IN (0, o.owner) AND g.privilege_type = a.privilege \
                 AND pg_catalog.pg_has_role(a.oid, g.grantee, 'USAGE')), \
                 CASE WHEN pg_catalog.pg_has_role(a.oid, o.owner, 'USAGE') THEN 'as its owner, ' \
                 || pg_catalog.pg_get_userbyid(o.owner) ELSE 'on a column, or by a predefined role' END) END, \
         CASE WHEN a.reach <> '' AND a.known AND NOT h.held AND a.role <> '' THEN (SELECT pg_catalog.string_agg(v.rolname::text, ', ' \
             ORDER BY v.rolname) FROM pg_catalog.pg_roles v WHERE v.oid <> a.oid \
             AND pg_catalog.pg_has_role(a.oid, v.oid, '{become_it}') AND {held_by_other}) END \
         FROM asked a LEFT JOIN thing o ON o.sub = 0 AND o.class = a.class AND coalesce(o.schema, '') = a.schema \
             AND (a.name = '' OR (o.name = a.name AND coalesce(o.arguments, '') = a.arguments)) \
         LEFT JOIN pg_catalog.pg_attribute m ON a.member <> '' AND m.attrelid = o.oid AND m.attnum > 0 \
             AND NOT m.attisdropped AND m.attname = a.member::pg_catalog.name \
         CROSS JOIN LATERAL (SELECT {held_by_it} AS held) h \
         ORDER BY a.position, o.name, o.arguments",
        things = things(version)
    )
}
