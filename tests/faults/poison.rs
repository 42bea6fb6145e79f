//! Work that can never succeed: it takes neither its lane nor the process down, somebody is told, and the others go on.

use std::sync::Arc;

use async_trait::async_trait;
use syndarix::domain::agent::message::{ChatReply, ChatRequest, Part};
use syndarix::llm::scripted::{Script, Scripted};
use syndarix::llm::{Provider, ProviderError};

use super::answers::to_the_plan;
use super::stage::through_a_proxy;
use super::world::Setup;

/// A provider with a mistake: it panics when an issue speaks of poison.
struct Poisoned(Scripted);

#[async_trait]
impl Provider for Poisoned {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ProviderError> {
        let texts = request.messages.iter().flat_map(|message| &message.parts);
        let poisoned =
            texts.filter_map(|part| if let Part::Text { text } = part { Some(text) } else { None }).any(|text| text.contains("POISON"));
        assert!(!poisoned, "an answer that breaks whoever reads it");
        self.0.chat(request).await
    }
}

#[tokio::test]
async fn f19_a_run_that_always_panics_ends_in_a_sentence_and_the_others_go_on() {
    let script = Script { name: "poison".into(), rules: to_the_plan() };
    let provider = Arc::new(Poisoned(Scripted::new("scripted", script)));
    through_a_proxy(Setup { provider: Some(provider), ..Setup::from(Vec::new()) }, async |w, _| {
        let poisoned = w.alice().opens_issue("POISON in the title", "Drink me.").await;
        let sound = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        w.alice().comments(poisoned, "/syndarix plan").await;
        w.alice().comments(sound, "/syndarix plan").await;
        w.settle().await;
        let page = w.page(poisoned);
        // A panic hides the answer as a crash does, and a call is made twice at most.
        assert!(page.contains("The answer of a model call was lost twice") && page.contains("/syndarix retry"), "{page}");
        assert_eq!(page.matches("could not finish").count(), 1, "{page}");
        assert!(w.page(sound).contains("story/design"), "{}", w.page(sound));
        w.alice().comments(poisoned, "/syndarix cancel").await;
        w.settle().await;
        assert!(!w.page(poisoned).contains("story/analysis"), "the lane is open: {}", w.page(poisoned));
    })
    .await;
}

/// The same while workers of a serving process do it: none of them dies.
#[tokio::test]
async fn f19_an_intent_that_cannot_be_read_is_set_aside_and_its_lane_goes_on() {
    through_a_proxy(to_the_plan(), async |w, _| {
        let issue = w.story_is_planned().await;
        w.something_unreadable_is_queued(issue).await;
        w.settle().await;
        w.alice().comments(issue, "/syndarix ping").await;
        w.settle().await;
        let page = w.page(issue);
        assert_eq!(page.matches("**Not done:**").count(), 1, "{page}");
        assert!(page.contains("I am here"), "{page}");
    })
    .await;
}
