//! The parts of the questions about grants: what can be granted on, and what was there from the beginning.

/// The first version in which settings of the server can be granted.
const PARAMETERS_SINCE: u32 = 150_000;

/// Whatever privileges can be granted on, one row each; a column only where it has privileges of its own. `kind` is the
/// letter that `acldefault` takes. `whole` is where all that is granted from the beginning came with PostgreSQL.
///
/// Temporary objects belong to a session and are left out, and so are arrays and multiranges, which have no privileges of
/// their own.
const OBJECTS: &str = "\
    SELECT CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END AS class, \
        'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AS catalog, c.oid, 0 AS sub, \
        n.nspname AS schema, c.relname AS name, NULL::pg_catalog.text AS arguments, NULL::pg_catalog.name AS member, \
        (CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END)::pg_catalog.\"char\" AS kind, \
        c.relowner AS owner, c.relacl AS acl, n.nspname IN ('pg_catalog', 'information_schema') AS whole \
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
        WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S') AND n.nspname !~ '^pg_(toast|temp_)' \
    UNION ALL SELECT 'table', 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid, a.attnum, n.nspname, c.relname, \
        NULL, a.attname, 'c', c.relowner, a.attacl, true \
        FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
        WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S') AND NOT a.attisdropped \
        AND n.nspname !~ '^pg_(toast|temp_)' AND (a.attacl IS NOT NULL OR EXISTS \
        (SELECT FROM pg_catalog.pg_init_privs i WHERE i.objoid = a.attrelid AND i.objsubid = a.attnum \
            AND i.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass)) \
    UNION ALL SELECT CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END, \
        'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, 0, n.nspname, p.proname, \
        pg_catalog.oidvectortypes(p.proargtypes), NULL, 'f', p.proowner, p.proacl, \
        n.nspname IN ('pg_catalog', 'information_schema') \
        FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
        WHERE n.nspname !~ '^pg_temp_' \
    UNION ALL SELECT 'type', 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, 0, n.nspname, t.typname, NULL, NULL, \
        'T', t.typowner, t.typacl, n.nspname IN ('pg_catalog', 'information_schema') OR coalesce(c.relkind <> 'c', false) \
        FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
        LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid \
        WHERE t.typtype <> 'm' AND t.typisdefined AND n.nspname !~ '^pg_(toast|temp_)' \
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.typarray = t.oid) \
    UNION ALL SELECT 'schema', 'pg_catalog.pg_namespace'::pg_catalog.regclass, n.oid, 0, n.nspname, n.nspname, NULL, \
        NULL, 'n', n.nspowner, n.nspacl, n.nspname IN ('pg_catalog', 'information_schema') \
        FROM pg_catalog.pg_namespace n WHERE n.nspname !~ '^pg_(toast|temp_)' \
    UNION ALL SELECT 'database', 'pg_catalog.pg_database'::pg_catalog.regclass, d.oid, 0, NULL, d.datname, NULL, NULL, \
        'd', d.datdba, d.datacl, false FROM pg_catalog.pg_database d \
    UNION ALL SELECT 'language', 'pg_catalog.pg_language'::pg_catalog.regclass, l.oid, 0, NULL, l.lanname, NULL, NULL, \
        'l', l.lanowner, l.lanacl, l.oid < 16384 FROM pg_catalog.pg_language l \
    UNION ALL SELECT 'foreign data wrapper', 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass, f.oid, 0, NULL, \
        f.fdwname, NULL, NULL, 'F', f.fdwowner, f.fdwacl, false FROM pg_catalog.pg_foreign_data_wrapper f \
    UNION ALL SELECT 'foreign server', 'pg_catalog.pg_foreign_server'::pg_catalog.regclass, s.oid, 0, NULL, s.srvname, \
        NULL, NULL, 'S', s.srvowner, s.srvacl, false FROM pg_catalog.pg_foreign_server s \
    UNION ALL SELECT 'tablespace', 'pg_catalog.pg_tablespace'::pg_catalog.regclass, t.oid, 0, NULL, t.spcname, NULL, \
        NULL, 't', t.spcowner, t.spcacl, false FROM pg_catalog.pg_tablespace t \
    UNION ALL SELECT 'large object', 'pg_catalog.pg_largeobject'::pg_catalog.regclass, m.oid, 0, NULL, \
        m.oid::pg_catalog.text, NULL, NULL, 'L', m.lomowner, m.lomacl, false \
        FROM pg_catalog.pg_largeobject_metadata m \
    UNION ALL SELECT CASE d.defaclobjtype WHEN 'r' THEN 'future tables' WHEN 'S' THEN 'future sequences' \
            WHEN 'f' THEN 'future functions' WHEN 'T' THEN 'future types' WHEN 'n' THEN 'future schemas' \
            ELSE 'future large objects' END, \
        'pg_catalog.pg_default_acl'::pg_catalog.regclass, d.oid, 0, n.nspname, \
        pg_catalog.pg_get_userbyid(d.defaclrole), NULL, NULL, \
        CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE d.defaclobjtype END, d.defaclrole, d.defaclacl, true \
        FROM pg_catalog.pg_default_acl d LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace";

