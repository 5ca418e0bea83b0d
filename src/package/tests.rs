//! Packages: made, sealed, verified, and told apart.
