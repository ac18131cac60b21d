//! Times as people read them: teamtalk writes `%Y-%m-%d %H:%M:%S`; here it is UTC, on every node.

use hubbub_core::Millis;

/// `YYYY-MM-DD HH:MM:SS`.
pub(crate) fn timestamp(at: Millis) -> String {
    let seconds = at / 1_000;
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// The civil date of a day since the epoch. Years begin in March here, which puts the leap day at their end, and
/// an era is the 400 years after which the calendar repeats.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_BEFORE_EPOCH;
    let (era, day_of_era) = (days / DAYS_OF_ERA, days % DAYS_OF_ERA);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months_since_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * months_since_march + 2) / 5 + 1;
    let month = (months_since_march + 2) % 12 + 1;
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

const DAYS_OF_ERA: u64 = 146_097;
/// From the first of March of the year 0.
const DAYS_BEFORE_EPOCH: u64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(timestamp(0), "1970-01-01 00:00:00");
        assert_eq!(timestamp(951_782_399_999), "2000-02-28 23:59:59");
        assert_eq!(timestamp(951_782_400_000), "2000-02-29 00:00:00");
        assert_eq!(timestamp(1_700_000_000_000), "2023-11-14 22:13:20");
        assert_eq!(timestamp(1_735_689_599_000), "2024-12-31 23:59:59");
        assert_eq!(timestamp(4_107_542_400_000), "2100-03-01 00:00:00");
    }

    #[test]
    fn no_time_is_too_far_away() {
        assert!(timestamp(Millis::MAX).starts_with("584556019-"));
    }
}
