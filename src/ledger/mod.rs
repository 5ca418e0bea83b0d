//! Ledgers: what was planned, approved, refused and done, so that it cannot be changed afterwards without being seen.
//!
//! A ledger is a folder with one writer and one key. Entries are lines of JSON in numbered segments; each holds the hash of
//! the line before, and all of them are the leaves of one tree (RFC 6962), whose root is signed now and then (C2SP
//! checkpoints). What entries refer to (plans, statements, evidence) lies beside them by its digest. [`append`] writes,
//! [`read`] and [`verify`] read; they share the format alone.

pub mod append;
mod body;
pub mod checkpoint;
pub mod entry;
pub mod envelope;
mod error;
pub mod event;
pub mod growth;
pub mod merkle;
mod names;
mod outcome;
mod own;
pub mod proof;
pub mod read;
mod reserve;
mod said;
pub mod verify;
mod walk;

pub use append::failpoint;
pub use append::{Attachment, Ledger, Receipt, Writer};
pub use checkpoint::{Checkpoint, Key, Signed};
pub use entry::{Actor, ActorKind, Attached, Entry};
pub use envelope::{Envelope, EnvelopeError};
pub use error::{Damage, LedgerError};
pub use event::{Event, Outcome};
pub use merkle::Hash;
pub use read::Reader;

#[cfg(test)]
mod tests;
