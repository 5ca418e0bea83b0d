//! The nouns: digests, names, instants, differences, reasons for not knowing, and text with places in it.
//!
//! Uses nothing of the rest of the program, does no I/O, and asks no clock of its own accord.

pub mod clauses;
mod code;
mod decimal;
mod diagnostic;
mod difference;
mod digest;
pub mod display;
pub mod document;
pub mod grant;
pub mod hash_list;
pub mod json;
mod name;
pub mod object_list;
mod period;
mod pieces;
mod relation;
mod resource;
mod role;
pub mod setting;
mod size;
pub mod sql;
mod ssh_key;
pub mod sshsig;
mod time;
mod unified;
mod unknown;

pub use code::{CODES, Code};
pub use decimal::{Decimal, DecimalError};
pub use diagnostic::{Diagnostic, Level, Lines, Related, SourceLine, Span, nearest};
pub use difference::{Blind, Change, Comparison, Content, Difference, Evidence, Line, shown_path};
pub use digest::{Digest, DigestError, Hashing};
pub use name::ResourceName;
pub use period::{Period, PeriodError};
pub use pieces::Pieces;
pub use relation::{MemberName, RelationName, RoutineName, leading_name, quoted, written};
pub use resource::{Mode, Route, Severity};
pub use role::{MembershipName, SettingName, SettingPlace};
pub use size::{Percent, Size};
pub use ssh_key::{SshKey, SshKeyError};
pub use time::{Clock, SystemClock, Timestamp};
pub use unified::{unified, unified_escaped};
pub use unknown::{REASONS, Reason, Unknown};
