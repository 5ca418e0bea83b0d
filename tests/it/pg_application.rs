//! The schema of an application that is none of ours: written down, in sync, and then drifted.
//!
//! Any SQL file that a package ships will do. With that of a queue for workers from the Python registry:
//!
//! ```text
//! pip download --no-deps procrastinate && unzip procrastinate-*.whl
//! COUNTERSIGN_APPLICATION=procrastinate/sql/schema.sql cargo test --test it pg_application -- --ignored
//! ```

use std::fs;

use crate::lab::Lab;
use crate::pg_schema::{adopt, check, differences, report, world};

#[tokio::test]
#[ignore = "takes the schema of an application from COUNTERSIGN_APPLICATION"]
async fn the_schema_of_an_application_is_in_sync_and_then_only_what_happened_differs() {
    let file =
        std::env::var_os("COUNTERSIGN_APPLICATION").expect("COUNTERSIGN_APPLICATION names a file");
    let Some(lab) = Lab::alone().await else { return };
    lab.run(&fs::read_to_string(file).unwrap()).await;
    let table = "SELECT pg_catalog.min(c.oid::pg_catalog.regclass::text) FROM pg_catalog.pg_class c \
        WHERE c.relkind = 'r' AND c.relnamespace = 'public'::pg_catalog.regnamespace";
    let table: String = lab.admin.query_one(table, &[]).await.unwrap().get(0);
    let world = world(&lab);
    adopt(&world, &["--schema", "public"]).ends_with(0);
    check(&world, &[]).ends_with(0);
    lab.run(&format!(
        "CREATE FUNCTION public.extra() RETURNS int LANGUAGE sql AS 'SELECT 1'; \
         ALTER TABLE {table} ADD COLUMN extra int; CREATE INDEX extra ON {table} (extra)"
    ))
    .await;
    let found = differences(&report(&world, "pg_schema.public", &[]));
    let wanted = [
        "unlisted function public.extra()".to_owned(),
        "unlisted grant EXECUTE on function public.extra() to PUBLIC".to_owned(),
        format!("unlisted index extra on public.{table}"),
        format!("changed table public.{table}"),
    ];
    assert_eq!(found, wanted);
}
