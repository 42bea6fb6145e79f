use serde_json::json;
use syndarix::base::Nano;
use syndarix::base::ids::{AgentId, ProjectId, RunId, SubjectId};
use syndarix::store::{Claim, DoneStep, NewEvent, NewRun, RunState, StepResult, StepState, StoreError, WorkKind};

use crate::world::{LONG, START, World};

fn new_run(subject: SubjectId, name: &str) -> NewRun {
    NewRun {
        id: RunId::named(name),
        subject,
        agent_kind: "engineer".into(),
        agent: AgentId::named("dave"),
        purpose: "implement".into(),
        round: 1,
        input: json!({"plan": "x"}),
        at: START,
    }
}

async fn with_run(world: &World) -> (ProjectId, SubjectId, RunId) {
    let (project, subject) = world.story().await;
    let mut tx = world.store.begin(project).await.unwrap();
    assert!(tx.add_run(&new_run(subject, "r")).await.unwrap());
    assert!(!tx.add_run(&new_run(subject, "r")).await.unwrap());
    tx.commit().await.unwrap();
    (project, subject, RunId::named("r"))
}

pub async fn a_done_step_answers_from_its_row(world: &World) {
    let (project, _, run) = with_run(world).await;
    let claim = world.store.claim(&[WorkKind::Run], "a", LONG).await.unwrap().unwrap();
    assert_eq!(claim.id, run.0);

    let mut tx = world.store.begin(project).await.unwrap();
    let first = tx.begin_step(run, 1, "model", "hash-1").await.unwrap();
    assert_eq!((first.state, first.attempts, first.result), (StepState::Started, 1, None));
    // The process died in the call: the step was begun and nobody knows how it ended.
    let again = tx.begin_step(run, 1, "model", "hash-2").await.unwrap();
    assert_eq!((again.state, again.attempts, again.input_hash.as_str()), (StepState::Started, 2, "hash-1"));

    let given =
        StepResult { result: json!({"text": "ok"}), changes: Some(json!(["a.rs"])), tree: Some("4b825dc".into()), cost: Nano(1_500) };
    tx.finish_step(run, 1, &given).await.unwrap();
    assert!(matches!(tx.finish_step(run, 1, &StepResult::default()).await, Err(StoreError::NotFound(_))));
    let done = tx.begin_step(run, 1, "model", "hash-1").await.unwrap();
    assert_eq!((done.state, done.attempts), (StepState::Done, 2));
    assert_eq!((done.result, done.changes, done.tree, done.cost), (Some(given.result), given.changes, given.tree, given.cost));
    assert_eq!(tx.steps(run).await.unwrap().len(), 1);
}

fn done(run: RunId, seq: i64, result: serde_json::Value) -> DoneStep {
    let entry = NewEvent {
        kind: "tool.called".into(),
        actor: json!({"type": "agent"}),
        target: json!({}),
        payload: json!({"step": seq}),
        causation: None,
        at: START,
    };
    let given = StepResult { result, ..StepResult::default() };
    DoneStep { run, seq, name: "tool:read".into(), input_hash: "h".into(), given, stream: "run", entry }
}

pub async fn a_step_is_recorded_with_its_entry_or_not_at_all(world: &World) {
    let (project, _, run) = with_run(world).await;
    let claim = world.store.claim(&[WorkKind::Run], "a", LONG).await.unwrap().unwrap();
    for seq in 1..=3 {
        let mut tx = world.store.begin(project).await.unwrap();
        let step = tx.record_step(&claim, done(run, seq, json!({"n": seq}))).await.unwrap();
        assert_eq!((step.state, step.attempts, step.result), (StepState::Done, 1, Some(json!({"n": seq}))));
        tx.commit().await.unwrap();
    }
    // A step that a crash left begun is finished by its next beginning; one that is recorded stays as it is.
    let mut tx = world.store.begin(project).await.unwrap();
    tx.begin_step(run, 4, "tool:read", "h").await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = world.store.begin(project).await.unwrap();
    assert_eq!(tx.record_step(&claim, done(run, 4, json!(4))).await.unwrap().attempts, 2);
    tx.commit().await.unwrap();
    let mut tx = world.store.begin(project).await.unwrap();
    assert!(matches!(tx.record_step(&claim, done(run, 1, json!("other"))).await, Err(StoreError::NotFound(_))));
    drop(tx);
    // Whoever lost the lease records nothing.
    let zombie = Claim { epoch: claim.epoch - 1, ..claim.clone() };
    let mut tx = world.store.begin(project).await.unwrap();
    assert!(matches!(tx.record_step(&zombie, done(run, 5, json!(5))).await, Err(StoreError::LeaseLost)));
    drop(tx);

    let mut tx = world.store.begin_read(project).await.unwrap();
    let steps: Vec<_> = tx.steps(run).await.unwrap().into_iter().map(|step| step.result.unwrap()).collect();
    assert_eq!(steps, [json!({"n": 1}), json!({"n": 2}), json!({"n": 3}), json!(4)]);
    let versions: Vec<_> = tx.events("run", run.0).await.unwrap().into_iter().map(|event| event.version).collect();
    assert_eq!(versions, [1, 2, 3, 4]);
    tx.rollback().await.unwrap();
    assert!(world.store.claim(&[WorkKind::Seal], "a", LONG).await.unwrap().is_some(), "nobody was told to seal");
}

