use futures_util::future::join_all;
use serde_json::json;
use syndarix::base::ids::{RunId, SubjectId};
use syndarix::base::{Nano, Time};
use syndarix::domain::budget::{Caps, Pot};
use syndarix::store::{BUDGET, NewRun, ProjectTx, ReserveRequest};

use crate::world::{START, World};

fn ask(subject: SubjectId, step: i64, amount: i64) -> ReserveRequest {
    let run = RunId::named(&subject.to_string());
    ReserveRequest { subject, run, step, model: "small".into(), amount: Nano(amount), hard: Some(Nano(1_000)), at: START }
}

fn caps(soft: Option<i64>, hard: Option<i64>) -> Caps {
    Caps { soft: soft.map(Nano), hard: hard.map(Nano) }
}

async fn limit_project(tx: &mut ProjectTx, hard: Option<i64>) {
    let value = hard.map(|hard| serde_json::to_value(caps(None, Some(hard))).unwrap());
    tx.put_setting(BUDGET, value.as_ref(), &json!({"id": 9, "login": "mona"}), START).await.unwrap();
}

pub async fn a_setting_is_kept_replaced_and_taken_back(world: &World) {
    let (project, _) = world.story().await;
    let other = world.project("rival/shop").await;
    let (mona, bob) = (json!({"id": 9, "login": "mona"}), json!({"id": 3, "login": "bob"}));
    let mut tx = world.store.begin(project).await.unwrap();
    tx.put_setting("autonomy", Some(&json!("milestone")), &mona, START).await.unwrap();
    tx.put_setting("autonomy", Some(&json!("full-control")), &bob, START.plus_millis(5)).await.unwrap();
    tx.put_setting("budget", Some(&json!({"hard": 5})), &mona, START).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = world.store.begin(other).await.unwrap();
    assert_eq!(tx.settings().await.unwrap(), [], "another project sees none of it");
    tx.put_setting("autonomy", Some(&json!("autonomous")), &mona, START).await.unwrap();
    tx.put_setting("budget", None, &mona, START).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = world.store.begin(project).await.unwrap();
    let rows = tx.settings().await.unwrap();
    let read: Vec<_> = rows.iter().map(|row| (row.key.as_str(), row.value.clone(), row.set_by["login"].as_str().unwrap())).collect();
    assert_eq!(read, [("autonomy", json!("full-control"), "bob"), ("budget", json!({"hard": 5}), "mona")]);
    assert_eq!(rows[0].set_at, START.plus_millis(5));
    tx.put_setting("autonomy", None, &mona, START).await.unwrap();
    assert_eq!(tx.settings().await.unwrap().len(), 1);
}

/// Two hundred agents of eight stories share what the project may cost in a month: together they never pass it.
pub async fn many_stories_never_overshoot_the_month_they_share(world: &World) {
    let project = world.project("acme/shop").await;
    let mut tx = world.store.begin(project).await.unwrap();
    let mut stories = Vec::new();
    for number in 1..=8 {
        stories.push(tx.ensure_subject("story", number, &[]).await.unwrap().id);
    }
    limit_project(&mut tx, Some(175)).await;
    tx.commit().await.unwrap();
    let reserve = |number: usize| {
        let subject = stories[number % stories.len()];
        async move {
            let mut tx = world.store.begin(project).await.unwrap();
            let answer = tx.reserve(&ask(subject, number as i64, 10)).await.unwrap();
            tx.commit().await.unwrap();
            answer
        }
    };
    let answers = join_all((0..200).map(reserve)).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 17);
    let refusal = answers.iter().find_map(|answer| answer.as_ref().err()).unwrap();
    assert_eq!((refusal.reserved, refusal.hard), (Nano(170), Nano(175)));
    let mut tx = world.store.begin_read(project).await.unwrap();
    assert_eq!(tx.project_spent(START).await.unwrap().0.reserved, Nano(170));
    assert_eq!(tx.project_spent(START).await.unwrap().1.reserved, Nano(170), "what was refused is booked nowhere");
    drop(tx);

    // What is settled cheaper is free again, and the next month begins at nothing.
    let mut tx = world.store.begin(project).await.unwrap();
    let permit = answers.iter().flatten().next().unwrap();
    assert!(tx.settle(permit.id, Nano(4), &json!({})).await.unwrap());
    assert!(tx.reserve(&ask(stories[0], 900, 11)).await.unwrap().is_ok());
    assert!(tx.reserve(&ask(stories[0], 901, 1)).await.unwrap().is_err());
    let later = ReserveRequest { at: Time(START.0 + 40 * 86_400_000_000), ..ask(stories[0], 902, 100) };
    assert!(tx.reserve(&later).await.unwrap().is_ok());
    let (month, total) = tx.project_spent(START).await.unwrap();
    assert_eq!((month.spent, month.reserved, total.reserved), (Nano(4), Nano(171), Nano(271)));
}

