//! The binary against small servers of the tests' own, faithful or with one fault, which it must find.
#![cfg(test)]

mod fanout;
mod handover;
mod polling;
mod polling_server;
mod server;
mod websocket;
