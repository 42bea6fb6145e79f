//! Between the moment in which the forge makes the pull request and the one in which the story learns its number somebody acts on it. The
//! forge's answer is lost here, so that the window is as wide as it can be: everything the forge tells of that deed is read and decided
//! before the story knows what it is about. It counts all the same, and exactly once.

use reqwest::Method;
use serde_json::{Value, json};
use syndarix::store::{NewDelivery, Source, WorkKind};

use super::answers::{analyses, designs, round, smooth, tests, to_the_plan, to_the_review};
use super::proxy::Proxy;
use super::rules::{Fault, Rule};
use super::stage::through_a_proxy;
use super::world::{REPO, World};

/// Whether the forge tells by web hook, or has to be looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ways {
    Hooks,
    Looking,
}

/// Plays until the pull request is made and its answer lost, lets somebody act, and goes on. Issue and pull request.
async fn in_the_window(w: &World, proxy: &Proxy, ways: Ways, act: impl AsyncFnOnce(i64, i64)) -> (i64, i64) {
    w.labels_are_there().await;
    proxy.plays([Rule::every(Fault::DropAfter).on("POST", "/pulls").times(1)]);
    let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
    w.alice().comments(issue, "/syndarix plan").await;
    let pull = loop {
        w.sandbox.settled().await;
        if let Some(pull) = w.sandbox.pull_numbers(REPO).unwrap().last() {
            break *pull;
        }
        match w.app.engine.claim(WorkKind::ALL).await.unwrap() {
            Some(claim) => Box::pin(w.app.engine.work(claim)).await.unwrap(),
            None => w.clock.advance(500),
        }
    };
    assert!(w.story(issue).await.pull.is_none(), "the story knows it already");
    if ways == Ways::Looking {
        w.hooks_are_lost();
    }
    Box::pin(act(issue, pull)).await;
    what_was_told_is_decided(w).await;
    assert_ne!(w.story(issue).await.pull.map(|of| of.number), Some(pull), "the window closed too early");
    w.settle().await;
    if ways == Ways::Looking {
        w.looks().await;
        w.hooks_work();
    }
    (issue, pull)
}

/// What the forge tells is read and decided; nothing is asked of it or done to it.
async fn what_was_told_is_decided(w: &World) {
    for _ in 0..5 {
        w.sandbox.settled().await;
        while let Some(claim) = w.app.engine.claim(&[WorkKind::Intake, WorkKind::Turn]).await.unwrap() {
            Box::pin(w.app.engine.work(claim)).await.unwrap();
        }
    }
    assert_eq!(w.sandbox.undelivered(), 0);
}

/// How many pull requests there are.
fn pulls(w: &World) -> usize {
    w.sandbox.pull_numbers(REPO).unwrap().len()
}

fn says(page: &str, what: &str, times: usize) {
    assert_eq!(page.matches(what).count(), times, "`{what}` in\n{page}");
}

async fn approved_and_done(w: &World, issue: i64, pull: i64) {
    w.alice().comments(pull, "/syndarix approve").await;
    w.settle().await;
    w.bob().approves(pull).await;
    w.settle().await;
    says(&w.page(issue), "**Done.**", 1);
}

