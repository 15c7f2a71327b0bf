//! Nanoseconds a distance: every instruction set of this machine, in cache and over 50,000 rows in
//! random order: `cargo bench --bench kernel`.

#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the index, which uses all of it, is not here"
)]

mod config {
    pub(crate) use kindex::MAX_DIMENSION;
}
#[path = "../src/kernel/mod.rs"]
mod kernel;
#[path = "../src/quantize.rs"]
mod quantize;

use std::hint::black_box;
use std::time::Instant;

use kernel::{Kernels, Query7};
use quantize::CodeLayout;

const ROWS: usize = 50_000;
/// Rows that fit the first cache together with the query.
const NEAR: usize = 32;
/// Rows of a leaf of the bulk builder.
const LEAF: usize = 352;
/// Short, as on a busy machine only the undisturbed sample counts.
const SAMPLE_NS: f64 = 3e6;
const SAMPLES: usize = 40;

/// The best of a few samples, as nanoseconds for each of the `count` distances of a `pass`.
fn time(count: usize, pass: &mut dyn FnMut()) -> f64 {
    pass();
    let sample = |pass: &mut dyn FnMut()| {
        let (start, mut passes) = (Instant::now(), 0);
        loop {
            pass();
            passes += 1;
            let elapsed = start.elapsed().as_nanos() as f64;
            if elapsed > SAMPLE_NS {
                return elapsed / (passes * count) as f64;
            }
        }
    };
    (0..SAMPLES).map(|_| sample(pass)).fold(f64::INFINITY, f64::min)
}

struct Data {
    layout: CodeLayout,
    dimension: usize,
    floats: Vec<f32>,
    codes: Vec<u8>,
    order: Vec<usize>,
}

impl Data {
    fn new(dimension: usize) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state >> 16
        };
        let layout = CodeLayout::new(dimension);
        let floats: Vec<f32> =
            (0..ROWS * dimension).map(|_| (next() % 2001) as f32 / 1e3 - 1.0).collect();
        let mut codes = vec![0; ROWS * layout.stride()];
        for (row, vector) in
            codes.chunks_exact_mut(layout.stride()).zip(floats.chunks_exact(dimension))
        {
            layout.encode(vector, row);
        }
        let order = (0..ROWS).map(|_| next() as usize % ROWS).collect();
        Self { layout, dimension, floats, codes, order }
    }

    fn row(&self, at: usize) -> &[u8] {
        &self.codes[at * self.layout.stride()..][..self.layout.padded()]
    }

    fn vector(&self, at: usize) -> &[f32] {
        &self.floats[at * self.dimension..][..self.dimension]
    }

    fn fours(&self, random: bool, mut four: impl FnMut([usize; 4])) {
        if random {
            self.order.as_chunks::<4>().0.iter().for_each(|&rows| four(rows));
        } else {
            // As many calls as for the random order.
            (0..ROWS / 4).map(|at| at * 4 % NEAR).for_each(|at| four([at, at + 1, at + 2, at + 3]));
        }
    }
}

fn main() {
    println!("dimension backend      kernel      in cache   random (ns a distance)");
    for dimension in [128, 384, 768] {
        let data = Data::new(dimension);
        for backend in kernel::backends() {
            measure(backend, &data);
        }
        let mut row = vec![0; data.layout.stride()];
        let encode = time(NEAR, &mut || {
            (0..NEAR).for_each(|at| data.layout.encode(data.vector(at), black_box(&mut row)));
        });
        println!("{dimension:9} {:12} {:10} {encode:9.2}", "", "encode");
    }
}

fn measure(backend: &Kernels, data: &Data) {
    let line = |kernel: &str, near: f64, random: Option<f64>| {
        let random = random.map_or(String::new(), |random| format!("{random:9.2}"));
        let (dimension, name) = (data.dimension, backend.name);
        println!("{dimension:9} {name:12} {kernel:10} {near:9.2} {random}");
    };
    let mut q = Query7::new(data.layout.padded());
    q.set(data.row(0));
    let both = |four: &dyn Fn([usize; 4])| {
        [false, true].map(|random| time(ROWS, &mut || data.fours(random, four)))
    };
    let [near, random] = both(&|rows| {
        for row in rows {
            black_box((backend.dot7)(&q.left, data.row(row)));
        }
    });
    line("dot7", near, Some(random));
    let [near, random] = both(&|rows| {
        black_box((backend.dot7x4)(&q.left, &rows.map(|row| data.row(row))));
    });
    line("dot7x4", near, Some(random));
    let [near, random] = both(&|rows| {
        let sketches = rows.map(|row| &data.row(row)[..data.layout.padded() / 4]);
        black_box((backend.sketch_x4)(&q.left, &sketches));
    });
    line("sketch_x4", near, Some(random));
    let (stride, padded) = (data.layout.stride(), data.layout.padded());
    let mut out = vec![0; 16 * LEAF];
    let block = time(16 * LEAF, &mut || {
        kernel::block(backend, &data.codes[..LEAF * stride], stride, padded, 0, &mut out);
        black_box(&mut out);
    });
    line("dot7_block", block, None);
    let query = data.vector(0);
    let [near, random] = both(&|rows| {
        black_box((backend.dot_f32x4)(query, &rows.map(|row| data.vector(row))));
    });
    line("dot_f32x4", near, Some(random));
    let [near, random] = both(&|rows| {
        black_box((backend.l2_f32x4)(query, &rows.map(|row| data.vector(row))));
    });
    line("l2_f32x4", near, Some(random));
    let bits = vec![0x5555_5555_5555_5555u64; data.dimension / 64];
    let hamming = time(ROWS, &mut || {
        for _ in 0..ROWS / 4 {
            black_box((backend.hamming_x4)(black_box(&bits), &[&bits, &bits, &bits, &bits]));
        }
    });
    line("hamming_x4", hamming, None);
}
