//! How it travels: by WebSocket (`upgrade`, `connection`, `frame`) or by long-polling (`session`, `posts`, `payload`, `pool`);
//! `outbox` is what is said on either.

pub(crate) mod connection;
pub(crate) mod frame;
pub(crate) mod outbox;
pub(crate) mod payload;
pub(crate) mod pool;
pub(crate) mod posts;
pub(crate) mod session;
pub(crate) mod upgrade;
