//! All pairs of a small group of nodes: the multiplication in "partition and multiply".

use crate::codes::Codes;
use crate::graph::select::few_directions;
use crate::ids::NodeId;
use crate::kernel;
use crate::quantize::CodeTrailer;
use crate::vectors::{Query, Vectors, by_fours};

/// Rows whose products are computed in one go: their results stay in the first cache.
const BLOCK: usize = 16;

/// A group of nodes gathered from the store, with the distances between all of them. Reused.
#[derive(Debug)]
pub(crate) struct Leaf {
    count: usize,
    few: usize,
    codes: Vec<u8>,
    trailers: Vec<CodeTrailer>,
    dots: Vec<i32>,
    table: Vec<f32>,
    query: Query,
}

impl Leaf {
    pub(crate) fn new(vectors: &Vectors) -> Self {
        Self {
            count: 0,
            few: few_directions(vectors.dimension()),
            codes: Vec::new(),
            trailers: Vec::new(),
            dots: Vec::new(),
            table: Vec::new(),
            query: vectors.query(),
        }
    }

    /// Gathers `nodes` and computes the walk distances of all pairs.
    pub(crate) fn load(&mut self, vectors: &Vectors, nodes: &[NodeId]) {
        self.count = nodes.len();
        self.table.resize(self.count * self.count, 0.0);
        match vectors.codes() {
            Some(codes) => self.multiply_codes(vectors, codes, nodes),
            None => self.compare_each(vectors, nodes),
        }
    }

    /// See [`few_directions`].
    pub(crate) fn few(&self) -> usize {
        self.few
    }

    /// The distances from the node at `at` to all.
    #[inline(always)]
    pub(crate) fn row(&self, at: usize) -> &[f32] {
        &self.table[at * self.count..][..self.count]
    }

    fn multiply_codes(&mut self, vectors: &Vectors, codes: &Codes, nodes: &[NodeId]) {
        let padded = codes.layout().padded();
        self.codes.clear();
        self.trailers.clear();
        for &node in nodes {
            self.codes.extend_from_slice(codes.codes(node));
            self.trailers.push(codes.trailer(node));
        }
        self.dots.resize(BLOCK * self.count, 0);
        for first in (0..self.count).step_by(BLOCK) {
            // Only from the diagonal on: the rest is its mirror image.
            let (rows, width) = ((self.count - first).min(BLOCK), self.count - first);
            let dots = &mut self.dots[..rows * width];
            kernel::dot7_block(&self.codes[first * padded..], padded, padded, width, 0, rows, dots);
            for at in 0..rows {
                self.fill_row(vectors, first, at, width);
            }
            self.mirror(first, rows);
        }
    }

    #[inline(never)]
    fn fill_row(&mut self, vectors: &Vectors, first: usize, at: usize, width: usize) {
        let own = self.trailers[first + at];
        let out = &mut self.table[(first + at) * self.count + first..][..width];
        let dots = &self.dots[at * width..][..width];
        for ((distance, &dot), &other) in out.iter_mut().zip(dots).zip(&self.trailers[first..]) {
            *distance = vectors.pair_distance(dot, own, other);
        }
    }

    #[inline(never)]
    fn mirror(&mut self, first: usize, rows: usize) {
        let (above, below) = self.table.split_at_mut((first + rows) * self.count);
        let above = &above[first * self.count..];
        for (at, row) in below.chunks_exact_mut(self.count).enumerate() {
            for (from, distance) in row[first..first + rows].iter_mut().enumerate() {
                *distance = above[from * self.count + first + rows + at];
            }
        }
    }

    /// Floats, and signs: what a product of blocks would save is little beside them.
    fn compare_each(&mut self, vectors: &Vectors, nodes: &[NodeId]) {
        self.table.clear();
        for &node in nodes {
            vectors.prepare_slot(node, &mut self.query);
            by_fours(
                nodes,
                |four| vectors.walk_distances(&self.query, four),
                |_, distance| self.table.push(distance),
            );
        }
    }
}
