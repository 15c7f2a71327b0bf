//! The same batches give the same bytes on every machine: these run natively and as WebAssembly, with
//! and without SIMD, and compare with one number.

mod support;

#[cfg(not(target_arch = "wasm32"))]
use std::prelude::v1::test as everywhere;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as everywhere;

use kindex::{Config, Metric, NodeId, Quantization};
use support::{bytes_of, index_of, mixture};

const SEED: u64 = 4711;

/// A build at once, growth by batches, deletions, and slots that are used again.
fn fingerprint(metric: Metric, quantization: Quantization, dimension: usize) -> u64 {
    let vectors = mixture(8000, dimension, 60, 0.4, false, SEED);
    let mut config = Config::new(dimension);
    config.metric = metric;
    config.quantization = quantization;
    let mut index = index_of(&config, &vectors[..6500 * dimension], 6500);
    for batch in vectors[6500 * dimension..].chunks(600 * dimension) {
        index.insert(batch, &mut |_| {}).unwrap();
    }
    let dead: Vec<NodeId> = (0..8000).step_by(8).map(NodeId).collect();
    index.remove(&dead);
    index.insert(&vectors[..300 * dimension], &mut |_| {}).unwrap();
    index.check().unwrap();
    assert!(index.has_graph());
    // FNV-1a.
    bytes_of(&index)
        .iter()
        .flat_map(|(_, bytes)| bytes)
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

#[everywhere]
fn cosine_codes_and_links_are_the_same_everywhere() {
    assert_eq!(
        fingerprint(Metric::Cosine, Quantization::Int8, 24),
        13_164_122_431_845_965_125,
        "seed {SEED}"
    );
}

#[everywhere]
fn euclidean_codes_and_links_are_the_same_everywhere() {
    assert_eq!(
        fingerprint(Metric::Euclidean, Quantization::Int8, 24),
        10_691_123_482_573_759_638,
        "seed {SEED}"
    );
}

#[everywhere]
fn binary_codes_and_links_are_the_same_everywhere() {
    let pinned = [
        (Metric::Cosine, 13_560_607_319_720_782_792),
        (Metric::Dot, 12_182_442_627_454_567_286),
        (Metric::Euclidean, 10_363_537_405_367_638_928),
    ];
    for (metric, expected) in pinned {
        let found = fingerprint(metric, Quantization::Binary, 70);
        assert_eq!(found, expected, "{metric:?}, seed {SEED}");
    }
}

/// Natively and in WebAssembly they are computed in different ways.
#[everywhere]
fn checksums_are_the_same_everywhere() {
    assert_eq!(kindex::codec::crc32(b"123456789"), 0xcbf4_3926);
    let bytes: Vec<u8> = (0..300u32).map(|i| (i * i * 7 % 251) as u8).collect();
    let crcs: Vec<u8> =
        (0..300).flat_map(|at| kindex::codec::crc32(&bytes[..at]).to_le_bytes()).collect();
    assert_eq!(kindex::codec::crc32(&crcs), 0xf49e_3a58);
}
