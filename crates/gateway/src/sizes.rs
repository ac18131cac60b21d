//! What an idle connection is made of, in bytes. Each bound is what the type has now: whoever needs more raises it on
//! purpose, for it is paid for each connection.

use crate::{connection::Connection, ears::Ears, peer::Peer};

/// The size of the future that a function of one argument returns.
fn of_future<A, F>(_: impl FnOnce(A) -> F) -> usize {
    size_of::<F>()
}

#[test]
fn an_idle_sessions_task_keeps_little_more_than_the_way_to_its_session() {
    assert!(of_future(Connection::run) <= 56, "{}", of_future(Connection::run));
}

#[test]
fn a_session_keeps_nothing_that_only_its_beginning_needs() {
    let sizes = [size_of::<Connection>(), size_of::<Peer>(), size_of::<Ears>()];
    assert!(sizes.iter().zip([384, 256, 48]).all(|(size, bound)| *size <= bound), "{sizes:?}");
}
