//! What rights reach out of a transaction, and by what ways nobody would see it.
//!
//! A rollback takes back what was done to the database. It does not take back files, programs, slots and settings of the server, which
//! some roles may reach; and the server does not record calls of its own code, nor of the parts of an aggregate.

use std::collections::{BTreeMap, BTreeSet};

use super::Run;
use super::closure::{CONFINED, Closure, LASTING};
use crate::model::sql::literal;
use crate::model::{RelationName, Unknown};
use crate::probe::postgres::{Param, Session};
use crate::proof::Attempt;

/// The setting by which the server records calls of functions.
const RECORDING: &str = "track_functions";
/// Words without which code of PL/pgSQL or SQL cannot set a setting whose name it does not spell.
const BUILDERS: [&str; 5] = ["discard", "execute", "pg_settings", "reset", "set_config"];

/// Roles of PostgreSQL whose rights reach out of a transaction.
const REACHING: [&str; 6] = [
    "pg_checkpoint",
    "pg_create_subscription",
    "pg_execute_server_program",
    "pg_signal_autovacuum_worker",
    "pg_signal_backend",
    "pg_write_server_files",
];

/// The server's own functions that are nobody's from the start, but for those that only look.
const RESTRICTED: &str = "b.oid < 16384 AND b.proname !~ '^(pg_read_|pg_ls_|pg_stat_file|pg_show_|pg_config|pg_hba_|pg_ident_|\
    pg_current_logfile|pg_stat_have_stats|lo_import|pg_replication_origin_(oid|progress|session_progress|session_is_setup)$)' \
    AND EXISTS (SELECT FROM pg_catalog.pg_init_privs i WHERE i.objoid = b.oid AND i.privtype = 'i' \
      AND i.classoid = 'pg_catalog.pg_proc'::pg_catalog.regclass \
      AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(i.initprivs) x WHERE x.grantee <> b.proowner))";

/// What each of some roles may do, or become, that reaches out.
const POWERS: &str = "SELECT a.rolname::text, p.power FROM pg_catalog.pg_roles a CROSS JOIN LATERAL ( \
      SELECT w.power FROM pg_catalog.pg_roles r CROSS JOIN LATERAL (VALUES (r.rolsuper, 'superuser'), \
        (r.rolreplication, 'replication'), (r.rolname::text = ANY($2), 'member of ' || r.rolname)) w(holds, power) \
      WHERE w.holds AND (r.oid = a.oid OR NOT a.rolsuper AND pg_catalog.pg_has_role(a.oid, r.oid, 'MEMBER')) \
      UNION SELECT b.oid::pg_catalog.regprocedure::text FROM pg_catalog.pg_proc b \
      WHERE NOT a.rolsuper AND RESTRICTED AND EXISTS (SELECT FROM pg_catalog.pg_roles r \
        WHERE pg_catalog.pg_has_role(a.oid, r.oid, 'MEMBER') AND pg_catalog.has_function_privilege(r.oid, b.oid, 'EXECUTE')) SWITCHES) p \
    WHERE a.rolname = ANY($1) ORDER BY 1, 2";

/// Who may switch the recording of calls off, where that can be granted: by what it has, or as a role that it can become.
const SWITCHES: &str = "UNION SELECT 'SET on track_functions' WHERE NOT a.rolsuper AND EXISTS (SELECT FROM pg_catalog.pg_roles r \
    WHERE pg_catalog.pg_has_role(a.oid, r.oid, 'MEMBER') AND pg_catalog.has_parameter_privilege(r.oid, 'track_functions', 'SET'))";

