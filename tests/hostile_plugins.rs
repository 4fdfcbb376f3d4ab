//! Libraries that break the contract: a clear error, and the process lives on.
