//! One whose connection is cut with everybody's, and who comes back to another node for what it missed.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};

use anyhow::{Context, bail};
use memchr::memmem;
use serde_json::Value;
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::{Instant, sleep, timeout},
};

use crate::{
    guests::{Guest, Scene},
    report::latency::Latencies,
    words::dialect::Place,
};

/// The course of the storm, for everybody at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weather {
    Calm,
    /// All connections are cut; those who were on them come back after the time away.
    Storm {
        since: Instant,
        away: Duration,
    },
    Over,
}

/// What those who come back have met, all together.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// From the cut until each was back and had heard all that it had missed.
    pub(crate) whole: Latencies,
    /// Who were not promised that nothing is missing.
    pub(crate) unproved: u32,
    /// Messages that were jumped over, or heard twice, over the whole run.
    pub(crate) gaps: u64,
    pub(crate) repeated: u64,
    /// Messages of the room to somebody who was just told that they are not in it: they know nothing of what was before.
    pub(crate) strays: u64,
    /// Messages that were missed, and told when they were back.
    pub(crate) caught_up: u64,
    /// Attempts that failed, by their reason, and connections that ended by themselves.
    pub(crate) errors: BTreeMap<String, u32>,
}

impl Tally {
    fn note(&mut self, error: impl std::fmt::Display) {
        *self.errors.entry(error.to_string()).or_default() += 1;
    }
}

/// One of many.
#[derive(Debug)]
pub(crate) struct Returner {
    scene: Rc<Scene>,
    number: u32,
    tally: Rc<RefCell<Tally>>,
    ears: Ears,
}

/// What it has heard.
#[derive(Debug, Default)]
struct Ears {
    is_connected: bool,
    refused: Option<String>,
    session: Option<String>,
    place: Option<Place>,
    /// The room's place when it was let in again: until there it has missed something.
    owed: Option<Place>,
    is_proved: bool,
    gaps: u64,
    repeated: u64,
    strays: u64,
}

impl Returner {
    pub(crate) fn new(scene: Rc<Scene>, number: u32, tally: Rc<RefCell<Tally>>) -> Self {
        Self { scene, number, tally, ears: Ears::default() }
    }

    /// From the first arrival to the end of the run.
    pub(crate) async fn live(
        mut self,
        turnstile: OwnedSemaphorePermit,
        mut weather: watch::Receiver<Weather>,
    ) -> anyhow::Result<()> {
        let mut guest = timeout(LONGEST, self.arrive()).await.context("not let in")??;
        drop(turnstile);
        let Weather::Storm { since, away } = self.stay(&mut guest, &mut weather, Weather::is_calm).await
        else {
            return Ok(());
        };
        guest.cut();
        let before = self.ears.place;
        sleep(away).await;
        let mut guest = self.come_back().await;
        self.tell_whole(since, before);
        self.stay(&mut guest, &mut weather, |now| *now != Weather::Over).await;
        self.give_account();
        let farewell = self.scene.plan.script.leave();
        // Whoever gets no answer to a goodbye is gone all the same.
        let _ = timeout(LONGEST_GOODBYE, guest.leave(&self.scene, &farewell)).await;
        Ok(())
    }

    /// Listens while the weather is like this.
    async fn stay(
        &mut self,
        guest: &mut Guest,
        weather: &mut watch::Receiver<Weather>,
        is_like: impl Fn(&Weather) -> bool,
    ) -> Weather {
        tokio::select! {
            ended = guest.listen(&self.scene, |packet| self.ears.hear(packet)) => {
                self.tally.borrow_mut().note(ended);
            }
            _ = weather.wait_for(|now| !is_like(now)) => {}
        }
        // The weather outlives everybody.
        weather.wait_for(|now| !is_like(now)).await.map_or(Weather::Over, |now| *now)
    }

