//! Redis Cluster's hash slots.

/// How many there are.
pub(crate) const COUNT: usize = 16_384;

/// The one that a key is in: only what stands in its first braces counts, if there is anything.
pub(crate) fn slot(key: &str) -> usize {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    let counted = tag.filter(|tag| !tag.is_empty()).unwrap_or(key);
    usize::from(checksum(counted.as_bytes())) % COUNT
}

/// The checksum that Redis chooses slots by: CRC-16/XMODEM.
pub(crate) fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum, byte| {
        let [high, low] = sum.to_be_bytes();
        u16::from_be_bytes([low, 0]) ^ TABLE[usize::from(high ^ byte)]
    })
}

static TABLE: [u16; 256] = table();

const fn table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte: u16 = 0;
    while byte < 256 {
        let (mut sum, mut bit) = (byte << 8, 0);
        while bit < 8 {
            sum = if sum & 0x8000 == 0 { sum << 1 } else { sum << 1 ^ 0x1021 };
            bit += 1;
        }
        table[byte as usize] = sum;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_one_that_redis_has() {
        assert_eq!(checksum(b""), 0);
        assert_eq!(checksum(b"123456789"), 0x31C3);
    }

    #[test]
    fn the_slot_is_the_one_that_redis_says() {
        // As CLUSTER KEYSLOT answers.
        for (key, at) in
            [("foo", 12_182), ("{foo}:m", 12_182), ("a{foo}{bar}", 12_182), ("foo{}{bar}", 8_363)]
        {
            assert_eq!(slot(key), at, "{key}");
        }
    }
}
