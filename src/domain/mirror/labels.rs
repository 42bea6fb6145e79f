//! Labels: each is an element of its own, added or taken off by itself. The set as a whole is never replaced.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::{Agreed, Base, Conflict, Field, Op, Plan, Rules, Seen, Verdict, judge};
use super::{Side, Vector};
use crate::domain::scopes;
use crate::domain::workflow::label::Label;

/// Which labels flow, and which exclude each other.
#[derive(Clone, Debug, Default)]
pub struct LabelRules {
    /// The label by which an issue is let out: it speaks about the mirror and is never part of it.
    pub opt_in: String,
    /// Scopes of which an issue has one label at most, such as `priority`.
    pub exclusive: BTreeSet<String>,
}

/// Labels by which Syndarix itself is steered, however a forge spells them. They never flow: a mirrored label is no word of a person who
/// may give one here.
pub fn is_workflow(name: &str) -> bool {
    let name = name.strip_prefix(scopes::FOREIGN).unwrap_or(name);
    let scope = name.split([':', '/']).next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_scoped = name.contains('/') || name.contains("::");
    Label::parse(name).is_some() || (is_scoped && matches!(scope.as_str(), "story" | "pr" | "sprint" | "syndarix" | "autonomy"))
}

impl LabelRules {
    /// Whether a label is part of what is kept equal.
    pub fn flows(&self, name: &str) -> bool {
        !is_workflow(name) && !name.eq_ignore_ascii_case(&self.opt_in)
    }

    fn scope<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.rsplit_once('/').map(|(scope, _)| scope).filter(|scope| self.exclusive.contains(*scope))
    }
}

/// What is to become of one label on either side.
struct Element {
    here: bool,
    there: bool,
    vector: Vector,
    /// The agreement follows what is there afterwards.
    settled: bool,
}

impl Element {
    fn of(&mut self, side: Side) -> &mut bool {
        match side {
            Side::Here => &mut self.here,
            Side::There => &mut self.there,
        }
    }
}

pub(super) fn plan(plan: &mut Plan, base: &Base, here: &Seen, there: &Seen, rules: &Rules) {
    let names: BTreeSet<&String> = here.labels.iter().chain(&there.labels).chain(base.labels.keys()).collect();
    let mut elements: BTreeMap<&str, Element> = BTreeMap::new();
    for name in names.into_iter().filter(|name| rules.labels.flows(name)) {
        let now = (here.labels.contains(name), there.labels.contains(name));
        let known = base.labels.get(name);
        let before = known.map_or((false, false), |known| (known.here, known.there));
        let vector = known.map(|known| known.vector.clone()).unwrap_or_default();
        let mut element = Element { here: now.0, there: now.1, vector: vector.clone(), settled: false };
        match judge(&vector, (before.0 != now.0, before.1 != now.1), now.0 == now.1, rules, (here.stamp, there.stamp)) {
            Verdict::Rest => {}
            Verdict::Agree(vector) => (element.vector, element.settled) = (vector, true),
            Verdict::Flow { from, vector, .. } => {
                let value = *element.of(from);
                *element.of(from.other()) = value;
                (element.vector, element.settled) = (vector, true);
            }
        }
        elements.insert(name, element);
    }
    for side in Side::BOTH {
        exclude(plan, &mut elements, side, (here, there), rules);
    }
    for (name, element) in elements {
        for (side, seen, wanted) in [(Side::Here, here, element.here), (Side::There, there, element.there)] {
            match (seen.labels.contains(name), wanted) {
                (false, true) => plan.push(side, Op::AddLabel(name.to_owned())),
                (true, false) => plan.push(side, Op::RemoveLabel(name.to_owned())),
                _ => {}
            }
        }
        match (element.settled, element.here || element.there) {
            (true, true) => {
                let agreed = Agreed { here: element.here, there: element.there, vector: element.vector };
                drop(plan.base.labels.insert(name.to_owned(), agreed));
            }
            // What neither side has needs no memory.
            (true, false) => drop(plan.base.labels.remove(name)),
            (false, _) => {}
        }
    }
}

/// Of an exclusive scope one label stays: that of the side whose change is the later one.
fn exclude(plan: &mut Plan, elements: &mut BTreeMap<&str, Element>, side: Side, (here, there): (&Seen, &Seen), rules: &Rules) {
    let seen = |side| if side == Side::Here { here } else { there };
    let coming: Vec<&str> = elements
        .iter_mut()
        .filter_map(|(name, element)| (*element.of(side) && !seen(side).labels.contains(*name)).then_some(*name))
        .collect();
    for new in coming {
        let Some(scope) = rules.labels.scope(new) else { continue };
        let standing: Vec<&str> = elements
            .iter_mut()
            .filter_map(|(name, element)| (*name != new && rules.labels.scope(name) == Some(scope) && *element.of(side)).then_some(*name))
            .collect();
        for old in standing {
            if !seen(side).labels.contains(old) {
                // Where they come from the scope is not exclusive: only one of them fits here.
                if let Some(element) = elements.get_mut(new) {
                    *element.of(side) = false;
                    element.settled = false;
                }
                continue;
            }
            let (goes, loser) = if rules.winner(here.stamp, there.stamp) == side { (new, side.other()) } else { (old, side) };
            let may = rules.may_write(loser);
            if let Some(element) = elements.get_mut(goes) {
                // On the side that may not be written to it stays as it is.
                *element.of(loser.other()) = false;
                if may {
                    *element.of(loser) = false;
                }
                element.settled = may;
            }
            if may {
                plan.conflicts.push(Conflict { field: Field::Label(goes.to_owned()), loser, lost: goes.to_owned() });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_steer_are_known_in_every_spelling() {
        for name in
            ["story/design", "story::design", "Story::Design", "plain:story/design", "autonomy::autonomous", "syndarix/waiting", "pr::x/y"]
        {
            assert!(is_workflow(name), "{name}");
        }
        for name in ["bug", "story", "team::red", "area/story", "mirror/outward", "user story: rounding"] {
            assert!(!is_workflow(name), "{name}");
        }
    }
}
