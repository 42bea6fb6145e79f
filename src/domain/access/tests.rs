use super::*;
use crate::base::Nano;
use crate::domain::command::{COMMANDS, Choice};

fn actor(role: Option<Role>) -> ActorFacts<'static> {
    ActorFacts { user: Some(User { id: 7, login: "alice".to_owned() }), role, ..ActorFacts::default() }
}

/// One of each command, and those whose options ask for more.
fn commands() -> Vec<Command> {
    vec![
        Command::Help { verb: None },
        Command::Ping,
        Command::Whoami,
        Command::Status,
        Command::Plan { focus: None },
        Command::Revise { text: None },
        Command::Approve { hash: None },
        Command::Reject { text: None },
        Command::Cancel,
        Command::Pause { all: false },
        Command::Pause { all: true },
        Command::Resume { all: false },
        Command::Resume { all: true },
        Command::Retry,
        Command::Start,
        Command::Fix { text: None },
        Command::Review,
        Command::Test,
        Command::Rebase,
        Command::Config,
        Command::Explain { last: 1 },
        Command::Audit,
        Command::Label { sync: true },
        Command::Autonomy { level: Choice::Show, project: true },
        Command::Autonomy { level: Choice::Default, project: false },
        Command::Budget { amount: Choice::Show, soft: false, project: false },
        Command::Budget { amount: Choice::To(Nano(1)), soft: true, project: true },
        Command::Assign { agent: None, step: None },
    ]
}

fn code_of(command: &Command, actor: &ActorFacts<'_>, place: Place) -> &'static str {
    may(command, actor, place).err().map_or("may", |refusal| refusal.code)
}

#[test]
fn the_matrix_of_people_and_commands() {
    let writers = ["alice".to_owned()];
    let others = ["bob".to_owned()];
    let listed = ActorFacts { writers: Some(&writers), ..actor(None) };
    let unlisted = ActorFacts { writers: Some(&others), ..actor(None) };
    let nobody = ActorFacts { user: None, ..actor(Some(Role::Owner)) };
    let ghost = ActorFacts { user: Some(User { id: -1, login: "Ghost".to_owned() }), ..actor(Some(Role::Owner)) };
    let own = ActorFacts { is_bot_self: true, ..actor(Some(Role::Owner)) };
    let bot = ActorFacts { is_other_bot: true, ..actor(Some(Role::Writer)) };
    let listed_bot = ActorFacts { is_other_bot: true, listed_bot: true, ..actor(Some(Role::Writer)) };
    // For each actor: the outcome of commands for anyone, for writers, for maintainers.
    let rows = [
        ("owner", actor(Some(Role::Owner)), ["may", "may", "may"]),
        ("maintainer", actor(Some(Role::Maintainer)), ["may", "may", "may"]),
        ("writer", actor(Some(Role::Writer)), ["may", "may", "needs-role"]),
        ("reader", actor(Some(Role::Reader)), ["may", "needs-role", "needs-role"]),
        ("former member", actor(Some(Role::None)), ["no-access", "no-access", "no-access"]),
        ("listed writer", listed, ["may", "may", "needs-role"]),
        ("not listed", unlisted, ["may", "needs-role", "needs-role"]),
        ("permission unknown", actor(None), ["may", "cannot-ask", "cannot-ask"]),
        ("no actor", nobody, ["unknown-actor"; 3]),
        ("deleted user", ghost, ["unknown-actor"; 3]),
        ("the bot itself", own, ["ignored-actor"; 3]),
        ("another bot", bot, ["ignored-actor"; 3]),
        ("a listed bot", listed_bot, ["may", "may", "needs-role"]),
    ];
    for (name, actor, outcomes) in rows {
        for command in commands() {
            let expected = match command.least_role() {
                Role::None | Role::Reader => outcomes[0],
                Role::Writer => outcomes[1],
                Role::Maintainer | Role::Owner => outcomes[2],
            };
            let place = if command.spec().place.allows(Place::Issue) { Place::Issue } else { Place::Pull };
            assert_eq!(code_of(&command, &actor, place), expected, "{name}: {command:?}");
        }
    }
}

#[test]
fn every_command_of_the_table_is_in_the_matrix() {
    for spec in COMMANDS {
        assert!(commands().iter().any(|command| std::ptr::eq(command.spec(), *spec)), "{}", spec.name);
    }
}

#[test]
fn a_live_answer_beats_the_list() {
    let writers = ["alice".to_owned()];
    let facts = ActorFacts { writers: Some(&writers), ..actor(Some(Role::Reader)) };
    assert_eq!(code_of(&Command::Cancel, &facts, Place::Issue), "needs-role");
}

#[test]
fn plan_belongs_on_an_issue() {
    let writer = actor(Some(Role::Writer));
    assert_eq!(code_of(&Command::Plan { focus: None }, &writer, Place::Pull), "wrong-place");
    let refusal = may(&Command::Plan { focus: None }, &writer, Place::Pull).unwrap_err();
    assert_eq!(refusal.to_string(), "`plan` does not work on a pull request. Type it on the issue it is about.");
    let refusal = may(&Command::Review, &writer, Place::Issue).unwrap_err();
    assert_eq!(refusal.to_string(), "`review` does not work on an issue. Type it on the pull request it is about.");
    // Rights come first: who may not do it learns nothing about places.
    assert_eq!(code_of(&Command::Plan { focus: None }, &actor(Some(Role::Reader)), Place::Pull), "needs-role");
}

#[test]
fn refusals_name_the_permission_and_who_has_it() {
    let refusal = may(&Command::Plan { focus: None }, &actor(Some(Role::Reader)), Place::Issue).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "`plan` needs write permission in this repository; `alice` has: read. Ask somebody who may push to this repository to type it, or a maintainer for write permission."
    );
    let names: Vec<String> = (0..7).map(|n| format!("user{n}")).collect();
    let unlisted = ActorFacts { writers: Some(&names), ..actor(None) };
    let refusal = may(&Command::Cancel, &unlisted, Place::Issue).unwrap_err();
    assert_eq!(refusal.way_out, "Ask one of its writers to type it: `user0`, `user1`, `user2`, `user3`, `user4` and 2 more.");
    let refusal = may(&Command::Pause { all: true }, &actor(Some(Role::Writer)), Place::Issue).unwrap_err();
    assert!(refusal.to_string().contains("maintainer"), "{refusal}");
}

