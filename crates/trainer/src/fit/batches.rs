//! Mini-batches.

use super::EncodedSet;
use super::checkpoint::{Reader, Writer};
use crate::Random;

/// An endless stream of full batches: the rows in a new random order for each pass, one pass
/// after the other without a break.
#[derive(Debug)]
pub(super) struct Batches<'a> {
    set: &'a EncodedSet,
    random: Random,
    order: Vec<usize>,
    next: usize,
    inputs: Vec<f32>,
    targets: Vec<f32>,
    rows: usize,
}

impl<'a> Batches<'a> {
    pub(super) fn new(set: &'a EncodedSet, batch_size: usize, random: Random) -> Self {
        let order: Vec<usize> = (0..set.rows()).collect();
        let rows = batch_size.min(set.rows());
        let next = order.len();
        Self {
            set,
            random,
            order,
            next,
            inputs: Vec::new(),
            targets: Vec::new(),
            rows,
        }
    }

    pub(super) fn save(&self, to: &mut Writer) {
        for part in self.random.state() {
            to.whole(part);
        }
        to.whole(self.next as u64);
        for row in &self.order {
            to.whole(*row as u64);
        }
    }

    pub(super) fn restore(&mut self, from: &mut Reader<'_>) -> Option<()> {
        let mut state = [0; 4];
        for part in &mut state {
            *part = from.whole()?;
        }
        self.random = Random::of_state(state);
        let rows = self.order.len();
        self.next = usize::try_from(from.whole()?).ok()?;
        for row in &mut self.order {
            *row = usize::try_from(from.whole()?)
                .ok()
                .filter(|row| *row < rows)?;
        }
        (self.next <= rows).then_some(())
    }

    /// Inputs (rows × width) and targets of the next batch.
    pub(super) fn next_batch(&mut self) -> (&[f32], &[f32]) {
        let width = self.set.width();
        self.inputs.clear();
        self.targets.clear();
        for _ in 0..self.rows {
            if self.next == self.order.len() {
                self.random.shuffle(&mut self.order);
                self.next = 0;
            }
            let row = self.order[self.next];
            self.next += 1;
            self.inputs
                .extend_from_slice(&self.set.inputs()[row * width..][..width]);
            self.targets.push(self.set.targets()[row]);
        }
        (&self.inputs, &self.targets)
    }
}
