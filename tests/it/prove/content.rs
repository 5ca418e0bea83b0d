//! Everything that a database and its server hold, as a superuser sees it: two of these tell what stayed.

use std::collections::BTreeMap;

use super::Lab;

/// Things by what they are called, each with what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content(BTreeMap<String, String>);

/// A query over every relation that holds rows, and every sequence. Statistics are gathered by the server itself.
const EVERYTHING: &str = "SELECT string_agg(CASE WHEN c.relkind = 'S' \
      THEN format('SELECT %L, last_value::text || is_called::text FROM %s', 'sequence ' || c.oid::regclass::text, c.oid::regclass) \
      ELSE format('SELECT %L, count(*)::text || md5(coalesce(string_agg(t::text, '';'' ORDER BY t::text), '''')) FROM %s t', \
        c.oid::regclass::text, c.oid::regclass) END, ' UNION ALL ') \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm', 'S') AND c.relpersistence <> 't' \
    AND n.nspname NOT IN ('pg_toast', 'information_schema') AND c.relname NOT IN ('pg_statistic', 'pg_statistic_ext_data', \
      'pg_description', 'pg_collation', 'pg_ts_config_map', 'pg_amop', 'pg_amproc', 'pg_conversion', 'pg_operator', 'pg_init_privs')";

/// What lies beside the rows.
const BESIDE: &str = "SELECT 'prepared transaction ' || gid, '' FROM pg_prepared_xacts \
    UNION ALL SELECT 'slot ' || slot_name, '' FROM pg_replication_slots \
    UNION ALL SELECT 'file ' || f, '' FROM pg_ls_dir('.') AS f WHERE f <> 'pg_internal.init' \
    UNION ALL SELECT 'session of ' || usename || ' ' || pid, '' FROM pg_stat_activity \
      WHERE backend_type = 'client backend' AND usename <> 'postgres' \
    UNION ALL SELECT 'messages in the log', count(*)::text FROM pg_logical_slot_peek_changes('watch', NULL, NULL) \
      WHERE data LIKE 'message:%'";

/// What sees messages in the log.
pub(super) const WATCH: &str =
    "SELECT pg_create_logical_replication_slot('watch', 'test_decoding')";

impl Content {
    pub(super) async fn of(lab: &Lab) -> Self {
        // A commit of its own: messages are seen once the log is on the disk, which nobody hurries for an aborted transaction.
        lab.sql(
            "SELECT pg_catalog.pg_current_xact_id(), pg_catalog.pg_create_restore_point('seen')",
        )
        .await;
        let all: String = lab.text(EVERYTHING).await;
        let mut found = BTreeMap::new();
        for sql in [all.as_str(), BESIDE] {
            for row in lab.root.query(sql, &[]).await.unwrap() {
                found.insert(row.get(0), row.get(1));
            }
        }
        Self(found)
    }

    /// The names of what came, went or changed.
    pub(super) fn changed_to(&self, after: &Self) -> Vec<String> {
        let mut names: Vec<&String> = self.0.keys().chain(after.0.keys()).collect();
        names.sort();
        names.dedup();
        let changed = names.into_iter().filter(|name| self.0.get(*name) != after.0.get(*name));
        // A session is told apart by its process, which no table could name.
        let plain = |name: &String| match name.strip_prefix("session of ") {
            Some(session) => format!("session of {}", session.split(' ').next().unwrap()),
            None => name.clone(),
        };
        changed.map(plain).collect()
    }
}