#[tokio::test]
async fn a_pull_request_that_is_closed_in_the_moment_it_is_opened() {
    for ways in [Ways::Hooks, Ways::Looking] {
        through_a_proxy(smooth(), async |w, proxy| {
            let (issue, pull) = in_the_window(w, proxy, ways, async |_, pull| w.alice().closes(pull).await).await;
            let story = w.story(issue).await;
            assert!(story.pull.as_ref().is_some_and(|of| of.number == pull && !of.open), "{ways:?}: {:?}", story.pull);
            assert_eq!(pulls(w), 1, "no other one takes its place behind people's backs");
            says(&w.page(pull), "without merging it, so the story stands still", 1);
            assert!(w.status(issue).contains("closed without being merged"), "{}", w.status(issue));
            w.alice().comments(pull, "/syndarix retry").await;
            w.settle().await;
            approved_and_done(w, issue, pull).await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_pull_request_that_is_closed_and_opened_again_in_that_moment() {
    through_a_proxy(smooth(), async |w, proxy| {
        let act = async |_, pull| {
            w.alice().closes(pull).await;
            w.alice().reopens(pull).await;
        };
        let (issue, pull) = in_the_window(w, proxy, Ways::Hooks, act).await;
        says(&w.page(pull), "without merging it", 0);
        approved_and_done(w, issue, pull).await;
    })
    .await;
}

#[tokio::test]
async fn a_pull_request_that_is_merged_in_the_moment_it_is_opened() {
    for ways in [Ways::Hooks, Ways::Looking] {
        let rules = [to_the_plan(), vec![tests()]].concat();
        through_a_proxy(rules, async |w, proxy| {
            let act = async |_, pull| {
                // A draft cannot be merged.
                w.mona().renames(pull, "By hand").await;
                w.mona().merges(pull).await;
            };
            let (issue, _) = in_the_window(w, proxy, ways, act).await;
            let story = w.story(issue).await;
            assert_eq!(story.merged_by_hand.as_ref().map(|user| user.login.as_str()), Some("mona"), "{ways:?}");
            says(&w.page(issue), "Merged by hand by `mona`, without the merge gate", 1);
        })
        .await;
    }
}

#[tokio::test]
async fn a_review_in_the_moment_the_pull_request_is_opened() {
    for ways in [Ways::Hooks, Ways::Looking] {
        // The plan is sent back once; the second one is let through.
        through_a_proxy(vec![analyses(), round(0, designs("first")), round(1, designs("second"))], async |w, proxy| {
            let act = async |_, pull| w.bob().requests_changes(pull, "Smaller, please.").await;
            let (issue, _) = in_the_window(w, proxy, ways, act).await;
            let story = w.story(issue).await;
            assert_eq!(story.rounds.get(&syndarix::domain::agent::Purpose::Design), Some(&2), "{ways:?}: heard once");
        })
        .await;
        through_a_proxy(to_the_review(), async |w, proxy| {
            let (issue, _) = in_the_window(w, proxy, ways, async |_, pull| w.bob().approves(pull).await).await;
            let story = w.story(issue).await;
            assert_eq!(story.plan_approver.as_ref().map(|user| user.login.as_str()), Some("bob"), "{ways:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_command_in_the_moment_the_pull_request_is_opened() {
    for ways in [Ways::Hooks, Ways::Looking] {
        through_a_proxy(smooth(), async |w, proxy| {
            let act = async |_, pull| {
                w.alice().comments(pull, "/syndarix pause").await;
            };
            let (issue, pull) = in_the_window(w, proxy, ways, act).await;
            assert!(!w.story(issue).await.may_run(), "{ways:?}: {}", w.page(pull));
            w.alice().comments(pull, "/syndarix resume").await;
            w.settle().await;
            approved_and_done(w, issue, pull).await;
        })
        .await;
    }
    // Nobody can have read the plan yet: said so, and not silently dropped.
    through_a_proxy(smooth(), async |w, proxy| {
        let act = async |_, pull| {
            w.alice().comments(pull, "/syndarix approve").await;
        };
        let (issue, pull) = in_the_window(w, proxy, Ways::Hooks, act).await;
        assert!(w.story(issue).await.checkpoint.is_some());
        says(&w.page(pull), "**Not done:**", 1);
        approved_and_done(w, issue, pull).await;
    })
    .await;
}

/// Some forges say of a comment on a pull request nothing about its branch, by which the story would be known.
#[tokio::test]
async fn a_command_in_that_moment_of_which_nobody_says_for_which_branch_it_is() {
    through_a_proxy(smooth(), async |w, proxy| {
        let act = async |_, pull: i64| {
            let mut template = None;
            for whole in w.stored_deliveries().await.into_iter().filter(|one| one.event.contains("issue_comment")) {
                let told: Value = serde_json::from_slice(&whole.body).unwrap();
                if told["comment"]["user"]["login"] == "alice" {
                    template = Some((whole, told));
                }
            }
            let (template, mut told) = template.expect("Alice asked for the plan");
            w.hooks_are_lost();
            let comment = w.alice().comments(pull, "/syndarix pause").await;
            w.hooks_work();
            told["comment"]["id"] = json!(comment);
            told["comment"]["body"] = json!("/syndarix pause");
            told["issue"]["number"] = json!(pull);
            told["is_pull"] = json!(true);
            assert!(told.get("pull_request").is_none_or(Value::is_null));
            let new = NewDelivery {
                hook: template.hook,
                delivery_id: "without-a-branch".into(),
                event: template.event,
                body: told.to_string().into_bytes(),
                source: Source::Webhook,
                received_at: w.clock.now(),
            };
            w.store().receive(&new).await.unwrap();
        };
        let (issue, pull) = in_the_window(w, proxy, Ways::Hooks, act).await;
        assert!(!w.story(issue).await.may_run(), "{}", w.page(pull));
        w.alice().comments(pull, "/syndarix resume").await;
        w.settle().await;
        approved_and_done(w, issue, pull).await;
    })
    .await;
}

#[tokio::test]
async fn a_label_in_the_moment_the_pull_request_is_opened() {
    for ways in [Ways::Hooks, Ways::Looking] {
        through_a_proxy(smooth(), async |w, proxy| {
            let act = async |_, pull| {
                w.alice().labels(pull, "syndarix/paused").await;
                w.bob().labels(pull, "pr/approved").await;
            };
            let (issue, pull) = in_the_window(w, proxy, ways, act).await;
            assert!(!w.story(issue).await.may_run(), "{ways:?}: {}", w.page(pull));
            says(&w.page(pull), "an approving review says more than a label", 1);
            w.alice().comments(issue, "/syndarix resume").await;
            w.settle().await;
            approved_and_done(w, issue, pull).await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_pull_request_pointed_elsewhere_in_the_moment_it_is_opened() {
    for ways in [Ways::Hooks, Ways::Looking] {
        through_a_proxy(smooth(), async |w, proxy| {
            w.bob().makes_branch("release").await;
            let (issue, pull) = in_the_window(w, proxy, ways, async |_, pull| w.bob().retargets(pull, "release").await).await;
            assert_eq!(w.story(issue).await.loops.target.as_deref(), Some("release"), "{ways:?}");
            w.bob().retargets(pull, "main").await;
            w.settle().await;
            approved_and_done(w, issue, pull).await;
            w.bob().deletes_branch("release").await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_push_in_the_moment_the_pull_request_is_opened() {
    for ways in [Ways::Hooks, Ways::Looking] {
        // Nothing says who pushed where nothing is told, so nobody's approval counts there, and the testing is never reached.
        let rules = if ways == Ways::Hooks { smooth() } else { to_the_review() };
        through_a_proxy(rules, async |w, proxy| {
            let act = async |_, pull| w.bob().pushes(pull, "hand.md", "by hand\n").await;
            let (issue, pull) = in_the_window(w, proxy, ways, act).await;
            let story = w.story(issue).await;
            assert!(story.foreign_head.is_some() && story.active.is_none(), "{ways:?}: {story:?}");
            let pages = format!("{}{}", w.page(issue), w.page(pull));
            says(&pages, "to this branch. The agents stopped", 1);
            w.alice().comments(pull, "/syndarix resume").await;
            w.settle().await;
            // Bob's own commit is on the branch, so his word does not count for the merge.
            w.alice().comments(pull, "/syndarix approve").await;
            w.settle().await;
            w.mona().approves(pull).await;
            w.settle().await;
            match ways {
                Ways::Hooks => says(&w.page(issue), "**Done.**", 1),
                Ways::Looking => says(&w.page(pull), "the forge did not say who pushed", 1),
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_story_that_ends_in_the_moment_its_pull_request_is_opened() {
    through_a_proxy(to_the_plan(), async |w, proxy| {
        let act = async |issue, _| {
            w.alice().comments(issue, "/syndarix cancel").await;
        };
        let (issue, pull) = in_the_window(w, proxy, Ways::Hooks, act).await;
        assert!(w.page(pull).contains("[closed]"), "{}", w.page(pull));
        says(&w.page(issue), "**Cancelled** by `alice`", 1);
    })
    .await;
    // Ended and begun anew: the pull request of the first attempt is not that of the second.
    through_a_proxy(to_the_plan(), async |w, proxy| {
        let act = async |issue, _| {
            w.alice().comments(issue, "/syndarix cancel").await;
            what_was_told_is_decided(w).await;
            w.alice().comments(issue, "/syndarix plan").await;
        };
        let (issue, _) = in_the_window(w, proxy, Ways::Hooks, act).await;
        let pulls = w.sandbox.pull_numbers(REPO).unwrap();
        assert_eq!(pulls.len(), 2);
        assert_eq!(w.get(&format!("pulls/{}", pulls[0])).await["state"], "closed");
        assert_eq!(w.story(issue).await.pull.map(|of| of.number), Some(pulls[1]));
    })
    .await;
}

#[tokio::test]
async fn a_branch_deleted_in_the_moment_the_pull_request_is_opened() {
    through_a_proxy(smooth(), async |w, proxy| {
        let act = async |_, pull: i64| {
            let branch = w.get(&format!("pulls/{pull}")).await["head"]["ref"].as_str().unwrap().to_owned();
            w.bob().request(Method::DELETE, &format!("branches/{branch}"), &json!(null)).send().await.unwrap();
        };
        let (issue, pull) = in_the_window(w, proxy, Ways::Hooks, act).await;
        let story = w.story(issue).await;
        assert!(story.loops.branch_gone && story.active.is_none(), "{story:?}");
        says(&w.page(issue), "was deleted, so the story stands still", 1);
        w.alice().comments(pull, "/syndarix retry").await;
        w.settle().await;
        let pull = *w.sandbox.pull_numbers(REPO).unwrap().last().unwrap();
        approved_and_done(w, issue, pull).await;
    })
    .await;
}