/// While some lower a limit and others spend, no limit ends up below what is gone, and nothing is spent past a limit that stands.
pub async fn limits_and_reservations_do_not_pass_each_other(world: &World) {
    let (project, subject) = world.story().await;
    let spend = |step: i64| async move {
        let mut tx = world.store.begin(project).await.unwrap();
        let answer = tx.reserve(&ask(subject, step, 10)).await.unwrap().is_ok();
        tx.commit().await.unwrap();
        answer
    };
    let lower = |hard: i64| async move {
        let mut tx = world.store.begin(project).await.unwrap();
        let set = tx.set_story_caps(subject, caps(None, Some(hard)), Nano(hard)).await.unwrap();
        tx.commit().await.unwrap();
        set
    };
    let (spent, set) = tokio::join!(join_all((0..60).map(spend)), join_all((1..=20).rev().map(|tens| lower(tens * 20))));
    let mut tx = world.store.begin_read(project).await.unwrap();
    let purse = tx.purse(subject, START).await.unwrap();
    let booked = i64::try_from(spent.iter().filter(|ok| **ok).count()).unwrap() * 10;
    assert_eq!(purse.story, Pot { spent: Nano::ZERO, reserved: Nano(booked) });
    assert_eq!(set.iter().any(|set| *set), purse.own.hard.is_some());
    if let Some(hard) = purse.own.hard {
        assert!(purse.story.committed() <= hard, "{purse:?}");
    }
}

pub async fn a_storys_own_limit_goes_over_the_configured_one(world: &World) {
    let (project, subject) = world.story().await;
    let mut tx = world.store.begin(project).await.unwrap();
    assert!(tx.set_story_caps(subject, caps(Some(5), Some(50)), Nano(50)).await.unwrap());
    assert!(tx.reserve(&ask(subject, 1, 51)).await.unwrap().is_err());
    let permit = tx.reserve(&ask(subject, 2, 50)).await.unwrap().unwrap();
    assert_eq!(tx.reserve(&ask(subject, 3, 1)).await.unwrap().unwrap_err().hard, Nano(50));
    // Not below what is promised, and nothing is changed by the try.
    assert!(!tx.set_story_caps(subject, caps(None, Some(49)), Nano(49)).await.unwrap());
    assert_eq!(tx.purse(subject, START).await.unwrap().own, caps(Some(5), Some(50)));
    tx.settle(permit.id, Nano(20), &json!({})).await.unwrap();
    assert!(tx.set_story_caps(subject, caps(None, Some(49)), Nano(49)).await.unwrap());
    assert!(tx.reserve(&ask(subject, 4, 29)).await.unwrap().is_ok());
    assert!(tx.reserve(&ask(subject, 5, 1)).await.unwrap().is_err());
    // Taken back, the configured one holds; raised, more than that.
    assert!(tx.set_story_caps(subject, caps(None, None), Nano(1_000)).await.unwrap());
    assert!(tx.reserve(&ask(subject, 6, 952)).await.unwrap().is_err());
    assert!(tx.set_story_caps(subject, caps(None, Some(2_000)), Nano(2_000)).await.unwrap());
    assert!(tx.reserve(&ask(subject, 7, 1_500)).await.unwrap().is_ok());
}

pub async fn what_cannot_be_read_keeps_the_purse_shut(world: &World) {
    let (project, subject) = world.story().await;
    let mut tx = world.store.begin(project).await.unwrap();
    tx.put_setting(BUDGET, Some(&json!("plenty")), &json!({}), START).await.unwrap();
    assert!(tx.reserve(&ask(subject, 1, 1)).await.unwrap().is_err());
    assert!(tx.reserve(&ask(subject, 2, 0)).await.unwrap().is_ok(), "what costs nothing goes on");
    limit_project(&mut tx, None).await;
    assert!(tx.reserve(&ask(subject, 3, 1)).await.unwrap().is_ok());
}

pub async fn costs_are_told_apart_by_agent(world: &World) {
    let (project, subject) = world.story().await;
    let mut tx = world.store.begin(project).await.unwrap();
    for (kind, name, amount) in [("architect", "Vera", 30), ("engineer", "Dave", 70)] {
        let agent = tx.ensure_agent(subject, kind, name).await.unwrap();
        let run = RunId::named(kind);
        let new = NewRun {
            id: run,
            subject,
            agent_kind: kind.into(),
            agent: agent.id,
            purpose: "design".into(),
            round: 0,
            input: json!({}),
            at: START,
        };
        tx.add_run(&new).await.unwrap();
        let permit = tx.reserve(&ReserveRequest { run, ..ask(subject, 1, amount) }).await.unwrap().unwrap();
        tx.settle(permit.id, Nano(amount - 10), &json!({})).await.unwrap();
        let _under_way = tx.reserve(&ReserveRequest { run, ..ask(subject, 2, 5) }).await.unwrap().unwrap();
    }
    let rows = tx.spent_by_agent(subject).await.unwrap();
    let told: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.calls, row.spent.0, row.reserved.0)).collect();
    assert_eq!(told, [("Dave", 2, 60, 5), ("Vera", 2, 20, 5)]);
    let dave = tx.ensure_agent(subject, "engineer", "ignored").await.unwrap();
    tx.rename_agent(dave.id, "Sam").await.unwrap();
    assert_eq!(tx.spent_by_agent(subject).await.unwrap()[0].name, "Sam");
}
