//! Searching an index: which way to answer, and rescoring.

use crate::bitset::Bitset;
use crate::flat;
use crate::graph::{
    Candidate, Cost, Graph, Scratch, search_layer, search_layer_bridged, search_layer_exact,
    search_layer_filtered,
};
use crate::ids::NodeId;
use crate::index::{Explanation, Index, Neighbor, SearchOptions, Subset};
use crate::parallel;
use crate::vectors::{Vectors, by_fours};

/// The beam when the caller names none.
const DEFAULT_EF: usize = 80;
/// The same where walk distances are coarse and floats tell more: with it, binary codes find what
/// codes of seven bits find with the other.
const COARSE_EF: usize = 160;
/// Candidates scored again on the floats, at least.
const RESCORE_LEAST: usize = 20;
/// Candidates scored again on the floats, as a multiple of `k`.
const RESCORE: usize = 2;
/// Candidates that are scored at a time after these.
const RESCORE_STEP: usize = 8;
/// The beam of a walk by exact distances, as a multiple of `ef`.
const EXACT_WALK: usize = 2;
/// A filter that this many or fewer match is scanned.
const SCAN_MATCHES: usize = 2000;
/// The part of the collection up to which a filter's matches are scanned.
const SCAN_PART: usize = 50;
/// Queries of one parallel piece.
const GRAIN: usize = 4;

/// What a search looks through: an index, or a subset of it.
struct Domain<'a> {
    vectors: &'a Vectors,
    /// The slots that it may return.
    alive: &'a Bitset,
    graph: Option<&'a Graph>,
}

impl Index {
    /// The vector of a live slot as it is compared: normalised under cosine, decoded from its code
    /// where floats are not kept.
    pub fn vector(&self, slot: NodeId) -> Option<Vec<f32>> {
        self.is_live(slot).then(|| self.vectors.vector(slot))
    }

    /// The nearest live slots that are in `filter` (all, if `None`), closest first, ties by slot.
    /// The query is checked already.
    pub fn search(
        &self,
        query: &[f32],
        options: &SearchOptions,
        filter: Option<&Bitset>,
    ) -> (Vec<Neighbor>, Explanation) {
        self.search_within(None, query, options, filter)
    }

    /// As [`Index::search`], in a subset (the whole, if `None`) that has all that are in `filter`.
    #[inline(never)]
    pub(crate) fn search_within(
        &self,
        subset: Option<&Subset>,
        query: &[f32],
        options: &SearchOptions,
        filter: Option<&Bitset>,
    ) -> (Vec<Neighbor>, Explanation) {
        let (alive, graph) = match subset {
            None => (&self.alive, self.graph.as_ref()),
            Some(subset) => (subset.members(), subset.graph()),
        };
        let domain = Domain { vectors: &self.vectors, alive, graph };
        self.scratch.with(&self.vectors, |scratch| {
            self.vectors.prepare(query, &mut scratch.query);
            domain.answer(options, filter, scratch)
        })
    }

    /// The exact distances from a query to live slots, in their order.
    pub fn distances(&self, query: &[f32], slots: &[NodeId]) -> Vec<Neighbor> {
        self.scratch.with(&self.vectors, |scratch| {
            self.vectors.prepare(query, &mut scratch.query);
            let mut found = Vec::with_capacity(slots.len());
            by_fours(
                slots,
                |four| self.vectors.distances(&scratch.query, four),
                |slot, distance| found.push(Neighbor { slot, distance }),
            );
            found
        })
    }

    /// Many searches at once (`queries` row-major), in parallel where there are threads.
    pub fn search_batch(
        &self,
        queries: &[f32],
        options: &SearchOptions,
        filter: Option<&Bitset>,
    ) -> Vec<Vec<Neighbor>> {
        self.search_batch_within(None, queries, options, filter)
    }

    /// As [`Index::search_batch`], in a subset: see [`Index::search_within`].
    pub(crate) fn search_batch_within(
        &self,
        subset: Option<&Subset>,
        queries: &[f32],
        options: &SearchOptions,
        filter: Option<&Bitset>,
    ) -> Vec<Vec<Neighbor>> {
        let dimension = self.config.dimension;
        let mut answers = vec![Vec::new(); queries.len() / dimension];
        parallel::fill(&mut answers, GRAIN, |first, part| {
            for (answer, query) in
                part.iter_mut().zip(queries[first * dimension..].chunks_exact(dimension))
            {
                *answer = self.search_within(subset, query, options, filter).0;
            }
        });
        answers
    }
}

