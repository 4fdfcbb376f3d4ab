//! Filled polygons: `cv2.drawContours(…, thickness=FILLED)`, equal to it pixel by pixel.
//!
//! OpenCV draws the edges as lines and then fills between them, so that points on the edge are inside.

/// Bits behind the point of an edge's x.
const SHIFT: u32 = 16;

/// Sets the pixels of a mask of `size` (height, width) that lie in or on a polygon of pixels. Held against OpenCV for
/// points up to a pixel beyond the image, as clipped outlines have; far outside a pixel can differ.
///
/// # Panics
/// If the mask is shorter than height times width.
pub fn fill_polygon(mask: &mut [bool], size: (usize, usize), points: &[[i32; 2]]) {
    let (height, width) = (size.0 as i64, size.1 as i64);
    let Some(&last) = points.last() else { return };
    let mut edges = Vec::new();
    let mut from = last.map(i64::from);
    for &point in points {
        let to = point.map(i64::from);
        let ([a, b], visible) = clip((width, height), from, to);
        if visible {
            line(mask, width, a, b);
        }
        if from[1] != to[1] {
            edges.push(Edge::new(from, to, [a, b]));
        }
        from = to;
    }
    fill(mask, (width, height), edges);
}

/// A side of the polygon that is not level.
struct Edge {
    top: i64,
    bottom: i64,
    /// At `top`, in parts of a pixel.
    x: i64,
    /// A row further.
    slope: i64,
}

impl Edge {
    fn new(from: [i64; 2], to: [i64; 2], [a, b]: [[i64; 2]; 2]) -> Self {
        // OpenCV takes the slope from the clipped ends, unless they are level.
        let (y_a, y_b) = if a[1] == b[1] { (from[1], to[1]) } else { (a[1], b[1]) };
        let (x_a, x_b) = (a[0] << SHIFT, b[0] << SHIFT);
        let slope = (x_b - x_a) / (y_b - y_a);
        let (top, bottom) = (from[1].min(to[1]), from[1].max(to[1]));
        let (x, y) = if from[1] < to[1] { (x_a, y_a) } else { (x_b, y_b) };
        Self { top, bottom, x: x + (top - y) * slope, slope }
    }
}

/// Fills each row between the first and second, third and fourth, … of the edges that cross it.
fn fill(mask: &mut [bool], (width, height): (i64, i64), edges: Vec<Edge>) {
    let bottom = edges.iter().map(|edge| edge.bottom).max().unwrap_or(0).min(height);
    let top = edges.iter().map(|edge| edge.top).min().unwrap_or(0).max(0);
    let mut crossings = Vec::new();
    for y in top..bottom {
        let crossing = edges.iter().filter(|edge| (edge.top..edge.bottom).contains(&y));
        crossings.clear();
        crossings.extend(crossing.map(|edge| edge.x + (y - edge.top) * edge.slope));
        crossings.sort_unstable();
        for pair in crossings.as_chunks::<2>().0 {
            let (from, to) = ((pair[0] + (1 << (SHIFT - 1))) >> SHIFT, pair[1] >> SHIFT);
            if from < width && to >= 0 {
                let (from, to) = (from.max(0), to.min(width - 1));
                mask[(y * width + from) as usize..=(y * width + to) as usize].fill(true);
            }
        }
    }
}

/// The part of a line inside the image, and whether there is one: OpenCV's `clipLine`, which moves the ends
/// of a line outside, too.
fn clip((width, height): (i64, i64), a: [i64; 2], b: [i64; 2]) -> ([[i64; 2]; 2], bool) {
    let (right, bottom) = (width - 1, height - 1);
    if right < 0 || bottom < 0 {
        return ([a, b], false);
    }
    let code = |[x, y]: [i64; 2]| {
        u8::from(x < 0) | u8::from(x > right) << 1 | u8::from(y < 0) << 2 | u8::from(y > bottom) << 3
    };
    let ([mut x1, mut y1], [mut x2, mut y2]) = (a, b);
    let (mut c1, mut c2) = (code(a), code(b));
    if c1 & c2 == 0 && c1 | c2 != 0 {
        // Truncated as a double is, one end after the other.
        let cut = |along: i64, across: i64, other: i64, limit: i64| {
            (limit - along) as f64 * across as f64 / other as f64
        };
        if c1 & 12 != 0 {
            let limit = if c1 < 8 { 0 } else { bottom };
            x1 += cut(y1, x2 - x1, y2 - y1, limit) as i64;
            y1 = limit;
            c1 = u8::from(x1 < 0) | u8::from(x1 > right) << 1;
        }
        if c2 & 12 != 0 {
            let limit = if c2 < 8 { 0 } else { bottom };
            x2 += cut(y2, x2 - x1, y2 - y1, limit) as i64;
            y2 = limit;
            c2 = u8::from(x2 < 0) | u8::from(x2 > right) << 1;
        }
        if c1 & c2 == 0 && c1 | c2 != 0 {
            if c1 != 0 {
                let limit = if c1 == 1 { 0 } else { right };
                y1 += cut(x1, y2 - y1, x2 - x1, limit) as i64;
                x1 = limit;
                c1 = 0;
            }
            if c2 != 0 {
                let limit = if c2 == 1 { 0 } else { right };
                y2 += cut(x2, y2 - y1, x2 - x1, limit) as i64;
                x2 = limit;
                c2 = 0;
            }
        }
    }
    ([[x1, y1], [x2, y2]], c1 | c2 == 0)
}

/// A line of pixels between two points inside: OpenCV's `LineIterator`, 8-connected, from left to right.
fn line(mask: &mut [bool], width: i64, a: [i64; 2], b: [i64; 2]) {
    let (a, b) = if b[0] < a[0] { (b, a) } else { (a, b) };
    let (dx, dy) = (b[0] - a[0], (b[1] - a[1]).abs());
    let down = if b[1] < a[1] { -width } else { width };
    let steep = dy > dx;
    let (long, short) = if steep { (dy, dx) } else { (dx, dy) };
    let (always, sometimes) = if steep { (down, 1) } else { (1, down) };
    let mut error = long - 2 * short;
    let mut at = a[1] * width + a[0];
    for _ in 0..=long {
        mask[at as usize] = true;
        let turn = error < 0;
        error += if turn { 2 * long - 2 * short } else { -2 * short };
        at += always + if turn { sometimes } else { 0 };
    }
}
