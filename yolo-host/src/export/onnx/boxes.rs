//! What Detect does with its raw maps: boxes in pixels, and non-maximum suppression.

use super::moves::slice;
use super::schema::data_type;
use super::writer::{Value, Writer};
use crate::eval::{MAX_SIDE, MIN_SIDE, NmsOptions};
use crate::model::Detect;

/// Rows `[x, y, w, h, objectness, classes …]` of all outputs, `[batch, rows, 5 + classes]`. `cells` is height and width of each
/// raw map, where they are fixed; `anchors` are in cells.
pub fn decoded(
    w: &mut Writer,
    detect: &Detect,
    maps: &[String],
    cells: &[Option<[usize; 2]>],
    anchors: &[f32],
) -> String {
    let mut rows: Vec<String> = vec![];
    for (i, (map, cells)) in maps.iter().zip(cells).enumerate() {
        let stride = f64::from(detect.strides[i]);
        let split = w.ints(&[0, detect.na as i64, detect.no() as i64, -1]);
        let y = w.node("Reshape", &[map, &split], &[]);
        let y = w.node("Transpose", &[&y], &[("perm", Value::Ints(vec![0, 1, 3, 2]))]);
        let y = w.node("Sigmoid", &[&y], &[]);
        let sizes = w.ints(&[2, 2, 1 + detect.nc as i64]);
        let [xy, wh, rest] = w.nodes("Split", &[&y, &sizes], &[("axis", Value::Int(3))]);
        let (offset, factor) = (grid(w, map, *cells, stride), w.float(2.0 * stride));
        let xy = w.node("Mul", &[&xy, &factor], &[]);
        let xy = w.node("Add", &[&xy, &offset], &[]);
        let wh = w.node("Mul", &[&wh, &wh], &[]);
        let own = anchors.iter().skip(2 * detect.na * i).take(2 * detect.na);
        let pixels: Vec<f32> = own.map(|size| 4.0 * size * detect.strides[i]).collect();
        let anchors = w.floats(&format!("{}/anchors", w.scope), &[1, detect.na, 1, 2], &pixels);
        let wh = w.node("Mul", &[&wh, &anchors], &[]);
        let y = w.node("Concat", &[&xy, &wh, &rest], &[("axis", Value::Int(3))]);
        let joined = w.ints(&[0, -1, detect.no() as i64]);
        rows.push(w.node("Reshape", &[&y, &joined], &[]));
    }
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    w.node("Concat", &rows, &[("axis", Value::Int(1))])
}

/// The left upper corner of every cell less half a cell, in pixels: `[cells, 2]`.
fn grid(w: &mut Writer, map: &str, cells: Option<[usize; 2]>, stride: f64) -> String {
    if let Some([height, width]) = cells {
        let corner = |cell: usize| ((cell as f64 - 0.5) * stride) as f32;
        let corners: Vec<f32> =
            (0..height).flat_map(|y| (0..width).flat_map(move |x| [corner(x), corner(y)])).collect();
        return w.floats(&format!("{}/grid", w.scope), &[height * width, 2], &corners);
    }
    let shape = w.node("Shape", &[map], &[]);
    let (two, three) = (w.int(2), w.int(3));
    let height = w.node("Gather", &[&shape, &two], &[]);
    let width = w.node("Gather", &[&shape, &three], &[]);
    let count = w.node("Mul", &[&height, &width], &[]);
    let (zero, one, last) = (w.int(0), w.int(1), w.ints(&[-1]));
    let cell = w.node("Range", &[&zero, &count, &one], &[]);
    let [x, y] = ["Mod", "Div"].map(|op| {
        let at = w.node(op, &[&cell, &width], &[]);
        w.node("Unsqueeze", &[&at, &last], &[])
    });
    let cells = w.node("Concat", &[&x, &y], &[("axis", Value::Int(1))]);
    let cells = w.node("Cast", &[&cells], &[("to", Value::Int(w.float_type().into()))]);
    let (stride, half) = (w.float(stride), w.float(-0.5 * stride));
    let corners = w.node("Mul", &[&cells, &stride], &[]);
    w.node("Add", &[&corners, &half], &[])
}

