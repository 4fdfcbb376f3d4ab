//! Latency of the engine, a picture at a time: `cargo bench -p yolo-tests --bench engine -- [threads] [size] [model…]`.

use std::time::Instant;
use yolo_bundle as _;
use yolo_host::engine::Engine;
use yolo_host::model::{Model, Spec};
use yolo_tests::{portable_state, registry, root, uniform};

const MODELS: [&str; 5] =
    ["yolov5n", "yolov5s", "yolov5-shufflenetv2", "yolov5-mobilenetv3-small", "yolov5s-ghost"];

fn main() {
    let given: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let number = |place: usize, default| given.get(place).and_then(|arg| arg.parse().ok()).unwrap_or(default);
    let (threads, size): (usize, usize) = (number(0, 2), number(1, 640));
    let named: Vec<&str> = given.iter().skip(2).map(String::as_str).collect();
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().expect("threads");
    let registry = registry();
    for name in if named.is_empty() { MODELS.to_vec() } else { named } {
        let spec = Spec::read(&root().join(format!("models/{name}.yaml"))).expect(name);
        let model = Model::build(spec, &registry).expect(name);
        let mut engine = Engine::new(&model.graph, portable_state(&model), &model.detect.outputs);
        let shape = [1, 3, size, size];
        let picture: Vec<f32> = uniform("picture", 3 * size * size).iter().map(|v| *v as f32).collect();
        let mut times: Vec<f64> = vec![];
        for round in 0..15 {
            let start = Instant::now();
            engine.run(&picture, shape).expect(name);
            if round >= 3 {
                times.push(start.elapsed().as_secs_f64() * 1e3);
            }
        }
        times.sort_by(f64::total_cmp);
        let memory = engine.memory() * 4 / 1_000_000;
        println!("{name:26} median {:7.1} ms  min {:7.1} ms  {memory} MB", times[times.len() / 2], times[0]);
        if std::env::var_os("YOLO_STEPS").is_some() {
            engine.measure(&picture, shape, 10).expect(name).iter().for_each(|line| println!("  {line}"));
        }
    }
}
