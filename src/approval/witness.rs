//! What an approver's machine has seen of ledgers. A ledger that was shortened, forked or begun anew is found out by those
//! who saw it before, whoever has its key. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ledger::growth::Growth;
use crate::ledger::{Checkpoint, Key, Signed};

const SCHEMA: &str = "countersign.seen";
const VERSION: u32 = 1;
/// The longest text of it that is read.
pub const BYTES_MAX: u64 = 4 << 20;
/// The most ledgers that are remembered.
const LEDGERS_MAX: usize = 1000;

/// The newest checkpoints that were found consistent, by the names of their ledgers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    schema: String,
    version: u32,
    ledgers: BTreeMap<String, Sight>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sight {
    /// The key that the ledger had when it was first seen.
    key: String,
    /// The checkpoint with its signature: what the key has signed it cannot take back.
    checkpoint: String,
}

/// How a checkpoint goes with what was seen before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sighting {
    /// Nothing was seen of that ledger.
    First,
    /// The ledger is what it was, or has grown out of it.
    Grown,
    /// It is older than what was seen, or too far from it: only the host can say that the two are one ledger.
    Apart(Checkpoint),
}

/// Why a ledger is not the one that was seen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// It has another key.
    #[error(
        "ledger `{origin}` has another key than when this machine saw it: {found}, where {seen} was seen"
    )]
    Key {
        /// Its name.
        origin: String,
        /// The key that it had.
        seen: String,
        /// The key that it has.
        found: String,
    },
    /// It never was what was seen.
    #[error(
        "ledger `{}` is not the one that this machine saw: `{seen}` and `{found}` are signed by one key, and neither has grown out of the other",
        seen.origin
    )]
    Fork {
        /// What was seen.
        seen: Box<Checkpoint>,
        /// What is shown now.
        found: Box<Checkpoint>,
    },
}

/// Why a text is no memory of ledgers.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// It is not its JSON.
    #[error("it is not what this program wrote")]
    Malformed(#[source] serde_json::Error),
    /// It is of another version, or what it holds was not signed by the key beside it.
    #[error("it is not what this program wrote: {0}")]
    Form(String),
    /// There are more ledgers than are remembered.
    #[error("more than {LEDGERS_MAX} ledgers were seen")]
    TooMany,
}

impl Contradiction {
    fn fork(seen: Checkpoint, found: &Checkpoint) -> Self {
        Self::Fork { seen: Box::new(seen), found: Box::new(found.clone()) }
    }
}

impl Default for Witness {
    fn default() -> Self {
        Self { schema: SCHEMA.to_owned(), version: VERSION, ledgers: BTreeMap::new() }
    }
}

impl Witness {
    /// Reads what [`Witness::text`] wrote. Every signature in it has to hold.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(bytes: &[u8]) -> Result<Self, WitnessError> {
        let read: Self = serde_json::from_slice(bytes).map_err(WitnessError::Malformed)?;
        if read.schema != SCHEMA || read.version != VERSION {
            let what = format!("`{}` version {}", read.schema, read.version);
            return Err(WitnessError::Form(what));
        }
        for (origin, sight) in &read.ledgers {
            let opened = sight.open().ok_or_else(|| WitnessError::Form(origin.clone()))?;
            if opened.checkpoint.origin != *origin {
                return Err(WitnessError::Form(origin.clone()));
            }
        }
        Ok(read)
    }

    /// Its text.
    ///
    /// # Errors
    /// When there are too many ledgers.
    pub fn text(&self) -> Result<Vec<u8>, WitnessError> {
        if self.ledgers.len() > LEDGERS_MAX {
            return Err(WitnessError::TooMany);
        }
        let mut text = serde_json::to_vec_pretty(self).map_err(WitnessError::Malformed)?;
        text.push(b'\n');
        Ok(text)
    }

    /// What was seen of a ledger.
    ///
    /// # Errors
    /// When it had another key then.
    pub fn seen(&self, key: &Key) -> Result<Option<Checkpoint>, Contradiction> {
        let Some(sight) = self.ledgers.get(key.origin()) else { return Ok(None) };
        let found = key.to_string();
        if sight.key != found {
            let (origin, seen) = (key.origin().to_owned(), sight.key.clone());
            return Err(Contradiction::Key { origin, seen, found });
        }
        Ok(sight.open().map(|signed| signed.checkpoint))
    }

    /// Compares a checkpoint with what was seen, and remembers it where it is the newer one of the same ledger.
    ///
    /// # Errors
    /// When both cannot be of one ledger.
    pub fn meet(
        &mut self,
        key: &Key,
        signed: &Signed,
        growth: Option<&Growth>,
    ) -> Result<Sighting, Contradiction> {
        let found = &signed.checkpoint;
        let sighting = match self.seen(key)? {
            None => Sighting::First,
            Some(seen) if found.size < seen.size => return Ok(Sighting::Apart(seen)),
            Some(seen) => {
                let grown = growth.filter(|growth| growth.root_at(found.size) == Some(found.root));
                let earlier = match grown {
                    _ if found.size == seen.size => Some(found.root),
                    grown => grown.and_then(|growth| growth.root_at(seen.size)),
                };
                match earlier {
                    None => return Ok(Sighting::Apart(seen)),
                    Some(root) if root == seen.root => Sighting::Grown,
                    Some(_) => return Err(Contradiction::fork(seen, found)),
                }
            }
        };
        let sight = Sight { key: key.to_string(), checkpoint: signed.note.clone() };
        self.ledgers.insert(key.origin().to_owned(), sight);
        Ok(sighting)
    }
}

