//! The sandbox of `countersign demo`: a made-up host and a private database server, started and removed again.
//!
//! Apart from `execute` the one room that writes and starts programs. It touches nothing outside its own folder.

pub mod server;
