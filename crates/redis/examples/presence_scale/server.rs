//! A Redis of this run's own: a real process on a socket in its own folder, gone with the value.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use redis::{AsyncConnectionConfig, aio::MultiplexedConnection};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::Error;

#[derive(Debug)]
pub(crate) struct Server {
    folder: TempDir,
    process: Child,
}

impl Server {
    /// Keeps nothing on disk: what that costs is not presence's.
    pub(crate) fn start() -> Result<Self, Error> {
        let folder = tempfile::Builder::new().prefix("hubbub-scale-").tempdir()?;
        let process = Command::new("redis-server")
            .args(["--port", "0", "--unixsocket", "redis.sock", "--save", "", "--appendonly", "no"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("redis-server: {error}"))?;
        Ok(Self { folder, process })
    }

    /// Where nodes find it.
    pub(crate) fn url(&self) -> String {
        format!("unix://{}", self.folder.path().join("redis.sock").display())
    }

    /// A connection beside the nodes', as soon as it answers.
    pub(crate) async fn connect(&self) -> Result<MultiplexedConnection, Error> {
        let client = redis::Client::open(self.url())?;
        // What it is asked for may be long, and the machine busy: the default is half a second.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let began = Instant::now();
        loop {
            match client.get_multiplexed_async_connection_with_config(&config).await {
                Ok(connection) => return Ok(connection),
                Err(error) if began.elapsed() > STARTING => return Err(error.into()),
                Err(_) => sleep(GLANCE).await,
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Whatever happens here, the run has its figures.
        let _ = (self.process.kill(), self.process.wait());
    }
}

const STARTING: Duration = Duration::from_secs(10);
const GLANCE: Duration = Duration::from_millis(20);
