//! The description, as a test looks into it.

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::{Value, json};

pub(super) type Names = BTreeSet<String>;

pub(super) struct Document(pub(super) Value);

impl Document {
    pub(super) fn read() -> Self {
        let text = include_str!("../../../../../docs/asyncapi.yaml");
        Self(serde_saphyr::from_str(text).expect("the document is YAML"))
    }

    /// What is not described is not there. The document itself leaves room for what may come.
    pub(super) fn closed(mut self) -> Self {
        close(&mut self.0);
        self
    }

    /// The keys of what nodes hear (`receive`) or tell (`send`).
    pub(super) fn messages(&self, action: &str) -> Names {
        let operations = self.0["operations"].as_object().expect("operations").values();
        operations.filter(|operation| operation["action"] == action).flat_map(keys).collect()
    }

    /// The words that are requests; a connection begins with none.
    pub(super) fn words(&self) -> Names {
        self.messages("receive").into_iter().filter(|key| key != "connect").collect()
    }

    /// What they are called on the wire.
    pub(super) fn names(&self, action: &str) -> Names {
        self.messages(action).iter().map(|key| self.name(key)).collect()
    }

    /// What it is called on the wire.
    pub(super) fn name(&self, key: &str) -> String {
        self.0["components"]["messages"][key]["name"].as_str().expect("a name").to_owned()
    }

    /// The keys of what may answer it.
    pub(super) fn replies(&self, word: &str) -> Names {
        keys(&self.0["operations"][word]["reply"]).collect()
    }

    /// The fields of a message.
    pub(super) fn fields(&self, key: &str) -> Names {
        let schema = self.0.pointer(&payload(key)).expect("a payload");
        let schema = match schema["$ref"].as_str() {
            Some(elsewhere) => self.0.pointer(&elsewhere[1..]).expect("a schema"),
            None => schema,
        };
        schema["properties"].as_object().expect("fields").keys().cloned().collect()
    }

    /// Judges by the schema at this place.
    pub(super) fn validator(&self, pointer: &str) -> Validator {
        let schema = json!({ "$ref": format!("#{pointer}"), "components": self.0["components"] });
        jsonschema::draft7::new(&schema).expect("a schema")
    }
}

/// Where the schema of a message is.
pub(super) fn payload(key: &str) -> String {
    format!("/components/messages/{key}/payload")
}

/// The messages that it refers to.
fn keys(part: &Value) -> impl Iterator<Item = String> {
    let messages = part["messages"].as_array().expect("messages");
    messages.iter().map(|message| {
        let key = message["$ref"].as_str().and_then(|key| key.strip_prefix("#/channels/v1/messages/"));
        key.expect("a message of the channel").to_owned()
    })
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let is_open = fields.get("type").is_some_and(|kind| *kind == "object")
                && fields.contains_key("properties")
                && !fields.contains_key("additionalProperties");
            fields.values_mut().for_each(close);
            if is_open {
                fields.insert("additionalProperties".to_owned(), false.into());
            }
        }
        Value::Array(parts) => parts.iter_mut().for_each(close),
        _ => {}
    }
}
