//! One pair of issues: both are read, the difference is planned, done and noted.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::base::Time;
use crate::domain::forge::{Comment, Issue, LabelSpec};
use crate::domain::mirror::{Base, Conflict, LabelRules, Rules, Seen, Side, digest, plan};
use crate::forge::ForgeError;
use crate::store::{MirrorDue, MirrorRow};

use super::super::Result;
use super::Link;
use super::notice::Notice;

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
        if both.issues.iter().any(|issue| issue.confidential) {
            // It was not when the pair was made. Both rest until it is told again.
            return Ok(());
        }
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
}
