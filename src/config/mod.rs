//! The host's own configuration: what desired state can never say for itself.

mod policy;

pub use policy::{Access, Policy};
