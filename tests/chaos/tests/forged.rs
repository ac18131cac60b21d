//! The judge is told lies: it must find each of them, and nothing in an honest log.

use std::time::Duration;

use hubbub_chaos::{
    checker::{Excuses, Finding, Verdict, judge},
    log::{Cid, Entry, Log, Position, Room},
};

const ROOM: Room = Room(0);
const CALM: Excuses = Excuses { restarts: 0, kept: 1_000 };
const RESTARTED: Excuses = Excuses { restarts: 1, ..CALM };

#[test]
fn an_honest_run_is_clean() {
    let verdict = judge(&honest(), CALM);
    assert!(verdict.is_clean(), "{:?}", verdict.examples());
    assert_eq!((verdict.acknowledged, verdict.told, verdict.recovered), (10, 30, 1));
    assert_eq!(verdict.orders.values().flatten().count(), 1, "one order for all three");
}

#[test]
fn a_message_that_one_client_misses_is_a_silent_hole_and_lost() {
    let mut logs = honest();
    logs[1].entries.retain(|(_, entry)| !is_told(entry, 4));
    found(&logs, CALM, &[Finding::SilentHole, Finding::Lost]);
}

#[test]
fn an_end_that_one_client_misses_is_lost() {
    let mut logs = honest();
    logs[1].entries.retain(|(_, entry)| !is_told(entry, 10));
    found(&logs, CALM, &[Finding::Lost]);
}

#[test]
fn an_acknowledged_message_that_nobody_saw_is_unheard() {
    let mut logs = honest();
    for log in &mut logs {
        log.entries.retain(|(_, entry)| !is_told(entry, 10));
    }
    found(&logs, CALM, &[Finding::Unheard, Finding::Lost]);
}

#[test]
fn a_message_told_again_on_its_connection_is_told_twice() {
    let mut logs = honest();
    logs[2].entries.push(at(told(1, 10)));
    found(&logs, CALM, &[Finding::ToldTwice]);
}

#[test]
fn a_message_told_again_on_a_later_connection_is_a_repeat_and_allowed() {
    let mut logs = honest();
    logs[2].entries.extend([Entry::Lost, Entry::Connected, resumed(Some(9), 10, true), told(1, 10)].map(at));
    assert!(judge(&logs, CALM).is_clean());
}

#[test]
fn a_message_told_again_when_the_next_epoch_has_begun_is_out_of_order() {
    let mut logs = honest();
    for log in &mut logs {
        log.entries.extend([gap(2, 10), telling(2, 11, 11)].map(at));
    }
    logs[2].entries.extend([Entry::Lost, Entry::Connected, told(1, 10)].map(at));
    found(&logs, RESTARTED, &[Finding::OutOfOrder]);
}

#[test]
fn one_message_at_two_positions_is_said_twice() {
    let mut logs = honest();
    for log in &mut logs {
        log.entries.push(at(telling(1, 11, 10)));
    }
    found(&logs, CALM, &[Finding::SaidTwice]);
}

#[test]
fn a_swapped_pair_at_one_client_is_out_of_order_and_another_order() {
    let mut logs = honest();
    let place = place_of(&logs[1], 5);
    logs[1].entries.swap(place, place + 1);
    let verdict = found(&logs, CALM, &[Finding::OutOfOrder]);
    assert_eq!(verdict.orders.values().flatten().count(), 2);
}

#[test]
fn what_comes_after_its_successor_is_out_of_order_even_much_later() {
    let mut logs = honest();
    let place = place_of(&logs[1], 5);
    let late = logs[1].entries.remove(place);
    logs[1].entries.push(late);
    found(&logs, CALM, &[Finding::OutOfOrder]);
}

#[test]
fn two_clients_that_hear_different_things_at_a_position_have_two_orders() {
    let mut logs = honest();
    let (five, six) = (place_of(&logs[1], 5), place_of(&logs[1], 6));
    logs[1].entries[five] = at(telling(1, 5, 6));
    logs[1].entries[six] = at(telling(1, 6, 5));
    let verdict = judge(&logs, CALM);
    assert!(verdict.count(Finding::TwoOrders) > 0, "{:?}", verdict.examples());
    assert_eq!(verdict.orders.values().flatten().count(), 2);
}

#[test]
fn a_message_that_reads_differently_for_one_client_is_two_orders() {
    let mut logs = honest();
    let five = place_of(&logs[1], 5);
    let forged = Entry::Told { room: ROOM, position: position(1, 5), cid: Some(cid(5)), digest: 999 };
    logs[1].entries[five] = at(forged);
    let verdict = found(&logs, CALM, &[Finding::TwoOrders]);
    assert_eq!(verdict.orders.values().flatten().count(), 2);
}

