//! Images read while something else is done.

use super::{Error, Image};
use std::path::Path;
use std::sync::mpsc;

/// Runs `work`, which takes the images of `files` in their order from an iterator. A thread reads them ahead of it: one is
/// ready, or being read, while another is worked on.
pub fn read_ahead<T>(
    files: &[impl AsRef<Path> + Sync],
    work: impl FnOnce(&mut dyn Iterator<Item = Result<Image, Error>>) -> T,
) -> T {
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(0);
        // Ends when all is read, or when nobody takes any more.
        scope.spawn(move || files.iter().map(Image::read).try_for_each(|photo| sender.send(photo)));
        work(&mut receiver.into_iter())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_come_in_order_and_need_not_be_taken() {
        let folder = tempfile::tempdir().unwrap();
        let file = |width: usize| folder.path().join(format!("{width}.png"));
        for width in 1..4 {
            Image { width, height: 1, rgb: vec![7; 3 * width] }.write(file(width)).unwrap();
        }
        let files = [file(3), file(9), file(1), file(2)];
        let width = |photo: Result<Image, Error>| photo.map_or(0, |photo| photo.width);
        assert_eq!(read_ahead(&files, |photos| photos.map(width).collect::<Vec<_>>()), [3, 0, 1, 2]);
        assert_eq!(read_ahead(&files, |photos| photos.next().map(width)), Some(3));
        assert!(
            read_ahead(&files, |_| true) && read_ahead(&[] as &[&Path], |photos| photos.next().is_none())
        );
    }
}
