//! What of a schema could not be read is Unknown by name; it is neither missing, nor in sync, nor remembered.

use serde_json::{Value, json};

use crate::lab::{Lab, admin};
use crate::pg_schema::{adopt, differences, manifest, report, zoo};
use crate::program::World;

const LOCK: &str = "BEGIN; LOCK TABLE public.unit IN ACCESS EXCLUSIVE MODE";

fn seen(world: &World) -> Value {
    report(world, "pg_schema.public", &[])
}

/// What could not be read, as `FIELD REASON`.
fn blind(seen: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let blind = seen["blind"].as_array().unwrap().iter();
    blind.map(|b| format!("{} {}", text(&b["field"]), text(&b["reason"]))).collect()
}

async fn locked(lab: &Lab, sql: &str) -> tokio_postgres::Client {
    let migration = admin(&lab.server, &lab.database).await;
    migration.batch_execute(sql).await.unwrap();
    migration
}

/// The text of its body names the table, which stands in another schema: nothing else here is about it.
#[tokio::test]
async fn a_function_over_a_locked_table_leaves_functions_unknown() {
    let Some((lab, world)) = zoo().await else { return };
    if lab.major < 14 {
        return;
    }
    lab.run(
        "CREATE SCHEMA far; CREATE TABLE far.away (n int); CREATE FUNCTION public.standard() RETURNS bigint \
         LANGUAGE sql BEGIN ATOMIC SELECT pg_catalog.count(*) FROM far.away; END",
    )
    .await;
    adopt(&world, &["--schema", "public"]).ends_with(0);
    let _migration = locked(&lab, "BEGIN; LOCK TABLE far.away IN ACCESS EXCLUSIVE MODE").await;
    let seen = seen(&world);
    assert_eq!(seen["verdict"], "unknown", "{seen}");
    assert_eq!(blind(&seen), ["function locked"]);
    assert_eq!(differences(&seen), Vec::<String>::new());
}

#[tokio::test]
async fn a_digest_of_what_was_read_in_part_is_none() {
    let Some((lab, world)) = zoo().await else { return };
    let digest = countersign::model::Digest::of(manifest(&world, "public").as_bytes());
    let text = format!("[pg_schema.public]\ndatabase = \"lab\"\ndigest = \"{digest:?}\"\n");
    world.desired("hosts/a/pg_schema.toml", text);
    assert_eq!(seen(&world)["verdict"], "in_sync");
    let _migration = locked(&lab, LOCK).await;
    let seen = seen(&world);
    assert_eq!(seen["verdict"], "unknown", "{seen}");
    assert_eq!(differences(&seen), Vec::<String>::new(), "another digest of less");
}

#[tokio::test]
async fn a_look_with_something_unknown_is_not_remembered() {
    let Some((lab, world)) = zoo().await else { return };
    let data = world.path("data");
    let look = || {
        let cached = ["--cached", "--data", data.to_str().unwrap()];
        let seen = report(&world, "pg_schema.public", &cached);
        (seen["evidence"].clone(), seen["verdict"].clone())
    };
    let migration = locked(&lab, LOCK).await;
    assert_eq!(look(), (json!("queried"), json!("unknown")));
    migration.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(look(), (json!("queried"), json!("in_sync")));
    assert_eq!(look(), (json!("stat_cached"), json!("in_sync")));
}

/// The lists of large objects belong to the question about grants.
#[tokio::test]
async fn a_class_that_may_not_be_read_is_unknown_and_the_others_are_compared() {
    let Some((lab, world)) = zoo().await else { return };
    lab.run("REVOKE SELECT ON pg_catalog.pg_largeobject_metadata FROM PUBLIC").await;
    lab.run("DROP TYPE public.mood").await;
    let seen = seen(&world);
    assert_eq!(seen["verdict"], "unknown", "{seen}");
    assert_eq!(blind(&seen), ["grant permission_denied"]);
    assert_eq!(differences(&seen), ["missing type public.mood"]);
}

/// No question is about casts, and a cast is a definition.
#[tokio::test]
async fn where_it_cannot_be_told_whether_definitions_changed_nothing_is_said() {
    let Some((lab, world)) = zoo().await else { return };
    lab.run("REVOKE SELECT ON pg_catalog.pg_cast FROM PUBLIC").await;
    let seen = seen(&world);
    assert_eq!(seen["verdict"], "unknown", "{seen}");
    assert!(seen.to_string().contains("it cannot be proven that nothing was defined"), "{seen}");
}
