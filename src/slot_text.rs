//! A text per slot, packed.

use crate::ids::NodeId;

/// Texts are packed into chunks of this size, so that growing never copies more than one chunk.
const CHUNK_BYTES: usize = 1 << 20;
/// Fewer dead bytes than this are not worth a copy of the living.
const LEAST_DEAD: usize = 64 << 10;
/// The longest text.
pub(crate) const MAX_TEXT_BYTES: usize = CHUNK_BYTES;

/// Where a text is: its place over all chunks in the upper 40 bits, its length in the lower 24.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Span(u64);

impl Span {
    const NONE: Self = Self(u64::MAX);

    fn new(chunk: usize, offset: usize, length: usize) -> Self {
        Self(((chunk * CHUNK_BYTES + offset) as u64) << 24 | length as u64)
    }

    fn chunk(self) -> usize {
        (self.0 >> 24) as usize / CHUNK_BYTES
    }

    fn offset(self) -> usize {
        (self.0 >> 24) as usize % CHUNK_BYTES
    }

    fn length(self) -> usize {
        (self.0 & 0xff_ffff) as usize
    }
}

/// A text of up to [`MAX_TEXT_BYTES`] for some slots: 8 bytes a slot and the text itself.
///
/// Texts are never changed in place; what a removed one held is reclaimed once more than half of
/// the bytes are dead.
#[derive(Debug, Default)]
pub(crate) struct SlotText {
    chunks: Vec<String>,
    spans: Vec<Span>,
    live: usize,
    dead: usize,
}

impl SlotText {
    /// The text of a slot.
    pub(crate) fn get(&self, slot: NodeId) -> Option<&str> {
        let span = self.span(slot)?;
        Some(&self.chunks[span.chunk()][span.offset()..span.offset() + span.length()])
    }

    /// Gives a slot its text, in place of the one it had.
    pub(crate) fn set(&mut self, slot: NodeId, text: &str) {
        assert!(text.len() <= MAX_TEXT_BYTES, "callers check lengths");
        self.remove(slot);
        let span = self.append(text);
        if slot.index() >= self.spans.len() {
            self.spans.resize(slot.index() + 1, Span::NONE);
        }
        self.spans[slot.index()] = span;
        self.live += text.len();
    }

    /// Takes a slot's text away. Returns whether it had one.
    pub(crate) fn remove(&mut self, slot: NodeId) -> bool {
        let Some(span) = self.span(slot) else { return false };
        self.spans[slot.index()] = Span::NONE;
        self.live -= span.length();
        self.dead += span.length();
        if self.dead > self.live.max(LEAST_DEAD) {
            self.reclaim();
        }
        true
    }

    /// Hands the text of `from`, if any, over to `to`, which has none.
    pub(crate) fn relocate(&mut self, from: NodeId, to: NodeId) {
        let Some(span) = self.span(from) else { return };
        if to.index() >= self.spans.len() {
            self.spans.resize(to.index() + 1, Span::NONE);
        }
        self.spans[from.index()] = Span::NONE;
        self.spans[to.index()] = span;
    }

    /// Bytes of memory held.
    pub(crate) fn bytes(&self) -> usize {
        self.chunks.iter().map(String::capacity).sum::<usize>() + self.spans.capacity() * 8
    }

    fn span(&self, slot: NodeId) -> Option<Span> {
        self.spans.get(slot.index()).copied().filter(|&span| span != Span::NONE)
    }

    fn append(&mut self, text: &str) -> Span {
        if self.chunks.last().is_none_or(|chunk| chunk.len() + text.len() > CHUNK_BYTES) {
            self.chunks.push(String::new());
        }
        let at = self.chunks.len() - 1;
        let chunk = &mut self.chunks[at];
        let offset = chunk.len();
        chunk.push_str(text);
        Span::new(at, offset, text.len())
    }

    fn reclaim(&mut self) {
        let old = std::mem::take(&mut self.chunks);
        for at in 0..self.spans.len() {
            let span = self.spans[at];
            if span != Span::NONE {
                let text = &old[span.chunk()][span.offset()..span.offset() + span.length()];
                self.spans[at] = self.append(text);
            }
        }
        self.dead = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_bytes_are_reclaimed_and_the_living_kept() {
        let mut texts = SlotText::default();
        let text = |slot: u32| format!("{slot}:{}", "x".repeat(slot as usize % 700));
        for slot in 0..20_000 {
            texts.set(NodeId(slot), &text(slot));
        }
        let full = texts.bytes();
        for slot in 0..20_000 {
            if slot % 10 != 3 {
                assert!(texts.remove(NodeId(slot)));
            }
        }
        texts.relocate(NodeId(13), NodeId(30_000));
        assert!(texts.bytes() < full / 2, "{} of {full} bytes", texts.bytes());
        assert_eq!(texts.get(NodeId(13)), None);
        assert_eq!(texts.get(NodeId(30_000)), Some(text(13).as_str()));
        for slot in (23..20_000).step_by(10) {
            assert_eq!(texts.get(NodeId(slot)), Some(text(slot).as_str()));
        }
    }
}
