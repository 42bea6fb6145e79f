//! Posting a review: a thread for each finding, and a note that sums up.

use std::fmt::Write as _;

use reqwest::Method;
use serde_json::json;

use crate::domain::forge::*;
use crate::forge::{ForgeError, Result};

use super::client::Call;
use super::convert::{place, time};
use super::{GitLabForge, convert, speech, wire};

impl GitLabForge {
    /// The threads come first and the note, which carries the marker, last: whoever finds the note knows that the threads stand. A thread that
    /// an interrupted try left is found by its head, line and text and not made again. What GitLab refuses to put on a line stands in the note.
    pub(super) async fn write_review(
        &self,
        repo: &RepoRef,
        number: i64,
        head: &Sha,
        body: &str,
        comments: &[NewReviewComment],
    ) -> Result<Review> {
        if body.trim().is_empty() && comments.is_empty() {
            return Err(ForgeError::Unprocessable("a review needs a text or a comment on a line".to_owned()));
        }
        let me = self.bot().await?;
        let (list, iid) = place(number);
        let refs = self.raw_merge(repo, number).await?.diff_refs.unwrap_or_default();
        let there = if comments.is_empty() { Vec::new() } else { self.discussions(repo, number).await? };
        let on_head = !refs.head_sha.is_empty() && convert::sha(&refs.head_sha) == *head;
        let mut refused: Vec<&NewReviewComment> = Vec::new();
        for comment in comments {
            let text = speech::outgoing(&comment.body);
            let stands = there.iter().filter_map(|thread| thread.notes.first()).any(|note| is_same(note, me.id, head, comment, &text));
            if stands {
                continue;
            }
            if !on_head {
                refused.push(comment);
                continue;
            }
            let position = json!({
                "position_type": "text", "base_sha": refs.base_sha, "start_sha": refs.start_sha, "head_sha": refs.head_sha,
                "old_path": comment.path, "new_path": comment.path, "new_line": comment.line,
            });
            let call = Call::new(Method::POST, &[list, &iid, "discussions"]).json(json!({"body": text, "position": position}));
            match self.client.on_repo(repo, &call).await {
                Ok(_) => {}
                Err(ForgeError::Unprocessable(_)) => refused.push(comment),
                Err(error) => return Err(error),
            }
        }
        let note: wire::Note = {
            let text = speech::outgoing(&with_refused(body, &refused));
            let call = Call::new(Method::POST, &[list, &iid, "notes"]).json(json!({"body": text}));
            self.client.on_repo(repo, &call).await?.json()?
        };
        if note.id <= 0 {
            return Err(ForgeError::Unprocessable(format!("GitLab made no note on {} of the review that was sent", mention(number))));
        }
        Ok(Review {
            id: note.id,
            author: me,
            verdict: Verdict::Commented,
            body: speech::incoming(&note.body),
            commit: Some(head.clone()),
            stale: false,
            official: false,
            dismissed: false,
            submitted_at: time(&note.created_at),
        })
    }
}

fn is_same(note: &wire::Note, me: i64, head: &Sha, comment: &NewReviewComment, text: &str) -> bool {
    let place = note.position.as_ref();
    note.author.as_ref().is_some_and(|author| author.id == me)
        && note.body.trim() == text.trim()
        && place.is_some_and(|at| convert::sha(&at.head_sha) == *head && at.new_path == comment.path && at.new_line == Some(comment.line))
}

/// The findings that have no line to stand on, before the marker that ends the text.
fn with_refused(body: &str, refused: &[&NewReviewComment]) -> String {
    if refused.is_empty() {
        return body.to_owned();
    }
    let (said, marker) = match body.rfind(super::read::REVIEW_MARK) {
        Some(at) => body.split_at(at),
        None => (body, ""),
    };
    let mut text = format!("{}\n\n", said.trim_end());
    for comment in refused {
        let _ = writeln!(text, "**`{}`, line {}:**\n\n{}\n", comment.path.replace('`', "'"), comment.line, comment.body.trim_end());
    }
    text.push_str(marker);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_without_a_line_stand_before_the_marker() {
        let comment = NewReviewComment { path: "src/a.rs".into(), line: 7, body: "off by one".into() };
        let body = "Summary.\n\n<!-- syndarix:v1 review r1 aa -->";
        let text = with_refused(body, &[&comment]);
        assert_eq!(text, "Summary.\n\n**`src/a.rs`, line 7:**\n\noff by one\n\n<!-- syndarix:v1 review r1 aa -->");
        assert_eq!(with_refused(body, &[]), body);
    }
}
