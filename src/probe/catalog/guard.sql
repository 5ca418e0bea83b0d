WITH s AS (
    SELECT n.oid, n.nspowner AS owner, n.nspacl AS acl FROM pg_catalog.pg_namespace n WHERE n.nspname = $1::pg_catalog.name
), p AS (
    SELECT c.* FROM pg_catalog.pg_class c JOIN s ON s.oid = c.relnamespace WHERE c.relname = $4::pg_catalog.name
), f AS (
    SELECT f.* FROM pg_catalog.pg_proc f JOIN s ON s.oid = f.pronamespace
    WHERE f.proname = $5::pg_catalog.name AND f.pronargs = 0
), t AS (
    -- The constraint of a constraint trigger is another row, and says on its own whether it can be put off.
    SELECT t.*, k.oid AS of_constraint, k.conname, k.condeferrable, k.condeferred
    FROM pg_catalog.pg_trigger t JOIN p ON p.oid = t.tgrelid
    LEFT JOIN pg_catalog.pg_constraint k ON k.oid = t.tgconstraint WHERE t.tgname = $5::pg_catalog.name
), root (label, classid, objid) AS (
    SELECT 'schema', 'pg_catalog.pg_namespace'::pg_catalog.regclass::pg_catalog.oid, s.oid FROM s
    UNION ALL SELECT 'pill', 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, p.oid FROM p
    UNION ALL SELECT 'function', 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid, f.oid FROM f
    UNION ALL SELECT 'trigger', 'pg_catalog.pg_trigger'::pg_catalog.regclass::pg_catalog.oid, t.oid FROM t
    UNION ALL SELECT 'constraint', 'pg_catalog.pg_constraint'::pg_catalog.regclass::pg_catalog.oid, t.of_constraint
        FROM t WHERE t.of_constraint IS NOT NULL
), known (classid, objid) AS (
    SELECT r.classid, r.objid FROM root r
    UNION ALL SELECT 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid, p.reltype FROM p
), other (class, name) AS (
    -- Whatever lies in the schema, hangs on the table, or needs one of them. That a column must not be null and where long
    -- values lie is said by the columns.
    SELECT i.type, i.identity FROM (
        SELECT DISTINCT d.classid, d.objid, d.objsubid FROM root r JOIN pg_catalog.pg_depend d
            ON (d.refclassid, d.refobjid) = (r.classid, r.objid)
        WHERE (d.classid, d.objid) NOT IN (SELECT k.classid, k.objid FROM known k)
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = d.objid AND c.relkind = 't'
            AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass)
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint c WHERE c.oid = d.objid AND c.contype = 'n'
            AND d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass)) d
    CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.classid, d.objid, d.objsubid) i
    UNION SELECT 'extension', e.extname::text FROM root r
        JOIN pg_catalog.pg_depend d ON (d.classid, d.objid) = (r.classid, r.objid)
            AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype IN ('e', 'x')
        JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
    UNION SELECT 'security label', l.provider || ' of the ' || r.label FROM root r
        JOIN pg_catalog.pg_seclabel l ON (l.classoid, l.objoid) = (r.classid, r.objid)
), thing (class, member, owner, kind, acl, has_list) AS (
    SELECT 'schema', NULL::text, s.owner, 'n', s.acl, s.acl IS NOT NULL FROM s
    UNION ALL SELECT 'table', NULL, p.relowner, 'r', p.relacl, p.relacl IS NOT NULL FROM p
    UNION ALL SELECT 'table', a.attname::text, p.relowner, 'c', a.attacl, true FROM p
        JOIN pg_catalog.pg_attribute a ON a.attrelid = p.oid AND NOT a.attisdropped AND a.attacl IS NOT NULL
    UNION ALL SELECT 'type', NULL, y.typowner, 'T', y.typacl, y.typacl IS NOT NULL FROM p
        JOIN pg_catalog.pg_type y ON y.oid = p.reltype
    UNION ALL SELECT 'function', NULL, f.proowner, 'f', f.proacl, f.proacl IS NOT NULL FROM f
), item AS (
    SELECT o.class, o.member, g.privilege_type AS privilege, g.grantee, coalesce(g.grantable, false) AS grantable,
        g.held, g.initial, g.grantors
    FROM thing o CROSS JOIN LATERAL (
        SELECT privilege_type, grantee, h.grantable, h.held IS NOT NULL AS held, b.initial IS NOT NULL AS initial, h.grantors
        FROM (SELECT x.privilege_type, x.grantee, pg_catalog.bool_or(x.is_grantable) AS grantable, true AS held,
                pg_catalog.array_agg(DISTINCT x.grantor) AS grantors
            FROM pg_catalog.aclexplode(CASE WHEN o.has_list THEN o.acl
                ELSE pg_catalog.acldefault(o.kind::"char", o.owner) END) x GROUP BY 1, 2) h
        FULL JOIN (SELECT DISTINCT x.privilege_type, x.grantee, true AS initial
            FROM pg_catalog.aclexplode(pg_catalog.acldefault(o.kind::"char", o.owner)) x) b
        USING (privilege_type, grantee)) g
    {parameters}
), asked AS (
    SELECT r.* FROM pg_catalog.pg_roles r WHERE r.rolname = ANY ($3::pg_catalog.name[])
), power AS (
    -- What no list of privileges of these objects shows: to be, or to be able to become, somebody who is past them.
    SELECT a.rolname AS prover, r.rolname AS role, r.rolsuper, r.rolcreaterole, w.can
    FROM asked a JOIN pg_catalog.pg_roles r ON r.oid = a.oid OR NOT a.rolsuper AND pg_catalog.pg_has_role(a.oid, r.oid, 'MEMBER')
    CROSS JOIN LATERAL (SELECT CASE WHEN r.oid < 16384::pg_catalog.oid AND pg_catalog.starts_with(r.rolname::text, 'pg_')
        THEN ARRAY(SELECT x.word FROM p, pg_catalog.unnest($6::pg_catalog.text[]) AS x (word)
            WHERE pg_catalog.has_table_privilege(r.oid, p.oid, x.word)) ELSE '{}' END AS can) w
    WHERE r.rolsuper OR r.rolcreaterole OR w.can <> '{}'
)
SELECT
    (SELECT pg_catalog.json_build_object('superuser', r.rolsuper, 'createdb', r.rolcreatedb, 'createrole', r.rolcreaterole,
        'replication', r.rolreplication, 'bypassrls', r.rolbypassrls, 'login', r.rolcanlogin,
        'members', ARRAY(SELECT DISTINCT pg_catalog.pg_get_userbyid(m.member)::text FROM pg_catalog.pg_auth_members m
            WHERE m.roleid = r.oid ORDER BY 1),
        'member_of', ARRAY(SELECT DISTINCT pg_catalog.pg_get_userbyid(m.roleid)::text FROM pg_catalog.pg_auth_members m
            WHERE m.member = r.oid ORDER BY 1))
     FROM pg_catalog.pg_roles r WHERE r.rolname = $2::pg_catalog.name)::text,
    (SELECT pg_catalog.json_build_object('owner', pg_catalog.pg_get_userbyid(s.owner)) FROM s)::text,
    (SELECT pg_catalog.json_build_object('owner', pg_catalog.pg_get_userbyid(p.relowner),
        'kind', CASE p.relkind WHEN 'r' THEN CASE WHEN p.reloftype <> 0 THEN 'table of a type' ELSE 'table' END
            WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
            WHEN 'f' THEN 'foreign table' WHEN 'S' THEN 'sequence' WHEN 'c' THEN 'composite type'
            WHEN 'i' THEN 'index' ELSE p.relkind::text END,
        'persistence', CASE p.relpersistence WHEN 'p' THEN 'permanent' WHEN 'u' THEN 'unlogged' WHEN 't' THEN 'temporary'
            ELSE p.relpersistence::text END,
        'columns', ARRAY(SELECT pg_catalog.concat_ws(' ', pg_catalog.quote_ident(a.attname),
                pg_catalog.format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' END,
                CASE WHEN a.attidentity <> '' THEN 'identity' WHEN a.attgenerated <> '' THEN 'generated'
                    WHEN a.atthasdef THEN 'default' END,
                CASE WHEN a.attoptions IS NOT NULL OR a.attstattarget >= 0 THEN 'with options' END)
            FROM pg_catalog.pg_attribute a WHERE a.attrelid = p.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum),
        'row_security', p.relrowsecurity, 'forced_row_security', p.relforcerowsecurity,
        'inherits', ARRAY(SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_inherits h
            JOIN pg_catalog.pg_class c ON c.oid = h.inhparent JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE h.inhrelid = p.oid ORDER BY h.inhseqno),
        'access_method', (SELECT a.amname FROM pg_catalog.pg_am a WHERE a.oid = p.relam),
        'replica_identity', CASE p.relreplident WHEN 'd' THEN 'default' WHEN 'f' THEN 'full' WHEN 'n' THEN 'nothing'
            WHEN 'i' THEN 'index' ELSE p.relreplident::text END, 'options', coalesce(p.reloptions, '{}')) FROM p)::text,
    (SELECT pg_catalog.json_build_object('owner', pg_catalog.pg_get_userbyid(f.proowner),
        'kind', CASE f.prokind WHEN 'f' THEN 'function' WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate'
            WHEN 'w' THEN 'window function' ELSE f.prokind::text END,
        'language', (SELECT l.lanname FROM pg_catalog.pg_language l WHERE l.oid = f.prolang),
        'returns', CASE WHEN f.proretset THEN 'setof ' ELSE '' END || pg_catalog.format_type(f.prorettype, NULL),
        'definer', f.prosecdef, 'settings', coalesce(f.proconfig, '{}'), 'body', f.prosrc,
        'volatility', CASE f.provolatile WHEN 'v' THEN 'volatile' WHEN 's' THEN 'stable' WHEN 'i' THEN 'immutable'
            ELSE f.provolatile::text END,
        'parallel', CASE f.proparallel WHEN 'u' THEN 'unsafe' WHEN 'r' THEN 'restricted' WHEN 's' THEN 'safe'
            ELSE f.proparallel::text END,
        'strict', f.proisstrict, 'leakproof', f.proleakproof, 'cost', f.procost) FROM f)::text,
    (SELECT pg_catalog.json_build_object(
        'enabled', CASE t.tgenabled WHEN 'O' THEN 'origin' WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica'
            WHEN 'A' THEN 'always' ELSE t.tgenabled::text END,
        'timing', CASE WHEN t.tgtype & 64 <> 0 THEN 'instead of' WHEN t.tgtype & 2 <> 0 THEN 'before' ELSE 'after' END,
        'events', pg_catalog.array_remove(ARRAY[CASE WHEN t.tgtype & 4 <> 0 THEN 'insert' END,
            CASE WHEN t.tgtype & 16 <> 0 THEN 'update' END, CASE WHEN t.tgtype & 8 <> 0 THEN 'delete' END,
            CASE WHEN t.tgtype & 32 <> 0 THEN 'truncate' END], NULL),
        'level', CASE WHEN t.tgtype & 1 <> 0 THEN 'row' ELSE 'statement' END,
        'deferrable', t.tgdeferrable AND coalesce(t.condeferrable, true),
        'initially_deferred', t.tginitdeferred AND coalesce(t.condeferred, true),
        'constraint', t.conname,
        'schema', n.nspname, 'function', f.proname,
        'narrowed_by', pg_catalog.array_remove(ARRAY[CASE WHEN t.tgqual IS NOT NULL THEN 'a condition' END,
            CASE WHEN t.tgnargs > 0 THEN 'arguments' END, CASE WHEN t.tgattr::text <> '' THEN 'columns' END,
            CASE WHEN t.tgconstrrelid <> 0 THEN 'another table' END,
            CASE WHEN t.tgoldtable IS NOT NULL OR t.tgnewtable IS NOT NULL THEN 'tables of rows' END,
            CASE WHEN t.tgparentid <> 0 THEN 'a trigger that it is a copy of' END,
            CASE WHEN t.tgisinternal THEN 'being internal' END], NULL))
     FROM t JOIN pg_catalog.pg_proc f ON f.oid = t.tgfoid JOIN pg_catalog.pg_namespace n ON n.oid = f.pronamespace)::text,
    (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('class', i.class, 'column', i.member,
        'privilege', i.privilege, 'grantee', CASE WHEN i.grantee <> 0 THEN pg_catalog.pg_get_userbyid(i.grantee) END,
        'grantable', i.grantable, 'held', i.held, 'initial', i.initial,
        'grantors', ARRAY(SELECT pg_catalog.pg_get_userbyid(x)::text FROM pg_catalog.unnest(i.grantors) x ORDER BY 1))
        ORDER BY i.class, i.member, i.privilege, pg_catalog.pg_get_userbyid(i.grantee)), '[]') FROM item i)::text,
    (SELECT coalesce(pg_catalog.json_object_agg(a.rolname, (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
        'role', w.role, 'superuser', w.rolsuper, 'createrole', w.rolcreaterole, 'can', w.can) ORDER BY w.role), '[]')
        FROM power w WHERE w.prover = a.rolname)), '{}') FROM asked a)::text,
    (SELECT coalesce(pg_catalog.json_object_agg(d.label, d.description), '{}') FROM (
        SELECT CASE WHEN d.objsubid = 0 THEN r.label ELSE 'column ' || a.attname END AS label, d.description FROM root r
            JOIN pg_catalog.pg_description d ON (d.classoid, d.objoid) = (r.classid, r.objid)
            LEFT JOIN pg_catalog.pg_attribute a ON r.label = 'pill' AND a.attrelid = d.objoid AND a.attnum = d.objsubid) d)::text,
    (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('class', o.class, 'name', o.name)
        ORDER BY o.class, o.name), '[]') FROM other o)::text,
    (SELECT coalesce(pg_catalog.json_object_agg(a.rolname, pg_catalog.substr(c.word, 17)), '{}') FROM asked a
        JOIN pg_catalog.pg_db_role_setting s ON s.setrole = a.oid
        JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase AND d.datname = pg_catalog.current_database()
        CROSS JOIN pg_catalog.unnest(s.setconfig) AS c (word) WHERE c.word LIKE 'track\_functions=%')::text
