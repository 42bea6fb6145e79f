//! What people do on both forges, and what the other one shows then. People wait for what they are to see, never for a time.

use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};

use crate::base::Clock;
use crate::config::OUTWARD_LABEL;
use crate::domain::forge::mention;
use crate::domain::mirror::Side;
use crate::domain::mirror::Side::{Here, There};

use super::ground::{BOT, Ground, edit};
use super::shown::{Shown, plain};

/// The titles under which the two issues are opened.
const TOTALS: &str = "Totals are off by a cent";
const DISCOUNT: &str = "Offer a discount for ten items";
/// What both people call the first one at the same time.
const HERS: &str = "Totals: rounding in the cart";
const THEIRS: &str = "Totals: 0.1 + 0.2 is not 0.3";

/// The numbers of the two issues on either side.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    pub here: i64,
    pub there: i64,
}

/// The story in its parts; between the last two the bot is away.
pub struct Story<'a> {
    pub ground: &'a Ground,
}

impl Story<'_> {
    /// An issue opened there shows here, with what people add to it.
    pub async fn comes_in(&self) -> Result<Pair> {
        chapter(1, "What is opened there shows here");
        let body = "Three items at 0.10 come to 0.30000000000000004.";
        let there = self.opens(There, "carol", TOTALS, body).await?;
        let (here, shown) = self.copy_of(Here, TOTALS).await?;
        self.shows(Here, &format!("{} stands for it: {shown}", self.name(Here, here)));
        let pair = Pair { here, there };
        self.comments(There, "dave", there, "The same with two items.").await?;
        self.labels(There, "carol", there, "bug").await?;
        let shown = self.words(Here, here, "The same with two items.").await?;
        self.shows(Here, &format!("{} says: {shown}", self.name(Here, here)));
        self.until_shown(Here, here, "the label", |shown| shown.labels.contains("bug")).await?;
        self.shows(Here, &format!("{} has the label bug", self.name(Here, here)));
        Ok(pair)
    }

    /// What is a command in the project is none in the linked repository.
    pub async fn commands_stay_words(&self, pair: Pair) -> Result<()> {
        chapter(2, "A command that comes from there is only words");
        self.comments(There, "carol", pair.there, "/syndarix plan").await?;
        self.words(Here, pair.here, "/syndarix plan").await?;
        self.shows(Here, &format!("{} quotes it, and nobody begins to work", self.name(Here, pair.here)));
        let answer = self.notice(There, pair.there, "Commands are not heard").await?;
        self.shows(There, &format!("answers: {answer}"));
        Ok(())
    }

    /// An issue of the project goes out by its label alone. Gives the second pair.
    pub async fn goes_out(&self, first: Pair) -> Result<Pair> {
        chapter(3, "What is written here goes out when somebody says so, issue by issue");
        let here = self.opens(Here, "alice", DISCOUNT, "The README promises one.").await?;
        self.labels(Here, "alice", first.here, OUTWARD_LABEL).await?;
        self.comments(Here, "alice", first.here, "Found it in `cart.py`.").await?;
        let shown = self.words(There, first.there, "Found it in `cart.py`.").await?;
        self.shows(There, &format!("{} says: {shown}", self.name(There, first.there)));
        let count = self.ground.issues(There).await?.len();
        let s = if count == 1 { "" } else { "s" };
        println!(
            "  {:<11}{:<7}{} still has {count} issue{s}: {} did not go out",
            "",
            "there",
            self.ground.at(There).repo,
            self.name(Here, here)
        );
        self.labels(Here, "alice", here, OUTWARD_LABEL).await?;
        let (there, shown) = self.copy_of(There, DISCOUNT).await?;
        self.shows(There, &format!("{} stands for it: {shown}", self.name(There, there)));
        Ok(Pair { here, there })
    }

    /// What is edited, said and taken back on either side arrives at the other.
    pub async fn goes_on(&self, first: Pair, second: Pair) -> Result<()> {
        chapter(4, "Both sides go on");
        let dave = self.comment_with(There, first.there, "The same with two items.").await?;
        tell("dave", There, &format!("edits his comment on {}: The same with two items, not with one.", self.name(There, first.there)));
        let text = "The same with two items, not with one.";
        self.ground.call(There, "dave", Method::PATCH, &format!("issues/comments/{dave}"), edit("body", text)).await?;
        let shown = self.words(Here, first.here, text).await?;
        self.shows(Here, &format!("{} says now: {shown}", self.name(Here, first.here)));
        self.comments(There, "dave", second.there, "Ten of one kind, or ten in all?").await?;
        let shown = self.words(Here, second.here, "Ten of one kind, or ten in all?").await?;
        self.shows(Here, &format!("{} says: {shown}", self.name(Here, second.here)));
        self.changes(Here, "alice", second.here, ("body", "The README promises one, for ten items in all.")).await?;
        let look = async || {
            let issue = self.ground.get(There, &format!("issues/{}", second.there)).await?;
            Ok(issue["body"].as_str().is_some_and(|body| body.contains("ten items in all")).then_some(()))
        };
        self.ground.until("the edited text", look).await?;
        self.shows(There, &format!("{} has the new text", self.name(There, second.there)));
        Ok(())
    }

    /// Both give the issue another title while nobody hears of it.
    pub async fn collide(&self, first: Pair) -> Result<()> {
        self.changes(Here, "alice", first.here, ("title", HERS)).await?;
        let issue = self.ground.get(Here, &format!("issues/{}", first.here)).await?;
        let at = issue["updated_at"].as_str().and_then(crate::base::Time::parse).context("the forge gave no time")?;
        // Forges count whole seconds; within one of them it would be a draw.
        while Clock::System.now().0 / 1_000_000 <= at.0 / 1_000_000 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.changes(There, "carol", first.there, ("title", THEIRS)).await
    }

    /// The later title holds on both sides, and whose edit lost is told.
    pub async fn is_settled(&self, first: Pair) -> Result<()> {
        self.until_shown(Here, first.here, "the later title", |shown| shown.title == THEIRS).await?;
        self.shows(Here, &format!("{} is called “{THEIRS}” now: the later edit holds", self.name(Here, first.here)));
        let notice = self.notice(Here, first.here, HERS).await?;
        self.shows(Here, &format!("tells alice: {notice}"));
        Ok(())
    }

    /// Each issue is closed on another side than it was opened.
    pub async fn close(&self, first: Pair, second: Pair) -> Result<()> {
        chapter(6, "Closed on one side is closed on both");
        self.changes(There, "carol", first.there, ("state", "closed")).await?;
        self.until_shown(Here, first.here, "the closed issue", |shown| shown.state == "closed").await?;
        self.shows(Here, &format!("{} is closed", self.name(Here, first.here)));
        self.changes(Here, "alice", second.here, ("state", "closed")).await?;
        self.until_shown(There, second.there, "the closed issue", |shown| shown.state == "closed").await?;
        self.shows(There, &format!("{} is closed", self.name(There, second.there)));
        Ok(())
    }

    fn name(&self, side: Side, number: i64) -> String {
        format!("{}{}", self.ground.at(side).repo, mention(number))
    }

    fn shows(&self, side: Side, what: &str) {
        tell(BOT, side, what);
    }

    async fn opens(&self, side: Side, who: &str, title: &str, body: &str) -> Result<i64> {
        let made = self.ground.call(side, who, Method::POST, "issues", json!({"title": title, "body": body})).await?;
        let number = made["number"].as_i64().context("the demo's forge gave no number")?;
        tell(who, side, &format!("opens {}: {title}", self.name(side, number)));
        Ok(number)
    }

    async fn comments(&self, side: Side, who: &str, number: i64, body: &str) -> Result<()> {
        tell(who, side, &format!("comments on {}: {body}", self.name(side, number)));
        self.ground.call(side, who, Method::POST, &format!("issues/{number}/comments"), edit("body", body)).await.map(drop)
    }

    async fn labels(&self, side: Side, who: &str, number: i64, label: &str) -> Result<()> {
        tell(who, side, &format!("puts the label {label} on {}", self.name(side, number)));
        self.ground.call(side, who, Method::POST, &format!("issues/{number}/labels"), json!({"labels": [label]})).await.map(drop)
    }

    async fn changes(&self, side: Side, who: &str, number: i64, (key, value): (&str, &str)) -> Result<()> {
        let name = self.name(side, number);
        tell(
            who,
            side,
            &match key {
                "title" => format!("calls {name} “{value}”"),
                "state" => format!("closes {name}"),
                _ => format!("writes the text of {name} anew: {value}"),
            },
        );
        self.ground.call(side, who, Method::PATCH, &format!("issues/{number}"), edit(key, value)).await.map(drop)
    }

    /// The issue that the bot has opened under this title, and how it begins.
    async fn copy_of(&self, side: Side, title: &str) -> Result<(i64, String)> {
        let look = async || {
            let issues = self.ground.issues(side).await?;
            let copy = issues.into_iter().find(|issue| issue["title"] == title && issue["user"]["login"] == BOT);
            Ok(copy.and_then(|issue| Some((issue["number"].as_i64()?, first_words(&issue["body"])))))
        };
        self.ground.until(&format!("“{title}”"), look).await
    }

    /// Waits for a comment that holds these words on an issue; gives how it begins.
    async fn words(&self, side: Side, number: i64, words: &str) -> Result<String> {
        let look = async || {
            let all = self.ground.comments(side, number).await?;
            let is_it = |said: &&Value| said["user"]["login"] == BOT && said["body"].as_str().is_some_and(|body| body.contains(words));
            Ok(all.iter().find(is_it).map(|said| first_words(&said["body"])))
        };
        self.ground.until(&format!("the comment “{words}”"), look).await
    }

    /// Waits for a notice of the bot's own.
    async fn notice(&self, side: Side, number: i64, words: &str) -> Result<String> {
        let look = async || {
            let shown = self.shown(side, number).await?;
            Ok(shown.notices.iter().find(|notice| notice.contains(words)).map(|notice| flat(notice)))
        };
        self.ground.until("a notice", look).await
    }

    async fn comment_with(&self, side: Side, number: i64, words: &str) -> Result<i64> {
        let all = self.ground.comments(side, number).await?;
        let found = all.iter().find(|said| said["body"].as_str().is_some_and(|body| body.contains(words)));
        found.and_then(|said| said["id"].as_i64()).context("a comment is gone")
    }

    async fn until_shown(&self, side: Side, number: i64, what: &str, is_so: impl Fn(&Shown) -> bool) -> Result<()> {
        let look = async || Ok(is_so(&self.shown(side, number).await?).then_some(()));
        self.ground.until(&format!("{what} of {}", self.name(side, number)), look).await
    }

    /// One side of an issue as it is now.
    pub async fn shown(&self, side: Side, number: i64) -> Result<Shown> {
        let issue = self.ground.get(side, &format!("issues/{number}")).await?;
        Ok(Shown::read(&issue, &self.ground.comments(side, number).await?))
    }
}