/// Functions of which no call is recorded, and that could do anything: the server's own code under another name, aggregates of code
/// that nobody can look into, and what switches the recording off before it begins.
const UNSEEN: &str = "SELECT p.oid::pg_catalog.regprocedure::text FROM pg_catalog.pg_proc p \
      JOIN pg_catalog.pg_language l ON l.oid = p.prolang WHERE p.oid >= 16384 AND l.lanname = 'internal' AND p.prokind IN ('f', 'w') \
      AND (p.prosecdef OR EXISTS (SELECT FROM pg_catalog.pg_proc b WHERE b.prosrc = p.prosrc AND b.prolang = p.prolang AND RESTRICTED)) \
    UNION SELECT p.oid::pg_catalog.regprocedure::text FROM pg_catalog.pg_proc p WHERE p.oid >= 16384 \
      AND p.proconfig::text ~ 'track_(functions|counts)=' \
    UNION SELECT g.aggfnoid::pg_catalog.regprocedure::text FROM pg_catalog.pg_aggregate g \
      JOIN pg_catalog.pg_proc b ON b.oid = ANY(ARRAY[g.aggtransfn, g.aggfinalfn, g.aggcombinefn, g.aggserialfn, g.aggdeserialfn, \
        g.aggmtransfn, g.aggminvtransfn, g.aggmfinalfn]::pg_catalog.oid[]) JOIN pg_catalog.pg_language l ON l.oid = b.prolang \
      WHERE g.aggfnoid >= 16384::pg_catalog.oid AND (l.lanname <> ALL($1) AND b.oid >= 16384 OR RESTRICTED) AND NOT EXISTS ( \
        SELECT FROM pg_catalog.pg_depend d WHERE d.objid = g.aggfnoid AND d.deptype = 'e' \
        AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass) ORDER BY 1";

/// Foreign tables that some roles, or those that they can become, may use: by their rights, through views, or as parts of other tables.
const REACH: &str = "WITH RECURSIVE reached(oid) AS ( \
      SELECT c.oid FROM pg_catalog.pg_class c, pg_catalog.pg_roles a JOIN pg_catalog.pg_roles r \
          ON r.oid = a.oid OR NOT a.rolsuper AND pg_catalog.pg_has_role(a.oid, r.oid, 'MEMBER') \
        WHERE a.rolname = ANY($1) AND c.relkind IN ('f', 'v', 'm', 'p', 'r') AND c.oid >= 16384 AND pg_catalog.has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE') \
      UNION SELECT n.oid FROM reached c CROSS JOIN LATERAL ( \
        SELECT d.refobjid AS oid FROM pg_catalog.pg_rewrite w JOIN pg_catalog.pg_depend d ON d.objid = w.oid \
          AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass \
          WHERE w.ev_class = c.oid \
        UNION ALL SELECT i.inhrelid FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid) n) \
    SELECT DISTINCT n.nspname::text, c.relname::text FROM reached JOIN pg_catalog.pg_class c USING (oid) \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'f' ORDER BY 1, 2";

/// May one of some roles write messages to a log of changes that subscribers read? What a superuser's function does is out of sight
/// anyway.
const MESSAGES: &str = "SELECT (pg_catalog.current_setting('wal_level') = 'logical' AND EXISTS (SELECT FROM pg_catalog.pg_proc p, \
    pg_catalog.pg_roles a JOIN pg_catalog.pg_roles r ON pg_catalog.pg_has_role(a.oid, r.oid, 'MEMBER') \
    WHERE a.rolname = ANY($1) AND NOT a.rolsuper AND p.proname = 'pg_logical_emit_message' AND p.oid < 16384 \
    AND pg_catalog.has_function_privilege(r.oid, p.oid, 'EXECUTE')))::text";

