//! One who comes in, stays until its round is over, and leaves in order or without a word.

use std::{rc::Rc, time::Duration};

use anyhow::{Context, bail};
use memchr::memmem;
use serde_json::json;
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::timeout,
};

use crate::{
    guests::{Guest, Scene},
    words::dialect::{Dialect, GREETING, REFUSED, Script},
};

#[derive(Debug)]
pub(crate) struct Visitor {
    pub(crate) scene: Rc<Scene>,
    /// What it says, which is not what others of its round say.
    pub(crate) script: Script,
    /// Of all rounds: nobody's name is another's.
    pub(crate) number: u32,
    /// It will be cut off.
    pub(crate) is_rude: bool,
}

/// How far it has come.
#[derive(Debug, Default)]
struct Ears {
    is_connected: bool,
    is_in: bool,
    refused: Option<String>,
}

impl Visitor {
    /// The permit is given back when it is in.
    pub(crate) async fn visit(
        self,
        turnstile: OwnedSemaphorePermit,
        mut is_over: watch::Receiver<bool>,
    ) -> anyhow::Result<()> {
        let mut guest = timeout(LONGEST, self.come_in()).await.context("not let in")??;
        drop(turnstile);
        tokio::select! {
            ended = guest.listen(&self.scene, |_| {}) => bail!("cut off: {ended}"),
            over = is_over.wait_for(|is_over| *is_over) => drop(over.context("the round is gone")?),
        }
        if self.is_rude {
            guest.cut();
            return Ok(());
        }
        self.leave_room(&mut guest).await?;
        timeout(LONGEST, guest.leave(&self.scene, &self.script.leave())).await.context("no end of a goodbye")
    }

    async fn come_in(&self) -> anyhow::Result<Guest> {
        let node = self.scene.plan.node_of(self.number);
        let mut guest = Guest::open(&self.scene, node, self.script.connect(self.number)).await?;
        self.hear_until(&mut guest, |ears| ears.is_connected).await?;
        self.script.greeting(self.number).iter().for_each(|greeting| guest.says(&greeting.packet));
        self.hear_until(&mut guest, |ears| ears.is_in).await?;
        Ok(guest)
    }

    /// The tutorials' clients have no word for it.
    async fn leave_room(&self, guest: &mut Guest) -> anyhow::Result<()> {
        if self.script.dialect != Dialect::V1 {
            return Ok(());
        }
        guest.says(&format!("42/v1,{GREETING}{}", json!(["leave", { "room": self.script.room }])));
        timeout(LONGEST, self.hear_until(guest, |ears| ears.is_in)).await.context("may not leave")?
    }

    async fn hear_until(&self, guest: &mut Guest, is_enough: impl Fn(&Ears) -> bool) -> anyhow::Result<()> {
        let mut ears = Ears::default();
        while !is_enough(&ears) {
            guest.turn(&self.scene, |packet| ears.hear(packet, self.script.dialect)).await?;
            if let Some(refused) = &ears.refused {
                bail!("refused: {refused}");
            }
        }
        Ok(())
    }
}

impl Ears {
    fn hear(&mut self, packet: &[u8], dialect: Dialect) {
        let namespace = dialect.namespace().as_bytes();
        let Some((kind, body)) = packet.split_at_checked(2) else { return };
        let Some(body) = body.strip_prefix(namespace) else { return };
        match kind {
            b"40" => self.is_connected = true,
            b"44" => self.refused = Some(String::from_utf8_lossy(body).into_owned()),
            b"43" if memmem::find(body, REFUSED).is_some() => {
                self.refused = Some(String::from_utf8_lossy(body).into_owned());
            }
            b"43" => self.is_in = true,
            _ => self.is_in |= dialect.is_let_in_by(packet),
        }
    }
}

const LONGEST: Duration = Duration::from_secs(20);
