//! What two names that look alike have in common.

use unicode_security::skeleton;

/// The same for names that differ by case alone or look the same: the skeleton of UTS 39, of letters without case, in
/// which a letter of another alphabet stands for the Latin one that it looks like as a capital, if not as a small one.
///
/// Case and look together make more of one kind than each alone: `I` looks like `l`, and so `i`, its small letter,
/// counts as `l` too, or else "paypaI" could stand beside "paypal".
pub(crate) fn likeness(text: &str) -> String {
    // A skeleton has letters with case and likenesses of its own: `0` gives `O`. The second time nothing is left.
    again(&again(text))
}

fn again(text: &str) -> String {
    skeleton(&folded(text)).map(as_latin).collect()
}

/// Without case: `ẞ`, `ß` and `ss` are one, and so are the three sigmas.
fn folded(text: &str) -> String {
    let lowered = text.chars().flat_map(char::to_lowercase);
    lowered.flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

fn as_latin(c: char) -> char {
    let latin = CAPITALS.iter().find(|(_, others)| others.contains(c));
    latin.map_or(c, |&(latin, _)| latin)
}

/// The Latin letter that capitals look like, and the skeletons of these letters when they are small.
const CAPITALS: &[(char, &str)] = &[
    ('a', "ᴀ"),
    ('b', "ßƅʙ"),
    ('d', "ᴅꮷ"),
    ('e', "ᴇꞓ"),
    ('f', "ϝ"),
    ('g', "ɢ"),
    ('h', "ʜⴙꮒ"),
    ('j', "ʝᴊ"),
    ('k', "ĸ"),
    ('l', "iʟ𐳥𑣒𖻅"),
    ('m', "ʍμϻ"),
    ('n', "ɴ"),
    ('p', "ᴘ"),
    ('r', "ʀ𐓜"),
    ('s', "տⴝꮥ"),
    ('t', "ᴛ"),
    ('x', "χ"),
    ('y', "ꭹꮍ"),
    ('z', "ζ𑣉"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn names_that_differ_by_case_are_one() {
        are_one(&["Ann", "ANN", "ann"]);
        are_one(&["Groß", "GROSS", "groẞ"]);
        are_one(&["Ὀδυσσεύς", "ὈΔΥΣΣΕΎΣ", "ὀδυσσεύσ"]);
        are_one(&["Мария", "МАРИЯ"]);
        are_one(&["Zoë", "ZOË"]);
    }

    #[test]
    fn names_that_look_alike_are_one() {
        are_one(&["paypal", "раураl", "pаypаl", "paypa1", "paypaI", "PAYPAL", "рaypal", "Раураl"]);
        are_one(&["bob", "b0b", "BOB", "ВОВ", "вов", "ΒΟΒ"]);
        are_one(&["mary", "rnary", "MARY"]);
        are_one(&["coco", "сосо"]);
        are_one(&["Ann", "A\u{200d}nn", "A\u{200c}nn", "A\u{fe0f}nn"]);
    }

    #[test]
    fn names_that_anybody_can_tell_apart_are_two() {
        for (one, other) in [
            ("ann", "anna"),
            ("ann", "avv"),
            ("zoe", "zoë"),
            ("иван", "ivan"),
            ("李", "季"),
            ("ann 1", "ann 2"),
            ("😀", "😃"),
            ("nina", "vina"),
        ] {
            assert_ne!(likeness(one), likeness(other), "{one} and {other}");
        }
    }

    #[test]
    fn nothing_is_like_what_its_likeness_is_not_like() {
        for c in all().filter(|&c| c.is_alphanumeric()) {
            let once = likeness(&c.to_string());
            assert_eq!(likeness(&once), once, "{c:?}");
        }
    }

    #[test]
    fn every_capital_that_looks_latin_is_known() {
        let mut expected = BTreeMap::<char, Vec<char>>::new();
        for (small, latin) in all().filter_map(looks_latin_as_a_capital) {
            expected.entry(latin).or_default().push(small);
        }
        let known = CAPITALS.iter().map(|&(latin, others)| (latin, others.chars().collect::<Vec<_>>()));
        for others in expected.values_mut() {
            others.sort_unstable();
            others.dedup();
        }
        assert_eq!(known.collect::<BTreeMap<_, _>>(), expected);
    }

    fn are_one(names: &[&str]) {
        for name in names {
            assert_eq!(likeness(name), likeness(names[0]), "{name} and {}", names[0]);
        }
    }

    /// All characters, but for the large blocks in which nothing has case.
    fn all() -> impl Iterator<Item = char> {
        ('\0'..='\u{33ff}')
            .chain('\u{a000}'..='\u{abff}')
            .chain('\u{f900}'..='\u{16fff}')
            .chain('\u{1d000}'..='\u{1ffff}')
    }

    /// The skeleton of the small letter, if that is not Latin itself, and the Latin letter that the capital looks like.
    fn looks_latin_as_a_capital(c: char) -> Option<(char, char)> {
        let small = only(skeleton(&folded(&c.to_string())))?;
        let capital: String = skeleton(&c.to_uppercase().to_string()).collect();
        let latin = only(folded(&capital).chars()).filter(char::is_ascii_alphabetic)?;
        (c.is_alphabetic() && small != latin && (c.is_ascii() || !small.is_ascii())).then_some((small, latin))
    }

    fn only(mut chars: impl Iterator<Item = char>) -> Option<char> {
        chars.next().filter(|_| chars.next().is_none())
    }
}
