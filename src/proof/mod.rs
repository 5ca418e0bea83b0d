//! Rollback-only proofs: a real statement on the real database, in a transaction that cannot commit, and what shows that
//! nothing of it stayed.
//!
//! `BEGIN`, a write, `ROLLBACK` and a count of rows prove little: sequences, other connections, files and a transaction that was
//! ended from within outlive it. Here the statement runs inside another that always ends in an error, behind a deferred trigger
//! that refuses every commit, as the role of the application; and a second session asks the server what became of every
//! transaction that was open meanwhile. [`judge`] turns what was seen into one verdict, by rules that anybody can read.

mod evidence;
#[cfg(feature = "execute")]
pub mod protocol;
mod set;
mod verdict;

pub use evidence::{
    Attempt, Census, Evidence, Foreign, Function, Inside, Lock, Outside, Sequence, Server, Written,
};
pub use set::{Holds, LineResult, SetResult};
pub use verdict::{Judged, Verdict, judge, judge_script};
