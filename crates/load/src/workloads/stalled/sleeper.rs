//! One that joins a room, reads no more, and comes back for what it missed when the server has cut it off.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};

use crate::{
    arguments::target::{Node, Path},
    machine::metrics::Metrics,
    wire::{
        frame::{self, FrameKind},
        upgrade,
    },
    words::dialect::Script,
};

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slept {
    /// From the last that it read until the server had cut it off.
    pub(crate) cut_off_after: Duration,
    /// Messages that it missed, and was told when it was back.
    pub(crate) caught_up: u64,
    /// Messages that it was not told, or not in their turn.
    pub(crate) gaps: u64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Sleeper<'a> {
    pub(crate) node: &'a Node,
    pub(crate) admin: &'a Node,
    pub(crate) path: &'a Path,
    pub(crate) script: &'a Script,
}

impl Sleeper<'_> {
    pub(crate) async fn sleep(self) -> anyhow::Result<Slept> {
        let cut_off = self.cut_off().await?;
        let mut wire = self.enters(narrow(self.node).await?, 0).await?;
        let seen = wire.joins(self.script, Value::Null).await?;
        let began = Instant::now();
        while self.cut_off().await? == cut_off {
            ensure!(began.elapsed() < LONGEST, "it was not cut off within {LONGEST:?}");
            sleep(GLANCE).await;
        }
        let cut_off_after = began.elapsed();
        drop(wire);
        let mut wire = self.enters(TcpStream::connect(self.node.address).await?, 1).await?;
        let (caught_up, gaps) = timeout(LONGEST, wire.catches_up(self.script, &seen)).await??;
        Ok(Slept { cut_off_after, caught_up, gaps })
    }

    async fn enters(self, stream: TcpStream, time: u32) -> anyhow::Result<Wire> {
        let upgraded = upgrade::open_on(stream, self.node, self.path, None).await?;
        let mut wire = Wire { stream: upgraded.stream, read: upgraded.already_read };
        // Like nobody of the crowd.
        wire.says(&self.script.connect(u32::MAX - time)).await?;
        wire.hears("40/v1,").await?;
        Ok(wire)
    }

    /// How many clients the server has cut off for being slow.
    async fn cut_off(self) -> anyhow::Result<u64> {
        Metrics::read(self.admin).await?.sum(CUT_OFF)
    }
}

/// Its end takes few bytes, so that what it does not read waits at the server.
async fn narrow(node: &Node) -> anyhow::Result<TcpStream> {
    let socket = if node.address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_recv_buffer_size(NARROW)?;
    socket.connect(node.address).await.with_context(|| node.host.clone())
}

#[derive(Debug)]
struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Wire {
    async fn says(&mut self, packet: &str) -> anyhow::Result<()> {
        let mut frame = Vec::new();
        frame::push_text(&mut frame, packet);
        Ok(self.stream.write_all(&frame).await?)
    }

    /// The rest of the next packet that begins like this.
    async fn hears(&mut self, start: &str) -> anyhow::Result<String> {
        loop {
            let mut rest = self.read.as_slice();
            while let Some(frame) = frame::take(&mut rest)? {
                let packet =
                    std::str::from_utf8(frame.payload).ok().and_then(|text| text.strip_prefix(start));
                if let (FrameKind::Text, Some(packet)) = (frame.kind, packet) {
                    let (packet, taken) = (packet.to_owned(), self.read.len() - rest.len());
                    self.read.drain(..taken);
                    return Ok(packet);
                }
            }
            self.read = rest.to_vec();
            if self.stream.read_buf(&mut self.read).await? == 0 {
                bail!("it was cut off before it heard {start}");
            }
        }
    }

    /// What the room answers.
    async fn joins(&mut self, script: &Script, since: Value) -> anyhow::Result<Value> {
        let mut request = json!({ "room": script.room });
        if !since.is_null() {
            request["since"] = since;
        }
        self.says(&format!("42/v1,0{}", json!(["join", request]))).await?;
        let answer: Value = serde_json::from_str(&self.hears("43/v1,0").await?)?;
        ensure!(answer[0]["ok"] == true, "it may not join: {answer}");
        Ok(answer[0].clone())
    }

    /// How many messages it is told until it is where the room was when it came back, and how many it is not.
    async fn catches_up(&mut self, script: &Script, seen: &Value) -> anyhow::Result<(u64, u64)> {
        let since = json!({ "epoch": seen["epoch"], "seq": seen["seq"] });
        let joined = self.joins(script, since).await?;
        ensure!(joined["recovered"] == true, "what it missed is not known: {joined}");
        let seq = |body: &Value| body["seq"].as_u64().context("a message without its place");
        let (first, last) = (seq(seen)?, seq(&joined)?);
        let (mut heard, mut in_turn) = (first, 0);
        while heard < last {
            let message: Value = serde_json::from_str(&self.hears("42/v1,").await?)?;
            if message[0] == "message" {
                let next = seq(&message[1])?;
                in_turn += u64::from(next == heard + 1);
                heard = heard.max(next);
            }
        }
        Ok((in_turn, (last - first).saturating_sub(in_turn)))
    }
}

const CUT_OFF: &str = "hubbub_disconnects_total{reason=\"slow\"}";
const NARROW: u32 = 4_096;
const GLANCE: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::{
        wire::frame::tests::from_server,
        words::{dialect::Dialect, stamp::RunTag},
    };

    /// What one is told that missed the messages after the first, and comes back when the room has five.
    async fn told(places: &[u64]) -> (u64, u64) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let joined = json!([{ "ok": true, "recovered": true, "epoch": 1, "seq": 5 }]);
        let mut packets = vec![format!("43/v1,0{joined}"), r#"42/v1,["presence",{}]"#.to_owned()];
        packets.extend(places.iter().map(|seq| format!("42/v1,{}", json!(["message", { "seq": seq }]))));
        for packet in packets {
            server.write_all(&from_server(0x81, packet.as_bytes())).await.unwrap();
        }
        let script = Script { dialect: Dialect::V1, run: RunTag::from_seed(0), room: "room".into() };
        let mut wire = Wire { stream, read: Vec::new() };
        wire.catches_up(&script, &json!({ "epoch": 1, "seq": 1 })).await.unwrap()
    }

    #[tokio::test]
    async fn what_is_missing_or_out_of_turn_is_a_gap() {
        assert_eq!(told(&[2, 3, 4, 5]).await, (4, 0));
        assert_eq!(told(&[2, 3, 5]).await, (2, 2));
        assert_eq!(told(&[2, 2, 3, 4, 5]).await, (4, 0));
    }
}