pub async fn a_stop_reaches_unfinished_runs_only(world: &World) {
    let (project, subject, run) = with_run(world).await;
    let mut tx = world.store.begin(project).await.unwrap();
    tx.add_run(&new_run(subject, "ended")).await.unwrap();
    tx.set_run(RunId::named("ended"), RunState::Finished, Some(&json!({"ok": true})), START).await.unwrap();
    assert_eq!(tx.request_stop_all(subject).await.unwrap(), 1);
    assert!(!tx.request_stop(RunId::named("ended")).await.unwrap());
    assert!(tx.run(run).await.unwrap().stop_requested);
    tx.clear_stop(run).await.unwrap();
    assert!(!tx.run(run).await.unwrap().stop_requested);

    tx.set_run(RunId::named("ended"), RunState::Failed, None, START.plus_millis(1)).await.unwrap();
    let ended = tx.run(RunId::named("ended")).await.unwrap();
    assert_eq!((ended.state, ended.outcome, ended.changed_at), (RunState::Failed, Some(json!({"ok": true})), START.plus_millis(1)));
    assert_eq!(tx.runs(subject).await.unwrap().len(), 2);
    assert!(matches!(tx.run(RunId::named("none")).await, Err(StoreError::NotFound("run"))));
}

pub async fn agents_keep_their_name(world: &World) {
    let (project, subject) = world.story().await;
    let mut tx = world.store.begin(project).await.unwrap();
    let dave = tx.ensure_agent(subject, "engineer", "Dave").await.unwrap();
    assert_eq!(tx.ensure_agent(subject, "engineer", "Erin").await.unwrap(), dave);
    tx.set_agent_context(dave.id, &json!({"notes": 1})).await.unwrap();
    let agents = tx.agents(subject).await.unwrap();
    assert_eq!((agents[0].name.as_str(), &agents[0].context), ("Dave", &Some(json!({"notes": 1}))));
}

pub async fn erased_texts_stay_erased(world: &World) {
    let (project, _) = world.story().await;
    let mut tx = world.store.begin(project).await.unwrap();
    let said = "hello \u{0} wörld";
    let hash = tx.put_text(said).await.unwrap();
    assert_eq!(tx.put_text(said).await.unwrap(), hash);
    assert_eq!(tx.text(&hash).await.unwrap().as_deref(), Some(said));
    assert!(tx.erase_text(&hash).await.unwrap());
    assert!(!tx.erase_text(&hash).await.unwrap());
    tx.put_text(said).await.unwrap();
    assert_eq!(tx.text(&hash).await.unwrap(), None);
}

pub async fn an_older_object_is_not_taken(world: &World) {
    let (project, _) = world.story().await;
    let mut tx = world.store.begin(project).await.unwrap();
    assert!(tx.put_object("issue", "42", &json!({"v": 2}), Some(START)).await.unwrap());
    assert!(!tx.put_object("issue", "42", &json!({"v": 1}), Some(START.plus_millis(-1))).await.unwrap());
    assert_eq!(tx.object("issue", "42").await.unwrap().unwrap().data, json!({"v": 2}));
    assert!(tx.put_object("issue", "42", &json!({"v": 3}), Some(START)).await.unwrap());
    assert_eq!(tx.objects("issue").await.unwrap()[0].data, json!({"v": 3}));
    assert_eq!(tx.object("issue", "43").await.unwrap(), None);
    assert!(tx.drop_object("issue", "42").await.unwrap());
    assert!(!tx.drop_object("issue", "42").await.unwrap());
    assert_eq!(tx.objects("issue").await.unwrap(), []);
}