/// Settings belong to the role that made the cluster.
const PARAMETERS: &str = " \
    UNION ALL SELECT 'parameter', 'pg_catalog.pg_parameter_acl'::pg_catalog.regclass, p.oid, 0, NULL, p.parname, NULL, \
        NULL, 'p', 10, p.paracl, false FROM pg_catalog.pg_parameter_acl p";

/// The same as `thing`, where `made` says that PostgreSQL or an extension made it.
pub(super) fn things(version: u32) -> String {
    let parameters = if version >= PARAMETERS_SINCE { PARAMETERS } else { "" };
    format!(
        "WITH object AS ({OBJECTS}{parameters}), thing AS (SELECT o.*, o.whole OR e.objid IS NOT NULL AS made \
         FROM object o LEFT JOIN pg_catalog.pg_depend e ON e.classid = o.catalog AND e.objid = o.oid \
         AND e.objsubid = 0 AND e.deptype = 'e')"
    )
}

/// Who of those that granted something is told.
#[derive(Debug, Clone, Copy)]
pub(super) enum Grantors {
    /// All of them.
    All,
    /// Those that are not the owner: a new owner takes the place of the old one in every list.
    Others,
}

/// Every privilege `g` on a thing `o` that `chosen` is about, where the condition holds, and how it stands to what was
/// there from the beginning. Things that are as they were made are passed over, except for those that are `named`. Most
/// things share their list with others: what is in a list is worked out once.
///
/// - No list of privileges at all means the built-in default, and that is not "nothing".
/// - What was there from the beginning is what `pg_init_privs` holds, or the built-in default. Of what somebody made it is
///   the owner's own rights and no more: the EXECUTE that everybody gets on a new function counts as granted.
/// - `initdb` notes nothing of `information_schema`, where it grants SELECT on all views but these few.
/// - Default privileges of a schema are added to those of the role, and so begin with none; the empty list is that of
///   columns.
pub(super) fn grants(
    version: u32,
    grantors: Grantors,
    (chosen, condition): (&str, &str),
    named: &str,
) -> String {
    let grantors = match grantors {
        Grantors::All => "true",
        Grantors::Others => "x.grantor <> l.owner",
    };
    format!(
        "{}, standing AS MATERIALIZED (SELECT o.*, coalesce(o.acl, pg_catalog.acldefault(o.kind, o.owner)) AS held, \
         CASE WHEN o.class ~ '^future' AND o.schema IS NOT NULL THEN pg_catalog.acldefault('c', o.owner) \
             WHEN o.schema = 'information_schema' AND o.class = 'schema' THEN pg_catalog.acldefault('n', o.owner) \
                 || pg_catalog.makeaclitem(0, o.owner, 'USAGE', false) \
             WHEN o.schema = 'information_schema' AND o.class = 'table' AND o.sub = 0 AND o.acl IS NOT NULL \
                 AND o.name !~ '^(_pg_.*|sql_parts|transforms)$' THEN pg_catalog.acldefault('r', o.owner) \
                 || pg_catalog.makeaclitem(0, o.owner, 'SELECT', false) \
             ELSE coalesce(i.initprivs, pg_catalog.acldefault(o.kind, o.owner)) END AS initial \
         FROM thing o LEFT JOIN pg_catalog.pg_init_privs i ON o.made AND i.classoid = o.catalog AND i.objoid = o.oid \
             AND i.objsubid = o.sub WHERE {chosen}), \
         list AS MATERIALIZED (SELECT DISTINCT o.held, o.initial, o.made, o.owner FROM standing o \
         WHERE (o.kind <> 'L' OR o.acl IS NOT NULL) AND (NOT o.made OR o.held IS DISTINCT FROM o.initial OR {named})), \
         worked AS MATERIALIZED (SELECT l.*, g.*, \
             CASE WHEN g.grantee <> 0 THEN pg_catalog.pg_get_userbyid(g.grantee)::text END AS grantee_name, \
             pg_catalog.to_json(ARRAY(SELECT pg_catalog.pg_get_userbyid(x) FROM pg_catalog.unnest(g.grantors) x \
                 ORDER BY 1))::text AS grantor_names \
             FROM list l CROSS JOIN LATERAL (SELECT grantee, privilege_type, h.grantors, \
                 coalesce(h.grantable, b.grantable) AS grantable, \
                 CASE WHEN h.granted IS NULL THEN 'revoked' \
                     WHEN b.granted IS NULL OR (h.grantable AND NOT b.grantable) THEN 'granted' \
                     ELSE 'initial' END AS standing \
                 FROM (SELECT true AS granted, x.grantee, x.privilege_type, pg_catalog.bool_or(x.is_grantable) AS grantable, \
                     pg_catalog.array_agg(DISTINCT x.grantor) FILTER (WHERE {grantors}) AS grantors \
                     FROM pg_catalog.aclexplode(l.held) x GROUP BY 2, 3) h \
                 FULL JOIN (SELECT true AS granted, x.grantee, x.privilege_type, \
                     pg_catalog.bool_or(x.is_grantable) AS grantable \
                     FROM pg_catalog.aclexplode(l.initial) x WHERE l.made OR x.grantee = l.owner GROUP BY 2, 3) b \
                 USING (grantee, privilege_type)) g) \
         SELECT g.privilege_type, o.member::text, o.class, o.schema::text, o.name::text, o.arguments, \
         g.grantee_name, g.grantable::text, g.standing, g.grantor_names \
         FROM standing o JOIN worked g ON (g.held, g.initial, g.made, g.owner) = (o.held, o.initial, o.made, o.owner) \
         WHERE (o.kind <> 'L' OR o.acl IS NOT NULL) AND (NOT o.made OR o.held IS DISTINCT FROM o.initial OR {named}) \
         AND {condition} ORDER BY o.name, o.class, o.schema, o.arguments, o.sub, 7, 1",
        things(version)
    )
}

/// The things `o` that a condition chooses, with the columns of tables.
pub(super) fn members(version: u32, condition: &str) -> String {
    format!(
        "{} SELECT o.class, o.schema::text, o.name::text, o.arguments, \
         CASE WHEN o.class = 'table' THEN pg_catalog.to_json(ARRAY(SELECT a.attname FROM pg_catalog.pg_attribute a \
             WHERE a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attname))::text ELSE '[]' END, \
         o.made::text FROM thing o WHERE o.sub = 0 AND {condition} AND $1::pg_catalog.text[] IS NOT NULL \
         ORDER BY o.class, o.schema, o.name, o.arguments",
        things(version)
    )
}
