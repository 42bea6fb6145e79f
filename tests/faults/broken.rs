//! The checker of the invariants, checked: a sound system has no violation, and each kind of damage is named.

use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use syndarix::engine::invariants::{Books, Invariant, Known, Violation, check, differences, history};

use super::answers::smooth;
use super::proxy::Proxy;
use super::stage::{TIMEOUTS, main_story, through_a_proxy};
use super::world::{CANARY, HOOK_SECRET, REPO, Setup, World};

/// Changes rows behind the program's back.
async fn damage(w: &World, sql: &str) {
    let mut connection: SqliteConnection = SqliteConnectOptions::new().filename(w.data.join("syndarix.db")).connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// What is found now and was not before must name this invariant in these words.
async fn is_named(w: &World, before: &mut Vec<Violation>, invariant: Invariant, words: &str) {
    let now = w.violations().await;
    let mut new = now.iter().filter(|one| !before.contains(one) && one.invariant == invariant);
    assert!(new.any(|one| one.sentence.contains(words)), "{invariant:?} with `{words}` is not among: {now:#?}");
    *before = now;
}

/// A copy of a journal row as another entry of its stream.
fn again(which: &str, payload: &str) -> String {
    format!(
        "insert into journal (project_id, id, stream, stream_id, version, kind, actor, target, payload, causation, at)
            select project_id, randomblob(16), stream, stream_id,
                (select max(version) + 1 from journal k where k.stream = j.stream and k.stream_id = j.stream_id),
                kind, actor, target, {payload}, causation, at
            from journal j where {which} order by ordinal limit 1"
    )
}

#[tokio::test]
async fn each_kind_of_damage_is_named() {
    let proxy = Proxy::start().await;
    let between = {
        let proxy = proxy.clone();
        move |url: &str| proxy.leads_to(url)
    };
    // Not ended like a scenario: what is broken here stays broken.
    let w = Box::pin(World::new(Setup { between: Some(Box::new(between)), timeouts: Some(TIMEOUTS), ..Setup::from(smooth()) })).await;
    let w = &w;
    Box::pin(main_story(w)).await;
    let (issue, pull) = (1, w.pull());
    w.publishes().await;
    let mut found = w.violations().await;
    assert_eq!(found, [], "a sound system");

    damage(w, "update intents set state = 'pending' where seq = (select min(seq) from intents where payload like '%\"commands\"%')").await;
    is_named(w, &mut found, Invariant::CommandsEnd, "was never decided").await;
    damage(w, "update effects set state = 'performing' where kind = 'react'").await;
    is_named(w, &mut found, Invariant::CommandsEnd, "was never performed").await;

    let comments = w.get(&format!("issues/{issue}/comments")).await;
    let said = comments.as_array().unwrap().iter().rfind(|one| one["user"]["login"] == "syndarix").unwrap()["body"].clone();
    w.bot().comments(issue, said.as_str().unwrap()).await;
    is_named(w, &mut found, Invariant::NoDoubles, "is there 2 times").await;

    damage(w, &again("stream = 'effect'", "payload")).await;
    is_named(w, &mut found, Invariant::OneHolder, "ended 2 times").await;
    damage(w, &again("stream = 'subject' and kind = 'criteria-written'", "payload")).await;
    is_named(w, &mut found, Invariant::OneHolder, "decided twice").await;

    damage(w, "drop trigger chain_no_update; update chain set line = replace(line, 'merge', 'nerge') where line like '%merge.done%'").await;
    is_named(w, &mut found, Invariant::RecordIsWhole, "does not say what its event").await;
    damage(w, "drop trigger chain_no_delete; delete from chain where seq = 5").await;
    is_named(w, &mut found, Invariant::RecordIsWhole, "entry 5 of the chain is missing").await;

    damage(
        w,
        "insert into budgets (project_id, subject_id, spent) select project_id, id, 7000000000 from subjects where true
        on conflict (project_id, subject_id) do update set spent = budgets.spent + 7000000000",
    )
    .await;
    is_named(w, &mut found, Invariant::MoneyAddsUp, "its budget says").await;
    assert!(found.iter().any(|one| one.sentence.contains("and the limit is")), "{found:#?}");
    let known = Known { model_calls: Some(3), ..Known::default() };
    let counted = Box::pin(check(&w.app.engine, &known)).await.unwrap();
    assert!(counted.iter().any(|one| one.sentence.contains("the providers counted 3 calls")), "{counted:#?}");

    w.alice().unlabels(pull, "pr/merged").await;
    is_named(w, &mut found, Invariant::StateIsShown, "carries the labels").await;
    w.alice().reopens(issue).await;
    is_named(w, &mut found, Invariant::StateIsShown, "is done and its issue is open").await;

    damage(
        w,
        "insert into effects (project_id, id, lane, kind, payload, state, created_at)
        select project_id, randomblob(16), lane, 'merge', payload, 'done', created_at from effects where kind = 'merge' limit 1",
    )
    .await;
    is_named(w, &mut found, Invariant::NothingUnasked, "was ordered by no intent").await;
    damage(w, &again("stream = 'effect' and kind = 'merge.done'", "replace(payload, '\"head\":\"', '\"head\":\"0')")).await;
    is_named(w, &mut found, Invariant::NothingUnasked, "the gate never held on it").await;

    w.alice().comments(issue, &format!("My hook says {HOOK_SECRET}")).await;
    is_named(w, &mut found, Invariant::NoSecret, &format!("the hook's secret stands on #{issue}")).await;
    w.sandbox.settled().await;
    found = w.violations().await;
    assert!(found.iter().any(|one| one.sentence.contains("stands in inbox.body of acme/shop")), "{found:#?}");
    let known = Known {
        secrets: vec![("a key".into(), b"canary".to_vec())],
        texts: vec![("the log".into(), b"a canary sings".to_vec())],
        ..Known::default()
    };
    let told = Box::pin(check(&w.app.engine, &known)).await.unwrap();
    assert!(told.iter().any(|one| one.to_string() == "I8: a key stands in the log"), "{told:#?}");

    damage(
        w,
        &format!("insert into texts (project_id, hash, body) select id, 'x', cast('{CANARY}' as blob) from projects where path = '{REPO}'"),
    )
    .await;
    is_named(w, &mut found, Invariant::ProjectsApart, "stands in texts.body").await;

    damage(
        w,
        &again(
            "stream = 'subject' and kind = 'started'",
            &format!("'{}'", json!({"event": "stage-set", "stage": "implementation", "by": null})),
        ),
    )
    .await;
    is_named(w, &mut found, Invariant::NobodyIgnored, "says nothing of what it waits for").await;
}

#[tokio::test]
async fn the_same_course_gives_the_same_history_and_another_course_another_one() {
    let mut histories = Vec::new();
    for ending in ["", "", "/syndarix ping"] {
        through_a_proxy(smooth(), async |w, _| {
            main_story(w).await;
            if !ending.is_empty() {
                w.alice().comments(1, ending).await;
                w.settle().await;
            }
            let project = w.store().projects().await.unwrap().into_iter().find(|project| project.path == REPO).unwrap();
            histories.push(history(&Books::read(w.store(), &project).await.unwrap()));
        })
        .await;
    }
    assert!(histories[0].len() > 40, "{:?}", histories[0]);
    assert_eq!(differences(&histories[0], &histories[1]), []);
    assert!(differences(&histories[0], &histories[2]).iter().all(|one| one.invariant == Invariant::SameHistory));
    assert_ne!(histories[0], histories[2]);
}
