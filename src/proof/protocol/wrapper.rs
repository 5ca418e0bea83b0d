//! The statement around the contract: it runs it, looks at what came of it from within, and always ends in an error.
//!
//! Its text is put together from constants alone. The contract, the witness, the parameters and the compared places are settings of the
//! transaction, so nothing of them is ever part of it. An error is the only way out of it, so that even without a transaction around
//! it nothing could be committed; and a procedure that commits, or a statement that does, is refused by the server within it.

use std::fmt::Write as _;

use crate::desired::{Contract, ParameterType};

/// The settings that carry what is run.
pub(super) const CONTRACT: &str = "countersign.contract";
pub(super) const WITNESS: &str = "countersign.witness";
pub(super) const PARAMETERS: &str = "countersign.parameters";
pub(super) const PLACES: &str = "countersign.places";

/// The SQLSTATE with which it ends.
pub(super) const COMPLETE: &str = "CSP00";

/// The beginning: what was passed as settings.
const DECLARE: &str = "DO LANGUAGE plpgsql $countersign$
DECLARE
  done boolean := false; state pg_catalog.text; said pg_catalog.text; amount bigint; places pg_catalog.jsonb;
  outcome pg_catalog.record; one pg_catalog.text; witness_before pg_catalog.text; witness_inside pg_catalog.text;
  fired bigint := 0; evidence pg_catalog.jsonb; names pg_catalog.text[]; unfired pg_catalog.jsonb;
  search pg_catalog.text := pg_catalog.current_setting('search_path');
  contract pg_catalog.text := pg_catalog.current_setting('countersign.contract');
  witness pg_catalog.text := pg_catalog.current_setting('countersign.witness');
  p pg_catalog.text[] := ARRAY(SELECT e.item FROM pg_catalog.jsonb_array_elements_text(
    pg_catalog.current_setting('countersign.parameters')::pg_catalog.jsonb) WITH ORDINALITY AS e(item, n) ORDER BY e.n);
BEGIN
  BEGIN
";

const SCRIPT: &str = "    FOREACH one IN ARRAY ARRAY(SELECT e.item FROM \
    pg_catalog.jsonb_array_elements_text(contract::pg_catalog.jsonb) WITH ORDINALITY AS e(item, n) ORDER BY e.n) LOOP
      EXECUTE one;
    END LOOP;
";

/// What the witness names means what PostgreSQL means by it, as for the observer: not what the contract's path of schemas makes of it.
const WITNESS_BEFORE: &str =
    "    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    EXECUTE witness INTO witness_before;
    PERFORM pg_catalog.set_config('search_path', search, true);
";
const WITNESS_INSIDE: &str =
    "    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    EXECUTE witness INTO witness_inside;
";

/// What stands at the compared places of the first row. The names are those of desired state.
const FOUND: &str = "    places := (SELECT pg_catalog.jsonb_object_agg(place, \
    pg_catalog.jsonb_extract_path(pg_catalog.to_jsonb(outcome), VARIADIC pg_catalog.string_to_array(place, '.'))) \
    FROM pg_catalog.jsonb_array_elements_text(pg_catalog.current_setting('countersign.places')::pg_catalog.jsonb) AS place);\n";

/// Constraints and triggers that would judge at commit judge now, by their names: `ALL` would fire our own trigger. The path of
/// schemas is that of the application while they do.
const CONSTRAINTS: &str = "    search := pg_catalog.current_setting('search_path');
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    names := ARRAY(SELECT DISTINCT pg_catalog.format('%I.%I', s.nspname, k.conname) FROM pg_catalog.pg_constraint k
      JOIN pg_catalog.pg_namespace s ON s.oid = k.connamespace
      WHERE k.condeferrable AND pg_catalog.has_schema_privilege(s.oid, 'USAGE')
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgconstraint = k.oid AND t.tgrelid = PILL) ORDER BY 1);
    unfired := (SELECT pg_catalog.jsonb_agg(DISTINCT pg_catalog.format('%I.%I', s.nspname, k.conname)) FROM pg_catalog.pg_constraint k
      JOIN pg_catalog.pg_namespace s ON s.oid = k.connamespace JOIN pg_catalog.pg_stat_xact_user_tables w ON w.relid = k.conrelid
      WHERE k.condeferrable AND NOT pg_catalog.has_schema_privilege(s.oid, 'USAGE') AND k.conrelid <> PILL
        AND w.n_tup_ins + w.n_tup_upd + w.n_tup_del > 0);
    PERFORM pg_catalog.set_config('search_path', search, true);
    FOREACH one IN ARRAY names LOOP
      EXECUTE pg_catalog.concat('SET CONSTRAINTS ', one, ' IMMEDIATE');
    END LOOP;
    fired := pg_catalog.cardinality(names);
";

