use hubbub_core::Name;

use super::*;

fn joined(name: &str, version: u64) -> Change {
    Change { version, count: 1, event: Event::Joined(someone(name)), origin: None }
}

fn someone(name: &str) -> Occupant {
    Occupant { user: UserId::new(name), name: Name::parse(name).expect("a name"), devices: 1 }
}

fn names(heard: &Heard) -> Vec<&str> {
    heard.news.iter().map(|news| name(&news.event)).collect()
}

fn counts(heard: &Heard) -> Vec<usize> {
    heard.news.iter().map(|news| news.count).collect()
}

fn left(name: &str, version: u64) -> Change {
    Change { event: Event::Left(someone(name)), ..joined(name, version) }
}

fn name(event: &Event) -> &str {
    match event {
        Event::Joined(who) | Event::Left(who) => who.name.as_str(),
        Event::Counted(_) | Event::Said(_) | Event::Updated(_) | Event::Hinted(_) => {
            panic!("{event:?} is no change of presence")
        }
    }
}

fn occupancy(version: u64, people: &[&str]) -> Occupancy {
    Occupancy { version, occupants: people.iter().map(|name| someone(name)).collect() }
}

/// What is to be told, which then is told.
fn difference(people: &mut People) -> (Vec<Occupant>, Vec<Occupant>) {
    let difference = people.difference_since(people.told());
    people.is_told();
    difference
}

#[test]
fn at_the_first_reading_only_what_just_happened_is_news() {
    let mut people = People::default();
    assert!(people.heard(joined("Cy", 13)).read);
    assert_eq!(names(&people.read(occupancy(13, &["Ann", "Bob", "Cy"]))), ["Cy"]);
    assert_eq!(people.roster().count(), 3);
}

#[test]
fn a_reading_that_is_older_than_the_news_is_repeated() {
    let mut people = People::default();
    people.heard(joined("Ann", 7));
    people.heard(joined("Cy", 9));
    let heard = people.read(occupancy(7, &["Ann"]));
    assert!(heard.read && !people.known());
    assert_eq!(names(&heard), ["Ann"]);
    assert_eq!(names(&people.read(occupancy(9, &["Ann", "Bob", "Cy"]))), ["Bob", "Cy"]);
    assert!(people.known());
}

#[test]
fn what_the_first_reading_has_overtaken_is_news_when_it_comes() {
    let mut people = People::default();
    people.heard(joined("Ann", 5));
    assert_eq!(names(&people.read(occupancy(7, &["Ann", "Bob", "Cy"]))), ["Ann"]);
    assert_eq!(names(&people.heard(joined("Bob", 6))), ["Bob"]);
    assert_eq!(names(&people.heard(joined("Cy", 7))), ["Cy"]);
    assert!(people.heard(joined("Cy", 7)).news.is_empty());
}

#[test]
fn each_difference_has_the_count_right_after_it_and_is_news_once() {
    let mut people = People::default();
    people.heard(joined("Eve", 9));
    people.read(occupancy(9, &["Bob", "Dan", "Eve"]));
    assert!(people.heard(joined("Flo", 13)).read);
    let heard = people.read(occupancy(13, &["Ann", "Eve", "Flo", "Gus"]));
    assert_eq!(names(&heard), ["Bob", "Dan", "Ann", "Flo", "Gus"]);
    assert_eq!(counts(&heard), [2, 1, 2, 3, 4]);
    assert!(people.heard(left("Bob", 11)).news.is_empty());
}

#[test]
fn who_only_has_another_device_is_no_news_at_any_time() {
    let mut people = People::default();
    let two = |version| {
        let who = Occupant { devices: 2, ..someone("Ann") };
        Change { version, count: 1, event: Event::Counted(who), origin: None }
    };
    people.heard(two(5));
    assert!(names(&people.read(occupancy(5, &["Ann"]))).is_empty());
    people.is_told();
    assert!(people.heard(two(6)).news.is_empty() && !people.has_changed());
}

#[test]
fn dear_lists_are_told_less_often() {
    let (mut people, now) = (People::default(), Instant::now());
    assert_eq!(people.may_tell(now), now);
    for (bytes, pause) in [(1_000, PACE), (64 << 20, Duration::from_secs(2)), (usize::MAX, SLOWEST)] {
        people.has_told(bytes, now);
        let pauses = people.may_tell(now) - now;
        assert!(pauses.abs_diff(pause) < Duration::from_millis(10), "{bytes}: {pauses:?}");
    }
}

