//! Where the channels of a map lie. Concatenating, splitting and shuffling channels changes this list, and moves nothing.

/// One channel of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Which buffer.
    pub buffer: usize,
    /// Which of its channels.
    pub channel: usize,
}

/// Neighbouring channels of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Which buffer.
    pub buffer: usize,
    /// The first channel.
    pub first: usize,
    /// How many.
    pub len: usize,
}

/// All channels of a buffer, in its order.
pub fn whole(buffer: usize, channels: usize) -> Vec<Place> {
    (0..channels).map(|channel| Place { buffer, channel }).collect()
}

/// The channels as few runs, for a reader to whom their order means nothing, and for each what number it has in the map.
pub fn runs(places: &[Place]) -> (Vec<Run>, Vec<usize>) {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by_key(|i| places[*i]);
    let sorted: Vec<Place> = order.iter().map(|i| places[*i]).collect();
    (join(&sorted), order)
}

/// The channels as runs in the map's own order.
pub fn join(places: &[Place]) -> Vec<Run> {
    let mut runs: Vec<Run> = vec![];
    for Place { buffer, channel } in places.iter().copied() {
        match runs.last_mut() {
            Some(run) if run.buffer == buffer && run.first + run.len == channel => run.len += 1,
            _ => runs.push(Run { buffer, first: channel, len: 1 }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffled_halves_of_two_buffers_are_a_run_each() {
        let (a, b) = (whole(0, 4), whole(1, 4));
        let shuffled: Vec<Place> = a.into_iter().zip(b).flat_map(|(a, b)| [a, b]).collect();
        let (found, order) = runs(&shuffled[4..]);
        assert_eq!(found, [Run { buffer: 0, first: 2, len: 2 }, Run { buffer: 1, first: 2, len: 2 }]);
        assert_eq!(order, [0, 2, 1, 3]);
    }
}
