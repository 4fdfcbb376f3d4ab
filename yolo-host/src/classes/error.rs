//! Classes that cannot be matched.

/// Why classes cannot be matched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No name is on both sides.
    #[error(
        "the weights know none of the data's classes: they have {have}, the data {want}; give the same things the same names"
    )]
    Strangers {
        /// Names of the weights.
        have: String,
        /// Names of the data.
        want: String,
    },
    /// There are no names, and the numbers differ.
    #[error(
        "the weights have {have} classes, the data {want}, and without names on both sides they cannot be matched"
    )]
    Counts {
        /// Classes of the weights.
        have: usize,
        /// Classes of the data.
        want: usize,
    },
}
