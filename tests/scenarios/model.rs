//! The scripted model, with a way for people to speak up while an agent is in the middle of its work.

use std::sync::{Arc, Mutex, OnceLock, Weak};

use async_trait::async_trait;
use syndarix::domain::agent::message::{CallMeta, ChatReply, ChatRequest, Speaker};
use syndarix::engine::Engine;
use syndarix::llm::Script;
use syndarix::llm::scripted::{CallLog, Scripted};
use syndarix::llm::{Provider, ProviderError};
use syndarix::sandbox::Sandbox;
use syndarix::store::WorkKind;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Something that happens right before an answer.
struct Interruption {
    agent: &'static str,
    /// Which call of the run, from 0.
    turn: usize,
    request: reqwest::RequestBuilder,
}

/// The provider that the program under test is given.
pub struct Model {
    scripted: Scripted,
    pub log: CallLog,
    interruption: Mutex<Option<Interruption>>,
    /// The call of an agent that is never answered.
    silence: Mutex<Option<(&'static str, usize)>>,
    silent: Notify,
    engine: OnceLock<Weak<Engine>>,
    sandbox: Arc<Sandbox>,
}

impl Model {
    pub fn new(script: Script, sandbox: Arc<Sandbox>) -> Model {
        let scripted = Scripted::new("scripted", script);
        Model {
            log: scripted.log(),
            scripted,
            interruption: Mutex::new(None),
            silence: Mutex::new(None),
            silent: Notify::new(),
            engine: OnceLock::new(),
            sandbox,
        }
    }

    /// Whose lanes take their turn when somebody speaks up.
    pub fn serves(&self, engine: &Arc<Engine>) {
        assert!(self.engine.set(Arc::downgrade(engine)).is_ok(), "a model serves one engine");
    }

    /// Sends a person's request while the agent waits for its answer to this call.
    pub fn interrupt(&self, agent: &'static str, turn: usize, request: reqwest::RequestBuilder) {
        *self.interruption.lock().unwrap() = Some(Interruption { agent, turn, request });
    }

    /// Never answers this call: whoever waits for it can be ended in the middle of its work.
    pub fn falls_silent(&self, agent: &'static str, turn: usize) {
        *self.silence.lock().unwrap() = Some((agent, turn));
    }

    /// Until the call is there that is never answered.
    pub async fn is_silent(&self) {
        self.silent.notified().await;
    }

    /// True when the announced interruption has not happened yet.
    pub fn still_waits(&self) -> bool {
        self.interruption.lock().unwrap().is_some()
    }

    fn due(&self, meta: &CallMeta, turn: usize) -> Option<Interruption> {
        self.interruption.lock().unwrap().take_if(|one| one.agent == meta.agent && one.turn == turn)
    }

    /// In a task of its own: the agent's call stands deep in a turn already.
    async fn happen(&self, interruption: Interruption) {
        let (sandbox, engine) = (self.sandbox.clone(), self.engine.get().and_then(Weak::upgrade).unwrap());
        let happening = async move {
            let answer = interruption.request.send().await.unwrap();
            assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
            sandbox.settled().await;
            while let Some(claim) = engine.claim(&[WorkKind::Intake, WorkKind::Turn]).await.unwrap() {
                engine.work(claim).await.unwrap();
            }
        };
        JoinSet::from_iter([happening]).join_all().await;
    }
}

#[async_trait]
impl Provider for Model {
    fn name(&self) -> &str {
        self.scripted.name()
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ProviderError> {
        let turn = request.messages.iter().filter(|message| message.speaker == Speaker::Assistant).count();
        if let Some(interruption) = self.due(&request.meta, turn) {
            self.happen(interruption).await;
        }
        let silent = self.silence.lock().unwrap().take_if(|(agent, at)| *agent == request.meta.agent && *at == turn);
        if silent.is_some() {
            self.silent.notify_one();
            std::future::pending::<()>().await;
        }
        self.scripted.chat(request).await
    }
}
