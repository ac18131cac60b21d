//! The events that clients may send, as a closed set of labels.

/// What every event is called that no vocabulary has.
const UNKNOWN: &str = "unknown";

/// Every word of every vocabulary, and [`UNKNOWN`]. Sorted.
const WORDS: &[&str] = &[
    "add user",
    "addUser",
    "adduser",
    "channel selected",
    "chat message",
    "history",
    "identify",
    "join",
    "leave",
    "members",
    "message",
    "modify",
    "new message",
    "read",
    "rename",
    "send",
    "sendChat",
    "sendchat",
    "stop typing",
    "submit message",
    "typing",
    UNKNOWN,
];

/// All labels there are.
pub(super) fn all() -> Vec<&'static str> {
    WORDS.to_vec()
}

/// The label of an event of this name.
pub(super) fn label(name: &str) -> &'static str {
    WORDS.binary_search(&name).map_or(UNKNOWN, |at| WORDS[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_labels_and_nothing_else_is() {
        assert!(WORDS.is_sorted());
        assert_eq!(label("stop typing"), "stop typing");
        assert_eq!(label("<script>"), "unknown");
    }
}
