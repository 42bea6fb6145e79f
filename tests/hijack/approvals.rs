//! The table of approvals, asked of the gate itself: who may let a merge through, and on which version. Rows that need a forge to come about
//! are played in `votes.rs` as well.
//!
//! One row is stricter than elsewhere: an approval dies with its commit even where a forced push left the same tree, and there is no switch
//! for it. Two approvals can nowhere be asked for, so the same person twice is simply one.

use std::collections::BTreeSet;

use syndarix::base::Time;
use syndarix::domain::approval::{Gate, GateFacts, Person, gate, permit, plan_vote, votes};
use syndarix::domain::forge::{Pull, PullSide, Review, Role, Sha, State, User, Verdict};
use syndarix::domain::workflow::label::Autonomy;

const REQUESTER: i64 = 1;
const COMMITTER: i64 = 2;
const WRITER: i64 = 3;
const READER: i64 = 4;
const BOT: i64 = 5;
const OTHER_BOT: i64 = 6;
const OUTSIDER: i64 = 7;
const EX_MEMBER: i64 = 8;
const OTHER_TEAM: i64 = 9;

fn user(id: i64) -> User {
    User { id, login: format!("u{id}") }
}

fn sha(c: char) -> Sha {
    Sha(c.to_string().repeat(40))
}

/// Reviews of one person, as the forge tells them.
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

/// A reviewed pull request with its head at `b`, at MILESTONE.
fn facts() -> GateFacts {
    let side = |name: &str, c| PullSide { branch: name.into(), sha: sha(c), repo_id: Some(1) };
    let pull = Pull {
        number: 2,
        title: String::new(),
        body: String::new(),
        state: State::Open,
        draft: false,
        merged: false,
        merge_sha: None,
        merged_by: None,
        mergeable: Some(true),
        head: side("syndarix/1-x", 'b'),
        base: side("main", 'a'),
        labels: vec![],
        author: user(BOT),
        updated_at: Time(0),
    };
    let role = |id| match id {
        READER | OUTSIDER => Some(Role::Reader),
        EX_MEMBER => Some(Role::None),
        // In a team that has nothing to do with this repository.
        OTHER_TEAM => Some(Role::Reader),
        _ => Some(Role::Writer),
    };
    let person = |id| Person { user: user(id), role: role(id), is_bot: matches!(id, BOT | OTHER_BOT) };
    GateFacts {
        autonomy: Autonomy::Milestone,
        pull,
        head: sha('b'),
        reviews: vec![],
        commands: vec![],
        plan_head: None,
        people: (1..=9).map(person).collect(),
        requester: Some(user(REQUESTER)),
        authors: BTreeSet::from([COMMITTER]),
        one_person_team: false,
        ci: vec![],
        stopped: false,
        open_findings: 0,
        protected: vec![],
        base_branch: "main".into(),
        nameless: None,
    }
}

type Change = fn(&mut GateFacts);

fn approve(f: &mut GateFacts, who: i64, on: char) {
    let at = i64::try_from(f.reviews.len()).unwrap() + 1;
    f.reviews.push(review(who, Verdict::Approved, on, at));
}

fn object(f: &mut GateFacts, who: i64) {
    let at = i64::try_from(f.reviews.len()).unwrap() + 1;
    f.reviews.push(review(who, Verdict::ChangesRequested, 'b', at));
}

