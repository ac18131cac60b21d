//! The lane held against what both ends must see, over real TCP with hardly any room in its buffers: whatever is pushed,
//! said, written and read in whatever pieces, the client reads whole frames, each once and in order, and the library
//! what the client said.
//!
//! A seed makes plans; a plan that fails is made smaller. `HUBBUB_SEED=<the seed that was printed>` plays it again, and
//! `HUBBUB_LONG=1` plays many more.

mod client;
mod judge;
mod library;
mod reading;
mod stage;
mod writing;

use std::{
    env,
    time::{SystemTime, UNIX_EPOCH},
};

use proptest::{
    strategy::Strategy,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use tokio::runtime::Builder;

#[test]
fn whatever_is_said_and_written_in_whatever_pieces_the_client_reads_whole_frames_in_order() {
    play(writing::plan(), |plan| Box::pin(writing::play(plan)));
}

#[test]
fn whatever_comes_in_whatever_pieces_the_library_reads_what_the_client_said() {
    play(reading::plan(), |plan| Box::pin(reading::play(plan)));
}

/// Plays many plans, each in a runtime of its own.
fn play<P: std::fmt::Debug>(
    plans: impl Strategy<Value = P>,
    play: impl Fn(P) -> std::pin::Pin<Box<dyn Future<Output = ()>>>,
) {
    let seed = env::var("HUBBUB_SEED").map_or_else(|_| today(), |seed| seed.parse().expect("a number"));
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let cases = if env::var_os("HUBBUB_LONG").is_some() { LONG } else { SHORT };
    let config = Config { cases, failure_persistence: None, max_shrink_time: SHRINKING, ..Config::default() };
    let played = TestRunner::new_with_rng(config, rng).run(&plans, |plan| {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(play(plan));
        Ok(())
    });
    played.unwrap_or_else(|failure| panic!("HUBBUB_SEED={seed}: {failure}"));
}

/// Another one at each start.
fn today() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs()
}

/// Plans of each kind.
const SHORT: u32 = 100;
const LONG: u32 = 4_000;
/// Milliseconds in which a plan that fails is made smaller.
const SHRINKING: u32 = 20_000;
