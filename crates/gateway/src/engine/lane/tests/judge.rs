//! What the client must hear, and whether it does.

use crate::engine::Namespace;

/// Holds what was heard against what was said.
#[derive(Default)]
pub(super) struct Judge {
    /// What the library said and did not hide, and how much of it was heard.
    said: Vec<String>,
    heard: usize,
    namespaces: [Connects; 4],
}

/// One namespace's connects.
#[derive(Default)]
struct Connects {
    /// What was pushed to each.
    pushed: Vec<Vec<String>>,
    /// So many of them were heard of, and of the last one so many frames.
    begun: usize,
    heard: usize,
    is_open: bool,
}

impl Judge {
    /// The library's next text of so many bytes.
    pub(super) fn says(&mut self, length: usize) -> String {
        let text = text('L', self.said.len(), length);
        self.said.push(text.clone());
        text
    }

    /// A ping that is the client's own affair.
    pub(super) fn pings(&mut self) -> String {
        self.said.push("2".to_owned());
        "2".to_owned()
    }

    /// The answer to a CONNECT.
    pub(super) fn connects(&mut self, namespace: Namespace) -> String {
        let connects = &mut self.namespaces[usize::from(namespace)];
        connects.pushed.push(Vec::new());
        connects.is_open = true;
        let text = format!("40{namespace}{}", connects.pushed.len());
        self.said.push(text.clone());
        text
    }

    pub(super) fn disconnects(&mut self, namespace: Namespace) {
        self.namespaces[usize::from(namespace)].is_open = false;
    }

    /// The next text of so many bytes to a namespace; `None`: it is not connected.
    pub(super) fn pushes(&mut self, namespace: Namespace, length: usize) -> Option<String> {
        let connects = &mut self.namespaces[usize::from(namespace)];
        let number = connects.pushed.len() * 1_000;
        let pushed = connects.pushed.last_mut().filter(|_| connects.is_open)?;
        let text = text(char::from(b'a' + namespace), number + pushed.len(), length);
        pushed.push(text.clone());
        Some(text)
    }

    /// The client heard this.
    pub(super) fn hears(&mut self, text: &str) {
        let side = text.bytes().next().expect("no text is empty");
        if let namespace @ 0..4 = side.wrapping_sub(b'a') {
            return self.namespaces[usize::from(namespace)].hear(text);
        }
        assert_same(text, self.said.get(self.heard));
        self.heard += 1;
        if let Some(namespace) = text.strip_prefix("40") {
            let connects = &mut self.namespaces[usize::from(namespace.as_bytes()[0] - b'0')];
            (connects.begun, connects.heard) = (connects.begun + 1, 0);
        }
    }

    /// Whether everything was heard that is still to be heard.
    pub(super) fn is_content(&self) -> bool {
        self.heard == self.said.len() && self.namespaces.iter().all(Connects::are_content)
    }

    /// How much of what was said was heard, and of what was pushed to each namespace.
    pub(super) fn awaits(&self) -> String {
        let pushed = |connects: &Connects| (connects.heard, connects.pushed.last().map(Vec::len));
        let pushed: Vec<_> = self.namespaces.iter().map(pushed).collect();
        format!("{} of {}, {pushed:?}", self.heard, self.said.len())
    }
}

impl Connects {
    fn hear(&mut self, text: &str) {
        let pushed = self.begun.checked_sub(1).map(|connect| &self.pushed[connect]);
        assert_same(text, pushed.expect("nothing comes before the CONNECT").get(self.heard));
        self.heard += 1;
    }

    fn are_content(&self) -> bool {
        !self.is_open || self.pushed.last().is_some_and(|pushed| self.heard == pushed.len())
    }
}

fn text(side: char, number: usize, length: usize) -> String {
    let mut text = format!("{side}{number}{}", ".".repeat(length));
    text.truncate(length.max(1));
    text
}

fn assert_same(heard: &str, said: Option<&String>) {
    let short = |text: &str| (text.len(), text.chars().take(40).collect::<String>());
    assert_eq!(Some(short(heard)), said.map(|said| short(said)), "heard, and said at that place");
    assert!(said.is_some_and(|said| said == heard));
}
