//! A schema written down: its manifest, and the table that names it.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::look::manifest;
use crate::kinds::closed::{is_pattern, matches};
use crate::kinds::in_database::{adopt_each, key_of};
use crate::kinds::{Adopted, Draft};
use crate::model::{Digest, Reason, Unknown};
use crate::probe::catalog::schema::{self, Asked, Block};
use crate::probe::postgres::{Param, Session};
use crate::probe::{World, until};

/// The most text of a manifest.
const MANIFEST_BYTES_MAX: usize = 256 << 20;

/// Schemas of people, and the one that was named; those of PostgreSQL itself, and of extensions, no pattern is about.
const SCHEMAS: &str = "SELECT n.nspname::text FROM pg_catalog.pg_namespace n \
    WHERE n.nspname = $1 OR (n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' \
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = n.oid AND d.deptype = 'e' \
        AND d.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass)) ORDER BY 1";

/// Schemas that PostgreSQL brought: of what nobody here wrote a digest says enough.
const BROUGHT: [&str; 2] = ["pg_catalog", "information_schema"];

/// Everything of one class, by title.
#[derive(Debug, Default)]
struct Blocks {
    blocks: BTreeMap<String, String>,
    bytes: usize,
}

/// Writes down what was asked for, in every database that is looked at.
pub(super) async fn adopt(world: &World, asked: &str) -> Result<Adopted, Unknown> {
    let give_up = Instant::now() + world.deadline;
    let adopted = adopt_each(world, asked, |database, session| async move {
        let mut adopted = Adopted::default();
        let schemas = until(give_up, session.ask(SCHEMAS, &[Param::Text(asked)])).await?;
        let covered =
            |name: &String| if is_pattern(asked) { matches(asked, name) } else { name == asked };
        for schema in schemas.into_iter().flatten().flatten().filter(covered) {
            let key = key_of(world, database, &schema);
            match until(give_up, whole(session, &schema)).await {
                Ok(text) => adopted.drafts.push(draft(&key, &schema, database, session, text)),
                Err(why) => adopted.unseen.push((key, why)),
            }
        }
        Ok(adopted)
    });
    Ok(adopted.await)
}

fn draft(key: &str, schema: &str, database: &str, session: &Session, text: String) -> Draft {
    let version = session.identity().version();
    let draft = Draft::new(key)
        .set("database", database)
        .comment(format!("As PostgreSQL {version} writes it."));
    if BROUGHT.contains(&schema) {
        return draft.set("digest", format!("sha256:{}", Digest::of(text.as_bytes())));
    }
    let manifest = format!("manifests/{}.schema", file_name(key));
    draft.set("manifest", manifest.as_str()).file(manifest, text.into_bytes())
}

/// The manifest of a schema; an error where anything of it could not be read.
async fn whole(session: &Session, schema: &str) -> Result<String, Unknown> {
    let asked = Asked { schema, owners: true, comments: true, grants: true };
    let take = |taken: &mut Blocks, block: Block<'_>| {
        taken.bytes += block.text.len();
        if taken.bytes <= MANIFEST_BYTES_MAX {
            taken.blocks.insert(block.title.to_owned(), block.text.to_owned());
        }
    };
    let contents = schema::read::<Blocks>(session, &asked, take).await?;
    let gone = || Unknown::new(Reason::ChangedWhileReading, "the schema is gone");
    let contents = contents.ok_or_else(gone)?;
    if let Some((_, why)) = contents.blocked.into_iter().next() {
        return Err(why);
    }
    let (mut all, mut bytes) = (BTreeMap::new(), 0);
    for (class, taken) in contents.classes {
        let mut taken = taken.map_err(|why| why.of(class))?;
        bytes += taken.bytes;
        all.append(&mut taken.blocks);
    }
    if bytes > MANIFEST_BYTES_MAX {
        let detail = format!("the manifest would have more than {MANIFEST_BYTES_MAX} bytes");
        return Err(Unknown::new(Reason::TooLarge, detail));
    }
    Ok(manifest(&all))
}

/// A key as the name of a file; what no file should be called gets a name that only this key has.
fn file_name(key: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c);
    let name: String = key.chars().map(|c| if plain(c) { c } else { '-' }).collect();
    if name == key {
        name
    } else {
        format!("{name}-{}", &Digest::of(key.as_bytes()).to_string()[..8])
    }
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn two_keys_never_share_a_file() {
        let names = ["public", "shop:public", "shop-public", "Public", "../x", "a b", "a-b"];
        let files: std::collections::BTreeSet<String> =
            names.iter().map(|n| file_name(n)).collect();
        assert_eq!(files.len(), names.len(), "{files:?}");
        assert_eq!(file_name("public"), "public");
        assert!(files.iter().all(|name| !name.contains(['/', '.'])), "{files:?}");
    }
}
