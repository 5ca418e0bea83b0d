//! Bytes that come piece by piece, so that many of them never lie in memory at once.

/// Bytes that can be read from their start, as often as it takes.
pub trait Pieces {
    /// How many there are.
    fn size(&self) -> u64;

    /// Hands over all of them, in order.
    ///
    /// # Errors
    /// A fragment that says why not all could be read, or that they are not what they should be. What was handed over
    /// before counts for nothing then.
    fn each(&self, take: &mut dyn FnMut(&[u8])) -> Result<(), String>;
}

impl<T: AsRef<[u8]> + ?Sized> Pieces for T {
    fn size(&self) -> u64 {
        self.as_ref().len() as u64
    }

    fn each(&self, take: &mut dyn FnMut(&[u8])) -> Result<(), String> {
        take(self.as_ref());
        Ok(())
    }
}
