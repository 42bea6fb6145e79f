use std::collections::BTreeSet;

use syndarix::base::Time;
use syndarix::base::ids::{ProjectId, TokenId};
use syndarix::domain::access::token::{Scope, Token};
use syndarix::store::{DeliveryFilter, JobAfter, NewToken, Release, Store, WorkKind};

use crate::world::{START, World, delivery};

fn new(name: &str, projects: Option<Vec<ProjectId>>) -> (Token, NewToken) {
    let token = Token::mint();
    let row = NewToken {
        id: token.id,
        name: name.into(),
        digest: token.digest(),
        scopes: BTreeSet::from([Scope::ReadJobs, Scope::ReadAudit]),
        projects: projects.map(|ids| ids.into_iter().collect()),
        expires_at: Some(START.plus_millis(10_000)),
        by: "uid:7".into(),
    };
    (token, row)
}

pub async fn a_token_is_kept_read_and_revoked_once(world: &World) {
    let project = world.project("acme/shop").await;
    let (token, row) = new("ci", Some(vec![project]));
    assert!(world.store.issue_token(&row).await.unwrap());
    assert!(!world.store.issue_token(&new("ci", None).1).await.unwrap(), "the name is taken");
    assert_eq!(world.store.tokens().await.unwrap().len(), 1);

    let other = Store::open(&world.engine.url(), world.clock.clone()).await.unwrap();
    let kept = other.token(token.id).await.unwrap().unwrap();
    assert_eq!((kept.scopes.clone(), kept.projects.clone()), (row.scopes.clone(), row.projects.clone()));
    assert!(token.fits(&kept.digest) && kept.holds(START) && !kept.holds(START.plus_millis(10_000)), "it ends with its time");

    assert!(world.store.revoke_token(token.id, "uid:8").await.unwrap());
    let gone = other.token(token.id).await.unwrap().unwrap();
    assert!(!gone.holds(START), "another instance refuses it at once");
    assert_eq!((gone.revoked_by.as_deref(), gone.revoked_at), (Some("uid:8"), Some(START)));
    assert!(!world.store.revoke_token(token.id, "uid:9").await.unwrap(), "once");
    assert!(world.store.revoke_token(TokenId::named("none"), "uid:9").await.is_err());
    assert!(world.store.issue_token(&new("ci", None).1).await.unwrap(), "the name is free again");

    let mut tx = world.store.begin_read(project).await.unwrap();
    assert_eq!(tx.columns_holding(token.text().as_bytes()).await.unwrap(), Vec::<String>::new(), "the secret is kept nowhere");
    drop(tx);
    other.close().await;
}

pub async fn uses_are_noted_by_the_hour(world: &World) {
    let (token, row) = new("ci", None);
    world.store.issue_token(&row).await.unwrap();
    let used = async |minutes: i64| {
        world.clock.advance(minutes * 60_000);
        let row = world.store.token(token.id).await.unwrap().unwrap();
        let before = world.store.writes();
        world.store.token_used(&row).await.unwrap();
        (world.store.token(token.id).await.unwrap().unwrap().last_used.unwrap(), world.store.writes() - before)
    };
    assert_eq!(used(0).await, (START, 1));
    assert_eq!(used(59).await, (START, 0), "reading does not become writing");
    assert_eq!(used(1).await, (START.plus_millis(3_600_000), 1));
}

pub async fn what_is_done_with_tokens_is_in_the_systems_own_chain(world: &World) {
    let (token, row) = new("ci", None);
    world.store.issue_token(&row).await.unwrap();
    world.store.revoke_token(token.id, "uid:8").await.unwrap();
    let mut tx = world.store.begin_read(Store::SYSTEM).await.unwrap();
    let events = tx.events("system", Store::SYSTEM.0).await.unwrap();
    drop(tx);
    let told: Vec<_> = events.iter().map(|event| (event.kind.as_str(), event.actor["id"].as_str().unwrap())).collect();
    assert_eq!(told, [("token.issued", "uid:7"), ("token.revoked", "uid:8")]);
    assert!(events.iter().all(|event| event.target["token"] == token.id.to_string()));
    assert!(!format!("{events:?}").contains(&row.digest), "no secret is recorded, not even as a hash");
    let claim = world.store.claim(&[WorkKind::Seal], "w", crate::world::LONG).await.unwrap().expect("it is to be sealed");
    assert_eq!(claim.project, Some(Store::SYSTEM));
    world.store.release(&claim, Release::Done).await.unwrap();
}

pub async fn pages_follow_each_other_and_keep_to_projects(world: &World) {
    let (one, other) = (world.project("acme/shop").await, world.project("rival/vault").await);
    let mut all = Vec::new();
    for number in 0..7_i64 {
        let project = if number % 2 == 0 { one } else { other };
        let mut tx = world.store.begin(project).await.unwrap();
        let subject = tx.ensure_subject("story", number, &[]).await.unwrap().id;
        // Two at the same moment, so that the id decides.
        tx.schedule(WorkKind::Turn, subject.0, Some(subject), Some(START.plus_millis(number / 2)));
        tx.commit().await.unwrap();
        all.push((project, subject.0));
        world.store.receive(&delivery(&format!("d-{number}"))).await.unwrap();
        world.clock.advance(number % 2);
    }
    let pages = async |projects: Option<&[ProjectId]>| {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = world.store.jobs_page(Some(WorkKind::Turn), projects, after.as_ref(), 2).await.unwrap();
            found.extend(page.iter().map(|job| job.id));
            match page.last() {
                Some(last) if page.len() == 2 => after = Some(JobAfter { run_at: last.run_at, kind: last.kind, id: last.id }),
                _ => return found,
            }
        }
    };
    let sorted = |ids: Vec<uuid::Uuid>| ids.into_iter().collect::<BTreeSet<_>>();
    let of = |project: ProjectId| all.iter().filter(|(own, _)| *own == project).map(|(_, id)| *id).collect::<BTreeSet<_>>();
    let everything = pages(None).await;
    assert_eq!((everything.len(), sorted(everything)), (7, all.iter().map(|(_, id)| *id).collect()));
    assert_eq!(sorted(pages(Some(&[one])).await), of(one));
    assert_eq!(sorted(pages(Some(&[other])).await), of(other));
    assert_eq!(pages(Some(&[one, other])).await.len(), 7);
    assert!(pages(Some(&[])).await.is_empty());

    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = world.store.deliveries_page(&DeliveryFilter::default(), None, after, 3).await.unwrap();
        seen.extend(page.iter().map(|delivery| (delivery.received_at, delivery.id)));
        if page.len() < 3 {
            break;
        }
        after = seen.last().copied();
    }
    let mut ordered: Vec<(Time, _)> = seen.clone();
    ordered.sort_by(|one, other| other.cmp(one));
    ordered.dedup();
    assert_eq!((seen.len(), &seen), (7, &ordered), "the newest first, none twice");
    assert!(world.store.deliveries_page(&DeliveryFilter::default(), Some(&[one]), None, 9).await.unwrap().is_empty());
    let mut tx = world.store.begin_read(one).await.unwrap();
    let numbers: Vec<i64> = tx.subjects_page("story", 0, 2).await.unwrap().iter().map(|row| row.number).collect();
    assert_eq!(numbers, [2, 4]);
}
