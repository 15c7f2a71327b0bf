//! What an engine is asked: searches, records, counts.

use js_sys::Array;
use kindex::collection::{DocumentAt, DocumentOf, Scored, View};
use kindex::metadata::{FacetValue, Filter, OrderBy};
use kindex::{Bitset, Explanation, NodeId, SearchOptions};
use wasm_bindgen::prelude::*;

use crate::engine::{Engine, triples};
use crate::errors::to_js;
use crate::options;
use crate::report::Report;
use crate::results::Results;

/// Which records a call is about: those that a filter in JSON holds for, and whose documents are
/// among `documents` (slot, chunk, row each), as they were read a moment ago.
impl Engine {
    pub(crate) fn selection(
        &self,
        filter_json: Option<String>,
        documents: Option<Vec<u32>>,
    ) -> Result<Option<Bitset>, JsValue> {
        let filter = parse(filter_json)?;
        let set = filter.map(|filter| self.collection.select(&filter));
        let Some(documents) = documents else { return Ok(set) };
        let (documents, _) = documents.as_chunks::<3>();
        let documents = documents.iter().map(|&[slot, chunk, row]| DocumentOf {
            slot: NodeId(slot),
            place: DocumentAt { chunk, row },
        });
        let mut there = self.collection.still_there(documents);
        if let Some(set) = set {
            there.intersect(&set);
        }
        Ok(Some(there))
    }

    fn view(&self, name: Option<&str>) -> Result<Option<View<'_>>, JsValue> {
        name.map(|name| self.collection.view(name)).transpose().map_err(to_js)
    }

    fn scored(
        &self,
        found: Vec<(Vec<Scored>, Explanation)>,
        include: u32,
        explain: bool,
    ) -> Results {
        let counts = found.iter().map(|(hits, _)| hits.len() as u32).collect();
        let explained = found.first().filter(|_| explain).map(|(_, explained)| report(explained));
        let hits: Vec<_> = found.into_iter().flat_map(|(hits, _)| hits).collect();
        let slots = hits.iter().map(|hit| hit.neighbor.slot);
        Results::of(&self.collection, counts, slots, include)
            .with_distances(hits.iter().map(|hit| hit.neighbor.distance).collect())
            .with_scores(hits.iter().map(|hit| hit.score).collect())
            .with_explanation(explained.unwrap_or_default())
    }

    fn records(&self, slots: &[NodeId], include: u32) -> Results {
        let counts = vec![slots.len() as u32];
        Results::of(&self.collection, counts, slots.iter().copied(), include)
    }
}

#[wasm_bindgen]
impl Engine {
    /// The nearest records of each query (n x dimension). `ef` 0 chooses the beam by `k`.
    #[expect(clippy::too_many_arguments, reason = "options of one call")]
    pub fn search(
        &self,
        queries: &[f32],
        k: u32,
        ef: u32,
        exact: bool,
        filter_json: Option<String>,
        documents: Option<Vec<u32>>,
        decay_json: Option<String>,
        include: u32,
        explain: bool,
        view: Option<String>,
    ) -> Result<Results, JsValue> {
        let mut set = self.selection(filter_json, documents)?;
        let search = SearchOptions { k: k as usize, ef: ef as usize, exact };
        let view = self.view(view.as_deref())?;
        if let (Some(view), true) = (&view, decay_json.is_some()) {
            set = Some(view.within(set.as_ref()));
        }
        if let Some(json) = decay_json {
            let decay = options::decay(&json).map_err(to_js)?;
            let searched = self.collection.search_decayed(queries, &search, set.as_ref(), &decay);
            return Ok(self.scored(searched.map_err(to_js)?, include, explain));
        }
        let mut explanation = String::new();
        let found = if explain {
            let (hits, explained) = match view {
                Some(view) => view.explain(queries, &search, set.as_ref()),
                None => self.collection.explain_in(queries, &search, set.as_ref()),
            }
            .map_err(to_js)?;
            explanation = report(&explained);
            vec![hits]
        } else {
            match view {
                Some(view) => view.search(queries, &search, set.as_ref()),
                None => self.collection.search_in(queries, &search, set.as_ref()),
            }
            .map_err(to_js)?
        };
        let counts = found.iter().map(|hits| hits.len() as u32).collect();
        let hits: Vec<_> = found.into_iter().flatten().collect();
        let slots = hits.iter().map(|hit| hit.slot);
        Ok(Results::of(&self.collection, counts, slots, include)
            .with_distances(hits.iter().map(|hit| hit.distance).collect())
            .with_explanation(explanation))
    }

