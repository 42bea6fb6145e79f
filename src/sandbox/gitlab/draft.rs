//! Drafts are told by the title: `Draft: ` here, another mark in the neutral state.

use crate::sandbox::act::pulls::is_draft;

/// The mark of the neutral state.
const STORED: &str = "WIP: ";
/// The mark of GitLab.
const SHOWN: &str = "Draft: ";

/// The title as GitLab shows it.
pub fn shown(title: &str) -> String {
    if !is_draft(title) {
        return title.to_owned();
    }
    let rest = title.trim_start();
    let rest = rest.get(4..).map(|rest| rest.trim_start_matches([']', ':'])).unwrap_or_default();
    format!("{SHOWN}{}", rest.trim_start())
}

/// The title as the neutral state keeps it.
pub fn stored(title: &str) -> String {
    let marks = ["Draft:", "[Draft]", "(Draft)"];
    let bare = title.trim_start();
    let rest =
        marks.iter().find_map(|mark| bare.get(..mark.len()).filter(|start| start.eq_ignore_ascii_case(mark)).map(|_| &bare[mark.len()..]));
    rest.map_or_else(|| title.to_owned(), |rest| format!("{STORED}{}", rest.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::{shown, stored};

    #[test]
    fn titles_go_there_and_back() {
        for title in ["Draft: feat: x", "feat: x", "Drafty", "é"] {
            assert_eq!(shown(&stored(title)), title);
        }
        assert_eq!(stored("draft: x"), "WIP: x");
        assert_eq!(shown("[WIP] x"), "Draft: x");
        assert_eq!(shown("wip:x"), "Draft: x");
    }
}
