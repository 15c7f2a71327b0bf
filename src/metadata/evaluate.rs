//! Filters to sets of slots, over the columns.

use hashbrown::HashSet;

use super::columns::{Column, Columns};
use super::filter::{Filter, Node, Order, Scalar, Test};
use super::part::Part;
use super::set::Set;
use crate::bitset::Bitset;

impl Columns {
    /// The slots among `live` that the filter holds for. Every slot with fields is live.
    pub(crate) fn evaluate(&self, filter: &Filter, live: &Bitset) -> Bitset {
        self.node(&filter.root, live, None).into_bitset()
    }

    /// The slots that a node holds for; nobody asks for more than those in `within`, so that others
    /// may be left out.
    fn node(&self, node: &Node, live: &Bitset, within: Option<&Set>) -> Set {
        let mut set = Set::empty(live);
        match node {
            Node::Field(path, test) => {
                if let Some(column) = self.get(path) {
                    column.test(test, live, within, &mut set);
                }
            }
            Node::Not(inside) => {
                set = Set::all(live);
                set.subtract(&self.node(inside, live, within));
            }
            Node::Any(nodes) => {
                nodes.iter().for_each(|node| set.union(&self.node(node, live, within)));
            }
            Node::All(nodes) => {
                set = within.map_or_else(|| Set::all(live), Set::clone);
                // Looking through texts comes last, when few may be left to look at.
                let (texts, others): (Vec<_>, Vec<_>) =
                    nodes.iter().partition(|node| looks_through_texts(node));
                for node in others.into_iter().chain(texts) {
                    if set.is_empty() {
                        break;
                    }
                    let holds = self.node(node, live, Some(&set));
                    set.intersect(&holds);
                }
            }
        }
        set
    }
}

fn looks_through_texts(node: &Node) -> bool {
    match node {
        Node::Field(_, Test::Contains(Scalar::Text(_))) => true,
        Node::Field(..) => false,
        Node::Not(inside) => looks_through_texts(inside),
        Node::Any(nodes) | Node::All(nodes) => nodes.iter().any(looks_through_texts),
    }
}

impl Column {
    /// Adds the slots that the test holds for.
    fn test(&self, test: &Test, live: &Bitset, within: Option<&Set>, set: &mut Set) {
        match test {
            Test::Equals(value) => self.equals(value, set),
            Test::In(values) => self.any_of(values, set),
            Test::Number(order, bound) => {
                let (low, high) = match order {
                    Order::Above => (bound.next_up(), f64::INFINITY),
                    Order::AtLeast => (*bound, f64::INFINITY),
                    Order::Below => (f64::NEG_INFINITY, bound.next_down()),
                    Order::AtMost => (f64::NEG_INFINITY, *bound),
                };
                self.numbers.select(low, high, set);
            }
            Test::Text(order, bound) => {
                let bound = &**bound;
                let (below, to) = (&|text: &str| text < bound, &|text: &str| text <= bound);
                match order {
                    Order::Above => self.texts.range(to, &|_| true),
                    Order::AtLeast => self.texts.range(below, &|_| true),
                    Order::Below => self.texts.range(&|_| false, below),
                    Order::AtMost => self.texts.range(&|_| false, to),
                }
                .for_each(|posting| posting.add_to(set));
            }
            Test::Exists => set.insert_all(&self.present),
            Test::Contains(value) => self.contains(value, live, within, set),
            Test::StartsWith(prefix) => {
                let prefix = &**prefix;
                self.texts
                    .range(&|text| text < prefix, &|text| text < prefix || text.starts_with(prefix))
                    .for_each(|posting| posting.add_to(set));
            }
        }
    }

    fn equals(&self, value: &Scalar, set: &mut Set) {
        match value {
            Scalar::Null => set.insert_all(&self.nulls),
            Scalar::Bool(true) => set.insert_all(&self.trues),
            Scalar::Bool(false) => set.insert_all(&self.falses),
            Scalar::Number(number) => self.numbers.select(*number, *number, set),
            Scalar::Text(text) => {
                if let Some(posting) = self.texts.get(text) {
                    posting.add_to(set);
                }
            }
        }
    }

    fn any_of(&self, values: &[Scalar], set: &mut Set) {
        // All numbers in one scan.
        let mut numbers = HashSet::new();
        for value in values {
            match value {
                Scalar::Number(number) => {
                    numbers.insert(number.to_bits());
                }
                other => self.equals(other, set),
            }
        }
        if !numbers.is_empty() {
            self.numbers.select_any(&numbers, set);
        }
    }

    fn contains(&self, value: &Scalar, live: &Bitset, within: Option<&Set>, set: &mut Set) {
        let mut lists = Set::empty(live);
        lists.insert_all(&self.lists);
        if let Scalar::Text(part) = value {
            let part = Part::new(part);
            self.texts.look_through(within, |text| part.is_in(text), set);
            set.subtract(&lists);
        }
        let mut elements = Set::empty(live);
        self.equals(value, &mut elements);
        elements.intersect(&lists);
        set.union(&elements);
    }
}
