//! Who is here: what observers were told of it, what had become of everyone, and a judge of the one by the other.

pub mod judge;
pub mod sight;
pub mod times;
pub mod truth;
