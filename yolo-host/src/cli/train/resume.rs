//! `yolo train --resume`: which run is meant, what of the command line can change, and where results go.

use super::given::Train;
use crate::cli::progress::Watch;
use crate::cli::run_folder::FolderArgs;
use crate::plugin::Registry;
use crate::train::{Changes, Hyper, Saved, TrainingRun};
use anyhow::{Context, bail, ensure};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// What a resume goes on from.
const STATE: &str = "last.state.safetensors";

/// Options that may be others than before.
const FREE: [&str; 17] = [
    "resume",
    "opt",
    "epochs",
    "patience",
    "data",
    "device",
    "threads",
    "workers",
    "cache",
    "save_period",
    "nosave",
    "noval",
    "project",
    "name",
    "exist_ok",
    "plugins",
    "allow_yaml_plugins",
];

/// Makes a training of its state; gives the folder that results go to, too.
pub fn resume(
    train: &Train,
    path: Option<&Path>,
    registry: &mut Registry,
    watch: &mut Watch,
) -> anyhow::Result<(TrainingRun, PathBuf)> {
    let results = &train.args.results.folder;
    let named = train.told("name").then(|| results.project.join(&results.name));
    let state = match (path, named) {
        (Some(path), _) => of(path)?,
        (None, Some(run)) => of(&run)?,
        (None, None) => latest(&results.project)?,
    };
    let saved = Saved::read(&state)?;
    refuse(train, &saved).with_context(|| format!("--resume {}", saved.folder().display()))?;
    let old = saved.folder().to_path_buf();
    let moved = if path.is_some() { elsewhere(train, &old)? } else { None };
    let changes = Changes { folder: moved.clone(), ..changes(train)? };
    let made = TrainingRun::resume(saved, &changes, registry, watch);
    let made = made.inspect_err(|_| _ = moved.as_ref().map(fs::remove_dir))?;
    eprintln!("resuming {}", state.display());
    if let Some(new) = &moved {
        copy(&old, new).with_context(|| format!("cannot copy {} to {}", old.display(), new.display()))?;
        eprintln!("{} was copied to {}, where the training goes on", old.display(), new.display());
    }
    Ok((made, moved.unwrap_or(old)))
}

/// The state that a path means: a state, weights beside one, a folder `weights`, or that of a run.
fn of(path: &Path) -> anyhow::Result<PathBuf> {
    let shown = path.display();
    if path.is_dir() {
        let places = [path.join("weights").join(STATE), path.join(STATE)];
        let found = places.into_iter().find(|place| place.is_file());
        return found.with_context(|| {
            let more = match latest(path) {
                Ok(state) => format!("; the latest run in it is {}", run_of(&state).display()),
                Err(_) => String::new(),
            };
            format!("--resume {shown}: has no weights/{STATE}, which the first epoch leaves{more}")
        });
    }
    ensure!(path.is_file(), "--resume {shown}: no such file or folder");
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(STATE);
    match name.ends_with(".state.safetensors") {
        true => Ok(path.to_path_buf()),
        // The weights beside it are what people name.
        false if name == "last.safetensors" && beside.is_file() => Ok(beside),
        false => {
            let there = match beside.is_file() {
                true => format!(", as {}", beside.display()),
                false => String::new(),
            };
            bail!(
                "--resume {shown}: these are weights alone, and a training goes on from its {STATE}{there}; a new one starts \
                 from these weights with --weights {shown}"
            )
        }
    }
}

/// The folder of a state's run.
fn run_of(state: &Path) -> &Path {
    state.parent().and_then(Path::parent).unwrap_or(Path::new("."))
}

/// The state that was written last in a folder of runs.
fn latest(project: &Path) -> anyhow::Result<PathBuf> {
    let runs = fs::read_dir(project).with_context(|| format!("--resume: {}", project.display()))?;
    let states = runs.flatten().map(|run| run.path().join("weights").join(STATE));
    let dated = states.filter_map(|state| Some((state.metadata().ok()?.modified().ok()?, state)));
    let latest = dated.max().map(|(_, state)| state);
    latest.with_context(|| format!("--resume: no training in {} can be gone on with", project.display()))
}

