//! Deliveries in every order, lost one by one, ten at once, and again after days: the page is the same.

use regex::Regex;
use reqwest::Method;
use serde_json::json;
use syndarix::sandbox::Skin;
use syndarix::store::{DeliveryFilter, DeliveryState, Source};

use super::answers::*;
use super::relay::{Letter, Mode, Relay};
use super::sample;
use super::scenario;
use super::world::{REPO, World, policy, skin};

/// The page without what tells one issue from another. Answers to different people may come in either order, as they do in any talk:
/// they are sorted.
fn same_for_all(page: &str) -> String {
    let page = Regex::new(r"#[0-9]+").unwrap().replace_all(page, "#N").into_owned();
    let mut entries: Vec<&str> = page.split("\n--- ").map(str::trim_end).collect();
    let bots = entries.iter().position(|entry| entry.starts_with("syndarix")).unwrap_or(entries.len());
    assert!(entries[bots..].iter().all(|entry| entry.starts_with("syndarix")), "people spoke first: {page}");
    entries[bots..].sort_unstable();
    entries.join("\n--- ")
}

/// What five people do on one issue. Everything has happened before the first delivery arrives.
type Cast = for<'a> fn(&'a World) -> futures_util::future::BoxFuture<'a, i64>;

/// Plan, a remark, a pause that is added to the plan by an edit, a label, another title.
fn paused_by_an_edit(w: &World) -> futures_util::future::BoxFuture<'_, i64> {
    Box::pin(async move {
        let issue = opened(w).await;
        let plan = w.alice().comments(issue, "/syndarix plan").await;
        w.bob().comments(issue, "Good idea.").await;
        w.alice().edits(plan, "/syndarix plan\n\n/syndarix pause").await;
        w.alice().labels(issue, "priority/high").await;
        retitled(w, issue).await;
        issue
    })
}

/// Plan, the label that pauses, a remark, a question that is added to the remark by an edit, another title.
fn paused_by_a_label(w: &World) -> futures_util::future::BoxFuture<'_, i64> {
    Box::pin(async move {
        let issue = opened(w).await;
        w.alice().comments(issue, "/syndarix plan").await;
        w.alice().labels(issue, "syndarix/paused").await;
        let remark = w.bob().comments(issue, "Good idea.").await;
        w.bob().edits(remark, "Good idea.\n\n/syndarix whoami").await;
        retitled(w, issue).await;
        issue
    })
}

/// Plan, a remark, a question that is added by an edit, a label that may tighten, and the end of the issue.
fn closed_in_the_end(w: &World) -> futures_util::future::BoxFuture<'_, i64> {
    Box::pin(async move {
        let issue = opened(w).await;
        w.alice().comments(issue, "/syndarix plan").await;
        let remark = w.rita().comments(issue, "/syndarix whoami").await;
        w.rita().edits(remark, "/syndarix whoami\n\n/syndarix approve\n\n/syndarix ping").await;
        w.alice().labels(issue, "autonomy/full-control").await;
        w.bob().closes(issue).await;
        issue
    })
}

async fn opened(w: &World) -> i64 {
    w.alice().opens_issue("Three items, no discount", "The README promises it.").await
}

async fn retitled(w: &World, issue: i64) {
    w.clock.advance(2_000);
    let title = json!({"title": "Exactly three items get no discount"});
    let answer = w.alice().request(Method::PATCH, &format!("issues/{issue}"), &title).send().await.unwrap();
    assert!(answer.status().is_success());
}

/// How the deliveries of one issue reach the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// All of them before it reads the first.
    AtOnce,
    /// All of them are read and decided upon before anything else is done.
    ReadFirst,
    /// Each is read and acted upon before the next arrives.
    OneByOne,
}

/// Plays the cast on an issue of its own and sends its deliveries in this order.
async fn played(w: &World, relay: &Relay, cast: Cast, order: &[usize], pace: Pace) -> String {
    relay.set(Mode::Hold);
    let issue = cast(w).await;
    w.sandbox.settled().await;
    let held: Vec<Letter> = relay.held().into_iter().filter(|letter| !letter.is_opened_issue()).collect();
    assert_eq!(held.len(), order.len(), "{:?}", held.iter().map(Letter::what).collect::<Vec<_>>());
    relay.set(Mode::Pass);
    for &at in order {
        relay.sends(&held[at]).await;
        if pace == Pace::OneByOne {
            w.settle().await;
        }
    }
    if pace == Pace::ReadFirst {
        w.reads().await;
    }
    w.settle().await;
    same_for_all(&w.page(issue))
}

