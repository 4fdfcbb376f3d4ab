//! GhostNet (Han et al., CVPR 2020, arXiv:1911.11907) for YOLOv5: half of the features by convolution, the other half
//! by cheap depthwise operations on them.

mod c3_ghost;
mod ghost_bottleneck;
mod ghost_conv;

pub use c3_ghost::C3_GHOST;
pub use ghost_bottleneck::GHOST_BOTTLENECK;
pub use ghost_conv::GHOST_CONV;

yolo_plugin::register!(GHOST_CONV, GHOST_BOTTLENECK, C3_GHOST);
