//! The database of the worked example behaves as its original does where that matters: who may write, through what, what
//! is refused, and what only a commit would refuse.

use countersign::demo::fixture;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config};

use crate::lab::client_of;
use crate::private_server::started;
use crate::server::{Options, Server};

async fn loaded() -> Option<Server> {
    let server = started(&Options::default())?;
    let mut superuser = Config::new();
    superuser.host_path(server.socket_folder()).user("postgres");
    fixture::load(&superuser).await.unwrap();
    Some(server)
}

async fn as_role(server: &Server, role: &str) -> Client {
    client_of(server, role, fixture::DATABASE).await
}

async fn number(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

/// The status that a contract answers with.
async fn status(client: &Client, call: &str) -> String {
    client.query_one(&format!("SELECT ({call})->>'status'"), &[]).await.unwrap().get(0)
}

/// The SQLSTATE with which a statement is refused.
async fn refusal(client: &Client, sql: &str) -> SqlState {
    client.batch_execute(sql).await.expect_err(sql).code().unwrap().clone()
}

const UNITS: &str = "SELECT count(*) FROM public.information_unit";
const CREATE: &str = "public.fn_iu_create('ICX-CONST/O8C-RB-PROBE/1', 'Probe', 'Text', 'probe', 'law_unit', 'article')";

#[tokio::test]
async fn a_unit_is_made_by_its_contract_and_a_rollback_leaves_only_the_sequences() {
    let Some(server) = loaded().await else { return };
    let exec = as_role(&server, "cutter_exec").await;
    exec.batch_execute("BEGIN").await.unwrap();
    assert_eq!(status(&exec, CREATE).await, "created");
    assert_eq!(number(&exec, UNITS).await, 159);
    exec.batch_execute("SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK").await.unwrap();
    let root = as_role(&server, "postgres").await;
    let leaked = format!("{UNITS} WHERE canonical_address LIKE 'ICX-CONST/O8C-RB-PROBE%'");
    assert_eq!((number(&root, UNITS).await, number(&root, &leaked).await), (158, 0));
    for sequence in ["public.iu_anchor_n_seq", "public.birth_registry_n_seq"] {
        assert_eq!(number(&root, &format!("SELECT last_value FROM {sequence}")).await, 159);
    }
    for (call, answer) in [
        ("public.fn_iu_create('', 'Title', 'Text', 'probe')", "refused_input"),
        ("public.fn_iu_create('a', 'Title', NULL, 'probe')", "refused_input"),
        ("public.fn_iu_create('a', 'Title', 'Text', 'probe', 'law_unit')", "refused_vocabulary"),
        (
            "public.fn_iu_create('ICX-CONST/PRT-1/ART-1', 'T', 'T', 'p', 'law_unit', 'article')",
            "exists_complete",
        ),
        ("public.fn_iu_enact(NULL, NULL, 'probe')", "refused_no_review_decision"),
    ] {
        assert_eq!(status(&exec, call).await, answer, "{call}");
    }
}

#[tokio::test]
async fn what_does_not_come_through_a_contract_is_refused() {
    let Some(server) = loaded().await else { return };
    let root = as_role(&server, "postgres").await;
    let bare = "INSERT INTO public.information_unit (id, canonical_address, title, unit_kind, section_type, owner_ref, created_by) \
                VALUES (gen_random_uuid(), 'bare', 'Title', 'law_unit', 'article', 'operations', 'probe')";
    assert_eq!(refusal(&root, bare).await, SqlState::INSUFFICIENT_PRIVILEGE);
    let writer = "SET app.canonical_writer = 'fn_iu_create';";
    // The second layer of the birth gate speaks only at commit.
    root.batch_execute(&format!("BEGIN; {writer} {bare}; ROLLBACK")).await.unwrap();
    let committed = format!("BEGIN; {writer} {bare}; COMMIT");
    assert_eq!(refusal(&root, &committed).await, SqlState::RAISE_EXCEPTION);
    root.batch_execute("ROLLBACK").await.unwrap();
    for table in ["information_unit", "unit_version"] {
        let change = format!(
            "{writer} UPDATE public.{table} SET remark = 'x' WHERE lifecycle_status = 'enacted'"
        );
        assert_eq!(refusal(&root, &change).await, SqlState::RAISE_EXCEPTION, "{table}");
    }
    let verify = as_role(&server, "cutter_verify").await;
    let exec = as_role(&server, "cutter_exec").await;
    let reader = as_role(&server, "context_pack_readonly").await;
    for (client, sql) in [
        (&verify, format!("SELECT {CREATE}")),
        (&exec, "SELECT FROM cutter_governance.verify_result".to_owned()),
        (&exec, "SELECT FROM cutter_governance.cut_change_set_affected_row".to_owned()),
        (&exec, "SELECT cutter_governance.fn_change_set_is_open(1)".to_owned()),
        (&reader, "SELECT FROM cutter_governance.review_decision".to_owned()),
    ] {
        assert_eq!(refusal(client, &sql).await, SqlState::INSUFFICIENT_PRIVILEGE, "{sql}");
    }
    let _second = as_role(&server, "cutter_exec").await;
    let mut third = Config::new();
    third.host_path(server.socket_folder()).user("cutter_exec").dbname(fixture::DATABASE);
    let refused = third.connect(tokio_postgres::NoTls).await.err().unwrap();
    assert_eq!(refused.code(), Some(&SqlState::TOO_MANY_CONNECTIONS));
}

#[tokio::test]
async fn the_background_writes_on() {
    let Some(server) = loaded().await else { return };
    let directus = as_role(&server, "directus").await;
    directus.batch_execute("CALL public.background_tick(7)").await.unwrap();
    assert_eq!(number(&directus, "SELECT count(*) FROM public.event_outbox").await, 67);
    assert_eq!(number(&directus, "SELECT count(*) FROM public.birth_registry").await, 165);
}
