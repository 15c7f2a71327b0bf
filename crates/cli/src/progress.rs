//! A bar on standard error while a person is watching.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

const WIDTH: usize = 30;
/// Often enough to look smooth, seldom enough to cost nothing.
const INTERVAL: Duration = Duration::from_millis(100);

/// The bar of one phase. Silent where standard error is no terminal.
pub(crate) struct Progress {
    phase: &'static str,
    total: usize,
    began: Instant,
    drawn: Option<Instant>,
    visible: bool,
}

impl Progress {
    pub(crate) fn new(phase: &'static str, total: usize) -> Self {
        let visible = stderr().is_terminal();
        Self { phase, total, began: Instant::now(), drawn: None, visible }
    }

    /// Says how much is done.
    pub(crate) fn at(&mut self, done: usize) {
        let due = self.drawn.is_none_or(|drawn| drawn.elapsed() >= INTERVAL);
        if self.visible && due {
            self.draw(done);
            self.drawn = Some(Instant::now());
        }
    }

    /// Ends the bar's line, if there is one.
    pub(crate) fn finish(mut self) {
        if self.visible {
            self.draw(self.total);
            eprintln!();
            self.visible = false;
        }
    }

    fn draw(&self, done: usize) {
        let filled = WIDTH * done.min(self.total) / self.total.max(1);
        let rate = done as f64 / self.began.elapsed().as_secs_f64().max(1e-3);
        let bar = "#".repeat(filled) + &"-".repeat(WIDTH - filled);
        // A bar that can't be drawn is no reason to end.
        let _ = write!(
            stderr(),
            "\r{:<8} [{bar}] {done} of {}, {rate:.0} a second  ",
            self.phase,
            self.total
        );
    }
}

impl Drop for Progress {
    /// An error message begins on a line of its own.
    fn drop(&mut self) {
        if self.visible && self.drawn.is_some() {
            eprintln!();
        }
    }
}
