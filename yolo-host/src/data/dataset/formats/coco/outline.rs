//! One outline of an object that lies in several pieces.

/// Each further piece is joined where it is nearest to what is there, by a seam to and fro: `merge_multi_segment` of upstream's
/// converter from JSON.
pub fn joined(pieces: Vec<Vec<[f64; 2]>>) -> Vec<[f64; 2]> {
    let mut joined: Vec<[f64; 2]> = Vec::new();
    for piece in pieces {
        let distance = |a: &[f64; 2], b: &[f64; 2]| (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2);
        let pairs = (0..joined.len()).flat_map(|i| (0..piece.len()).map(move |j| (i, j)));
        let nearest = pairs.min_by(|&(i, j), &(k, l)| {
            distance(&joined[i], &piece[j]).total_cmp(&distance(&joined[k], &piece[l]))
        });
        match nearest {
            Some((i, j)) => {
                let seam = [&joined[..=i], &piece[j..], &piece[..=j], &joined[i..]];
                joined = seam.concat();
            }
            None if joined.is_empty() => joined = piece,
            None => {}
        }
    }
    joined
}