    /// The records with these ids, in this order; ids that are not there are passed over.
    pub fn get(&self, ids: &[u8], id_ends: &[u32], include: u32) -> Result<Results, JsValue> {
        let slots = self.collection.slots_of(ids, id_ends).map_err(to_js)?;
        Ok(self.records(&slots, include))
    }

    /// The selected records in the order of their slots, or in that of the field `order_by`.
    #[expect(clippy::too_many_arguments, reason = "options of one call")]
    pub fn find(
        &self,
        filter_json: Option<String>,
        documents: Option<Vec<u32>>,
        order_by: Option<String>,
        descending: bool,
        limit: u32,
        offset: u32,
        include: u32,
    ) -> Result<Results, JsValue> {
        let set = self.selection(filter_json, documents)?;
        let (limit, offset) = (limit as usize, offset as usize);
        let slots = match order_by {
            Some(field) => {
                let by = OrderBy { field, descending };
                self.collection.find_ordered(set.as_ref(), &by, limit, offset)
            }
            None => self.collection.find_in(set.as_ref(), limit, offset),
        };
        Ok(self.records(&slots, include))
    }

    /// How many records are selected.
    pub fn count(
        &self,
        filter_json: Option<String>,
        documents: Option<Vec<u32>>,
    ) -> Result<u32, JsValue> {
        let set = self.selection(filter_json, documents)?;
        Ok(set.map_or(self.collection.len(), |set| set.len()) as u32)
    }

    /// The `limit` most frequent values of a field among the selected records: value, count, value,
    /// count, and so on.
    #[wasm_bindgen(unchecked_return_type = "(string | number | boolean | null)[]")]
    pub fn facets(
        &self,
        field: &str,
        filter_json: Option<String>,
        documents: Option<Vec<u32>>,
        limit: u32,
    ) -> Result<Array, JsValue> {
        let set = self.selection(filter_json, documents)?;
        let list = Array::new();
        for facet in self.collection.facets(field, set.as_ref(), limit as usize) {
            list.push(&match facet.value {
                FacetValue::Null => JsValue::NULL,
                FacetValue::Bool(value) => value.into(),
                FacetValue::Number(value) => value.into(),
                FacetValue::Text(value) => value.into(),
            });
            list.push(&(facet.count as f64).into());
        }
        Ok(list)
    }

    /// Where the documents are of the records that a filter holds for, of those of a view, in chunks
    /// from `first_chunk` on: slot, chunk, row each, by chunk and row.
    #[wasm_bindgen(js_name = documentsOf)]
    pub fn documents_of(
        &self,
        filter_json: Option<String>,
        first_chunk: u32,
        view: Option<String>,
    ) -> Result<Vec<u32>, JsValue> {
        let mut set = self.selection(filter_json, None)?;
        if let Some(view) = self.view(view.as_deref())? {
            set = Some(view.within(set.as_ref()));
        }
        Ok(triples(&self.collection.documents_of(set.as_ref(), first_chunk)))
    }

    /// Pairs of records that are within `threshold` of each other: of `count` records from the slot
    /// `first` on, each with those in earlier slots. Two ids a pair, the later first, and a distance.
    /// `counts` has the number of pairs, and the slot to go on from if there is one.
    #[wasm_bindgen(js_name = duplicatesFrom)]
    pub fn duplicates_from(
        &self,
        first: u32,
        count: u32,
        threshold: f32,
        filter_json: Option<String>,
    ) -> Result<Results, JsValue> {
        let set = self.selection(filter_json, None)?;
        let (first, count) = (NodeId(first), count as usize);
        let (pairs, next) = self.collection.duplicates_from(first, count, threshold, set.as_ref());
        let slots: Vec<NodeId> = pairs.iter().flat_map(|pair| [pair.0, pair.1]).collect();
        let counts = [pairs.len() as u32].into_iter().chain(next.map(|next| next.0)).collect();
        Ok(Results::of(&self.collection, counts, slots.into_iter(), 0)
            .with_distances(pairs.iter().map(|pair| pair.2).collect()))
    }
}

fn report(explanation: &Explanation) -> String {
    Report::new()
        .text("strategy", explanation.strategy)
        .raw("distances", explanation.distances)
        .raw("visited", explanation.visited)
        .finish()
}

fn parse(filter_json: Option<String>) -> Result<Option<Filter>, JsValue> {
    filter_json.map(|json| Filter::parse(&json)).transpose().map_err(to_js)
}
