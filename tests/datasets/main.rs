//! Datasets of every layout, their labels and classes, and batches made of them.

mod class_order;
mod descriptions;
mod loader;
mod text_and_yolo;
mod voc_and_coco;
