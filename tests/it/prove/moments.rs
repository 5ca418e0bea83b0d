//! Moments: what happens to a proof, and beside it, while it runs.