/// Fails for options that cannot change, unless they say what they said before.
fn refuse(train: &Train, saved: &Saved) -> anyhow::Result<()> {
    let asked = train.args.options()?;
    let (now, before) = (serde_json::to_value(&asked)?, serde_json::to_value(saved.options())?);
    let mut refused = Vec::new();
    for given in train.given.iter().filter(|given| given.told && !FREE.contains(&given.id.as_str())) {
        let key = field(&given.id);
        let same = match key {
            "hyp" => match &asked.hyp {
                Some(file) => Hyper::read(file).context("--hyp")? == *saved.hyper(),
                None => true,
            },
            // It found one at the start.
            "batch" if asked.batch == 0 => true,
            // A size is rounded up to the stride, which is at least 32.
            "imgsz" => (0..32).contains(&(saved.options().imgsz as i64 - asked.imgsz as i64)),
            _ => now.get(key) == before.get(key),
        };
        if !same {
            let was = match before.get(key) {
                _ if given.flag => "not given".to_string(),
                _ if key == "optimizer" => saved.options().optimizer.name().to_string(),
                None | Some(Value::Null) => "not given".to_string(),
                Some(Value::String(text)) => text.clone(),
                Some(value) => value.to_string(),
            };
            let values: Vec<_> = given.values.iter().map(|value| value.to_string_lossy()).collect();
            let values = if given.flag { String::new() } else { format!(" {}", values.join(" ")) };
            refused.push(format!("--{}{values} (before: {was})", given.long));
        }
    }
    ensure!(
        refused.is_empty(),
        "a training that goes on keeps these as they were: {}. Leave them out, or start a new training from its weights: \
         --weights {}",
        refused.join(", "),
        saved.folder().join("weights/last.safetensors").display()
    );
    Ok(())
}

/// The member of `Options` that an option fills.
fn field(id: &str) -> &str {
    match id {
        "batch_size" => "batch",
        "no_amp" => "amp",
        id => id,
    }
}

/// What the command line changes.
fn changes(train: &Train) -> anyhow::Result<Changes> {
    let asked = train.args.options()?;
    fn told<T>(train: &Train, id: &str, value: T) -> Option<T> {
        train.told(id).then_some(value)
    }
    Ok(Changes {
        device: told(train, "device", asked.device).filter(|_| !train.args.device.device.is_empty()),
        epochs: told(train, "epochs", asked.epochs),
        data: train.args.data.data.clone(),
        workers: told(train, "workers", asked.workers),
        cache: told(train, "cache", asked.cache),
        patience: told(train, "patience", asked.patience),
        save_period: told(train, "save_period", asked.save_period),
        nosave: asked.nosave,
        noval: asked.noval,
        folder: None,
    })
}

/// A new folder, where --project or --name ask for another than the run's own.
fn elsewhere(train: &Train, old: &Path) -> anyhow::Result<Option<PathBuf>> {
    let FolderArgs { project, name, exist_ok } = &train.args.results.folder;
    let (told_project, told_name) = (train.told("project"), train.told("name"));
    if !told_project && !told_name {
        return Ok(None);
    }
    let own = |part: Option<&std::ffi::OsStr>| part.map(PathBuf::from).unwrap_or_default();
    let project =
        if told_project { project.clone() } else { old.parent().unwrap_or(Path::new("")).to_path_buf() };
    let name = if told_name { name.into() } else { own(old.file_name()) };
    let wanted = project.join(&name);
    let same = |a: &Path, b: &Path| a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b));
    if same(&wanted, old) {
        return Ok(None);
    }
    let name = name.to_string_lossy().into_owned();
    let folder = FolderArgs { project, name, exist_ok: *exist_ok }.create()?;
    Ok(Some(folder.path().to_path_buf()))
}

/// Copies a run: its files, and its weights.
fn copy(old: &Path, new: &Path) -> std::io::Result<()> {
    for part in ["", "weights"] {
        let (from, to) = (old.join(part), new.join(part));
        fs::create_dir_all(&to)?;
        for file in fs::read_dir(from)? {
            let file = file?.path();
            if file.is_file() {
                fs::copy(&file, to.join(file.file_name().unwrap_or_default()))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each option is known to a resume: it may change, or is compared with what it was.
    #[test]
    fn no_option_is_forgotten() {
        use clap::FromArgMatches;
        let matches = Train::command().try_get_matches_from(["yolo train", "--data", "x"]).unwrap();
        let train = Train::from_arg_matches(&matches).unwrap();
        let options = serde_json::to_value(train.args.options().unwrap()).unwrap();
        for arg in Train::command().get_arguments() {
            let id = arg.get_id().as_str();
            let conflicts = id == "evolve";
            assert!(conflicts || FREE.contains(&id) || options.get(field(id)).is_some(), "{id}");
        }
    }
}