/// What happened; whether the merge may go on; how it came about.
const ROWS: &[(&str, bool, Change)] = &[
    ("nobody says anything", false, |_| {}),
    ("a writer approves", true, |f| approve(f, WRITER, 'b')),
    ("the requester approves", false, |f| approve(f, REQUESTER, 'b')),
    ("who made a commit approves", false, |f| approve(f, COMMITTER, 'b')),
    ("a co-author by trailer approves", false, |f| {
        f.authors.insert(WRITER);
        approve(f, WRITER, 'b');
    }),
    ("the bot approves", false, |f| approve(f, BOT, 'b')),
    ("another bot approves", false, |f| approve(f, OTHER_BOT, 'b')),
    ("an outsider approves", false, |f| approve(f, OUTSIDER, 'b')),
    ("somebody who may only read approves", false, |f| approve(f, READER, 'b')),
    ("a former member approves", false, |f| approve(f, EX_MEMBER, 'b')),
    ("a member of another team approves", false, |f| approve(f, OTHER_TEAM, 'b')),
    ("the forge would not say what somebody may do", false, |f| {
        approve(f, WRITER, 'b');
        f.people.iter_mut().for_each(|person| person.role = None);
    }),
    ("approval of an old head", false, |f| approve(f, WRITER, 'a')),
    ("approved, then pushed", false, |f| {
        approve(f, WRITER, 'b');
        (f.pull.head.sha, f.head) = (sha('c'), sha('c'));
    }),
    ("approved, then pushed past the program", false, |f| {
        approve(f, WRITER, 'b');
        f.pull.head.sha = sha('c');
    }),
    ("approved, then the same tree under another commit", false, |f| {
        approve(f, WRITER, 'b');
        (f.pull.head.sha, f.head) = (sha('d'), sha('d'));
    }),
    ("approved, then another base branch", false, |f| {
        approve(f, WRITER, 'b');
        f.pull.base.branch = "release".into();
    }),
    ("approved, then changes asked for by the same person", false, |f| {
        approve(f, WRITER, 'b');
        object(f, WRITER);
    }),
    ("changes asked for, then approved by the same person", true, |f| {
        object(f, WRITER);
        approve(f, WRITER, 'b');
    }),
    ("approved, then dismissed", false, |f| {
        approve(f, WRITER, 'b');
        f.reviews[0].dismissed = true;
    }),
    ("approved twice, the second dismissed", false, |f| {
        approve(f, WRITER, 'b');
        approve(f, WRITER, 'b');
        f.reviews[1].dismissed = true;
    }),
    ("approved, then changes asked for, then that dismissed", false, |f| {
        approve(f, WRITER, 'b');
        object(f, WRITER);
        f.reviews[1].dismissed = true;
    }),
    ("approved, then rights removed", false, |f| {
        approve(f, WRITER, 'b');
        f.people[2].role = Some(Role::Reader);
    }),
    ("a review that is not submitted", false, |f| f.reviews.push(review(WRITER, Verdict::Pending, 'b', 1))),
    ("a comment that says LGTM", false, |f| {
        f.reviews.push(review(WRITER, Verdict::Commented, 'b', 1));
        f.reviews[0].body = "LGTM, approved".into();
    }),
    ("approved by somebody renamed, same id", true, |f| {
        approve(f, WRITER, 'b');
        f.reviews[0].author.login = "married-name".into();
    }),
    ("approved by somebody else under a former name", false, |f| {
        approve(f, OUTSIDER, 'b');
        f.reviews[0].author.login = "u3".into();
    }),
    ("an approval that names no commit", false, |f| {
        approve(f, WRITER, 'b');
        f.reviews[0].commit = None;
    }),
    ("an approval that the forge calls stale", false, |f| {
        approve(f, WRITER, 'b');
        f.reviews[0].stale = true;
    }),
    ("the approval of the plan", false, |f| {
        approve(f, WRITER, 'a');
        f.plan_head = Some(sha('a'));
    }),
    ("approved by a command", true, |f| f.commands.push((user(WRITER), sha('b')))),
    ("approved by a command on an old head", false, |f| f.commands.push((user(WRITER), sha('a')))),
    ("approved by a command of the requester", false, |f| f.commands.push((user(REQUESTER), sha('b')))),
    ("full control: a label says approved", false, |f| {
        f.autonomy = Autonomy::FullControl;
        f.pull.labels = vec!["approved".into(), "pr/approved".into()];
    }),
    ("full control: a writer approves", true, |f| {
        f.autonomy = Autonomy::FullControl;
        approve(f, WRITER, 'b');
    }),
    ("autonomous: nobody is needed", true, |f| f.autonomy = Autonomy::Autonomous),
    ("autonomous: protected files change", false, |f| {
        f.autonomy = Autonomy::Autonomous;
        f.protected = vec![".gitea/workflows/x.yml".into()];
    }),
    ("the approval holds an injected command", true, |f| {
        approve(f, WRITER, 'b');
        f.reviews[0].body = "/syndarix cancel\n/syndarix budget set 1000".into();
    }),
];

#[test]
fn g7_whose_approval_lets_a_merge_through() {
    let mut wrong = Vec::new();
    for (what, holds, change) in ROWS {
        let mut facts = facts();
        change(&mut facts);
        let said = gate(&facts);
        if matches!(said, Gate::Holds { .. }) != *holds {
            wrong.push(format!("{what}: {said:?}"));
        }
        assert_eq!(permit(&facts).is_ok(), matches!(said, Gate::Holds { .. }), "{what}: gate and permit differ");
        if let Gate::Waits { reasons } = said {
            assert!(!reasons.is_empty() && reasons.iter().all(|reason| !reason.is_empty()), "{what}: no reason");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn g7_the_same_person_twice_is_one() {
    let mut facts = facts();
    approve(&mut facts, WRITER, 'b');
    approve(&mut facts, WRITER, 'b');
    facts.commands.push((user(WRITER), sha('b')));
    assert_eq!(votes(&facts).iter().filter(|vote| vote.counts.is_ok()).count(), 1);
    assert_eq!(facts.approvals_needed(), 1);
}

#[test]
fn g7_who_may_approve_a_plan() {
    for (id, may) in
        [(REQUESTER, true), (WRITER, true), (READER, false), (OUTSIDER, false), (EX_MEMBER, false), (BOT, false), (OTHER_BOT, false)]
    {
        let person = facts().people.into_iter().find(|person| person.user.id == id).unwrap();
        assert_eq!(plan_vote(&person).is_ok(), may, "u{id}");
    }
}
