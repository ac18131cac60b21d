//! Someone who stays, and hears what others do.

use std::{collections::HashMap, time::Duration};

use hubbub_tests::client::{At, Client};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};

const DEADLINE: Duration = Duration::from_secs(25);

/// Its connection has a task of its own, so that it is never late with an answer.
#[derive(Debug)]
pub(crate) struct Watcher {
    events: mpsc::UnboundedReceiver<Value>,
    said: mpsc::UnboundedSender<String>,
    heard: Vec<Value>,
}

impl Watcher {
    /// In seed 002's room under this name.
    pub(crate) async fn at(node: &impl At, name: &str) -> Self {
        let mut client = Client::at(node, "/").await;
        client.say("addUser", &[json!(name)]).await;
        let ((sender, events), (said, mut to_say)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    packet = client.packet_at_last() => {
                        let packet = packet.expect("a watcher stays connected");
                        let event = serde_json::from_str(packet.strip_prefix("42").expect("an event"));
                        if sender.send(event.expect("in JSON")).is_err() {
                            return;
                        }
                    }
                    Some(text) = to_say.recv() => client.say("sendChat", &[json!(text)]).await,
                }
            }
        });
        Self { events, said, heard: Vec::new() }
    }

    /// The list of people is this one, now or soon.
    pub(crate) async fn lists(&mut self, list: &Value) {
        let known = self.heard.iter().rfind(|event| event[0] == "updateUsers");
        if known.is_some_and(|event| event[1] == *list) {
            return;
        }
        self.hears(|event| event[0] == "updateUsers" && event[1] == *list).await;
    }

    /// Listens until all is heard that was said before.
    pub(crate) async fn hears_the_end(&mut self) {
        self.says("the end".to_owned()).await;
    }

    /// Says it, and listens until it is heard.
    pub(crate) async fn says(&mut self, text: String) {
        self.said.send(text.clone()).expect("it speaks");
        self.hears(|event| event[0] == "updateChat" && event[2] == text).await;
    }

    /// Listens until this is heard, of this one.
    pub(crate) async fn hears_from(&mut self, name: &str, text: &str) {
        self.hears(|event| *event == json!(["updateChat", name, text])).await;
    }

    async fn hears(&mut self, is_it: impl Fn(&Value) -> bool) {
        let heard = timeout(DEADLINE, async {
            loop {
                let event = self.events.recv().await.expect("a watcher stays connected");
                let found = is_it(&event);
                self.heard.push(event);
                if found {
                    return;
                }
            }
        });
        assert!(heard.await.is_ok(), "the last that was heard: {:?}", self.last());
    }

    fn last(&self) -> Vec<String> {
        let events = self.heard.iter().rev().take(5).map(Value::to_string);
        events.map(|event| event.chars().take(200).collect()).collect()
    }

    /// How often each came and left, of those who came and went.
    pub(crate) fn comings_and_goings(&self) -> HashMap<String, (usize, usize)> {
        let mut all = HashMap::<_, (usize, usize)>::new();
        for text in
            self.heard.iter().filter(|event| event[1] == "Server").filter_map(|event| event[2].as_str())
        {
            if let Some(name) = text.strip_suffix(" has connected") {
                all.entry(name.to_owned()).or_default().0 += 1;
            } else if let Some(name) = text.strip_suffix(" has disconnected.") {
                all.entry(name.to_owned()).or_default().1 += 1;
            }
        }
        all
    }
}
