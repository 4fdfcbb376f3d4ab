//! `yolo train --evolve`: many short trainings in search of better hyperparameters.

use super::Outcome;
use super::output::line;
use super::plugins::notes;
use super::progress::Watch;
use crate::data::{Split, SplitName};
use crate::draw::plots;
use crate::plugin::Registry;
use crate::report::evolve::Generation;
use crate::train::{BatchReport, Error, Evolution, Hyper, Observer, Options, TrainingRun};
use std::path::Path;
use std::time::Instant;

/// Watches the training of a generation: the first one tells all, later ones would only repeat it.
struct Trial<'a> {
    watch: &'a mut Watch,
    first: bool,
}

impl Observer for Trial<'_> {
    fn note(&mut self, text: &str) {
        if self.first {
            self.watch.note(text);
        }
    }

    fn split(&mut self, which: SplitName, split: &Split) {
        if self.first {
            self.watch.split(which, split);
        }
    }

    fn batch(&mut self, report: &BatchReport) {
        self.watch.batch(report);
    }

    fn validated(&mut self, batch: usize, batches: usize) {
        self.watch.validated(batch, batches);
    }

    fn stop(&self) -> bool {
        self.watch.stop()
    }
}

/// Tries `count` generations more than the folder's evolve.csv has.
pub fn run(
    count: usize,
    options: &Options,
    hyper: Hyper,
    folder: &Path,
    registry: &mut Registry,
    watch: &mut Watch,
) -> anyhow::Result<Outcome> {
    let mut evolution = Evolution::open(folder, hyper, options.noautoanchor, options.seed)?;
    let before = evolution.generations().len();
    if before > 0 {
        eprintln!("going on from {before} generations in {}", evolution.csv().display());
    }
    let mut stopped = false;
    for done in 0..count {
        let start = Instant::now();
        let hyper = evolution.next();
        let mut trial = Trial { watch: &mut *watch, first: done == 0 };
        let made = TrainingRun::new(options.clone(), hyper.clone(), folder, registry, &mut trial);
        if done == 0 {
            notes(registry);
        }
        let generation = before + done;
        // One bad try must not end a search of days.
        let results = match made.and_then(|mut training| training.trial(&mut trial)) {
            Ok(Some(results)) => results,
            Ok(None) => {
                stopped = true;
                break;
            }
            Err(Error::Diverged { epoch, why, .. }) => {
                eprintln!("generation {generation}: epoch {}: {why}; it counts as zeros", epoch + 1);
                Default::default()
            }
            // Such as more anchors than there are boxes to find them from.
            Err(error @ (Error::Loss(_) | Error::Anchors { .. })) if generation > 0 => {
                eprintln!("generation {generation}: {error}; it counts as zeros");
                Default::default()
            }
            Err(error) => return Err(error.into()),
        };
        evolution.add(hyper, results)?;
        tell(&evolution, [done, count], start.elapsed().as_secs_f64());
        if watch.stop() && done + 1 < count {
            stopped = true;
            break;
        }
    }
    draw(&evolution, folder)?;
    let done = evolution.generations().len() - before;
    if stopped {
        let name = folder.file_name().unwrap_or_default().display();
        eprintln!(
            "stopped after {done} of {count} generations; go on with the same command and --evolve {} --name {name} \
             --exist-ok",
            count - done
        );
        return Ok(Outcome::Interrupted);
    }
    eprintln!("results are in {}; train with: --hyp {}", folder.display(), evolution.yaml().display());
    Ok(Outcome::Done)
}

/// A line for the generation that was added last.
fn tell(evolution: &Evolution, [done, count]: [usize; 2], seconds: f64) {
    let (Some(last), Some(best)) = (evolution.generations().last(), evolution.best()) else { return };
    if done == 0 {
        let names = ["try", "fitness", "P", "R", "mAP50", "mAP50-95", "val box", "val obj", "val cls", "s"];
        let _ = line(&names.map(|name| format!("{name:>9}")).concat());
    }
    let mut text = format!("{:>9}{:>9.4}", format!("{}/{count}", done + 1), last.fitness());
    text += &last.results.map(|value| format!("{value:>9.4}")).concat();
    text += &format!("{seconds:>9.1}{}", if std::ptr::eq(last, best) { "  best" } else { "" });
    // A closed pipe must not stop an evolution.
    let _ = line(&text);
}

fn draw(evolution: &Evolution, folder: &Path) -> anyhow::Result<()> {
    let names: Vec<String> = evolution.names().iter().map(|name| name.to_string()).collect();
    let point = |one: &Generation| plots::Generation { fitness: one.fitness(), values: one.values.clone() };
    let points: Vec<plots::Generation> = evolution.generations().iter().map(point).collect();
    if !points.is_empty() {
        plots::evolve(&points, &names)?.write(folder.join("evolve.png"))?;
    }
    Ok(())
}