/// `overtaken`: the comment among the deliveries, and an edit of it that adds commands to others.
async fn every_order_gives_the_same_page(what: &'static str, cast: Cast, pace: Pace, overtaken: Option<[usize; 2]>) {
    // Many issues of the same few people within minutes: what the guard rails make of that is not asked here.
    let unlimited = "people = [\"alice\", \"bob\", \"rita\"]\nlimits = { user_commands_per_hour = 100000, project_comments_per_hour = 100000, project_runs_per_hour = 100000 }";
    scenario(policy(Vec::new(), unlimited), async |w| {
        w.labels_are_there().await;
        let relay = Relay::between(w, Mode::Hold).await;
        let straight: Vec<usize> = (0..5).collect();
        let page = played(w, &relay, cast, &straight, pace).await;
        assert!(page.contains("--- syndarix"), "{page}");
        let mut orders = sample::of(what, &sample::orders(&straight), 10);
        if let Some([comment, edit]) = overtaken.filter(|_| skin() == Skin::GitLab) {
            // GitLab does not tell what stood there before an edit: one that overtakes its comment is answered for all lines at once.
            orders.retain(|order| order.iter().position(|at| *at == comment) < order.iter().position(|at| *at == edit));
        }
        for order in orders {
            let other = played(w, &relay, cast, &order, pace).await;
            assert_eq!(other, page, "in the order {order:?}, {pace:?}");
        }
    })
    .await;
}

/// Kinds of work take turns: where the pause is read after the agent's first step, the page rightly shows that step. That it lands
/// between any two steps is asked in `guard.rs`; here the pause is always read before, whatever the order of the deliveries.
#[tokio::test]
async fn a_pause_by_edit_in_every_order() {
    every_order_gives_the_same_page("orders of a pause by edit", paused_by_an_edit, Pace::ReadFirst, None).await;
}

#[tokio::test]
async fn a_pause_by_label_in_every_order() {
    every_order_gives_the_same_page("orders of a pause by label", paused_by_a_label, Pace::AtOnce, None).await;
}

#[tokio::test]
async fn a_pause_by_label_in_every_order_one_by_one() {
    every_order_gives_the_same_page("orders of a pause by label, one by one", paused_by_a_label, Pace::OneByOne, None).await;
}

#[tokio::test]
async fn a_closed_issue_in_every_order() {
    every_order_gives_the_same_page("orders of a closed issue", closed_in_the_end, Pace::AtOnce, Some([1, 2])).await;
}

#[tokio::test]
async fn a_closed_issue_in_every_order_one_by_one() {
    every_order_gives_the_same_page("orders of a closed issue, one by one", closed_in_the_end, Pace::OneByOne, Some([1, 2])).await;
}

/// The main story; after each thing that people do, what is due happens.
async fn main_story(w: &World, rest: impl AsyncFn()) -> (String, String) {
    let issue = opened(w).await;
    w.alice().comments(issue, "/syndarix plan").await;
    rest().await;
    let pull = w.pull();
    w.alice().comments(pull, "/syndarix approve").await;
    rest().await;
    w.bob().approves(pull).await;
    rest().await;
    (w.page(issue), w.page(pull))
}

/// What the pages are when every delivery arrives, in order and once. And all that arrived.
async fn as_it_should_be() -> ((String, String), Vec<Letter>) {
    let mut kept = None;
    scenario(smooth(), async |w| {
        let relay = Relay::between(w, Mode::Pass).await;
        let pages = main_story(w, async || w.settle().await).await;
        assert!(pages.0.contains("[closed]") && pages.1.contains("[merged]"), "{}\n{}", pages.0, pages.1);
        kept = Some((pages, relay.seen()));
    })
    .await;
    kept.unwrap()
}