#[test]
fn an_acknowledgement_at_the_position_of_another_message_is_misplaced() {
    let mut logs = honest();
    logs[0].entries.push(at(acked(10, 77)));
    found(&logs, CALM, &[Finding::Misplaced, Finding::OutOfOrder]);
}

#[test]
fn a_message_acknowledged_at_two_positions_is_said_twice() {
    let mut logs = honest();
    logs[0].entries.push(at(acked(11, 10)));
    found(&logs, CALM, &[Finding::SaidTwice, Finding::Unheard, Finding::Lost]);
}

#[test]
fn a_later_message_of_a_sender_at_an_earlier_position_is_out_of_order() {
    let mut logs = honest();
    for log in &mut logs {
        for (_, entry) in &mut log.entries {
            match *entry {
                Entry::Told { position: Position { seq: 5, .. }, .. } => *entry = telling(1, 5, 6),
                Entry::Told { position: Position { seq: 6, .. }, .. } => *entry = telling(1, 6, 5),
                Entry::Acked { position: Position { seq: 5, .. }, .. } => *entry = acked(6, 5),
                Entry::Acked { position: Position { seq: 6, .. }, .. } => *entry = acked(5, 6),
                _ => {}
            }
        }
    }
    found(&logs, CALM, &[Finding::OutOfOrder]);
}

#[test]
fn a_jump_without_an_announcement_is_a_silent_hole_whatever_the_epoch() {
    let mut logs = honest();
    logs[1].entries.push(at(telling(2, 11, 11)));
    found(&logs, RESTARTED, &[Finding::SilentHole]);
}

#[test]
fn a_gap_is_announced_but_nothing_explains_it() {
    let mut logs = honest();
    let five = place_of(&logs[1], 5);
    logs[1].entries[five] = at(gap(1, 5));
    let verdict = found(&logs, CALM, &[Finding::Forgotten, Finding::Unjustified]);
    assert_eq!((verdict.gaps, verdict.lost()), (1, 1), "it is announced, and lost all the same");
}

#[test]
fn a_room_that_is_not_recovered_without_a_reason_is_found() {
    let mut logs = honest();
    let place = logs[2].entries.iter().position(|(_, entry)| is_resumed_again(entry)).expect("it came back");
    logs[2].entries[place] = at(resumed(Some(5), 8, false));
    logs[2].entries.retain(|(_, entry)| !(6..=8).any(|seq| is_told(entry, seq)));
    let verdict = found(&logs, CALM, &[Finding::Forgotten, Finding::Unjustified]);
    assert_eq!((verdict.unrecovered, verdict.lost()), (1, 3));
}

#[test]
fn what_a_gap_left_out_may_be_found_in_the_history() {
    let mut logs = honest();
    for log in &mut logs {
        let lasts = [gap(2, 10), telling(2, 11, 11)];
        log.entries.extend(lasts.map(at));
    }
    let five = place_of(&logs[1], 5);
    logs[1].entries[five] = at(Entry::Shown { room: ROOM, position: position(1, 5), cid: Some(cid(5)) });
    logs[1].entries.truncate(five + 1);
    logs[1].entries.extend([gap(2, 10), telling(2, 11, 11)].map(at));
    assert_eq!(judge(&logs, RESTARTED).count(Finding::Forgotten), 5, "6 to 10");
    for seq in 6..=10 {
        let shown = Entry::Shown { room: ROOM, position: position(1, seq), cid: Some(cid(seq)) };
        logs[1].entries.push(at(shown));
    }
    let verdict = judge(&logs, RESTARTED);
    assert!(verdict.is_clean(), "{:?}", verdict.examples());
}

#[test]
fn a_change_that_a_gap_left_out_is_in_the_message_but_one_that_nobody_announced_is_lost() {
    let mut logs = honest();
    for (_, entry) in &mut logs[0].entries {
        if let Entry::Acked { position: Position { seq: 10, .. }, changes, .. } = entry {
            *changes = true;
        }
    }
    logs[1].entries.retain(|(_, entry)| !is_told(entry, 10));
    found(&logs, CALM, &[Finding::Lost]);
    for log in &mut logs {
        log.entries.extend([gap(2, 10), telling(2, 11, 11)].map(at));
    }
    let verdict = judge(&logs, RESTARTED);
    assert!(verdict.is_clean(), "{:?}", verdict.examples());
}

