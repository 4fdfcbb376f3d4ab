//! The batches of an epoch, made by threads ahead of the step that needs them.
//!
//! Threads take one image after another, of at most so many batches ahead; who finishes a batch's last
//! image puts it together. Batches come out in order.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::sample::{self, Sample};
use super::{Batch, Shared, collate};
use crate::data::Error;

/// Batches that may wait or be in the making besides the one handed out next.
const AHEAD: usize = 2;

/// The batches of an epoch from some place on; made by [`super::Loader::epoch`].
///
/// After an error it goes on with the next batch. Dropping it ends its threads, each after its image.
pub struct Epoch {
    work: Arc<Work>,
    threads: Vec<JoinHandle<()>>,
}

struct Work {
    shared: Arc<Shared>,
    epoch: usize,
    order: Vec<usize>,
    batches: usize,
    state: Mutex<State>,
    /// Told when a batch is ready, when one is taken, and when all is over.
    changed: Condvar,
}

struct State {
    /// The batch that is handed out next, which is the first of `queue`.
    first: usize,
    queue: VecDeque<Slot>,
    /// The batch and the image in it that a thread takes next.
    next: (usize, usize),
    threads: usize,
    over: bool,
}

/// A batch in the making.
struct Slot {
    samples: Vec<Option<Sample>>,
    waiting: usize,
    /// The first failure in order and its place.
    error: Option<(usize, Error)>,
    batch: Option<Result<Batch, Error>>,
}

impl Epoch {
    pub(super) fn new(shared: Arc<Shared>, epoch: usize, order: Vec<usize>, first: usize) -> Self {
        let count = shared.items.len();
        let beyond = order.iter().find(|&&index| index >= count).copied();
        let batches = if beyond.is_some() { 0 } else { shared.batches(order.len()) };
        // More than there are images in the making have nothing to do.
        let most = shared.options.batch.saturating_mul(AHEAD + 1).min(order.len());
        let threads = if first < batches { shared.options.threads.clamp(1, most.max(1)) } else { 0 };
        let mut state = State { first, queue: VecDeque::new(), next: (first, 0), threads, over: false };
        if let Some(index) = beyond {
            let why = format!("image {index} was chosen of {count}");
            let batch = Some(Err(Error::Options { why }));
            state.queue.push_back(Slot { samples: vec![], waiting: 0, error: None, batch });
        }
        let work = Work { shared, epoch, order, batches, state: Mutex::new(state), changed: Condvar::new() };
        let work = Arc::new(work);
        let start = |_| {
            let work = Arc::clone(&work);
            std::thread::Builder::new().spawn(move || work.run()).ok()
        };
        // Where the system gives no more of them, fewer do the work.
        let started: Vec<_> = (0..threads).map_while(start).collect();
        work.lock().threads -= threads - started.len();
        Self { work, threads: started }
    }
}

impl Iterator for Epoch {
    type Item = Result<Batch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut state = self.work.lock();
        loop {
            if let Some(batch) = state.queue.front_mut().and_then(|slot| slot.batch.take()) {
                state.queue.pop_front();
                state.first += 1;
                self.work.changed.notify_all();
                return Some(batch);
            }
            if state.first >= self.work.batches {
                return None;
            }
            if state.threads == 0 {
                state.first = self.work.batches;
                return Some(Err(Error::Options { why: "its threads have broken down".into() }));
            }
            state = self.work.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Epoch {
    fn drop(&mut self) {
        self.work.lock().over = true;
        self.work.changed.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join(); // a thread that broke down has been told of
        }
    }
}

/// Counts a thread out, however it ends.
struct Leaving<'a>(&'a Work);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.threads -= 1;
        // A batch that lost its thread is never whole: nobody shall wait for it.
        state.over |= std::thread::panicking();
        drop(state);
        self.0.changed.notify_all();
    }
}

impl Work {
    /// The state changes in whole steps only, so that a thread that broke down leaves it sound.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Images in a batch.
    fn size(&self, batch: usize) -> usize {
        let size = self.shared.options.batch;
        size.min(self.order.len() - batch * size)
    }

    fn run(&self) {
        let _leaving = Leaving(self);
        while let Some((batch, place)) = self.take() {
            let position = batch * self.shared.options.batch + place;
            let made = sample::make(&self.shared, self.epoch, &self.order, position);
            if let Some(samples) = self.put(batch, place, made) {
                let whole = collate::collate(&self.shared, samples, (self.epoch, batch));
                self.finish(batch, Ok(whole));
            }
        }
    }

    /// The next image to be made, once there is room for it; nothing when all is done.
    fn take(&self) -> Option<(usize, usize)> {
        let mut state = self.lock();
        loop {
            let (batch, place) = state.next;
            if state.over || batch >= self.batches {
                return None;
            }
            if batch <= state.first + AHEAD {
                let size = self.size(batch);
                if place == 0 {
                    let samples = (0..size).map(|_| None).collect();
                    state.queue.push_back(Slot { samples, waiting: size, error: None, batch: None });
                }
                state.next = if place + 1 < size { (batch, place + 1) } else { (batch + 1, 0) };
                return Some((batch, place));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Files an image. Gives all of its batch if it was the last.
    fn put(&self, batch: usize, place: usize, made: Result<Sample, Error>) -> Option<Vec<Sample>> {
        let mut state = self.lock();
        let at = batch - state.first;
        let slot = state.queue.get_mut(at)?;
        match made {
            Ok(sample) => slot.samples[place] = Some(sample),
            // Of several the first in order, so that the message does not depend on the threads.
            Err(error) => {
                let earlier = slot.error.as_ref().is_none_or(|(other, _)| place < *other);
                if earlier {
                    slot.error = Some((place, error));
                }
            }
        }
        slot.waiting -= 1;
        if slot.waiting > 0 {
            return None;
        }
        match slot.error.take() {
            Some((_, error)) => {
                slot.batch = Some(Err(error));
                self.changed.notify_all();
                None
            }
            None => Some(std::mem::take(&mut slot.samples).into_iter().flatten().collect()),
        }
    }

    fn finish(&self, batch: usize, whole: Result<Batch, Error>) {
        let mut state = self.lock();
        let at = batch - state.first;
        if let Some(slot) = state.queue.get_mut(at) {
            slot.batch = Some(whole);
        }
        self.changed.notify_all();
    }
}
