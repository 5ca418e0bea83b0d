//! The one integration test binary.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a panic is how a test fails")]
