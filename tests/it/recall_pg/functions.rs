//! Functions, triggers and event triggers.

use super::{Group, case, cluster};

pub(crate) const GROUP: Group = Group {
    name: "functions",
    title: "Functions, triggers and event triggers",
    setup: "CREATE TABLE t AS SELECT 1 AS n; GRANT SELECT ON t TO OBSERVER",
    desired: "[row_count.\"public.t\"]\ndatabase = \"lab\"\nrows = 1\n",
    cases: &[
        case("a row is added", "INSERT INTO t VALUES (2)", &[("row_count.public.t", "rows")]),
        cluster(
            "a role of no concern comes",
            "CREATE ROLE functions_other",
            "DROP ROLE functions_other",
            &[],
        ),
        case("a table is analyzed", "ANALYZE t", &[]).since(13),
    ],
};
