//! countersign.

pub mod config;
#[cfg(feature = "execute")]
pub mod demo;
pub mod kinds;
pub mod model;
pub mod probe;
