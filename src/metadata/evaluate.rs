//! Filters to sets of slots, over the columns.

use std::ops::Bound;

use super::columns::{Column, Columns, add_all};
use super::filter::{Filter, Node, Order, Scalar, Test};
use crate::bitset::Bitset;

impl Columns {
    /// The slots among `live` that the filter holds for. Every slot with fields is live.
    pub(crate) fn evaluate(&self, filter: &Filter, live: &Bitset) -> Bitset {
        self.node(&filter.root, live)
    }

    fn node(&self, node: &Node, live: &Bitset) -> Bitset {
        match node {
            Node::Field(path, test) => {
                self.get(path).map_or_else(Bitset::default, |column| column.test(test))
            }
            Node::Not(inside) => {
                let mut rest = live.clone();
                rest.subtract(&self.node(inside, live));
                rest
            }
            Node::Any(nodes) => {
                let mut any = Bitset::default();
                nodes.iter().for_each(|node| any.union(&self.node(node, live)));
                any
            }
            Node::All(nodes) => {
                let Some((first, others)) = nodes.split_first() else { return live.clone() };
                let mut all = self.node(first, live);
                for node in others {
                    if all.is_empty() {
                        break;
                    }
                    all.intersect(&self.node(node, live));
                }
                all
            }
        }
    }
}

impl Column {
    fn test(&self, test: &Test) -> Bitset {
        match test {
            Test::Equals(value) => self.equals(value),
            Test::In(values) => self.any_of(values),
            Test::Number(order, bound) => {
                let bound = *bound;
                match order {
                    Order::Above => self.numbers.select(|number| number > bound),
                    Order::AtLeast => self.numbers.select(|number| number >= bound),
                    Order::Below => self.numbers.select(|number| number < bound),
                    Order::AtMost => self.numbers.select(|number| number <= bound),
                }
            }
            Test::Text(order, bound) => {
                let bound = &**bound;
                self.text_range(match order {
                    Order::Above => (Bound::Excluded(bound), Bound::Unbounded),
                    Order::AtLeast => (Bound::Included(bound), Bound::Unbounded),
                    Order::Below => (Bound::Unbounded, Bound::Excluded(bound)),
                    Order::AtMost => (Bound::Unbounded, Bound::Included(bound)),
                })
            }
            Test::Exists => set_of(&self.present),
            Test::Contains(value) => self.contains(value),
            Test::StartsWith(prefix) => {
                let mut set = Bitset::default();
                let from = (Bound::Included(&**prefix), Bound::Unbounded);
                self.texts
                    .range::<str, _>(from)
                    .take_while(|(text, _)| text.starts_with(&**prefix))
                    .for_each(|(_, posting)| posting.add_to(&mut set));
                set
            }
        }
    }

    fn equals(&self, value: &Scalar) -> Bitset {
        match value {
            Scalar::Null => set_of(&self.nulls),
            Scalar::Bool(true) => set_of(&self.trues),
            Scalar::Bool(false) => set_of(&self.falses),
            Scalar::Number(wanted) => self.numbers.select(|number| number == *wanted),
            Scalar::Text(text) => {
                let mut set = Bitset::default();
                if let Some(posting) = self.texts.get(&**text) {
                    posting.add_to(&mut set);
                }
                set
            }
        }
    }

    fn any_of(&self, values: &[Scalar]) -> Bitset {
        let mut set = Bitset::default();
        // All numbers in one scan.
        let mut numbers = Vec::new();
        for value in values {
            match value {
                Scalar::Number(number) => numbers.push(*number),
                Scalar::Text(text) => {
                    if let Some(posting) = self.texts.get(&**text) {
                        posting.add_to(&mut set);
                    }
                }
                other => set.union(&self.equals(other)),
            }
        }
        if !numbers.is_empty() {
            numbers.sort_unstable_by(f64::total_cmp);
            let wanted =
                |number: f64| numbers.binary_search_by(|other| other.total_cmp(&number)).is_ok();
            set.union(&self.numbers.select(wanted));
        }
        set
    }

    fn text_range(&self, range: (Bound<&str>, Bound<&str>)) -> Bitset {
        let mut set = Bitset::default();
        self.texts.range::<str, _>(range).for_each(|(_, posting)| posting.add_to(&mut set));
        set
    }

    fn contains(&self, value: &Scalar) -> Bitset {
        let lists = set_of(&self.lists);
        let mut elements = self.equals(value);
        elements.intersect(&lists);
        if let Scalar::Text(part) = value {
            let mut texts = Bitset::default();
            self.texts
                .iter()
                .filter(|(text, _)| text.contains(&**part))
                .for_each(|(_, posting)| posting.add_to(&mut texts));
            texts.subtract(&lists);
            elements.union(&texts);
        }
        elements
    }
}

fn set_of(slots: &roaring::RoaringBitmap) -> Bitset {
    let mut set = Bitset::default();
    add_all(slots, &mut set);
    set
}
