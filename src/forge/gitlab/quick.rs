//! Quick actions: GitLab executes lines such as `/close` in what is posted, in the name of whoever posts them.

/// Stands before a slash that would begin a quick action. It has no width, is no white space to Ruby, and shows nowhere.
const GUARD: char = '\u{200B}';

/// The text with every line disarmed that begins with a slash and a letter, also behind blanks, in quotes and lists, and inside code: whether
/// GitLab sees code there is for GitLab to say. `/syndarix` is no word of GitLab's and stays, so that it can be copied.
pub fn disarm(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for line in text.split_inclusive(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}', '\u{b}', '\u{c}']) {
        let start = line.len() - line.trim_start_matches(lead).len();
        let (lead, rest) = line.split_at(start);
        out.push_str(lead);
        if is_action(rest) {
            out.push(GUARD);
        }
        out.push_str(rest);
    }
    out
}

/// The text as it was before [`disarm`], for what the bot wrote itself.
pub fn rearm(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != GUARD || chars.peek() != Some(&'/') {
            out.push(c);
        }
    }
    out
}

fn lead(c: char) -> bool {
    c.is_whitespace() || c == '\u{FEFF}' || c == '\0'
}

fn is_action(rest: &str) -> bool {
    let Some(word) = rest.strip_prefix('/') else { return false };
    let word: String = word.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-')).collect();
    word.chars().next().is_some_and(char::is_alphabetic) && word != "syndarix"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_ours_is_a_quick_action() {
        let rows = [
            "/close",
            "text\n/approve\n/label ~bug",
            "a\r\n/merge\r\n",
            "  /assign @root",
            "```\n/close\n```",
            "\u{FEFF}/close",
            "a\r/close",
            "/syndarixx",
        ];
        for text in rows {
            let safe = disarm(text);
            assert!(safe.lines().all(|line| !line.split('\r').any(|part| part.trim_start().starts_with('/'))), "{safe:?}");
            assert_eq!(rearm(&safe), text, "it can be read back");
        }
    }

    #[test]
    fn what_is_no_quick_action_stays() {
        for text in ["/syndarix approve\n", "a/b", "/", "/1", "// comment", "see /close", "", "/syndarix\n\n/2"] {
            assert_eq!(disarm(text), text);
        }
    }
}
