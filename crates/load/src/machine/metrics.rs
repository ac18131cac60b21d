//! What a node says of itself on its admin port, as Prometheus reads it.

use anyhow::Context;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::arguments::target::Node;

/// One reading of `/metrics`.
#[derive(Debug)]
pub(crate) struct Metrics {
    host: String,
    text: String,
}

impl Metrics {
    pub(crate) async fn read(Node { host, address }: &Node) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address).await.with_context(|| host.clone())?;
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        Ok(Self { host: host.clone(), text })
    }

    /// The value of this series, or the sum over all labels where only a metric's name is given.
    pub(crate) fn sum(&self, series: &str) -> anyhow::Result<u64> {
        let values: Vec<u64> = self.text.lines().filter_map(|line| value(line, series)).collect();
        if values.is_empty() {
            anyhow::bail!("{} does not count {series}", self.host);
        }
        Ok(values.iter().sum())
    }
}

/// Numbers of things; large ones are written as 1e9 by some.
fn value(line: &str, series: &str) -> Option<u64> {
    let rest = line.strip_prefix(series)?;
    if !rest.starts_with([' ', '{']) {
        return None;
    }
    let number: f64 = rest.rsplit_once(' ')?.1.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "numbers of things")]
    Some(number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_the_sum_of_its_series_and_of_no_other() {
        let text = "# HELP hubbub_connections Open.\nhubbub_connections{eio=\"3\"} 2\nhubbub_connections{eio=\"4\"} 3\n\
                    hubbub_connections_opened_total{eio=\"4\"} 7\nprocess_resident_memory_bytes 1.5e3\n";
        let metrics = Metrics { host: "node".into(), text: text.into() };
        assert_eq!(metrics.sum("hubbub_connections").unwrap(), 5);
        assert_eq!(metrics.sum("hubbub_connections{eio=\"3\"}").unwrap(), 2);
        assert_eq!(metrics.sum("process_resident_memory_bytes").unwrap(), 1_500);
        assert!(metrics.sum("hubbub").is_err());
    }
}
