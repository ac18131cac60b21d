//! How it goes, on standard error: one line that is written over on a terminal, a line now and then elsewhere.

use std::{
    cell::RefCell,
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

#[derive(Debug)]
pub(crate) struct Progress(RefCell<Page>);

/// What the reader has before them.
#[derive(Debug)]
struct Page {
    is_terminal: bool,
    /// The cursor is behind a line that may be written over.
    is_open: bool,
    /// When something was told last that is not a terminal's.
    told: Option<Instant>,
}

impl Progress {
    pub(crate) fn on_standard_error() -> Self {
        Self(RefCell::new(Page::new(io::stderr().is_terminal())))
    }

    /// As it is just now; it may be left out where nobody watches.
    pub(crate) fn tell(&self, line: &str) {
        write(&self.0.borrow_mut().tell(line, Instant::now()));
    }

    /// A line that stays.
    pub(crate) fn note(&self, line: &str) {
        write(&self.0.borrow_mut().note(line));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        write(self.0.get_mut().close());
    }
}

/// Nobody can be told that telling has failed.
fn write(text: &str) {
    let mut out = io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

impl Page {
    fn new(is_terminal: bool) -> Self {
        Self { is_terminal, is_open: false, told: None }
    }

    fn tell(&mut self, line: &str, now: Instant) -> String {
        if self.is_terminal {
            self.is_open = true;
            return format!("{OVER}{NO_WRAP}{line}{WRAP}");
        }
        if self.told.is_some_and(|told| now - told < BETWEEN_LINES) {
            return String::new();
        }
        self.told = Some(now);
        format!("{line}\n")
    }

    fn note(&mut self, line: &str) -> String {
        let over = if std::mem::take(&mut self.is_open) { OVER } else { "" };
        format!("{over}{line}\n")
    }

    fn close(&mut self) -> &'static str {
        if std::mem::take(&mut self.is_open) { "\n" } else { "" }
    }
}

const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// What terminals understand: to the start of an empty line; what is too long is cut; and is not any more.
const OVER: &str = "\r\x1b[K";
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_has_one_line_that_is_written_over() {
        let (mut page, now) = (Page::new(true), Instant::now());
        let told = [page.tell("1 s", now), page.tell("2 s", now), page.note("all in"), page.note("over")];
        assert_eq!(told.concat().matches('\n').count(), 2);
        assert!(told[1].starts_with(OVER) && told[2].starts_with(OVER) && told[3] == "over\n");
        assert_eq!((page.close(), page.tell("3 s", now).is_empty(), page.close()), ("", false, "\n"));
    }

    #[test]
    fn elsewhere_there_is_a_line_every_ten_seconds() {
        let (mut page, began) = (Page::new(false), Instant::now());
        let seconds = (0..=20).map(|second| page.tell("line", began + Duration::from_secs(second)));
        assert_eq!(seconds.collect::<String>(), "line\nline\nline\n");
        assert_eq!((page.note("all in").as_str(), page.close()), ("all in\n", ""));
    }
}
