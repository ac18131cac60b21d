//! The judge of presence is told every lie that it must find: an honest run, forged in one way at a time.

use std::time::Duration;

use hubbub_chaos::presence::{
    judge::{Finding, Verdict, judge},
    sight::{List, Sight, Told, User},
    truth::{Fate, Truth},
};

#[test]
fn an_honest_run_is_clean() {
    let verdict = judge(&[honest(), honest()], &truth());
    assert_eq!((verdict.mistold(), verdict.mislisted()), (0, 0), "{:?}", verdict.examples());
    assert_eq!(verdict.told, 2 * 3, "one went, another went and came back");
}

#[test]
fn who_leaves_twice_leaves_out_of_turn() {
    let forged = and(changed(&[], &["goes"], 3));
    found(&forged, &[Finding::OutOfTurn, Finding::Unfounded]);
}

#[test]
fn who_comes_twice_comes_out_of_turn() {
    let forged = and(changed(&["returns"], &[], 3));
    found(&forged, &[Finding::OutOfTurn, Finding::Unfounded]);
}

#[test]
fn who_comes_twice_before_anything_happens_comes_out_of_turn_too() {
    found(&with(1, changed(&["stays", "goes", "returns", "watches"], &[], 4)), &[Finding::OutOfTurn]);
}

#[test]
fn who_stays_and_is_told_to_be_gone_and_back_was_told_without_a_reason() {
    let forged = and(changed(&[], &["stays"], 2));
    found(&and_to(forged, changed(&["stays"], &[], 3)), &[Finding::Unfounded]);
}

#[test]
fn a_stranger_is_told_without_a_reason_and_is_nobody_in_the_end() {
    found(&and(changed(&["stranger"], &[], 4)), &[Finding::Unfounded, Finding::WrongEnd]);
}

#[test]
fn a_leave_that_is_not_told_is_missed_and_its_ghost_is_found() {
    found(
        &with(2, changed(&[], &["returns"], 3)),
        &[Finding::Untold, Finding::Miscounted, Finding::WrongEnd],
    );
}

#[test]
fn a_leave_before_its_time_is_early() {
    let mut forged = honest();
    forged.entries[2].0 = Duration::from_millis(11_999);
    found(&forged, &[Finding::Early]);
}

#[test]
fn who_is_not_told_to_be_back_is_missed() {
    let mut forged = honest();
    forged.entries.pop();
    found(&forged, &[Finding::Untold, Finding::WrongEnd]);
}

#[test]
fn who_goes_and_returns_where_nothing_was_to_be_told_of_it_is_found() {
    let mut forged = honest();
    forged.entries.truncate(2);
    found(&forged, &[Finding::Untold, Finding::WrongEnd]);
}

#[test]
fn who_goes_twice_in_turn_and_should_go_once_is_found() {
    let forged = and(changed(&["goes"], &[], 4));
    found(&and_to(forged, changed(&[], &["goes"], 3)), &[Finding::Unfounded]);
}

#[test]
fn who_was_forgotten_may_go_and_come_back_but_in_turn_and_is_here_in_the_end() {
    let truth = truth().with(&[User::from("stays")], Fate::Forgotten);
    let gone = and(changed(&[], &["stays"], 2));
    let back = and_to(gone.clone(), changed(&["stays"], &[], 3));
    let verdict = judge(&[honest(), back.clone()], &truth);
    assert_eq!((verdict.mistold(), verdict.mislisted(), verdict.forgotten), (0, 0, 1));
    found_by(&gone, &truth, &[Finding::WrongEnd]);
    found_by(&and_to(back, changed(&["stays"], &[], 3)), &truth, &[Finding::OutOfTurn]);
}

#[test]
fn a_count_that_nobody_can_count_is_found() {
    found(&with(2, changed(&[], &["goes", "returns"], 3)), &[Finding::Miscounted]);
    found(&with(0, Told::Found(list(&["watches"], 2))), &[Finding::Miscounted]);
}

#[test]
fn a_nodes_list_is_judged_too() {
    let listed = |list: &List| {
        let mut verdict = Verdict::default();
        verdict.lists("a node", list, &truth());
        findings(&verdict)
    };
    assert_eq!(listed(&list(&["watches", "stays", "returns"], 3)), []);
    assert_eq!(listed(&list(&["watches", "stays", "returns"], 4)), [Finding::Miscounted]);
    assert_eq!(listed(&list(&["watches", "stays"], 2)), [Finding::WrongEnd]);
    assert_eq!(listed(&list(&["watches", "stays", "returns", "goes"], 4)), [Finding::WrongEnd]);
    let twice = list(&["watches", "stays", "returns", "returns"], 4);
    assert_eq!(listed(&twice), [Finding::Miscounted]);
}

/// An observer that sees three others come. From the tenth second on something happens to two of them, and the one who
/// leaves is held back for two seconds.
fn honest() -> Sight {
    let mut sight = Sight::of("observer");
    sight.take(Duration::from_secs(1), Told::Found(list(&["watches"], 1)));
    sight.take(Duration::from_secs(2), changed(&["stays", "goes", "returns"], &[], 4));
    sight.take(Duration::from_secs(12), changed(&[], &["goes", "returns"], 2));
    sight.take(Duration::from_secs(15), changed(&["returns"], &[], 3));
    sight
}

fn truth() -> Truth {
    let names = |names: &[&str]| names.iter().copied().map(User::from).collect::<Vec<_>>();
    let truth = Truth::since(Duration::from_secs(10)).with(&names(&["watches", "stays"]), Fate::Stays);
    let truth = truth.with(&names(&["goes"]), Fate::Leaves(Duration::from_secs(12)));
    truth.with(&names(&["returns"]), Fate::Returns)
}

fn changed(joined: &[&str], left: &[&str], count: u64) -> Told {
    let names = |names: &[&str]| names.iter().copied().map(User::from).collect();
    Told::Changed { joined: names(joined), left: names(left), count }
}

fn list(members: &[&str], count: u64) -> List {
    List { members: members.iter().copied().map(User::from).collect(), count }
}

/// The honest run with another entry in this place.
fn with(place: usize, told: Told) -> Sight {
    let mut sight = honest();
    sight.entries[place].1 = told;
    sight
}

/// The honest run with one entry more.
fn and(told: Told) -> Sight {
    and_to(honest(), told)
}

fn and_to(mut sight: Sight, told: Told) -> Sight {
    sight.take(Duration::from_secs(20), told);
    sight
}

/// These are found, and no others, though another observer is honest.
fn found(forged: &Sight, wanted: &[Finding]) {
    found_by(forged, &truth(), wanted);
}

fn found_by(forged: &Sight, truth: &Truth, wanted: &[Finding]) {
    let verdict = judge(&[honest(), forged.clone()], truth);
    assert_eq!(findings(&verdict), wanted, "{:?}", verdict.examples());
}

fn findings(verdict: &Verdict) -> Vec<Finding> {
    let all = [
        Finding::OutOfTurn,
        Finding::Unfounded,
        Finding::Early,
        Finding::Untold,
        Finding::Miscounted,
        Finding::WrongEnd,
    ];
    all.into_iter().filter(|finding| verdict.count(*finding) > 0).collect()
}
