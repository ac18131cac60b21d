//! The WebSocket of 0.9: one task that polls the session and writes, reads and posts.

use std::{pin::pin, sync::Arc, time::Duration};

use axum::response::Response;
use futures_util::{SinkExt, StreamExt};
use http::Request;
use hyper::{body::Incoming, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{Role, WebSocketConfig},
    },
};

use super::{super::websocket::switching, packets::HEARTBEAT};
use crate::engine::{
    Engine,
    asked::Asked,
    link::{Kick, Link},
    refused::Refused,
};

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Switches protocols, and serves the WebSocket until either side ends it.
pub(super) fn switch(
    engine: &Arc<Engine>,
    asked: Asked,
    link: Arc<Link>,
    mut request: Request<Incoming>,
) -> Result<Response, Refused> {
    let response = switching(request.headers())?;
    let upgrade = hyper::upgrade::on(&mut request);
    let engine = engine.clone();
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            // To the engine it is one that polls.
            let asked = Asked { websocket: false, ..asked };
            let bridge = Bridge { engine, asked, link: link.clone() };
            // Whatever ended it, the session ends too.
            let _ended = bridge.run(upgraded).await;
        }
        link.close_polling();
    });
    Ok(response)
}

/// A client's WebSocket and the session behind it.
struct Bridge {
    engine: Arc<Engine>,
    asked: Asked,
    link: Arc<Link>,
}

/// The WebSocket or its session is over.
struct Ended;

impl Bridge {
    async fn run(&self, upgraded: Upgraded) -> Result<(), Ended> {
        let most = Some(self.engine.settings.max_payload);
        let limits = WebSocketConfig::default().max_message_size(most).max_frame_size(most);
        let mut socket = Socket::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(limits)).await;
        let mut heartbeat = every(self.engine.settings.ping_interval);
        loop {
            let mut packets = pin!(self.engine.next_zero_nine(&self.asked, &self.link));
            let packets = loop {
                tokio::select! {
                    packets = &mut packets => break packets.map_err(|_| Ended)?,
                    message = socket.next() => self.heard(message.ok_or(Ended)?.map_err(|_| Ended)?).await?,
                    _ = heartbeat.tick() => self.send(&mut socket, [HEARTBEAT.to_owned()]).await?,
                }
            };
            self.send(&mut socket, packets).await?;
        }
    }

    async fn heard(&self, message: Message) -> Result<(), Ended> {
        match message {
            Message::Text(text) => {
                crate::metrics::received(text.len());
                self.engine.heard_zero_nine(&self.asked, &self.link, vec![&text]).await.map_err(|_| Ended)
            }
            Message::Ping(_) | Message::Pong(_) => Ok(()),
            _ => Err(Ended),
        }
    }

    /// Says these. A client that does not take them is given up.
    async fn send(
        &self,
        socket: &mut Socket,
        packets: impl IntoIterator<Item = String>,
    ) -> Result<(), Ended> {
        let sent = async {
            for packet in packets {
                socket.feed(Message::text(packet)).await?;
            }
            socket.flush().await
        };
        if let Ok(sent) = timeout(self.engine.settings.outbox_age, sent).await {
            return sent.map_err(|_| Ended);
        }
        self.link.kick(Kick::Slow);
        Err(Ended)
    }
}

fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.reset();
    ticks
}
