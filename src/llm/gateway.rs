//! One door to all models: a group is a list of models in order of preference; the first that answers, answers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Provider;
use super::error::{ProviderError, Retry};
use crate::base::Nano;
use crate::domain::agent::message::{ChatReply, ChatRequest, Usage};
use crate::domain::budget::{Catalog, ModelRef, Rate, cost, estimate_tokens};

/// How patiently a model is asked again before the next one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Calls of one model, the first included.
    pub tries: u32,
    /// Pause before the second try when the provider does not name one; doubles after that.
    pub first_pause: Duration,
    /// A longer wait than this is not waited for: the next model is asked.
    pub longest_pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> RetryPolicy {
        RetryPolicy { tries: 3, first_pause: Duration::from_millis(500), longest_pause: Duration::from_secs(30) }
    }
}

/// One call that was made, or one model that could not be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub model: ModelRef,
    /// `None`: it answered.
    pub failure: Option<String>,
    /// Tokens as reported; a failed call may report some too.
    pub usage: Option<Usage>,
    /// What to book: the exact cost where tokens were reported, the upper bound where the call may have cost and nobody said how much, else zero.
    pub cost: Nano,
    /// False: the price of this model is unknown and `cost` is calculated at the ceiling. Show "cost unknown".
    pub price_known: bool,
    /// The call was sent and its answer lost: its cost is a bound, not a bill.
    pub lost: bool,
}

impl Attempt {
    fn new(model: &ModelRef, rate: &Rate) -> Attempt {
        Attempt { model: model.clone(), failure: None, usage: None, cost: Nano::ZERO, price_known: rate.is_known(), lost: false }
    }
}

/// An answer and everything that was tried for it; the last attempt is the one that answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    pub reply: ChatReply,
    pub model_ref: ModelRef,
    pub price: Rate,
    pub attempts: Vec<Attempt>,
}

impl Answered {
    /// What to book for all attempts together.
    pub fn cost(&self) -> Nano {
        self.attempts.iter().map(|attempt| attempt.cost).sum()
    }
}

/// No model of the group answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TotalFailure {
    pub group: String,
    pub attempts: Vec<Attempt>,
    /// A call was lost after it had been sent. Book its cost, reserve anew, and [`Gateway::chat_from`] may go on at `next`.
    pub lost: bool,
    /// Place in the group of the model to go on with, when `lost`.
    pub next: usize,
    /// The shortest wait that a provider asked for.
    pub retry_after: Option<Duration>,
    /// Why nothing was tried at all (unknown group, no model in it).
    pub reason: Option<String>,
}

impl TotalFailure {
    /// What to book for all attempts together.
    pub fn cost(&self) -> Nano {
        self.attempts.iter().map(|attempt| attempt.cost).sum()
    }
}

impl std::error::Error for TotalFailure {}

impl fmt::Display for TotalFailure {
    /// Every attempt in words, equal ones in a row told once.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(reason) = &self.reason {
            return f.write_str(reason);
        }
        let group = &self.group;
        if self.lost {
            write!(f, "The call to the model group `{group}` was lost after it was sent and may have cost.")?;
        } else {
            write!(f, "No model of the group `{group}` answered.")?;
        }
        let told = |attempt: &Attempt| format!("{}: {}", attempt.model, attempt.failure.as_deref().unwrap_or("answered"));
        let mut rows: Vec<(String, usize)> = Vec::new();
        for text in self.attempts.iter().map(told) {
            match rows.last_mut() {
                Some((last, count)) if *last == text => *count += 1,
                _ => rows.push((text, 1)),
            }
        }
        for (text, count) in rows {
            let times = if count > 1 { format!(" ({count} times)") } else { String::new() };
            write!(f, "\n- {text}{times}")?;
        }
        Ok(())
    }
}

/// Sends calls to groups of models.
#[derive(Clone)]
pub struct Gateway {
    catalog: Catalog,
    providers: BTreeMap<String, Arc<dyn Provider>>,
    policy: RetryPolicy,
}

/// One `chat` on its way through a group.
struct Walk {
    attempts: Vec<Attempt>,
    retry_after: Option<Duration>,
    /// Providers of which no other model would answer either.
    out: BTreeSet<String>,
}

impl Gateway {
    /// A gateway to these providers. Models whose provider is not here (no key configured) are passed over, and a total failure says so.
    pub fn new(catalog: Catalog, providers: impl IntoIterator<Item = Arc<dyn Provider>>, policy: RetryPolicy) -> Gateway {
        let providers = providers.into_iter().map(|provider| (provider.name().to_owned(), provider)).collect();
        Gateway { catalog, providers, policy }
    }

    /// The catalogue it works with.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The most that one call to the group can cost, at its dearest model that can be called: what to reserve. Zero only for models whose price is zero.
    pub fn estimate(&self, group: &str, request: &ChatRequest) -> Nano {
        let models = self.models(group);
        let available = models.iter().filter(|model| self.providers.contains_key(&model.provider));
        available.map(|model| self.bound(model, request)).max().unwrap_or(Nano::ZERO)
    }

    /// False when a model of the group that can be called has no known price.
    pub fn price_known(&self, group: &str) -> bool {
        let callable = |model: &&ModelRef| self.providers.contains_key(&model.provider);
        self.models(group).iter().filter(callable).all(|model| self.catalog.model(model).rate.is_known())
    }

