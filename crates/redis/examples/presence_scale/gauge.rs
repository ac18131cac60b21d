//! What Redis says of itself: memory, processor time, and the time of its calls.

use std::cell::Cell;

use redis::{RedisResult, aio::MultiplexedConnection};
use serde::Serialize;

use crate::Error;

/// Reads what has been since [`Gauge::reset`].
#[derive(Debug, Clone)]
pub(crate) struct Gauge {
    redis: MultiplexedConnection,
    /// Seconds of processor time at the last reset.
    cpu: Cell<f64>,
}

/// Calls of one command, and Redis's time for them in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Calls {
    pub(crate) count: u64,
    pub(crate) mean: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Processor time of each, with all that Redis does around it: reading, answering, telling those who listen.
    pub(crate) cpu: f64,
}

/// One call of a script.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    /// The number of its keys, which tells the presence scripts from one another.
    pub(crate) keys: usize,
    pub(crate) micros: u64,
}

impl Gauge {
    pub(crate) fn new(redis: MultiplexedConnection) -> Self {
        Self { redis, cpu: Cell::new(0.0) }
    }

    pub(crate) async fn reset(&self) -> Result<(), Error> {
        let mut redis = self.redis.clone();
        redis::cmd("CONFIG").arg("RESETSTAT").exec_async(&mut redis).await?;
        redis::cmd("SLOWLOG").arg("RESET").exec_async(&mut redis).await?;
        self.cpu.set(self.cpu_since_start().await?);
        Ok(())
    }

    /// Bytes that Redis uses, connections left out: their buffers are as large as their last burst.
    pub(crate) async fn memory(&self) -> Result<u64, Error> {
        let info = self.info("memory").await?;
        let bytes = |name| -> Result<u64, Error> { Ok(field(&info, name)?.parse()?) };
        Ok(bytes("used_memory")?.saturating_sub(bytes("mem_clients_normal")?))
    }

    /// Seconds of processor time.
    pub(crate) async fn cpu(&self) -> Result<f64, Error> {
        Ok(self.cpu_since_start().await? - self.cpu.get())
    }

    async fn cpu_since_start(&self) -> Result<f64, Error> {
        let info = self.info("cpu").await?;
        let seconds = |name| -> Result<f64, Error> { Ok(field(&info, name)?.parse()?) };
        Ok(seconds("used_cpu_user")? + seconds("used_cpu_sys")?)
    }

    /// All calls of a command together.
    pub(crate) async fn calls(&self, command: &str) -> Result<Calls, Error> {
        let cpu = self.cpu().await?;
        let (stats, latencies) = (self.info("commandstats").await?, self.info("latencystats").await?);
        // What was not called is not named.
        let Ok(stats) = field(&stats, &format!("cmdstat_{command}")) else { return Ok(Calls::default()) };
        let latencies = field(&latencies, &format!("latency_percentiles_usec_{command}"))?;
        let count = part(stats, "calls")?.parse()?;
        Ok(Calls {
            count,
            mean: part(stats, "usec_per_call")?.parse()?,
            p50: part(latencies, "p50")?.parse()?,
            p99: part(latencies, "p99")?.parse()?,
            cpu: cpu * 1e6 / float(count),
        })
    }

    /// From here on each call is noted, until the next time.
    pub(crate) async fn note_each(&self) -> RedisResult<()> {
        self.configure("slowlog-max-len", MOST_NOTED).await?;
        self.configure("slowlog-log-slower-than", "0").await
    }

    /// The calls of scripts that were noted. Nothing is noted from here on.
    pub(crate) async fn noted(&self) -> Result<Vec<Call>, Error> {
        self.configure("slowlog-log-slower-than", "-1").await?;
        let mut redis = self.redis.clone();
        let noted: Vec<Noted> = redis::cmd("SLOWLOG").arg("GET").arg(-1).query_async(&mut redis).await?;
        Ok(noted.iter().filter_map(call).collect())
    }

    async fn configure(&self, name: &str, value: &str) -> RedisResult<()> {
        redis::cmd("CONFIG").arg("SET").arg(name).arg(value).exec_async(&mut self.redis.clone()).await
    }

    async fn info(&self, section: &str) -> RedisResult<String> {
        redis::cmd("INFO").arg(section).query_async(&mut self.redis.clone()).await
    }
}

impl Calls {
    /// These calls, told from others of the same command by hand.
    pub(crate) fn of(mut micros: Vec<u64>) -> Self {
        micros.sort_unstable();
        let at =
            |percent: usize| micros.get(micros.len() * percent / 100).map_or(0.0, |&micros| float(micros));
        let count = micros.len() as u64;
        let mean = float(micros.iter().sum()) / float(count).max(1.0);
        Self { count, mean, p50: at(50), p99: at(99), cpu: 0.0 }
    }
}

/// Number, time, microseconds, arguments, address and name of the client.
type Noted = (u64, u64, u64, Vec<String>, String, String);

/// `EVALSHA <hash> <number of keys> ..`
fn call((_, _, micros, words, ..): &Noted) -> Option<Call> {
    let [command, _, keys, ..] = words.as_slice() else { return None };
    let keys = keys.parse().ok()?;
    command.eq_ignore_ascii_case("EVALSHA").then_some(Call { keys, micros: *micros })
}

/// `used_memory:900000`
fn field<'a>(info: &'a str, name: &str) -> Result<&'a str, Error> {
    let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    Ok(value.ok_or_else(|| format!("INFO says nothing of {name}"))?.trim())
}

/// `calls=1,usec=20,usec_per_call=20.00`
fn part<'a>(list: &'a str, name: &str) -> Result<&'a str, Error> {
    let value = list.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    Ok(value.ok_or_else(|| format!("no {name} in {list}"))?)
}

#[expect(clippy::cast_precision_loss, reason = "a figure to read: 15 digits are enough")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

const MOST_NOTED: &str = "100000";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_not_another_that_begins_like_it() {
        let info =
            "used_memory_rss:7\r\nused_memory:900\r\ncmdstat_evalsha:calls=2,usec=9,usec_per_call=4.50\r\n";
        assert_eq!(field(info, "used_memory").expect("a field"), "900");
        let stats = field(info, "cmdstat_evalsha").expect("a field");
        assert_eq!(part(stats, "usec_per_call").expect("a part"), "4.50");
        assert!(field(info, "used").is_err() && part(stats, "p50").is_err());
    }

    #[test]
    fn calls_that_were_noted_are_summed_up() {
        let calls = Calls::of((1..=100).rev().collect());
        assert_eq!(calls, Calls { count: 100, mean: 50.5, p50: 51.0, p99: 100.0, cpu: 0.0 });
        assert_eq!(Calls::of(Vec::new()), Calls::default());
    }
}
