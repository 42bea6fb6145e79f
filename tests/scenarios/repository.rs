//! A repository is renamed, given away, archived, deleted. Work stands still where it must, and goes on.

use serde_json::json;
use syndarix::engine::turn::NOTES;
use syndarix::sandbox::Permission;
use syndarix::store::{Project, WorkKind};

use super::answers::*;
use super::scenario;
use super::world::{REPO, World, policy};

/// The project, whatever its repository is called now.
async fn known(w: &World) -> Project {
    w.store().projects().await.unwrap().into_iter().find(|project| project.known_as == REPO).unwrap()
}

/// What the record says about the project as a whole.
async fn notes(w: &World) -> Vec<String> {
    let project = known(w).await.id;
    let mut tx = w.store().begin_read(project).await.unwrap();
    let notes = tx.events(NOTES, project.0).await.unwrap().into_iter().map(|row| row.kind).collect();
    tx.rollback().await.unwrap();
    notes
}

/// Everything that is due, without waiting for what is put off.
async fn works(w: &World) {
    for _ in 0..100 {
        w.sandbox.settled().await;
        if !w.app.settle_once().await.unwrap() && w.sandbox.undelivered() == 0 {
            return;
        }
    }
    panic!("the program never comes to rest");
}

async fn looks(w: &World) {
    syndarix::engine::reconcile::look(&w.app.engine).await.unwrap();
    works(w).await;
}

#[tokio::test]
async fn a_renamed_and_given_away_repository_keeps_its_story_and_its_rules() {
    scenario(policy(smooth(), "one_person_team = true"), async |w| {
        let issue = w.story_is_planned().await;
        let pull = w.pull();
        w.sandbox.rename_repo(REPO, "store").unwrap();
        w.sandbox.ensure_user("globex", false, false).unwrap();
        w.sandbox.transfer_repo("acme/store", "globex").unwrap();
        w.looks().await;
        assert_eq!(notes(w).await, ["repository.moved"]);
        let project = known(w).await;
        assert_eq!((project.path.as_str(), project.known_as.as_str()), ("globex/store", REPO));
        // Alice asked for the story: only the rules for the old name let her approve the merge.
        w.alice().comments(pull, "/syndarix approve").await;
        w.settle().await;
        w.alice().approves(pull).await;
        w.settle().await;
        assert!(w.page(issue).contains("[closed]") && w.page(pull).contains("[merged]"), "{}", w.page(issue));
        assert!(w.status(issue).contains("http://forge/globex/store/pulls/2"), "{}", w.status(issue));
        // A delivery from before the rename does not bring the old name back.
        for delivery in w.stored_deliveries().await {
            w.store().replay(delivery.id).await.unwrap();
        }
        w.settle().await;
        assert_eq!(w.store().project(project.id).await.unwrap().path, "globex/store");
        w.sandbox.transfer_repo("globex/store", "acme").unwrap();
        w.sandbox.rename_repo("acme/store", "shop").unwrap();
        w.looks().await;
    })
    .await;
}

#[tokio::test]
async fn an_archived_repository_stands_still_and_goes_on() {
    scenario(smooth(), async |w| {
        let issue = w.story_is_planned().await;
        let pull = w.pull();
        // Approved just before: nobody has looked since.
        w.alice().comments(pull, "/syndarix approve").await;
        w.sandbox.settled().await;
        w.sandbox.archive_repo(REPO, true).unwrap();
        works(w).await;
        let page = w.page(pull);
        assert!(notes(w).await.contains(&"repository.archived".to_owned()), "{:?}", notes(w).await);
        w.clock.advance(3 * 60 * 60 * 1000);
        looks(w).await;
        assert_eq!(w.page(pull), page, "nothing can be written");
        w.sandbox.archive_repo(REPO, false).unwrap();
        w.looks().await;
        assert_eq!(notes(w).await, ["repository.archived", "repository.back"]);
        w.bob().approves(pull).await;
        w.settle().await;
        assert!(w.page(issue).contains("[closed]") && w.page(pull).contains("[merged]"), "{}\n{}", w.page(issue), w.page(pull));
    })
    .await;
}

#[tokio::test]
async fn a_bot_that_is_shut_out_waits_and_comes_back() {
    scenario(smooth(), async |w| {
        let issue = w.story_is_planned().await;
        let pull = w.pull();
        w.sandbox.set_private(REPO, true).unwrap();
        w.sandbox.set_permission(REPO, w.bot().login, Permission::None).unwrap();
        w.alice().comments(pull, "/syndarix approve").await;
        looks(w).await;
        assert_eq!(notes(w).await, ["repository.gone"]);
        let mut claims = 0;
        for _ in 0..6 {
            w.clock.advance(10 * 60 * 1000);
            while let Some(claim) = w.app.engine.claim(WorkKind::ALL).await.unwrap() {
                claims += 1;
                w.app.engine.work(claim).await.unwrap();
            }
        }
        assert!(claims <= 4, "an hour without access makes {claims} tries");
        w.sandbox.set_permission(REPO, w.bot().login, Permission::Admin).unwrap();
        w.looks().await;
        w.bob().approves(pull).await;
        w.settle().await;
        assert!(w.page(issue).contains("[closed]") && w.page(pull).contains("[merged]"), "{}", w.page(pull));
        w.sandbox.set_private(REPO, false).unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_deleted_repository_stops_its_story() {
    // Nothing is left to be looked at in the end, so that the usual ending does not fit.
    let w = World::new(smooth()).await;
    w.story_is_planned().await;
    w.alice().comments(w.pull(), "/syndarix approve").await;
    w.sandbox.settled().await;
    w.sandbox.delete_repo(REPO).unwrap();
    looks(&w).await;
    assert_eq!(notes(&w).await, ["repository.gone"]);
    assert!(w.model.log.unscripted().is_empty());
    let called = w.model.log.unused(&w.script).len();
    w.clock.advance(24 * 60 * 60 * 1000);
    looks(&w).await;
    assert_eq!(w.model.log.unused(&w.script).len(), called, "no agent works on a repository that is gone");
}

#[tokio::test]
async fn a_deleted_issue_ends_its_story() {
    // The usual ending reads the issue's page, which is gone.
    let w = World::new(to_the_plan()).await;
    let issue = w.story_is_planned().await;
    let pull = w.pull();
    w.sandbox.delete_issue(REPO, issue).unwrap();
    w.looks().await;
    let page = w.page(pull);
    assert!(page.contains("[closed]") && page.contains("the issue was deleted"), "{page}");
    assert_eq!(json!(w.story(issue).await.stage), json!("cancelled"));
    w.looks().await;
    assert_eq!(w.page(pull), page);
}
