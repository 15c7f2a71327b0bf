//! Searches in which recency counts beside similarity.

use super::Collection;
use crate::bitset::Bitset;
use crate::config::MAX_EF;
use crate::error::{Code, Error};
use crate::ids::NodeId;
use crate::index::{Explanation, Neighbor, SearchOptions};
use crate::parallel;
use crate::rank;

/// The most recent records, which are compared whatever their distance.
const NEWEST: usize = 1000;
/// Records that the first walk brings, at least and as a multiple of `k`.
const FIRST: (usize, usize) = (64, 4);
/// The next walk brings so many times as many.
const WIDER: usize = 4;
/// A walk that brings more than this part of the records costs as much as looking at all.
const WALK_PART: usize = 16;
/// Queries of one parallel piece.
const GRAIN: usize = 1;

/// How recency counts in a search.
///
/// The score becomes `(1 - weight) * score + weight * recency`, where `recency` is 1 for a record of
/// `now` or later and halves with every `half_life` before it. A record without a number in the
/// field has the recency 0.
#[derive(Clone, PartialEq, Debug)]
pub struct Decay {
    /// The dotted path of a field with a number, such as the milliseconds of a date.
    pub field: String,
    /// What halves the recency, in the unit of the field; above 0.
    pub half_life: f64,
    /// 0 (only similarity counts) to 1 (only recency counts).
    pub weight: f64,
    /// The value of the field from which on a record is as recent as can be.
    pub now: f64,
}

/// A found record.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Scored {
    /// The record and its distance, which knows nothing of recency.
    pub neighbor: Neighbor,
    /// Similarity and recency together; larger is better.
    pub score: f32,
}

impl Decay {
    /// # Errors
    /// `INVALID_ARGUMENT`, naming the field that is out of bounds.
    pub fn validate(&self) -> Result<(), Error> {
        let wrong = |what: &str| Err(Error::new(Code::InvalidArgument, format!("decay.{what}")));
        if !(self.half_life > 0.0 && self.half_life.is_finite()) {
            return wrong("halfLife must be a finite number above 0");
        }
        if !(0.0..=1.0).contains(&self.weight) {
            return wrong("weight must be a number from 0 to 1");
        }
        if !self.now.is_finite() {
            return wrong("now must be a finite number");
        }
        Ok(())
    }

    fn recency(&self, value: f64) -> f64 {
        half_to_the(((self.now - value) / self.half_life).max(0.0))
    }

    fn combine(&self, score: f32, recency: f64) -> f32 {
        ((1.0 - self.weight) * f64::from(score) + self.weight * recency) as f32
    }
}

/// `0.5^x` for `x` from 0 on: the same bits on every machine, which no system's library promises.
fn half_to_the(x: f64) -> f64 {
    if x >= 1000.0 {
        return 0.0;
    }
    let whole = x as u64;
    let power = -(x - whole as f64) * std::f64::consts::LN_2;
    // Of the series of e^power, what a 64-bit float can tell.
    let series = (1..=18).rev().fold(1.0, |sum, at| 1.0 + sum * power / f64::from(at));
    series * f64::from_bits((1023 - whole) << 52)
}

/// What all queries of a call share.
struct Recent<'a> {
    decay: &'a Decay,
    /// The newest records of those that are searched.
    newest: Vec<NodeId>,
    set: Bitset,
    /// No other record is more recent.
    rest: f64,
}

impl Collection {
    /// The records with the best score for each query among the slots of a set (all, if `None`), best
    /// first. See [`Decay`] for the score.
    ///
    /// The newest records are all compared, and a walk brings the nearest. It is repeated wider until
    /// no record that neither brought can have a better score than the last of the answer; where that
    /// would take a good part of the records, all are compared. So the answer is as good as that of a
    /// search for that many records; with `exact` it is exact.
    ///
    /// # Errors
    /// As [`Collection::search`] and [`Decay::validate`].
    pub fn search_decayed(
        &self,
        queries: &[f32],
        options: &SearchOptions,
        set: Option<&Bitset>,
        decay: &Decay,
    ) -> Result<Vec<(Vec<Scored>, Explanation)>, Error> {
        decay.validate()?;
        let options = self.checked(queries, options)?;
        let set = set.unwrap_or(self.keys.live());
        let recent = self.recent(set, decay);
        let dimension = self.config().dimension;
        let mut answers = vec![Default::default(); queries.len() / dimension];
        parallel::fill(&mut answers, GRAIN, |first, part| {
            let queries = queries[first * dimension..].chunks_exact(dimension);
            for (answer, query) in part.iter_mut().zip(queries) {
                *answer = self.answer_decayed(query, &options, set, &recent);
            }
        });
        Ok(answers)
    }

