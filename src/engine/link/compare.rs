//! One pair of issues: both are read, the difference is planned, done and noted.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::base::Time;
use crate::domain::forge::{Comment, ForgeKind, Issue, LabelSpec};
use crate::domain::marker;
use crate::domain::mirror::comments::{self, CommentOp, CommentPlan, Copied, Pair, Said};
use crate::domain::mirror::words::{self, Source};
use crate::domain::mirror::{Base, Conflict, LabelRules, Op, Plan, Rules, Seen, Side, digest, plan};
use crate::forge::ForgeError;
use crate::store::{MirrorComment, MirrorDue, MirrorRow};

use super::super::Result;
use super::Link;
use super::copy::comment_of;
use super::notice::Notice;

/// Colour of a label that is made because it was put on an issue across, where the other side does not say one.
const COLOR: &str = "ededed";

/// What is kept of a pair.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Kept {
    pub base: Base,
    /// Both issues as they were compared last.
    pub sights: [String; 2],
    /// What people are still to be told.
    pub notices: Vec<Notice>,
    /// The stamps by which a conflict was decided that is being carried out: our own writes move those of the forges.
    pub deciding: Option<(Time, Time)>,
    /// One of the two is gone: the other goes on alone.
    pub ended: bool,
}

/// An issue as a list shows it, in a word.
pub(super) fn sight(issue: &Issue) -> String {
    let parts = json!([issue.title, digest(&issue.body), issue.state, issue.labels, issue.updated_at]);
    digest(&parts.to_string())
}

/// Both sides of a pair as they are now.
pub(super) struct Both {
    pub origin: Side,
    pub issues: [Issue; 2],
    pub comments: [Vec<Comment>; 2],
}

impl Both {
    pub fn issue(&self, side: Side) -> &Issue {
        &self.issues[usize::from(side == Side::There)]
    }

    pub fn comments(&self, side: Side) -> &[Comment] {
        &self.comments[usize::from(side == Side::There)]
    }
}

