-- The sandbox database: names, roles, grants and counts as in the system that the worked example describes.
-- What is marked `-- invented` is not known of it. Runs once, as superuser, in an empty database owned by `directus`.

SET client_min_messages = warning;

-- Extensions, where the server has them; a missing one is drift, and not an error here.
DO $$
DECLARE wanted text;
BEGIN
  FOR wanted IN SELECT name FROM pg_available_extensions WHERE name IN ('btree_gist', 'pgcrypto', 'postgres_fdw') LOOP
    EXECUTE format('CREATE EXTENSION IF NOT EXISTS %I', wanted);
  END LOOP;
END $$;

-- Roles. `directus` exists already: it owns the database, what is public, and the functions that act with its rights.
CREATE ROLE cutter_exec LOGIN CONNECTION LIMIT 2;
CREATE ROLE cutter_verify LOGIN CONNECTION LIMIT 2;
CREATE ROLE cutter_ro NOLOGIN;
CREATE ROLE workflow_admin LOGIN SUPERUSER;             -- for grants on the governance schema, and for dumps
CREATE ROLE context_pack_readonly LOGIN;
ALTER ROLE context_pack_readonly SET default_transaction_read_only = on;
ALTER ROLE context_pack_readonly SET statement_timeout = '5s';
CREATE ROLE countersign_observer LOGIN;

CREATE SCHEMA cutter_governance;

-- Units: 19 columns, of which only those that fn_iu_create names, the key and the status are known.
CREATE TABLE public.information_unit (
  id uuid PRIMARY KEY,
  canonical_address text NOT NULL UNIQUE,
  title text NOT NULL,
  unit_kind text NOT NULL,
  section_type text NOT NULL,
  owner_ref text NOT NULL,
  publication_type text,
  parent_ref uuid,
  lifecycle_status text NOT NULL DEFAULT 'draft',
  created_by text NOT NULL,                        -- invented, and all below
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  enacted_at timestamptz,
  retired_at timestamptz,
  language text NOT NULL DEFAULT 'en',
  sort_key integer NOT NULL DEFAULT 0,
  current_version integer NOT NULL DEFAULT 1,
  digest text,
  remark text
);

-- Versions: 16 columns, all invented but for the key, the unit and the body.
CREATE TABLE public.unit_version (
  id uuid PRIMARY KEY,
  iu_id uuid NOT NULL REFERENCES public.information_unit DEFERRABLE INITIALLY DEFERRED,
  version integer NOT NULL,
  body text NOT NULL,
  title text NOT NULL,                             -- invented, and all below
  lifecycle_status text NOT NULL DEFAULT 'draft',
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  enacted_at timestamptz,
  superseded_at timestamptz,
  language text NOT NULL DEFAULT 'en',
  digest text,
  change_note text,
  source_ref text,
  word_count integer NOT NULL DEFAULT 0,
  remark text,
  UNIQUE (iu_id, version)
);

CREATE TABLE public.iu_lifecycle_log (             -- invented columns
  n bigserial PRIMARY KEY,
  iu_id uuid NOT NULL REFERENCES public.information_unit,
  from_status text NOT NULL,
  to_status text NOT NULL,
  actor text NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);

