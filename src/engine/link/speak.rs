//! Carrying comments over: what people wrote on one side, against its copies on the other.

use serde_json::json;

use crate::domain::forge::ForgeKind;
use crate::domain::marker;
use crate::domain::mirror::comments::{self, CommentOp, CommentPlan, Copied, Pair, Said};
use crate::domain::mirror::words::{self, Source};
use crate::domain::mirror::{Side, digest};
use crate::forge::ForgeError;
use crate::store::MirrorComment;

use super::super::Result;
use super::Link;
use super::compare::Both;
use super::copy::comment_of;

impl Link<'_> {
    /// What people wrote on a side, against its copies across.
    pub(super) async fn plan_comments(&self, both: &Both, from: Side) -> Result<CommentPlan> {
        let (bot, issue) = (self.connection(from).bot.id, both.issue(from).number);
        let object = self.object(both.origin, both.issue(both.origin).number);
        let object = format!("{object}:{from}");
        let links = self.links(from);
        let people = both.comments(from).iter().filter(|comment| comment.author.id != bot && marker::find(&comment.body).is_none());
        let said: Vec<Said> = people
            .map(|comment| {
                let (place, url) = self.place(from, issue);
                let anchor = if self.forge(from).kind() == ForgeKind::GitLab { "note_" } else { "issuecomment-" };
                let url = format!("{url}#{anchor}{}", comment.id);
                let source = Source { login: &comment.author.login, place: &place, url: &url, links: &links };
                let mark = words::mark(&self.engine.marker_key, &format!("{object}:{}", comment.id));
                Said { id: comment.id, carried: words::comment(&source, &comment.body, &mark), body: comment.body.clone() }
            })
            .collect();
        let mut tx = self.engine.store.begin_read(self.site.project.id).await?;
        let rows = tx.mirror_comments(&self.key, from.word(), issue).await?;
        tx.rollback().await?;
        let copies: Vec<Copied> = both
            .comments(from.other())
            .iter()
            .filter_map(|comment| {
                // Who edits a copy may take its marker away; then its number is what it is known by.
                let marked = self.copied(from.other(), comment.author.id, &comment.body).and_then(|mark| comment_of(&mark, &object));
                let of = marked.or_else(|| rows.iter().find(|row| row.copy == Some(comment.id)).map(|row| row.id))?;
                Some(Copied { id: comment.id, of, body: comment.body.clone() })
            })
            .collect();
        let pairs: Vec<Pair> =
            rows.into_iter().map(|row| Pair { id: row.id, copy: row.copy, said: row.said, written: row.written }).collect();
        let mut planned = comments::plan(&pairs, &said, &copies, from.other());
        // A pair whose copy is made now is noted with it.
        let fresh = planned.ops.iter().filter_map(|op| match op {
            CommentOp::Say { of, body } => said.iter().find(|one| one.id == *of).map(|one| (one, body)),
            _ => None,
        });
        planned.pairs.extend(fresh.map(|(one, body)| Pair { id: one.id, copy: None, said: digest(&one.body), written: digest(body) }));
        Ok(planned)
    }

    /// Does what is planned for the copies of one side's comments, each noted as soon as it is done. True: something was written.
    pub(super) async fn speak(&self, both: &Both, from: Side, planned: &CommentPlan) -> Result<bool> {
        let (to, issue) = (from.other(), both.issue(from).number);
        let (forge, repo, number) = (self.forge(to), self.repo(to), both.issue(to).number);
        let mut pairs = planned.pairs.clone();
        for op in &planned.ops {
            self.engine.hold(self.claim, self.patience()).await?;
            let done = match op {
                CommentOp::Say { of, body } => {
                    let made = self.engine.outside(forge.create_comment(&repo, number, body)).await?;
                    if let Some(pair) = pairs.iter_mut().find(|pair| pair.id == *of) {
                        pair.copy = Some(made.id);
                        self.keep(from, issue, pair).await?;
                    }
                    json!({"comment": of, "copied_as": made.id})
                }
                CommentOp::Rewrite { copy, body } => match self.engine.outside(forge.edit_comment(&repo, number, *copy, body)).await {
                    Ok(()) | Err(ForgeError::NotFound(_)) => json!({"copy": copy, "rewritten": true}),
                    Err(error) => return Err(error.into()),
                },
                CommentOp::Delete { copy } => match self.engine.outside(forge.delete_comment(&repo, number, *copy)).await {
                    Ok(()) | Err(ForgeError::NotFound(_)) => json!({"copy": copy, "deleted": true}),
                    Err(error) => return Err(error.into()),
                },
            };
            tracing::debug!(link = self.key, side = %to, issue = number, "a copy of a comment: {done}");
        }
        if pairs.is_empty() && planned.forgotten.is_empty() && planned.ops.is_empty() {
            return Ok(false);
        }
        let mut tx = self.begin().await?;
        for pair in &pairs {
            tx.put_mirror_comment(&self.key, from.word(), issue, &row_of(pair)).await?;
        }
        for id in &planned.forgotten {
            tx.drop_mirror_comment(&self.key, from.word(), issue, *id).await?;
        }
        if !planned.ops.is_empty() {
            self.note(&mut tx, "link.comments-carried", json!({"side": to, "issue": number, "count": planned.ops.len()})).await?;
        }
        self.engine.commit(tx).await?;
        Ok(!planned.ops.is_empty())
    }

    async fn keep(&self, from: Side, issue: i64, pair: &Pair) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.put_mirror_comment(&self.key, from.word(), issue, &row_of(pair)).await?;
        self.engine.commit(tx).await
    }
}

fn row_of(pair: &Pair) -> MirrorComment {
    MirrorComment { id: pair.id, copy: pair.copy, said: pair.said.clone(), written: pair.written.clone() }
}
