//! Text that only looks like a command: invisible characters inside it, or letters of other scripts. It is never run, and never passed over in silence.

use crate::base::text::is_invisible;

/// Letters that look like a lower-case ASCII letter: each pair is the foreign letter, then the one it looks like.
const LOOK_ALIKES: &[&str] = &[
    // Cyrillic and Armenian
    "аa", "еe", "оo", "рp", "сc", "уy", "хx", "ѕs", "іi", "јj", "һh", "ԁd", "ԛq", "ԝw", "вb", "нh", "кk", "мm", "тt", "пn", "гr", "ѵv",
    "ӏl", "օo", "ոn", "սu", "ցg", // Greek
    "αa", "βb", "εe", "ηn", "ιi", "κk", "νv", "οo", "ρp", "τt", "υu", "χx", "ωw", "γy", "ϲc",
    "ϳj", // Latin letters of other alphabets, Roman numerals
    "ıi", "ɩi", "ɑa", "ɡg", "ɪi", "ʀr", "ɴn", "ꜱs", "ʏy", "ᴅd", "ᴀa", "ᴘp", "ʟl", "ʜh", "ᴇe", "ᴍm", "ᴜu", "ᴠv", "ᴡw", "ᴄc", "ᴋk", "ᴛt",
    "ᴏo", "ʙb", "ƽs", "ⅰi", "ⅼl", "ⅽc", "ⅾd", "ⅿm", "ⅹx", "ⅴv", "ℓl", "ℎh", "ℯe", "ℊg", "ℴo", "ⁿn", "ˢs", "ⁱi", "ˣx", "ʳr", "ᵃa", "ᵈd",
    "ʸy",
];

/// What the text looks like, in lower-case ASCII where a look-alike is known: full-width and mathematical letters, circled letters, Cyrillic, Greek; without
/// invisible characters and accents.
pub(super) fn appearance(text: &str) -> String {
    text.chars().filter(|&c| !is_invisible(c) && !is_mark(c)).map(plain).flat_map(char::to_lowercase).map(latin).collect()
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

fn plain(c: char) -> char {
    let code = u32::from(c);
    let letter = |first: char, at: u32| char::from_u32(u32::from(first) + at).unwrap_or(c);
    match c {
        '\u{ff01}'..='\u{ff5e}' => letter('!', code - 0xff01),
        '\u{2044}' | '\u{2215}' | '\u{2571}' | '\u{27cb}' | '\u{29f8}' | '\u{1735}' | '\u{3033}' | '\u{2cc6}' | '\u{4e3f}' => '/',
        '\u{fe6b}' => '@',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{1d400}'..='\u{1d6a3}' => match (code - 0x1d400) % 52 {
            upper @ 0..=25 => letter('A', upper),
            lower => letter('a', lower - 26),
        },
        '\u{24b6}'..='\u{24cf}' => letter('A', code - 0x24b6),
        '\u{24d0}'..='\u{24e9}' => letter('a', code - 0x24d0),
        '\u{1f130}'..='\u{1f149}' => letter('A', code - 0x1f130),
        '\u{1f150}'..='\u{1f169}' => letter('A', code - 0x1f150),
        '\u{1f170}'..='\u{1f189}' => letter('A', code - 0x1f170),
        c if c.is_whitespace() => ' ',
        c => c,
    }
}

fn latin(c: char) -> char {
    if c.is_ascii() {
        return c;
    }
    LOOK_ALIKES.iter().find_map(|pair| pair.strip_prefix(c)).and_then(|ascii| ascii.chars().next()).unwrap_or(c)
}

/// True for characters that make a line read differently from what it says: direction overrides, tags, control characters and line separators. Joiners,
/// variation selectors and direction marks occur in honest text and are not among them.
pub(super) fn deceives(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e007f}' | '\u{2028}' | '\u{2029}')
        || (c.is_control() && c != '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disguises_are_seen_through() {
        let rows = [
            ("/syndarix plan", "/syndarix plan"),
            ("／ｓｙｎｄａｒｉｘ", "/syndarix"),
            ("/syndаrix", "/syndarix"),
            ("/ЅУndАriХ", "/syndarix"),
            ("pl\u{200b}an", "plan"),
            ("\u{202e}plan", "plan"),
            ("𝐩𝐥𝐚𝐧 𝓟𝓛𝓐𝓝", "plan plan"),
            ("ⓟⓛⓐⓝ", "plan"),
            ("pla\u{301}n", "plan"),
            ("approve\u{a0}x", "approve x"),
            ("日本", "日本"),
        ];
        for (text, seen) in rows {
            assert_eq!(appearance(text), seen, "{text:?}");
        }
    }

    #[test]
    fn every_pair_is_one_foreign_and_one_ascii_letter() {
        for pair in LOOK_ALIKES {
            let letters: Vec<char> = pair.chars().collect();
            assert!(letters.len() == 2 && !letters[0].is_ascii() && letters[1].is_ascii_lowercase(), "{pair}");
        }
    }
}
