//! A WebSocket that a polling session became, at its own node or at another, and how long it waits for its own words.

use std::cell::RefCell;

use anyhow::Context;
use tokio::{
    io::AsyncWriteExt,
    net::tcp::OwnedWriteHalf,
    time::{Instant, sleep_until, timeout},
};

use crate::{
    report::latency::Latencies,
    wire::{
        connection::{Ended, Message, Reader},
        frame, upgrade,
    },
    words::stamp::{Finder, Kind, Stamp},
    workloads::handover::stage::{LONGEST, Stage, WARM_UP, Way},
};

#[derive(Debug)]
struct Wire {
    reader: Reader,
    half: OwnedWriteHalf,
    buffer: RefCell<Vec<u8>>,
}

impl Stage {
    /// From a message to its coming back, one at a time.
    pub(crate) async fn echoes(&self, way: Way) -> anyhow::Result<Latencies> {
        let mut wire = timeout(LONGEST, self.upgrade(way)).await.context("no upgrade")??;
        let (mut echoes, mut finder) = (Latencies::default(), Finder::new(self.script.run));
        for probe in 0..WARM_UP {
            self.echo(&mut wire, &mut finder, Kind::Probe, probe).await?;
        }
        let began = Instant::now();
        for sequence in 0..self.messages {
            sleep_until(began + self.turns(sequence, 1)).await;
            let said = Instant::now();
            self.echo(&mut wire, &mut finder, Kind::Message, sequence).await?;
            echoes.record(said.elapsed());
        }
        wire.half.write_all(&closing()).await?;
        Ok(echoes)
    }

    async fn upgrade(&self, way: Way) -> anyhow::Result<Wire> {
        let session = self.enter(way).await?;
        let upgraded = upgrade::open(self.pool.node(way.by), &self.path, Some(session.id())).await?;
        let (read_half, half) = upgraded.stream.into_split();
        let reader = Reader::new(read_half, upgraded.already_read);
        let mut wire = Wire { reader, half, buffer: RefCell::new(vec![0; BUFFER]) };
        wire.say("2probe").await?;
        wire.wait_for(|packet| packet == b"3probe").await?;
        wire.say("5").await?;
        Ok(wire)
    }

    async fn echo(
        &self,
        wire: &mut Wire,
        finder: &mut Finder,
        kind: Kind,
        sequence: u32,
    ) -> anyhow::Result<()> {
        wire.say(&self.say(kind, ECHO, sequence)).await?;
        let is_it = |stamp: Stamp| (stamp.kind, stamp.sender, stamp.sequence) == (kind, ECHO, sequence);
        let heard = wire.wait_for(|packet| finder.find(packet).is_some_and(is_it));
        Ok(timeout(LONGEST, heard).await.context("a message did not come back")??)
    }
}

impl Wire {
    async fn say(&mut self, packet: &str) -> anyhow::Result<()> {
        let mut bytes = Vec::new();
        frame::push_text(&mut bytes, packet);
        Ok(self.half.write_all(&bytes).await?)
    }

    async fn wait_for(&mut self, mut is_it: impl FnMut(&[u8]) -> bool) -> Result<(), Ended> {
        let (mut has_come, mut is_asked) = (false, false);
        while !has_come {
            let hear = |message: Message<'_>| {
                if let Message::Text(packet) = message {
                    is_asked |= packet == b"2";
                    has_come |= is_it(packet);
                }
            };
            self.reader.read(&self.buffer, hear).await?;
            if std::mem::take(&mut is_asked) {
                self.say("3").await?;
            }
        }
        Ok(())
    }
}

fn closing() -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::push_text(&mut bytes, "1");
    frame::push_close(&mut bytes);
    bytes
}

/// As a sender: no pair has this number.
const ECHO: u32 = 99_999_999;
const BUFFER: usize = 16 * 1024;
