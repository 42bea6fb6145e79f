//! A scenario with a proxy between program and forge, and the story that most of these tests play.

use std::sync::Arc;
use std::time::Duration;

use syndarix::forge::Timeouts;
use tokio::sync::OnceCell;

use super::answers::smooth;
use super::proxy::Proxy;
use super::rules::Rule;
use super::world::{Setup, World};

/// Patience with a forge that does not answer. Short, for these tests wait it out.
pub const TIMEOUTS: Timeouts =
    Timeouts { connect: Duration::from_secs(2), total: Duration::from_millis(1_500), backoff: Duration::from_millis(2) };

/// Plays a scenario through a proxy, and checks at its end what must hold after any of them.
pub async fn through_a_proxy(setup: impl Into<Setup>, play: impl AsyncFnOnce(&World, &Arc<Proxy>)) {
    let proxy = Proxy::start().await;
    let between = {
        let proxy = proxy.clone();
        move |url: &str| proxy.leads_to(url)
    };
    let setup = setup.into();
    let setup = Setup { between: Some(Box::new(between)), timeouts: setup.timeouts.or(Some(TIMEOUTS)), ..setup };
    if let Some(filter) = syndarix::config::Env::process().get("SYNDARIX_LOG") {
        let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
    }
    let w = Box::pin(World::new(setup)).await;
    proxy.goes_by(&w.clock);
    Box::pin(play(&w, &proxy)).await;
    proxy.heals();
    Box::pin(w.end()).await;
}

/// The main story from the issue to its end: what a person reads then, issue and pull request.
pub async fn main_story(w: &World) -> String {
    let issue = w.story_is_planned().await;
    let pull = w.pull();
    w.alice().comments(pull, "/syndarix approve").await;
    w.settle().await;
    w.bob().approves(pull).await;
    w.settle().await;
    format!("{}\n=====\n{}", w.page(issue), w.page(pull))
}

/// How the main story reads when nothing goes wrong.
pub async fn undisturbed() -> &'static str {
    static PAGE: OnceCell<String> = OnceCell::const_new();
    let play = async || {
        let mut page = String::new();
        through_a_proxy(smooth(), async |w, _| page = main_story(w).await).await;
        assert!(page.contains("[closed]") && page.contains("[merged]"), "{page}");
        page
    };
    PAGE.get_or_init(|| async { Box::pin(play()).await }).await
}

/// Plays the main story with these faults: it must end like the undisturbed one. What the proxy saw is looked at before the end.
pub async fn survives(rules: Vec<Rule>, look: impl AsyncFnOnce(&World, &Proxy)) {
    let want = undisturbed().await;
    let names: Vec<String> = rules.iter().map(|rule| rule.fault.name()).collect();
    through_a_proxy(smooth(), async |w, proxy| {
        // Made one by one, and each of them failing once would be a row of twenty failures.
        w.labels_are_there().await;
        proxy.plays(rules);
        let got = main_story(w).await;
        let met = proxy.seen().iter().filter(|seen| seen.fault.is_some()).count();
        assert!(met > 0, "no call met {names:?}");
        assert!(got == want, "with {names:?} on {met} calls the story ended differently:\n{}", difference(want, &got));
        look(w, proxy).await;
    })
    .await;
}

/// The lines in which two texts differ.
pub fn difference(want: &str, got: &str) -> String {
    let diff = similar::TextDiff::from_lines(want, got);
    let changes = diff.iter_all_changes().filter(|change| change.tag() != similar::ChangeTag::Equal);
    changes.map(|change| format!("{}{}", change.tag(), change.value())).collect()
}
