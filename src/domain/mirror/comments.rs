//! Comments. Each belongs to whoever wrote it: it is changed and deleted where it was written, and its copy follows. A copy that somebody
//! edits is written anew, and the edit is a conflict; one that somebody deletes stays away.

use std::collections::BTreeMap;

use super::{Conflict, Field, Side, digest};

/// What is known of a comment and its copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Number of the comment where it was written.
    pub id: i64,
    /// Number of the copy; `None`: somebody deleted it, and it stays away.
    pub copy: Option<i64>,
    /// [`digest`] of what was said.
    pub said: String,
    /// [`digest`] of what was written as the copy.
    pub written: String,
}

/// A comment where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub id: i64,
    pub body: String,
    /// The whole text of its copy.
    pub carried: String,
}

/// A copy that carries our marker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    pub id: i64,
    /// Number of the comment that it is a copy of.
    pub of: i64,
    pub body: String,
}

/// A change among the copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommentOp {
    /// Make the copy of this comment.
    Say { of: i64, body: String },
    /// Write a copy anew.
    Rewrite { copy: i64, body: String },
    /// Take a copy away.
    Delete { copy: i64 },
}

/// What is to be done on the side of the copies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommentPlan {
    pub ops: Vec<CommentOp>,
    pub conflicts: Vec<Conflict>,
    /// The pairs afterwards; what [`CommentOp::Say`] makes is not among them before it has a number.
    pub pairs: Vec<Pair>,
    /// Comments that nothing needs to be remembered of any more.
    pub forgotten: Vec<i64>,
}

/// Plans for the comments written on one side. `copies`: everything on side `at` that carries our marker; of several copies of one
/// comment the oldest counts and the others go, because a request may outlive the process that sent it.
pub fn plan(pairs: &[Pair], said: &[Said], copies: &[Copied], at: Side) -> CommentPlan {
    let mut plan = CommentPlan::default();
    let known: BTreeMap<i64, &Pair> = pairs.iter().map(|pair| (pair.id, pair)).collect();
    let mut standing: BTreeMap<i64, &Copied> = BTreeMap::new();
    for copy in copies {
        let oldest = standing.entry(copy.of).or_insert(copy);
        let double = if copy.id < oldest.id { std::mem::replace(oldest, copy) } else { copy };
        if double.id != oldest.id {
            plan.ops.push(CommentOp::Delete { copy: double.id });
        }
    }
    for one in said {
        match (known.get(&one.id), standing.get(&one.id)) {
            (None, None) => plan.ops.push(CommentOp::Say { of: one.id, body: one.carried.clone() }),
            // Made by somebody who could not note it any more.
            (None, Some(copy)) => follow(&mut plan, one, copy, None, at),
            (Some(pair), Some(copy)) => follow(&mut plan, one, copy, Some(pair), at),
            (Some(pair), None) if pair.copy.is_some() => plan.pairs.push(Pair { copy: None, ..(*pair).clone() }),
            (Some(_), None) => {}
        }
    }
    for pair in pairs.iter().filter(|pair| !said.iter().any(|one| one.id == pair.id)) {
        plan.ops.extend(standing.get(&pair.id).map(|copy| CommentOp::Delete { copy: copy.id }));
        plan.forgotten.push(pair.id);
    }
    plan
}

fn follow(plan: &mut CommentPlan, one: &Said, copy: &Copied, pair: Option<&Pair>, at: Side) {
    let (said, stands, carried) = (digest(&one.body), digest(&copy.body), digest(&one.carried));
    let is_edited = pair.is_some_and(|pair| pair.written != stands);
    let is_news = pair.is_none_or(|pair| pair.said != said);
    let next = Pair { id: one.id, copy: Some(copy.id), said, written: carried.clone() };
    if stands == carried {
        if pair != Some(&next) {
            plan.pairs.push(next);
        }
        return;
    }
    if !is_edited && !is_news {
        return;
    }
    if is_edited {
        plan.conflicts.push(Conflict { field: Field::Comment(one.id), loser: at, lost: copy.body.clone() });
    }
    plan.ops.push(CommentOp::Rewrite { copy: copy.id, body: one.carried.clone() });
    plan.pairs.push(next);
}
