//! A run of the engine allocates nothing: it has what it needs since the first of its size.

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use yolo_bundle as _;
use yolo_host::exec::engine::Engine;
use yolo_host::model::{Model, Spec};
use yolo_tests::{models, portable_state, registry, report, uniform};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The fewest allocations of a run, when some runs have been.
fn allocations(engine: &mut Engine, images: &[f32], shape: [usize; 4], threads: usize) -> usize {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let counts = (0..6).map(|_| {
            let region = Region::new(ALLOCATOR);
            engine.run(images, shape).expect("a run");
            let change = region.change();
            change.allocations + change.reallocations
        });
        // The first may take some, and a thread for the first work of its kind.
        counts.skip(1).min().unwrap()
    })
}

#[test]
fn a_run_allocates_nothing() {
    let mut failures = vec![];
    for file in models() {
        let name = file.display().to_string();
        let model = Model::build(Spec::read(&file).expect(&name), &registry()).expect(&name);
        if model.graph.parameters(None) > 10_000_000 {
            continue; // the same blocks, more of them
        }
        let shape = [1, model.spec.channels, 2 * model.detect.max_stride(), 3 * model.detect.max_stride()];
        let images: Vec<f32> =
            uniform("pictures", shape.iter().product()).iter().map(|value| *value as f32).collect();
        let mut engine = Engine::new(&model.graph, portable_state(&model), &model.detect.outputs);
        for threads in [1, 2] {
            let count = allocations(&mut engine, &images, shape, threads);
            if count > 0 {
                failures.push(format!("{name} with {threads} threads: {count} allocations"));
            }
        }
    }
    report(failures);
}
