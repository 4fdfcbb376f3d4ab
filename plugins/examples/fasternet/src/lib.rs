//! FasterNet (Chen et al., CVPR 2023, arXiv:2303.03667) for YOLOv5, as a plugin library.

mod fasternet_block;
mod gelu;

yolo_plugin::register!(fasternet_block::FASTERNET_BLOCK);
yolo_plugin::export!();
