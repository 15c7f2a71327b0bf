//! Views: named conditions whose records are indexed by themselves, and stay so with every batch.
//!
//! A view is made and dropped by a batch of its own ([`Operation::View`]): a row is the view's name,
//! and as its metadata the definition, a JSON object of `where` (a filter) and, if wanted, `batchSize`
//! (records that are linked at a time while it is built); a row without metadata drops the view.

use super::{Batch, Collection, Operation};
use crate::batch_rows::{DELETED, METADATA};
use crate::bitset::Bitset;
use crate::codec::bytes::{Put, Reader};
use crate::error::{Code, Error};
use crate::ids::NodeId;
use crate::index::{Explanation, Neighbor, SearchOptions, Subset, SubsetImporter};
use crate::json::Json;
use crate::metadata::{self, Columns, Filter, MAX_FILTER_BYTES};

/// The most views of a collection.
pub const MAX_VIEWS: usize = 64;
/// The longest name of a view, in bytes of UTF-8. The shortest has one.
pub const MAX_VIEW_NAME_BYTES: usize = 200;
/// The longest definition of a view, in bytes of JSON: a filter, and a little more.
const MAX_DEFINITION_BYTES: usize = MAX_FILTER_BYTES + 1024;

/// A view as it is kept.
#[derive(Debug)]
pub(super) struct Stored {
    name: Box<str>,
    definition: Box<str>,
    filter: Filter,
    subset: Subset,
}

/// A view of a collection.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    collection: &'a Collection,
    stored: &'a Stored,
}

impl<'a> View<'a> {
    /// Its name.
    pub fn name(&self) -> &'a str {
        &self.stored.name
    }

    /// Its definition, as it came: JSON.
    pub fn definition(&self) -> &'a str {
        &self.stored.definition
    }

    /// The slots of its records.
    pub fn members(&self) -> &'a Bitset {
        self.stored.subset.members()
    }

    /// Whether it has a graph, or searches look at all of its records.
    pub fn has_graph(&self) -> bool {
        self.stored.subset.graph().is_some()
    }

    /// Bytes of memory that it takes beside its records.
    pub fn bytes(&self) -> usize {
        self.stored.subset.bytes() + self.stored.definition.len() * 2
    }

    /// The nearest of its records for each query (`queries` row-major), among the slots of a set.
    ///
    /// # Errors
    /// As [`Collection::search`].
    pub fn search(
        &self,
        queries: &[f32],
        options: &SearchOptions,
        set: Option<&Bitset>,
    ) -> Result<Vec<Vec<Neighbor>>, Error> {
        let options = self.collection.checked(queries, options)?;
        let (index, subset) = (&self.collection.index, Some(&self.stored.subset));
        let set = set.map(|set| self.within(Some(set)));
        Ok(index.search_batch_within(subset, queries, &options, set.as_ref()))
    }

    /// As [`View::search`] for one query, and how the answer was found.
    ///
    /// # Errors
    /// As [`Collection::search`].
    pub fn explain(
        &self,
        query: &[f32],
        options: &SearchOptions,
        set: Option<&Bitset>,
    ) -> Result<(Vec<Neighbor>, Explanation), Error> {
        self.collection.index.check_vector(query)?;
        let options = self.collection.checked(query, options)?;
        let (index, subset) = (&self.collection.index, Some(&self.stored.subset));
        let set = set.map(|set| self.within(Some(set)));
        Ok(index.search_within(subset, query, &options, set.as_ref()))
    }

    /// Those of its slots that are in a set: all, if `None`.
    pub fn within(&self, set: Option<&Bitset>) -> Bitset {
        let mut both = self.members().clone();
        if let Some(set) = set {
            both.intersect(set);
        }
        both
    }
}

