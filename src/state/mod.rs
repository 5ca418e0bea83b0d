//! What the program remembers between two looks, and shows of the newest.
//!
//! Deletable at any time, and never an authority: without it a look takes longer and says the same. It lies below the
//! program's own folder, and this is one of the rooms that write.

mod answer;
mod hash_cache;
pub mod published;

pub use answer::{Asked, Kept};
pub use hash_cache::{
    CacheError, HashCache, HashCaches, Key, Page, RACY_SECONDS, Recalled, Settings, Subject,
};
