//! How often each value of a field occurs.

use super::Columns;
use super::columns::Column;
use super::dictionary::Posting;
use crate::bitset::Bitset;
use crate::ids::NodeId;
use crate::rank;

/// A value that a field has.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum FacetValue<'a> {
    /// `null`, where it is there.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A string.
    Text(&'a str),
}

/// A value, and how many records have it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Facet<'a> {
    /// The value, or an element of the array that is the value.
    pub value: FacetValue<'a>,
    /// Records that have it; an array counts once for each distinct element.
    pub count: usize,
}

impl Columns {
    /// The `limit` most frequent values of a field among `set`; equally frequent ones in the order
    /// numbers, strings, `false`, `true`, `null`.
    pub(crate) fn facets(&self, field: &str, set: &Bitset, limit: usize) -> Vec<Facet<'_>> {
        let Some(column) = self.get(field) else { return Vec::new() };
        let mut facets = column.number_facets(set);
        column.add_other_facets(set, &mut facets);
        let mut order: Vec<_> = (0u32..)
            .zip(&facets)
            .map(|(at, facet)| rank::ranked(!(facet.count as u64), at))
            .collect();
        rank::keep_least(&mut order, limit);
        order.into_iter().map(|entry| facets[rank::payload(entry) as usize]).collect()
    }
}

impl Column {
    /// In ascending order.
    fn number_facets(&self, set: &Bitset) -> Vec<Facet<'_>> {
        let mut keys = Vec::new();
        let mut add = |slot: NodeId, number| {
            keys.push(rank::ranked(rank::number_key(number), slot.0));
        };
        self.numbers.each(set, &mut add);
        self.numbers.each_of_lists(set, &mut add);
        let all = keys.len();
        rank::keep_least(&mut keys, all);
        // An array may hold a number twice.
        keys.dedup();
        keys.chunk_by(|&left, &right| rank::key(left) == rank::key(right))
            .map(|run| Facet {
                value: FacetValue::Number(rank::number_of(rank::key(run[0]))),
                count: run.len(),
            })
            .collect()
    }

    fn add_other_facets<'a>(&'a self, set: &Bitset, facets: &mut Vec<Facet<'a>>) {
        let mut add = |value, count| {
            if count > 0 {
                facets.push(Facet { value, count });
            }
        };
        let within = |slot: &u32| set.contains(NodeId(*slot));
        for (entry, posting) in self.texts.iter() {
            let count = match posting {
                Posting::One(slot) => usize::from(within(slot)),
                Posting::Many(slots) => slots.iter().filter(within).count(),
            };
            if count > 0 {
                add(FacetValue::Text(self.texts.text(entry)), count);
            }
        }
        add(FacetValue::Bool(false), self.falses.iter().filter(within).count());
        add(FacetValue::Bool(true), self.trues.iter().filter(within).count());
        add(FacetValue::Null, self.nulls.iter().filter(within).count());
    }
}
