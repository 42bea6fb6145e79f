//! A provider without a model: it answers from a script. The answer depends only on what the call is for and how far its conversation is,
//! never on calls before it, so the same call after a crash gets the same answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::ProviderError;
use super::{Provider, reply};
use crate::base::ids::RunId;
use crate::domain::agent::message::{CallMeta, ChatReply, ChatRequest, Part, Speaker, Stop, Usage};
use crate::domain::budget::estimate_tokens;

/// Answers for a whole story.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    pub name: String,
    pub rules: Vec<Rule>,
}

/// The answers of one run: the first `replies` entry answers its first call, and so on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub agent: String,
    pub purpose: String,
    /// Only this round; a rule without a round answers all rounds that no other rule names.
    #[serde(default)]
    pub round: Option<u32>,
    pub replies: Vec<ScriptedTurn>,
}

/// One answer: a text, calls of tools, or both.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedTurn {
    #[serde(default)]
    pub text: Option<String>,
    #[serde(default)]
    pub calls: Vec<ScriptedCall>,
}

/// A call of a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedCall {
    pub name: String,
    #[serde(default = "no_arguments")]
    pub arguments: Value,
}

fn no_arguments() -> Value {
    json!({})
}

impl ScriptedTurn {
    /// An answer that only says something.
    pub fn text(text: impl Into<String>) -> ScriptedTurn {
        ScriptedTurn { text: Some(text.into()), calls: Vec::new() }
    }

    /// An answer that only calls a tool.
    pub fn call(name: impl Into<String>, arguments: Value) -> ScriptedTurn {
        ScriptedTurn { text: None, calls: vec![ScriptedCall { name: name.into(), arguments }] }
    }
}

impl Script {
    /// Reads a script from TOML, or from JSON when it begins with a brace.
    pub fn parse(text: &str) -> Result<Script, String> {
        if text.trim_start().starts_with('{') {
            return serde_json::from_str(text).map_err(|error| format!("the script cannot be read: {error}"));
        }
        toml::from_str(text).map_err(|error| format!("the script cannot be read: {error}"))
    }

    /// The rule for a call and its place in the script; one that names the round goes before one that does not.
    fn rule(&self, meta: &CallMeta) -> Option<(usize, &Rule)> {
        let fits = |rule: &&Rule| rule.agent == meta.agent && rule.purpose == meta.purpose;
        let all = || self.rules.iter().enumerate().filter(|(_, rule)| fits(rule));
        all().find(|(_, rule)| rule.round == Some(meta.round)).or_else(|| all().find(|(_, rule)| rule.round.is_none()))
    }
}

/// A call that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    pub meta: CallMeta,
    /// Which rule of the script.
    pub rule: usize,
    /// Which of its replies, from 0.
    pub turn: usize,
}

/// The calls that a scripted provider got, for tests. All clones share one list.
#[derive(Clone, Debug, Default)]
pub struct CallLog {
    served: Arc<Mutex<Vec<Served>>>,
    unscripted: Arc<Mutex<Vec<String>>>,
}

impl CallLog {
    /// Every answered call, in order.
    pub fn served(&self) -> Vec<Served> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Calls that the script had no answer for, in words.
    pub fn unscripted(&self) -> Vec<String> {
        self.unscripted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replies of the script that nobody asked for, in words.
    pub fn unused(&self, script: &Script) -> Vec<String> {
        let used: BTreeSet<(usize, usize)> = self.served().iter().map(|served| (served.rule, served.turn)).collect();
        let rules = script.rules.iter().enumerate();
        let replies = rules.flat_map(|(at, rule)| (0..rule.replies.len()).map(move |turn| (at, turn, rule)));
        replies
            .filter(|(at, turn, _)| !used.contains(&(*at, *turn)))
            .map(|(_, turn, rule)| format!("{} {} reply {}", rule.agent, rule.purpose, turn + 1))
            .collect()
    }

    /// Calls of one run and turn that were made more than once, in words with their number.
    pub fn doubled(&self) -> Vec<String> {
        let mut counts: BTreeMap<(RunId, usize), (usize, String)> = BTreeMap::new();
        for Served { meta, turn, .. } in self.served() {
            let entry =
                counts.entry((meta.run, turn)).or_insert_with(|| (0, format!("{} {} reply {}", meta.agent, meta.purpose, turn + 1)));
            entry.0 += 1;
        }
        counts.into_values().filter(|(count, _)| *count > 1).map(|(count, what)| format!("{what}: {count} times")).collect()
    }
}

/// A provider that answers from a [`Script`].
pub struct Scripted {
    name: String,
    script: Script,
    log: CallLog,
}

impl Scripted {
    /// A provider of this name.
    pub fn new(name: impl Into<String>, script: Script) -> Scripted {
        Scripted { name: name.into(), script, log: CallLog::default() }
    }

    /// The list of its calls; stays valid after the provider has been given away.
    pub fn log(&self) -> CallLog {
        self.log.clone()
    }

    fn unscripted(&self, words: String) -> ProviderError {
        self.log.unscripted.lock().unwrap_or_else(PoisonError::into_inner).push(words.clone());
        ProviderError::BadRequest(words)
    }

    fn answer(&self, request: &ChatRequest) -> Result<ChatReply, ProviderError> {
        let meta = &request.meta;
        let turn = request.messages.iter().filter(|message| message.speaker == Speaker::Assistant).count();
        let what = format!("{} to {} (round {}, call {})", meta.agent, meta.purpose, meta.round, turn + 1);
        let Some((at, rule)) = self.script.rule(meta) else {
            return Err(self.unscripted(format!("the script `{}` has no rule for {what}", self.script.name)));
        };
        let Some(scripted) = rule.replies.get(turn) else {
            let count = rule.replies.len();
            return Err(self.unscripted(format!("the script `{}` has only {count} replies and was asked for {what}", self.script.name)));
        };
        self.log.served.lock().unwrap_or_else(PoisonError::into_inner).push(Served { meta: meta.clone(), rule: at, turn });
        Ok(play(request, scripted, turn))
    }
}

#[async_trait]
impl Provider for Scripted {
    fn name(&self) -> &str {
        &self.name
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ProviderError> {
        self.answer(request)
    }
}

/// Tokens are counted by the estimate, so that a scripted story has numbers to show; its price is zero.
fn play(request: &ChatRequest, scripted: &ScriptedTurn, turn: usize) -> ChatReply {
    let calls = scripted.calls.iter().enumerate().map(|(at, call)| Part::ToolCall {
        id: format!("call_{}_{}", turn + 1, at + 1),
        name: call.name.clone(),
        arguments: call.arguments.clone(),
    });
    let parts: Vec<Part> = scripted.text.iter().map(|text| Part::Text { text: text.clone() }).chain(calls).collect();
    let output = serde_json::to_string(&parts).map(|text| text.len() as u64 / 4).unwrap_or_default();
    let usage = Usage { input: estimate_tokens(request), output, ..Usage::default() };
    reply::finish(request, parts, Stop::EndTurn, usage, request.model.clone())
}
