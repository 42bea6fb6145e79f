//! Asking a model: reserve, call, settle. No transaction is open while it thinks.

use std::time::Duration;

use serde_json::json;

use crate::base::Nano;
use crate::base::text::sha256_hex;
use crate::base::trace::Attr;
use crate::domain::agent::message::{CallMeta, ChatRequest};
use crate::domain::budget::{RAISE, RAISE_PROJECT, Verdict};
use crate::domain::guard::What;
use crate::domain::workflow::facts::Limit;
use crate::llm::{Answered, TotalFailure};
use crate::store::{ProjectTx, Release, ReserveRequest, Reserved, StepResult, StepRow, StepState};
use crate::tool::ToolScope;

use super::super::{Result, guard, trace};
use super::talk::{MODEL, Talk};
use super::{Pace, RUNS, Session, finished};

/// Most times one call may be begun: once, and once more when a crash hid its answer.
const MAX_BEGINNINGS: i64 = 2;

/// How long an answer is held while the store cannot take it, in milliseconds between tries. It was paid for and stands nowhere else; who
/// loses the run's lease meanwhile is stopped.
const HELD: [u64; 8] = [20, 50, 100, 200, 400, 800, 1_600, 3_200];

/// A model's answer on its way into the store.
struct Given<'a> {
    begun: &'a StepRow,
    group: &'a str,
    permit: &'a Reserved,
    answered: &'a Answered,
    /// Tokens that were charged before the call.
    expected: i64,
}

