//! Deleting and inserting again: recall stays that of a fresh build, and slots are reused.

mod support;

use kindex::{Config, FLAT_LIMIT, Index, NodeId, SearchOptions};
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

/// An index over `vectors` in which every round replaced some of them by themselves.
fn renewed(vectors: &[f32], rounds: usize, size: usize) -> Index {
    let n = vectors.len() / DIMENSION;
    let mut index = index_of(&Config::new(DIMENSION), vectors, n);
    let mut held: Vec<NodeId> = (0..n as u32).map(NodeId).collect();
    let mut random = Random::new(SEED);
    for _ in 0..rounds {
        let mut rows: Vec<usize> = (0..size).map(|_| random.below(n)).collect();
        rows.sort_unstable();
        rows.dedup();
        let gone: Vec<NodeId> = rows.iter().map(|&row| held[row]).collect();
        let again: Vec<f32> = rows
            .iter()
            .flat_map(|&row| &vectors[row * DIMENSION..(row + 1) * DIMENSION])
            .copied()
            .collect();
        let slots = index.replace(&gone, &again, &mut |_| {}).unwrap();
        rows.iter().zip(slots).for_each(|(&row, slot)| held[row] = slot);
    }
    assert_eq!(index.len(), n);
    index
}

#[test]
fn what_is_replaced_by_its_like_is_found_as_before() {
    let vectors = mixture(N, DIMENSION, 150, 0.5, false, SEED);
    let queries = mixture(100, DIMENSION, 150, 0.5, false, SEED);
    let fresh = index_of(&Config::new(DIMENSION), &vectors, N);
    let churned = renewed(&vectors, 90, 200);
    churned.check().unwrap();
    let (churned, fresh) =
        (recall(&churned, &queries, 10, 64, None), recall(&fresh, &queries, 10, 64, None));
    println!("recall@10 after renewal {churned:.4}, of a fresh build {fresh:.4} (seed {SEED})");
    assert!(churned >= fresh - 0.01);
}

#[test]
fn copies_are_found_after_their_like_came_and_went() {
    // Every vector is there eight times.
    let mut vectors = mixture(N / 8, DIMENSION, 150, 0.5, false, SEED);
    vectors = vectors.chunks(DIMENSION).flat_map(|row| row.repeat(8)).collect();
    let queries = mixture(100, DIMENSION, 150, 0.5, false, SEED);
    let index = renewed(&vectors, 90, 200);
    index.check().unwrap();
    let found = recall(&index, &queries, 10, 64, None);
    println!("recall@10 of copies after renewal {found:.4} (seed {SEED})");
    assert!(found >= 0.97);
}

#[test]
fn every_batch_clears_its_own_tombstones_away() {
    let vectors = mixture(N, DIMENSION, 50, 0.5, false, SEED);
    let mut index = index_of(&Config::new(DIMENSION), &vectors, N);
    for (round, gone) in
        (0..N as u32 - FLAT_LIMIT as u32).collect::<Vec<_>>().chunks(100).enumerate()
    {
        index.remove(&gone.iter().map(|&slot| NodeId(slot)).collect::<Vec<_>>());
        index.check().unwrap_or_else(|error| panic!("round {round} (seed {SEED}): {error}"));
        assert_eq!(index.stats().tombstones, 0, "round {round}");
    }
}
