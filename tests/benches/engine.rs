//! Latency of the networks, an image at a time, ours and rivals' in turn, timed from outside:
//! `cargo bench -p yolo-tests --bench engine -- [threads] [size] [model…]`. Ours is `yolo bench --serve`; RIVAL has commands
//! that answer the same lines, separated by `;`, such as those of `engine.py`. All load the same weights: those of the folder
//! MODELS, as NAME.safetensors, or else made ones. A rival without what it needs is left out.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use yolo_host::model::{Model, Spec};
use yolo_host::weights::{self, Array, Checkpoint, Data, Dtype};
use yolo_tests::{floats, portable_state, registry, root, uniform, yolo};

const MODELS: [&str; 5] =
    ["yolov5n", "yolov5s", "yolov5-shufflenetv2", "yolov5-mobilenetv3-small", "yolov5s-ghost"];

/// Recorded runs that follow each other, after one that is not recorded.
const TURN: usize = 3;

/// A program that answers lines.
struct Engine {
    name: String,
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Engine {
    fn start(name: &str, mut command: Command, threads: usize) -> Self {
        let threads = threads.to_string();
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).current_dir(root());
        let mut child =
            piped.env("OMP_NUM_THREADS", threads).spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        let answers = BufReader::new(child.stdout.take().expect("its output is piped"));
        Engine { name: name.into(), child, answers }
    }

    /// Milliseconds from the line to its answer, or what is wrong.
    fn ask(&mut self, line: &str) -> Result<f64, String> {
        let start = Instant::now();
        let mut answer = String::new();
        writeln!(self.child.stdin.as_mut().expect("its input is piped"), "{line}")
            .map_err(|error| error.to_string())?;
        self.answers.read_line(&mut answer).map_err(|error| error.to_string())?;
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        if answer.starts_with("ok") { Ok(milliseconds) } else { Err(answer.trim_end().into()) }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn engines(threads: usize) -> Vec<Engine> {
    let mut ours = yolo();
    ours.args(["bench", "--serve", "--threads", &threads.to_string()]);
    let rivals = std::env::var("RIVAL").unwrap_or_default();
    let rivals = rivals.split(';').map(str::trim).filter(|command| !command.is_empty()).map(|command| {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("exec {command}"));
        Engine::start(command.split_whitespace().last().unwrap_or(command), shell, threads)
    });
    std::iter::once(Engine::start("yolo", ours, threads)).chain(rivals).collect()
}

/// The model's weights, from MODELS or made here.
fn weights_of(name: &str, cfg: &Path, folder: &Path) -> PathBuf {
    let file = format!("{name}.safetensors");
    match std::env::var_os("MODELS").map(|folder| root().join(folder).join(&file)) {
        Some(given) if given.exists() => given,
        _ => {
            let model = Model::build(Spec::read(cfg).expect(name), &registry()).expect(name);
            write(folder.join(file), portable_state(&model).to_arrays(&model.graph))
        }
    }
}

fn write(path: PathBuf, arrays: BTreeMap<String, Array>) -> PathBuf {
    let checkpoint = Checkpoint { arrays, ..Checkpoint::default() };
    weights::write(&path, &checkpoint, Dtype::F32).expect("a file");
    path
}

/// The largest difference of the maps in two files, as a share of the largest number.
fn difference(ours: &Path, theirs: &Path) -> f32 {
    let read = |path| weights::read(path).expect("maps").arrays;
    let (ours, theirs) = (read(ours), read(theirs));
    assert!(ours.keys().eq(theirs.keys()), "other maps: {:?}", theirs.keys());
    let largest = ours.values().flat_map(floats).fold(0.0f32, |most, value| most.max(value.abs()));
    let both = ours.values().flat_map(floats).zip(theirs.values().flat_map(floats));
    both.fold(0.0f32, |most, (a, b)| most.max((a - b).abs())) / largest
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() {
    let given: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let number = |place: usize, default| given.get(place).and_then(|arg| arg.parse().ok()).unwrap_or(default);
    let (threads, size): (usize, usize) = (number(0, 2), number(1, 640));
    let rounds: usize = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(12);
    let named: Vec<&str> = given.iter().skip(2).map(String::as_str).collect();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let image = uniform("picture", 3 * size * size).iter().map(|value| *value as f32).collect();
    let image = Array { shape: vec![1, 3, size, size], data: Data::F32(image) };
    let input = write(folder.path().join("input"), BTreeMap::from([("input".into(), image)]));
    let mut engines = engines(threads);

    println!("ms, one image of {size}×{size}, {threads} threads: median / least of {} runs", rounds * TURN);
    for name in if named.is_empty() { MODELS.to_vec() } else { named } {
        let cfg = root().join(format!("models/{name}.yaml"));
        let weights = weights_of(name, &cfg, folder.path());
        let output = |engine: &Engine| folder.path().join(&engine.name);
        let mut loaded = vec![];
        for (place, engine) in engines.iter_mut().enumerate() {
            let files = [&cfg, &weights, &input, &output(engine)].map(|path| path.display().to_string());
            match engine.ask(&format!("load {name} {}", files.join(" "))) {
                Ok(_) => loaded.push(place),
                Err(error) => eprintln!("{}: {error}", engine.name),
            }
        }
        let mut times = vec![vec![]; engines.len()];
        for round in 0..rounds {
            for turn in 0..loaded.len() {
                let place = loaded[(turn + round) % loaded.len()];
                let run =
                    |_| engines[place].ask(&format!("run {name}")).unwrap_or_else(|error| panic!("{error}"));
                times[place].extend((0..=TURN).map(run).skip(1));
                // Threads of the one that ran may still turn in place, waiting for work.
                std::thread::sleep(Duration::from_millis(30));
            }
        }
        let ours = median(&mut times[0]);
        print!("{name:<26} {ours:.1} / {:.1}", times[0].first().unwrap_or(&f64::NAN));
        for place in loaded.into_iter().filter(|place| *place > 0) {
            let theirs = median(&mut times[place]);
            print!(
                "; {} {theirs:.1} / {:.1}, ratio {:.2}, maps within {:.0e}",
                engines[place].name,
                times[place][0],
                ours / theirs,
                difference(&output(&engines[0]), &output(&engines[place]))
            );
        }
        println!();
        std::io::stdout().flush().expect("a reader");
    }
}
