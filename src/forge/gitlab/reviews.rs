//! What counts as a review on GitLab, which has none of its own.
//!
//! An *approval* is a review by whoever approved, on the version of the merge request that was its head at that moment. A reviewer in the
//! state `requested_changes` asks for changes. An unresolved thread on a line, begun by a person, is a review that comments. The bot's own
//! summary note is a review that comments.
//!
//! Numbers of reviews: threads and summaries have the number of their first note, which GitLab gives once only. Approvals and requests for
//! changes get a number of the band from 2^60 up, made of who, where, when and what, so that it is the same whenever it is read, and another
//! one when somebody approves anew.

use sha2::{Digest, Sha256};

use crate::base::Time;
use crate::domain::forge::*;
use crate::forge::Result;

use super::client::Call;
use super::convert::{place, time};
use super::read::{REVIEW_MARK, is_public_talk};
use super::{GitLabForge, convert, wire};

/// From here on numbers are made by this driver.
const MADE: i64 = 1 << 60;

/// A moment as text, with how precise it is.
struct Moment<'a>(&'a str);

impl Moment<'_> {
    fn is_before(&self, other: &Moment<'_>) -> bool {
        let (a, b) = (time(self.0), time(other.0));
        // Whole seconds cannot be told apart within one second.
        if self.0.contains('.') && other.0.contains('.') { a < b } else { a.seconds() < b.seconds() }
    }
}

/// The head of the newest version that was there before this moment. In a tie the older one: an approval is never taken for a head that its
/// giver may not have seen.
fn head_at(versions: &[wire::Version], moment: &str) -> Option<Sha> {
    let mut sorted: Vec<&wire::Version> = versions.iter().collect();
    sorted.sort_by_key(|version| (time(&version.created_at), version.id));
    if time(moment) == Time::default() {
        return None;
    }
    let seen = sorted.iter().rev().find(|version| Moment(&version.created_at).is_before(&Moment(moment)));
    seen.or(sorted.first()).and_then(|version| convert::some_sha(&version.head_commit_sha))
}

fn made_id(kind: &str, number: i64, user: i64, what: &str) -> i64 {
    let digest = Sha256::digest(format!("{kind}:{number}:{user}:{what}"));
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[..8]);
    MADE | (i64::from_be_bytes(bytes) & (MADE - 1))
}

/// The newest system note of this person that begins so.
fn said_by_system<'a>(notes: &'a [wire::Note], user: i64, words: &str) -> Option<&'a str> {
    let by = |note: &&wire::Note| note.system && note.author.as_ref().is_some_and(|author| author.id == user);
    notes
        .iter()
        .filter(by)
        .filter(|note| note.body.starts_with(words))
        .max_by_key(|note| (time(&note.created_at), note.id))
        .map(|note| note.created_at.as_str())
}

struct Thread {
    id: i64,
    author: User,
    created_at: String,
    head: Option<Sha>,
}

impl GitLabForge {
    pub(super) async fn read_reviews(&self, repo: &RepoRef, number: i64) -> Result<Vec<Review>> {
        let me = self.bot().await?;
        let (list, iid) = place(number);
        let at = |tail: &'static str| Call::get(&[list, &iid, tail]);
        let head = convert::pull(self.raw_merge(repo, number).await?).map_err(super::read::odd)?.head.sha;
        let versions: Vec<wire::Version> = self.client.list(repo, &at("versions")).await?;
        let notes = self.raw_notes(repo, number).await?;
        let approvals: wire::Approvals = self.client.on_repo(repo, &at("approvals")).await?.json()?;
        let reviewers: Vec<wire::Reviewer> = match self.client.on_repo(repo, &at("reviewers")).await {
            Ok(answer) => answer.json::<Option<_>>()?.unwrap_or_default(),
            // Servers from before 14.
            Err(crate::forge::ForgeError::NotFound(_)) => Vec::new(),
            Err(error) => return Err(error),
        };
        let review = |id, author, verdict, commit: Option<Sha>, submitted_at| Review {
            id,
            author,
            verdict,
            body: String::new(),
            stale: commit.as_ref().is_some_and(|commit| *commit != head),
            commit,
            official: matches!(verdict, Verdict::Approved | Verdict::ChangesRequested),
            dismissed: false,
            submitted_at,
        };
        let mut reviews = Vec::new();
        for approval in approvals.approved_by {
            let Some(user) = convert::some_user(approval.user) else { continue };
            let when = match approval.approved_at.as_str() {
                "" => said_by_system(&notes, user.id, "approved this merge request").unwrap_or_default().to_owned(),
                given => given.to_owned(),
            };
            let id = made_id("approval", number, user.id, &time(&when).seconds().to_string());
            reviews.push(review(id, user, Verdict::Approved, head_at(&versions, &when), time(&when)));
        }
        for reviewer in reviewers {
            let Some(user) = convert::some_user(reviewer.user) else { continue };
            match reviewer.state.as_str() {
                "requested_changes" => {
                    let when = said_by_system(&notes, user.id, "requested changes").unwrap_or(&reviewer.created_at).to_owned();
                    // The state is what holds now, so it is newer than an approval of the same person.
                    let earlier = reviews.iter().filter(|review: &&Review| review.author.id == user.id).map(|review| review.submitted_at);
                    let at = earlier.map(|time| Time(time.0 + 1)).chain([time(&when)]).max().unwrap_or_default();
                    let id = made_id("changes", number, user.id, &time(&when).seconds().to_string());
                    reviews.push(review(id, user, Verdict::ChangesRequested, head_at(&versions, &when), at));
                }
                "unreviewed" | "review_started" => {
                    let id = made_id("asked", number, user.id, "");
                    reviews.push(review(id, user, Verdict::Requested, None, time(&reviewer.created_at)));
                }
                _ => {}
            }
        }
        for thread in self.threads(repo, number).await?.into_iter().filter(|thread| thread.author.id != me.id) {
            reviews.push(review(thread.id, thread.author, Verdict::Commented, thread.head, time(&thread.created_at)));
        }
        for note in notes.into_iter().filter(is_public_talk) {
            let own = note.author.as_ref().is_some_and(|author| author.id == me.id);
            if own && note.body.contains(REVIEW_MARK) {
                let mut one = review(note.id, me.clone(), Verdict::Commented, head_at(&versions, &note.created_at), time(&note.created_at));
                one.body = super::speech::incoming(&note.body);
                reviews.push(one);
            }
        }
        reviews.sort_by_key(|review| (review.submitted_at, review.id));
        Ok(reviews)
    }