#[test]
fn a_new_epoch_needs_a_redis_that_began_again() {
    let mut logs = honest();
    for log in &mut logs {
        log.entries.extend([gap(2, 10), telling(2, 11, 11)].map(at));
    }
    let verdict = judge(&logs, RESTARTED);
    assert!(verdict.is_clean(), "{:?}", verdict.examples());
    found(&logs, CALM, &[Finding::Unjustified]);
}

#[test]
fn whoever_was_away_for_longer_than_the_log_keeps_is_owed_nothing_that_is_gone() {
    let mut logs = honest();
    let five = place_of(&logs[1], 5);
    logs[1].entries.truncate(five);
    logs[1].entries.push(at(resumed(Some(4), 10, false)));
    found(&logs, CALM, &[Finding::Forgotten, Finding::Unjustified]);
    let verdict = judge(&logs, Excuses { kept: 5, ..CALM });
    assert!(verdict.is_clean(), "{:?}", verdict.examples());
}

#[test]
fn something_told_before_the_room_was_joined_is_out_of_order() {
    let mut logs = honest();
    logs[1].entries.insert(1, at(told(1, 1)));
    let verdict = judge(&logs, CALM);
    assert!(verdict.count(Finding::OutOfOrder) > 0);
}

/// Three clients hear ten messages of the first. The third loses its connection after the fifth and is told the next
/// three when it is back.
fn honest() -> Vec<Log> {
    let mut logs: Vec<_> = ["sender", "hearer", "traveller"].map(enters).into();
    for seq in 1..=10 {
        for log in &mut logs {
            log.entries.push(at(told(1, seq)));
        }
        logs[0].entries.push(at(acked(seq, seq)));
        if seq == 5 {
            logs[2].entries.extend([Entry::Lost, Entry::Connected, resumed(Some(5), 8, true)].map(at));
        }
    }
    logs
}

fn enters(client: &str) -> Log {
    let entries = [Entry::Connected, resumed(None, 0, false), Entry::Whole].map(at).into();
    Log { client: client.to_owned(), entries }
}

fn at(entry: Entry) -> (Duration, Entry) {
    (Duration::ZERO, entry)
}

fn told(epoch: u64, seq: u64) -> Entry {
    telling(epoch, seq, seq)
}

fn telling(epoch: u64, seq: u64, number: u64) -> Entry {
    Entry::Told { room: ROOM, position: position(epoch, seq), cid: Some(cid(number)), digest: number }
}

fn acked(seq: u64, number: u64) -> Entry {
    Entry::Acked { room: ROOM, position: position(1, seq), cid: cid(number), changes: false }
}

fn resumed(since: Option<u64>, seq: u64, recovered: bool) -> Entry {
    let since = since.map(|seq| position(1, seq));
    Entry::Resumed { room: ROOM, since, at: position(1, seq), recovered }
}

fn gap(epoch: u64, seq: u64) -> Entry {
    Entry::Gap { room: ROOM, position: position(epoch, seq) }
}

fn position(epoch: u64, seq: u64) -> Position {
    Position { epoch, seq }
}

fn cid(number: u64) -> Cid {
    Cid { sender: 0, count: u32::try_from(number).expect("a small number") }
}

fn is_told(entry: &Entry, wanted: u64) -> bool {
    matches!(entry, Entry::Told { position, .. } if position.seq == wanted)
}

fn is_resumed_again(entry: &Entry) -> bool {
    matches!(entry, Entry::Resumed { since: Some(_), .. })
}

fn place_of(log: &Log, seq: u64) -> usize {
    log.entries.iter().position(|(_, entry)| is_told(entry, seq)).expect("it is told")
}

/// These are found, and no others.
fn found(logs: &[Log], excuses: Excuses, wanted: &[Finding]) -> Verdict {
    let verdict = judge(logs, excuses);
    assert!(!verdict.is_clean());
    let all = [
        Finding::Lost,
        Finding::Unheard,
        Finding::Forgotten,
        Finding::Misplaced,
        Finding::ToldTwice,
        Finding::SaidTwice,
        Finding::OutOfOrder,
        Finding::SilentHole,
        Finding::TwoOrders,
        Finding::Unjustified,
    ];
    let found: Vec<_> = all.into_iter().filter(|finding| verdict.count(*finding) > 0).collect();
    let wanted: Vec<_> = all.into_iter().filter(|finding| wanted.contains(finding)).collect();
    assert_eq!(found, wanted, "{:?}", verdict.examples());
    verdict
}
