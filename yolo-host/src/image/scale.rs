//! Boxes from network pixels back to photograph pixels.

/// Undoes the letterbox on boxes `[x1, y1, x2, y2]`, in place, and clips them to the photograph: YOLOv5's
/// `scale_coords` and `clip_coords`.
///
/// `network` and `photo` are sizes (height, width) in pixels. Gain and padding are worked out in `f64` and
/// applied in `f32`, as PyTorch does with Python numbers and float tensors.
pub fn scale_boxes(boxes: &mut [[f32; 4]], network: (usize, usize), photo: (usize, usize)) {
    let (network_h, network_w) = (network.0 as f64, network.1 as f64);
    let (photo_h, photo_w) = (photo.0 as f64, photo.1 as f64);
    let gain = (network_h / photo_h).min(network_w / photo_w);
    let pad_x = ((network_w - photo_w * gain) / 2.0) as f32;
    let pad_y = ((network_h - photo_h * gain) / 2.0) as f32;
    let gain = gain as f32;
    let x = |value: f32| ((value - pad_x) / gain).clamp(0.0, photo.1 as f32);
    let y = |value: f32| ((value - pad_y) / gain).clamp(0.0, photo.0 as f32);
    for [x1, y1, x2, y2] in boxes {
        (*x1, *y1, *x2, *y2) = (x(*x1), y(*y1), x(*x2), y(*y2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers from upstream's `scale_coords` under PyTorch 2.8.
    #[test]
    fn boxes_return_as_upstream_brings_them() {
        let mut boxes = [[10.3, 20.7, 300.2, 700.0]];
        scale_boxes(&mut boxes, (640, 480), (1080, 810));
        assert_eq!(boxes, [[17.38125, 34.93125, 506.58752, 1080.0]]);

        let mut boxes = [[-5.0, 3.3, 641.7, 200.9]];
        scale_boxes(&mut boxes, (384, 640), (720, 1281));
        assert_eq!(boxes, [[0.0, 0.0, 1281.0, 377.8139]]);
    }
}