/// A new part of the story.
pub fn chapter(number: u32, title: &str) {
    println!("\n{number}. {title}");
}

fn tell(who: &str, side: Side, what: &str) {
    println!("  {who:<11}{:<7}{what}", side.word());
}

/// How a copy begins: who said it, and the first line of what was said.
fn first_words(body: &Value) -> String {
    let whole = body.as_str().unwrap_or_default();
    let (first, rest) = whole.split_once('\n').unwrap_or((whole, ""));
    format!("{} {}", flat(first), flat(&plain(rest)))
}

/// On one line, without marks of Markdown and addresses.
fn flat(text: &str) -> String {
    let mut plain = String::new();
    let mut left = text;
    while let Some((before, after)) = left.split_once("](<") {
        let rest = after.split_once(">)").map_or("", |(_, rest)| rest);
        plain += &before.replace('[', "");
        left = rest;
    }
    plain += left;
    let mut lines: Vec<String> = Vec::new();
    for line in plain.lines().map(str::trim).filter(|line| !line.is_empty() && *line != ">") {
        lines.push(line.strip_prefix("> ").map_or_else(|| line.to_owned(), |quoted| format!("“{}”", quoted.trim())));
    }
    lines.join(" ").replace("**", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_told_on_one_line() {
        let body = "**dave** wrote on [partner/lib#1](<http://127.0.0.1:1/partner/lib/issues/1#x>):\n\n> One\n>\n> two\n\n<!-- syndarix:v1 a b c -->";
        assert_eq!(first_words(&json!(body)), "dave wrote on partner/lib#1: “One” “two”");
    }
}
