//! How much something grows with each round, whatever single rounds do: a straight line by least squares.

/// Per round; `None` of fewer than two rounds.
pub(crate) fn slope(rounds: &[f64]) -> Option<f64> {
    let count = u32::try_from(rounds.len()).ok().filter(|count| *count > 1)?;
    let at_mean = f64::from(count - 1) / 2.0;
    let mean = rounds.iter().sum::<f64>() / f64::from(count);
    let (mut together, mut apart) = (0.0, 0.0);
    for (at, value) in (0..count).map(f64::from).zip(rounds) {
        together += (at - at_mean) * (value - mean);
        apart += (at - at_mean) * (at - at_mean);
    }
    Some(together / apart)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_growth_is_found_and_a_single_jump_is_smaller() {
        let steady: Vec<f64> = (0..40).map(|round| 100.0 + 0.5 * f64::from(round)).collect();
        assert!((slope(&steady).unwrap() - 0.5).abs() < 1e-9);
        let mut jump = vec![100.0; 40];
        jump[39] = 110.0;
        assert!(slope(&jump).unwrap() < 0.1);
        assert_eq!((slope(&[1.0]), slope(&[])), (None, None));
    }
}
