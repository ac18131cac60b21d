//! `rust_socketio` as a puppet: `../../puppets.mjs` says what that is, and pulls it.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use rust_socketio::{ClientBuilder, Event, Payload, RawClient, TransportType, client::Client};
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

/// One connection for each process, for its thread goes round and round after a disconnect.
fn main() -> Result<(), Failure> {
    let mut orders = io::stdin().lines().map(|line| Ok::<Value, Failure>(serde_json::from_str(&line?)?));
    let how = orders.next().ok_or("no order")??;
    let client = connect(&how).inspect_err(|error| tell(json!({"refused": error.to_string()})))?;
    for order in orders {
        let order = order?;
        if order["do"] == "leave" {
            break;
        }
        obey(&client, &order, &how["transport"])?;
    }
    Ok(client.disconnect()?)
}

fn connect(how: &Value) -> Result<Client, Failure> {
    let (url, path) = (text(&how["url"], ""), text(&how["path"], "/socket.io"));
    let kind = match how["transport"].as_str() {
        Some("polling") => TransportType::Polling,
        Some("websocket") => TransportType::Websocket,
        _ => TransportType::WebsocketUpgrade,
    };
    let first = how["first"].clone();
    let mut builder = ClientBuilder::new(format!("{url}{path}/"))
        .namespace(text(&how["namespace"], "/"))
        .transport_type(kind)
        .reconnect(false)
        .on_any(|event, payload, _| tell(json!({"heard": heard(&event, payload)})))
        .on(Event::Error, |error, _| tell(json!({"refused": values(error)})))
        .on(Event::Close, |_, _| tell(json!({"gone": "closed"})))
        .on(Event::Connect, move |_, client: RawClient| {
            tell(json!({"connected": null}));
            if first.is_array() {
                let (event, payload) = said(&first);
                client.emit(event, payload).expect("the connection is new");
            }
        });
    if how["auth"].is_object() {
        builder = builder.auth(how["auth"].clone());
    }
    Ok(builder.connect()?)
}

fn obey(client: &Client, order: &Value, transport: &Value) -> Result<(), Failure> {
    let number = order["number"].clone();
    if order["do"] == "transport" {
        // To upgrade, it does not connect unless it could.
        let name = if transport == "polling" { "polling" } else { "websocket" };
        tell(json!({"number": number, "answer": name}));
        return Ok(());
    }
    let (event, payload) = said(&order["words"]);
    if order["do"] == "say" {
        return Ok(client.emit(event, payload)?);
    }
    // The list of the acknowledgement's arguments is its only value.
    let answered = move |answer, _| tell(json!({"number": number, "answer": values(answer)[0]}));
    Ok(client.emit_with_ack(event, payload, DEADLINE, answered)?)
}

/// The event and its arguments.
fn said(words: &Value) -> (String, Payload) {
    let words = words.as_array().expect("a list of words");
    (text(&words[0], ""), Payload::Text(words[1..].to_vec()))
}

/// An event without arguments comes as the only argument of `message`.
fn heard(event: &Event, payload: Payload) -> Vec<Value> {
    let mut arguments = values(payload);
    let is_bare = *event == Event::Message && matches!(arguments[..], [Value::String(_)]);
    if !is_bare {
        arguments.insert(0, json!(event.as_str()));
    }
    arguments
}

fn values(payload: Payload) -> Vec<Value> {
    match payload {
        Payload::Text(values) => values,
        other => vec![json!(format!("{other:?}"))],
    }
}

fn text(value: &Value, otherwise: &str) -> String {
    value.as_str().unwrap_or(otherwise).to_owned()
}

fn tell(mut what: Value) {
    what["who"] = json!(0);
    let mut output = io::stdout().lock();
    writeln!(output, "{what}").and_then(|()| output.flush()).expect("somebody listens");
}

const DEADLINE: Duration = Duration::from_secs(15);
