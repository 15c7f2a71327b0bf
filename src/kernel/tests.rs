//! One suite for every instruction set that this machine (or this build, for WebAssembly) has.

use std::hash::{BuildHasher, RandomState};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::config::MAX_DIMENSION;
use crate::quantize::CodeLayout;

/// A xorshift generator; `KINDEX_SEED` repeats a run.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let given = std::env::var("KINDEX_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| RandomState::new().hash_one(1) | 1);
        #[cfg(target_arch = "wasm32")]
        wasm_bindgen_test::console_log!("KINDEX_SEED={seed}");
        #[cfg(not(target_arch = "wasm32"))]
        println!("KINDEX_SEED={seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn code(&mut self) -> u8 {
        1 + self.below(127) as u8
    }

    fn float(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn floats(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.float()).collect()
    }
}

/// Every dimension that has a shape of its own, and some that do not.
fn dimensions(random: &mut Random) -> Vec<usize> {
    let mut all: Vec<usize> = (1..=131).collect();
    all.extend([384, 768, 1000, 1536, MAX_DIMENSION - 1, MAX_DIMENSION]);
    all.extend((0..8).map(|_| 1 + random.below(MAX_DIMENSION)));
    all
}

fn signed_dot(a: &[u8], b: &[u8]) -> i32 {
    a.iter()
        .zip(b)
        .map(|(&a, &b)| (i32::from(a) - CODE_OFFSET) * (i32::from(b) - CODE_OFFSET))
        .sum()
}

/// A row of this layout with codes from `code`; its trailer is there to be mistaken for codes.
fn row(layout: CodeLayout, dimension: usize, mut code: impl FnMut() -> u8) -> Vec<u8> {
    let mut row = vec![CODE_OFFSET as u8; layout.stride()];
    row[..dimension].fill_with(&mut code);
    row[layout.padded()..].fill(0xff);
    row
}

fn check_dot7(backend: &Kernels, codes: &[u8], rows: [&[u8]; 4], padded: usize) {
    let mut q = Query7::new(padded);
    q.set(codes);
    let expected = rows.map(|row| signed_dot(&codes[..padded], &row[..padded]));
    let four = (backend.dot7x4)(&q.left, &rows).map(|sum| sum - q.bias);
    assert_eq!(four, expected, "{} x4, {padded} codes", backend.name);
    let one = rows.map(|row| (backend.dot7)(&q.left, row) - q.bias);
    assert_eq!(one, expected, "{}, {padded} codes", backend.name);
}

#[test]
fn code_products_are_those_of_the_signed_codes() {
    let mut random = Random::new();
    for dimension in dimensions(&mut random) {
        let layout = CodeLayout::new(dimension);
        let codes: [Vec<u8>; 5] = std::array::from_fn(|_| row(layout, dimension, || random.code()));
        let [q, rows @ ..] = &codes;
        for backend in backends() {
            check_dot7(backend, q, rows.each_ref().map(Vec::as_slice), layout.padded());
        }
    }
}

#[test]
fn the_largest_codes_do_not_overflow() {
    for dimension in [1, 63, 64, 65, 2048, MAX_DIMENSION] {
        let layout = CodeLayout::new(dimension);
        let mut flip = false;
        let high = row(layout, dimension, || 127);
        let low = row(layout, dimension, || 1);
        let mixed = row(layout, dimension, || {
            flip = !flip;
            if flip { 1 } else { 127 }
        });
        let zero = row(layout, dimension, || 64);
        for backend in backends() {
            for q in [&high, &low, &mixed, &zero] {
                check_dot7(backend, q, [&high, &low, &mixed, &zero], layout.padded());
            }
        }
    }
}

#[test]
fn sketch_products_are_those_of_their_levels() {
    let mut random = Random::new();
    for dimension in dimensions(&mut random) {
        let layout = CodeLayout::new(dimension);
        let codes = row(layout, dimension, || random.code());
        let mut q = Query7::new(layout.padded());
        q.set(&codes);
        let sketches: [Vec<u8>; 4] = std::array::from_fn(|_| {
            (0..layout.padded() / 4).map(|_| random.next() as u8).collect()
        });
        let expected: [i32; 4] = sketches.each_ref().map(|sketch| {
            let level = |at: usize| {
                let byte = sketch[at / CODE_BLOCK * SKETCH_BLOCK + at % SKETCH_BLOCK];
                2 * i32::from(byte >> (at % CODE_BLOCK / SKETCH_BLOCK * 2) & 3) - 3
            };
            (0..layout.padded()).map(|at| (i32::from(codes[at]) - CODE_OFFSET) * level(at)).sum()
        });
        let rows = sketches.each_ref().map(Vec::as_slice);
        for backend in backends() {
            let sums = (backend.sketch_x4)(&q.left, &rows);
            let got = sums.map(|sum| 2 * sum - 3 * (q.bias / CODE_OFFSET));
            assert_eq!(got, expected, "{}, {dimension} components", backend.name);
        }
        assert_eq!(sketch_x4(&q, rows), expected);
    }
}

#[test]
fn a_query_can_be_set_again() {
    let layout = CodeLayout::new(100);
    let (first, second) = (row(layout, 100, || 127), row(layout, 100, || 70));
    let mut q = Query7::new(layout.padded());
    for codes in [&first, &second, &first] {
        q.set(codes);
        assert_eq!(dot7(&q, &second), signed_dot(&codes[..100], &second[..100]));
    }
}

