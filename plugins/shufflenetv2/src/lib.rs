//! ShuffleNetV2 (Ma et al., ECCV 2018, arXiv:1807.11164) for YOLOv5: the stem and the two units of figure 3(c) and (d).

mod conv_bn_relu_maxpool;
mod shuffle_block;

pub use conv_bn_relu_maxpool::CONV_BN_RELU_MAXPOOL;
pub use shuffle_block::SHUFFLE_BLOCK;

yolo_plugin::register!(CONV_BN_RELU_MAXPOOL, SHUFFLE_BLOCK);
