//! What can be wrong with the loss's settings and with what it is given, worded so that one knows which part it is.

/// A loss that could not be set up or computed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LossError {
    /// A hyperparameter outside its range.
    #[error("hyperparameter {name} is {value}, but must be {range}")]
    Hyper {
        /// Its name in upstream's hyperparameter files.
        name: &'static str,
        /// What was given.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
    /// No classes at all.
    #[error("a loss needs at least one class")]
    NoClasses,
    /// Lists of anchors and strides that do not fit each other or the five weights of objectness.
    #[error("{anchors} lists of anchors and {strides} strides; both must be the number of layers, 1 to 5")]
    Layers {
        /// Lists of anchors given.
        anchors: usize,
        /// Strides given.
        strides: usize,
    },
    /// An empty list of anchors, or a size that is not a positive number.
    #[error("layer {layer} needs anchors of positive width and height, not {anchors:?}")]
    Anchors {
        /// The layer, from 0.
        layer: usize,
        /// Its anchors.
        anchors: Vec<[f64; 2]>,
    },
    /// Auto-balance has nothing to measure the layers by.
    #[error("auto-balance needs a layer of stride 16; the strides are {0:?}")]
    NoStride16(Vec<f64>),
    /// A number of maps that is not the number of layers.
    #[error("{have} maps for {need} layers")]
    Maps {
        /// The number of layers.
        need: usize,
        /// Maps given.
        have: usize,
    },
    /// A batch without images or a map without cells, over which there is no mean.
    #[error("map {map} is empty: {batch} images of {ny} rows and {nx} columns")]
    Empty {
        /// The map, from 0.
        map: usize,
        /// Images in the batch.
        batch: usize,
        /// Rows.
        ny: usize,
        /// Columns.
        nx: usize,
    },
    /// A slice that is not as long as its shape says.
    #[error("map {map} has {have} values; [{batch}, {ny}, {nx}, {channels}] needs {need}")]
    Values {
        /// The map, from 0.
        map: usize,
        /// Images in the batch.
        batch: usize,
        /// Rows.
        ny: usize,
        /// Columns.
        nx: usize,
        /// Anchors times values of each.
        channels: usize,
        /// Product of the four.
        need: usize,
        /// Length of the slice.
        have: usize,
    },
    /// A logit that is NaN or infinite.
    #[error("map {map} has the value {value} at {index}: the network's output is not finite")]
    Logit {
        /// The map, from 0.
        map: usize,
        /// Where in the slice the first one is.
        index: usize,
        /// The value.
        value: f64,
    },
    /// A class that there is not.
    #[error("target {target} has class {class}, but there are {nc} classes, from 0")]
    Class {
        /// The target, from 0.
        target: usize,
        /// Its class.
        class: usize,
        /// Number of classes.
        nc: usize,
    },
    /// An image that there is not.
    #[error("target {target} belongs to image {image}, but the batch has {batch} images, from 0")]
    Image {
        /// The target, from 0.
        target: usize,
        /// Its image.
        image: usize,
        /// Images in the batch.
        batch: usize,
    },
    /// A box with a NaN, an infinity or a negative size.
    #[error("target {target} is no box: x, y, width, height are {rect:?}")]
    Rect {
        /// The target, from 0.
        target: usize,
        /// Its box.
        rect: [f64; 4],
    },
    /// Finite input whose loss is too large for the number type.
    #[error("the loss is not finite: box {}, objectness {}, class {}", items[0], items[1], items[2])]
    Overflow {
        /// Loss items.
        items: [f64; 3],
    },
}

impl LossError {
    /// Whether numbers of the network are to blame, not what it was given.
    pub fn is_not_finite(&self) -> bool {
        matches!(self, LossError::Logit { .. } | LossError::Overflow { .. })
    }
}
