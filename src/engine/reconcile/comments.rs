//! Comments of the whole repository, new and edited, on any issue and pull request. An edit tells only what a comment says now; what was
//! heard of it before is kept, so that its new lines run and its old ones do not.

use serde_json::json;

use crate::domain::command::{self, ParseContext};
use crate::domain::forge::{Comment, CommentAction, EventKind, ForgeEvent, User, content_key};
use crate::forge::PlacedComment;
use crate::store::ProjectTx;

use super::super::Result;
use super::super::perform::doubles;
use super::Look;
use super::news::Finding;
use super::watch::Step;

/// Kind of the object that keeps the lines of a comment that were heard.
const HEARD: &str = "heard";

/// How soon after a comment was written its edit may arrive first, in microseconds. Later, what the edit calls the former text is left
/// to its own delivery, or to the next look.
const OVERTAKING: i64 = 60 * 1_000_000;

impl Look<'_> {
    /// Everything that was said since the last look.
    pub(super) async fn comments(&mut self) -> Result<()> {
        let mut cursor = self.watch.comments;
        let answer = loop {
            let now = self.engine.clock.now();
            let window = cursor.window(now);
            let answer = self.site.connection.forge.comments_touched(&self.site.repo, &window).await?;
            self.requests += answer.requests;
            self.forge_time = self.forge_time.or(answer.forge_time);
            let newest = answer.items.iter().map(|placed| placed.comment.updated_at).max();
            match cursor.advance(&window, &answer, newest, now) {
                Step::Read => break (answer, window.until.is_some()),
                Step::Shorten => {}
            }
        };
        let (answer, behind) = answer;
        let mut said = answer.items;
        said.sort_by_key(|placed| (placed.comment.updated_at, placed.comment.id));
        for placed in said {
            match placed.comment.author.id == self.site.connection.bot.id {
                true => doubles::order(self.engine, self.site, placed.number, &placed.comment).await?,
                false => self.said(placed).await?,
            }
        }
        self.behind |= behind;
        self.watch.comments = cursor;
        Ok(())
    }

    async fn said(&mut self, placed: PlacedComment) -> Result<()> {
        let PlacedComment { number, is_pull, comment } = placed;
        // A pull request of ours may be younger than its lane's knowledge of its number: then its branch names the lane.
        let head_branch = match is_pull && self.is_addressed(&comment) && !self.knows_pull(number).await? {
            true => {
                self.requests += 1;
                Some(self.site.connection.forge.pull(&self.site.repo, number).await?.head.branch)
            }
            false => None,
        };
        let edited = comment.updated_at > comment.created_at;
        let action = if edited { CommentAction::Edited } else { CommentAction::Created };
        let key = format!("comment:{}:{}", comment.id, content_key(&comment.body));
        // Only its author, or an administrator of the repository, can have edited it; the list does not say who it was.
        let (actor, at) = (Some(comment.author.clone()), Some(comment.updated_at));
        self.deliver(Finding {
            key,
            actor,
            at,
            kind: EventKind::Comment { action, number, is_pull, head_branch, comment, previous_body: None },
        })
        .await
    }

    fn is_addressed(&self, comment: &Comment) -> bool {
        !lines(&comment.body, &self.site.connection.bot).is_empty()
    }
}

/// The lines of a text that are addressed to the bot.
fn lines(body: &str, bot: &User) -> Vec<String> {
    let parsed = command::parse(body, &ParseContext { bot_login: &bot.login });
    parsed.commands.into_iter().map(|line| line.raw).filter(|line| !line.is_empty()).collect()
}

/// What comments said before stands beside what they say now: the events that follow from one event about a comment, in the order in
/// which they are to be taken. Deliveries come late, twice, in any order or never, so that only what was heard counts: a line runs the
/// first time it is heard, whichever way. Called in the transaction that makes the intents.
pub async fn hear(tx: &mut ProjectTx, event: &ForgeEvent, bot: &User) -> Result<Vec<ForgeEvent>> {
    let EventKind::Comment { action, comment, previous_body, .. } = &event.kind else {
        return Ok(vec![event.clone()]);
    };
    if comment.author.id == bot.id || *action == CommentAction::Deleted {
        return Ok(vec![event.clone()]);
    }
    let key = comment.id.to_string();
    tx.lock(&format!("{HEARD}:{key}")).await?;
    let heard: Option<Vec<String>> = tx.object(HEARD, &key).await?.map(|row| serde_json::from_value(row.data)).transpose()?;
    let now = lines(&comment.body, bot);
    let before = previous_body.as_deref().map(|body| lines(body, bot)).unwrap_or_default();
    let by_author = event.actor.as_ref().is_none_or(|actor| actor.id == comment.author.id);
    let mut events = Vec::new();
    let mut all = heard.clone().unwrap_or_default();
    let overtook = comment.updated_at.0 - comment.created_at.0 <= OVERTAKING;
    if *action == CommentAction::Edited && by_author && heard.is_none() && overtook && !before.is_empty() {
        // The edit overtook what it changes: that comes first, under the same source key as its own delivery.
        events.extend(previous_body.as_ref().map(|body| as_written(event, body)));
        all = union(all, before.clone());
    }
    // What stood there before the edit and was not heard yet is on its way by itself.
    all = union(all, added(now, &before));
    let known = union(heard.clone().unwrap_or_default(), before);
    let mut event = event.clone();
    if let EventKind::Comment { action, previous_body, .. } = &mut event.kind {
        // Stamps are whole seconds: a comment that was edited within its first one looks as if it had just been written.
        if !known.is_empty() {
            *action = CommentAction::Edited;
        }
        if *action == CommentAction::Edited {
            *previous_body = Some(known.join("\n\n"));
        }
    }
    events.push(event);
    if !all.is_empty() && heard.as_ref() != Some(&all) {
        tx.put_object(HEARD, &key, &json!(all), None).await?;
    }
    Ok(events)
}

/// The comment as it read before the edit. It is not taken as freshly written: what an edit calls the former text may be an earlier
/// edit of somebody else, so that it never approves.
fn as_written(event: &ForgeEvent, body: &str) -> ForgeEvent {
    let mut event = event.clone();
    if let EventKind::Comment { comment, previous_body, .. } = &mut event.kind {
        *previous_body = Some(String::new());
        comment.body = body.to_owned();
        comment.updated_at = comment.created_at;
    }
    event
}

/// What the first list has more of than the second.
fn added(mut first: Vec<String>, second: &[String]) -> Vec<String> {
    for line in second {
        if let Some(at) = first.iter().position(|known| known == line) {
            first.remove(at);
        }
    }
    first
}

/// The first list, and what the second has more of: a line that stands twice counts twice.
fn union(mut first: Vec<String>, second: Vec<String>) -> Vec<String> {
    let mut left = first.clone();
    for line in second {
        match left.iter().position(|known| *known == line) {
            Some(at) => drop(left.swap_remove(at)),
            None => first.push(line),
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_stands_twice_counts_twice() {
        let list = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(union(list("a b"), list("b a")), list("a b"));
        assert_eq!(union(list("a"), list("a a b")), list("a a b"));
        assert_eq!(union(list(""), list("a")), list("a"));
        assert_eq!(added(list("a b a c"), &list("a c d")), list("b a"));
    }
}
