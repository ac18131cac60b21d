//! What of a typed text can be seen, and where the characters that cannot be have a meaning all the same.

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeEmoji, UnicodeGeneralCategory};
use unicode_script::{Script, UnicodeScript};

/// In NFKC, each space alone, and nothing said of the presentation of what is no emoji.
///
/// NFKC makes letters of some emoji (`Ⓜ`), whose selector then is left over; without it others come to stand together.
pub(super) fn normal(text: &str) -> String {
    let mut kept = Vec::new();
    for c in text.nfkc() {
        if !is_left_over(c, kept.last().copied().unwrap_or(' ')) {
            kept.push(c);
        }
    }
    kept.into_iter().nfkc().collect()
}

fn is_left_over(c: char, before: char) -> bool {
    is_selector(c) && !before.is_emoji_char() || c == ' ' && before == ' '
}

/// Whether all of it can be seen, by itself or by what it does to its neighbours.
pub(super) fn is_fit(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    chars.iter().enumerate().all(|(at, &c)| {
        let (before, after) = (&chars[..at], chars.get(at + 1).copied().unwrap_or(' '));
        match c {
            ZWNJ | ZWJ => is_joint(before, c, after),
            c if is_unseen(c) => false,
            c if is_mark(c) => has_room(before),
            _ => true,
        }
    })
}

/// Whether there is something to put a mark on, and no tower of them on it already.
fn has_room(before: &[char]) -> bool {
    let tower = before.iter().rev().take_while(|&&c| is_over_or_under(c)).count();
    tower < TOWER && before.last().is_some_and(|&c| c != ' ')
}

fn is_mark(c: char) -> bool {
    is_over_or_under(c) || c.general_category() == GeneralCategory::SpacingMark
}

fn is_over_or_under(c: char) -> bool {
    use GeneralCategory::{EnclosingMark, NonspacingMark};
    matches!(c.general_category(), EnclosingMark | NonspacingMark) && !is_selector(c)
}

/// A joiner between emoji makes one of them, between letters of these scripts it is a part of spelling.
fn is_joint(before: &[char], joiner: char, after: char) -> bool {
    let Some(&before) = before.iter().rfind(|c| c.script() != Script::Inherited) else { return false };
    let is_pictured = |c: char| c.is_emoji_char() && !c.is_ascii();
    joiner == ZWJ && is_pictured(before) && is_pictured(after)
        || before.script() == after.script() && JOINING.contains(&before.script())
}

fn is_selector(c: char) -> bool {
    matches!(c, '\u{fe0e}' | '\u{fe0f}')
}

/// Control and format characters, spaces but the one, and letters and marks that show nothing.
fn is_unseen(c: char) -> bool {
    use GeneralCategory::{Control, Format, LineSeparator, ParagraphSeparator, SpaceSeparator};
    match c.general_category() {
        Control | Format | LineSeparator | ParagraphSeparator => true,
        SpaceSeparator => c != ' ',
        _ => matches!(c,
            '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{2065}' | '\u{2800}' | '\u{fe00}'..='\u{fe0d}' | '\u{fff0}'..='\u{fff8}' | '\u{e0000}'..='\u{e0fff}'),
    }
}

const ZWNJ: char = '\u{200c}';
const ZWJ: char = '\u{200d}';

/// Marks on one letter. Hardly a language has more; a tower of them covers the lines above.
const TOWER: usize = 4;

/// Scripts in which a joiner changes what is read.
const JOINING: &[Script] = &[
    Script::Arabic,
    Script::Bengali,
    Script::Devanagari,
    Script::Gujarati,
    Script::Gurmukhi,
    Script::Kannada,
    Script::Malayalam,
    Script::Oriya,
    Script::Sinhala,
    Script::Syriac,
    Script::Tamil,
    Script::Telugu,
];
