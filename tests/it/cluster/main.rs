//! Several nodes over one Redis, from the socket to the socket.

mod counting;
mod crowd;
mod dying;
mod eager;
mod forged;
mod grace;
mod handover;
mod holding;
mod leaving;
mod lingering;
mod meeting;
mod nodes;
mod official;
mod outage;
mod owners;
mod pairs;
mod pausing;
mod poisoned;
mod relays;
mod secrets;
mod sharded;
mod slow;
mod stalled;
mod traces;
mod vanishing;
mod watcher;
