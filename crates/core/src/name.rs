//! What a person may be called: names as they are typed, normalised and weighed once, at the edge.

mod shown;

use std::{collections::HashSet, sync::LazyLock};

use unicode_script::Script;
use unicode_security::mixed_script::AugmentedScriptSet;

use crate::{InvalidId, Name, likeness::likeness};

/// Why nobody may have a name for their own. The text is for the person who wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// It is no name at all.
    #[error(transparent)]
    Unfit(#[from] InvalidId),
    /// Letters of several alphabets, which is how one name is made to look like another.
    #[error("mixes alphabets")]
    Mixed,
    /// It looks like the server's, or is a word that programs trip over.
    #[error("is reserved")]
    Reserved,
}

impl Name {
    /// A name as somebody typed it, in NFKC and with single spaces. Refused is what cannot be seen or reorders the text
    /// around it, marks without a letter or in towers, and more than [`Name::MAX`] characters.
    ///
    /// Others may have the same one; for a name of one's own there is [`Name::own`].
    pub fn typed(text: &str) -> Result<Self, InvalidId> {
        if text.chars().nth(TYPED_MAX).is_some() {
            return Err(InvalidId::TooLong);
        }
        let text = shown::normal(text.trim());
        if shown::is_fit(&text) { Self::parse(&text) } else { Err(InvalidId::Character) }
    }

    /// A name that is to be one person's alone: as it was typed, in one alphabet, or in Latin letters beside Japanese,
    /// Chinese or Korean ones (what UTS 39 calls highly restrictive), and no reserved one nor anything like it.
    ///
    /// Whose it is, or whose the one that it looks like, is a question for [`crate::UserId::of_name`].
    pub fn own(text: &str) -> Result<Self, InvalidName> {
        let name = Self::typed(text)?;
        if mixes_alphabets(name.as_str()) {
            return Err(InvalidName::Mixed);
        }
        if is_reserved(name.as_str()) { Err(InvalidName::Reserved) } else { Ok(name) }
    }
}

fn mixes_alphabets(name: &str) -> bool {
    let (mut all, mut beside_latin) = (AugmentedScriptSet::default(), AugmentedScriptSet::default());
    for alphabets in name.chars().map(AugmentedScriptSet::for_char) {
        all.intersect_with(alphabets);
        if !alphabets.base.contains_script(Script::Latin) {
            beside_latin.intersect_with(alphabets);
        }
    }
    all.is_empty() && !(beside_latin.jpan || beside_latin.hanb || beside_latin.kore)
}

fn is_reserved(name: &str) -> bool {
    static PROPERTIES: LazyLock<HashSet<String>> =
        LazyLock::new(|| OBJECT_PROPERTIES.iter().map(|word| likeness(word)).collect());
    static OFFICES: LazyLock<HashSet<String>> =
        LazyLock::new(|| RESERVED.iter().map(|word| likeness(word)).collect());
    let alike = likeness(name);
    // "[Server]" and "S e r v e r" too.
    let letters: String = alike.chars().filter(|c| c.is_alphanumeric()).collect();
    PROPERTIES.contains(&alike) || OFFICES.contains(&letters)
}

/// The longest text that may still be a name: NFKC makes one letter of three and more characters.
const TYPED_MAX: usize = 4 * Name::MAX;

/// Names that speak for the server, whatever their case and whatever stands between their letters.
const RESERVED: &[&str] = &["server", "system", "admin", "administrator", "moderator", "root", "hubbub"];

/// What every JavaScript object has already, in a client that keeps people by their names.
const OBJECT_PROPERTIES: &[&str] = &[
    "__proto__",
    "constructor",
    "prototype",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toLocaleString",
    "toString",
    "valueOf",
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
];

#[cfg(test)]
mod tests;
