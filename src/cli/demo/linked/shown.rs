//! An issue as a reader of either forge understands it: what a person wrote there and what stands there for somebody's words elsewhere
//! read alike, so that both sides can be laid beside each other.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::config::OUTWARD_LABEL;
use crate::domain::mirror::words::{body, title, unframed};
use crate::domain::mirror::{digest, is_workflow};

use super::ground::BOT;

/// Who said something, and what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Words {
    pub who: String,
    /// The form in which it is carried over, by its hash.
    text: String,
}

/// One side of an issue.
#[derive(Clone, Debug)]
pub struct Shown {
    pub title: String,
    pub state: String,
    pub labels: BTreeSet<String>,
    pub opened: Words,
    pub comments: Vec<Words>,
    /// What the bot says there by itself.
    pub notices: Vec<String>,
    /// The bot works on it: a label of its stages, or its status comment.
    pub worked_on: bool,
}

impl Shown {
    /// From the issue and its comments, as the forge gives them.
    pub fn read(issue: &Value, comments: &[Value]) -> Shown {
        let all: BTreeSet<String> =
            issue["labels"].as_array().into_iter().flatten().filter_map(|label| label["name"].as_str()).map(str::to_owned).collect();
        let (mut said, mut notices) = (Vec::new(), Vec::new());
        for comment in comments {
            match words_of(comment, " wrote on [") {
                Some(words) => said.push(words),
                None => notices.push(plain(text(&comment["body"]))),
            }
        }
        said.sort();
        let opened = words_of(issue, " opened this as [").unwrap_or(Words { who: BOT.into(), text: String::new() });
        let worked_on = all.iter().any(|name| is_workflow(name)) || notices.iter().any(|notice| notice.starts_with("### Syndarix"));
        Shown {
            title: title(text(&issue["title"])),
            state: text(&issue["state"]).to_owned(),
            labels: all.into_iter().filter(|name| name != OUTWARD_LABEL && !is_workflow(name)).collect(),
            opened,
            comments: said,
            notices,
            worked_on,
        }
    }

    /// In what this side and the other one differ, in words.
    pub fn differs(&self, other: &Shown) -> Vec<String> {
        let mut differs = Vec::new();
        let mut compare = |what: &str, here: String, there: String| {
            if here != there {
                differs.push(format!("{what}: {here} here, {there} there"));
            }
        };
        compare("the title", self.title.clone(), other.title.clone());
        compare("the state", self.state.clone(), other.state.clone());
        let names = |shown: &Shown| shown.labels.iter().cloned().collect::<Vec<_>>().join(", ");
        compare("the labels", names(self), names(other));
        compare("who opened it", self.opened.who.clone(), other.opened.who.clone());
        let people = |shown: &Shown| shown.comments.iter().map(|words| words.who.clone()).collect::<Vec<_>>().join(", ");
        compare("the comments of", people(self), people(other));
        if self.opened.text != other.opened.text {
            differs.push("the text".to_owned());
        }
        if people(self) == people(other) && self.comments != other.comments {
            differs.push("what a comment says".to_owned());
        }
        differs
    }
}

/// Whose words these are, here or elsewhere; `None`: the bot's own.
fn words_of(said: &Value, did: &str) -> Option<Words> {
    let (login, whole) = (text(&said["user"]["login"]), text(&said["body"]));
    if login != BOT {
        return Some(Words { who: login.to_owned(), text: digest(&body(whole, &[])) });
    }
    let (first, rest) = whole.split_once('\n').unwrap_or((whole, ""));
    let who = first.strip_prefix("**")?.split_once(&format!("**{did}"))?.0;
    let quoted = did.starts_with(" wrote");
    let lines: Vec<&str> = rest.lines().map(|line| if quoted { line.trim_start_matches('>').trim_start() } else { line }).collect();
    Some(Words { who: who.to_owned(), text: digest(&unframed(&lines.join("\n"))) })
}

/// A text without the bot's marks.
pub fn plain(text: &str) -> String {
    unframed(text)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn one(login: &str, body: &str) -> Value {
        json!({"title": "Totals", "state": "open", "labels": [], "user": {"login": login}, "body": body})
    }

    #[test]
    fn an_original_and_its_copy_read_alike() {
        let there = one("carol", "Three items.");
        let here = one(BOT, "**carol** opened this as [partner/lib#1](<http://x/1>):\n\nThree items.\n\n<!-- syndarix:v1 a b c -->");
        let said = one("dave", "One\n\ntwo");
        let copy = one(BOT, "**dave** wrote on [partner/lib#1](<http://x/1#1>):\n\n> One\n>\n> two\n\n<!-- syndarix:v1 a b c -->");
        let notice = one(BOT, "Commands are not heard here.");
        let (there, here) = (Shown::read(&there, &[said.clone(), notice]), Shown::read(&here, &[copy]));
        assert_eq!(here.differs(&there), Vec::<String>::new());
        assert_eq!(there.notices, ["Commands are not heard here."]);
        let other = Shown::read(&one("carol", "Four items."), &[one("dave", "Something else")]);
        assert_eq!(here.differs(&other), ["the text", "what a comment says"]);
        let closed = Shown::read(&json!({"title": "T", "state": "closed", "user": {"login": "carol"}, "body": "Three items."}), &[]);
        assert_eq!(
            here.differs(&closed),
            ["the title: Totals here, T there", "the state: open here, closed there", "the comments of: dave here,  there"]
        );
    }
}
