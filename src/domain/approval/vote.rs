//! Whose word counts. Authority is bound to the numeric user id and to the commit it was given on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::forge::{Review, Role, Sha, User, Verdict};

use super::gate::GateFacts;

/// How the reason ends why an approval of an older head does not count: whoever gave it can give it again.
pub const MOVED: &str = "and the head has moved since";

/// What is known about somebody who speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub user: User,
    /// Asked live; `None` when the forge would not say.
    pub role: Option<Role>,
    pub is_bot: bool,
}

/// A vote and whether it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    pub user: User,
    /// `Err` is why not, as a sentence that names the way out.
    pub counts: Result<(), String>,
}

/// Whether this person may pass the plan. The requester may.
pub fn plan_vote(person: &Person) -> Result<(), String> {
    if person.is_bot {
        return Err("bots cannot approve a plan".into());
    }
    has_write(person)
}

fn has_write(person: &Person) -> Result<(), String> {
    match person.role {
        Some(role) if role >= Role::Writer => Ok(()),
        Some(role) => Err(format!("`{}` needs write permission here and has: {role}", person.user.login)),
        None => Err(format!("the forge would not say which permission `{}` has here", person.user.login)),
    }
}

/// All votes for merging the head: the newest submitted review of each person, and approvals given by command.
pub fn votes(facts: &GateFacts) -> Vec<Vote> {
    let mut approvals: BTreeMap<i64, (User, Option<String>)> = BTreeMap::new();
    for review in newest_per_person(&facts.reviews) {
        let of_plan = review.commit.is_some() && review.commit == facts.plan_head;
        if review.verdict == Verdict::Approved && !of_plan {
            approvals.insert(review.author.id, (review.author.clone(), review_fault(review, &facts.head)));
        }
    }
    for (user, head) in &facts.commands {
        // A request for changes given after the command takes the vote back.
        let withdrawn = newest_per_person(&facts.reviews).iter().any(|r| r.author.id == user.id && r.verdict == Verdict::ChangesRequested);
        let fault = (*head != facts.head).then(|| format!("`{}` approved {}, {MOVED}", user.login, head.short()));
        if !withdrawn && !approvals.get(&user.id).is_some_and(|(_, fault)| fault.is_none()) {
            approvals.insert(user.id, (user.clone(), fault));
        }
    }
    approvals
        .into_values()
        .map(|(user, fault)| {
            let counts = fault.map_or_else(|| may_vote(&user, facts), Err);
            Vote { user, counts }
        })
        .collect()
}

/// The newest review of each person that says something; comments do not take back a verdict. Where the newest was dismissed there is
/// none: what its author had said before it was over when it was said.
fn newest_per_person(reviews: &[Review]) -> Vec<&Review> {
    let mut newest: BTreeMap<i64, &Review> = BTreeMap::new();
    for review in reviews {
        let speaks = matches!(review.verdict, Verdict::Approved | Verdict::ChangesRequested);
        let newer = newest.get(&review.author.id).is_none_or(|old| (old.submitted_at, old.id) <= (review.submitted_at, review.id));
        if speaks && newer {
            newest.insert(review.author.id, review);
        }
    }
    newest.into_values().filter(|review| !review.dismissed).collect()
}

/// The word of one person that holds, if any does; see [`newest_per_person`].
pub fn standing_word(user: i64, reviews: &[Review]) -> Option<&Review> {
    newest_per_person(reviews).into_iter().find(|review| review.author.id == user)
}

/// Requests for changes that are their author's newest word. They count from writers, on any head, until they are taken back.
pub fn standing_objections(facts: &GateFacts) -> Vec<&Review> {
    newest_per_person(&facts.reviews)
        .into_iter()
        .filter(|review| review.verdict == Verdict::ChangesRequested)
        .filter(|review| facts.person(&review.author).is_some_and(|person| !person.is_bot && has_write(person).is_ok()))
        .collect()
}

/// People whose newest word is a request for changes.
pub(super) fn objections(facts: &GateFacts) -> Vec<User> {
    standing_objections(facts).into_iter().map(|review| review.author.clone()).collect()
}

fn review_fault(review: &Review, head: &Sha) -> Option<String> {
    let login = &review.author.login;
    match &review.commit {
        Some(commit) if commit == head && !review.stale => None,
        Some(commit) => Some(format!("`{login}` approved {}, {MOVED}", commit.short())),
        None => Some(format!("the approval of `{login}` names no commit")),
    }
}

fn may_vote(user: &User, facts: &GateFacts) -> Result<(), String> {
    let Some(person) = facts.person(user) else {
        return Err(format!("nothing is known about `{}`", user.login));
    };
    if person.is_bot {
        return Err(format!("`{}` is a bot, and bots do not count for the merge", user.login));
    }
    has_write(person)?;
    if facts.one_person_team {
        return Ok(());
    }
    if facts.requester.as_ref().is_some_and(|requester| requester.id == user.id) {
        return Err(format!(
            "`{}` asked for this story, and the requester does not count for the merge (an admin can lift that with `one_person_team = true` in the project's configuration)",
            user.login
        ));
    }
    if let Some(head) = facts.nameless.as_ref().filter(|_| !facts.authors.contains(&user.id)) {
        return Err(format!(
            "the forge did not say who pushed {}, and its author's address belongs to no account, so it may be `{}`'s own (whoever made it can add that address to the account, or an admin can set `one_person_team = true` in the project's configuration)",
            head.short(),
            user.login
        ));
    }
    if facts.authors.contains(&user.id) {
        return Err(format!(
            "`{}` made a commit on this branch, and commit authors do not count for the merge (an admin can lift that with `one_person_team = true` in the project's configuration)",
            user.login
        ));
    }
    Ok(())
}
