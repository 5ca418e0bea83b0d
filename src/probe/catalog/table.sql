WITH t AS MATERIALIZED (
    SELECT n.nspname AS schema, c.*
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f') AND {condition}
), columns AS (
    -- Of the fields that few columns have, a list is made only where there is one.
    SELECT a.attrelid AS oid, pg_catalog.json_agg(pg_catalog.json_build_array(
        a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull,
        -- A default names no column: without the table its text takes no lock.
        pg_catalog.pg_get_expr(d.adbin, CASE a.attgenerated WHEN '' THEN 0 ELSE a.attrelid END),
        CASE WHEN a.attinhcount > 0 OR a.attidentity <> '' OR a.attgenerated <> ''
            OR a.attstorage <> y.typstorage OR {compression} IS NOT NULL OR a.attcollation <> y.typcollation
            OR a.attstattarget >= 0 OR a.attoptions IS NOT NULL OR a.attfdwoptions IS NOT NULL
            OR o.description IS NOT NULL
        THEN pg_catalog.json_build_array(
            CASE WHEN a.attstorage <> y.typstorage THEN a.attstorage END,
            {compression},
            CASE WHEN a.attcollation <> y.typcollation THEN (
                SELECT pg_catalog.json_build_array(m.nspname, l.collname)
                FROM pg_catalog.pg_collation l JOIN pg_catalog.pg_namespace m ON m.oid = l.collnamespace
                WHERE l.oid = a.attcollation) END,
            a.attidentity, a.attgenerated,
            CASE WHEN a.attidentity <> '' THEN (
                SELECT pg_catalog.json_build_array(
                    q.seqstart, q.seqincrement, q.seqmin, q.seqmax, q.seqcache, q.seqcycle)
                FROM pg_catalog.pg_depend e JOIN pg_catalog.pg_sequence q ON q.seqrelid = e.objid
                WHERE e.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.refobjid = a.attrelid
                AND e.refobjsubid = a.attnum AND e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                AND e.deptype = 'i') END,
            a.attinhcount > 0, a.attislocal, nullif(a.attstattarget, -1), a.attoptions, a.attfdwoptions, o.description
        ) END) ORDER BY a.attnum) AS list
    FROM t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_catalog.pg_type y ON y.oid = a.atttypid
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN pg_catalog.pg_description o ON o.objoid = a.attrelid AND o.objsubid = a.attnum
        AND o.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
    GROUP BY a.attrelid
), policies AS (
    SELECT p.polrelid AS oid, pg_catalog.json_agg(pg_catalog.json_build_object(
        'name', p.polname, 'permissive', p.polpermissive,
        'command', CASE p.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update'
            WHEN 'd' THEN 'delete' ELSE 'all' END,
        'roles', (SELECT pg_catalog.json_agg(r.name ORDER BY r.name) FROM (
            SELECT CASE u WHEN 0 THEN 'public' ELSE pg_catalog.pg_get_userbyid(u) END
            FROM pg_catalog.unnest(p.polroles) u) r (name)),
        'using', pg_catalog.pg_get_expr(p.polqual, p.polrelid),
        'check', pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid),
        'comment', pg_catalog.obj_description(p.oid, 'pg_policy')) ORDER BY p.polname) AS list
    FROM t JOIN pg_catalog.pg_policy p ON p.polrelid = t.oid GROUP BY 1
), rules AS (
    SELECT r.ev_class AS oid, pg_catalog.json_agg(pg_catalog.json_build_object(
        'name', r.rulename, 'definition', pg_catalog.pg_get_ruledef(r.oid),
        'fires', CASE r.ev_enabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always' END,
        'comment', pg_catalog.obj_description(r.oid, 'pg_rewrite')) ORDER BY r.rulename) AS list
    FROM t JOIN pg_catalog.pg_rewrite r ON r.ev_class = t.oid GROUP BY 1
), statistics AS (
    SELECT s.stxrelid AS oid, pg_catalog.json_agg(pg_catalog.json_build_object(
        'schema', m.nspname, 'name', s.stxname, 'definition', pg_catalog.pg_get_statisticsobjdef(s.oid),
        'target', nullif(s.stxstattarget, -1), 'owner', pg_catalog.pg_get_userbyid(s.stxowner),
        'comment', pg_catalog.obj_description(s.oid, 'pg_statistic_ext')) ORDER BY m.nspname, s.stxname) AS list
    FROM t JOIN pg_catalog.pg_statistic_ext s ON s.stxrelid = t.oid
    JOIN pg_catalog.pg_namespace m ON m.oid = s.stxnamespace GROUP BY 1
), parents AS (
    SELECT i.inhrelid AS oid, pg_catalog.json_agg(
        pg_catalog.json_build_array(m.nspname, p.relname) ORDER BY i.inhseqno) AS list,
        pg_catalog.bool_or({detaching}) AS detaching
    FROM t JOIN pg_catalog.pg_inherits i ON i.inhrelid = t.oid JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
    JOIN pg_catalog.pg_namespace m ON m.oid = p.relnamespace GROUP BY 1
), children AS (
    SELECT i.inhparent AS oid, pg_catalog.json_agg(
        pg_catalog.json_build_array(m.nspname, p.relname) ORDER BY m.nspname, p.relname) AS list
    FROM t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid JOIN pg_catalog.pg_class p ON p.oid = i.inhrelid
    JOIN pg_catalog.pg_namespace m ON m.oid = p.relnamespace GROUP BY 1
), labels AS (
    SELECT t.oid, pg_catalog.json_agg(pg_catalog.json_build_array(a.attname, l.provider, l.label)
        ORDER BY l.objsubid, l.provider) AS list
    FROM t JOIN pg_catalog.pg_seclabel l ON l.objoid = t.oid
        AND l.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = l.objsubid AND a.attnum > 0 GROUP BY 1
)
SELECT t.schema::text, t.relname::text,
    CASE t.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned' ELSE 'foreign' END,
    columns.list::text,
    CASE t.relpersistence WHEN 'p' THEN 'permanent' WHEN 'u' THEN 'unlogged' ELSE 'temporary' END,
    pg_catalog.pg_get_userbyid(t.relowner)::text, t.relrowsecurity::text, t.relforcerowsecurity::text,
    policies.list::text,
    CASE t.relreplident WHEN 'd' THEN 'default' WHEN 'n' THEN 'nothing' WHEN 'f' THEN 'full' ELSE 'index' END,
    (SELECT i.relname::text FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
        WHERE t.relreplident = 'i' AND x.indrelid = t.oid AND x.indisreplident),
    m.amname::text, e.spcname::text, pg_catalog.array_to_json(t.reloptions)::text,
    pg_catalog.array_to_json(toast.reloptions)::text,
    CASE t.relkind WHEN 'p' THEN pg_catalog.pg_get_partkeydef(t.oid) END,
    -- Neither does a bound name a column.
    pg_catalog.pg_get_expr(t.relpartbound, 0),
    parents.list::text, coalesce(parents.detaching, false)::text, children.list::text,
    CASE t.reloftype WHEN 0 THEN NULL ELSE pg_catalog.format_type(t.reloftype, NULL) END,
    s.srvname::text, pg_catalog.array_to_json(f.ftoptions)::text,
    rules.list::text, statistics.list::text, o.description, labels.list::text,
    (SELECT x.extname::text FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension x ON x.oid = d.refobjid
        WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = t.oid AND d.deptype = 'e')
FROM t LEFT JOIN columns USING (oid) LEFT JOIN policies USING (oid) LEFT JOIN rules USING (oid)
LEFT JOIN statistics USING (oid) LEFT JOIN parents USING (oid) LEFT JOIN children USING (oid)
LEFT JOIN labels USING (oid)
LEFT JOIN pg_catalog.pg_am m ON m.oid = t.relam
LEFT JOIN pg_catalog.pg_tablespace e ON e.oid = t.reltablespace
LEFT JOIN pg_catalog.pg_class toast ON toast.oid = t.reltoastrelid
LEFT JOIN pg_catalog.pg_foreign_table f ON f.ftrelid = t.oid
LEFT JOIN pg_catalog.pg_foreign_server s ON s.oid = f.ftserver
LEFT JOIN pg_catalog.pg_description o ON o.objoid = t.oid AND o.objsubid = 0
    AND o.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
ORDER BY 1, 2
