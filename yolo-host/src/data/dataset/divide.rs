//! Training and validation from one set of images, where no list says which are for which.

use std::path::Path;

use super::entry::Entry;
use super::item::SplitName;
use crate::random::Stream;

/// Those for `which`. A hash of the name decides, so that images that are added later move no other; of two or more, both
/// parts get at least one.
pub fn divided(mut entries: Vec<Entry>, which: SplitName, share: f64, notes: &mut Vec<String>) -> Vec<Entry> {
    let all = entries.len();
    let hash = |entry: &Entry| Stream::keyed(&format!("split {}", stem(&entry.image))).uniform();
    let mut hashes: Vec<f64> = entries.iter().map(hash).collect();
    hashes.sort_by(f64::total_cmp);
    // The boundary moves only as far as it must.
    let limit = match hashes.as_slice() {
        [least, .., greatest] if least < greatest => {
            let next = hashes.iter().find(|hash| *hash > least).unwrap_or(greatest);
            share.clamp(*next, *greatest)
        }
        _ => share,
    };
    let train = hashes.iter().filter(|hash| **hash < limit).count();
    entries.retain(|entry| (hash(entry) < limit) == (which == SplitName::Train));
    let own = if which == SplitName::Train { train } else { all - train };
    notes.push(format!(
        "no list says which images are for train and which for val: {own} of {all} are taken for {which}, by a hash of their \
         names (`split` {share})"
    ));
    entries
}

fn stem(image: &Path) -> String {
    image.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
