//! Pictures read while something else is done.

use super::{Error, Picture};
use std::path::Path;
use std::sync::mpsc;

/// Runs `work`, which takes the pictures of `files` in their order from an iterator. A thread reads them ahead of it: one is
/// ready, or being read, while another is worked on.
pub fn read_ahead<T>(
    files: &[impl AsRef<Path> + Sync],
    work: impl FnOnce(&mut dyn Iterator<Item = Result<Picture, Error>>) -> T,
) -> T {
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(0);
        // Ends when all is read, or when nobody takes any more.
        scope.spawn(move || files.iter().map(Picture::read).try_for_each(|photo| sender.send(photo)));
        work(&mut receiver.into_iter())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_come_in_order_and_need_not_be_taken() {
        let folder = tempfile::tempdir().unwrap();
        let file = |width: usize| folder.path().join(format!("{width}.png"));
        for width in 1..4 {
            Picture { width, height: 1, rgb: vec![7; 3 * width] }.write(file(width)).unwrap();
        }
        let files = [file(3), file(9), file(1), file(2)];
        let width = |photo: Result<Picture, Error>| photo.map_or(0, |photo| photo.width);
        assert_eq!(read_ahead(&files, |photos| photos.map(width).collect::<Vec<_>>()), [3, 0, 1, 2]);
        assert_eq!(read_ahead(&files, |photos| photos.next().map(width)), Some(3));
        assert!(
            read_ahead(&files, |_| true) && read_ahead(&[] as &[&Path], |photos| photos.next().is_none())
        );
    }
}