    async fn arrive(&mut self) -> anyhow::Result<Guest> {
        let (node, script) = (self.scene.plan.node_of(self.number), &self.scene.plan.script);
        let mut guest = Guest::open(&self.scene, node, script.connect(self.number)).await?;
        self.hear_until(&mut guest, |ears| ears.is_connected && ears.session.is_some()).await?;
        let greeting = self.scene.plan.script.greeting(self.number).context("only v1 can come back")?;
        guest.says(&greeting.packet);
        self.hear_until(&mut guest, |ears| ears.place.is_some()).await?;
        Ok(guest)
    }

    /// Tries until it is whole, as clients do.
    async fn come_back(&mut self) -> Guest {
        for attempt in 1.. {
            match timeout(LONGEST, self.try_to_come_back(attempt)).await {
                Ok(Ok(guest)) => return guest,
                Ok(Err(error)) => self.tally.borrow_mut().note(error.root_cause()),
                Err(_) => self.tally.borrow_mut().note(format!("not back after {} s", LONGEST.as_secs())),
            }
            sleep(BETWEEN_ATTEMPTS).await;
        }
        unreachable!("attempts never end")
    }

    async fn try_to_come_back(&mut self, attempt: u32) -> anyhow::Result<Guest> {
        let Ears { session: Some(session), place: Some(place), .. } = &self.ears else {
            bail!("it was never in");
        };
        let connect = self.scene.plan.script.come_back(session, *place);
        (self.ears.is_connected, self.ears.owed, self.ears.refused) = (false, None, None);
        let node = self.scene.other_node(self.number, attempt);
        let mut guest = Guest::open(&self.scene, node, connect).await?;
        self.hear_until(&mut guest, Ears::is_whole).await?;
        Ok(guest)
    }

    async fn hear_until(
        &mut self,
        guest: &mut Guest,
        is_enough: impl Fn(&Ears) -> bool,
    ) -> anyhow::Result<()> {
        while !is_enough(&self.ears) {
            guest.turn(&self.scene, |packet| self.ears.hear(packet)).await?;
            if let Some(refused) = &self.ears.refused {
                bail!("refused: {refused}");
            }
        }
        Ok(())
    }

    fn tell_whole(&self, since: Instant, before: Option<Place>) {
        let tally = &mut *self.tally.borrow_mut();
        tally.whole.record(since.elapsed());
        tally.unproved += u32::from(!self.ears.is_proved);
        let missed = self.ears.place.zip(before).filter(|(now, before)| now.epoch == before.epoch);
        tally.caught_up += missed.map_or(0, |(now, before)| now.seq - before.seq);
    }

    fn give_account(&self) {
        let tally = &mut *self.tally.borrow_mut();
        tally.gaps += self.ears.gaps;
        tally.repeated += self.ears.repeated;
        tally.strays += self.ears.strays;
    }
}

impl Weather {
    fn is_calm(&self) -> bool {
        *self == Self::Calm
    }
}

impl Ears {
    /// Back, and told all that was said before that.
    fn is_whole(&self) -> bool {
        let (Some(owed), Some(place)) = (self.owed, self.place) else { return false };
        self.is_connected && owed.epoch == place.epoch && place.seq >= owed.seq
    }

    fn hear(&mut self, packet: &[u8]) {
        let Some((kind, body)) = packet.split_at_checked(2) else { return };
        let Some(body) = body.strip_prefix(b"/v1,") else { return };
        match (kind, body) {
            (b"42", [b'[', b'"', b'm', b'e', b's', b's', b'a', b'g', b'e', b'"', ..]) => {
                self.hear_message(body);
            }
            (b"42", event) => self.hear_event(&serde_json::from_slice(event).unwrap_or_default()),
            (b"40", _) => self.is_connected = true,
            (b"43", [b'0', answer @ ..]) => {
                self.hear_joined(&serde_json::from_slice(answer).unwrap_or_default());
            }
            (b"44", reason) => self.refused = Some(String::from_utf8_lossy(reason).into_owned()),
            _ => {}
        }
    }

