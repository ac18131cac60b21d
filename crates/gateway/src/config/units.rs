//! Values that carry their unit.

use std::{fmt, ops::Deref, str::FromStr, time::Duration};

use super::text::{Expected, textual};

/// A time, written as a whole number and a unit: `300ms`, `5s`, `2m`, `24h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// A number of bytes, written as such or with a unit: `512`, `64KiB`, `1MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub usize);

textual!(Span, Size);

impl Span {
    /// This time.
    pub const fn of(time: Duration) -> Self {
        Self(time)
    }

    /// So many seconds.
    pub const fn seconds(count: u64) -> Self {
        Self(Duration::from_secs(count))
    }

    /// So many hours.
    pub const fn hours(count: u64) -> Self {
        Self::seconds(count * 3_600)
    }
}

impl Size {
    /// So many times 1024 bytes.
    pub const fn kib(count: usize) -> Self {
        Self(count << 10)
    }

    /// So many times 1024 KiB.
    pub const fn mib(count: usize) -> Self {
        Self(count << 20)
    }
}

impl Deref for Span {
    type Target = Duration;

    fn deref(&self) -> &Duration {
        &self.0
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        span.0
    }
}

impl From<Size> for usize {
    fn from(size: Size) -> Self {
        size.0
    }
}

impl FromStr for Span {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let milliseconds = parse(text, SPANS).ok_or(Expected("a time such as 300ms, 5s or 2m"))?;
        Ok(Self(Duration::from_millis(milliseconds)))
    }
}

impl FromStr for Size {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let bytes = text.parse().ok().or_else(|| parse(text, SIZES));
        let bytes = bytes.and_then(|bytes| usize::try_from(bytes).ok());
        bytes.map(Self).ok_or(Expected("a size such as 64KiB or 1MiB"))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        write(f, milliseconds, SPANS, "s")
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.0 as u64, SIZES, "B")
    }
}

/// Units and how many of the smallest one they are, the largest first.
type Units = &'static [(&'static str, u64)];

const SPANS: Units = &[("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const SIZES: Units = &[("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

fn parse(text: &str, units: Units) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// In the largest unit that gives a whole number.
fn write(f: &mut fmt::Formatter<'_>, value: u64, units: Units, zero: &str) -> fmt::Result {
    match units.iter().find(|(_, factor)| value.is_multiple_of(*factor)) {
        Some((unit, factor)) if value > 0 => write!(f, "{}{unit}", value / factor),
        _ => write!(f, "{value}{zero}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn units_are_read_and_written_as_people_do() {
        assert_eq!("2m".parse(), Ok(Span::seconds(120)));
        assert_eq!("300ms".parse(), Ok(Span(Duration::from_millis(300))));
        assert_eq!(Span::hours(24).to_string(), "24h");
        assert_eq!(Span::seconds(90).to_string(), "90s");
        assert_eq!("64KiB".parse(), Ok(Size(65_536)));
        assert_eq!("1000".parse(), Ok(Size(1_000)));
        assert_eq!(Size::mib(1).to_string(), "1MiB");
        assert_eq!((Span::seconds(0).to_string(), Size(0).to_string()), ("0s".into(), "0B".into()));
    }

    #[test]
    fn a_number_without_its_unit_is_no_time() {
        for text in ["", "5", "s", "-5s", "5 minutes", "1.5s", "99999999999999999h", "5S"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
        for text in ["", "KiB", "64kb", "-1", "99999999999999999GiB"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(value in prop_oneof![0..100_000_u64, (0..50_u64).prop_map(|n| n * 3_600_000)]) {
            let span = Span(Duration::from_millis(value));
            prop_assert_eq!(span.to_string().parse(), Ok(span));
            let size = Size(usize::try_from(value).unwrap());
            prop_assert_eq!(size.to_string().parse(), Ok(size));
        }

        #[test]
        fn reading_never_panics(text in "\\PC*") {
            let _any = (text.parse::<Span>(), text.parse::<Size>());
        }
    }
}
