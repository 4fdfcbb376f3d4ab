//! Seconds of one optimiser step (forward, loss, backward, SGD) of the article's models and their yardsticks, batch 4 at
//! 320×320, and the growth of the process since before the model was made: `cargo bench -p yolo-tests --bench training`.
//! `RAYON_NUM_THREADS` sets the threads, and names of models after `--` choose. With the variable RIVAL, a
//! command that answers each line `NAME` with the seconds that its own step takes and the MB that it has grown, both run in turn.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use yolo_bundle as _;
use yolo_host::loss::Target;
use yolo_host::model::{Model, Spec};
use yolo_host::train::Rates;
use yolo_kernels::isa;
use yolo_tests::training::Training;
use yolo_tests::{registry, root, uniform};

const MODELS: [&str; 5] =
    ["yolov5n", "yolov5-shufflenetv2", "yolov5-mobilenetv3-small", "yolov5s-ghost", "yolov5s"];
const BATCH: usize = 4;
const RATES: Rates = Rates { weight: 0.01, bias: 0.01, momentum: 0.937, decay: 5e-4 };

fn training(name: &str) -> Training<f32> {
    let mut spec = Spec::read(&root().join(format!("models/{name}.yaml"))).expect("a model");
    spec.nc = 20;
    let model = Model::build(spec, &registry()).expect("a model");
    let target = |(i, u): (usize, &[f64])| Target {
        image: i % BATCH,
        class: (20.0 * u[0]) as usize,
        rect: [0.1 + 0.8 * u[1], 0.1 + 0.8 * u[2], 0.05 + 0.45 * u[3], 0.05 + 0.45 * u[4]],
    };
    let targets = uniform("targets", 24 * 5).chunks(5).enumerate().map(target).collect();
    Training::new(model, BATCH, 320, targets)
}

/// The rival's process.
struct Rival(Child, BufReader<std::process::ChildStdout>);

impl Rival {
    fn start() -> Option<Self> {
        let command = std::env::var("RIVAL").ok()?;
        let mut shell = Command::new("sh");
        let child = shell
            .current_dir(root())
            .arg("-c")
            .arg(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = child.expect("the rival starts");
        let answers = BufReader::new(child.stdout.take().expect("its output"));
        Some(Rival(child, answers))
    }

    fn step(&mut self, name: &str) -> (f64, f64) {
        writeln!(self.0.stdin.as_mut().expect("its input"), "{name}").expect("the rival listens");
        let mut line = String::new();
        self.1.read_line(&mut line).expect("the rival answers");
        let numbers: Vec<f64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [seconds, grown] = numbers[..] else { panic!("the rival says `{line}`") };
        (seconds, grown)
    }
}

/// MB of memory that this process holds.
fn resident() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0.0) * 4096.0 / 1e6
}

fn median(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    (values[values.len() / 2], values[0])
}

fn main() {
    let rounds: usize = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(12);
    let mut rival = Rival::start();
    println!(
        "s/step, batch {BATCH}, 320×320, {}, {} threads; median / least of {rounds}",
        isa().name(),
        rayon::current_num_threads()
    );
    let named: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    for name in MODELS.into_iter().filter(|name| named.is_empty() || named.iter().any(|other| other == name))
    {
        let before = resident();
        let mut training = training(name);
        let (mut ours, mut theirs, mut parts) = (vec![], vec![], vec![]);
        let (mut first, mut grown, mut other_grown) = (0.0, 0.0, 0.0);
        for round in 0..=rounds {
            let start = Instant::now();
            training.gradients();
            let gradients = start.elapsed().as_secs_f64();
            training.step(&RATES);
            let seconds = start.elapsed().as_secs_f64();
            let other = rival.as_mut().map(|rival| rival.step(name));
            grown = resident() - before;
            // The first warms up.
            if round > 0 {
                ours.push(seconds);
                parts.push(seconds - gradients);
                theirs.extend(other.map(|(seconds, _)| seconds));
                other_grown = other.map_or(0.0, |(_, grown)| grown);
            } else {
                first = grown;
            }
        }
        let (middle, least) = median(ours);
        let (sgd, _) = median(parts);
        print!(
            "{name:<26} {middle:.3} / {least:.3}, of it SGD {sgd:.3}; +{grown:.0} MB, {first:.0} after the first"
        );
        if !theirs.is_empty() {
            let (other, other_least) = median(theirs);
            print!(
                "; rival {other:.3} / {other_least:.3}, +{other_grown:.0} MB; ratio {:.2}",
                middle / other
            );
        }
        println!();
    }
}
