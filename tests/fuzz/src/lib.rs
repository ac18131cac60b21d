//! What clients send as bytes, held against simple models of it: each target takes any bytes, and panics where the
//! gateway's code does not agree with its model.
//!
//! `make fuzz` searches for such bytes. What it found stands in `found/`, and the tests try it again, together with some
//! thousand bytes by chance.
#![expect(dead_code, reason = "the gateway's files are taken as they are, and it uses all of them")]

mod bodies;
mod cuts;
mod follower;
mod heads;
mod markers;
mod model;
mod translations;
mod zero_nine;

pub use bodies::bodies;
pub use follower::follower;
pub use heads::heads;
pub use markers::markers;
pub use translations::translations;
pub use zero_nine::zero_nine;

#[path = "../../../crates/gateway/src/engine/connects.rs"]
mod connects;
#[path = "../../../crates/gateway/src/engine/eio3.rs"]
mod eio3;
#[path = "../../../crates/gateway/src/engine/frames.rs"]
mod frames;
#[path = "../../../crates/gateway/src/engine/marker.rs"]
mod marker;
#[path = "../../../crates/gateway/src/engine/payload.rs"]
mod payload;

/// Where they find each other.
mod engine {
    pub(crate) use crate::{eio3, payload};
}

/// A target takes any bytes.
pub type Target = fn(&[u8]);

/// All of them, by name.
pub const TARGETS: [(&str, Target); 6] = [
    ("bodies", bodies),
    ("follower", follower),
    ("heads", heads),
    ("markers", markers),
    ("translations", translations),
    ("zero_nine", zero_nine),
];
