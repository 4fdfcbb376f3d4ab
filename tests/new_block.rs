//! `yolo blocks new` writes plugins that build and work.
