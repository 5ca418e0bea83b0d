//! Recall in a database: each case is a fresh database in which one thing happens, and exactly that is reported.

mod functions;
mod objects;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::lab::admin;
use crate::private_server::shared;
use crate::program::World;
use crate::server::Server;

/// Cases that share a database to begin with, and what is wanted of it.
pub(crate) struct Group {
    /// Its name: databases and the observer are called after it.
    pub(crate) name: &'static str,
    /// What makes the database, as superuser. `OBSERVER` stands for the role that looks.
    pub(crate) setup: &'static str,
    /// What is wanted: tables with `database = "lab"`.
    pub(crate) desired: &'static str,
    /// What happens.
    pub(crate) cases: &'static [Case],
}

/// One thing that happens to a database, and what has to be reported.
pub(crate) struct Case {
    /// What happens, as the table says it.
    pub(crate) about: &'static str,
    /// Makes it happen, as superuser.
    pub(crate) sql: &'static str,
    /// Takes it back, where it does not go away with the database: roles, memberships, parameters.
    pub(crate) undo: &'static str,
    /// The resource and the field of each difference. Nothing else may be reported.
    pub(crate) reported: &'static [(&'static str, &'static str)],
}

/// What happens inside the database.
pub(crate) const fn case(
    about: &'static str,
    sql: &'static str,
    reported: &'static [(&'static str, &'static str)],
) -> Case {
    Case { about, sql, undo: "", reported }
}

/// What happens to the cluster, and how it is taken back.
pub(crate) const fn cluster(
    about: &'static str,
    sql: &'static str,
    undo: &'static str,
    reported: &'static [(&'static str, &'static str)],
) -> Case {
    Case { about, sql, undo, reported }
}

/// The differences of a report, and what could not be told, as `RESOURCE FIELD`.
fn reported(report: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for resource in report["resources"].as_array().unwrap() {
        let name = resource["resource"].as_str().unwrap();
        for difference in resource["differences"].as_array().unwrap() {
            found.insert(format!("{name} {}", difference["field"].as_str().unwrap()));
        }
        if resource["verdict"] == "unknown" {
            found.insert(format!("{name} UNKNOWN {}", resource["detail"]));
        }
    }
    found
}

/// A world whose desired state is about this database.
fn world(server: &Server, group: &Group, database: &str) -> World {
    let world = World::wanting(group.desired);
    let host = "[host]\nidentity = { hostname = \"testhost\" }\n[database.lab]\n";
    world.desired("hosts/a/host.toml", host);
    let url = server.url(&observer(group), database);
    world.write("config.toml", format!("[database.lab]\nobserver = {{ url = {url:?} }}\n"));
    world
}

fn observer(group: &Group) -> String {
    format!("{}_observer", group.name)
}

/// Judges every case of a group; the first is that nothing happens.
pub(crate) async fn judge(group: &Group) {
    let Some(server) = shared() else { return };
    let root = admin(&server, "postgres").await;
    let template = format!("recall_{}", group.name);
    root.batch_execute(&format!("CREATE DATABASE {template}")).await.unwrap();
    root.batch_execute(&format!("CREATE ROLE {} LOGIN", observer(group))).await.unwrap();
    let setup = group.setup.replace("OBSERVER", &observer(group));
    run(&server, &template, &setup).await;
    let nothing = case("nothing happens", "", &[]);
    let mut wrong = Vec::new();
    for (at, case) in std::iter::once(&nothing).chain(group.cases).enumerate() {
        let database = format!("recall_{}_{at}", group.name);
        let create = format!("CREATE DATABASE {database} TEMPLATE {template}");
        root.batch_execute(&create).await.unwrap();
        run(&server, &database, &case.sql.replace("OBSERVER", &observer(group))).await;
        let world = world(&server, group, &database);
        let config = world.path("config.toml");
        let config = ["--output", "json", "--config", config.to_str().unwrap()];
        let ran = world.check(&config);
        let found = reported(&ran.report());
        let wanted: BTreeSet<String> =
            case.reported.iter().map(|(resource, field)| format!("{resource} {field}")).collect();
        if found != wanted || ran.code != if wanted.is_empty() { 0 } else { 2 } {
            let code = ran.code;
            wrong.push(format!("{}: ends with {code}, reported {found:#?}", case.about));
        }
        run(&server, &database, case.undo).await;
        root.batch_execute(&format!("DROP DATABASE {database} WITH (FORCE)")).await.unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn run(server: &Server, database: &str, sql: &str) {
    if !sql.is_empty() {
        let ran = admin(server, database).await.batch_execute(sql).await;
        ran.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    }
}

#[tokio::test]
async fn what_happens_to_functions_and_triggers_is_reported() {
    judge(&functions::GROUP).await;
}

#[tokio::test]
async fn what_happens_to_views_sequences_types_and_rows_is_reported() {
    judge(&objects::GROUP).await;
}
