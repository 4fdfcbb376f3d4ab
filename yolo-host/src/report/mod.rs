//! Stand-in.
pub mod csv;
#[derive(Clone, Debug)]
pub struct EpochRow {
    pub epoch: usize,
    pub train: [f64; 3],
    pub metrics: [f64; 4],
    pub val: [f64; 3],
    pub rates: [f64; 3],
}
