//! Mini-batches.

use std::ops::Range;

use super::EncodedSet;
use super::checkpoint::{Reader, Writer};
use crate::Random;
use crate::store::{BLOCK, Column, StoreError};

/// Bytes of encoded rows that are shuffled together.
const DRAW: usize = 32 << 20;

/// An endless stream of full batches: the rows in a new random order for each pass, one pass
/// after the other without a break.
///
/// The order is that of the rows' numbers alone, wherever the rows are. Rows are shuffled in
/// *draws* of at most 32 MiB of encoded rows, in whole blocks of [`BLOCK`] rows:
///
/// - A split of one draw, as most are, is shuffled as a whole, each pass beginning from the order
///   of the pass before.
/// - Otherwise each pass shuffles the blocks; a draw is the next blocks in that order, and its rows
///   are shuffled together. A block with fewer rows than the others, the split's last, comes last
///   in its draw before that.
///
/// So every row is visited once in a pass, and only a draw need be in memory.
#[derive(Debug)]
pub(super) struct Batches<'a> {
    set: &'a EncodedSet,
    random: Random,
    /// The split's blocks in this pass's order.
    blocks: Vec<u32>,
    /// How many of them make a draw.
    draw_blocks: usize,
    /// The current draw, from 0.
    draw: usize,
    /// Its rows, counted in the order of its blocks, shuffled; and the next of them.
    order: Vec<u32>,
    next: usize,
    /// Inputs and targets of the draw, where they are not in memory anyway.
    loaded: Option<(Vec<f32>, Vec<f32>)>,
    inputs: Vec<f32>,
    targets: Vec<f32>,
    rows: usize,
}

impl<'a> Batches<'a> {
    pub(super) fn new(set: &'a EncodedSet, batch_size: usize, random: Random) -> Self {
        let row = (set.width() + 1) * size_of::<f32>();
        Self::with_draws(set, batch_size, random, (DRAW / row / BLOCK).max(1))
    }

    /// With draws of so many blocks.
    pub(super) fn with_draws(
        set: &'a EncodedSet,
        batch_size: usize,
        random: Random,
        draw_blocks: usize,
    ) -> Self {
        let blocks: Vec<u32> = (0..set.rows().div_ceil(BLOCK) as u32).collect();
        let is_held = set.inputs().is_held() && set.targets().is_held();
        Self {
            set,
            random,
            draw_blocks,
            // As if the last draw of a pass were used up.
            draw: blocks.len().div_ceil(draw_blocks) - 1,
            order: Vec::new(),
            next: 0,
            loaded: (!is_held).then(Default::default),
            inputs: Vec::new(),
            targets: Vec::new(),
            rows: batch_size.min(set.rows()),
            blocks,
        }
    }

    pub(super) fn save(&self, to: &mut Writer) {
        for part in self.random.state() {
            to.whole(part);
        }
        to.whole(self.draw as u64);
        to.whole(self.next as u64);
        to.numbers(&self.blocks);
        to.numbers(&self.order);
    }

    pub(super) fn restore(&mut self, from: &mut Reader<'_>) -> Option<()> {
        let mut state = [0; 4];
        for part in &mut state {
            *part = from.whole()?;
        }
        self.random = Random::of_state(state);
        self.draw = usize::try_from(from.whole()?).ok()?;
        self.next = usize::try_from(from.whole()?).ok()?;
        let blocks = from.numbers()?;
        self.order = from.numbers()?;
        let is_below =
            |numbers: &[u32], count: usize| numbers.iter().all(|number| (*number as usize) < count);
        let fits = blocks.len() == self.blocks.len()
            && is_below(&blocks, blocks.len())
            && self.draw < self.draws()
            && self.next <= self.order.len();
        self.blocks = blocks;
        (fits
            && (self.order.is_empty() || self.order.len() == self.draw_rows())
            && is_below(&self.order, self.order.len()))
        .then_some(())
    }

    /// Reads what is needed to go on after a [`restore`](Self::restore).
    pub(super) fn reload(&mut self) -> Result<(), StoreError> {
        if self.order.is_empty() {
            return Ok(());
        }
        self.load()
    }

    /// Inputs (rows × width) and targets of the next batch.
    pub(super) fn next_batch(&mut self) -> Result<(&[f32], &[f32]), StoreError> {
        let width = self.set.width();
        self.inputs.clear();
        self.targets.clear();
        for _ in 0..self.rows {
            if self.next == self.order.len() {
                self.next_draw()?;
            }
            let place = self.order[self.next] as usize;
            self.next += 1;
            let (inputs, target) = if let Some((inputs, targets)) = &self.loaded {
                (&inputs[place * width..][..width], targets[place])
            } else {
                let block = self.blocks[self.draw * self.draw_blocks + place / BLOCK] as usize;
                let row = block * BLOCK + place % BLOCK;
                let held = |column: &'a Column<f32>| {
                    let values = column.held_rows(row..row + 1);
                    values.expect("all of it is in memory")
                };
                (held(self.set.inputs()), held(self.set.targets())[0])
            };
            self.inputs.extend_from_slice(inputs);
            self.targets.push(target);
        }
        Ok((&self.inputs, &self.targets))
    }

    fn next_draw(&mut self) -> Result<(), StoreError> {
        self.draw += 1;
        if self.draw == self.draws() {
            self.draw = 0;
            if self.draws() > 1 {
                self.random.shuffle(&mut self.blocks);
            }
        }
        let last = self.blocks.len() as u32 - 1;
        let draw = self.draw_range();
        let blocks = &mut self.blocks[draw];
        if let Some(at) = blocks.iter().position(|block| *block == last) {
            blocks[at..].rotate_left(1);
        }
        let rows = self.draw_rows();
        if self.order.len() != rows {
            self.order = (0..rows as u32).collect();
        }
        self.random.shuffle(&mut self.order);
        self.next = 0;
        self.load()
    }

    fn load(&mut self) -> Result<(), StoreError> {
        let Some((mut inputs, mut targets)) = self.loaded.take() else {
            return Ok(());
        };
        inputs.clear();
        targets.clear();
        for block in self.draw_range() {
            let rows = self.block_rows(block);
            self.set.inputs().append(rows.clone(), &mut inputs)?;
            self.set.targets().append(rows, &mut targets)?;
        }
        self.loaded = Some((inputs, targets));
        Ok(())
    }

    /// Draws of a pass.
    fn draws(&self) -> usize {
        self.blocks.len().div_ceil(self.draw_blocks)
    }

    /// Where the current draw's blocks are.
    fn draw_range(&self) -> Range<usize> {
        let first = self.draw * self.draw_blocks;
        first..(first + self.draw_blocks).min(self.blocks.len())
    }

    fn draw_rows(&self) -> usize {
        let rows = |block| self.block_rows(block).len();
        self.draw_range().map(rows).sum()
    }

    /// The rows of the block at a place in this pass's order.
    fn block_rows(&self, at: usize) -> Range<usize> {
        let first = self.blocks[at] as usize * BLOCK;
        first..(first + BLOCK).min(self.set.rows())
    }
}
