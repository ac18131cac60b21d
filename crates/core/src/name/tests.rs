use proptest::prelude::*;

use crate::UserId;

use super::*;

fn typed(text: &str) -> Result<String, InvalidId> {
    Name::typed(text).map(|name| name.as_str().to_owned())
}

#[test]
fn names_that_are_equal_by_nfkc_are_the_same_name() {
    assert_eq!(typed("ﬁona").as_deref(), Ok("fiona"));
    assert_eq!(typed("Ａｎｎ").as_deref(), Ok("Ann"));
    assert_eq!(typed("Zoe\u{308}").as_deref(), Ok("Zoë"));
    assert_eq!(typed("Zoe\u{fe0f}\u{308}").as_deref(), Ok("Zoë"));
    assert_eq!(typed("\u{1112}\u{1161}\u{11ab}").as_deref(), Ok("한"));
}

#[test]
fn spaces_are_single_and_ordinary_and_none_is_around_a_name() {
    assert_eq!(typed("\t Ann\u{a0}\u{3000} Lee \n").as_deref(), Ok("Ann Lee"));
    assert_eq!(typed(" \u{2003} "), Err(InvalidId::Empty));
    assert_eq!(typed("Ann\tLee"), Err(InvalidId::Character));
}

#[test]
fn a_name_has_as_many_characters_as_are_left_of_it() {
    assert!(typed(&"e\u{301}".repeat(64)).is_ok());
    assert!(typed(&"\u{1112}\u{1161}\u{11ab}".repeat(64)).is_ok());
    assert_eq!(typed(&"é".repeat(65)), Err(InvalidId::TooLong));
    assert_eq!(typed(&"\u{fdfa}".repeat(4)), Err(InvalidId::TooLong));
    assert_eq!(typed(&" x".repeat(100_000)), Err(InvalidId::TooLong));
}

#[test]
fn what_cannot_be_seen_is_in_no_name() {
    for unseen in "\u{0}\u{7f}\u{85}\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{1680}\u{17b4}\u{180e}\u{200b}\u{200c}\u{200d}\
        \u{200e}\u{200f}\u{2028}\u{202e}\u{2060}\u{2066}\u{206f}\u{2800}\u{3164}\u{fe01}\u{feff}\u{ffa0}\u{fff9}\
        \u{1d173}\u{e0041}\u{e0100}"
        .chars()
    {
        for name in [format!("a{unseen}b"), format!("😀{unseen}b"), format!("ا{unseen}b"), unseen.to_string()] {
            assert!(typed(&name).is_err(), "{unseen:?} in {name:?}");
        }
    }
}

#[test]
fn joiners_stay_where_they_make_one_emoji_or_are_spelling() {
    for name in ["👨‍👩‍👧‍👦", "🏳️‍🌈 Kim", "👩🏽‍🚀", "❤️‍🔥", "علی‌رضا", "क्‍ष", "ශ්‍රී", "1️⃣", "🇩🇪"]
    {
        assert_eq!(typed(name).as_deref(), Ok(name));
    }
    for name in ["👨‍", "‍👨", "👨‍a", "1‍2", "😀‌😀", "ا‌‌ب", "ا‍क"] {
        assert_eq!(typed(name), Err(InvalidId::Character), "{name:?}");
    }
    assert_eq!(typed("A\u{fe0f}nn").as_deref(), Ok("Ann"));
    assert_eq!(typed("Ⓜ️arie").as_deref(), Ok("Marie"));
}

#[test]
fn marks_have_a_letter_and_make_no_tower() {
    assert_eq!(typed("\u{301}a"), Err(InvalidId::Character));
    assert_eq!(typed("a \u{301}"), Err(InvalidId::Character));
    assert!(typed(&format!("q{}", "\u{323}".repeat(4))).is_ok());
    assert_eq!(typed(&format!("q{}", "\u{323}".repeat(5))), Err(InvalidId::Character));
}

#[test]
fn a_name_of_ones_own_is_in_one_alphabet() {
    for name in [
        "Ann Lee",
        "O'Brien-Zoë 2",
        "Иван",
        "Мар’яна",
        "Ελένη",
        "אברהם",
        "علی‌رضا",
        "さくら",
        "サクラ Sakura 桜",
        "김민준 Kim",
        "李 Lee",
        "约翰·史密斯",
        "ภูมิพล",
        "ကျော်",
        "😀",
        "👩🏽‍🚀 Sally",
        "_-_",
        "42",
    ] {
        assert!(Name::own(name).is_ok(), "{name}: {:?}", Name::own(name));
    }
    for name in ["раypal", "Ѕerver", "Αnn", "Иvan", "Ann Иван", "Ελένη Иван", "さくら 김", "김 Иван"]
    {
        assert_eq!(Name::own(name), Err(InvalidName::Mixed), "{name}");
    }
}

#[test]
fn nobody_is_the_server_or_looks_like_it() {
    for name in [
        "Server",
        "SERVER",
        "ЅЕRVЕR",
        "Ser\u{fe0f}ver",
        "[Server]",
        "S e r v e r",
        "Sｅrver",
        "system",
        "Systern",
        "admin",
        "Admin",
        "ADM1N",
        "adm\u{131}n",
        "@admin",
        "аdmin",
        "Moderator",
        "hubbub",
    ] {
        assert!(Name::own(name).is_err(), "{name}");
        assert!(Name::typed(name).is_ok(), "{name} may be shared");
    }
    for name in ["Serverin", "Minister", "Admir", "Proto", "construct"] {
        assert!(Name::own(name).is_ok(), "{name}");
    }
}

#[test]
fn words_that_every_object_has_are_reserved() {
    for name in OBJECT_PROPERTIES {
        assert_eq!(Name::own(name), Err(InvalidName::Reserved), "{name}");
    }
    assert_eq!(Name::own("__pr0to__"), Err(InvalidName::Reserved));
}

/// Letters and marks of many alphabets, joiners, selectors, emoji and anything else.
fn text() -> impl Strategy<Value = String> {
    let known =
        "aAbΒвВiIl1mrnéßς 李サ김اक्ශ්ﬁＡⓂ👨🏽❤\u{fe0f}\u{fe0f}\u{200d}\u{200d}\u{200c}\u{301}\u{308}\u{20e3}";
    let known: Vec<char> = known.chars().collect();
    let one = prop_oneof![3 => proptest::sample::select(known), 1 => any::<char>()];
    proptest::collection::vec(one, 0..12).prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn a_name_that_was_told_is_the_same_when_it_comes_back(text in text()) {
        if let Ok(name) = Name::typed(&text) {
            prop_assert_eq!(Name::typed(name.as_str()), Ok(name.clone()));
            prop_assert_eq!(Name::parse(name.as_str()), Ok(name));
        }
    }

    #[test]
    fn a_name_of_ones_own_stays_ones_own(text in text()) {
        if let Ok(name) = Name::own(&text) {
            prop_assert_eq!(Name::own(name.as_str()), Ok(name.clone()));
            for other in [name.as_str().to_uppercase(), name.as_str().to_lowercase()] {
                let other = Name::parse(&other).map(|other| UserId::of_name(&other));
                prop_assert!(other.is_err() || other == Ok(UserId::of_name(&name)));
            }
        }
    }
}
