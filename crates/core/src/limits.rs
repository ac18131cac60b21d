//! Bounds on what a person may send and be sent, and on how long they are waited for.

use std::time::Duration;

/// Messages that a room's history keeps, where nothing else is configured.
pub const HISTORY_LENGTH: usize = 1_000;

/// Most people on one page of members.
pub const MEMBERS_PAGE: usize = 100;

/// Bounds that are configured, checked where a command is handled.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Longest text, in bytes of UTF-8.
    pub text: usize,
    /// Most rooms that one session may be in.
    pub rooms: usize,
    /// How long the leave of someone with an identity is held back whose connection was lost.
    pub grace: Duration,
    /// The same of someone who is only a name.
    pub tutorial_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { text: 32 * 1024, rooms: 100, grace: Duration::from_secs(10), tutorial_grace: Duration::ZERO }
    }
}
