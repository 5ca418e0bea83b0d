//! Proofs from the outside: the built program on a real server, and everything that could get past it.

mod attacks;
mod content;
mod example;
mod gates;
mod moments;
mod published;
mod refusals;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use tokio_postgres::Client;

use crate::lab::admin;
use crate::private_server::started;
use crate::program::{Ran, World, command, ran, run};
use crate::server::{Options, Server};

const FIXTURE: &str = include_str!("../../../src/demo/fixture.sql");

/// The guard of proofs, as a plan makes it; where settings cannot be granted yet, without that.
const GUARD: &str = "CREATE ROLE countersign_owner NOLOGIN; CREATE SCHEMA countersign AUTHORIZATION countersign_owner; \
    CREATE TABLE countersign.pill (n integer); ALTER TABLE countersign.pill OWNER TO countersign_owner; \
    CREATE FUNCTION countersign.refuse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS \
    $refuse$\nBEGIN\n    RAISE EXCEPTION 'countersign: this transaction may not commit' USING ERRCODE = 'CSP01';\nEND\n$refuse$; \
    ALTER FUNCTION countersign.refuse() OWNER TO countersign_owner; \
    REVOKE EXECUTE ON FUNCTION countersign.refuse() FROM PUBLIC; \
    CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON countersign.pill DEFERRABLE INITIALLY DEFERRED \
    FOR EACH ROW EXECUTE FUNCTION countersign.refuse(); \
    ALTER TABLE countersign.pill ENABLE ALWAYS TRIGGER refuse; \
    GRANT USAGE ON SCHEMA countersign TO cutter_exec, cutter_verify; \
    GRANT INSERT ON countersign.pill TO cutter_exec, cutter_verify";

/// From 15 on.
const PARAMETERS: &str =
    "GRANT SET ON PARAMETER track_functions, deadlock_timeout TO cutter_exec, cutter_verify";

/// What the contracts of these tests are about, beside the fixture.
const BAG: &str = "GRANT pg_read_all_stats TO countersign_observer; \
    CREATE TABLE public.bag (note text); CREATE TABLE public.other (note text); \
    CREATE TABLE public.counted (n bigserial, note text); \
    CREATE TABLE public.identified (n integer GENERATED ALWAYS AS IDENTITY, note text); \
    CREATE TABLE public.keyed (key text PRIMARY KEY, n integer NOT NULL DEFAULT 0); \
    INSERT INTO public.keyed VALUES ('a'), ('b'); CREATE SEQUENCE public.fresh; SELECT nextval('public.counted_n_seq'); \
    ALTER TABLE public.bag OWNER TO directus; ALTER TABLE public.other OWNER TO directus; \
    ALTER TABLE public.counted OWNER TO directus; ALTER TABLE public.identified OWNER TO directus; \
    ALTER TABLE public.keyed OWNER TO directus; ALTER SEQUENCE public.fresh OWNER TO directus; \
    GRANT SELECT, INSERT ON public.bag, public.other, public.identified, public.counted TO cutter_exec; \
    GRANT SELECT, INSERT, UPDATE ON public.keyed TO cutter_exec; \
    GRANT SELECT ON public.bag, public.other, public.counted, public.identified, public.keyed TO countersign_observer; \
    GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO countersign_observer; \
    DO $m$ DECLARE f regprocedure; BEGIN FOR f IN SELECT oid FROM pg_proc WHERE proname = 'pg_logical_emit_message' LOOP \
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f); END LOOP; END $m$";

/// One role has a password, as dblink demands of everybody but superusers. The server is started in its data directory.
const PASSWORD: &str = "COPY (SELECT unnest(ARRAY['local all with_password scram-sha-256', 'local all all trust'])) \
    TO PROGRAM 'cat > pg_hba.conf'; SELECT pg_reload_conf()";

const RESOURCES: &str = "[proof_guard.countersign]\ndatabase = \"directus\"\nprovers = [\"cutter_exec\", \"cutter_verify\"]\n";

/// A server with the fixture and the guard, and a host whose configuration admits any contract.
pub(crate) struct Lab {
    pub(crate) server: Server,
    pub(crate) world: World,
    pub(crate) root: Client,
    /// The server's major version.
    pub(crate) major: i32,
}

impl Lab {
    pub(crate) async fn new() -> Option<Self> {
        let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let settings = vec![
            set("max_prepared_transactions", "5"),
            set("wal_level", "logical"),
            set("autovacuum", "off"),
            set("log_min_messages", "fatal"),
        ];
        let server = started(&Options { settings, ..Options::default() })?;
        let outside = admin(&server, "postgres").await;
        outside.batch_execute(PASSWORD).await.unwrap();
        for sql in ["CREATE ROLE directus LOGIN", "CREATE DATABASE directus OWNER directus"] {
            outside.batch_execute(sql).await.unwrap();
        }
        let root = admin(&server, "directus").await;
        let version = "SELECT current_setting('server_version_num')::int4 / 10000";
        let major = root.query_one(version, &[]).await.unwrap().get(0);
        let parameters = if major >= 15 { PARAMETERS } else { "" };
        for sql in [FIXTURE, GUARD, parameters, BAG] {
            root.batch_execute(sql).await.unwrap();
        }
        let world = World::wanting(RESOURCES);
        world.host_file("etc/machine-id", "0123456789abcdef0123456789abcdef\n");
        let host = "[host]\nidentity = { hostname = \"testhost\" }\n[database.directus]\n";
        world.desired("hosts/a/host.toml", host);
        let lab = Self { server, world, root, major };
        lab.file("switch.toml", "version = 1\nprove = true\n");
        lab.configure("", "\"any\"");
        lab.world.desired("hosts/a/sql/witness.sql", "SELECT count(*) FROM public.bag");
        let leak = "SELECT count(*) FROM public.bag WHERE note LIKE 'probe%'";
        lab.world.desired("hosts/a/sql/leak.sql", leak);
        Some(lab)
    }

