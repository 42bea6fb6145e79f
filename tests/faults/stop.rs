//! A stop while everything is busy: what is under way ends or is handed over, and nobody waits for its leases.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use syndarix::base::Clock;
use syndarix::domain::agent::message::{ChatReply, ChatRequest};
use syndarix::engine::supervisor::Supervisor;
use syndarix::llm::scripted::{Script, Scripted};
use syndarix::llm::{Provider, ProviderError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::answers::to_the_plan;
use super::world::{Setup, World};

/// A model that thinks for as long as it is told to.
struct Thinking {
    scripted: Scripted,
    thinks: AtomicBool,
    asked: Notify,
}

#[async_trait]
impl Provider for Thinking {
    fn name(&self) -> &str {
        self.scripted.name()
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ProviderError> {
        self.asked.notify_one();
        if self.thinks.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        self.scripted.chat(request).await
    }
}

#[tokio::test]
async fn f23_a_stop_under_load_ends_in_time_and_hands_the_work_over() {
    let scripted = Scripted::new("scripted", Script { name: "stop".into(), rules: to_the_plan() });
    let model = Arc::new(Thinking { scripted, thinks: AtomicBool::new(true), asked: Notify::new() });
    let w = Box::pin(World::new(Setup { provider: Some(model.clone()), ..Setup::from(Vec::new()) })).await;
    let stop = CancellationToken::new();
    let mut supervisor = Supervisor::new(stop.clone());
    supervisor.run_engine(&w.app.engine);
    let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
    w.alice().comments(issue, "/syndarix plan").await;
    tokio::time::timeout(Duration::from_secs(60), model.asked.notified()).await.expect("the model is asked");
    let other = w.alice().opens_issue("Many questions", "Ten of them.").await;
    for _ in 0..10 {
        w.alice().comments(other, "/syndarix ping").await;
    }
    let before = Clock::System.now();
    stop.cancel();
    supervisor.wait(Duration::from_secs(2)).await;
    let seconds = (Clock::System.now().0 - before.0) / 1_000_000;
    assert!(seconds < 12, "the stop took {seconds} s");
    // Runs are given back when the stop cannot wait any longer; whatever is left is let go of at the end of the process.
    w.store().let_go(&w.app.engine.owner).await.unwrap();
    assert_eq!(w.store().quiet().await.unwrap().leased, 0);
    assert!(!w.page(issue).contains("story/design"), "the model never answered: {}", w.page(issue));
    model.thinks.store(false, Ordering::SeqCst);
    let w = Box::pin(w.restarted()).await;
    w.settle().await;
    assert!(w.page(issue).contains("story/design"), "{}", w.page(issue));
    assert_eq!(w.page(other).matches("I am here").count(), 10, "{}", w.page(other));
    Box::pin(w.comes_to_rest()).await;
}
