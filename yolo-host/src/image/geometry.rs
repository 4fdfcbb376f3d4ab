//! How an image lies in the network's input, and boxes from there back to the image.

/// How an image lies in the network's input: upstream's `shapes`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Geometry {
    /// Height and width of the image in pixels.
    pub original: (usize, usize),
    /// Input pixels to a pixel of the image, down and across.
    pub gain: (f64, f64),
    /// Padding in pixels on the left and at the top.
    pub pad: (f64, f64),
}

impl Geometry {
    /// That of an image of this size (height, width) in an input of that, scaled as large as it fits and centred: what
    /// YOLOv5's `scale_coords` works out where nobody tells it.
    pub fn fitted(original: (usize, usize), input: (usize, usize)) -> Self {
        let (height, width) = (original.0 as f64, original.1 as f64);
        let (input_height, input_width) = (input.0 as f64, input.1 as f64);
        let gain = (input_height / height).min(input_width / width);
        let pad = ((input_width - width * gain) / 2.0, (input_height - height * gain) / 2.0);
        Geometry { original, gain: (gain, gain), pad }
    }

    /// Brings a box `[x1, y1, x2, y2]` in input pixels back to the image and clips it to that, in place: YOLOv5's
    /// `scale_coords` and `clip_coords`, which take the gain of the height for both axes. Gain and padding are applied in
    /// `f32`, as PyTorch does with Python numbers and float tensors.
    pub fn restore(&self, rect: &mut [f32; 4]) {
        let (height, width) = (self.original.0 as f32, self.original.1 as f32);
        let (gain, left, top) = (self.gain.0 as f32, self.pad.0 as f32, self.pad.1 as f32);
        let x = |value: f32| ((value - left) / gain).clamp(0.0, width);
        let y = |value: f32| ((value - top) / gain).clamp(0.0, height);
        let [x1, y1, x2, y2] = *rect;
        *rect = [x(x1), y(y1), x(x2), y(y2)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers from upstream's `scale_coords` under PyTorch 2.8.
    #[test]
    fn boxes_return_as_upstream_brings_them() {
        let mut rect = [10.3, 20.7, 300.2, 700.0];
        Geometry::fitted((1080, 810), (640, 480)).restore(&mut rect);
        assert_eq!(rect, [17.38125, 34.93125, 506.58752, 1080.0]);

        let mut rect = [-5.0, 3.3, 641.7, 200.9];
        Geometry::fitted((720, 1281), (384, 640)).restore(&mut rect);
        assert_eq!(rect, [0.0, 0.0, 1281.0, 377.8139]);
    }
}
