//! A schema that was read before is not read again while no definition has another version.

use serde_json::Value;

use super::PgSchema;
use super::look::{self, Look};
use crate::kinds::{Kind as _, Named};
use crate::model::{ResourceName, Unknown};
use crate::probe::World;
use crate::probe::catalog::Fingerprint;
use crate::probe::postgres::Session;
use crate::state::Asked;

/// In which state the definitions of a database are, where answers of earlier looks may be used.
pub(super) async fn state(world: &World, session: &Session) -> Option<Value> {
    world.caches.as_ref()?;
    // What cannot be told here is asked as if there were no memory.
    let fingerprint = Fingerprint::of(session).await.ok()?;
    serde_json::to_value(fingerprint).ok()
}

/// The remembered answer to the same question about the same state; else a look.
pub(super) async fn look(
    world: &World,
    session: &Session,
    named: &Named<PgSchema>,
    state: Option<&Value>,
) -> Result<Option<Look>, Unknown> {
    let identity = session.identity();
    let (Some(caches), Some(state), Ok(system)) =
        (&world.caches, state, &identity.system_identifier)
    else {
        return look::look(session, named).await;
    };
    let version = identity.version_number.to_string();
    let source = [
        system,
        &identity.database,
        &version,
        &identity.started,
        &identity.session_role,
        &identity.current_role,
    ]
    .map(String::as_str);
    let resource = ResourceName::new(PgSchema::NAME, &named.name);
    let question = named.spec.question(&named.name);
    let asked = Asked { resource: &resource, question: &question, source: &source, state };
    if let Some(kept) = caches.answer(&asked)
        && let Ok(seen) = serde_json::from_value::<Option<Look>>(kept.seen)
    {
        return Ok(seen.map(|look| Look { since: Some(kept.since), ..look }));
    }
    let seen = look::look(session, named).await?;
    let complete = seen.as_ref().is_none_or(|look| look.blind.is_empty());
    if complete && let Ok(text) = serde_json::to_value(&seen) {
        caches.keep_answer(&asked, world.now, &text);
    }
    Ok(seen)
}
