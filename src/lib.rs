//! `countersign`: a GitOps reconciler for hosts and PostgreSQL databases outside Kubernetes.
//!
//! Desired state is a git repository. The program measures the live host and the live database, says exactly how they
//! differ and who has to move, and changes nothing.
//!
//! ```text
//! git repository ──► desired ──┐
//!                              ├──► drift ──► report ──► text, json, ndjson, markdown, html, junit,
//! host, PostgreSQL ──► probe ──► observed ──┘            sarif, prometheus, nagios, silent
//!                        ▲
//!                      kinds: what is asked, and how the answer is compared
//! ```
//!
//! The modules, lowest first. Each uses only those above it in this list; `tests/tidy.rs` checks that.

#![cfg_attr(
    test,
    expect(clippy::disallowed_methods, reason = "tests build the worlds that they look at")
)]

// The nouns: digests, names, instants, differences, reasons for not knowing, and text with places in it.
pub mod model;

// The host's own configuration: what may be read and shown, which host and databases these are, which guards must stand.
pub mod config;

// The closed list of changes, as data: what is done, to what, from which state to which. Does nothing.
pub mod action;

// The switch and the halt: whether anything may be changed at all; what cannot be read means no.
pub mod killswitch;

// Narrows a process, before it becomes a command that looks.
pub mod sandbox;

// What was planned, approved and done: entries in a signed tree, written by one process and verified by anybody.
pub mod ledger;

// What is remembered between two looks: digests of files. Deletable, never an authority.
pub mod state;

// The only way to look at the world: host files beneath one root, read-only database sessions, a scrubbed program runner.
pub mod probe;

// The kinds of resources, one file each: what a table may contain, what is asked, how the answer is compared.
pub mod kinds;

// Desired state: from a git repository to typed resources, or to every reason why not.
pub mod desired;

// What was seen: one stored answer or one reason for each resource; recorded worlds.
pub mod observed;

// Desired against observed: verdicts, identity, guards. Pure.
pub mod drift;

// What is there written down as desired state: which table goes to which file, and the new text of that file. Pure.
pub mod adopt;

// The exact change that is proposed, as bytes that people sign; and why each other drift is left alone. Pure.
pub mod plan;

// What people signed about a plan, and whether that is enough. Pure.
pub mod approval;

// Real statements on the real database that can commit nothing: what was seen, the rules of the verdict, and the protocol.
pub mod proof;

// The only code that changes a host or a database, with a permit for each step.
#[cfg(feature = "execute")]
pub mod execute;

// What verdicts and proofs come to: gates and gaps, computed from what was seen. Pure.
pub mod evidence;

// What was found, as a value; and the formats that show it, one file each.
pub mod report;

// Report packages: documents computed from evidence, with all that their lines rest on, and their verifier.
pub mod package;

// What runs unattended: when to look again, what is known and since when. Looks and reports; can change nothing.
pub mod controller;

// The sandbox of `countersign demo`: a host, its database and its repository, laid out and changed on purpose.
#[cfg(feature = "execute")]
pub mod demo;

// The command line: one file a verb.
pub mod cli;
