//! Presence held against a model: whatever people do, and whatever happens to their nodes and to Redis, everyone comes to
//! know who is there.
//!
//! A seed makes a plan; a plan that fails is made smaller. `HUBBUB_SEED=<the seed that was printed>` plays one again, and
//! `HUBBUB_LONG=1` plays many more.

mod model;
mod stage;
mod steps;
mod watch;

use std::{
    env, thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use proptest::{
    prelude::Strategy,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use tokio::runtime::Builder;

use self::{
    stage::Stage,
    steps::{Pace, Plan, quiet_plan, stormy_plan},
};
use crate::contract_world::World;

/// Plans at a time. They wait more than they work.
const AT_ONCE: u64 = 4;

#[test]
fn memory_agrees_with_the_model() {
    let pace = Pace { short: Duration::from_millis(10), wait: Duration::from_millis(20) };
    let plans = if hubbub_tests::runs_long() { 500 } else { 50 };
    play(plans, move || quiet_plan(pace), World::memory);
}

#[test]
fn redis_agrees_with_the_model_whatever_happens_to_it_and_to_nodes() {
    let pace = Pace { short: Duration::from_millis(300), wait: Duration::from_secs(3) };
    let plans = if hubbub_tests::runs_long() { 20 } else { 2 };
    play(plans, move || stormy_plan(pace), World::redis);
}

/// Plays so many plans, one after the other, several times at once.
fn play<S: Strategy<Value = Plan>>(plans: u32, plan: impl Fn() -> S + Copy + Send, world: fn() -> World) {
    let given = env::var("HUBBUB_SEED").ok().map(|seed| seed.parse().expect("a number"));
    let first = given.unwrap_or_else(today);
    let (plans, at_once) = if given.is_some() { (1, 1) } else { (plans, AT_ONCE) };
    thread::scope(|scope| {
        for seed in first..first + at_once {
            scope.spawn(move || {
                for number in 0..u64::from(plans) {
                    let seed = seed + number * AT_ONCE;
                    play_one(seed, &plan(), world);
                }
            });
        }
    });
}

fn play_one<S: Strategy<Value = Plan>>(seed: u64, plan: &S, world: fn() -> World) {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let config =
        Config { cases: 1, failure_persistence: None, max_shrink_time: SHRINKING, ..Config::default() };
    let played = TestRunner::new_with_rng(config, rng).run(plan, |plan| {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(Stage::play(world(), &plan.0));
        Ok(())
    });
    played.unwrap_or_else(|failure| panic!("HUBBUB_SEED={seed}: {failure}"));
}

/// Another one at each start.
fn today() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs() * 1_000
}

/// Milliseconds for which a plan that failed is made smaller. A smaller one that fails takes its time as well.
const SHRINKING: u32 = 60_000;
