//! Where the channels of a map lie. Concatenating, splitting and shuffling channels changes this list, and moves nothing.

/// One channel of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Channel {
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
pub fn whole(buffer: usize, channels: usize) -> Vec<Channel> {
    (0..channels).map(|channel| Channel { buffer, channel }).collect()
}

/// The channels as few runs, for a reader to whom their order means nothing, and for each what number it has in the map.
pub fn runs(channel_map: &[Channel]) -> (Vec<Run>, Vec<usize>) {
    let mut order: Vec<usize> = (0..channel_map.len()).collect();
    order.sort_by_key(|i| channel_map[*i]);
    let sorted: Vec<Channel> = order.iter().map(|i| channel_map[*i]).collect();
    (join(&sorted), order)
}

/// The channels as runs in the map's own order.
pub fn join(channel_map: &[Channel]) -> Vec<Run> {
    let mut runs: Vec<Run> = vec![];
    for Channel { buffer, channel } in channel_map.iter().copied() {
        match runs.last_mut() {
            Some(run) if run.buffer == buffer && run.first + run.len == channel => run.len += 1,
            _ => runs.push(Run { buffer, first: channel, len: 1 }),
        }
    }
    runs
}

/// The channels of two maps as runs that are as long in both.
pub fn pairs(a: &[Channel], b: &[Channel]) -> Vec<(Run, Run)> {
    let mut pairs: Vec<(Run, Run)> = vec![];
    for (a, b) in a.iter().zip(b) {
        let follows = |run: &Run, at: &Channel| run.buffer == at.buffer && run.first + run.len == at.channel;
        match pairs.last_mut() {
            Some((runs, others)) if follows(runs, a) && follows(others, b) => {
                runs.len += 1;
                others.len += 1;
            }
            _ => {
                let run = |at: &Channel| Run { buffer: at.buffer, first: at.channel, len: 1 };
                pairs.push((run(a), run(b)));
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffled_halves_of_two_buffers_are_a_run_each() {
        let (a, b) = (whole(0, 4), whole(1, 4));
        let shuffled: Vec<Channel> = a.into_iter().zip(b).flat_map(|(a, b)| [a, b]).collect();
        let (found, order) = runs(&shuffled[4..]);
        assert_eq!(found, [Run { buffer: 0, first: 2, len: 2 }, Run { buffer: 1, first: 2, len: 2 }]);
        assert_eq!(order, [0, 2, 1, 3]);
    }

    #[test]
    fn pairs_end_where_either_side_does() {
        let (a, b) = (whole(0, 4), [&whole(1, 3)[1..], &whole(2, 2)].concat());
        let run = |buffer, first| Run { buffer, first, len: 2 };
        assert_eq!(pairs(&a, &b), [(run(0, 0), run(1, 1)), (run(0, 2), run(2, 0))]);
    }
}
