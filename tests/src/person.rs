//! Someone in v1: says requests, and hears what is not about who is there.
#![expect(clippy::missing_panics_doc, reason = "a test whose client fails has failed")]

use serde_json::{Value, json};

use crate::client::{At, Client};

/// A client of v1, by WebSocket unless it says otherwise.
#[derive(Debug)]
pub struct Person {
    /// Its connection.
    pub client: Client,
    /// What it was greeted with.
    pub ready: Value,
}

impl Person {
    /// Comes in, with what it says of itself.
    pub async fn over(mut client: Client, auth: &Value) -> Self {
        client.connect("/v1", auth).await;
        let ready = client.event().await;
        assert_eq!(ready[1], "ready", "{ready}");
        Self { client, ready: ready[2].clone() }
    }

    /// Comes in under this name and joins the lobby.
    pub async fn in_lobby(node: &impl At, name: &str) -> Self {
        let mut person = Self::named(node, name).await;
        let joined = person.asks("join", json!({ "room": "lobby" })).await;
        assert_eq!(joined["ok"], true, "{joined}");
        person
    }

    /// Comes in under this name.
    pub async fn named(node: &impl At, name: &str) -> Self {
        Self::over(Client::websocket(node).await, &json!({ "name": name })).await
    }

    /// Their id.
    pub fn id(&self) -> &str {
        self.ready["user"]["id"].as_str().expect("an id")
    }

    /// The token that brings them back.
    pub fn session(&self) -> &Value {
        &self.ready["session"]
    }

    /// Asks for something, and is answered.
    pub async fn asks(&mut self, word: &str, body: Value) -> Value {
        self.client.ask_in("/v1", word, &[body]).await[0].clone()
    }

    /// The same, where it is granted.
    pub async fn does(&mut self, word: &str, body: Value) -> Value {
        let answer = self.asks(word, body).await;
        assert_eq!(answer["ok"], true, "{word}: {answer}");
        answer
    }

    /// The same, where it is refused; the code.
    pub async fn may_not(&mut self, word: &str, body: Value) -> String {
        let answer = self.asks(word, body).await;
        assert_eq!(answer["ok"], false, "{word}: {answer}");
        answer["error"]["code"].as_str().expect("a code").to_owned()
    }

    /// Says something in the lobby, and answers with its position.
    pub async fn says(&mut self, text: &str) -> Value {
        let said = self.does("send", json!({ "room": "lobby", "text": text })).await;
        json!({ "epoch": said["epoch"], "seq": said["seq"] })
    }

    /// The next that is said of who is there.
    pub async fn hears_of_people(&mut self) -> Value {
        loop {
            let event = self.client.event().await;
            if event[1] == "presence" {
                return event[2].clone();
            }
        }
    }

    /// How many connections someone has in a room; `None`: they are not there.
    pub async fn devices_of(&mut self, room: &str, user: &str) -> Option<u64> {
        let members = self.does("members", json!({ "room": room })).await;
        let members = members["members"].as_array().expect("members");
        members.iter().find(|who| who["user"] == user)?["devices"].as_u64()
    }

    /// The next event that is not about who is there.
    pub async fn hears(&mut self) -> (String, Value) {
        loop {
            let event = self.client.event().await;
            if event[1] != "presence" {
                return (event[1].as_str().expect("a name").to_owned(), event[2].clone());
            }
        }
    }

    /// The next event is this one.
    pub async fn hears_word(&mut self, word: &str) -> Value {
        let (name, body) = self.hears().await;
        assert_eq!(name, word, "{body}");
        body
    }

    /// The next event is a message: its text and its place.
    pub async fn hears_message(&mut self) -> (String, u64) {
        let body = self.hears_word("message").await;
        (body["text"].as_str().expect("a text").to_owned(), body["seq"].as_u64().expect("a place"))
    }
}