impl Collection {
    /// The views, in the order in which they were made.
    pub fn views(&self) -> impl ExactSizeIterator<Item = View<'_>> {
        self.views.iter().map(|stored| View { collection: self, stored })
    }

    /// The view of that name.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub fn view(&self, name: &str) -> Result<View<'_>, Error> {
        self.views().find(|view| view.name() == name).ok_or_else(|| no_such_view(name))
    }

    /// Checks a row of a batch of views; the rows before it were good or will be left out.
    pub(super) fn check_view(&self, batch: &Batch, row: usize) -> Result<(), Error> {
        let name = batch.rows.ids.get(row);
        let most = MAX_VIEW_NAME_BYTES;
        if !(1..=most).contains(&name.len()) {
            return Err(invalid(&format!(
                "the name of a view has 1 to {most} bytes, this has {}",
                name.len()
            )));
        }
        let there = self.view(name);
        let Some(definition) = batch.rows.metadata(row) else { return there.map(drop) };
        if there.is_ok() {
            let message = format!("there is already a view '{name}'; drop it first");
            return Err(Error::new(Code::DuplicateId, message));
        }
        let made = (0..=row).filter(|&row| batch.rows.has(row, METADATA)).count();
        let dropped = row + 1 - made;
        if self.views.len() + made > MAX_VIEWS + dropped {
            return Err(invalid(&format!("a collection has at most {MAX_VIEWS} views")));
        }
        parse(definition).map(drop)
    }

    /// How many records the views of a batch will have.
    pub(super) fn count_for_views(&self, batch: &Batch) -> usize {
        let made = (0..batch.len()).filter_map(|row| parse(batch.rows.metadata(row)?).ok());
        made.map(|(filter, _)| self.select(&filter).len()).sum()
    }

    /// Makes and drops the views of a checked batch.
    pub(super) fn apply_views(
        &mut self,
        batch: &Batch,
        progress: &mut dyn FnMut(usize),
    ) -> Result<(), Error> {
        let mut made = Vec::new();
        let mut done = 0;
        for (row, name) in batch.rows.ids.iter().enumerate() {
            let Some(definition) = batch.rows.metadata(row) else { continue };
            let (filter, step) = parse(definition)?;
            let members = self.select(&filter);
            let count = members.len();
            let subset = self.index.subset(members, step, &mut |linked| progress(done + linked))?;
            done += count;
            made.push(Stored { name: name.into(), definition: definition.into(), filter, subset });
        }
        for (row, name) in batch.rows.ids.iter().enumerate() {
            if !batch.rows.has(row, METADATA) {
                self.views.retain(|view| &*view.name != name);
            }
        }
        self.views.append(&mut made);
        Ok(())
    }

    /// Makes views again that are known by name and definition.
    pub(super) fn remake_views(&mut self, views: &[(String, String)]) -> Result<(), Error> {
        let mut batch = Batch::new(Operation::View, self.config().dimension, true);
        for (id, definition) in views {
            let metadata = Some(definition.as_str());
            batch.push(super::Row { id, metadata, ..super::Row::default() })?;
        }
        let bad = (0..batch.len()).map(|row| self.check_view(&batch, row)).find(Result::is_err);
        bad.unwrap_or(Ok(()))?;
        self.apply_views(&batch, &mut |_| {})
    }

    /// The rows of a checked batch whose records each view will have, for which there is room then.
    pub(super) fn plan_views(&mut self, batch: &Batch) -> Result<Vec<Bitset>, Error> {
        if self.views.is_empty() {
            return Ok(Vec::new());
        }
        // The rows as a small collection of their own: a filter means the same there.
        let (mut columns, mut rows) = (Columns::default(), Bitset::default());
        let replace = batch.operation != Operation::Update;
        for (row, id) in batch.rows.ids.iter().enumerate() {
            if batch.operation == Operation::Delete || batch.rows.has(row, DELETED) {
                continue;
            }
            let row_id = NodeId::from_index(row);
            rows.insert(row_id);
            let text = if replace || batch.rows.has(row, METADATA) {
                batch.rows.metadata(row).filter(|text| *text != "null")
            } else {
                self.keys.slot(id).and_then(|slot| self.metadata.get(slot))
            };
            if let Some(text) = text {
                columns.insert(row_id, &metadata::parse(text)?);
            }
        }
        let slots = self.index.slots() + batch.len();
        let mut plans = Vec::with_capacity(self.views.len());
        for view in &mut self.views {
            let matching = columns.evaluate(&view.filter, &rows);
            self.index.reserve_in(&mut view.subset, matching.len(), slots)?;
            plans.push(matching);
        }
        Ok(plans)
    }

    /// Brings the views up to date with a batch whose rows are now in `slots`, and whose old slots are
    /// `dead`.
    pub(super) fn follow_views(
        &mut self,
        plans: &[Bitset],
        slots: &[Option<NodeId>],
        dead: &[NodeId],
    ) {
        for (view, matching) in self.views.iter_mut().zip(plans) {
            let (mut added, mut removed) = (Vec::new(), dead.to_vec());
            for (row, &slot) in slots.iter().enumerate() {
                let Some(slot) = slot else { continue };
                match matching.contains(NodeId::from_index(row)) {
                    true if view.subset.members().contains(slot) => {}
                    true => added.push(slot),
                    false => removed.push(slot),
                }
            }
            self.index.update_subset(&mut view.subset, &added, &removed, &mut |_| {});
        }
    }

    /// Reclaims what former members of views still hold.
    pub(super) fn compact_views(&mut self) {
        for view in &mut self.views {
            self.index.settle_subset(&mut view.subset, true);
        }
    }

    /// Checks that the views have what they should have.
    pub(super) fn check_views(&self) -> Result<(), Error> {
        for view in &self.views {
            self.index.check_subset(&view.subset)?;
            if self.select(&view.filter).iter().ne(view.subset.members().iter()) {
                let message = format!("view '{}' has other records than it should", view.name);
                return Err(Error::corrupt(message));
            }
        }
        Ok(())
    }
}