    pub(super) async fn discussions(&self, repo: &RepoRef, number: i64) -> Result<Vec<wire::Discussion>> {
        let (list, iid) = place(number);
        self.client.list(repo, &Call::get(&[list, &iid, "discussions"])).await
    }

    /// Unresolved threads on lines.
    async fn threads(&self, repo: &RepoRef, number: i64) -> Result<Vec<Thread>> {
        let thread = |discussion: wire::Discussion| {
            let first = discussion.notes.into_iter().next().filter(is_public_talk)?;
            let head = first.position.and_then(|position| convert::some_sha(&position.head_sha));
            let open = first.kind == "DiffNote" && !first.resolved;
            open.then(|| Thread { id: first.id, author: convert::user(first.author), created_at: first.created_at, head })
        };
        Ok(self.discussions(repo, number).await?.into_iter().filter_map(thread).collect())
    }

    /// The notes of a thread; for the bot's own summary those of the threads that it began on the same head.
    pub(super) async fn read_review_comments(&self, repo: &RepoRef, number: i64, review: i64) -> Result<Vec<ReviewComment>> {
        if review >= MADE {
            return Ok(Vec::new());
        }
        let me = self.bot().await?;
        let discussions = self.discussions(repo, number).await?;
        let is_first =
            |discussion: &&wire::Discussion| discussion.notes.first().is_some_and(|note| note.id == review && note.kind == "DiffNote");
        let own: Vec<&wire::Discussion> = match discussions.iter().find(is_first) {
            Some(thread) => vec![thread],
            None => {
                let on = self.read_reviews(repo, number).await?.into_iter().find(|one| one.id == review).and_then(|one| one.commit);
                let began = |discussion: &&wire::Discussion| {
                    discussion.notes.first().is_some_and(|note| {
                        let head = note.position.as_ref().and_then(|position| convert::some_sha(&position.head_sha));
                        note.kind == "DiffNote" && note.author.as_ref().is_some_and(|by| by.id == me.id) && on.is_some() && head == on
                    })
                };
                discussions.iter().filter(began).collect()
            }
        };
        let notes = own.into_iter().flat_map(|discussion| discussion.notes.iter()).filter(|note| is_public_talk(note));
        let mut comments: Vec<ReviewComment> = notes.cloned().map(|note| self.line_comment(note)).collect();
        comments.sort_by_key(|comment| comment.id);
        Ok(comments)
    }

    fn line_comment(&self, note: wire::Note) -> ReviewComment {
        let position = note.position.unwrap_or_default();
        let author = convert::user(note.author);
        ReviewComment {
            id: note.id,
            path: if position.new_path.is_empty() { position.old_path } else { position.new_path },
            line: position.new_line,
            body: self.own_text(author.id, note.body),
            author,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(sha: &str, at: &str) -> wire::Version {
        wire::Version { id: 0, head_commit_sha: sha.to_owned(), created_at: at.to_owned() }
    }

    #[test]
    fn an_approval_belongs_to_the_head_that_was_seen() {
        let versions =
            [version("c", "2026-08-03T09:00:10.000Z"), version("b", "2026-08-03T09:00:05.000Z"), version("a", "2026-08-03T09:00:00.000Z")];
        let rows = [
            ("2026-08-03T09:00:20.000Z", Some("c")),
            ("2026-08-03T09:00:10.001Z", Some("c")),
            ("2026-08-03T09:00:10.000Z", Some("b")),
            ("2026-08-03 09:00:10 UTC", Some("b")),
            ("2026-08-03T09:00:07Z", Some("b")),
            ("2026-08-03T09:00:00.000Z", Some("a")),
            ("2026-08-03T08:00:00.000Z", Some("a")),
            ("", None),
        ];
        for (moment, want) in rows {
            assert_eq!(head_at(&versions, moment), want.map(|sha| Sha(sha.to_owned())), "{moment}");
        }
        assert_eq!(head_at(&[], "2026-08-03T09:00:20Z"), None);
    }

    #[test]
    fn made_numbers_are_steady_and_apart_from_those_of_notes() {
        let one = made_id("approval", 7, 3, "1");
        assert_eq!(one, made_id("approval", 7, 3, "1"));
        assert!(one >= MADE);
        assert_ne!(one, made_id("approval", 7, 3, "2"));
        assert_ne!(one, made_id("changes", 7, 3, "1"));
    }
}
