use serde_json::json;

use super::*;
use crate::base::Nano;
use crate::base::ids::RunId;
use crate::domain::agent::Purpose;
use crate::domain::workflow::StoryEvent;
use crate::domain::workflow::decide::Note;
use crate::domain::workflow::effect::RunInput;

fn run_id() -> RunId {
    RunId(uuid::Uuid::from_u128(7))
}

fn starts(purpose: Purpose, agent: &str) -> Decision {
    let start = StartRun { run: run_id(), purpose, round: 0, agent: agent.into(), name: "Dave".into(), input: RunInput::default() };
    let started = StoryEvent::RunStarted { run: run_id(), purpose, agent: agent.into(), name: "Dave".into() };
    Decision { events: vec![started], effects: vec![Effect::StartRun(Box::new(start)), Effect::Status], ..Decision::default() }
}

fn answers_with(body: &str) -> Decision {
    let comment = Effect::Comment { number: 3, key: "reply.1".into(), body: body.into() };
    let note = Note { action: "permission", details: json!({"allowed": !body.contains("may not")}) };
    Decision { effects: vec![comment], notes: vec![note], ..Decision::default() }
}

fn outcome(decision: &Decision) -> Outcome<'_> {
    let told = BTreeMap::from([("implement".to_owned(), "a".to_owned())]);
    let engineer = Agent { models: "`strong`".into(), told };
    let agents = BTreeMap::from([("engineer".to_owned(), engineer)]);
    Outcome { decision, limits: Limits { soft: Nano::from_usd(2.0), hard: Nano::from_usd(5.0) }, protected: &[], agents }
}

#[test]
fn the_same_decision_under_the_same_rules_is_as_today() {
    for decision in [Decision::default(), starts(Purpose::Implement, "engineer"), answers_with("Done.")] {
        assert_eq!(differences(&outcome(&decision), &outcome(&decision)), Vec::<String>::new());
    }
}

#[test]
fn each_difference_is_said_in_words() {
    let (nothing, works, reads) = (Decision::default(), starts(Purpose::Implement, "engineer"), starts(Purpose::Review, "engineer"));
    let guarded = ["db/**".to_owned()];
    let (yes, no) = (answers_with("Done."), answers_with("@ann, `bob` may not do this: it takes a writer."));
    let mut engineer = outcome(&works);
    engineer.agents.insert("engineer".into(), Agent { models: "`cheap`".into(), told: BTreeMap::from([("implement".into(), "b".into())]) });
    let dear = Outcome { limits: Limits { soft: Nano::from_usd(2.0), hard: Nano::from_usd(9.0) }, ..outcome(&works) };
    let rows: Vec<(Outcome<'_>, Outcome<'_>, Vec<&str>)> = vec![
        (outcome(&works), outcome(&nothing), vec!["today: `run-started`; then: nothing"]),
        (
            outcome(&works),
            engineer,
            vec!["`engineer` would ask `cheap` instead of `strong`", "`engineer` would be told something else to implement"],
        ),
        (outcome(&works), dear, vec!["the story may cost $9.00 (cheaper from $2.00 on) instead of $5.00 (cheaper from $2.00 on)"]),
        (outcome(&works), Outcome { protected: &guarded, ..outcome(&works) }, vec!["`db/**` would need a person's approval"]),
        (Outcome { protected: &guarded, ..outcome(&works) }, outcome(&works), vec!["`db/**` would not need a person's approval any more"]),
        (outcome(&reads), Outcome { protected: &guarded, ..outcome(&reads) }, vec![]),
        (
            outcome(&yes),
            outcome(&no),
            vec!["it would be answered: \"ann, `bob` may not do this: it takes a writer.\"", "who may do it is judged differently"],
        ),
    ];
    for (today, then, want) in rows {
        assert_eq!(differences(&today, &then), want);
    }
    let other = starts(Purpose::Implement, "builder");
    let mut then = outcome(&other);
    then.agents.insert("builder".into(), then.agents["engineer"].clone());
    let found = differences(&outcome(&works), &then);
    assert_eq!(
        found,
        ["`agent` of `run-started`: `builder` instead of `engineer`", "`Dave` (`builder`) would work instead of `Dave` (`engineer`)"]
    );
}

#[test]
fn the_report_counts_and_lists() {
    let event =
        |differs: Result<Vec<String>, String>| Played { what: "`ann` typed `/syndarix plan`".into(), place: "acme/shop#3".into(), differs };
    let same = || event(Ok(Vec::new()));
    let other = || event(Ok(vec!["today: a; then: b".into()]));
    let rows = [
        (vec![], "no event yet that it could be tried on"),
        (vec![same()], "the last event as today"),
        (vec![same(), same()], "of the last 2 events 2 as today"),
        (vec![same(), other(), event(Err("the forge is away".into()))], "of the last 3 events 1 as today, 1 differently, 1 not known"),
    ];
    for (played, want) in rows {
        assert_eq!(short(&played), want);
    }
    assert_eq!(page(&[same()]), "");
    assert_eq!(page(&[same(), other()]), "- acme/shop#3, `ann` typed `/syndarix plan`:\n  - today: a; then: b\n");
}
