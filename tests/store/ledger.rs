use futures_util::future::join_all;
use serde_json::json;
use syndarix::base::Nano;
use syndarix::base::ids::{RunId, SubjectId};
use syndarix::store::{ReserveRequest, Spent};

use crate::world::{START, World};

fn ask(subject: SubjectId, step: i64, amount: i64, hard: Option<i64>) -> ReserveRequest {
    let hard = hard.map(Nano);
    ReserveRequest { subject, run: RunId::named("r"), step, model: "small".into(), amount: Nano(amount), hard, at: START }
}

pub async fn fifty_reservations_at_once_never_overshoot(world: &World) {
    let (project, subject) = world.story().await;
    let reserve = |step| async move {
        let mut tx = world.store.begin(project).await.unwrap();
        let answer = tx.reserve(&ask(subject, step, 10, Some(175))).await.unwrap();
        tx.commit().await.unwrap();
        answer
    };
    let answers = join_all((0..50).map(reserve)).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 17);
    let refusal = answers.iter().find_map(|answer| answer.as_ref().err()).unwrap();
    assert_eq!((refusal.spent, refusal.hard), (Nano::ZERO, Nano(175)));

    let mut tx = world.store.begin_read(project).await.unwrap();
    assert_eq!(tx.spent(subject).await.unwrap(), Spent { spent: Nano::ZERO, reserved: Nano(170) });
    assert_eq!(tx.ledger(subject).await.unwrap().len(), 17);
}

pub async fn a_repeated_step_finds_its_reservation(world: &World) {
    let (project, subject) = world.story().await;
    let mut tx = world.store.begin(project).await.unwrap();
    let first = tx.reserve(&ask(subject, 1, 100, Some(100))).await.unwrap().unwrap();
    let again = tx.reserve(&ask(subject, 1, 100, Some(100))).await.unwrap().unwrap();
    assert_eq!((again.id, first.repeated(), again.repeated()), (first.id, false, true));
    assert_eq!(tx.spent(subject).await.unwrap().reserved, Nano(100));

    // A call larger than the whole budget never fits, and a refused step may ask again.
    assert!(tx.reserve(&ask(subject, 2, 101, Some(100))).await.unwrap().is_err());
    assert!(tx.reserve(&ask(subject, 2, -1, Some(100))).await.unwrap().is_err());
    let raised = tx.reserve(&ask(subject, 2, 101, Some(1_000))).await.unwrap().unwrap();
    assert!(!raised.repeated());
    assert!(tx.reserve(&ask(subject, 3, 1_000_000, None)).await.unwrap().is_ok());
}

pub async fn settling_books_the_real_cost_once(world: &World) {
    let (project, subject) = world.story().await;
    let mut tx = world.store.begin(project).await.unwrap();
    let permit = tx.reserve(&ask(subject, 1, 100, Some(100))).await.unwrap().unwrap();
    assert!(tx.settle(permit.id, Nano(30), &json!({"in": 10})).await.unwrap());
    assert!(!tx.settle(permit.id, Nano(99), &json!({})).await.unwrap());
    assert_eq!(tx.spent(subject).await.unwrap(), Spent { spent: Nano(30), reserved: Nano::ZERO });
    assert_eq!(tx.ledger(subject).await.unwrap()[0].actual, Some(Nano(30)));
    assert!(tx.reserve(&ask(subject, 2, 71, Some(100))).await.unwrap().is_err());
    assert!(tx.reserve(&ask(subject, 3, 70, Some(100))).await.unwrap().is_ok());
}
