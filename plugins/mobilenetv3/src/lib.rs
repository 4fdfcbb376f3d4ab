//! MobileNetV3 (Howard et al., ICCV 2019, arXiv:1905.02244) for YOLOv5: stem, inverted residual, squeeze-and-excite and
//! the hard activations.

mod conv_bn_hswish;
mod hard;
mod mobilenet_block;
mod se_layer;

pub use conv_bn_hswish::CONV_BN_HSWISH;
pub use hard::{H_SIGMOID, H_SWISH};
pub use mobilenet_block::MOBILENET_BLOCK;
pub use se_layer::SE_LAYER;

yolo_plugin::register!(H_SIGMOID, H_SWISH, SE_LAYER, CONV_BN_HSWISH, MOBILENET_BLOCK);