-- Written in the background by others.
CREATE TABLE public.event_outbox (                 -- invented columns
  n bigserial PRIMARY KEY, topic text NOT NULL, payload jsonb NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE public.birth_registry (               -- invented columns
  n bigserial PRIMARY KEY, entity uuid NOT NULL, at timestamptz NOT NULL DEFAULT now());

-- One row for each unit, from a sequence that no rollback sets back.
CREATE TABLE public.iu_anchor (                    -- invented: its name and columns
  n bigserial PRIMARY KEY, iu_id uuid NOT NULL);

CREATE TABLE public.dot_config (                   -- invented column types
  key text PRIMARY KEY, value text NOT NULL, description text NOT NULL DEFAULT '', updated_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE public.directus_collections (         -- invented columns
  collection text PRIMARY KEY, hidden boolean NOT NULL DEFAULT false);

-- Governance: the names are known, the columns are invented.
CREATE TABLE cutter_governance.manifest_envelope (
  id integer PRIMARY KEY, source_digest text NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE cutter_governance.manifest_unit_block (
  id integer PRIMARY KEY, envelope_id integer NOT NULL REFERENCES cutter_governance.manifest_envelope, canonical_address text NOT NULL);
CREATE TABLE cutter_governance.cut_change_set (
  id integer PRIMARY KEY, envelope_id integer NOT NULL REFERENCES cutter_governance.manifest_envelope, status text NOT NULL);
CREATE TABLE cutter_governance.cut_change_set_affected_row (
  id integer PRIMARY KEY, change_set_id integer NOT NULL REFERENCES cutter_governance.cut_change_set, relation text NOT NULL);
CREATE TABLE cutter_governance.review_decision (
  id integer PRIMARY KEY, change_set_id integer NOT NULL REFERENCES cutter_governance.cut_change_set, decision text NOT NULL);
CREATE TABLE cutter_governance.verify_result (
  id integer PRIMARY KEY, change_set_id integer NOT NULL REFERENCES cutter_governance.cut_change_set, verdict text NOT NULL);
CREATE TABLE cutter_governance.dot_pair_signature (
  id integer PRIMARY KEY, change_set_id integer NOT NULL REFERENCES cutter_governance.cut_change_set, signer text NOT NULL);
CREATE TABLE cutter_governance.decision_backlog_entry (id integer PRIMARY KEY, subject text NOT NULL);
CREATE TABLE cutter_governance.decision_backlog_history (id integer PRIMARY KEY, entry_id integer NOT NULL, note text NOT NULL);

-- `directus` owns what is public. Before any row: foreign keys that are still to be checked would forbid it.
DO $$
DECLARE owned regclass;
BEGIN
  FOR owned IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO directus', owned);
  END LOOP;
END $$;

-- 86 settings. The names of these switches are known, and the values of the last four and of the empty one.
INSERT INTO public.dot_config (key, value, description)
  SELECT 'iu_core.' || name || '_enabled', 'true', 'invented value'
  FROM unnest(ARRAY['routes_master', 'route_worker', 'structure_ops', 'delivery', 'composer', 'operator_runtime']) AS name;
INSERT INTO public.dot_config (key, value, description) VALUES
  ('iu_core.delivery_live_routes', '', 'no route is live'),
  ('process_dot_runtime.real_run_enabled', 'false', 'a run changes nothing'),
  ('process_dot_runtime.execute_enabled', 'false', 'nothing is executed'),
  ('process_dot_runtime.dry_run_only', 'true', 'every run is a dry run'),
  ('piece_event_runtime.emit_enabled', 'false', 'no event leaves'),
  ('iu_core.gateway_write_guard', 'enforced', 'the mode is known, this key is invented');
INSERT INTO public.dot_config (key, value, description)   -- invented names and values
  SELECT 'queue.' || name || '_batch_size', '50', 'invented' FROM unnest(ARRAY['ingest', 'cut', 'review', 'verify', 'enact', 'deliver',
    'notify', 'index', 'embed', 'archive', 'retry', 'dead_letter']) AS name
  UNION ALL SELECT 'vocab.unit_kind.' || name, name, 'invented, but for law_unit' FROM unnest(ARRAY['law_unit', 'policy_unit', 'design_unit',
    'process_unit', 'record_unit', 'note_unit']) AS name
  UNION ALL SELECT 'vocab.section_type.' || name, name, 'invented' FROM unnest(ARRAY['part', 'chapter', 'section', 'article', 'clause',
    'point']) AS name
  UNION ALL SELECT 'application.setting_' || to_char(i, 'FM00'), i::text, 'invented' FROM generate_series(1, 50) AS i;

-- Functions. Known: names, arguments of fn_iu_create, how many fn_iu_enact has, the order of the checks, what is refused and
-- when. All bodies are invented.

-- Refuses a write that does not come through a function of the list.
CREATE FUNCTION public.fn_iu_gateway_write_guard() RETURNS trigger LANGUAGE plpgsql AS $$   -- invented name
BEGIN
  IF coalesce(current_setting('app.canonical_writer', true), '') NOT IN ('fn_iu_create', 'fn_iu_apply_edit_draft', 'fn_iu_enact') THEN
    RAISE EXCEPTION 'write to % refused: no canonical writer', TG_TABLE_NAME USING ERRCODE = '42501';
  END IF;
  RETURN NEW;
END $$;

-- The birth gate, first layer: at once. Every unit is registered.
CREATE FUNCTION public.fn_birth_gate_1() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  INSERT INTO public.birth_registry (entity) VALUES (NEW.id);
  RETURN NEW;
END $$;

-- The birth gate, second layer: at commit, so that no rolled back transaction ever comes to it by itself.
CREATE FUNCTION public.fn_birth_gate_2() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM public.unit_version WHERE iu_id = NEW.id) THEN
    RAISE EXCEPTION 'unit % is born without a version', NEW.canonical_address;
  END IF;
  RETURN NULL;
END $$;

-- What is enacted does not change any more.
CREATE FUNCTION public.fn_enacted_immutable() RETURNS trigger LANGUAGE plpgsql AS $$        -- invented name
BEGIN
  IF OLD.lifecycle_status = 'enacted' THEN
    RAISE EXCEPTION 'an enacted row of % is immutable', TG_TABLE_NAME;
  END IF;
  RETURN coalesce(NEW, OLD);
END $$;

-- What must hold before a unit may be made: the columns, a foreign key that can be deferred, the three triggers.
CREATE FUNCTION public.fn_iu_create_preflight() RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public AS $$
DECLARE columns integer; triggers integer;
BEGIN
  SELECT count(*) INTO columns FROM pg_attribute
    WHERE attrelid = 'public.information_unit'::regclass AND attnum > 0 AND NOT attisdropped;
  SELECT count(*) INTO triggers FROM pg_trigger
    WHERE tgrelid = 'public.information_unit'::regclass AND tgenabled <> 'D'
      AND tgname IN ('trg_aa_iu_gateway_write_guard', 'trg_birth_gate_1', 'trg_birth_gate_2');
  RETURN CASE
    WHEN columns <> 19 THEN 'fault_columns'
    WHEN NOT EXISTS (SELECT FROM pg_constraint
        WHERE conrelid = 'public.unit_version'::regclass AND contype = 'f' AND condeferrable) THEN 'fault_foreign_key'
    WHEN triggers <> 3 THEN 'fault_triggers'
    ELSE 'ok'
  END;
END $$;

CREATE FUNCTION public.fn_iu_create(
  p_canonical_address text, p_title text, p_body text, p_actor text, p_unit_kind text DEFAULT NULL, p_section_type text DEFAULT NULL,
  p_owner_ref text DEFAULT NULL, p_publication_type text DEFAULT NULL, p_parent_ref uuid DEFAULT NULL)
RETURNS jsonb LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  unit uuid := md5('unit' || p_canonical_address)::uuid;
  fault text;
  unique_constraints integer;
  versions integer;
BEGIN
  IF coalesce(p_canonical_address, '') = '' OR coalesce(p_title, '') = '' OR p_body IS NULL OR coalesce(p_actor, '') = '' THEN
    RETURN jsonb_build_object('status', 'refused_input');
  END IF;
  fault := public.fn_iu_create_preflight();
  IF fault <> 'ok' THEN
    RETURN jsonb_build_object('status', fault);
  END IF;
  SELECT count(*) INTO unique_constraints FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ALL (k.conkey)
    WHERE k.conrelid = 'public.information_unit'::regclass AND k.contype = 'u' AND a.attname = 'canonical_address';
  IF unique_constraints <> 1 THEN
    RETURN jsonb_build_object('status', 'fault_unique_constraint');
  END IF;
  IF NOT EXISTS (SELECT FROM public.dot_config WHERE key = 'vocab.unit_kind.' || coalesce(p_unit_kind, 'law_unit'))
     OR NOT EXISTS (SELECT FROM public.dot_config WHERE key = 'vocab.section_type.' || p_section_type) THEN
    RETURN jsonb_build_object('status', 'refused_vocabulary');
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext(p_canonical_address));
  SELECT count(v.id) INTO versions FROM public.information_unit u LEFT JOIN public.unit_version v ON v.iu_id = u.id
    WHERE u.canonical_address = p_canonical_address GROUP BY u.id;
  IF FOUND THEN
    RETURN jsonb_build_object('status', CASE WHEN versions > 0 THEN 'exists_complete' ELSE 'exists_without_version' END);
  END IF;
  PERFORM set_config('app.canonical_writer', 'fn_iu_create', true);
  INSERT INTO public.information_unit
      (id, canonical_address, title, unit_kind, section_type, owner_ref, publication_type, parent_ref, created_by)
    VALUES (unit, p_canonical_address, p_title, coalesce(p_unit_kind, 'law_unit'), p_section_type, coalesce(p_owner_ref, p_actor),
      p_publication_type, p_parent_ref, p_actor);
  INSERT INTO public.unit_version (id, iu_id, version, body, title, created_by)
    VALUES (md5('version 1' || unit)::uuid, unit, 1, p_body, p_title, p_actor);
  INSERT INTO public.iu_anchor (iu_id) VALUES (unit);
  PERFORM set_config('app.canonical_writer', '', true);
  RETURN jsonb_build_object('status', 'created', 'id', unit, 'invariants_verified', true);
END $$;

CREATE FUNCTION public.fn_iu_apply_edit_draft(           -- invented arguments
  p_unit_id uuid, p_body text, p_actor text, p_change_note text DEFAULT NULL)
RETURNS jsonb LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE unit public.information_unit;
BEGIN
  SELECT * INTO unit FROM public.information_unit WHERE id = p_unit_id AND lifecycle_status = 'draft' FOR UPDATE;
  IF NOT FOUND THEN
    RETURN jsonb_build_object('status', 'refused_no_draft');
  END IF;
  PERFORM set_config('app.canonical_writer', 'fn_iu_apply_edit_draft', true);
  INSERT INTO public.unit_version (id, iu_id, version, body, title, created_by, change_note)
    VALUES (md5('version ' || unit.current_version + 1 || unit.id)::uuid, unit.id, unit.current_version + 1, p_body, unit.title, p_actor,
      p_change_note);
  UPDATE public.information_unit SET current_version = current_version + 1, updated_at = now() WHERE id = unit.id;
  PERFORM set_config('app.canonical_writer', '', true);
  RETURN jsonb_build_object('status', 'edited', 'version', unit.current_version + 1);
END $$;

CREATE FUNCTION public.fn_iu_enact(                      -- invented: the names but for p_review_decision_id and p_dry_run
  p_unit_id uuid, p_review_decision_id integer, p_actor text, p_reason text DEFAULT NULL, p_effective_at timestamptz DEFAULT NULL,
  p_source_ref text DEFAULT NULL, p_note text DEFAULT NULL, p_dry_run boolean DEFAULT false)
RETURNS jsonb LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  IF p_review_decision_id IS NULL
     OR NOT EXISTS (SELECT FROM cutter_governance.review_decision WHERE id = p_review_decision_id) THEN
    RETURN jsonb_build_object('status', 'refused_no_review_decision');
  END IF;
  IF NOT EXISTS (SELECT FROM public.information_unit WHERE id = p_unit_id AND lifecycle_status = 'draft') THEN
    RETURN jsonb_build_object('status', 'refused_no_draft');
  END IF;
  IF p_dry_run THEN
    RETURN jsonb_build_object('status', 'would_enact');
  END IF;
  PERFORM set_config('app.canonical_writer', 'fn_iu_enact', true);
  UPDATE public.information_unit SET lifecycle_status = 'enacted', enacted_at = coalesce(p_effective_at, now()), updated_at = now()
    WHERE id = p_unit_id;
  UPDATE public.unit_version SET lifecycle_status = 'enacted', enacted_at = coalesce(p_effective_at, now()) WHERE iu_id = p_unit_id;
  INSERT INTO public.iu_lifecycle_log (iu_id, from_status, to_status, actor) VALUES (p_unit_id, 'draft', 'enacted', p_actor);
  INSERT INTO public.event_outbox (topic, payload) VALUES ('iu.enacted', jsonb_build_object('unit', p_unit_id));
  PERFORM set_config('app.canonical_writer', '', true);
  RETURN jsonb_build_object('status', 'enacted');
END $$;

-- In the governance schema, nobody but whom it is granted to may call anything.
CREATE FUNCTION cutter_governance.fn_change_set_is_open(p_change_set_id integer) RETURNS boolean LANGUAGE sql STABLE   -- invented
SET search_path = pg_catalog AS $$ SELECT status <> 'enacted' FROM cutter_governance.cut_change_set WHERE id = p_change_set_id $$;
REVOKE EXECUTE ON FUNCTION cutter_governance.fn_change_set_is_open(integer) FROM PUBLIC;

-- What goes on all day without the cutter: called by whoever plays the rest of the application.
CREATE PROCEDURE public.background_tick(p_rows integer DEFAULT 1) LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$  -- invented
BEGIN
  INSERT INTO public.event_outbox (topic, payload) SELECT 'tick', jsonb_build_object('n', i) FROM generate_series(1, p_rows) AS i;
  INSERT INTO public.birth_registry (entity) SELECT md5('background' || i || clock_timestamp())::uuid FROM generate_series(1, p_rows) AS i;
END $$;

DO $$
DECLARE owned regprocedure;
BEGIN
  FOR owned IN SELECT oid FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prolang IN
      (SELECT oid FROM pg_language WHERE lanname = 'plpgsql') LOOP
    EXECUTE format('ALTER ROUTINE %s OWNER TO directus', owned);
  END LOOP;
END $$;

-- Triggers that must be there before the first unit. Those of one event fire in the order of their names.
CREATE TRIGGER trg_aa_iu_gateway_write_guard BEFORE INSERT OR UPDATE ON public.information_unit
  FOR EACH ROW EXECUTE FUNCTION public.fn_iu_gateway_write_guard();
CREATE TRIGGER trg_aa_uv_gateway_write_guard BEFORE INSERT OR UPDATE ON public.unit_version
  FOR EACH ROW EXECUTE FUNCTION public.fn_iu_gateway_write_guard();
CREATE TRIGGER trg_birth_gate_1 BEFORE INSERT ON public.information_unit          -- invented name
  FOR EACH ROW EXECUTE FUNCTION public.fn_birth_gate_1();
CREATE CONSTRAINT TRIGGER trg_birth_gate_2 AFTER INSERT ON public.information_unit  -- invented name
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.fn_birth_gate_2();

INSERT INTO cutter_governance.manifest_envelope (id, source_digest) VALUES (1, md5('first source')), (2, md5('second source'));
INSERT INTO cutter_governance.manifest_unit_block
  SELECT i, CASE WHEN i <= 60 THEN 1 ELSE 2 END, 'ICX-CONST/PRT-' || (i - 1) / 20 + 1 || '/ART-' || i FROM generate_series(1, 61) AS i;
INSERT INTO cutter_governance.cut_change_set VALUES (1, 1, 'enacted'), (2, 2, 'dry run');
INSERT INTO cutter_governance.review_decision VALUES (1, 1, 'cut'), (2, 1, 'enact'), (3, 2, 'cut');
INSERT INTO cutter_governance.verify_result VALUES (1, 1, 'verified'), (2, 2, 'verified');
INSERT INTO cutter_governance.dot_pair_signature VALUES (1, 1, 'cutter_exec'), (2, 1, 'cutter_verify'), (3, 2, 'cutter_exec');

-- What the functions of `directus` read of the governance schema.
GRANT USAGE ON SCHEMA cutter_governance TO directus;
GRANT SELECT ON cutter_governance.review_decision TO directus;

-- 158 units, each with its first version; a second version for the first seven drafts; the first 60 units are enacted. All of
-- it goes through the functions, as the triggers demand.
DO $$
DECLARE answer jsonb; unit uuid;
BEGIN
  FOR i IN 1..158 LOOP
    answer := public.fn_iu_create('ICX-CONST/PRT-' || (i - 1) / 20 + 1 || '/ART-' || i, 'Article ' || i, 'The text of article ' || i || '.',
      'fixture', 'law_unit', 'article', 'operations');
    IF answer->>'status' <> 'created' THEN
      RAISE EXCEPTION 'unit %: %', i, answer;
    END IF;
    unit := (answer->>'id')::uuid;
    IF i <= 60 THEN
      answer := public.fn_iu_enact(unit, 2, 'fixture');
    ELSIF i <= 67 THEN
      answer := public.fn_iu_apply_edit_draft(unit, 'The revised text of article ' || i || '.', 'fixture', 'wording');
    END IF;
    IF answer->>'status' NOT IN ('created', 'enacted', 'edited') THEN
      RAISE EXCEPTION 'unit %: %', i, answer;
    END IF;
  END LOOP;
END $$;
-- The second layer of the birth gate and the foreign keys judge now: nothing may be pending when a table is altered.
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
CREATE TRIGGER trg_iu_enacted_immut BEFORE UPDATE OR DELETE ON public.information_unit
  FOR EACH ROW EXECUTE FUNCTION public.fn_enacted_immutable();
CREATE TRIGGER trg_uv_enacted_immut BEFORE UPDATE OR DELETE ON public.unit_version
  FOR EACH ROW EXECUTE FUNCTION public.fn_enacted_immutable();

INSERT INTO public.directus_collections (collection)      -- invented names
  SELECT 'collection_' || to_char(i, 'FM000') FROM generate_series(1, 164) AS i;

-- Grants: as known, with the two that are known to be missing.
GRANT USAGE ON SCHEMA cutter_governance TO cutter_exec, cutter_verify, cutter_ro, countersign_observer;
GRANT SELECT ON public.information_unit, public.unit_version, public.iu_lifecycle_log TO cutter_exec;
GRANT SELECT, INSERT ON cutter_governance.cut_change_set, cutter_governance.manifest_envelope,
  cutter_governance.manifest_unit_block, cutter_governance.review_decision, cutter_governance.dot_pair_signature,
  cutter_governance.decision_backlog_entry, cutter_governance.decision_backlog_history TO cutter_exec;
GRANT INSERT ON cutter_governance.cut_change_set_affected_row TO cutter_exec;
GRANT SELECT, INSERT ON cutter_governance.verify_result, cutter_governance.dot_pair_signature,
  cutter_governance.cut_change_set TO cutter_verify;
-- Only whom it is granted to makes or enacts a unit. `context_pack_readonly` reads, and has no USAGE on the governance schema.
REVOKE EXECUTE ON FUNCTION public.fn_iu_create, public.fn_iu_enact, public.fn_iu_apply_edit_draft FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.fn_iu_create, public.fn_iu_enact TO cutter_exec;
GRANT SELECT ON public.information_unit, public.unit_version TO context_pack_readonly;   -- invented

-- The observer of proofs sees who else is at work, and how far the sequences have come that no rollback takes back.
GRANT pg_read_all_stats TO countersign_observer;        -- invented
GRANT SELECT ON SEQUENCE public.iu_anchor_n_seq, public.birth_registry_n_seq TO countersign_observer;   -- invented

-- The observer reads what is counted, and nothing else.
REVOKE TEMPORARY ON DATABASE directus FROM PUBLIC;      -- invented
REVOKE CREATE ON SCHEMA public FROM PUBLIC;              -- as servers are from version 15 on
GRANT SELECT ON public.information_unit, public.unit_version, public.iu_lifecycle_log, public.dot_config,
  public.directus_collections, public.event_outbox, public.birth_registry TO countersign_observer;
GRANT SELECT ON cutter_governance.cut_change_set, cutter_governance.dot_pair_signature, cutter_governance.review_decision,
  cutter_governance.verify_result, cutter_governance.manifest_envelope, cutter_governance.manifest_unit_block
  TO countersign_observer;