impl Domain<'_> {
    fn answer(
        &self,
        options: &SearchOptions,
        filter: Option<&Bitset>,
        scratch: &mut Scratch,
    ) -> (Vec<Neighbor>, Explanation) {
        let live = self.alive.len();
        let matches = filter.map_or(live, Bitset::len).min(live);
        let k = options.k.min(matches);
        if k == 0 {
            return (Vec::new(), Explanation { strategy: "exact", ..Explanation::default() });
        }
        let coarse = self.vectors.has_coarse_codes() && self.vectors.has_floats();
        let usual = if coarse { COARSE_EF } else { DEFAULT_EF };
        let ef = if options.ef == 0 { usual.max(2 * k) } else { options.ef.max(k) };
        let scan = SCAN_MATCHES.max(live / SCAN_PART).max(2 * ef);
        let Some(graph) = self.graph.filter(|_| !options.exact && matches > scan) else {
            return self.scan(k, filter, "exact", scratch);
        };
        let Some(filter) = filter else {
            let cost = search_layer(self.vectors, graph.links(), graph.entries(), ef, scratch);
            let Scratch { candidates, pool, .. } = scratch;
            candidates.clear();
            candidates.extend(pool.iter());
            let (found, explanation, settled) = self.rescore(k, "walk", cost, scratch);
            if settled {
                return (found, explanation);
            }
            return self.walk_exactly(graph, k, ef, explanation, scratch);
        };
        self.walk_filtered(graph, k, ef, filter, matches, scratch)
    }

    fn walk_filtered(
        &self,
        graph: &Graph,
        k: usize,
        ef: usize,
        filter: &Bitset,
        matches: usize,
        scratch: &mut Scratch,
    ) -> (Vec<Neighbor>, Explanation) {
        let (links, entries) = (graph.links(), graph.entries());
        let (strategy, cost) = if matches * 2 > self.alive.len() {
            let cost = search_layer_filtered(self.vectors, links, entries, ef, filter, scratch);
            ("filtered-walk", Some(cost))
        } else {
            // A walk that costs as much as a scan is worth nothing.
            let budget = matches;
            let walk = search_layer_bridged;
            let cost = walk(self.vectors, links, entries, ef, filter, budget, scratch);
            ("bridged-walk", cost)
        };
        let Some(cost) = cost.filter(|_| scratch.matches.len() >= k) else {
            return self.scan(k, Some(filter), "exact-fallback", scratch);
        };
        let Scratch { candidates, matches, .. } = scratch;
        candidates.clear();
        candidates.extend(matches.iter());
        let (found, explanation, _) = self.rescore(k, strategy, cost, scratch);
        (found, explanation)
    }

    /// Walks on from the candidates by exact distances: they were too close together for codes.
    fn walk_exactly(
        &self,
        graph: &Graph,
        k: usize,
        ef: usize,
        before: Explanation,
        scratch: &mut Scratch,
    ) -> (Vec<Neighbor>, Explanation) {
        let Scratch { candidates, fresh, .. } = scratch;
        fresh.clear();
        fresh.extend(candidates.iter().map(|near| near.slot()));
        let room = EXACT_WALK * ef;
        let cost = search_layer_exact(self.vectors, graph.links(), room, scratch);
        let live = scratch.pool.iter().filter(|near| self.alive.contains(near.slot()));
        let explanation = Explanation {
            strategy: "exact-walk",
            distances: before.distances + cost.distances,
            visited: before.visited + cost.visited,
        };
        (live.take(k).map(neighbor).collect(), explanation)
    }

    fn scan(
        &self,
        k: usize,
        filter: Option<&Bitset>,
        strategy: &'static str,
        scratch: &mut Scratch,
    ) -> (Vec<Neighbor>, Explanation) {
        let Scratch { query, pool, .. } = scratch;
        let slots = flat::matching(self.alive, filter);
        let distances = flat::scan(self.vectors, query, slots, k, pool);
        let found = pool.iter().map(neighbor).collect();
        (found, Explanation { strategy, distances, visited: 0 })
    }

    /// The best of `scratch.candidates` (closest first by walk distance) by exact distance.
    ///
    /// Codes order well, but not where vectors lie closer together than codes can tell. So it goes
    /// on for as long as what it scores still changes the answer, and says whether that ended. Of
    /// binary codes every candidate is scored: floats cost less than what their order would lose.
    fn rescore(
        &self,
        k: usize,
        strategy: &'static str,
        cost: Cost,
        scratch: &mut Scratch,
    ) -> (Vec<Neighbor>, Explanation, bool) {
        let Scratch { candidates, query, pool, .. } = scratch;
        candidates.retain(|near| self.alive.contains(near.slot()));
        let slots = |from: usize, to: usize| candidates[from..to].iter().map(|near| near.slot());
        let first = if self.vectors.has_coarse_codes() { usize::MAX } else { RESCORE * k };
        let mut scored = first.max(RESCORE_LEAST).min(candidates.len());
        self.vectors.prefetch_exact(slots(0, scored));
        flat::scan(self.vectors, query, slots(0, scored), k, pool);
        let mut settled = !self.vectors.has_codes() || !self.vectors.has_floats();
        settled |= scored == candidates.len();
        while !settled && scored < candidates.len() {
            let before = pool.farthest();
            let next = (scored + RESCORE_STEP.max(k / 2)).min(candidates.len());
            flat::add(self.vectors, query, slots(scored, next), pool);
            scored = next;
            settled = pool.farthest() == before;
        }
        let found = pool.iter().map(neighbor).collect();
        let distances = cost.distances + scored;
        (found, Explanation { strategy, distances, visited: cost.visited }, settled)
    }
}

fn neighbor(candidate: Candidate) -> Neighbor {
    Neighbor { slot: candidate.slot(), distance: candidate.distance() }
}
