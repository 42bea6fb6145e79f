//! From the last agreement and two sights to the changes on either side.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::labels::{self, LabelRules};
use super::{Order, Side, Vector, digest};
use crate::base::Time;
use crate::domain::forge::State;

/// What both sides showed when they last agreed. They may differ in form: a text is carried over without what would act there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreed<T> {
    pub here: T,
    pub there: T,
    pub vector: Vector,
}

impl<T> Agreed<T> {
    /// What a side showed.
    pub fn of(&self, side: Side) -> &T {
        match side {
            Side::Here => &self.here,
            Side::There => &self.there,
        }
    }
}

/// The last agreement about an issue. Texts stand in it by their [`digest`]; a field without one was never agreed upon.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Base {
    pub title: Option<Agreed<String>>,
    pub body: Option<Agreed<String>>,
    pub state: Option<Agreed<State>>,
    pub labels: BTreeMap<String, Agreed<bool>>,
}

/// A text of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// As it stands there.
    pub own: String,
    /// As it would be written on the other side.
    pub carried: String,
}

/// One side of an issue as its forge shows it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub title: Text,
    pub body: Text,
    pub state: State,
    pub labels: BTreeSet<String>,
    /// When the issue was touched last, by the clock of its forge.
    pub stamp: Time,
}

/// What may flow, and who wins a draw.
#[derive(Clone, Debug)]
pub struct Rules {
    pub primary: Side,
    /// The repository of the project may be written to.
    pub inward: bool,
    /// The linked repository may be written to.
    pub outward: bool,
    pub labels: LabelRules,
}

impl Rules {
    /// Whether this side may be written to.
    pub fn may_write(&self, side: Side) -> bool {
        match side {
            Side::Here => self.inward,
            Side::There => self.outward,
        }
    }

    /// Whose change holds where both sides changed.
    pub fn winner(&self, here: Time, there: Time) -> Side {
        match here.cmp(&there) {
            std::cmp::Ordering::Greater => Side::Here,
            std::cmp::Ordering::Less => Side::There,
            std::cmp::Ordering::Equal => self.primary,
        }
    }
}

/// A change to make on one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    Title(String),
    Body(String),
    State(State),
    AddLabel(String),
    RemoveLabel(String),
}

/// Which part of an issue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    Title,
    Body,
    State,
    Label(String),
    /// A comment by its number where it was written.
    Comment(i64),
}

/// An edit that lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    pub field: Field,
    /// The side on which the edit was made.
    pub loser: Side,
    /// What stood there.
    pub lost: String,
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// On the project's own repository, in this order.
    pub here: Vec<Op>,
    /// On the linked one.
    pub there: Vec<Op>,
    pub conflicts: Vec<Conflict>,
    /// The agreement once all of that is done.
    pub base: Base,
}

impl Plan {
    pub(super) fn push(&mut self, side: Side, op: Op) {
        match side {
            Side::Here => self.here.push(op),
            Side::There => self.there.push(op),
        }
    }

    /// What is to be done on a side.
    pub fn on(&self, side: Side) -> &[Op] {
        match side {
            Side::Here => &self.here,
            Side::There => &self.there,
        }
    }

    /// Nothing is to be written anywhere.
    pub fn is_silent(&self) -> bool {
        self.here.is_empty() && self.there.is_empty()
    }
}

/// What becomes of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing is done, and the agreement stays as it is.
    Rest,
    /// Both say the same.
    Agree(Vector),
    /// What this side says goes to the other; `true`: over an edit that was made there.
    Flow { from: Side, over: bool, vector: Vector },
}

/// Judges one field. `changed`: here and there, since the last agreement, whose vector is given.
pub(super) fn judge(vector: &Vector, changed: (bool, bool), equal: bool, rules: &Rules, stamps: (Time, Time)) -> Verdict {
    let (here, there) = (vector.after(Side::Here, changed.0), vector.after(Side::There, changed.1));
    let merged = here.merge(&there);
    if equal {
        return Verdict::Agree(merged);
    }
    let from = match here.order(&there) {
        Order::Equal => return Verdict::Rest,
        Order::After => Side::Here,
        Order::Before => Side::There,
        Order::Concurrent => rules.winner(stamps.0, stamps.1),
    };
    match rules.may_write(from.other()) {
        true => Verdict::Flow { from, over: changed.0 && changed.1, vector: merged },
        // Where nothing may be written nothing is lost: both texts stay where they are.
        false => Verdict::Rest,
    }
}

/// The changes that bring two sides together. Planned again over its own outcome it does nothing, and it does not matter which side is
/// called which.
pub fn plan(base: &Base, here: &Seen, there: &Seen, rules: &Rules) -> Plan {
    let mut plan = Plan { base: base.clone(), ..Plan::default() };
    let stamps = (here.stamp, there.stamp);
    plan.base.title = text(&mut plan, base.title.as_ref(), (&here.title, &there.title), rules, stamps, (Field::Title, Op::Title));
    plan.base.body = text(&mut plan, base.body.as_ref(), (&here.body, &there.body), rules, stamps, (Field::Body, Op::Body));
    labels::plan(&mut plan, base, here, there, rules);
    plan.base.state = state(&mut plan, base.state.as_ref(), (here.state, there.state), rules, stamps);
    plan
}

fn text(
    plan: &mut Plan,
    base: Option<&Agreed<String>>,
    (here, there): (&Text, &Text),
    rules: &Rules,
    stamps: (Time, Time),
    (field, op): (Field, fn(String) -> Op),
) -> Option<Agreed<String>> {
    let now = (digest(&here.own), digest(&there.own));
    let equal = now.0 == now.1 || digest(&here.carried) == now.1 || digest(&there.carried) == now.0;
    let changed = base.map_or((true, true), |base| (base.here != now.0, base.there != now.1));
    let vector = base.map(|base| base.vector.clone()).unwrap_or_default();
    match judge(&vector, changed, equal, rules, stamps) {
        Verdict::Rest => base.cloned(),
        Verdict::Agree(vector) => Some(Agreed { here: now.0, there: now.1, vector }),
        Verdict::Flow { from, over, vector } => {
            let (winner, loser) = if from == Side::Here { (here, there) } else { (there, here) };
            if over {
                plan.conflicts.push(Conflict { field, loser: from.other(), lost: loser.own.clone() });
            }
            plan.push(from.other(), op(winner.carried.clone()));
            let written = digest(&winner.carried);
            Some(match from {
                Side::Here => Agreed { here: now.0, there: written, vector },
                Side::There => Agreed { here: written, there: now.1, vector },
            })
        }
    }
}

fn state(
    plan: &mut Plan,
    base: Option<&Agreed<State>>,
    (here, there): (State, State),
    rules: &Rules,
    stamps: (Time, Time),
) -> Option<Agreed<State>> {
    let changed = base.map_or((true, true), |base| (base.here != here, base.there != there));
    let vector = base.map(|base| base.vector.clone()).unwrap_or_default();
    match judge(&vector, changed, here == there, rules, stamps) {
        Verdict::Rest => base.cloned(),
        Verdict::Agree(vector) => Some(Agreed { here, there, vector }),
        Verdict::Flow { from, over, vector } => {
            let (winner, loser) = if from == Side::Here { (here, there) } else { (there, here) };
            if over {
                let lost = if loser == State::Open { "open" } else { "closed" };
                plan.conflicts.push(Conflict { field: Field::State, loser: from.other(), lost: lost.to_owned() });
            }
            plan.push(from.other(), Op::State(winner));
            Some(Agreed { here: winner, there: winner, vector })
        }
    }
}
