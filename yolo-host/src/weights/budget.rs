//! The memory that reading one file may take, so that a small file cannot ask for a large amount.

use super::ErrorKind;

/// Bytes still to be had. What is allocated, copied or visited more than once is paid for here; what a file can
/// only reach once, byte by byte, needs no budget.
pub struct Budget {
    left: usize,
}

impl Budget {
    /// An honest file needs at most eight times its size (`bool` to `i64`), and small ones a little besides.
    const PER_BYTE: usize = 16;
    const BASE: usize = 16 << 20;

    /// The budget for a file of `len` bytes.
    pub fn for_file(len: usize) -> Self {
        Budget { left: len.saturating_mul(Self::PER_BYTE).saturating_add(Self::BASE) }
    }

    /// Pays `bytes` for `what`.
    pub fn take(&mut self, bytes: usize, what: &str) -> Result<(), ErrorKind> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| ErrorKind::TooLarge(what.to_owned()))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_spent_once() {
        let mut budget = Budget::for_file(1);
        assert!(budget.take(Budget::BASE, "a tensor").is_ok());
        assert!(budget.take(Budget::PER_BYTE, "a tensor").is_ok());
        assert!(matches!(budget.take(1, "a tensor"), Err(ErrorKind::TooLarge(what)) if what == "a tensor"));
    }

    #[test]
    fn does_not_overflow() {
        assert!(Budget::for_file(usize::MAX).take(usize::MAX, "").is_ok());
    }
}
