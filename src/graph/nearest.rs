//! The nearest of a row of distances, and the diverse ones among them, inside a leaf.

use crate::graph::leaf::Leaf;
use crate::graph::scratch::Candidate;
use crate::ids::NodeId;

/// Nearest nodes looked at for each node of a leaf.
const NEAREST: usize = 24;

/// Scratch for choosing inside leaves. Reused.
#[derive(Debug, Default)]
pub(crate) struct Nearest {
    minima: Vec<f32>,
    open: Vec<Candidate>,
}

impl Nearest {
    /// Chooses up to `limit` diverse neighbors of the node at `own`, as (place in the leaf,
    /// distance), closest first, by the rule of [`select_neighbors`](super::select) with distances
    /// from the leaf's table.
    ///
    /// Equals are ordered by how far they come *after* `own`, around the leaf: exact duplicates then
    /// form a ring instead of all linking to the same one.
    pub(crate) fn choose(
        &mut self,
        leaf: &Leaf,
        own: usize,
        limit: usize,
        alpha: f32,
        chosen: &mut Vec<(u32, f32)>,
    ) {
        let row = leaf.row(own);
        gather(row, own, NEAREST, &mut self.minima, &mut self.open);
        prune(leaf, own, limit, alpha, &mut self.open, true, chosen);
        // The nearest all lie in one direction: look at the whole leaf.
        if chosen.len() < leaf.few() && row.len() > NEAREST + 1 {
            self.open.clear();
            self.open.extend((1..row.len()).map(|after| {
                Candidate::new(row[wrap(own + after, row.len())], NodeId(after as u32))
            }));
            prune(leaf, own, limit, alpha, &mut self.open, false, chosen);
        }
    }

    /// The nearest places to `own`, closest first, without pruning; `row` has its distances to all.
    pub(crate) fn nearest(
        &mut self,
        row: &[f32],
        own: usize,
        count: usize,
    ) -> impl Iterator<Item = (usize, f32)> {
        gather(row, own, count, &mut self.minima, &mut self.open);
        let len = row.len();
        self.open.iter().map(move |near| (wrap(own + near.slot().index(), len), near.distance()))
    }
}

/// Distances whose least stands for them while the bound is found.
const GROUP: usize = 8;

/// Gathers the `count` nearest of `row`, closest first, named by how far they come after `own`.
///
/// The `count`-th least of the groups' minima bounds the `count`-th nearest from above, so that one
/// pass over the minima leaves little more than what is wanted.
fn gather(row: &[f32], own: usize, count: usize, minima: &mut Vec<f32>, open: &mut Vec<Candidate>) {
    group_minima(row, own, minima);
    let bound = if minima.len() > count {
        open.clear();
        open.extend(minima.iter().map(|&least| Candidate::new(least, NodeId(0))));
        let (_, bound, _) = open.select_nth_unstable(count - 1);
        bound.distance()
    } else {
        f32::INFINITY
    };
    open.clear();
    for (group, _) in minima.iter().enumerate().filter(|(_, least)| **least <= bound) {
        let first = group * GROUP;
        for (at, &distance) in row[first..row.len().min(first + GROUP)].iter().enumerate() {
            let place = first + at;
            if distance <= bound && place != own {
                let after = if place > own { place - own } else { place + row.len() - own };
                open.push(Candidate::new(distance, NodeId(after as u32)));
            }
        }
    }
    open.sort_unstable();
    open.truncate(count);
}

/// The least of every [`GROUP`] of distances, without `own`.
#[inline(never)]
fn group_minima(row: &[f32], own: usize, minima: &mut Vec<f32>) {
    let least = |a: f32, b: f32| if a < b { a } else { b };
    let (groups, rest) = row.as_chunks::<GROUP>();
    minima.clear();
    minima.extend(groups.iter().map(|group| {
        let [a, b, c, d, e, f, g, h] = *group;
        least(least(least(a, b), least(c, d)), least(least(e, f), least(g, h)))
    }));
    if !rest.is_empty() {
        minima.push(rest.iter().copied().fold(f32::INFINITY, least));
    }
    let first = own / GROUP * GROUP;
    let group = &row[first..row.len().min(first + GROUP)];
    minima[own / GROUP] = group
        .iter()
        .enumerate()
        .filter(|(at, _)| first + at != own)
        .fold(f32::INFINITY, |low, (_, &distance)| least(low, distance));
}

/// The rule of `select_neighbors` on table distances; consumes `open`. Of many that are not `sorted`
/// the first chosen ones leave so few that looking for the nearest of these is less work than sorting.
#[inline(never)]
fn prune(
    leaf: &Leaf,
    own: usize,
    limit: usize,
    alpha: f32,
    open: &mut Vec<Candidate>,
    sorted: bool,
    chosen: &mut Vec<(u32, f32)>,
) {
    chosen.clear();
    let len = leaf.row(own).len();
    let place = |candidate: Candidate| wrap(own + candidate.slot().index(), len);
    let mut first = 0;
    while first < open.len() && chosen.len() < limit {
        if !sorted {
            let nearest = (first..open.len()).min_by_key(|&at| open[at]).unwrap_or(first);
            open.swap(first, nearest);
        }
        let nearest = open[first];
        chosen.push((place(nearest) as u32, nearest.distance()));
        first += 1;
        let row = leaf.row(place(nearest));
        let mut kept = first;
        for at in first..open.len() {
            let candidate = open[at];
            open[kept] = candidate;
            kept += usize::from(alpha * row[place(candidate)] > candidate.distance());
        }
        open.truncate(kept);
    }
}

#[inline(always)]
fn wrap(place: usize, len: usize) -> usize {
    if place < len { place } else { place - len }
}
