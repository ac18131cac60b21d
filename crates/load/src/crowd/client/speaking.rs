//! What a client says, and when it may.

use std::{rc::Rc, sync::atomic::Ordering};

use super::{Client, FIRST_MESSAGE, FIRST_PROBE};
use crate::{
    plan::Pace,
    wire::outbox::Outbox,
    words::stamp::{Kind, Stamp},
};

impl Client {
    /// What it says from now on goes this way.
    pub(crate) fn speak_by(&mut self, outbox: Rc<dyn Outbox>) {
        self.outbox = outbox;
    }

    /// Fills the closed loop's window, as long as it is time to talk.
    pub(crate) fn say_what_may_be_said(&mut self) {
        let pace = self.shard.plan.crowd.pace;
        if !matches!(pace, Pace::Closed { .. }) || !self.may_talk() {
            return;
        }
        while self.voice.as_ref().is_some_and(|voice| voice.has_room(pace)) {
            self.say_one();
        }
    }

    /// It is time to, and there is somebody to talk to.
    pub(crate) fn may_talk(&self) -> bool {
        self.is_in() && self.shard.board.is_talking()
    }

    /// What has not come back will not.
    pub(crate) fn give_up_waiting(&mut self) {
        if let Some(voice) = &mut self.voice {
            voice.give_up_waiting();
        }
    }

    /// One message. It goes out with the next [`Client::flush`].
    pub(crate) fn say_one(&mut self) {
        let Some(voice) = &mut self.voice else { return };
        let sequence = voice.say(self.script.dialect.is_acknowledged());
        self.shard.board.said.fetch_add(1, Ordering::Relaxed);
        self.say(Kind::Message, sequence, sequence + FIRST_MESSAGE);
    }

    pub(crate) fn say_probe(&mut self) {
        let Some(voice) = &mut self.voice else { return };
        let probe = voice.probe();
        self.say(Kind::Probe, probe, FIRST_PROBE + probe);
        self.flush();
    }

    fn say(&self, kind: Kind, sequence: u32, id: u32) {
        let plan = &self.shard.plan;
        let stamp = Stamp { kind, sender: self.number, sequence, said_at: plan.now() };
        self.send(&self.script.say(&stamp.text(plan.script.run, plan.crowd.bytes), id));
    }

    pub(super) fn send(&self, packet: &str) {
        self.outbox.say(packet);
    }

    pub(crate) fn flush(&self) {
        Rc::clone(&self.outbox).flush();
    }

    /// All that it said is out.
    pub(crate) fn has_said_all(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Says goodbye, as a page that is closed in order.
    pub(crate) fn leave(&self) {
        self.send(&self.script.leave());
        self.outbox.close();
        self.flush();
    }
}
