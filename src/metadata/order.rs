//! Records in the order of a field.

use super::Columns;
use super::columns::Column;
use super::dictionary::Posting;
use crate::bitset::Bitset;
use crate::ids::NodeId;
use crate::rank::{self, Ranked};

/// The order of records: by the value of a field.
///
/// Numbers come before strings (by code points), these before `false` and `true`; equal values stay
/// in the order of their slots. Descending turns all of that around but the slots. Records without
/// a value to order by (a missing field, `null`, an array, an object) come last, either way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderBy {
    /// The dotted path of the field.
    pub field: String,
    /// Whether the largest value comes first.
    pub descending: bool,
}

impl Columns {
    /// `limit` slots of `set` from the `offset`th on.
    pub(crate) fn ordered(
        &self,
        set: &Bitset,
        by: &OrderBy,
        limit: usize,
        offset: usize,
    ) -> Vec<NodeId> {
        let end = offset.saturating_add(limit).min(set.len());
        let mut found = Vec::new();
        if let Some(column) = self.get(&by.field) {
            let kinds = [Column::numbers_in_order, Column::texts_in_order, Column::bools_in_order];
            let mut ordered = |kind: fn(&Column, &Bitset, bool, usize, &mut Vec<NodeId>)| {
                if found.len() < end {
                    kind(column, set, by.descending, end, &mut found);
                }
            };
            if by.descending {
                kinds.into_iter().rev().for_each(&mut ordered);
            } else {
                kinds.into_iter().for_each(&mut ordered);
            }
        }
        if found.len() < end {
            // Everything with a value is found, so what is left has none.
            let mut rest = set.clone();
            found.iter().for_each(|&slot| {
                rest.remove(slot);
            });
            found.extend(rest.iter().take(end - found.len()));
        }
        found.drain(..offset.min(found.len()));
        found
    }
}

/// Each adds slots of `set` until there are `end`.
impl Column {
    fn numbers_in_order(
        &self,
        set: &Bitset,
        descending: bool,
        end: usize,
        found: &mut Vec<NodeId>,
    ) {
        let mut list: Vec<Ranked> = Vec::new();
        self.numbers.each(set, &mut |slot, number| {
            let key = rank::number_key(number);
            list.push(rank::ranked(if descending { !key } else { key }, slot.0));
        });
        rank::keep_least(&mut list, end - found.len());
        found.extend(list.into_iter().map(|entry| NodeId(rank::payload(entry))));
    }

    fn texts_in_order(&self, set: &Bitset, descending: bool, end: usize, found: &mut Vec<NodeId>) {
        let mut texts = self.texts.iter();
        while found.len() < end
            && let Some((_, posting)) = if descending { texts.next_back() } else { texts.next() }
        {
            // The strings of arrays are in the postings too.
            let alone = |slot: &u32| set.contains(NodeId(*slot)) && !self.lists.contains(*slot);
            let room = end - found.len();
            match posting {
                Posting::One(slot) => found.extend(alone(slot).then_some(NodeId(*slot))),
                Posting::Many(slots) => {
                    found.extend(slots.iter().filter(alone).take(room).map(NodeId));
                }
            }
        }
    }

    fn bools_in_order(&self, set: &Bitset, descending: bool, end: usize, found: &mut Vec<NodeId>) {
        let (first, second) =
            if descending { (&self.trues, &self.falses) } else { (&self.falses, &self.trues) };
        for slots in [first, second] {
            let within = slots.iter().map(NodeId).filter(|&slot| set.contains(slot));
            found.extend(within.take(end - found.len()));
        }
    }
}
