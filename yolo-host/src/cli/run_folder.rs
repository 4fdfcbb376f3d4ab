//! The folder of one run's results: `runs/detect/exp`, `exp2`, `exp3`, …

use crate::atomic;
use crate::image::Image;
use crate::report::UnusedNames;
use anyhow::{Context, ensure};
use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Where a command's results go; each has a default of its own for `--project`.
#[derive(Clone, clap::Args)]
pub struct FolderArgs {
    /// Results go to PROJECT/NAME
    #[arg(long, value_name = "FOLDER")]
    pub project: PathBuf,
    /// Results go to PROJECT/NAME, or NAME2, NAME3, … when it exists
    #[arg(long, default_value = "exp")]
    pub name: String,
    /// Write into PROJECT/NAME even if it exists
    #[arg(long)]
    pub exist_ok: bool,
}

impl FolderArgs {
    /// Makes the folder: PROJECT/NAME; when it exists, PROJECT/NAME2 and so on, unless `--exist-ok`.
    pub fn create(&self) -> anyhow::Result<RunFolder> {
        let FolderArgs { project, name, exist_ok } = self;
        anyhow::ensure!(!name.is_empty(), "--name must not be empty");
        fs::create_dir_all(project)
            .with_context(|| format!("cannot make the folder {}", project.display()))?;
        let taken = if *exist_ok { HashSet::new() } else { taken(&project.join(name)) };
        let mut count = 1;
        loop {
            while taken.contains(&count) {
                count += 1;
            }
            let path = project.join(if count == 1 { name.clone() } else { format!("{name}{count}") });
            let made = if *exist_ok { fs::create_dir_all(&path) } else { fs::create_dir(&path) };
            match made {
                Ok(()) => return Ok(RunFolder { path, written: Mutex::default() }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists && !exist_ok => count += 1,
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot make the folder {}", path.display()));
                }
            }
        }
    }
}

/// The numbers of the folders NAME, NAME2, NAME3, … that are there, read in one go: some people have thousands.
fn taken(first: &Path) -> HashSet<usize> {
    let (Some(project), Some(name)) = (first.parent(), first.file_name().and_then(|name| name.to_str()))
    else {
        return HashSet::new();
    };
    let number = |entry: fs::DirEntry| match entry.file_name().to_str()?.strip_prefix(name)? {
        "" => Some(1),
        rest => rest.parse().ok().filter(|number: &usize| *number > 1 && number.to_string() == rest),
    };
    // A folder that cannot be read may still be written to.
    fs::read_dir(project).map_or(HashSet::new(), |entries| entries.flatten().filter_map(number).collect())
}

/// A folder for results, and which of its files this run has begun.
pub struct RunFolder {
    path: PathBuf,
    written: Mutex<UnusedNames>,
}

impl RunFolder {
    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The annotated image of `photo`, in its format; formats that cannot be written become PNG.
    pub fn write_image(&self, photo: &Path, annotated: &Image) -> anyhow::Result<()> {
        let name = self.path.join(photo.file_name().unwrap_or(photo.as_os_str()));
        let name = if Image::is_writable(&name) { name } else { name.with_added_extension("png") };
        let name = self.unused(name);
        // With --exist-ok it may be anywhere.
        let itself = matches!((fs::canonicalize(&name), fs::canonicalize(photo)), (Ok(a), Ok(b)) if a == b);
        ensure!(
            !itself,
            "the annotated image would replace {} itself; choose another --project or --name",
            photo.display()
        );
        annotated.write(name).map_err(Into::into)
    }

    /// `labels/NAME.txt`.
    pub fn write_labels(&self, photo: &Path, lines: &str) -> anyhow::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let path = self.unused(self.folder("labels")?.join(stem(photo)).with_added_extension("txt"));
        atomic::write(&path, lines.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
    }

    /// `crops/CLASS/NAME.jpg`, `NAME2.jpg`, …
    pub fn write_crop(&self, photo: &Path, class: &str, crop: &Image) -> anyhow::Result<()> {
        // A class name is not ours: it must not lead out of the folder.
        let class: String =
            class.chars().map(|c| if c == '/' || c == '\\' || c == '\0' { '_' } else { c }).collect();
        let class = if class.is_empty() || class.starts_with('.') { format!("_{class}") } else { class };
        let folder = self.folder(Path::new("crops").join(class))?;
        crop.write(self.unused(folder.join(stem(photo)).with_added_extension("jpg"))).map_err(Into::into)
    }

    fn folder(&self, name: impl AsRef<Path>) -> anyhow::Result<PathBuf> {
        let path = self.path.join(name);
        fs::create_dir_all(&path).with_context(|| format!("cannot make the folder {}", path.display()))?;
        Ok(path)
    }

    /// The path, or one with a number where this run has used it: images of one name in several folders keep apart.
    fn unused(&self, path: PathBuf) -> PathBuf {
        self.written.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).give(path)
    }
}

fn stem(path: &Path) -> PathBuf {
    path.file_stem().map_or_else(|| path.to_path_buf(), PathBuf::from)
}
