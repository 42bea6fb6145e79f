//! The merge gate: every condition on one page, judged from facts gathered a moment ago.

use std::collections::BTreeSet;

use crate::domain::forge::{CiState, CiStatus, Pull, Review, Sha, State, User};
use crate::domain::workflow::label::Autonomy;

use super::permit::MergePermit;
use super::vote::{Person, objections, votes};

/// Everything the gate looks at, read from the forge just now.
#[derive(Clone, Debug)]
pub struct GateFacts {
    pub autonomy: Autonomy,
    pub pull: Pull,
    /// The head that Syndarix made or accepted and reviewed.
    pub head: Sha,
    pub reviews: Vec<Review>,
    /// Approvals given by command, with the head each was given on.
    pub commands: Vec<(User, Sha)>,
    /// The head that held nothing but the plan: approving it was no vote for the merge.
    pub plan_head: Option<Sha>,
    /// Everybody who reviewed or voted, with live permissions.
    pub people: Vec<Person>,
    pub requester: Option<User>,
    /// User ids of authors, committers and co-authors of the commits on the branch.
    pub authors: BTreeSet<i64>,
    pub one_person_team: bool,
    pub ci: Vec<CiStatus>,
    /// The story is paused or halted.
    pub stopped: bool,
    /// Blocking findings of the reviewer agent without an answer.
    pub open_findings: u32,
    /// Protected paths that the branch changes.
    pub protected: Vec<String>,
    /// The branch that plan and approvals are for; empty where that is not looked at.
    pub base_branch: String,
    /// A commit that somebody pushed whom neither the forge names nor its author's address: anybody might have made it.
    pub nameless: Option<Sha>,
}

impl GateFacts {
    pub(super) fn person(&self, user: &User) -> Option<&Person> {
        self.people.iter().find(|person| person.user.id == user.id)
    }

    /// How many people have to approve.
    pub fn approvals_needed(&self) -> usize {
        match self.autonomy {
            Autonomy::Autonomous if self.protected.is_empty() => 0,
            _ => 1,
        }
    }
}

/// What the gate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// The head may be merged, on the word of these people (nobody, where the autonomy level asks for nobody).
    Holds { approvers: Vec<User> },
    /// Not yet. Each reason is a sentence part that names what is missing; none is empty.
    Waits { reasons: Vec<String> },
}

/// Judges the facts.
pub fn gate(facts: &GateFacts) -> Gate {
    let mut reasons = Vec::new();
    if facts.pull.state != State::Open {
        reasons.push("the pull request is not open".into());
    }
    if facts.pull.draft {
        reasons.push("the pull request is a draft".into());
    }
    if facts.pull.head.sha != facts.head {
        reasons.push(format!("the branch is at {}, which Syndarix has not looked at", facts.pull.head.sha.short()));
    }
    if facts.pull.base.branch != facts.base_branch && !facts.base_branch.is_empty() {
        reasons.push(format!("the pull request goes to `{}` instead of `{}`", facts.pull.base.branch, facts.base_branch));
    }
    if facts.stopped {
        reasons.push("the story is paused".into());
    }
    if facts.open_findings > 0 {
        let are = if facts.open_findings == 1 { "is" } else { "are" };
        reasons.push(format!("{} of the reviewer's findings {are} open", facts.open_findings));
    }
    reasons.extend(objections(facts).iter().map(|user| format!("@{} asks for changes", user.login)));
    reasons.extend(facts.ci.iter().filter(|status| !status.state.passes()).map(ci_reason));
    let (approvers, faults) = split_votes(facts);
    if approvers.len() < facts.approvals_needed() {
        let whose = if facts.protected.is_empty() { "" } else { " because protected paths change" };
        reasons.push(format!("an approval on {} by somebody with write permission is missing{whose}", facts.head.short()));
        reasons.extend(faults);
    }
    if reasons.is_empty() { Gate::Holds { approvers } } else { Gate::Waits { reasons } }
}

/// Mints the permit for the merge that is about to be called. Only facts that pass the gate give one.
pub fn permit(facts: &GateFacts) -> Result<MergePermit, Vec<String>> {
    match gate(facts) {
        Gate::Holds { .. } => Ok(MergePermit::mint(facts.pull.number, facts.head.clone())),
        Gate::Waits { reasons } => Err(reasons),
    }
}

