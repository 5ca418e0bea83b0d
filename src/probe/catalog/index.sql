SELECT n.nspname::text, i.relname::text, c.relname::text, pg_catalog.pg_get_indexdef(x.indexrelid),
    x.indisunique::text, m.amname::text, x.indisvalid::text, (x.indisready AND x.indislive)::text,
    {nulls_not_distinct}::text, x.indimmediate::text,
    pg_catalog.array_to_json(i.reloptions)::text, e.spcname::text, x.indisclustered::text, x.indisreplident::text,
    k.conname::text,
    (SELECT pg_catalog.json_build_array(pn.nspname, p.relname)::text
        FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_class p ON p.oid = h.inhparent
        JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
        WHERE i.relispartition AND h.inhrelid = i.oid),
    CASE WHEN x.indexprs IS NOT NULL THEN (SELECT pg_catalog.json_agg(
            pg_catalog.json_build_array(a.attnum, a.attstattarget) ORDER BY a.attnum)::text
        FROM pg_catalog.pg_attribute a WHERE a.attrelid = i.oid AND a.attstattarget >= 0) END,
    o.description
FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
JOIN pg_catalog.pg_class c ON c.oid = x.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = i.relnamespace
JOIN pg_catalog.pg_am m ON m.oid = i.relam
LEFT JOIN pg_catalog.pg_tablespace e ON e.oid = i.reltablespace
LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = x.indexrelid AND k.conrelid = x.indrelid
    AND k.contype IN ('p', 'u', 'x')
LEFT JOIN pg_catalog.pg_description o ON o.objoid = i.oid AND o.objsubid = 0
    AND o.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
WHERE {condition} ORDER BY 1, 2
