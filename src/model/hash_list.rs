//! Lists of hashes as `sha256sum` writes them.
