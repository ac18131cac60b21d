//! The vocabularies from outside: words in, commands out; happenings in, words out.

mod asyncapi;
mod fixtures;
mod hostile;
mod narrowing;
mod vocabularies;