#[tokio::test]
async fn each_delivery_of_the_story_may_be_lost() {
    let (pages, letters) = as_it_should_be().await;
    let all: Vec<usize> = (0..letters.len()).collect();
    let (peoples, bots): (Vec<usize>, Vec<usize>) = all.iter().partition(|&&at| letters[at].is_peoples());
    assert!(peoples.len() >= 4 && bots.len() >= 20, "{} {}", peoples.len(), bots.len());
    // Every delivery about a person, and some of the bot's own echoes.
    for lost in [peoples, sample::of("lost echoes of the bot's own writes", &bots, 3)].concat() {
        let what = letters[lost].what();
        scenario(smooth(), async |w| {
            let _relay = Relay::between(w, Mode::LoseOne(lost)).await;
            let rest = async || {
                w.settle().await;
                w.looks().await;
            };
            assert_eq!(main_story(w, rest).await, pages, "without delivery {lost}, {what}");
        })
        .await;
    }
}

#[tokio::test]
async fn all_deliveries_may_be_lost_for_a_while() {
    let (pages, _) = as_it_should_be().await;
    scenario(smooth(), async |w| {
        let relay = Relay::between(w, Mode::Pass).await;
        let rests = &std::cell::Cell::new(0);
        let rest = async || {
            w.settle().await;
            rests.set(rests.get() + 1);
            // The network is gone while the plan is approved, and comes back for the merge.
            relay.set(if rests.get() == 1 { Mode::Lose } else { Mode::Pass });
            w.looks().await;
        };
        assert_eq!(main_story(w, rest).await, pages);
        assert!(relay.seen().len() > 20);
    })
    .await;
}

/// Several workers at once, as in a serving process.
async fn settle_together(w: &World) {
    for _ in 0..200 {
        w.sandbox.settled().await;
        // On the heap: the stack of a test's thread is small.
        let work = || Box::pin(w.app.settle_once());
        let all = tokio::join!(work(), work(), work());
        let worked = all.0.unwrap() | all.1.unwrap() | all.2.unwrap();
        if !worked && w.sandbox.undelivered() == 0 {
            return w.settle().await;
        }
    }
    panic!("the program never comes to rest");
}

#[tokio::test]
async fn ten_of_each_at_once_are_one() {
    let (pages, _) = as_it_should_be().await;
    scenario(smooth(), async |w| {
        let relay = Relay::between(w, Mode::Copies(10)).await;
        assert_eq!(main_story(w, async || settle_together(w).await).await, pages);
        let filter = DeliveryFilter { hook: Some("sandbox".into()), ..DeliveryFilter::default() };
        let stored = w.store().list_deliveries(&filter, 1_000).await.unwrap();
        let repeated = stored.iter().filter(|delivery| delivery.redeliveries == 9).count();
        assert_eq!(repeated, relay.seen().len(), "one row for each delivery, and nine repetitions counted on it");
    })
    .await;
}

/// Number of entries in the record: whatever is decided or done is one.
async fn recorded(w: &World) -> u64 {
    let project = w.project(REPO).await;
    w.store().chain_head(project).await.unwrap().map_or(0, |row| row.seq + 1)
}

#[tokio::test]
async fn replays_have_no_effect_after_a_second_and_after_ten_days() {
    scenario(smooth(), async |w| {
        let relay = Relay::between(w, Mode::Pass).await;
        let pages = main_story(w, async || w.settle().await).await;
        let (entries, letters) = (recorded(w).await, relay.seen());
        assert!(entries > 30, "{entries}");
        for (round, wait) in [1_000, 10 * 24 * 60 * 60 * 1000].into_iter().enumerate() {
            w.clock.advance(wait);
            // A forge's button sends the same content under a new id.
            for (at, letter) in letters.iter().enumerate() {
                relay.sends_anew(letter, &format!("again-{round}-{at}")).await;
                w.settle().await;
            }
            // The operator reads what is stored once more.
            for delivery in w.store().list_deliveries(&DeliveryFilter::default(), 1_000).await.unwrap() {
                w.store().replay(delivery.id).await.unwrap();
            }
            w.settle().await;
            w.looks().await;
            let (issue, pull) = (1, w.pull());
            assert_eq!((w.page(issue), w.page(pull)), pages, "after {wait} ms");
            assert_eq!(recorded(w).await, entries, "after {wait} ms");
        }
        let filter = DeliveryFilter { state: Some(DeliveryState::Failed), ..DeliveryFilter::default() };
        assert!(w.store().list_deliveries(&filter, 10).await.unwrap().is_empty());
        let found = w.stored_deliveries().await.into_iter().filter(|delivery| delivery.source == Source::Synthetic).count();
        assert_eq!(found, 0, "looking finds nothing that was not heard");
    })
    .await;
}
