//! Compares what is there with what was acknowledged.

use std::path::Path;

use kindex::Code;
use kindex_store::Store;

use crate::End;
use crate::records::{self, Model};
use crate::writer;

/// What the batches that are there make of nothing.
#[derive(Default)]
pub(crate) struct Judge {
    model: Model,
    generation: u64,
}

impl Judge {
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) fn state(&self) -> String {
        format!("batch {}, {} records", self.generation, self.model.len())
    }

    /// Opens the store, in which `acknowledged` batches must be, and at most one more.
    pub(crate) fn compare(
        &mut self,
        folder: &Path,
        acknowledged: u64,
        end: End,
    ) -> Result<(), String> {
        if end == End::Killed {
            let store = writer::open(folder).map_err(|error| error.to_string())?;
            return self.compare_open(&store, acknowledged);
        }
        self.compare_read_only(folder, acknowledged)?;
        // On a disk that is still full, a store may refuse to be opened for writing.
        match writer::open(folder) {
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
        let found = records::found(store).map_err(|error| error.to_string())?;
        for (id, record) in &self.model {
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