/// Rows `[left, top, right, bottom, confidence, class]` of the one image's objects, best first, from [`decoded`] ones.
pub fn suppressed(w: &mut Writer, rows: &str, nc: usize, options: &NmsOptions) -> String {
    let rows = w.node("Cast", &[rows], &[("to", Value::Int(data_type::FLOAT.into()))]);
    w.half = false; // NonMaxSuppression takes floats of 32 bits only
    let sizes = w.ints(&[2, 2, 1, nc as i64]);
    let [xy, wh, objectness, classes] = w.nodes("Split", &[&rows, &sizes], &[("axis", Value::Int(2))]);
    let half = w.float(0.5);
    let half = w.node("Mul", &[&wh, &half], &[]);
    let (low, high) = (w.node("Sub", &[&xy, &half], &[]), w.node("Add", &[&xy, &half], &[]));
    let last = ("axis", Value::Int(2));
    let boxes = w.node("Concat", &[&low, &high], std::slice::from_ref(&last));
    let scores = w.node("Mul", &[&classes, &objectness], &[]);
    let best = reduced(w, "ReduceMax", &scores);
    // As `non_max_suppression`: a box that is too small or too large does not count.
    let (shortest, longest) = (reduced(w, "ReduceMin", &wh), reduced(w, "ReduceMax", &wh));
    let (least, most) = (w.float(MIN_SIDE.into()), w.float(MAX_SIDE.into()));
    let long = w.node("GreaterOrEqual", &[&shortest, &least], &[]);
    let short = w.node("LessOrEqual", &[&longest, &most], &[]);
    let sized = w.node("And", &[&long, &short], &[]);
    let sized = w.node("Cast", &[&sized], &[("to", Value::Int(data_type::FLOAT.into()))]);
    let best = w.node("Mul", &[&best, &sized], &[]);
    let class = w.node("ArgMax", &[&scores], std::slice::from_ref(&last));
    let class = w.node("Cast", &[&class], &[("to", Value::Int(data_type::FLOAT.into()))]);
    let apart = match options.agnostic {
        true => boxes.clone(),
        false => {
            let side = w.float(MAX_SIDE.into());
            let offset = w.node("Mul", &[&class, &side], &[]);
            w.node("Add", &[&boxes, &offset], &[])
        }
    };
    let most = w.ints(&[options.max_det as i64]);
    let iou = w.floats(&format!("{}/iou", w.scope), &[1], &[options.iou_thres as f32]);
    let confidence = w.floats(&format!("{}/confidence", w.scope), &[1], &[options.conf_thres]);
    let by_class = w.node("Transpose", &[&best], &[("perm", Value::Ints(vec![0, 2, 1]))]);
    let kept = w.node("NonMaxSuppression", &[&apart, &by_class, &most, &iou, &confidence], &[]);
    let found = w.node("Concat", &[&boxes, &best, &class], &[last]);
    let kept = slice(w, &kept, 1, 2, 3, 1);
    let all = w.ints(&[-1, 6]);
    let found = w.node("Reshape", &[&found, &all], &[]);
    let flat = w.ints(&[-1]);
    let kept = w.node("Reshape", &[&kept, &flat], &[]);
    w.node("Gather", &[&found, &kept], &[("axis", Value::Int(0))])
}

/// The last of three axes reduced to one element; its number is an attribute before opset 18.
fn reduced(w: &mut Writer, op: &str, x: &str) -> String {
    match w.opset {
        ..18 => w.node(op, &[x], &[("axes", Value::Ints(vec![2]))]),
        18.. => {
            let axes = w.ints(&[2]);
            w.node(op, &[x, &axes], &[])
        }
    }
}
