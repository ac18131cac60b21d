//! One node, from the socket to the socket.

mod admin;
mod basics;
mod bodies;
mod bounds;
mod bursts;
mod conformance;
mod connecting;
mod conversing;
mod edges;
mod engine;
mod farewells;
mod frames;
mod fuzz;
mod hostile;
mod names;
mod official;
mod recovering;
mod resuming;
mod rooms;
mod sids;
mod unfinished;
mod upgrades;
mod volatile;
mod weight;
mod zero_nine;