/// Defaults, checks, indexes, policies, rules and conditions of triggers that call a function whose effect no rollback takes back.
/// Nothing records such a call, and no text of a function names it.
const EXPRESSIONS: &str = "WITH one AS (SELECT pg_catalog.format('[: ](funcid|opfuncid) %s ', p.oid) AS call, p.proname::text AS name \
      FROM pg_catalog.pg_proc p WHERE p.proname = ANY($1) AND p.oid < 16384), \
    tree(relation, node) AS (SELECT d.adrelid, d.adbin::text FROM pg_catalog.pg_attrdef d \
      UNION ALL SELECT k.conrelid, k.conbin::text FROM pg_catalog.pg_constraint k WHERE k.conbin IS NOT NULL \
      UNION ALL SELECT i.indrelid, pg_catalog.concat(i.indexprs::text, i.indpred::text) FROM pg_catalog.pg_index i \
        WHERE i.indexprs IS NOT NULL OR i.indpred IS NOT NULL \
      UNION ALL SELECT p.polrelid, pg_catalog.concat(p.polqual::text, p.polwithcheck::text) FROM pg_catalog.pg_policy p \
      UNION ALL SELECT w.ev_class, pg_catalog.concat(w.ev_qual::text, w.ev_action::text) FROM pg_catalog.pg_rewrite w WHERE w.oid >= 16384 \
      UNION ALL SELECT t.tgrelid, t.tgqual::text FROM pg_catalog.pg_trigger t WHERE t.tgqual IS NOT NULL \
      UNION ALL SELECT 0, y.typdefaultbin::text FROM pg_catalog.pg_type y WHERE y.typdefaultbin IS NOT NULL) \
    SELECT DISTINCT coalesce(n.nspname || '.' || c.relname, 'a type'), one.name FROM tree JOIN one ON tree.node ~ one.call \
    LEFT JOIN pg_catalog.pg_class c ON c.oid = tree.relation LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace ORDER BY 1, 2";

/// What is known of the rights of a role before it logs in.
#[derive(Debug, Default)]
pub(super) struct Rights {
    /// May it switch the recording of calls off?
    switchable: bool,
    /// What is known to run as the role itself, and could do that.
    builders: Vec<String>,
    /// What reaches out of the transaction.
    pub(super) powers: Vec<String>,
}

/// The same question as [`builds`] about a text that the server holds, as an expression.
pub(super) fn building(text: &str) -> String {
    let word = |words: &str| literal(&format!("(^|[^a-z0-9_])({words})($|[^a-z0-9_])"));
    let (recording, builders) = (word(RECORDING), word(&BUILDERS.join("|")));
    let plain = literal(
        "set_config[[:space:]]*[(][[:space:]]*'[a-z0-9_.]+'[[:space:]]*,|reset[[:space:]]+(role|session)",
    );
    format!(
        "({text} ~* {recording} OR pg_catalog.regexp_replace({text}, {plain}, '', 'gi') ~* {builders})"
    )
}

/// Does a text that the server holds name a function whose effect no rollback takes back? As an expression.
pub(super) fn lasting(text: &str) -> String {
    format!(
        "({text} ~* {})",
        literal(&format!("(^|[^a-z0-9_])({})[[:space:]\"]*[(]", LASTING.join("|")))
    )
}

/// Could code switch the recording of calls off? It could where it runs text that is put together, or sets what it does not name.
pub(super) fn builds(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = text.as_str();
    while let Some(start) = rest.find(is_word) {
        let word = &rest[start..];
        let end = word.find(|c| !is_word(c)).unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        let plain = match word {
            RECORDING => false,
            "set_config" => names_a_setting(after),
            "reset" => ["role", "session"].iter().any(|what| after.trim_start().starts_with(what)),
            _ => !BUILDERS.contains(&word),
        };
        if !plain {
            return true;
        }
        rest = after;
    }
    false
}

/// Does an argument list begin with the name of a setting, and nothing put together?
fn names_a_setting(text: &str) -> bool {
    let quoted =
        text.trim_start().strip_prefix('(').and_then(|text| text.trim_start().strip_prefix('\''));
    let parts = quoted.and_then(|text| text.split_once('\''));
    parts.is_some_and(|(name, after)| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        name != RECORDING && name.chars().all(plain) && after.trim_start().starts_with(',')
    })
}