    /// Before settings can be granted, calls are recorded for whom that is written down.
    pub(crate) async fn record_calls(&self) {
        if self.major < 15 {
            self.sql("ALTER ROLE cutter_exec SET track_functions = 'all'").await;
        }
    }

    /// The host's configuration: more of it, and what it admits.
    pub(crate) fn configure(&self, more: &str, admit: &str) {
        self.configure_to(&self.server.url("countersign_observer", "directus"), more, admit);
    }

    pub(crate) fn configure_to(&self, observer: &str, more: &str, admit: &str) {
        let prover = observer.replace("countersign_observer@", "");
        let text = format!(
            "host = \"a\"\nroot = \"root\"\ndata = \"data\"\n[source]\nurl = \"desired\"\n[observe]\nroots = [\"/\"]\n\
             [prove]\nadmit = [{admit}]\n{more}[database.directus]\nobserver = {{ url = {observer:?} }}\n\
             prover = {{ url = {prover:?}, roles = [\"cutter_exec\", \"cutter_verify\"] }}\n"
        );
        self.file("config.toml", &text);
    }

    pub(crate) fn file(&self, name: &str, text: &str) {
        self.world.write(name, text);
        let mode = fs::Permissions::from_mode(0o644);
        fs::set_permissions(self.world.path(name), mode).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.world.path(name).display().to_string()
    }

    /// Declares the one proof `proof.it` of this laboratory.
    pub(crate) fn declare(&self, statement: &str, keys: &str) {
        let expects = keys.contains("expect =") || keys.contains("denied =");
        let effect = if expects {
            ""
        } else {
            "expect = \"write\"\nwitness = \"sql/witness.sql\"\nleak = \"sql/leak.sql\"\n"
        };
        let proof = format!(
            "[proof.it]\ndatabase = \"directus\"\nrole = \"cutter_exec\"\ncontract = \"sql/it.sql\"\n{effect}{keys}\n"
        );
        self.world.desired("hosts/a/sql/it.sql", statement);
        self.world.desired("hosts/a/proofs.toml", proof);
        self.world.commit();
    }

    pub(crate) fn words(&self, words: &[&str]) -> Vec<String> {
        let config = self.path("config.toml");
        let words = [&["prove", "--config", &config], words].concat();
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    pub(crate) fn prove(&self, words: &[&str]) -> Ran {
        let words = self.words(words);
        run(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The evidence of the one proof.
    pub(crate) fn evidence(&self) -> Value {
        let ran = self.prove(&["it", "--output", "json"]);
        assert!(ran.stdout.starts_with('{'), "{}", ran.everything());
        let evidence = ran.report()["proofs"][0].clone();
        let code = match evidence["verdict"].as_str().unwrap() {
            "LEAK" => 8,
            "CONTRACT-FAILED" | "VACUOUS" => 1,
            "INCONCLUSIVE" | "UNPROVABLE" => 4,
            _ => 0,
        };
        ran.ends_with(code);
        evidence
    }

    /// The same, while something else happens.
    pub(crate) fn proving(&self) -> tokio::task::JoinHandle<Ran> {
        let words = self.words(&["it", "--output", "json"]);
        tokio::task::spawn_blocking(move || {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            ran(&command(&words).output().unwrap())
        })
    }

    pub(crate) async fn sql(&self, sql: &str) {
        self.root.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    pub(crate) async fn text(&self, sql: &str) -> String {
        self.root.query_one(sql, &[]).await.unwrap_or_else(|e| panic!("{sql}: {e:?}")).get(0)
    }

    /// The entries of the executor's ledger, which verifies.
    pub(crate) fn ledger(&self) -> String {
        let config = self.path("config.toml");
        run(&["ledger", "verify", "--config", &config]).ends_with(0);
        let folder = self.world.path("data/ledger/executor");
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut segments: Vec<_> =
            files.filter(|path| path.extension().is_some_and(|e| e == "jsonl")).collect();
        segments.sort();
        segments.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
    }
}

/// The reasons of a verdict, as one text.
pub(crate) fn because(evidence: &Value) -> String {
    let all = evidence["because"]
        .as_array()
        .unwrap()
        .iter()
        .chain(evidence["remarks"].as_array().unwrap());
    all.map(|one| one.as_str().unwrap()).collect::<Vec<_>>().join("; ")
}
