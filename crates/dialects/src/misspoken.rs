//! Why words were malformed.

use hubbub_core::{InvalidId, InvalidName, Refusal, RefusalCode};

/// What is wrong with a word that a vocabulary knows, or with a v1 greeting. Its text is for the person who sent it
/// and repeats nothing of what they sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misspoken {
    /// No such event. `decode` never says so, it says `None`; it is here for those who count and answer that.
    #[error("there is no such event here")]
    UnknownWord,
    /// What should be there is not.
    #[error("{0} is missing")]
    MissingArgument(&'static str),
    /// It is something else than the second text says.
    #[error("{0} must be {1}")]
    WrongType(&'static str, &'static str),
    /// A string, but not one that can be this.
    #[error("{0} {1}")]
    Invalid(&'static str, InvalidId),
    /// A name, but none for a person; only v1 says so, the tutorials make a guest of them.
    #[error("the name {0}")]
    InvalidName(InvalidName),
    /// Part of the protocol, but not served here.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
}

impl Misspoken {
    /// Every label, for metrics that start at 0.
    pub const LABELS: &[&str] = &[
        "unknown_word",
        "missing_argument",
        "wrong_type",
        "empty",
        "too_long",
        "bad_character",
        "invalid_name",
        "unsupported",
    ];

    /// Its kind, for a metric: one of [`Self::LABELS`].
    pub fn label(&self) -> &'static str {
        match self {
            Self::UnknownWord => "unknown_word",
            Self::MissingArgument(_) => "missing_argument",
            Self::WrongType(..) => "wrong_type",
            Self::Invalid(_, InvalidId::Empty) => "empty",
            Self::Invalid(_, InvalidId::TooLong) => "too_long",
            Self::Invalid(_, InvalidId::Character) => "bad_character",
            Self::InvalidName(_) => "invalid_name",
            Self::Unsupported(_) => "unsupported",
        }
    }

    /// What a client is told: `name_invalid` for a name, `bad_request` for everything else.
    pub fn refusal(&self) -> Refusal {
        let code = match self {
            Self::InvalidName(_) => RefusalCode::NameInvalid,
            _ => RefusalCode::BadRequest,
        };
        Refusal::new(code, self.to_string())
    }
}