fn texts(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// What reaches out of a transaction, of each of some roles that has anything of it.
pub(super) async fn of(
    session: &Session,
    roles: &BTreeSet<String>,
) -> Result<BTreeMap<String, Vec<String>>, Unknown> {
    let roles: Vec<String> = roles.iter().cloned().collect();
    let switches = if session.identity().version_number < 150_000 { "" } else { SWITCHES };
    let sql = POWERS.replace("RESTRICTED", RESTRICTED).replace("SWITCHES", switches);
    let mut powers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in session.ask(&sql, &[Param::Texts(&roles), Param::Texts(&texts(&REACHING))]).await? {
        if let Ok([Some(role), Some(power)]) = <[Option<String>; 2]>::try_from(row) {
            powers.entry(role).or_default().push(power);
        }
    }
    Ok(powers)
}

/// Functions of this database of which no call is recorded, and that could do anything.
pub(super) async fn unseen(session: &Session) -> Result<Vec<String>, Unknown> {
    let sql = UNSEEN.replace("RESTRICTED", RESTRICTED);
    let rows = session.ask(&sql, &[Param::Texts(&texts(CONFINED))]).await?;
    Ok(rows.into_iter().flatten().flatten().collect())
}

/// Expressions of this database that call a function whose effect no rollback takes back, as relation and function.
pub(super) async fn lasting_expressions(
    session: &Session,
) -> Result<Vec<(String, String)>, Unknown> {
    let rows = session.ask(EXPRESSIONS, &[Param::Texts(&texts(LASTING))]).await?;
    let pairs = rows.into_iter().filter_map(|row| match <[Option<String>; 2]>::try_from(row) {
        Ok([Some(relation), Some(function)]) => Some((relation, function)),
        _ => None,
    });
    Ok(pairs.collect())
}

impl Rights {
    /// Asks for them.
    pub(super) async fn of(
        session: &Session,
        run: &Run<'_>,
        closure: &Closure,
    ) -> Result<Self, Unknown> {
        let role = &run.contract.role;
        let mut powers =
            of(session, &BTreeSet::from([role.clone()])).await?.remove(role).unwrap_or_default();
        let count = powers.len();
        powers.retain(|power| power != "SET on track_functions");
        let switchable = powers.len() < count;
        let mut builders = closure.builders();
        if !run.script && builds(&run.contract.statement) {
            builders.push("the contract".to_owned());
        }
        Ok(Self { switchable, builders, powers })
    }

    /// Takes them into what is judged, and finds the rights of everybody as whom it acted.
    pub(super) async fn tell(
        &self,
        session: &Session,
        run: &Run<'_>,
        attempt: &mut Attempt,
    ) -> Result<(), Unknown> {
        attempt.switchable = self.switchable;
        attempt.builders.clone_from(&self.builders);
        let Some(inside) = &mut attempt.inside else { return Ok(()) };
        let definers = inside.functions.iter_mut().filter(|function| function.definer);
        let mut definers: Vec<_> = definers.collect();
        let owners: BTreeSet<String> =
            definers.iter().map(|function| function.owner.clone()).collect();
        let powers = of(session, &owners).await?;
        for function in &mut definers {
            function.powers = powers.get(&function.owner).cloned().unwrap_or_default();
        }
        let acting = [&run.contract.role, &inside.role].map(Clone::clone);
        let roles: Vec<String> = owners.into_iter().chain(acting).collect();
        let messages = session.ask(MESSAGES, &[Param::Texts(&roles)]).await?;
        let allowed = messages.into_iter().flatten().flatten().any(|word| word == "true");
        // The text of a plan is what people have read.
        attempt.messages = allowed && !run.script;
        for row in session.ask(REACH, &[Param::Texts(&roles)]).await? {
            if let Ok([Some(schema), Some(name)]) = <[Option<String>; 2]>::try_from(row) {
                attempt.reach.push(RelationName { schema, name }.to_string());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_that_could_switch_the_recording_off_is_found_by_its_words() {
        for text in
            ["EXECUTE 'x'", "SET track_functions TO 'none'", "Reset All", "UPDATE pg_settings SET"]
        {
            assert!(builds(text), "{text}");
        }
        for text in [
            "set_config ( 'track' || '_functions', 'none')",
            "set_config('track_functions', 'none', true)",
            "RESET ROLE; RESET ALL",
        ] {
            assert!(builds(text), "{text}");
        }
        for text in [
            "PERFORM set_config('app.writer', 'x', true); RESET ROLE",
            "SELECT executed, resets FROM discards",
            "UPDATE t SET a = 1",
            "current_setting('x')",
        ] {
            assert!(!builds(text), "{text}");
        }
    }
}
