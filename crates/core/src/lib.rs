//! The chat itself: what people may do, what they hear of it, and the ports to the outside.
//!
//! Nothing here knows a socket, a Redis or a wire format. A [`Command`] goes in at [`Chat::handle`], what a
//! room hears comes back through the [`Backplane`]'s inbox, on every node the same way, the sender's too.

mod backplane;
mod by_room;
mod chat;
mod command;
mod event;
mod guest;
mod holders;
mod ids;
mod likeness;
mod limits;
mod log;
mod memory;
mod memory_presence;
mod name;
mod reactions;
mod roster;
mod rosters;
mod session;

pub use backplane::{
    Arrival, Backplane, BackplaneError, Broker, Buried, Claim, Cluster, ClusterNode, Departure, Draft, Exit,
    History, Inbound, Occupancy, Presence, REACTIONS, Receipt, Recent, Revised, Revision, Secret, Side,
    Subscription,
};
pub use chat::Chat;
pub use command::{Command, Past, Refusal, RefusalCode, Reply, Said};
pub use event::{
    Author, Change, Envelope, Event, Fate, Hint, Message, Millis, Occupant, Place, Position, Update,
};
pub use guest::guest_name;
pub use holders::{Enter, Holders, Leave};
pub use ids::{InvalidId, MessageId, Name, NodeId, RoomId, SessionId, UserId};
pub use limits::{HISTORY_LENGTH, Limits, MEMBERS_PAGE};
pub use memory::memory;
pub use name::InvalidName;
pub use roster::{Applied, Roster};
pub use rosters::{Page, PageOf, Reader, Rosters};
pub use session::{Ending, Identity, Listener, Session};