    /// Read without parsing: it is most of what there is to hear.
    fn hear_message(&mut self, body: &[u8]) {
        let (Some(seq), Some(place)) = (number_behind(body, b"\"seq\":"), &mut self.place) else { return };
        match seq.checked_sub(place.seq + 1) {
            _ if self.refused.is_some() => self.strays += 1,
            Some(jumped) => {
                self.gaps += jumped;
                place.seq = seq;
            }
            None => self.repeated += 1,
        }
    }

    fn hear_event(&mut self, event: &Value) {
        match event[0].as_str() {
            Some("ready") => self.hear_ready(&event[1]),
            Some("gap") => self.gaps += 1,
            Some("bye") => self.refused = Some(event.to_string()),
            _ => {}
        }
    }

    fn hear_ready(&mut self, ready: &Value) {
        self.session = ready["session"].as_str().map(str::to_owned);
        let Some(room) = ready["rooms"].as_object().and_then(|rooms| rooms.values().next()) else { return };
        let Some(top) = Place::of(room) else {
            self.refused = Some(room.to_string());
            return;
        };
        self.is_proved = room["recovered"] == true;
        self.owed = Some(top);
        if !self.is_proved {
            self.place = Some(top);
        }
    }

    fn hear_joined(&mut self, answer: &Value) {
        self.place = Place::of(&answer[0]);
        if self.place.is_none() {
            self.refused = Some(answer.to_string());
        }
    }
}

fn number_behind(text: &[u8], name: &[u8]) -> Option<u64> {
    let digits = &text[memmem::find(text, name)? + name.len()..];
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    str::from_utf8(&digits[..length]).ok()?.parse().ok()
}

/// What takes longer is tried again.
const LONGEST: Duration = Duration::from_secs(20);
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);
const LONGEST_GOODBYE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Somebody who has heard the room up to its third message.
    fn ears() -> Ears {
        let mut ears = Ears::default();
        ears.hear(br#"40/v1,{"sid":"x"}"#);
        ears.hear(br#"43/v1,0[{"ok":true,"epoch":7,"seq":3}]"#);
        ears
    }

    fn ready(room: &Value) -> String {
        format!("42/v1,{}", json!(["ready", { "session": "token", "rooms": { "r": room } }]))
    }

    fn message(seq: u64) -> String {
        format!("42/v1,{}", json!(["message", { "epoch": 7, "seq": seq, "text": "the \"seq\":9 of all" }]))
    }

    #[test]
    fn whoever_is_back_is_whole_when_the_last_that_was_missed_is_heard() {
        let mut ears = ears();
        ears.hear(ready(&json!({ "epoch": 7, "seq": 5, "recovered": true })).as_bytes());
        assert!(ears.is_proved && !ears.is_whole());
        ears.hear(message(4).as_bytes());
        assert!(!ears.is_whole());
        ears.hear(message(5).as_bytes());
        assert!(ears.is_whole());
        assert_eq!((ears.gaps, ears.repeated, ears.session.as_deref()), (0, 0, Some("token")));
    }

    #[test]
    fn what_is_jumped_over_or_heard_twice_is_counted() {
        let mut ears = ears();
        for seq in [4, 4, 7] {
            ears.hear(message(seq).as_bytes());
        }
        assert_eq!((ears.gaps, ears.repeated), (2, 1));
    }

    #[test]
    fn a_room_that_cannot_be_given_back_is_a_refusal_and_one_that_is_not_whole_is_no_proof() {
        let mut refused = ears();
        refused.hear(ready(&json!({ "error": { "code": "unavailable" } })).as_bytes());
        assert!(refused.refused.is_some() && !refused.is_whole());
        refused.hear(message(9).as_bytes());
        assert_eq!((refused.gaps, refused.strays), (0, 1));
        let mut anew = ears();
        anew.hear(ready(&json!({ "epoch": 8, "seq": 5, "recovered": false })).as_bytes());
        assert!(anew.is_whole() && !anew.is_proved);
    }
}
