//! What runs unattended: when to look again, what is known, and since when. It looks and reports, and can change nothing.
//!
//! Level-triggered: a wake-up says that somebody should look, and never what he will find. What is known follows from the
//! repository, the live world and the observer's ledger; nothing else has to survive a crash.

pub mod backoff;
pub mod condition;
pub mod conditions;
pub mod endpoint;
pub mod fuse;
pub mod knowledge;
pub mod log;
pub mod metrics;
pub mod notify;
pub mod record;
pub mod request;
pub mod schedule;
pub mod sd_notify;
pub mod signature;
pub mod status;
pub mod steady;
pub mod target;
pub mod transition;
pub mod webhook_in;
pub mod written;

pub use condition::{Condition, ConditionType, Is, Why};
pub use fuse::Fuse;
pub use knowledge::{Knowledge, Look};
pub use record::Record;
pub use request::{Answer, Request};
pub use schedule::{Ended, Schedule, Turn, Wake};
pub use status::{ResourceStatus, Status};
pub use steady::Steady;
pub use target::Target;
pub use transition::Transition;