impl Sight {
    fn open(&self) -> Option<Signed> {
        self.key.parse::<Key>().ok()?.open(&self.checkpoint).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::event::HaltSet;
    use crate::ledger::{ActorKind, Ledger, Writer};

    fn ledger(at: &std::path::Path) -> Ledger {
        Ledger::create(at, "countersign/a/executor", "host", Writer::this(ActorKind::Executor))
            .expect("a ledger")
    }

    fn grow(ledger: &mut Ledger, reason: &str) -> (Key, Signed, Growth) {
        let event = HaltSet { by: "uid 0".to_owned(), reason: reason.to_owned() };
        ledger.append(&event.into(), &[]).expect("appended");
        let signed = ledger.checkpoint().expect("signed");
        (ledger.key(), signed, Growth::of(&ledger.reader()).expect("read"))
    }

    fn copy(from: &std::path::Path, to: &std::path::Path) {
        let copied = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status();
        assert!(copied.expect("cp").success());
    }

    #[test]
    fn a_ledger_grows_and_what_it_was_is_not_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut ledger = ledger(&folder.path().join("one"));
        let mut witness = Witness::default();
        let (key, one, _) = grow(&mut ledger, "one");
        let (_, two, growth) = grow(&mut ledger, "two");
        assert_eq!(witness.meet(&key, &one, None), Ok(Sighting::First));
        assert_eq!(witness.meet(&key, &one, None), Ok(Sighting::Grown), "the same again");
        let apart = Ok(Sighting::Apart(one.checkpoint.clone()));
        assert_eq!(witness.meet(&key, &two, None), apart, "nothing shows that it has grown");
        assert_eq!(witness.seen(&key), Ok(Some(one.checkpoint.clone())));
        assert_eq!(witness.meet(&key, &two, Some(&growth)), Ok(Sighting::Grown));
        let apart = Ok(Sighting::Apart(two.checkpoint.clone()));
        assert_eq!(witness.meet(&key, &one, Some(&growth)), apart, "an older one");
        let text = witness.text().expect("plain data");
        assert_eq!(Witness::parse(&text).expect("its own text"), witness);
        for wrong in [&b""[..], b"{}", &text[..text.len() / 2]] {
            assert!(Witness::parse(wrong).is_err());
        }
        let edited = String::from_utf8(text).expect("text").replace("executor\\n3", "executor\\n4");
        assert!(Witness::parse(edited.as_bytes()).is_err(), "nobody signed that");
    }

    #[test]
    fn a_fork_is_found_by_whoever_saw_the_other_branch() {
        let folder = tempfile::tempdir().expect("a folder");
        let (at, other) = (folder.path().join("one"), folder.path().join("other"));
        let mut first = ledger(&at);
        let mut witness = Witness::default();
        copy(&at, &other);
        let (key, seen, _) = grow(&mut first, "seen");
        witness.meet(&key, &seen, None).expect("the first");
        let mut second = Ledger::open(&other, Writer::this(ActorKind::Executor)).expect("the copy");
        let (_, level, growth) = grow(&mut second, "other");
        let forked = |found: Result<Sighting, Contradiction>| {
            assert!(matches!(found, Err(Contradiction::Fork { .. })), "{found:?}");
        };
        forked(witness.meet(&key, &level, Some(&growth)));
        let (_, longer, growth) = grow(&mut second, "more");
        forked(witness.meet(&key, &longer, Some(&growth)));
        let (_, _, of_first) = grow(&mut first, "of the first");
        let found = witness.meet(&key, &longer, Some(&of_first));
        assert!(matches!(found, Ok(Sighting::Apart(_))), "it shows another growth: {found:?}");
        assert_eq!(witness.seen(&key), Ok(Some(seen.checkpoint)));
    }

    #[test]
    fn a_ledger_that_was_begun_anew_has_another_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut witness = Witness::default();
        let (key, signed, _) = grow(&mut ledger(&folder.path().join("one")), "x");
        witness.meet(&key, &signed, None).expect("the first");
        let (key, signed, growth) = grow(&mut ledger(&folder.path().join("two")), "x");
        let found = witness.meet(&key, &signed, Some(&growth));
        assert!(matches!(found, Err(Contradiction::Key { .. })), "{found:?}");
    }
}
