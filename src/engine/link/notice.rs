//! What people are told about a link, each thing once: whose edit lost, why an issue does not go out, where commands are heard.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::base::Time;
use crate::domain::forge::Comment;
use crate::domain::marker;
use crate::domain::mirror::words;
use crate::domain::mirror::{Conflict, Field, Side, digest};
use crate::domain::speech::code;
use crate::forge::ForgeError;

use super::super::Result;
use super::Link;
use super::compare::Both;

/// Marker kinds of what the bot says about links.
const CONFLICT: &str = "mirror-conflict";
const REFUSAL: &str = "mirror-refused";
const ANSWER: &str = "mirror-answer";
/// Microseconds after which nobody waits for an answer any more.
const STALE: i64 = 24 * 60 * 60 * 1_000_000;

/// Something that is still to be said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Notice {
    side: Side,
    /// By which it is known again.
    object: String,
    text: String,
}

impl Link<'_> {
    /// Whose edit of what lost, with what stood there.
    pub(super) fn notice(
        &self,
        both: &Both,
        conflict: &Conflict,
        stamps: (Time, Time),
        (loser, winner): (Option<&str>, Option<&str>),
    ) -> Notice {
        let side = conflict.loser;
        let name = |login: Option<&str>| login.map_or_else(|| "somebody".to_owned(), code);
        let (place, url) = self.place(side.other(), both.issue(side.other()).number);
        let (what, repeat) = match &conflict.field {
            Field::Title => ("title".to_owned(), "Change the title once more to have yours."),
            Field::Body => ("text".to_owned(), "Change the text once more to have yours."),
            Field::State => ("state".to_owned(), "Close or reopen the issue once more to have yours."),
            Field::Label(label) => (format!("label {}", code(label)), "Put the label on once more to have yours."),
            Field::Comment(_) => {
                let text = format!(
                    "A comment here is the copy of one on [{place}](<{url}>) and follows it, so an edit of the copy by {} was taken back. It said:\n\n{}",
                    name(loser),
                    words::lost(&words::unframed(&conflict.lost))
                );
                return self.keep_notice(both, conflict, stamps, text);
            }
        };
        let why = match stamps.0 == stamps.1 {
            true => "Both changes carry the same time, and the other side is the primary one.".to_owned(),
            false => "The change there is the later one.".to_owned(),
        };
        let text = format!(
            "The {what} of this issue was changed here by {} and on [{place}](<{url}>) by {}. {why} What was here before:\n\n{}\n\n{repeat}",
            name(loser),
            name(winner),
            words::lost(&conflict.lost)
        );
        self.keep_notice(both, conflict, stamps, text)
    }

    fn keep_notice(&self, both: &Both, conflict: &Conflict, stamps: (Time, Time), text: String) -> Notice {
        let what = json!([conflict.field, conflict.lost, stamps]).to_string();
        let pair = self.object(both.origin, both.issue(both.origin).number);
        Notice { side: conflict.loser, object: format!("{pair}:{}", digest(&what)), text }
    }

    /// Says it, unless it stands there.
    pub(super) async fn tell(&self, both: &Both, notice: &Notice) -> Result<()> {
        let number = both.issue(notice.side).number;
        self.say_once(notice.side, number, both.comments(notice.side), (CONFLICT, &notice.object), &notice.text).await.map(drop)
    }

    /// Tells who let an issue out that it must not go.
    pub(super) async fn refuse(&self, number: i64) -> Result<()> {
        let standing = self.forge(Side::Here).comments(&self.repo(Side::Here), number).await?;
        let text = format!(
            "This issue is not copied to {}: more people see that repository than this one, and nothing goes from a more private to a more public place. Take the label {} off, or ask whoever configured the link.",
            code(&self.config.repo),
            code(&self.config.outward_label)
        );
        let object = self.object(Side::Here, number);
        if self.say_once(Side::Here, number, &standing, (REFUSAL, &object), &text).await? {
            let mut tx = self.begin().await?;
            self.note(&mut tx, "link.refused", json!({"issue": number, "why": "more-public"})).await?;
            self.engine.commit(tx).await?;
        }
        Ok(())
    }

    pub(super) fn is_unanswered(&self, comment: &Comment) -> bool {
        let now = self.engine.clock.now();
        comment.author.id > 0 && now.0 - comment.created_at.0 < STALE && self.commands(Side::There, &comment.body)
    }

    /// Tells people of the linked repository, once an issue, that commands are heard elsewhere.
    pub(super) async fn answer(&self, number: i64, both: Option<&Both>) -> Result<()> {
        let asked;
        let comments = match both {
            Some(both) => both.comments(Side::There),
            None => {
                asked = self.forge(Side::There).comments(&self.repo(Side::There), number).await?;
                &asked
            }
        };
        let bot = self.there.bot.id;
        if !comments.iter().any(|comment| comment.author.id != bot && self.is_unanswered(comment)) {
            return Ok(());
        }
        // The name of a private project is not for a public place.
        let hidden = self.repos[0].visibility > self.repos[1].visibility;
        let text = match both {
            _ if hidden => "Commands are not heard here. They are given where the project lives, which is not a public place.".to_owned(),
            Some(both) => {
                let (place, url) = self.place(Side::Here, both.issue(Side::Here).number);
                format!("Commands are not heard here. Give them on [{place}](<{url}>), where this issue is worked on.")
            }
            None => {
                let repo = self.repo(Side::Here);
                let url = self.forge(Side::Here).web_url(&repo, "");
                format!(
                    "Commands are not heard here. Give them in [{}](<{}>), where the project lives.",
                    repo.path,
                    url.trim_end_matches('/')
                )
            }
        };
        let object = self.object(Side::There, number);
        self.say_once(Side::There, number, comments, (ANSWER, &object), &text).await.map(drop)
    }

    /// True: it was said now.
    async fn say_once(&self, side: Side, number: i64, standing: &[Comment], (kind, object): (&str, &str), text: &str) -> Result<bool> {
        let bot = self.connection(side).bot.id;
        let key = &self.engine.marker_key;
        let is_it = |body: &str| marker::find(body).is_some_and(|mark| mark.kind == kind && mark.object == object && mark.is_genuine(key));
        if standing.iter().any(|comment| comment.author.id == bot && is_it(&comment.body)) {
            return Ok(false);
        }
        self.engine.hold(self.claim, self.patience()).await?;
        let body = format!("{text}\n\n{}", marker::build(key, kind, object));
        match self.engine.outside(self.forge(side).create_comment(&self.repo(side), number, &body)).await {
            Ok(_) => Ok(true),
            // A locked conversation: nobody can be told there.
            Err(ForgeError::Forbidden(_) | ForgeError::NotFound(_) | ForgeError::NotAllowed(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
