//! RFC 6455, section 5.2, read from the beginning each time.

/// The lengths of the head with which these bytes begin, and of the payload behind it; `None`: the head is not whole.
pub(crate) fn head(bytes: &[u8]) -> Option<(usize, u64)> {
    let (kind, rest) = bytes.get(1)?.checked_rem(128).zip(bytes.get(2..))?;
    let digits = match kind {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let mask = if bytes[1] >= 128 { 4 } else { 0 };
    let length = rest.get(..digits)?.iter().fold(0, |length, byte| length << 8 | u64::from(*byte));
    rest.get(digits + mask..)?;
    Some((2 + digits + mask, if digits == 0 { u64::from(kind) } else { length }))
}

/// Where a stream stands after all of these bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Between two frames.
    Between {
        messages: bool,
    },
    Head,
    /// So much of the payload is to come.
    Payload(u64),
}

impl Place {
    pub(crate) fn after(mut bytes: &[u8]) -> Self {
        let mut messages = true;
        while !bytes.is_empty() {
            let Some((head, length)) = head(bytes) else { return Self::Head };
            if bytes[0] & 8 == 0 {
                messages = bytes[0] & 128 != 0;
            }
            let behind = (bytes.len() - head) as u64;
            if behind < length {
                return Self::Payload(length - behind);
            }
            bytes = &bytes[head + usize::try_from(length).expect("it is all there")..];
        }
        Self::Between { messages }
    }
}