fn split_votes(facts: &GateFacts) -> (Vec<User>, Vec<String>) {
    let mut approvers = Vec::new();
    let mut faults = Vec::new();
    for vote in votes(facts) {
        match vote.counts {
            Ok(()) => approvers.push(vote.user),
            Err(why) => faults.push(why),
        }
    }
    (approvers, faults)
}

fn ci_reason(status: &CiStatus) -> String {
    let what = if status.state == CiState::Pending { "is still running" } else { "failed" };
    format!("CI check `{}` {what}", status.context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Time;
    use crate::domain::forge::{PullSide, Role, Verdict};

    fn user(id: i64) -> User {
        User { id, login: format!("u{id}") }
    }

    fn sha(c: char) -> Sha {
        Sha(c.to_string().repeat(40))
    }

    fn review(author: i64, verdict: Verdict, on: char, at: i64) -> Review {
        Review {
            id: at,
            author: user(author),
            verdict,
            body: String::new(),
            commit: Some(sha(on)),
            stale: false,
            official: true,
            dismissed: false,
            submitted_at: Time(at),
        }
    }

    /// Requester 1, commit author 2, writer 3, reader 4, bot 5, writer 6; head is `b`.
    fn facts() -> GateFacts {
        let side = |c| PullSide { branch: "x".into(), sha: sha(c), repo_id: Some(1) };
        let pull = Pull {
            number: 7,
            title: String::new(),
            body: String::new(),
            state: State::Open,
            draft: false,
            merged: false,
            merge_sha: None,
            merged_by: None,
            mergeable: Some(true),
            head: side('b'),
            base: side('a'),
            labels: vec![],
            author: user(5),
            updated_at: Time(0),
        };
        let role = |id| if id == 4 { Role::Reader } else { Role::Writer };
        GateFacts {
            autonomy: Autonomy::Milestone,
            pull,
            head: sha('b'),
            reviews: vec![],
            commands: vec![],
            plan_head: None,
            people: (1..=6).map(|id| Person { user: user(id), role: Some(role(id)), is_bot: id == 5 }).collect(),
            requester: Some(user(1)),
            authors: BTreeSet::from([2]),
            one_person_team: false,
            ci: vec![],
            stopped: false,
            open_findings: 0,
            protected: vec![],
            base_branch: "x".into(),
            nameless: None,
        }
    }

    fn check(name: &str, change: impl FnOnce(&mut GateFacts), expected: &str) {
        let mut facts = facts();
        change(&mut facts);
        let said = match gate(&facts) {
            Gate::Holds { approvers } => format!("holds {:?}", approvers.iter().map(|u| u.id).collect::<Vec<_>>()),
            Gate::Waits { reasons } => reasons.join("; "),
        };
        assert!(said.contains(expected), "{name}: {said}");
        assert_eq!(permit(&facts).is_ok(), said.starts_with("holds"), "{name}: permit and gate differ");
    }

    #[test]
    fn who_counts_for_the_merge() {
        use Verdict::*;
        check("nobody", |_| {}, "an approval on bbbbbbbbbb");
        check("writer approves", |f| f.reviews.push(review(3, Approved, 'b', 1)), "holds [3]");
        check("requester approves", |f| f.reviews.push(review(1, Approved, 'b', 1)), "the requester does not count");
        check("commit author approves", |f| f.reviews.push(review(2, Approved, 'b', 1)), "commit authors do not count");
        check("read-only approves", |f| f.reviews.push(review(4, Approved, 'b', 1)), "needs write permission here and has: read");
        check("bot approves", |f| f.reviews.push(review(5, Approved, 'b', 1)), "bots do not count");
        check("unknown approves", |f| f.reviews.push(review(9, Approved, 'b', 1)), "nothing is known about `u9`");
        check(
            "rights removed",
            |f| {
                f.reviews.push(review(3, Approved, 'b', 1));
                f.people[2].role = Some(Role::None);
            },
            "no access",
        );
        check(
            "role unknown",
            |f| {
                f.reviews.push(review(3, Approved, 'b', 1));
                f.people[2].role = None;
            },
            "would not say",
        );
        check("old head", |f| f.reviews.push(review(3, Approved, 'a', 1)), "the head has moved since");
        check(
            "stale",
            |f| {
                f.reviews.push(review(3, Approved, 'b', 1));
                f.reviews[0].stale = true;
            },
            "the head has moved since",
        );
        check(
            "dismissed",
            |f| {
                f.reviews.push(review(3, Approved, 'b', 1));
                f.reviews[0].dismissed = true;
            },
            "is missing",
        );
        check("pending", |f| f.reviews.push(review(3, Pending, 'b', 1)), "is missing");
        check("comment", |f| f.reviews.push(review(3, Commented, 'b', 1)), "is missing");
        check(
            "approve then object",
            |f| f.reviews.extend([review(3, Approved, 'b', 1), review(3, ChangesRequested, 'b', 2)]),
            "@u3 asks for changes",
        );
        check("object then approve", |f| f.reviews.extend([review(3, ChangesRequested, 'a', 1), review(3, Approved, 'b', 2)]), "holds [3]");
        check(
            "other objects",
            |f| f.reviews.extend([review(3, Approved, 'b', 1), review(6, ChangesRequested, 'a', 2)]),
            "@u6 asks for changes",
        );
        check("reader objects", |f| f.reviews.extend([review(3, Approved, 'b', 1), review(4, ChangesRequested, 'b', 2)]), "holds [3]");
        check("comment after approval", |f| f.reviews.extend([review(3, Approved, 'b', 1), review(3, Commented, 'b', 2)]), "holds [3]");
        check("by command", |f| f.commands.push((user(3), sha('b'))), "holds [3]");
        check("by command on old head", |f| f.commands.push((user(3), sha('a'))), "the head has moved since");
        check(
            "command then objection",
            |f| {
                f.commands.push((user(3), sha('b')));
                f.reviews.push(review(3, ChangesRequested, 'b', 1));
            },
            "asks for changes",
        );
        check(
            "one person team",
            |f| {
                f.one_person_team = true;
                f.reviews.push(review(1, Approved, 'b', 1));
            },
            "holds [1]",
        );
        check(
            "one person team never lifts for bots",
            |f| {
                f.one_person_team = true;
                f.reviews.push(review(5, Approved, 'b', 1));
            },
            "bots do not count",
        );
    }

    #[test]
    fn what_else_the_gate_asks() {
        let approved = |f: &mut GateFacts| f.reviews.push(review(3, Verdict::Approved, 'b', 1));
        let ci = |state| vec![CiStatus { context: "build".into(), state, description: String::new(), url: String::new() }];
        check(
            "red CI",
            |f| {
                approved(f);
                f.ci = ci(CiState::Failure);
            },
            "CI check `build` failed",
        );
        check(
            "running CI",
            |f| {
                approved(f);
                f.ci = ci(CiState::Pending);
            },
            "CI check `build` is still running",
        );
        check(
            "green CI",
            |f| {
                approved(f);
                f.ci = ci(CiState::Success);
            },
            "holds",
        );
        check(
            "paused",
            |f| {
                approved(f);
                f.stopped = true;
            },
            "paused",
        );
        check(
            "draft",
            |f| {
                approved(f);
                f.pull.draft = true;
            },
            "a draft",
        );
        check(
            "closed",
            |f| {
                approved(f);
                f.pull.state = State::Closed;
            },
            "not open",
        );
        check(
            "other base",
            |f| {
                approved(f);
                f.pull.base.branch = "release".into();
            },
            "goes to `release` instead of `x`",
        );
        check(
            "nobody knows who pushed",
            |f| {
                approved(f);
                f.nameless = Some(sha('c'));
            },
            "the forge did not say who pushed cccccccccc",
        );
        check(
            "nobody knows who pushed, in a team of one",
            |f| {
                approved(f);
                f.nameless = Some(sha('c'));
                f.one_person_team = true;
            },
            "holds [3]",
        );
        check(
            "moved head",
            |f| {
                approved(f);
                f.pull.head.sha = sha('c');
            },
            "has not looked at",
        );
        check(
            "findings",
            |f| {
                approved(f);
                f.open_findings = 2;
            },
            "2 of the reviewer's findings",
        );
        check("autonomous", |f| f.autonomy = Autonomy::Autonomous, "holds []");
        check(
            "autonomous, protected",
            |f| {
                f.autonomy = Autonomy::Autonomous;
                f.protected = vec!["prompts/x".into()];
            },
            "protected paths change",
        );
        check(
            "autonomous with objection",
            |f| {
                f.autonomy = Autonomy::Autonomous;
                f.reviews.push(review(6, Verdict::ChangesRequested, 'a', 2));
            },
            "asks for changes",
        );
    }
}
