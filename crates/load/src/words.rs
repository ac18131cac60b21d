//! What is said: in which vocabulary, and the stamp in each text by which it is known again.

pub(crate) mod dialect;
pub(crate) mod stamp;
