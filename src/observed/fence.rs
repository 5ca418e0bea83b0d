//! Makes sure that no definition changed in a database while it was read.
//!
//! A server writes the text of a view, a default or a function from its present state. A statement that is committed in the
//! middle of a look would so mix two states: rows of the snapshot with text of what came after. When all have answered, a
//! new snapshot is compared with theirs: first which transactions it sees, which proves rest and costs nothing; where some
//! have ended, the versions of the rows of all catalogs that hold definitions.

use std::collections::BTreeMap;

use crate::model::display::few;
use crate::model::{Reason, Unknown};
use crate::probe::World;
use crate::probe::catalog::Fingerprint;
use crate::probe::catalog::fingerprint::transactions;
use crate::probe::postgres::Session;

/// How many catalogs a reason names.
const NAMED_MAX: usize = 5;

/// What became of one database.
#[derive(Debug)]
pub(super) enum Passed {
    /// Nothing was defined meanwhile.
    Quiet,
    /// These catalogs changed. Its session has a new snapshot now, which looks like this.
    Changed(Vec<String>, Moment),
    /// It could not be told.
    Unproven(Unknown),
}

/// What tells the state of a snapshot.
#[derive(Debug)]
pub(super) struct Moment {
    /// `None` where the server does not say which transactions a snapshot sees.
    transactions: Option<String>,
    fingerprint: Fingerprint,
}

impl Passed {
    /// The catalogs that changed.
    pub(super) fn changed(&self) -> Option<&[String]> {
        match self {
            Self::Changed(catalogs, _) => Some(catalogs),
            _ => None,
        }
    }

    /// Why it could not be told.
    pub(super) fn unproven(self) -> Option<Unknown> {
        match self {
            Self::Unproven(why) => Some(why),
            _ => None,
        }
    }
}

/// Closes the look at every database in which something was read past its snapshot. `earlier` is what this found of the
/// snapshots under which the look was done, where it was called before.
pub(super) async fn pass(
    world: &World,
    mut earlier: BTreeMap<String, Passed>,
) -> BTreeMap<String, Passed> {
    let mut all = BTreeMap::new();
    for (name, session) in &world.databases {
        let Ok(session) = session else { continue };
        if !session.looked_past_snapshot() {
            continue;
        }
        let before = match earlier.remove(name) {
            Some(Passed::Changed(_, moment)) => Some(moment),
            _ => None,
        };
        let passed = close(session, before).await.unwrap_or_else(|why| {
            let place = "it cannot be proven that nothing was defined during the look";
            Passed::Unproven(why.of(place))
        });
        all.insert(name.clone(), passed);
    }
    all
}

async fn close(session: &Session, before: Option<Moment>) -> Result<Passed, Unknown> {
    let before = match before {
        Some(moment) => moment,
        None => Moment {
            transactions: transactions(session).await?,
            fingerprint: Fingerprint::of(session).await?,
        },
    };
    session.renew().await?;
    let transactions = transactions(session).await?;
    if transactions.is_some() && transactions == before.transactions {
        return Ok(Passed::Quiet);
    }
    let fingerprint = Fingerprint::of(session).await?;
    let changed: Vec<String> =
        before.fingerprint.changed(&fingerprint).into_iter().map(str::to_owned).collect();
    if changed.is_empty() {
        return Ok(Passed::Quiet);
    }
    Ok(Passed::Changed(changed, Moment { transactions, fingerprint }))
}

/// Why a resource cannot be told when definitions changed during both looks.
pub(super) fn restless(catalogs: &[String]) -> Unknown {
    let named = few(catalogs.iter().cloned(), NAMED_MAX);
    let detail = format!(
        "definitions changed in the database during the look, and again while it was read once more: {named}"
    );
    Unknown::new(Reason::ChangedWhileReading, detail)
}
