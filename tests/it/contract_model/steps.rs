//! What happens in a room's life: steps that mean something in any order, so that any part of a plan is a plan.

use std::{fmt, time::Duration};

use proptest::{collection::vec, prelude::*};

/// What happens, one after the other.
#[derive(Clone)]
pub(super) struct Plan(pub(super) Vec<Step>);

impl fmt::Debug for Plan {
    /// A step a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| write!(f, "\n    {step:?}"))
    }
}

/// One thing that happens. Numbers choose among whatever there is by then.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Word(Word),
    /// A node dies and another takes its place.
    Kill(usize),
    /// A node stands still.
    Pause(usize),
    /// One that stood still goes on.
    Return(usize),
    /// A node ends in order and another takes its place.
    Resign(usize),
    /// Redis stands still for longer than a lease, and this is what people do meanwhile.
    Outage(Vec<Word>),
    /// Redis loses everything.
    Flush,
    Wait(Duration),
    /// Nothing happens until everything has come to rest; then all must be as the model says.
    Rest,
}

/// What a session does.
#[derive(Debug, Clone)]
pub(super) enum Word {
    Come(Coming),
    /// One that is in takes this name.
    Rename(usize, usize),
    /// One that is in goes.
    Go(usize, Duration),
}

/// A new session comes into a room.
#[derive(Debug, Clone)]
pub(super) struct Coming {
    pub(super) node: usize,
    pub(super) room: usize,
    pub(super) user: usize,
    /// It is somebody else's, who wants the same place.
    pub(super) is_stranger: bool,
    pub(super) name: usize,
    /// How long the leave is held back if the node ends in order.
    pub(super) grace: Duration,
}

/// How long things take on a backplane.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// A grace that is over before long.
    pub(super) short: Duration,
    pub(super) wait: Duration,
}

/// Longer than a plan.
const LONG: Duration = Duration::from_mins(10);

/// What people do, on a node that nothing happens to.
pub(super) fn quiet_plan(pace: Pace) -> impl Strategy<Value = Plan> {
    let step = prop_oneof![16 => word(pace).prop_map(Step::Word), 2 => wait(pace), 3 => Just(Step::Rest)];
    vec(step, 0..40).prop_map(Plan)
}

/// What people do, and what happens to their nodes and to Redis.
pub(super) fn stormy_plan(pace: Pace) -> impl Strategy<Value = Plan> {
    let step = prop_oneof![
        24 => word(pace).prop_map(Step::Word),
        2 => (0..60_usize).prop_map(Step::Kill),
        2 => (0..60_usize).prop_map(Step::Pause),
        3 => (0..60_usize).prop_map(Step::Return),
        1 => (0..60_usize).prop_map(Step::Resign),
        1 => vec(word(pace), 0..3).prop_map(Step::Outage),
        1 => Just(Step::Flush),
        4 => wait(pace),
        5 => Just(Step::Rest),
    ];
    vec(step, 10..40).prop_map(Plan)
}

fn word(pace: Pace) -> impl Strategy<Value = Word> {
    let grace = prop_oneof![Just(Duration::ZERO), Just(pace.short), Just(LONG)];
    prop_oneof![
        6 => coming(pace).prop_map(Word::Come),
        2 => (0..60_usize, 0..3_usize).prop_map(|(session, name)| Word::Rename(session, name)),
        4 => (0..60_usize, grace).prop_map(|(session, grace)| Word::Go(session, grace)),
    ]
}

fn coming(pace: Pace) -> impl Strategy<Value = Coming> {
    let grace = prop_oneof![Just(Duration::ZERO), Just(pace.short), Just(LONG)];
    (0..60_usize, 0..2_usize, 0..3_usize, proptest::bool::weighted(0.2), 0..3_usize, grace).prop_map(
        |(node, room, user, is_stranger, name, grace)| Coming { node, room, user, is_stranger, name, grace },
    )
}

fn wait(pace: Pace) -> impl Strategy<Value = Step> {
    (0..=10_u32).prop_map(move |tenths| Step::Wait(pace.wait * tenths / 10))
}
