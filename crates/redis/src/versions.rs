//! Where a node stands in one room's presence: every change raises a version by one, so that a missed one shows.

/// A room's presence, as far as this node has delivered it.
#[derive(Debug, Default)]
pub(crate) struct Versions {
    /// `None`: not known.
    last: Option<u64>,
    /// What Redis had when it was last asked, if that was something else though nothing had been heard.
    doubt: Option<u64>,
}

/// What a change's version says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It is the next, or the first that is heard.
    Next,
    /// It was delivered already.
    Old,
    /// Changes before it are missing.
    Jump,
}

impl Versions {
    /// The room's channel said a change that made this version.
    pub(crate) fn hear(&mut self, version: u64) -> Turn {
        match self.last {
            Some(last) if version <= last => Turn::Old,
            Some(last) if version > last + 1 => {
                // Not believed: one wrong number must not hide all that follow.
                self.last = None;
                Turn::Jump
            }
            _ => {
                self.last = Some(version);
                Turn::Next
            }
        }
    }

    /// Redis has this version. Answers whether changes were missed: asked twice, nothing heard, and still it is another.
    /// Once may be a change on its way. `quiet`: nothing was heard since it was asked.
    pub(crate) fn compared(&mut self, version: Option<u64>, quiet: bool) -> bool {
        let doubt = self.doubt.take();
        if self.last.is_none() {
            self.last = version;
        }
        if !quiet || self.last == version {
            return false;
        }
        let is_missed = doubt == Some(version.unwrap_or_default());
        if is_missed {
            self.last = version;
        } else {
            self.doubt = Some(version.unwrap_or_default());
        }
        is_missed
    }

    /// Anything may have been missed.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_tell_the_next_from_the_old_and_from_a_jump() {
        let mut versions = Versions::default();
        assert_eq!(
            [7, 8, 8, 10, 11].map(|v| versions.hear(v)),
            [Turn::Next, Turn::Next, Turn::Old, Turn::Jump, Turn::Next]
        );
        assert!(!versions.compared(Some(11), true));
        assert!(!versions.compared(Some(12), true), "it may be on its way");
        assert!(!versions.compared(Some(12), false), "it is");
        assert!(!versions.compared(Some(12), true));
        assert!(versions.compared(Some(12), true));
        assert!(!versions.compared(None, true));
        assert!(versions.compared(None, true));
        assert!(!versions.compared(None, true));
    }
}
