//! How fast the kernels are, by operation and shape: `cargo bench -p yolo-tests --bench kernels`. `YOLO_KERNELS` chooses the
//! instructions, `RAYON_NUM_THREADS` the threads.

use std::time::Instant;
use yolo_host::graph::{Act, Pool};
use yolo_kernels::ops::pool::Pooling;
use yolo_kernels::ops::{activation as act, resize, strided as shape};
use yolo_kernels::train::norm;
use yolo_kernels::{Conv, ConvShape, Window, isa};
use yolo_tests::uniform;

/// Median milliseconds of a few runs.
fn time(mut run: impl FnMut()) -> f64 {
    run();
    let mut times: Vec<f64> = (0..9)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// What moves numbers more than it computes: milliseconds, and bytes read and written in that time.
fn rest() {
    let (batch, side, channels) = (4, 80, 64);
    let count = batch * side * side * channels;
    let values: Vec<f32> = uniform("x", count).into_iter().map(|u| 6.0 * u as f32 - 3.0).collect();
    let mut y = vec![0.0; count];
    let ones = vec![1.0; channels];
    let statistics = norm::statistics(&values, channels);
    let normal = norm::Normal::new(&statistics, 1e-3, &ones, &ones);
    let window = Window { kernel: [5; 2], stride: [1; 2], padding: [2; 2], dilation: [1; 2] };
    let pooling = Pooling::new(Pool::Max, batch, [side; 2], [side; 2], channels, &window);
    let mut places = vec![];
    let table = resize::shuffle(channels, 2);
    let (sizes, steps) = resize::nearest(&[batch, channels, side / 2, side / 2], 2);
    println!("{:<44} {:>8} {:>8}", format!("{batch} maps of {side}², {channels} channels"), "ms", "GB/s");
    let line = |name: &str, passes: usize, milliseconds: f64| {
        println!("{name:<44} {milliseconds:8.2} {:8.1}", (4 * passes * count) as f64 / milliseconds / 1e6);
    };
    line("batch norm, statistics", 1, time(|| _ = norm::statistics(&values, channels)));
    line("batch norm and SiLU", 2, time(|| norm::forward(&values, &normal, Some(Act::Silu), &mut y)));
    line(
        "batch norm and SiLU, gradient",
        6,
        time(|| _ = norm::backward(&values, &normal, Some(Act::Silu), &mut y)),
    );
    line("batch norm and ReLU", 2, time(|| norm::forward(&values, &normal, Some(Act::Relu), &mut y)));
    for act in [Act::Relu, Act::Silu, Act::HardSwish, Act::Sigmoid] {
        line(&format!("{act:?}"), 2, time(|| act::forward(act, &values, &mut y)));
        line(&format!("{act:?}, gradient"), 3, time(|| act::backward(act, &values, &mut y)));
    }
    line("maximum of 5×5", 2, time(|| pooling.forward(&values, &mut y, &mut places)));
    line("maximum of 5×5, gradient", 2, time(|| pooling.backward(&values, &places, &mut y)));
    line("channel shuffle", 2, time(|| resize::permute(&values, &mut y, &table)));
    line("nearest upsampling", 2, time(|| shape::gather(&values[..count / 4], &mut y, &sizes, &steps)));
    line("sum", 3, time(|| shape::add_assign(&mut y, &values)));
}

fn main() {
    rest();
    println!("kernels: {}, {} threads", isa().name(), rayon::current_num_threads());
    println!("{:<28} {:>8} {:>8} {:>8}   GFLOP/s", "convolution, batch 4", "forward", "input", "weight");
    // side of the input, channels in and out, kernel, stride, groups
    let cases = [
        (320, 3, 32, 6, 2, 1),
        (160, 32, 64, 3, 2, 1),
        (80, 64, 64, 1, 1, 1),
        (80, 32, 32, 3, 1, 1),
        (80, 64, 64, 3, 1, 1),
        (40, 128, 128, 1, 1, 1),
        (40, 64, 64, 3, 1, 1),
        (20, 256, 256, 1, 1, 1),
        (20, 128, 128, 3, 1, 1),
        (20, 256, 512, 3, 2, 1),
        (10, 512, 512, 1, 1, 1),
        (10, 256, 256, 3, 1, 1),
        (80, 128, 64, 1, 1, 1),
        (160, 16, 32, 3, 2, 1),
        (80, 16, 16, 1, 1, 1),
        (80, 16, 16, 3, 1, 1),
        (80, 32, 16, 1, 1, 1),
        (10, 256, 512, 1, 1, 1),
        (40, 128, 256, 3, 2, 1),
        (40, 116, 116, 1, 1, 1),
        (80, 128, 128, 3, 1, 128),
        (40, 240, 240, 5, 1, 240),
        (40, 116, 116, 3, 2, 116),
    ];
    for (side, cin, cout, kernel, stride, groups) in cases {
        let padding = if kernel == 6 { 2 } else { kernel / 2 };
        let window =
            Window { kernel: [kernel; 2], stride: [stride; 2], padding: [padding; 2], dilation: [1; 2] };
        let out = (side + 2 * padding - kernel) / stride + 1;
        let shape = ConvShape { batch: 4, input: [side; 2], output: [out; 2], cin, cout, window, groups };
        let conv = Conv::new(&shape);
        let values =
            |count: usize| -> Vec<f32> { uniform("x", count).into_iter().map(|u| u as f32 - 0.5).collect() };
        let (x, dy) = (values(4 * side * side * cin), values(4 * out * out * cout));
        let weight = values(kernel * kernel * cin / groups * cout);
        let (mut y, mut dx, mut dw) = (vec![0.0; dy.len()], vec![0.0; x.len()], vec![0.0; weight.len()]);
        let mut scratch = vec![];
        let times = [
            time(|| conv.forward(&x, &weight, None, &mut y, &mut scratch)),
            time(|| conv.backward_input(&dy, &weight, &mut dx, &mut scratch)),
            time(|| conv.backward_weight(&x, &dy, &mut dw, &mut scratch)),
        ];
        let flops = 2e-6 * (dy.len() * kernel * kernel * cin / groups) as f64;
        println!(
            "{:<28} {:8.2} {:8.2} {:8.2}   {:.0} {:.0} {:.0}",
            format!("{side}² {cin}→{cout} {kernel}×{kernel} s{stride} g{groups}"),
            times[0],
            times[1],
            times[2],
            flops / times[0],
            flops / times[1],
            flops / times[2]
        );
    }
}
