//! Deleting and inserting again: recall stays that of a fresh build, and slots are reused.

mod support;

use kindex::{Config, Index, NodeId, SearchOptions};
use support::{Random, index_of, mixture, recall};

const SEED: u64 = 77;
const DIMENSION: usize = 32;
const N: usize = 9000;

#[test]
fn ten_rounds_of_replacing_a_tenth_cost_no_recall() {
    let all = mixture(2 * N, DIMENSION, 150, 0.5, false, SEED);
    let queries = mixture(100, DIMENSION, 150, 0.5, false, SEED);
    let row = |at: usize| &all[at * DIMENSION..(at + 1) * DIMENSION];
    let mut index = index_of(&Config::new(DIMENSION), &all[..N * DIMENSION], N);
    let mut held: Vec<(NodeId, usize)> = (0..N).map(|at| (NodeId(at as u32), at)).collect();
    let mut random = Random::new(SEED);
    for round in 0..10 {
        let mut gone = Vec::new();
        for _ in 0..N / 10 {
            gone.push(held.swap_remove(random.below(held.len())).0);
        }
        index.remove(&gone);
        index
            .check()
            .unwrap_or_else(|error| panic!("round {round}, removed (seed {SEED}): {error}"));
        let fresh: Vec<usize> = (0..N / 10).map(|at| N + round * N / 10 + at).collect();
        let vectors: Vec<f32> = fresh.iter().flat_map(|&at| row(at)).copied().collect();
        let slots = index.insert(&vectors, &mut |_| {}).unwrap();
        held.extend(slots.into_iter().zip(fresh));
        index
            .check()
            .unwrap_or_else(|error| panic!("round {round}, inserted (seed {SEED}): {error}"));
    }
    assert_eq!(index.len(), N);
    assert!(index.slots() < N + N / 4, "{} slots: freed ones are not reused", index.slots());
    held.sort_unstable();
    for &(slot, at) in held.iter().step_by(97) {
        let nearest = index.search(row(at), &SearchOptions { k: 1, ..Default::default() }, None).0;
        assert_eq!(nearest[0].slot, slot, "seed {SEED}");
    }
    let live: Vec<f32> = held.iter().flat_map(|&(_, at)| row(at)).copied().collect();
    let fresh = index_of(&Config::new(DIMENSION), &live, N);
    let (churned, fresh) =
        (recall(&index, &queries, 10, 64, None), recall(&fresh, &queries, 10, 64, None));
    println!("recall@10 after churn {churned:.4}, of a fresh build {fresh:.4} (seed {SEED})");
    assert!(churned >= fresh - 0.01);
}

#[test]
fn a_deleted_slot_never_comes_back_as_an_answer() {
    let all = mixture(N, DIMENSION, 50, 0.5, false, SEED);
    let mut index = index_of(&Config::new(DIMENSION), &all, N);
    let dead: Vec<NodeId> = (0..N as u32).step_by(20).map(NodeId).collect();
    index.remove(&dead);
    for &slot in dead.iter().step_by(9) {
        let query = &all[slot.index() * DIMENSION..][..DIMENSION];
        for exact in [false, true] {
            let found = index.search(query, &SearchOptions { k: 20, ef: 64, exact }, None).0;
            assert_eq!(found.len(), 20);
            assert!(found.iter().all(|hit| index.is_live(hit.slot)));
        }
    }
    index.check().unwrap();
}

#[test]
fn an_index_that_lost_everything_starts_again() {
    let all = mixture(N, DIMENSION, 50, 0.5, false, SEED);
    let mut index: Index = index_of(&Config::new(DIMENSION), &all, 3000);
    let slots: Vec<NodeId> = (0..N as u32).map(NodeId).collect();
    index.remove(&slots);
    index.check().unwrap();
    assert!(index.is_empty() && !index.has_graph());
    assert!(index.search(&all[..DIMENSION], &SearchOptions::default(), None).0.is_empty());
    index.insert(&all, &mut |_| {}).unwrap();
    index.check().unwrap();
    assert_eq!((index.len(), index.slots()), (N, N));
}