impl Session<'_> {
    pub(super) async fn call_model(&mut self, talk: Talk) -> Result<Pace> {
        let seq = self.next_seq();
        let mut group = self.kind.model_group.clone();
        let mut request = self.request(talk);
        let input_hash = sha256_hex(serde_json::to_vec(&request)?);
        let expected = guard::estimate(&request, request.max_tokens);
        let mut tx = self.begin().await?;
        if self.is_stopped_in(&mut tx).await? {
            return self.rest(tx).await;
        }
        let row = tx.begin_step(self.row.id, seq, MODEL, &input_hash).await?;
        if row.state == StepState::Done {
            tx.rollback().await?;
            self.steps.push(row);
            return Ok(Pace::On);
        }
        if row.input_hash != input_hash {
            tx.rollback().await?;
            return self
                .give_up(
                    "what it was told differs from what was recorded before the restart, so going on could do things twice".into(),
                    None,
                )
                .await;
        }
        if row.attempts > MAX_BEGINNINGS {
            tx.rollback().await?;
            return self.give_up("the answer of a model call was lost twice".into(), None).await;
        }
        // Ask the purse: the sentence and the cheaper group come from pure rules, the hard limit from the store's own count.
        let limits = self.site.rules.limits;
        let now = self.engine.clock.now();
        let purse = tx.purse(self.row.subject, now).await?;
        let mut amount = self.site.team.gateway.estimate(&group, &request);
        match purse.judge(amount, limits) {
            Verdict::Go => {}
            Verdict::GoCheaper(_) => {
                group = self.site.team.gateway.catalog().cheaper(&group).to_owned();
                amount = self.site.team.gateway.estimate(&group, &request);
            }
            Verdict::Stop(sentence) => {
                tx.rollback().await?;
                return self.give_up(sentence, Some(Limit::Hard)).await;
            }
        }
        if let Some(ceiling) = self.start.input.ceiling.filter(|ceiling| purse.story.committed() + amount > *ceiling && amount > Nano::ZERO)
        {
            tx.rollback().await?;
            let why = format!("the next model call may cost up to {amount}, which would pass the plan's estimate of {ceiling}");
            return self.give_up(why, Some(Limit::Estimate)).await;
        }
        // The estimate is counted until the true number is known; a call that a crash cut off stays counted.
        let (policy, cause) = (&self.site.rules.policy, format!("{}:{seq}:{}", self.row.id, row.attempts));
        if !guard::charge(&mut tx, policy, self.row.subject, What::Tokens, expected, &cause, self.engine.clock.now()).await? {
            tx.rollback().await?;
            return self.halt(expected, &cause).await;
        }
        request.model.clone_from(&group);
        let ask = ReserveRequest {
            subject: self.row.subject,
            run: self.row.id,
            // A repeated call reserves anew; the lost one stays booked.
            step: seq * 8 + row.attempts,
            model: group.clone(),
            amount,
            hard: Some(limits.hard),
            at: now,
        };
        let permit = match tx.reserve(&ask).await? {
            Ok(permit) => permit,
            Err(over) => {
                tx.rollback().await?;
                let way_out = if over.shared { RAISE_PROJECT } else { RAISE };
                return self.give_up(format!("{over}. {way_out}"), Some(Limit::Hard)).await;
            }
        };
        self.engine.commit(tx).await?;
        let key = format!("{seq}/{}", row.attempts);
        let called = Box::pin(async {
            trace::tell("model.group", Attr::Name(group.clone()));
            let answer = self.engine.outside(Box::pin(self.site.team.gateway.chat(&group, &request))).await;
            if let Ok(answered) = &answer {
                trace::tell("model", Attr::Name(answered.model_ref.to_string()));
                trace::tell("cost.nano_usd", Attr::Count(answered.cost().0));
                trace::tell("tries", Attr::Count(i64::try_from(answered.attempts.len()).unwrap_or(i64::MAX)));
            }
            answer
        });
        match trace::part(self.engine, "model call", &key, called).await {
            Ok(answered) => {
                let given = Given { begun: &row, group: &group, permit: &permit, answered: &answered, expected };
                self.answered(&given).await
            }
            Err(failure) => self.unanswered(&permit, &failure, row.attempts, expected).await,
        }
    }

    /// Ends this claim without a step; who stopped the run lets it go on.
    async fn rest(&self, mut tx: ProjectTx) -> Result<Pace> {
        tx.release(self.claim, Release::Done).await?;
        self.engine.commit(tx).await?;
        Ok(Pace::Rest)
    }

    /// The call does not fit into the limits: the story is stopped in a transaction of its own, without the step.
    async fn halt(&self, expected: i64, cause: &str) -> Result<Pace> {
        let mut tx = self.begin().await?;
        let policy = &self.site.rules.policy;
        if guard::charge(&mut tx, policy, self.row.subject, What::Tokens, expected, cause, self.engine.clock.now()).await? {
            // Somebody else's estimate was corrected a moment ago: there is room after all.
            tx.rollback().await?;
            return Ok(Pace::On);
        }
        tx.request_stop(self.row.id).await?;
        self.rest(tx).await
    }

    /// A call that was sent and whose answer was lost may be begun once more, like one that a crash cut off; the next try reserves anew.
    fn may_repeat(failure: &TotalFailure, begun: i64) -> bool {
        failure.lost && begun < MAX_BEGINNINGS
    }

    fn request(&self, talk: Talk) -> ChatRequest {
        ChatRequest {
            meta: CallMeta {
                project: self.site.project.id,
                subject: self.row.subject,
                run: self.row.id,
                agent: self.start.agent.clone(),
                purpose: self.start.purpose.as_str().into(),
                round: self.start.round,
            },
            model: String::new(),
            system: self.prepared.system.clone(),
            messages: talk.messages,
            tools: crate::tool::specs(&self.kind.tools, &ToolScope { finish_schema: self.finish_schema() }),
            max_tokens: self.kind.caps.max_reply_tokens,
        }
    }

    async fn answered(&mut self, given: &Given<'_>) -> Result<Pace> {
        let mut kept = self.keep_answer(given).await;
        for pause in HELD {
            match &kept {
                Err(error) if error.is_transient() => tokio::time::sleep(Duration::from_millis(pause)).await,
                _ => break,
            }
            kept = match self.kept_after_all(given.begun.seq).await {
                Ok(Some(step)) => Ok(step),
                Ok(None) => self.keep_answer(given).await,
                Err(error) => Err(error),
            };
        }
        self.steps.push(kept?);
        Ok(Pace::On)
    }

    /// The step, where a commit went through whose confirmation was lost.
    async fn kept_after_all(&self, seq: i64) -> Result<Option<StepRow>> {
        let mut tx = self.begin().await?;
        let step = tx.steps(self.row.id).await?.into_iter().find(|step| step.seq == seq && step.state == StepState::Done);
        tx.rollback().await?;
        Ok(step)
    }

    async fn keep_answer(&self, given: &Given<'_>) -> Result<StepRow> {
        let Given { begun, group, permit, answered, expected } = *given;
        let seq = begun.seq;
        let cost = answered.cost();
        let reply = serde_json::to_value(&answered.reply)?;
        let usage = serde_json::to_value(answered.reply.usage)?;
        let used = answered.reply.usage;
        let used = i64::try_from(used.input + used.output + used.cache_read + used.cache_write).unwrap_or(i64::MAX);
        let mut tx = self.begin().await?;
        guard::correct(&mut tx, self.row.subject, What::Tokens, used - expected).await?;
        tx.settle(permit.id, cost, &usage).await?;
        let step = StepResult { result: reply.clone(), changes: None, tree: None, cost };
        tx.finish_step(self.row.id, seq, &step).await?;
        let payload = json!({
            "step": seq,
            "group": group,
            "cheaper": group != self.kind.model_group,
            "model": answered.model_ref.to_string(),
            "request_sha256": begun.input_hash,
            "reply_sha256": sha256_hex(serde_json::to_vec(&reply)?),
            "usage": usage,
            "cost_nano_usd": cost.0.to_string(),
            "price_known": answered.price.is_known(),
            "attempts": answered.attempts.len(),
        });
        tx.append(RUNS, self.row.id.0, None, &[self.event("model.called", payload)]).await?;
        self.engine.commit(tx).await?;
        Ok(finished(begun.clone(), step, self.engine.clock.now()))
    }

    async fn unanswered(&mut self, permit: &Reserved, failure: &TotalFailure, begun: i64, expected: i64) -> Result<Pace> {
        let mut tx = self.begin().await?;
        // A call whose answer was lost may have been worked on; one that was refused used nothing.
        if !failure.lost {
            guard::correct(&mut tx, self.row.subject, What::Tokens, -expected).await?;
        }
        tx.settle(permit.id, failure.cost(), &json!({})).await?;
        let payload = json!({"group": failure.group, "attempts": failure.attempts.len(), "cost_nano_usd": failure.cost().0.to_string()});
        tx.append(RUNS, self.row.id.0, None, &[self.event("model.failed", payload)]).await?;
        self.engine.commit(tx).await?;
        if Self::may_repeat(failure, begun) {
            return Ok(Pace::On);
        }
        let text = self.engine.redactor.mask(&failure.to_string());
        self.give_up(text, None).await
    }
}