impl Stored {
    /// Frames of its own in a snapshot: its definition, and the blocks of its graph.
    pub(super) fn frames(&self) -> usize {
        1 + self.subset.blocks()
    }

    pub(super) fn encode(&self, frame: usize, out: &mut Vec<u8>) {
        let Some(block) = frame.checked_sub(1) else {
            for text in [&self.name, &self.definition] {
                out.put_length(text.len());
                out.extend_from_slice(text.as_bytes());
            }
            return;
        };
        self.subset.write_block(block, out);
    }
}

/// The views of a snapshot while they come in.
#[derive(Debug, Default)]
pub(super) struct ViewLoader {
    open: Option<Box<(Stored, SubsetImporter)>>,
    /// Views that began, and frames of the last one.
    at: (u32, u32),
}

/// What all frames of views begin with: the number of the view, and of the frame in it.
pub(super) fn view_frame(fields: &mut Reader<'_>) -> Result<(u32, u32), Error> {
    let (number, frame) = (fields.u32()?, fields.u32()?);
    // There are no more, and counting on from the largest number would not end well.
    if number as usize >= MAX_VIEWS {
        return Err(out_of_order());
    }
    Ok((number, frame))
}

/// Name and definition, out of the first frame of a view.
pub(super) fn read_definition(mut fields: Reader<'_>) -> Result<(String, String), Error> {
    let mut text = || {
        let length = fields.length()?;
        Ok::<_, Error>(fields.text(length)?.to_owned())
    };
    let pair = (text()?, text()?);
    fields.finish()?;
    Ok(pair)
}

impl ViewLoader {
    /// Takes the next frame.
    pub(super) fn push(
        &mut self,
        collection: &mut Collection,
        mut fields: Reader<'_>,
    ) -> Result<(), Error> {
        let (number, frame) = view_frame(&mut fields)?;
        if (number, frame) == (self.at.0, 0) {
            self.finish(collection)?;
            self.at = (number + 1, 1);
            let (name, definition) = read_definition(fields)?;
            self.open = Some(Box::new(collection.open_view(&name, &definition)?));
            return Ok(());
        }
        let Some(open) = self.open.as_mut().filter(|_| (number + 1, frame) == self.at) else {
            return Err(out_of_order());
        };
        self.at.1 += 1;
        open.1.push(&collection.index, fields)
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self, collection: &mut Collection) -> Result<(), Error> {
        if let Some(open) = self.open.take() {
            let (mut view, importer) = *open;
            view.subset = importer.finish(&collection.index)?;
            collection.views.push(view);
        }
        Ok(())
    }
}

impl Collection {
    /// A view of that definition, still without its graph.
    fn open_view(&self, id: &str, definition: &str) -> Result<(Stored, SubsetImporter), Error> {
        let mut batch = Batch::new(Operation::View, self.config().dimension, true);
        batch.push(super::Row { id, metadata: Some(definition), ..super::Row::default() })?;
        self.check_view(&batch, 0).map_err(|error| Error::corrupt(error.message()))?;
        let (filter, _) = parse(definition)?;
        let importer = self.index.subset_importer(self.select(&filter));
        let subset = Subset::default();
        Ok((Stored { name: id.into(), definition: definition.into(), filter, subset }, importer))
    }
}

/// The filter of a definition, and how many records are linked at a time (0: all).
fn parse(definition: &str) -> Result<(Filter, usize), Error> {
    if definition.len() > MAX_DEFINITION_BYTES {
        return Err(invalid("the definition of the view is too long"));
    }
    let json = Json::parse(definition).map_err(|fault| invalid(&fault))?;
    let Json::Object(fields) = &json else { return Err(invalid("a view is an object")) };
    let (mut filter, mut step) = (None, 0);
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("where", condition) => filter = Some(Filter::of(condition)?),
            ("batchSize", Json::Number(size)) if *size >= 1.0 && size.fract() == 0.0 => {
                step = *size as usize;
            }
            _ => return Err(invalid(&format!("view.{name} is wrong or unknown"))),
        }
    }
    Ok((filter.ok_or_else(|| invalid("a view needs a filter, where"))?, step))
}

fn invalid(message: &str) -> Error {
    Error::new(Code::InvalidArgument, message)
}

fn no_such_view(name: &str) -> Error {
    Error::new(Code::NotFound, format!("there is no view '{name}'"))
}

fn out_of_order() -> Error {
    Error::corrupt("the frames of the views are out of order")
}