    /// Asks the models of the group in order. `request.model` is ignored.
    ///
    /// At most one call of it can be charged: after a call that was sent and lost, it stops with [`TotalFailure::lost`] so that the caller accounts for it first.
    pub async fn chat(&self, group: &str, request: &ChatRequest) -> Result<Answered, TotalFailure> {
        self.chat_from(group, 0, request).await
    }

    /// Like [`Gateway::chat`], beginning at a place in the group; past its end it begins at the front.
    pub async fn chat_from(&self, group: &str, first: usize, request: &ChatRequest) -> Result<Answered, TotalFailure> {
        let models = self.models(group);
        let mut walk = Walk { attempts: Vec::new(), retry_after: None, out: BTreeSet::new() };
        if models.is_empty() {
            return Err(walk.failed(group, Some(self.empty(group))));
        }
        let first = if first < models.len() { first } else { 0 };
        for (place, model) in models.iter().enumerate().skip(first) {
            match self.ask(model, request, &mut walk).await {
                Asked::Answered(reply) => {
                    let price = self.catalog.model(model).rate;
                    return Ok(Answered { reply, model_ref: model.clone(), price, attempts: walk.attempts });
                }
                Asked::Lost => return Err(TotalFailure { lost: true, next: place + 1, ..walk.failed(group, None) }),
                Asked::Next => {}
            }
        }
        Err(walk.failed(group, None))
    }

    fn models(&self, group: &str) -> &[ModelRef] {
        self.catalog.groups.get(group).map(|group| group.models.as_slice()).unwrap_or_default()
    }

    fn empty(&self, group: &str) -> String {
        let known: Vec<&str> = self.catalog.groups.keys().map(String::as_str).collect();
        match self.catalog.groups.contains_key(group) {
            true => format!("The model group `{group}` holds no model. Name one in models.toml."),
            false => format!("There is no model group `{group}` in models.toml; there are: {}.", known.join(", ")),
        }
    }

    fn bound(&self, model: &ModelRef, request: &ChatRequest) -> Nano {
        let entry = self.catalog.model(model);
        let output = entry.max_output.map_or(request.max_tokens, |most| most.min(request.max_tokens));
        entry.rate.price().at_most(estimate_tokens(request), u64::from(output))
    }

    /// Calls one model until it answers, or advice or patience end.
    async fn ask(&self, model: &ModelRef, request: &ChatRequest, walk: &mut Walk) -> Asked {
        let entry = self.catalog.model(model);
        let Some(provider) = self.providers.get(&model.provider) else {
            walk.note(model, &entry.rate, format!("not configured (no address or key for the provider `{}`)", model.provider));
            return Asked::Next;
        };
        if walk.out.contains(&model.provider) {
            walk.note(model, &entry.rate, "not asked, because the provider refused or could not be reached just before".to_owned());
            return Asked::Next;
        }
        let mut request = request.clone();
        request.model.clone_from(&model.model);
        request.max_tokens = entry.max_output.map_or(request.max_tokens, |most| most.min(request.max_tokens));
        let mut pause = self.policy.first_pause;
        for left in (0..self.policy.tries.max(1)).rev() {
            let error = match provider.chat(&request).await {
                Ok(reply) => {
                    let cost = cost(entry.rate.price(), &reply.usage);
                    walk.attempts.push(Attempt { usage: Some(reply.usage), cost, ..Attempt::new(model, &entry.rate) });
                    return Asked::Answered(reply);
                }
                Err(error) => error,
            };
            walk.attempts.push(self.failed(model, &entry.rate, &request, &error));
            match self.wait_for(&error, pause, left) {
                Next::Wait(wait) => tokio::time::sleep(wait).await,
                Next::Lost => return Asked::Lost,
                Next::OtherModel => {
                    walk.gave_up_on(model, &error);
                    return Asked::Next;
                }
            }
            pause = pause.saturating_mul(2);
        }
        Asked::Next
    }

    fn failed(&self, model: &ModelRef, rate: &Rate, request: &ChatRequest, error: &ProviderError) -> Attempt {
        let usage = error.usage();
        let cost = match usage {
            Some(usage) => cost(rate.price(), &usage),
            None if error.may_have_cost() => self.bound(model, request),
            None => Nano::ZERO,
        };
        Attempt { failure: Some(error.to_string()), usage, cost, lost: error.may_have_cost(), ..Attempt::new(model, rate) }
    }

    fn wait_for(&self, error: &ProviderError, pause: Duration, left: u32) -> Next {
        match error.retry() {
            Retry::AccountFirst => Next::Lost,
            Retry::OtherModel => Next::OtherModel,
            Retry::SameModel { after } => match after.unwrap_or(pause) {
                wait if left > 0 && wait <= self.policy.longest_pause => Next::Wait(wait),
                _ => Next::OtherModel,
            },
        }
    }
}

enum Asked {
    Answered(ChatReply),
    Lost,
    Next,
}

enum Next {
    Wait(Duration),
    Lost,
    OtherModel,
}

impl Walk {
    fn note(&mut self, model: &ModelRef, rate: &Rate, words: String) {
        self.attempts.push(Attempt { failure: Some(words), ..Attempt::new(model, rate) });
    }

    fn gave_up_on(&mut self, model: &ModelRef, error: &ProviderError) {
        if error.concerns_whole_provider() {
            self.out.insert(model.provider.clone());
        }
        self.retry_after = match (self.retry_after, error.retry_after()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }

    fn failed(self, group: &str, reason: Option<String>) -> TotalFailure {
        TotalFailure { group: group.to_owned(), attempts: self.attempts, lost: false, next: 0, retry_after: self.retry_after, reason }
    }
}