#[test]
fn who_takes_another_name_has_not_left_and_who_goes_right_after_that_has() {
    let called = |name: &str| Occupant { name: Name::parse(name).expect("a name"), ..someone("one") };
    let change = |version, event| Change { version, count: 0, event, origin: None };
    let mut people = People::default();
    people.heard(change(5, Event::Joined(called("Ann"))));
    people.read(Occupancy { version: 5, occupants: vec![called("Ann")] });
    assert_eq!(difference(&mut people), (vec![called("Ann")], vec![]));
    people.heard(change(6, Event::Left(called("Ann"))));
    people.heard(change(7, Event::Joined(called("Bob"))));
    assert_eq!(difference(&mut people), (vec![called("Bob")], vec![]));
    people.heard(change(8, Event::Left(called("Bob"))));
    people.heard(change(9, Event::Joined(called("Cy"))));
    people.heard(change(10, Event::Left(called("Cy"))));
    assert_eq!(difference(&mut people), (vec![], vec![called("Bob")]));
    people.heard(change(11, Event::Joined(called("Dan"))));
    assert_eq!(difference(&mut people), (vec![called("Dan")], vec![]));
    people.heard(change(12, Event::Joined(called("Eve"))));
    people.heard(change(13, Event::Left(called("Eve"))));
    assert_eq!(difference(&mut people), (vec![], vec![called("Dan")]));
}

#[test]
fn a_reading_that_nobody_waits_for_changes_nothing() {
    let mut people = People::default();
    assert!(people.read(occupancy(5, &["Ann"])).news.is_empty());
    assert!(!people.known());
}

#[test]
fn what_may_be_missed_while_the_room_is_read_is_read_again() {
    let mut people = People::default();
    people.heard(joined("Ann", 5));
    people.read(occupancy(5, &["Ann"]));
    assert!(people.doubt() && !people.doubt() && !people.ask());
    let heard = people.read(occupancy(5, &["Ann"]));
    assert!(heard.read && !people.known());
    assert_eq!(names(&people.read(occupancy(6, &["Ann", "Bob"]))), ["Bob"]);
    assert!(people.known());
}

#[test]
fn a_backplane_that_lost_changes_goes_on_from_an_earlier_version() {
    let mut people = People::default();
    people.heard(joined("Ann", 5));
    people.read(occupancy(5, &["Ann"]));
    people.heard(joined("Bob", 6));
    people.heard(joined("Cy", 7));
    assert!(people.doubt());
    let heard = people.read(occupancy(5, &["Ann"]));
    assert!(heard.went_back);
    assert_eq!(names(&heard), ["Bob", "Cy"], "both are gone");
    assert_eq!(names(&people.heard(joined("Dan", 6))), ["Dan"]);
    assert_eq!(difference(&mut people).0, [someone("Ann"), someone("Dan")]);
    assert_eq!(people.roster().count(), 2);
}

#[test]
fn who_a_reading_shows_under_another_name_and_who_then_goes_is_gone() {
    let mut people = People::default();
    people.heard(joined("Ann", 5));
    people.read(occupancy(5, &["Ann"]));
    difference(&mut people);
    assert!(people.doubt());
    let anna = Occupant { name: Name::parse("Anna").expect("a name"), ..someone("Ann") };
    people.read(Occupancy { version: 7, occupants: vec![anna] });
    people.heard(left("Ann", 8));
    assert_eq!(difference(&mut people), (vec![], vec![someone("Ann")]));
}

#[test]
fn whoever_knows_a_part_of_what_has_changed_is_told_the_rest() {
    let mut people = People::default();
    people.heard(joined("Ann", 5));
    people.read(occupancy(5, &["Ann"]));
    people.is_told();
    for change in [joined("Bob", 6), joined("Cy", 7), left("Ann", 8), left("Bob", 9)] {
        people.heard(change);
    }
    assert_eq!((people.told(), people.difference_since(5)), (5, (vec![someone("Cy")], vec![someone("Ann")])));
    assert_eq!(people.difference_since(6), (vec![someone("Cy")], vec![someone("Ann"), someone("Bob")]));
    assert_eq!(people.difference_since(8), (vec![], vec![someone("Bob")]));
    assert_eq!(people.difference_since(9), (vec![], vec![]));
}
