//! countersign.
#![cfg_attr(
    test,
    expect(clippy::disallowed_methods, reason = "tests build the worlds that they look at")
)]

pub mod config;
pub mod desired;
pub mod drift;
pub mod kinds;
pub mod model;
pub mod observed;
pub mod probe;
pub mod report;