#[test]
fn questions_are_answered_by_writers_and_the_requester() {
    let requester = |role| ActorFacts { is_requester: true, ..actor(role) };
    let rows = [
        (actor(Some(Role::Writer)), true),
        (actor(Some(Role::Reader)), false),
        (actor(None), false),
        (requester(Some(Role::Reader)), true),
        (requester(None), true),
        (requester(Some(Role::None)), false),
        (ActorFacts { is_bot_self: true, ..actor(Some(Role::Owner)) }, false),
        (ActorFacts { is_other_bot: true, ..actor(Some(Role::Owner)) }, false),
        (ActorFacts { user: None, ..requester(Some(Role::Owner)) }, false),
    ];
    for (actor, expected) in rows {
        assert_eq!(may_answer(&actor), expected, "{actor:?}");
    }
}

#[test]
fn what_is_a_day_old_is_typed_again() {
    let written = Time(1_000_000_000_000_000);
    assert!(fresh(written, Time(written.0 + FRESH_FOR)).is_ok());
    assert!(fresh(written, Time(written.0 - 5)).is_ok());
    let refusal = fresh(written, Time(written.0 + FRESH_FOR + 1)).unwrap_err();
    assert!(refusal.sentence.starts_with("I was away") && refusal.way_out.ends_with("type it again."), "{refusal}");
}

#[test]
fn whoami_says_what_counts() {
    let writers = ["Alice".to_owned()];
    assert_eq!(introduce(&actor(Some(Role::Writer))), "You are `alice` (account 7). The forge says your permission here is: write.");
    let listed = ActorFacts { writers: Some(&writers), is_requester: true, ..actor(None) };
    assert!(introduce(&listed).contains("lists you as a writer. You started this story"));
    assert!(introduce(&actor(None)).contains("`writers"));
    assert!(introduce(&ActorFacts::default()).contains("carries no authority"));
}
