//! countersign.

pub mod config;
pub mod kinds;
pub mod model;
pub mod probe;

#[cfg(feature = "execute")]
pub mod demo;
