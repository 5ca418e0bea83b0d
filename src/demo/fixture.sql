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

-- Roles. `directus` exists already: it owns the database.
CREATE ROLE cutter_exec LOGIN CONNECTION LIMIT 2;
CREATE ROLE cutter_verify LOGIN CONNECTION LIMIT 2;
CREATE ROLE cutter_ro NOLOGIN;
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

-- 158 units: the first 60 are enacted, the other 98 are drafts.
INSERT INTO public.information_unit
    (id, canonical_address, title, unit_kind, section_type, owner_ref, lifecycle_status, created_by, enacted_at, sort_key)
  SELECT md5('unit' || i)::uuid, 'ICX-CONST/PRT-' || (i - 1) / 20 + 1 || '/ART-' || i, 'Article ' || i, 'law_unit', 'article',
         'operations', CASE WHEN i <= 60 THEN 'enacted' ELSE 'draft' END, 'fixture', CASE WHEN i <= 60 THEN now() END, i
  FROM generate_series(1, 158) AS i;

-- 165 versions: one for each unit, and a second one for the first seven drafts. 60 of them are enacted, 105 older or drafts.
INSERT INTO public.unit_version (id, iu_id, version, body, title, lifecycle_status, created_by, enacted_at)
  SELECT md5('version 1' || id)::uuid, id, 1, 'The text of ' || canonical_address || '.', title, lifecycle_status, 'fixture', enacted_at
  FROM public.information_unit;
INSERT INTO public.unit_version (id, iu_id, version, body, title, created_by, change_note)
  SELECT md5('version 2' || id)::uuid, id, 2, 'The revised text of ' || canonical_address || '.', title, 'fixture', 'wording'
  FROM public.information_unit WHERE sort_key BETWEEN 61 AND 67;
UPDATE public.information_unit SET current_version = 2 WHERE sort_key BETWEEN 61 AND 67;

INSERT INTO public.iu_lifecycle_log (iu_id, from_status, to_status, actor)
  SELECT id, 'draft', 'enacted', 'fixture' FROM public.information_unit WHERE lifecycle_status = 'enacted' ORDER BY sort_key;
INSERT INTO public.birth_registry (entity) SELECT id FROM public.information_unit ORDER BY sort_key;
INSERT INTO public.event_outbox (topic, payload)
  SELECT 'iu.enacted', jsonb_build_object('unit', iu_id) FROM public.iu_lifecycle_log ORDER BY n;

INSERT INTO cutter_governance.manifest_envelope (id, source_digest) VALUES (1, md5('first source')), (2, md5('second source'));
INSERT INTO cutter_governance.manifest_unit_block
  SELECT i, CASE WHEN i <= 60 THEN 1 ELSE 2 END, 'ICX-CONST/PRT-' || (i - 1) / 20 + 1 || '/ART-' || i FROM generate_series(1, 61) AS i;
INSERT INTO cutter_governance.cut_change_set VALUES (1, 1, 'enacted'), (2, 2, 'dry run');
INSERT INTO cutter_governance.review_decision VALUES (1, 1, 'cut'), (2, 1, 'enact'), (3, 2, 'cut');
INSERT INTO cutter_governance.verify_result VALUES (1, 1, 'verified'), (2, 2, 'verified');
INSERT INTO cutter_governance.dot_pair_signature VALUES (1, 1, 'cutter_exec'), (2, 1, 'cutter_verify'), (3, 2, 'cutter_exec');

-- 86 settings. The names of these switches are known, and the values of the last four and of the empty one.
INSERT INTO public.dot_config (key, value, description)
  SELECT 'iu_core.' || name || '_enabled', 'true', 'invented value'
  FROM unnest(ARRAY['routes_master', 'route_worker', 'structure_ops', 'delivery', 'composer', 'operator_runtime']) AS name;
INSERT INTO public.dot_config (key, value, description) VALUES
  ('iu_core.delivery_live_routes', '', 'no route is live'),
  ('process_dot_runtime.real_run_enabled', 'false', 'a run changes nothing'),
  ('process_dot_runtime.execute_enabled', 'false', 'nothing is executed'),
  ('process_dot_runtime.dry_run_only', 'true', 'every run is a dry run'),
  ('piece_event_runtime.emit_enabled', 'false', 'no event leaves');
INSERT INTO public.dot_config (key, value, description)   -- invented names and values
  SELECT 'queue.' || name || '_batch_size', '50', 'invented' FROM unnest(ARRAY['ingest', 'cut', 'review', 'verify', 'enact', 'deliver',
    'notify', 'index', 'embed', 'archive', 'retry', 'dead_letter']) AS name
  UNION ALL SELECT 'vocab.unit_kind.' || name, name, 'invented, but for law_unit' FROM unnest(ARRAY['law_unit', 'policy_unit', 'design_unit',
    'process_unit', 'record_unit', 'note_unit']) AS name
  UNION ALL SELECT 'vocab.section_type.' || name, name, 'invented' FROM unnest(ARRAY['part', 'chapter', 'section', 'article', 'clause',
    'point']) AS name
  UNION ALL SELECT 'application.setting_' || to_char(i, 'FM00'), i::text, 'invented' FROM generate_series(1, 51) AS i;

INSERT INTO public.directus_collections (collection)      -- invented names
  SELECT 'collection_' || to_char(i, 'FM000') FROM generate_series(1, 164) AS i;

-- Grants: as known, with the two that are known to be missing.
GRANT USAGE ON SCHEMA cutter_governance TO cutter_exec, cutter_verify, cutter_ro, directus, countersign_observer;
GRANT SELECT ON public.information_unit, public.unit_version, public.iu_lifecycle_log TO cutter_exec;
GRANT SELECT, INSERT ON cutter_governance.cut_change_set, cutter_governance.manifest_envelope,
  cutter_governance.manifest_unit_block, cutter_governance.review_decision, cutter_governance.dot_pair_signature,
  cutter_governance.decision_backlog_entry, cutter_governance.decision_backlog_history TO cutter_exec;
GRANT INSERT ON cutter_governance.cut_change_set_affected_row TO cutter_exec;
GRANT SELECT, INSERT ON cutter_governance.verify_result, cutter_governance.dot_pair_signature,
  cutter_governance.cut_change_set TO cutter_verify;
GRANT SELECT ON cutter_governance.review_decision TO directus;

-- The observer reads what is counted, and nothing else.
REVOKE TEMPORARY ON DATABASE directus FROM PUBLIC;      -- invented
GRANT SELECT ON public.information_unit, public.unit_version, public.iu_lifecycle_log, public.dot_config,
  public.directus_collections, public.event_outbox, public.birth_registry TO countersign_observer;
GRANT SELECT ON cutter_governance.cut_change_set, cutter_governance.dot_pair_signature, cutter_governance.review_decision,
  cutter_governance.verify_result, cutter_governance.manifest_envelope, cutter_governance.manifest_unit_block
  TO countersign_observer;
