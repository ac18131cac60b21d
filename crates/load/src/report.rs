//! The figures at the end: a table to read, JSON to keep.

pub(crate) mod comparison;
pub(crate) mod cost;
pub(crate) mod latency;
pub(crate) mod outcome;
pub(crate) mod progress;

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

use anyhow::Context;
use serde::Serialize;

use crate::machine::bill::{Bill, Watch};

/// One workload's figures. Its JSON has the same ones as its table.
pub(crate) trait Report: Serialize {
    /// Name and value, in the order to be read.
    fn rows(&self) -> Vec<Row>;

    /// Nothing lost, repeated, reordered or cut off.
    fn is_clean(&self) -> bool;

    /// Why the figures may say less than they seem to.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}

pub(crate) type Row = (&'static str, String);

/// The figures, and what it has cost all processes. Says whether the figures are clean.
pub(crate) fn publish(report: &impl Report, watch: Watch, json: Option<&Path>) -> anyhow::Result<bool> {
    let whole = Whole { report, bill: watch.end()? };
    write_table(&mut io::stdout().lock(), &[report.rows(), whole.bill.rows()].concat())?;
    for warning in report.warnings() {
        eprintln!("hubbub-load: warning: {warning}");
    }
    if let Some(path) = json {
        write_json(&whole, path).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(report.is_clean())
}

#[derive(Serialize)]
struct Whole<'a, R> {
    #[serde(flatten)]
    report: &'a R,
    #[serde(flatten)]
    bill: Bill,
}

fn write_table(out: &mut impl Write, rows: &[Row]) -> io::Result<()> {
    let names = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let values = rows.iter().map(|(_, value)| value.len()).max().unwrap_or_default();
    for (name, value) in rows {
        writeln!(out, "{name:<names$}  {value:>values$}")?;
    }
    out.flush()
}

fn write_json(report: &impl Serialize, path: &Path) -> anyhow::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    serde_json::to_writer_pretty(&mut file, report)?;
    writeln!(file)?;
    Ok(file.flush()?)
}

/// `None` for a part of nothing.
pub(crate) fn ratio(whole: f64, parts: u64) -> Option<f64> {
    (parts > 0).then(|| whole / float(parts))
}

#[expect(clippy::cast_precision_loss, reason = "a figure to read: 15 digits are enough")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

/// `1234567.8` as `1,234,568`.
pub(crate) fn count(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

pub(crate) fn decimals(number: f64) -> String {
    format!("{number:.3}")
}

/// A figure that could not be taken is a dash.
pub(crate) fn or_dash<T>(figure: Option<T>, show: impl Fn(T) -> String) -> String {
    figure.map_or_else(|| "-".to_owned(), show)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_grouped() {
        let numbers = [0.0, 999.4, 1000.0, 1_234_567.8].map(count);
        assert_eq!(numbers, ["0", "999", "1,000", "1,234,568"]);
    }

    #[test]
    fn a_table_is_aligned() {
        let mut out = Vec::new();
        write_table(&mut out, &[("a", "1".into()), ("long", "1,000".into())]).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "a         1\nlong  1,000\n");
    }
}