impl Link<'_> {
    async fn row(&self, side: Side, number: i64) -> Result<Option<MirrorRow>> {
        let mut tx = self.engine.store.begin_read(self.site.project.id).await?;
        let row = tx.mirror(&self.key, side.word(), number).await?;
        tx.rollback().await?;
        Ok(row)
    }

    async fn done(&self, due: &MirrorDue) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.mirror_is_done(&self.key, due).await?;
        self.engine.commit(tx).await
    }

    /// Compares the pair of an issue, made when it is to be. Gives both issues, neither of which has to be compared again.
    pub(super) async fn issue(&self, side: Side, due: &MirrorDue, all: &[MirrorDue]) -> Result<Vec<(Side, i64)>> {
        let row = match self.row(side, due.number).await? {
            Some(row) if row.copy.is_some() => Some(row),
            begun => match self.consider(side, due.number, begun.is_some()).await? {
                Some(_) => self.row(side, due.number).await?,
                None => None,
            },
        };
        let Some((copy, row)) = row.and_then(|row| Some((row.copy?, row))) else {
            self.done(due).await?;
            return Ok(vec![(side, due.number)]);
        };
        let origin = Side::parse(&row.origin).unwrap_or(Side::There);
        let number = |side: Side| if side == origin { row.number } else { copy };
        let reasons: Vec<&MirrorDue> =
            all.iter().filter(|due| Side::parse(&due.side).is_some_and(|side| number(side) == due.number)).collect();
        let mut kept: Kept = serde_json::from_value(row.base.clone())?;
        if !kept.ended {
            self.compare(&row, origin, (number(Side::Here), number(Side::There)), &mut kept, &reasons).await?;
        }
        let mut tx = self.begin().await?;
        tx.put_mirror(&self.key, &row.origin, row.number, copy, &serde_json::to_value(&kept)?).await?;
        tx.mirror_is_done(&self.key, due).await?;
        for reason in reasons {
            tx.mirror_is_done(&self.key, reason).await?;
        }
        self.engine.commit(tx).await?;
        Ok(Side::BOTH.map(|side| (side, number(side))).to_vec())
    }

    async fn read(&self, origin: Side, (here, there): (i64, i64)) -> Result<Option<Both>> {
        let mut issues = Vec::new();
        let mut said = Vec::new();
        for (side, number) in [(Side::Here, here), (Side::There, there)] {
            match self.forge(side).issue(&self.repo(side), number).await {
                Ok(issue) => issues.push(issue),
                // The repository answered a moment ago, so it is the issue that is gone.
                Err(ForgeError::NotFound(_)) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
            said.push(self.forge(side).comments(&self.repo(side), number).await?);
        }
        let pair = |mut both: Vec<_>| Some([both.remove(0), both.remove(0)]);
        let (Ok(issues), Some(comments)) = (<[Issue; 2]>::try_from(issues), pair(said)) else { return Ok(None) };
        Ok(Some(Both { origin, issues, comments }))
    }

    async fn compare(&self, row: &MirrorRow, origin: Side, numbers: (i64, i64), kept: &mut Kept, reasons: &[&MirrorDue]) -> Result<()> {
        let allowed = self.allowed().await?;
        let Some(both) = self.read(origin, numbers).await? else {
            kept.ended = true;
            let mut tx = self.begin().await?;
            self.note(&mut tx, "link.issue-gone", json!({"origin": origin, "issue": row.number, "copy": row.copy})).await?;
            return self.engine.commit(tx).await;
        };
        let outward = self.is_let_out(both.issue(Side::Here), allowed).await?;
        let (specs, exclusive) = self.labels(&both).await?;
        let rules = Rules {
            primary: self.config.primary.side(),
            inward: allowed.inward,
            outward,
            labels: LabelRules { opt_in: self.config.outward_label.clone(), exclusive },
        };
        let stamps = kept.deciding.unwrap_or((both.issues[0].updated_at, both.issues[1].updated_at));
        let planned = plan(&kept.base, &self.seen(&both, Side::Here, stamps.0), &self.seen(&both, Side::There, stamps.1), &rules);
        let mut spoken = Vec::new();
        for from in Side::BOTH {
            if rules.may_write(from.other()) {
                spoken.push((from, self.plan_comments(&both, from).await?));
            }
        }
        let conflicts: Vec<&Conflict> = planned.conflicts.iter().chain(spoken.iter().flat_map(|(_, plan)| &plan.conflicts)).collect();
        self.decide(row, &both, kept, stamps, &conflicts, reasons).await?;
        let mut wrote = [false, false];
        for side in Side::BOTH {
            wrote[usize::from(side == Side::There)] = self.perform(&both, side, &planned, &specs).await?;
        }
        for (from, plan) in &spoken {
            wrote[usize::from(*from == Side::Here)] |= self.speak(&both, *from, plan).await?;
        }
        for notice in &kept.notices {
            self.tell(&both, notice).await?;
        }
        self.answer(both.issue(Side::There).number, Some(&both)).await?;
        kept.base = planned.base;
        (kept.notices, kept.deciding) = (Vec::new(), None);
        // What was written to looks different already.
        kept.sights = [0, 1].map(|at| if wrote[at] { String::new() } else { sight(&both.issues[at]) });
        Ok(())
    }

    fn seen(&self, both: &Both, side: Side, stamp: Time) -> Seen {
        let issue = both.issue(side);
        let (title, body) = self.texts(side, issue, side != both.origin);
        Seen { title, body, state: issue.state, labels: issue.labels.iter().cloned().collect(), stamp }
    }

    /// The labels that the repositories know, and the scopes that are exclusive on either; asked for only when something differs.
    async fn labels(&self, both: &Both) -> Result<([Vec<LabelSpec>; 2], BTreeSet<String>)> {
        if both.issues[0].labels == both.issues[1].labels {
            return Ok(Default::default());
        }
        let specs =
            [self.forge(Side::Here).labels(&self.repo(Side::Here)).await?, self.forge(Side::There).labels(&self.repo(Side::There)).await?];
        let scopes = specs.iter().flatten().filter(|spec| spec.exclusive).filter_map(|spec| spec.name.rsplit_once('/'));
        let exclusive = scopes.map(|(scope, _)| scope.to_owned()).collect();
        Ok((specs, exclusive))
    }

    /// What people wrote on a side, against its copies across.
    async fn plan_comments(&self, both: &Both, from: Side) -> Result<CommentPlan> {
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

    /// Edits that lose are named, in the record and for those who made them, before anything is written over them.
    async fn decide(
        &self,
        row: &MirrorRow,
        both: &Both,
        kept: &mut Kept,
        stamps: (Time, Time),
        conflicts: &[&Conflict],
        reasons: &[&MirrorDue],
    ) -> Result<()> {
        if conflicts.is_empty() {
            return Ok(());
        }
        let who = |side: Side| reasons.iter().find(|due| due.side == side.word()).and_then(|due| due.who.as_deref());
        let mut tx = self.begin().await?;
        kept.deciding = Some(stamps);
        for conflict in conflicts {
            let notice = self.notice(both, conflict, stamps, (who(conflict.loser), who(conflict.loser.other())));
            if kept.notices.contains(&notice) {
                continue;
            }
            let hash = tx.put_text(&conflict.lost).await?;
            let entry = json!({
                "origin": both.origin, "issue": row.number, "copy": row.copy, "field": conflict.field, "lost_on": conflict.loser, "lost": hash,
            });
            self.note(&mut tx, "link.conflict", entry).await?;
            kept.notices.push(notice);
        }
        tx.put_mirror(&self.key, &row.origin, row.number, row.copy.unwrap_or_default(), &serde_json::to_value(&*kept)?).await?;
        self.engine.commit(tx).await
    }

    /// Does what is planned for one side of the issue itself. True: something was written.
    async fn perform(&self, both: &Both, side: Side, planned: &Plan, specs: &[Vec<LabelSpec>; 2]) -> Result<bool> {
        let ops = planned.on(side);
        if ops.is_empty() {
            return Ok(false);
        }
        let (forge, repo, number) = (self.forge(side), self.repo(side), both.issue(side).number);
        let (mut title, mut body, mut add, mut remove, mut state) = (None, None, Vec::new(), Vec::new(), None);
        for op in ops {
            match op {
                Op::Title(text) => title = Some(text.clone()),
                Op::Body(text) if side == both.origin => body = Some(text.clone()),
                Op::Body(text) => body = Some(self.framed(both.origin, both.issue(both.origin), text)),
                Op::AddLabel(name) => add.push(name.clone()),
                Op::RemoveLabel(name) => remove.push(name.clone()),
                Op::State(to) => state = Some(*to),
            }
        }
        if title.is_some() || body.is_some() {
            self.engine.hold(self.claim, self.patience()).await?;
            self.engine.outside(forge.edit_issue(&repo, number, title.as_deref(), body.as_deref())).await?;
        }
        if !add.is_empty() || !remove.is_empty() {
            self.engine.hold(self.claim, self.patience()).await?;
            let missing = missing(&add, side, specs);
            if !missing.is_empty() {
                self.engine.outside(forge.ensure_labels(&repo, &missing)).await?;
            }
            self.engine.outside(forge.change_labels(&repo, number, &add, &remove)).await?;
        }
        if let Some(state) = state {
            self.engine.hold(self.claim, self.patience()).await?;
            self.engine.outside(forge.set_issue_state(&repo, number, state)).await?;
        }
        let mut tx = self.begin().await?;
        let did = json!({
            "side": side, "issue": number, "title": title.as_deref().map(digest), "body": body.as_deref().map(digest),
            "labels_added": add, "labels_removed": remove, "state": state,
        });
        self.note(&mut tx, "link.issue-changed", did).await?;
        self.engine.commit(tx).await?;
        Ok(true)
    }

    /// Does what is planned for the copies of one side's comments, each noted as soon as it is done. True: something was written.
    async fn speak(&self, both: &Both, from: Side, planned: &CommentPlan) -> Result<bool> {
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

/// Labels that are to be put on and that the repository does not have, as the other one has them.
fn missing(add: &[String], side: Side, specs: &[Vec<LabelSpec>; 2]) -> Vec<LabelSpec> {
    let at = usize::from(side == Side::There);
    let (own, other) = (&specs[at], &specs[1 - at]);
    let unknown = add.iter().filter(|name| !own.iter().any(|spec| spec.name == **name));
    let made = |name: &String| {
        let like = other.iter().find(|spec| spec.name == *name).cloned();
        like.unwrap_or_else(|| LabelSpec { name: name.clone(), color: COLOR.into(), description: String::new(), exclusive: false })
    };
    unknown.map(made).collect()
}