    fn recent<'a>(&self, set: &Bitset, decay: &'a Decay) -> Recent<'a> {
        let mut dated = Vec::new();
        if let Some(column) = self.columns.get(&decay.field) {
            column.numbers.each(set, &mut |slot, value| {
                dated.push(rank::ranked(!rank::number_key(value), slot.0));
            });
        }
        let all = dated.len();
        rank::keep_least(&mut dated, NEWEST);
        let oldest = dated.last().map_or(0.0, |&last| rank::number_of(!rank::key(last)));
        let rest = if dated.len() < all { decay.recency(oldest) } else { 0.0 };
        let newest: Vec<_> = dated.into_iter().map(|entry| NodeId(rank::payload(entry))).collect();
        Recent { decay, set: newest.iter().copied().collect(), newest, rest }
    }

    fn answer_decayed(
        &self,
        query: &[f32],
        options: &SearchOptions,
        set: &Bitset,
        recent: &Recent<'_>,
    ) -> (Vec<Scored>, Explanation) {
        let k = options.k.min(set.len());
        if k == 0 {
            return (Vec::new(), Explanation { strategy: "exact", ..Explanation::default() });
        }
        let mut cost = Explanation { strategy: "decayed-walk", ..Explanation::default() };
        let newest = self.index.distances(query, &recent.newest);
        cost.distances += newest.len();
        let mut wanted = FIRST.0.max(FIRST.1 * k);
        while !options.exact && wanted <= MAX_EF && wanted * WALK_PART <= set.len() {
            let widened = SearchOptions { k: wanted, ef: options.ef.max(wanted), exact: false };
            let (mut found, walk) = self.index.search(query, &widened, Some(set));
            cost.distances += walk.distances;
            cost.visited += walk.visited;
            let farthest = found.last().map_or(f32::INFINITY, |hit| hit.distance);
            let whole = found.len() == wanted;
            found.retain(|hit| !recent.set.contains(hit.slot));
            found.extend_from_slice(&newest);
            let best = self.best(&found, k, recent.decay);
            // A record that was not met is farther than the farthest, and older than the newest.
            let others = recent.decay.combine(self.config().metric.score(farthest), recent.rest);
            if whole && best.len() == k && best[k - 1].score >= others {
                return (best, cost);
            }
            wanted *= WIDER;
        }
        let slots: Vec<NodeId> = set.iter().collect();
        cost.distances += slots.len();
        cost.strategy = if options.exact { "exact" } else { "exact-fallback" };
        (self.best(&self.index.distances(query, &slots), k, recent.decay), cost)
    }

    /// The best `k`; ties by slot.
    fn best(&self, found: &[Neighbor], k: usize, decay: &Decay) -> Vec<Scored> {
        let column = self.columns.get(&decay.field);
        let metric = self.config().metric;
        let score = |neighbor: &Neighbor| {
            let value = column.and_then(|column| column.numbers.get(neighbor.slot));
            let recency = value.map_or(0.0, |value| decay.recency(value));
            decay.combine(metric.score(neighbor.distance), recency)
        };
        let mut order: Vec<_> = (0u32..)
            .zip(found)
            .map(|(at, neighbor)| {
                let key = u64::from(!rank::float_key(score(neighbor)));
                rank::ranked(key << 32 | u64::from(neighbor.slot.0), at)
            })
            .collect();
        rank::keep_least(&mut order, k);
        let best = order.into_iter().map(|entry| found[rank::payload(entry) as usize]);
        best.map(|neighbor| Scored { score: score(&neighbor), neighbor }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halving_is_right_to_the_last_digits() {
        for step in 0..2000 {
            let x = f64::from(step) * 0.0517;
            let relative = half_to_the(x) / (-x).exp2() - 1.0;
            assert!(relative.abs() < 1e-14, "{x}: {relative}");
        }
        assert_eq!(half_to_the(f64::INFINITY), 0.0);
        assert_eq!(half_to_the(3.0), 0.125);
    }
}