#[test]
fn blocks_hold_all_pairs() {
    let mut random = Random::new();
    for (dimension, n) in [(1, 1), (5, 7), (64, 4), (100, 33), (384, 50), (MAX_DIMENSION, 5)] {
        let layout = CodeLayout::new(dimension);
        let (stride, padded) = (layout.stride(), layout.padded());
        let rows: Vec<u8> = (0..n).flat_map(|_| row(layout, dimension, || random.code())).collect();
        let at = |i: usize| &rows[i * stride..][..padded];
        let at = &at;
        let first = random.below(n);
        for (first, count) in [(0, n), (first, random.below(n - first + 1))] {
            let expected: Vec<i32> = (first..first + count)
                .flat_map(|i| (0..n).map(move |j| signed_dot(at(i), at(j))))
                .collect();
            for backend in backends() {
                let mut out = vec![i32::MIN; count * n];
                if count > 0 {
                    block(backend, &rows, stride, padded, first, &mut out);
                }
                assert_eq!(out, expected, "{}: {first} + {count} of {n}", backend.name);
            }
            let mut out = vec![i32::MIN; count * n + 1];
            dot7_block(&rows, stride, padded, n, first, count, &mut out);
            assert_eq!(out[..count * n], expected);
            assert_eq!(out[count * n], i32::MIN, "nothing is written past the results");
        }
    }
}

/// The definition, in double precision, and the error that single precision may have: half a unit
/// in the last place for each of the few roundings on a term's way through the lanes.
fn check_close(got: f32, terms: impl Iterator<Item = f64>, name: &str) {
    let (mut sum, mut size, mut n) = (0.0, 0.0, 0);
    for term in terms {
        sum += term;
        size += term.abs();
        n += 1;
    }
    let tolerance = size * f64::from(f32::EPSILON) * (n / 32 + 8) as f64;
    assert!((f64::from(got) - sum).abs() <= tolerance, "{name}, {n} terms: {got}, not {sum}");
}

#[test]
fn float_kernels_agree_to_the_bit_and_with_the_definition() {
    let mut random = Random::new();
    for dimension in dimensions(&mut random) {
        let [q, a, b, c, d]: [Vec<f32>; 5] = std::array::from_fn(|_| random.floats(dimension));
        let rows = [&a[..], &b, &c, &d];
        let dots = rows.map(|row| float::dot(&q, row).to_bits());
        let l2s = rows.map(|row| float::l2(&q, row).to_bits());
        let pairs = || q.iter().zip(&a).map(|(&x, &y)| (f64::from(x), f64::from(y)));
        for backend in backends() {
            let name = backend.name;
            assert_eq!((backend.dot_f32x4)(&q, &rows).map(f32::to_bits), dots, "{name}");
            assert_eq!((backend.l2_f32x4)(&q, &rows).map(f32::to_bits), l2s, "{name}");
            assert_eq!(rows.map(|row| (backend.dot_f32)(&q, row).to_bits()), dots, "{name}");
            assert_eq!(rows.map(|row| (backend.l2_f32)(&q, row).to_bits()), l2s, "{name}");
            check_close((backend.dot_f32)(&q, &a), pairs().map(|(x, y)| x * y), name);
            check_close((backend.l2_f32)(&q, &a), pairs().map(|(x, y)| (x - y) * (x - y)), name);
        }
    }
}

/// The bits themselves, as native and WebAssembly builds never meet in one test.
#[test]
fn float_sums_have_the_same_bits_on_every_machine() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (a, b) = (random.floats(384 + 5), random.floats(384 + 5));
    assert_eq!(dot_f32(&a, &b).to_bits(), 1_084_205_600, "dot");
    assert_eq!(l2_f32(&a, &b).to_bits(), 1_131_062_729, "l2");
}

#[test]
fn differing_bits_are_counted() {
    let mut random = Random::new();
    for words in (0..20).chain([64, 1000]) {
        let [q, rows @ ..]: [Vec<u64>; 5] =
            std::array::from_fn(|_| (0..words).map(|_| random.next()).collect());
        let expected = rows.each_ref().map(|row| {
            (0..64 * words).filter(|i| (q[i / 64] ^ row[i / 64]) >> (i % 64) & 1 == 1).count()
                as u32
        });
        for backend in backends() {
            let rows = rows.each_ref().map(Vec::as_slice);
            assert_eq!((backend.hamming_x4)(&q, &rows), expected, "{}", backend.name);
            assert_eq!(rows.map(|row| (backend.hamming)(&q, row)), expected, "{}", backend.name);
        }
    }
}

#[test]
fn insertion_shifts_the_rest_and_drops_the_last() {
    for len in 1..40 {
        for at in 0..len {
            let mut pool: Vec<u64> = (0..len as u64).collect();
            let mut expected = pool.clone();
            expected.insert(at, 777);
            expected.pop();
            insert_shift(&mut pool, at, 777);
            assert_eq!(pool, expected, "at {at} of {len}");
        }
    }
}

/// WebAssembly cannot catch a panic.
#[cfg(not(target_arch = "wasm32"))]
#[test]
fn short_buffers_are_refused() {
    let q = Query7::new(128);
    let refused = |f: &dyn Fn()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).is_err();
    let (short, long) = ([64; 127], [64; 128]);
    for backend in backends() {
        assert!(refused(&|| _ = (backend.dot7)(&q.left, &short)), "{}", backend.name);
        let rows: [&[u8]; 4] = [&long, &long, &long, &short];
        assert!(refused(&|| _ = (backend.dot7x4)(&q.left, &rows)), "{}", backend.name);
        let sketches: [&[u8]; 4] = [&long, &long, &long, &short[..31]];
        assert!(refused(&|| _ = (backend.sketch_x4)(&q.left, &sketches)), "{}", backend.name);
        assert!(refused(&|| _ = (backend.dot_f32)(&[0.0; 3], &[0.0; 2])), "{}", backend.name);
        assert!(refused(&|| _ = (backend.hamming)(&[0; 3], &[0; 2])), "{}", backend.name);
    }
}
