SELECT n.nspname::text, c.relname::text, k.conname::text,
    CASE k.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'c' THEN 'check'
        WHEN 'f' THEN 'foreign key' WHEN 'x' THEN 'exclude' WHEN 'n' THEN 'not null' ELSE k.contype::text END,
    pg_catalog.pg_get_constraintdef(k.oid),
    -- One probe of an index for each column, and no join with all columns of the table.
    (SELECT pg_catalog.json_agg((SELECT a.attname FROM pg_catalog.pg_attribute a
            WHERE a.attrelid = k.conrelid AND a.attnum = u.number) ORDER BY u.place)::text
        FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY u (number, place)),
    CASE k.contype WHEN 'f' THEN pg_catalog.json_build_array(fn.nspname, f.relname)::text END,
    CASE k.contype WHEN 'f' THEN (SELECT pg_catalog.json_agg(a.attname ORDER BY u.place)::text
        FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY u (number, place)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number) END,
    {action_of_delete}, {action_of_update},
    CASE k.confmatchtype WHEN 'f' THEN 'full' WHEN 'p' THEN 'partial' WHEN 's' THEN 'simple' END,
    k.convalidated::text, {enforced}::text, k.condeferrable::text, k.condeferred::text, k.connoinherit::text,
    (k.conparentid <> 0 OR k.coninhcount > 0)::text, k.conislocal::text, o.description
FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_class f ON f.oid = k.confrelid
LEFT JOIN pg_catalog.pg_namespace fn ON fn.oid = f.relnamespace
LEFT JOIN pg_catalog.pg_constraint parent ON parent.oid = k.conparentid
LEFT JOIN pg_catalog.pg_description o ON o.objoid = k.oid AND o.objsubid = 0
    AND o.classoid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
-- Constraint triggers are triggers. A foreign key to a partitioned table has a row for each partition, which is no
-- constraint that anybody made.
WHERE k.contype <> 't' AND (parent.conrelid IS NULL OR parent.conrelid <> k.conrelid) AND {condition}
ORDER BY 1, 2, 3
