//! Who is here: people by the thousand, observers who are told of them, and a judge of what observers were told.
//!
//! ```text
//!   phase ──► people come, vanish, come back ──► nodes ──► observers ──► sights ──► judge ──► verdict
//!      └────────────── truth: what became of everyone ──────────────────────────────►┘
//! ```

pub mod admission;
pub mod judge;
pub mod observer;
pub mod person;
pub mod scene;
pub mod sight;
pub mod times;
pub mod truth;
mod words;
