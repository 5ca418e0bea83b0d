//! The sandbox of `countersign demo`: a made-up host and a private database server, started and removed again.
//!
//! Apart from `execute` the one room that writes and starts programs. It touches nothing outside its own folder.

#![expect(
    clippy::disallowed_methods,
    reason = "the demo is the one other room that writes and starts programs"
)]

mod checkout;
mod cutter;
pub mod desired;
pub mod fixture;
pub mod layout;
pub mod people;
pub mod repository;
pub mod sandbox;
pub mod server;
