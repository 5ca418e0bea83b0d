//! The single integration binary: one link for all that needs a real machine.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a panic is how a test fails")]

// The same files as the demo's, so that the observer build is tested against a real server as well.
#[path = "../../src/demo/server/mod.rs"]
#[expect(unreachable_pub, reason = "an interface of the library, included here")]
mod server;

mod adopt;
mod approval;
mod attest;
mod attest_attacks;
mod builds;
mod cached;
mod check;
mod config;
mod contabo;
#[cfg(feature = "execute")]
mod deeds;
mod deploy;
mod desired;
mod docs;
#[cfg(feature = "execute")]
mod fixture;
mod formats;
#[cfg(feature = "execute")]
mod gap_history;
mod gaps;
mod gates;
#[cfg(feature = "execute")]
mod key_import;
mod keys;
mod lab;
mod ledger;
mod notify;
#[cfg(feature = "execute")]
mod pg_application;
#[cfg(feature = "execute")]
mod pg_apply;
mod pg_functions;
mod pg_grants;
mod pg_objects;
mod pg_roles;
mod pg_schema;
mod pg_schema_unknown;
mod pg_tables;
mod postgres;
mod postgres_kinds;
mod postgres_places;
mod postgres_tls;
mod postgres_two;
mod private_server;
mod program;
#[cfg(feature = "execute")]
mod proof_guard;
#[cfg(feature = "execute")]
mod prove;
mod readonly;
mod recall;
mod recall_pg;
#[cfg(feature = "execute")]
mod report_packages;
#[cfg(feature = "execute")]
mod sandbox;
mod schema;
mod signed;
#[cfg(feature = "execute")]
mod site;
mod smoke;
mod soak;
mod systemd;
mod systemd_live;
mod traced;
mod transcripts;
#[cfg(feature = "execute")]
mod units_live;
mod waivers;
mod watch;
mod watch_faults;
mod watch_outside;
mod watch_source;
mod watch_traced;
mod watched;
