//! `opt.yaml`, the options of a run by the names of the command line, and `--opt`, which takes them back.

use super::given::{Given, Train};
use crate::atomic;
use crate::text;
use anyhow::{Context, bail, ensure};
use clap::{Arg, FromArgMatches};
use serde_yaml::{Mapping, Value};
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;

/// What is no option of a training itself.
const NOT_KEPT: [&str; 5] = ["resume", "opt", "evolve", "exist_ok", "help"];

/// Writes the folder's `opt.yaml`; of a run that goes on, what has changed is changed there, too.
pub fn write(folder: &Path, train: &Train) -> anyhow::Result<()> {
    let file = folder.join("opt.yaml");
    let resumed = train.args.training.resume.is_some();
    let mut options = match resumed.then(|| std::fs::read_to_string(&file)) {
        None => Mapping::new(),
        Some(Ok(text)) => serde_yaml::from_str(&text).unwrap_or_default(),
        // A run of an older version has none.
        Some(Err(_)) => return Ok(()),
    };
    for given in train.given.iter().filter(|given| !NOT_KEPT.contains(&given.id.as_str())) {
        if (given.told || !resumed)
            && let Some(value) = value(given)
        {
            options.insert(given.long.clone().into(), value);
        }
    }
    let text = format!("# For another training like this one: yolo train --opt {}\n", file.display());
    let text = text + &serde_yaml::to_string(&options)?;
    atomic::replace(&file, |out| out.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", file.display()))
}

/// An option as YAML; nothing for one that is empty.
fn value(given: &Given) -> Option<Value> {
    if given.flag {
        return Some(given.told.into());
    }
    let scalar = |text: &OsString| -> Value {
        let text = text.to_string_lossy().into_owned();
        // Only what comes back as the same text is a number.
        let whole = text.parse::<i64>().ok().filter(|number| number.to_string() == text).map(Value::from);
        let float = || text.parse::<f64>().ok().filter(|number| number.to_string() == text).map(Value::from);
        whole.or_else(float).unwrap_or(Value::String(text))
    };
    match given.values.as_slice() {
        [] => None,
        [one] if one.is_empty() => None,
        [one] => Some(scalar(one)),
        several => Some(several.iter().map(scalar).collect::<Vec<_>>().into()),
    }
}

impl Train {
    /// The same with the options of `--opt`'s file, where the command line does not say otherwise.
    pub fn with_file(self) -> anyhow::Result<Self> {
        let Some(file) = &self.args.training.opt else { return Ok(self) };
        let mut line: Vec<OsString> = vec!["yolo train".into()];
        for given in self.given.iter().filter(|given| given.told && given.id != "opt") {
            let values = if given.flag { &[] } else { given.values.as_slice() };
            push(&mut line, &given.long, values);
        }
        let told = |id: &str| self.told(id);
        self.read(file, &mut line, &told).with_context(|| format!("--opt {}", file.display()))?;
        let matches = Train::command().try_get_matches_from(line);
        let matches = matches.with_context(|| format!("--opt {}", file.display()))?;
        Ok(Train::from_arg_matches(&matches)?)
    }

    /// Adds a file's options to a command line.
    fn read(&self, file: &Path, line: &mut Vec<OsString>, told: &dyn Fn(&str) -> bool) -> anyhow::Result<()> {
        let text = text::read(file)?;
        ensure!(text.len() <= 1 << 16, "has {} bytes, too many for options", text.len());
        let options: Mapping = match serde_yaml::from_str::<Value>(&text)? {
            Value::Mapping(options) => options,
            _ => bail!("is no list of options, as in `epochs: 100`"),
        };
        let command = Train::command();
        let mut unknown = Vec::new();
        for (key, value) in &options {
            // Upstream's opt.yaml has null and false for what was not asked for.
            let off = matches!(value, Value::Null | Value::Bool(false)) || value.as_str() == Some("");
            let name = key.as_str().map(|key| key.replace('_', "-")).unwrap_or_default();
            match command.get_arguments().find(|arg| is_called(arg, &name)) {
                _ if off && NOT_KEPT.contains(&name.replace('-', "_").as_str()) => (),
                Some(arg) if !NOT_KEPT.contains(&arg.get_id().as_str()) => {
                    if !off && !told(arg.get_id().as_str()) {
                        let values = values(arg, value).with_context(|| name.clone())?;
                        push(line, arg.get_long().unwrap_or_default(), &values);
                    }
                }
                _ => unknown.push(key.as_str().map_or_else(|| format!("{key:?}"), str::to_string)),
            }
        }
        ensure!(
            unknown.is_empty(),
            "these are no options of train, or none that a file can give: {}; leave their lines out",
            unknown.join(", ")
        );
        Ok(())
    }
}

fn is_called(arg: &Arg, name: &str) -> bool {
    let aliases = arg.get_all_aliases().unwrap_or_default();
    arg.get_long() == Some(name) || aliases.contains(&name)
}

/// The values of a key, as text; none for a flag.
fn values(arg: &Arg, value: &Value) -> anyhow::Result<Vec<OsString>> {
    let flag = !arg.get_action().takes_values();
    let one = |value: &Value| -> anyhow::Result<OsString> {
        Ok(match value {
            Value::String(text) => text.into(),
            Value::Number(number) => number.to_string().into(),
            _ => bail!("must be text or a number"),
        })
    };
    match value {
        Value::Bool(true) if flag => Ok(vec![]),
        _ if flag => bail!("must be true or false"),
        Value::Sequence(list) => list.iter().map(one).collect(),
        value => Ok(vec![one(value)?]),
    }
}

/// An option with its values, each in a word of its own, so that a value may begin with a dash.
fn push(line: &mut Vec<OsString>, long: &str, values: &[OsString]) {
    let name = OsString::from(format!("--{long}"));
    if values.is_empty() {
        line.push(name);
        return;
    }
    for value in values {
        let mut word = name.clone();
        word.push("=");
        word.push(value);
        line.push(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn train(line: &[&str]) -> Train {
        let line = ["yolo train"].iter().chain(line);
        Train::from_arg_matches(&Train::command().try_get_matches_from(line).unwrap()).unwrap()
    }

    fn from_file(text: &str, line: &[&str]) -> Result<Train, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, text).unwrap();
        let line = [line, &["--opt", file.path().to_str().unwrap()]].concat();
        train(&line).with_file().map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn options_come_back_from_their_file() {
        let folder = tempfile::tempdir().unwrap();
        let line = [
            "--data",
            "007",
            "--cfg",
            "a b.yaml",
            "--weights",
            "",
            "--img",
            "320",
            "320",
            "--batch",
            "-1",
            "--freeze",
            "0",
            "3",
            "--rect",
            "--cache",
            "--optimizer",
            "AdamW",
            "--save-period",
            "-1",
            "--device",
            "cpu",
            "--label-smoothing",
            "0.1",
            "--name",
            "true",
            "--threads",
            "3",
            "--seed",
            "18446744073709551615",
            "--epochs",
            "7",
            "--exist-ok",
        ];
        let asked = train(&line);
        write(folder.path(), &asked).unwrap();
        let text = std::fs::read_to_string(folder.path().join("opt.yaml")).unwrap();
        for told in ["batch-size: -1\n", "rect: true\n", "quad: false\n", "data: '007'\n", "name: 'true'\n"] {
            assert!(text.contains(told), "{told} in {text}");
        }
        let back = from_file(&text, &[]).unwrap();
        assert_eq!(back.args.options().unwrap(), asked.args.options().unwrap());
        assert_eq!(back.args.results.folder.name, "true");
        // The command line counts more.
        let other = from_file(&text, &["--epochs", "9", "--freeze", "5"]).unwrap().args.options().unwrap();
        assert_eq!((other.epochs, other.freeze, other.rect), (9, vec![5], true));
    }

    #[test]
    fn upstream_s_file_is_understood_as_far_as_it_goes() {
        let text =
            "data: d.yaml\nbatch_size: 8\nimgsz: 320\nresume: false\nevolve: null\ncfg: ''\nnosave: true\n";
        let options = from_file(text, &[]).unwrap().args.options().unwrap();
        assert_eq!((options.batch, options.imgsz, options.cfg, options.nosave), (8, 320, None, true));
    }

    #[test]
    fn wrong_files_are_told() {
        for (text, want) in [
            ("data: x\nepoch: 3\nentity: null\n", "epoch, entity; leave"),
            ("data: x\nresume: true\n", "resume"),
            ("data: x\nepochs: ten\n", "must be a whole number"),
            ("data: x\nrect: 3\n", "rect: must be true or false"),
            ("data: x\nepochs: {a: 1}\n", "epochs: must be text or a number"),
            ("- 1", "no list of options"),
            ("epochs: 3", "--data"),
        ] {
            let error = from_file(text, &[]).err().unwrap_or_default();
            assert!(error.contains(want), "{text}: {error}");
        }
    }
}