/// The end: what is seen from within, and the error that carries it out.
const REPORT: &str = "    done := true;
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, said = MESSAGE_TEXT;
  END;
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  evidence := pg_catalog.jsonb_build_object(
    'done', done, 'rows', amount::text, 'sqlstate', state, 'message', pg_catalog.left(said, 1000),
    'witness_before', witness_before, 'witness_inside', witness_inside, 'found', coalesce(places, '{}'),
    'xid', pg_catalog.pg_current_xact_id_if_assigned()::text, 'pid', pg_catalog.pg_backend_pid()::text,
    'role', current_user::text, 'session_role', session_user::text,
    'traced', pg_catalog.current_setting('track_functions') = 'all' AND pg_catalog.current_setting('track_counts') = 'on',
    'functions', coalesce((SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', f.funcid::regprocedure::text,
        'language', l.lanname::text, 'owner', r.rolname::text, 'definer', p.prosecdef,
        'builds', BUILDS, 'lasting', LASTS, 'calls', f.calls::text) ORDER BY f.funcid)
      FROM pg_catalog.pg_stat_xact_user_functions f JOIN pg_catalog.pg_proc p ON p.oid = f.funcid
      JOIN pg_catalog.pg_language l ON l.oid = p.prolang JOIN pg_catalog.pg_roles r ON r.oid = p.proowner), '[]'),
    'writes', coalesce((SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('schema', t.schemaname,
        'name', t.relname, 'inserted', t.n_tup_ins::text, 'updated', t.n_tup_upd::text,
        'deleted', t.n_tup_del::text) ORDER BY t.schemaname, t.relname)
      FROM pg_catalog.pg_stat_xact_all_tables t
      WHERE t.n_tup_ins + t.n_tup_upd + t.n_tup_del > 0 AND t.relid <> PILL AND t.schemaname <> 'pg_toast'), '[]'),
    'locks', coalesce((SELECT pg_catalog.jsonb_agg(DISTINCT pg_catalog.jsonb_build_object('schema', n.nspname, 'name', c.relname,
        'relkind', c.relkind::text, 'mode', k.mode))
      FROM pg_catalog.pg_locks k JOIN pg_catalog.pg_class c ON c.oid = k.relation
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE k.pid = pg_catalog.pg_backend_pid() AND k.locktype = 'relation' AND (k.mode <> 'AccessShareLock' OR c.relkind = 'f')
        AND k.relation >= 16384 AND k.relation <> PILL AND c.relkind NOT IN ('i', 'I', 't')), '[]'),
    'advisory', (SELECT pg_catalog.count(*)::text FROM pg_catalog.pg_locks
      WHERE pid = pg_catalog.pg_backend_pid() AND locktype = 'advisory'),
    'fired', fired::text, 'unfired', coalesce(unfired, '[]'));
  RAISE EXCEPTION USING ERRCODE = 'CSP00', MESSAGE = 'countersign: the proof is complete and ends here, as it has to',
    DETAIL = evidence::text;
END $countersign$";

/// What the contract is, as the server has to treat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// One statement that returns rows.
    Answers,
    /// One statement that returns none.
    Silent,
    /// Statements of a plan, as a list in JSON.
    Script,
}

/// The text for contracts of this form. `pill`: the number of the table whose trigger refuses every commit.
pub(super) fn text(contract: &Contract, form: Form, pill: u32) -> String {
    let mut text = DECLARE.to_owned();
    if contract.witness.is_some() {
        text.push_str(WITNESS_BEFORE);
    }
    if form == Form::Script {
        text.push_str(SCRIPT);
    } else {
        text.push_str("    EXECUTE contract");
        if form == Form::Answers {
            text.push_str(" INTO outcome");
        }
        text.push_str(&using(contract.parameters.iter().map(|parameter| parameter.kind)));
        text.push_str(";\n    GET DIAGNOSTICS amount = ROW_COUNT;\n");
    }
    if form == Form::Answers && !contract.result.is_empty() {
        text.push_str(FOUND);
    }
    text.push_str(CONSTRAINTS);
    if contract.witness.is_some() {
        text.push_str(WITNESS_INSIDE);
    }
    text.push_str(REPORT);
    let code = "pg_catalog.pg_get_functiondef(p.oid)";
    text.replace("BUILDS", &super::powers::building(code))
        .replace("LASTS", &super::powers::lasting(code))
        .replace("PILL", &pill.to_string())
}

/// The parameters, each read as its type.
fn using(types: impl Iterator<Item = ParameterType>) -> String {
    let mut text = String::new();
    for (kind, n) in types.zip(1..) {
        let word = if n == 1 { " USING" } else { "," };
        // Writing to a text does not fail.
        let _ = write!(text, "{word} p[{n}]::{}", kind.sql());
    }
    text
}
