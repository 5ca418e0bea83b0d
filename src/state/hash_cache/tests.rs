//! Tests of the cache alone: see the tests of trees for what it does to verdicts.
