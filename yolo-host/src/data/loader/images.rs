//! Images read and resized, and kept where the options say: upstream's `load_image`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::UNIX_EPOCH;

use super::{Cache, LoaderOptions};
use crate::atomic;
use crate::data::{Error, Item};
use crate::image::{Image, resize_area, resize_linear};

/// Begins a file of the disk cache.
const MAGIC: &[u8; 8] = b"yolo-rgb";

/// Magic, and width, height, original height, original width as 32-bit numbers.
const HEAD: usize = 8 + 4 * 4;

/// An image whose longer side has the training size.
#[derive(Clone, Debug)]
pub struct Resized {
    pub image: Arc<Image>,
    /// Height and width of the photograph.
    pub original: (usize, usize),
}

/// Reads images by their index.
pub struct Images {
    imgsz: usize,
    /// Linear also where images shrink, as training does it.
    linear: bool,
    cache: Cache,
    kept: Vec<OnceLock<Resized>>,
}

impl Images {
    pub fn new(count: usize, options: &LoaderOptions) -> Self {
        let kept = if options.cache == Cache::Ram { count } else { 0 };
        Self {
            imgsz: options.imgsz,
            linear: options.augment.is_some(),
            cache: options.cache,
            kept: (0..kept).map(|_| OnceLock::new()).collect(),
        }
    }

    /// The image of an item, resized.
    pub fn load(&self, index: usize, item: &Item) -> Result<Resized, Error> {
        match self.cache {
            Cache::None => self.read(&item.image),
            Cache::Disk => self.read_kept(&item.image),
            Cache::Ram => match self.kept.get(index).and_then(OnceLock::get) {
                Some(kept) => Ok(kept.clone()),
                None => {
                    let resized = self.read(&item.image)?;
                    // Another thread may have been faster, with the same image.
                    let _ = self.kept.get(index).map(|place| place.set(resized.clone()));
                    Ok(resized)
                }
            },
        }
    }

    fn read(&self, path: &Path) -> Result<Resized, Error> {
        let image = Image::read(path)?;
        let original = (image.height, image.width);
        let ratio = self.imgsz as f64 / image.width.max(image.height) as f64;
        if ratio == 1.0 {
            return Ok(Resized { image: Arc::new(image), original });
        }
        // A very long image keeps a pixel across, where upstream fails.
        let scaled = |length: usize| ((length as f64 * ratio) as usize).max(1);
        let (width, height) = (scaled(image.width), scaled(image.height));
        let linear = self.linear || ratio > 1.0;
        let resize = if linear { resize_linear } else { resize_area };
        Ok(Resized { image: Arc::new(resize(&image, width, height)), original })
    }

    /// The image from the cache's folder, or read and put there.
    fn read_kept(&self, path: &Path) -> Result<Resized, Error> {
        let file = self.file(path)?;
        if let Some(resized) = fs::read(&file).ok().and_then(|bytes| unpack(&bytes)) {
            return Ok(resized);
        }
        let resized = self.read(path)?;
        let failed = |cause| Error::Write { path: file.clone(), cause };
        fs::create_dir_all(file.parent().unwrap_or(Path::new("."))).map_err(failed)?;
        let head = head(&resized);
        atomic::replace(&file, |to| {
            to.write_all(&head)?;
            to.write_all(&resized.image.rgb)
        })
        .map_err(failed)?;
        Ok(resized)
    }

    /// The file of an image: its name tells size and way of resizing, and the photograph's own size and time,
    /// so that another photograph under the same name is not taken for it.
    fn file(&self, path: &Path) -> Result<PathBuf, Error> {
        let meta = fs::metadata(path).map_err(|cause| Error::Read { path: path.to_path_buf(), cause })?;
        let changed = meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let stamp = format!("{}-{}", meta.len(), changed.unwrap_or_default().as_nanos());
        let way = if self.linear { "linear" } else { "area" };
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}-{way}-{stamp}.rgb", self.imgsz));
        Ok(path.with_file_name(".yolo-cache").join(name))
    }
}

fn head(resized: &Resized) -> Vec<u8> {
    let Resized { image, original } = resized;
    let numbers = [image.width, image.height, original.0, original.1];
    let mut head = MAGIC.to_vec();
    numbers.iter().for_each(|&number| head.extend((number as u32).to_le_bytes()));
    head
}

/// A file of the cache; nothing if it is not whole.
fn unpack(bytes: &[u8]) -> Option<Resized> {
    let (head, rgb) = bytes.split_at_checked(HEAD)?;
    let numbers = head.strip_prefix(MAGIC)?.as_chunks::<4>().0;
    let [width, height, original_h, original_w] = *numbers else { return None };
    let [width, height, original_h, original_w] =
        [width, height, original_h, original_w].map(|number| u32::from_le_bytes(number) as usize);
    let whole = width.checked_mul(height).and_then(|pixels| pixels.checked_mul(3)) == Some(rgb.len());
    let image = Image { width, height, rgb: rgb.to_vec() };
    whole.then(|| Resized { image: Arc::new(image), original: (original_h, original_w) })
}
