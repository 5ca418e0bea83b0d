//! How many threads look at once.

/// More threads than this only wait for the same disks.
const THREADS_MAX: usize = 8;

/// How many threads may look at files at once.
#[derive(Debug, Clone, Copy)]
pub enum Threads {
    /// One for each processor that this process may use. Asked only where it matters: the answer takes some fifteen system
    /// calls, three files of `/proc` and `/sys` among them.
    Processors,
    /// So many.
    Exactly(usize),
}

impl Threads {
    /// At least one, and at most `wanted`.
    #[must_use]
    pub fn up_to(self, wanted: usize) -> usize {
        match self {
            _ if wanted <= 1 => 1,
            Self::Processors => std::thread::available_parallelism()
                .map_or(1, std::num::NonZero::get)
                .clamp(1, wanted.min(THREADS_MAX)),
            Self::Exactly(count) => count.clamp(1, wanted),
        }
    }
}
