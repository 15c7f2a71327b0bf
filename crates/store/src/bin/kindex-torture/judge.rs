//! Compares what is there with what was acknowledged.

use std::path::Path;

use kindex::Code;
use kindex_store::Store;

use crate::End;
use crate::records::{self, Model};
use crate::writer::{self, Keeps};

/// What the batches that are there make of nothing.
pub(crate) struct Judge {
    keeps: Keeps,
    model: Model,
    generation: u64,
}

impl Judge {
    pub(crate) fn of(keeps: Keeps) -> Self {
        Self { keeps, model: Model::new(), generation: 0 }
    }

    pub(crate) fn keeps(&self) -> Keeps {
        self.keeps
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) fn state(&self) -> String {
        let Self { keeps, model, generation } = self;
        format!("batch {generation}, {} records, {}", model.len(), keeps.name())
    }

    /// Opens the store, in which `acknowledged` batches must be, and at most one more.
    pub(crate) fn compare(
        &mut self,
        folder: &Path,
        acknowledged: u64,
        end: End,
    ) -> Result<(), String> {
        if end == End::Killed {
            let store = writer::open(folder, self.keeps).map_err(|error| error.to_string())?;
            return self.compare_open(&store, acknowledged);
        }
        self.compare_read_only(folder, acknowledged)?;
        // On a disk that is still full, a store may refuse to be opened for writing.
        match writer::open(folder, self.keeps) {
            Ok(store) => self.compare_open(&store, acknowledged)?,
            Err(error) if error.code() == Code::QuotaExceeded => {}
            Err(error) => return Err(error.to_string()),
        }
        self.compare_read_only(folder, acknowledged)
    }

    fn compare_read_only(&mut self, folder: &Path, acknowledged: u64) -> Result<(), String> {
        match Store::open_read_only(folder) {
            Ok(store) => self.compare_open(&store, acknowledged),
            Err(error) if error.code() == Code::NotFound && acknowledged == 0 => Ok(()),
            Err(error) => Err(format!("to be read only: {error}")),
        }
    }

    fn compare_open(&mut self, store: &Store, acknowledged: u64) -> Result<(), String> {
        let generation = store.collection().generation();
        if generation < acknowledged {
            return Err(format!("batch {acknowledged} was acknowledged, {generation} are there"));
        }
        if generation > acknowledged + 1 {
            return Err(format!(
                "{generation} batches are there, {acknowledged} were acknowledged"
            ));
        }
        while self.generation < generation {
            self.generation += 1;
            writer::apply(&mut self.model, self.generation);
        }
        // That a view has the records that its filter holds for is part of the collection's check.
        let views: Vec<_> = store.collection().views().map(|view| view.name()).collect();
        let expected: Vec<_> = writer::view_after(generation).into_iter().collect();
        if views != expected {
            return Err(format!("the views are {views:?}, not {expected:?}, after {generation}"));
        }
        let mut found = records::found(store).map_err(|error| error.to_string())?;
        for (id, record) in &self.model {
            if let (Some(found), Keeps::Codes) = (found.get_mut(id), self.keeps) {
                // Codes are all there is of it: the signs alone can be compared with nothing.
                found.vector.clone_from(&record.vector);
            }
            match found.get(id) {
                Some(same) if same == record => {}
                other => {
                    return Err(format!("{id} is {other:?}, not {record:?}, after {generation}"));
                }
            }
        }
        if found.len() != self.model.len() {
            let (is, should) = (found.len(), self.model.len());
            return Err(format!("{is} records, not {should}, after batch {generation}"));
        }
        Ok(())
    }
}
