//! Choices of tests that are the same in each run.

/// The same numbers for the same seed, which must not be zero.
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    /// The next number, less than `below`.
    pub fn below(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // It is less than a number that fits.
        usize::try_from(self.0 % below as u64).unwrap_or_default()
    }
}
