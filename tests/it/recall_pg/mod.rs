//! Recall in a database: each case is a fresh database in which one thing happens, and exactly that is reported.

mod functions;
mod grants;
mod guards;
mod objects;
mod peers;
mod roles;
mod schema;
mod tables;

use std::collections::BTreeSet;

use serde_json::Value;
use tokio_postgres::Client;

use crate::lab::admin;
use crate::private_server::shared;
use crate::program::{World, run as run_program, skipped};
use crate::server::Server;

/// Every group, in the order of the table.
pub(crate) const GROUPS: &[&Group] = &[
    &functions::GROUP,
    &roles::GROUP,
    &roles::MEMBERSHIPS,
    &roles::PUBLICATIONS,
    &objects::GROUP,
    &objects::MULTIRANGES,
    &grants::GROUP,
    &functions::STANDARD,
    &tables::GROUP,
    &schema::GROUP,
    &guards::GROUP,
    &guards::SETTINGS,
];

/// Cases that share a database to begin with, and what is wanted of it.
pub(crate) struct Group {
    /// Its name: databases and the observer are called after it.
    pub(crate) name: &'static str,
    /// The heading of its part of the table.
    pub(crate) title: &'static str,
    /// What makes the database, as superuser. `OBSERVER` stands for the role that looks.
    pub(crate) setup: &'static str,
    /// What is wanted: tables with `database = "lab"`. `THIS_DATABASE` stands for the database of a case, here and in reports.
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
    /// The first major version in which it can happen.
    since: u32,
}

impl Case {
    /// The same, in servers of this major version and later.
    pub(crate) const fn since(mut self, major: u32) -> Self {
        self.since = major;
        self
    }
}

/// What happens inside the database.
pub(crate) const fn case(
    about: &'static str,
    sql: &'static str,
    reported: &'static [(&'static str, &'static str)],
) -> Case {
    Case { about, sql, undo: "", reported, since: 0 }
}

/// What happens to the cluster, and how it is taken back.
pub(crate) const fn cluster(
    about: &'static str,
    sql: &'static str,
    undo: &'static str,
    reported: &'static [(&'static str, &'static str)],
) -> Case {
    Case { about, sql, undo, reported, since: 0 }
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
    let world = World::wanting(&group.desired.replace("THIS_DATABASE", database));
    let host = "[host]\nidentity = { hostname = \"testhost\" }\n[database.lab]\n";
    world.desired("hosts/a/host.toml", host);
    let url = server.url(&observer(group), database);
    world.write("config.toml", format!("[database.lab]\nobserver = {{ url = {url:?} }}\n"));
    world
}

/// The manifest of a group that compares a whole schema: of the database that its cases begin with.
fn manifest(server: &Server, group: &Group, template: &str) -> Option<Vec<u8>> {
    const MANIFEST: &str = "manifests/public.schema";
    if !group.desired.contains(MANIFEST) {
        return None;
    }
    let world = world(server, group, template);
    let place = |below: &str| world.path(below).display().to_string();
    let (root, config, adopted) = (place("root"), place("config.toml"), place("adopted"));
    let from = ["adopt", "--root", &root, "--config", &config, "--host", "a"];
    run_program(&[&from[..], &["--schema", "public", "-o", &adopted]].concat()).ends_with(0);
    Some(std::fs::read(world.path("adopted/hosts/a").join(MANIFEST)).unwrap())
}

fn observer(group: &Group) -> String {
    format!("{}_observer", group.name)
}

/// Judges every case of a group; the first is that nothing happens.
pub(crate) async fn judge(group: &Group) {
    let Some(server) = shared() else { return };
    let root = admin(&server, "postgres").await;
    let major = major(&root).await;
    let template = template(&server, group, &root).await;
    let manifest = manifest(&server, group, &template);
    let nothing = case("nothing happens", "", &[]);
    let mut wrong = Vec::new();
    for (at, case) in std::iter::once(&nothing).chain(group.cases).enumerate() {
        if major.unsigned_abs() < case.since {
            continue;
        }
        let database = format!("recall_{}_{at}", group.name);
        let create = format!("CREATE DATABASE {database} TEMPLATE {template}");
        root.batch_execute(&create).await.unwrap();
        run(&server, &database, &of_group(case.sql, group)).await;
        let world = world(&server, group, &database);
        if let Some(manifest) = &manifest {
            world.desired("hosts/a/manifests/public.schema", manifest);
        }
        let config = world.path("config.toml");
        let config = ["--output", "json", "--config", config.to_str().unwrap()];
        let ran = world.check(&config);
        let found = reported(&ran.report());
        let one = |(resource, field): &(&str, &str)| {
            format!("{resource} {field}").replace("THIS_DATABASE", &database)
        };
        let wanted: BTreeSet<String> = case.reported.iter().map(one).collect();
        if found != wanted || ran.code != if wanted.is_empty() { 0 } else { 2 } {
            let code = ran.code;
            wrong.push(format!("{}: ends with {code}, reported {found:#?}", case.about));
        }
        run(&server, &database, &of_group(case.undo, group)).await;
        root.batch_execute(&format!("DROP DATABASE {database} WITH (FORCE)")).await.unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The server's major version.
async fn major(root: &Client) -> i32 {
    let version = "SELECT current_setting('server_version_num')::int4 / 10000";
    root.query_one(version, &[]).await.unwrap().get(0)
}

/// The database that the cases of a group begin with.
async fn template(server: &Server, group: &Group, root: &Client) -> String {
    let template = format!("recall_{}", group.name);
    root.batch_execute(&format!("CREATE DATABASE {template}")).await.unwrap();
    root.batch_execute(&format!("CREATE ROLE {} LOGIN", observer(group))).await.unwrap();
    run(server, &template, &of_group(group.setup, group)).await;
    template
}

/// Statements of a group, with the role that looks put in.
fn of_group(sql: &str, group: &Group) -> String {
    sql.replace("OBSERVER", &observer(group))
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

#[tokio::test]
async fn what_happens_to_multiranges_is_reported() {
    judge_since(14, &objects::MULTIRANGES).await;
}

#[tokio::test]
async fn what_happens_in_a_schema_is_reported() {
    judge(&schema::GROUP).await;
}

#[tokio::test]
async fn what_happens_to_standard_bodies_is_reported() {
    judge_since(14, &functions::STANDARD).await;
}

#[tokio::test]
async fn what_happens_to_tables_indexes_and_constraints_is_reported() {
    judge(&tables::GROUP).await;
}

#[tokio::test]
async fn what_happens_to_roles_settings_and_extensions_is_reported() {
    judge(&roles::GROUP).await;
}

#[tokio::test]
async fn what_happens_to_the_options_of_a_membership_is_reported() {
    judge_since(16, &roles::MEMBERSHIPS).await;
}

#[tokio::test]
async fn what_happens_to_publications_is_reported() {
    judge_since(15, &roles::PUBLICATIONS).await;
}

/// Judges a group about something that older servers do not know at all.
async fn judge_since(first: i32, group: &Group) {
    let Some(server) = shared() else { return };
    if major(&admin(&server, "postgres").await).await < first {
        return skipped(group.title, &format!("there is nothing of it before version {first}"));
    }
    judge(group).await;
}

#[tokio::test]
async fn what_happens_to_grants_is_reported() {
    judge(&grants::GROUP).await;
}

#[tokio::test]
async fn what_happens_to_guards_of_proofs_is_reported() {
    judge(&guards::GROUP).await;
}

#[tokio::test]
async fn what_happens_to_granted_settings_of_provers_is_reported() {
    judge_since(15, &guards::SETTINGS).await;
}
