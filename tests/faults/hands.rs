//! People act on the forge between any two steps of the program. What they do counts, one comment at most explains, and nothing is stuck
//! without saying so.

use std::cell::RefCell;

use reqwest::Method;
use serde_json::{Value, json};
use syndarix::store::WorkKind;

use super::answers::smooth;
use super::nth::seed;
use super::rules::roll;
use super::stage::through_a_proxy;
use super::world::World;

/// What a person does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Deed {
    TakesTheStageOff,
    PutsAStageOn,
    PausesByLabel,
    ClosesAndReopens,
    EditsTheCommand,
    DeletesTheStatus,
    DeletesTheCommand,
    ForcePushes,
    MergesByHand,
    ClosesThePull,
    DeletesTheIssue,
}

const DEEDS: [Deed; 11] = [
    Deed::TakesTheStageOff,
    Deed::PutsAStageOn,
    Deed::PausesByLabel,
    Deed::ClosesAndReopens,
    Deed::EditsTheCommand,
    Deed::DeletesTheStatus,
    Deed::DeletesTheCommand,
    Deed::ForcePushes,
    Deed::MergesByHand,
    Deed::ClosesThePull,
    Deed::DeletesTheIssue,
];

/// The story so far, and the deed that is still to be done.
struct Play<'a> {
    w: &'a World,
    issue: i64,
    command: i64,
    deed: Deed,
    /// Pieces of work until it is done.
    left: usize,
    steps: usize,
    /// The status comment as it read when somebody deleted it.
    deleted: RefCell<Option<String>>,
}

impl Play<'_> {
    /// Works piece by piece until nothing is left, as [`World::settle`] does; before one of them somebody acts.
    async fn goes_on(&mut self) {
        let w = self.w;
        for _ in 0..2_000 {
            w.sandbox.settled().await;
            if let Some(claim) = w.app.engine.claim(WorkKind::ALL).await.unwrap() {
                if self.left == 0 {
                    self.act().await;
                }
                self.left = self.left.wrapping_sub(1);
                self.steps += 1;
                Box::pin(w.app.engine.work(claim)).await.unwrap();
                continue;
            }
            if w.sandbox.undelivered() > 0 {
                continue;
            }
            match w.app.engine.store.next_due(WorkKind::ALL).await.unwrap() {
                Some(at) => w.clock.advance(((at.0 - w.clock.now().0) / 1_000 + 1).max(1)),
                None => return,
            }
        }
        panic!("{:?}: the program never comes to rest", self.deed);
    }

    /// A person's request; that the forge refuses it (nothing to merge yet, say) is no matter here.
    async fn asks(&self, method: Method, path: &str, body: Value) -> Value {
        self.w.clock.advance(1_000);
        let answer = self.w.alice().request(method, path, &body).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap_or(Value::Null)
    }

    async fn act(&self) {
        let (w, issue) = (self.w, self.issue);
        let pull = w.sandbox.pull_numbers(super::world::REPO).unwrap().last().copied();
        match self.deed {
            Deed::TakesTheStageOff => {
                let labels = self.asks(Method::GET, &format!("issues/{issue}/labels"), Value::Null).await;
                for label in labels
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter(|label| label["name"].as_str().is_some_and(|name| name.starts_with("story/")))
                {
                    self.asks(Method::DELETE, &format!("issues/{issue}/labels/{}", label["id"]), Value::Null).await;
                }
            }
            Deed::PutsAStageOn => drop(self.asks(Method::POST, &format!("issues/{issue}/labels"), json!({"labels": ["story/done"]})).await),
            Deed::PausesByLabel => {
                let issue = &format!("issues/{issue}/labels");
                self.asks(Method::POST, issue, json!({"labels": ["syndarix/paused"]})).await;
            }
            Deed::ClosesAndReopens => {
                for state in ["closed", "open"] {
                    self.asks(Method::PATCH, &format!("issues/{issue}"), json!({"state": state})).await;
                }
            }
            Deed::EditsTheCommand => {
                let body = json!({"body": "/syndarix plan only the cart\n/syndarix ping"});
                self.asks(Method::PATCH, &format!("issues/comments/{}", self.command), body).await;
            }
            Deed::DeletesTheCommand => drop(self.asks(Method::DELETE, &format!("issues/comments/{}", self.command), Value::Null).await),
            Deed::DeletesTheStatus => {
                if let Some((id, body)) = self.status_comment().await {
                    *self.deleted.borrow_mut() = Some(body);
                    self.as_admin(Method::DELETE, &format!("issues/comments/{id}"), Value::Null).await;
                }
            }
            Deed::ForcePushes => self.force_push().await,
            Deed::MergesByHand => {
                if let Some(pull) = pull {
                    self.as_admin(Method::PATCH, &format!("pulls/{pull}"), json!({"title": "By hand"})).await;
                    self.as_admin(Method::POST, &format!("pulls/{pull}/merge"), json!({"Do": "merge"})).await;
                }
            }
            Deed::ClosesThePull => {
                if let Some(pull) = pull {
                    self.asks(Method::PATCH, &format!("pulls/{pull}"), json!({"state": "closed"})).await;
                }
            }
            Deed::DeletesTheIssue => drop(self.as_admin(Method::DELETE, &format!("issues/{issue}"), Value::Null).await),
        }
    }

    async fn as_admin(&self, method: Method, path: &str, body: Value) -> Value {
        self.w.clock.advance(1_000);
        let answer = self.w.mona().request(method, path, &body).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap_or(Value::Null)
    }

    async fn status_comment(&self) -> Option<(i64, String)> {
        let comments = self.asks(Method::GET, &format!("issues/{}/comments", self.issue), Value::Null).await;
        let status =
            comments.as_array()?.iter().find(|comment| comment["body"].as_str().is_some_and(|body| body.contains("### Syndarix")))?;
        Some((status["id"].as_i64()?, status["body"].as_str()?.to_owned()))
    }

    /// A deleted status comment comes back with the next change of what it says. That it did not means that there was none since, and
    /// whoever misses it is told the same by `status`.
    async fn nothing_was_missed(&mut self, page: &str) {
        let deleted = self.deleted.take().unwrap_or_else(|| panic!("there never was a status comment: {page}"));
        let said = deleted.split("<!--").next().unwrap_or_default().trim().to_owned();
        let path = format!("issues/{}/comments", self.issue);
        self.asks(Method::POST, &path, json!({"body": "/syndarix status"})).await;
        self.goes_on().await;
        let comments = self.asks(Method::GET, &path, Value::Null).await;
        let answer = comments.as_array().and_then(|all| all.last()?["body"].as_str().map(str::to_owned)).unwrap_or_default();
        assert!(answer.contains(&said), "the status changed and did not come back:\n{said}\n---\n{answer}");
    }

    /// Somebody rewrites the branch: its first commit is gone, another stands in its place.
    async fn force_push(&self) {
        let w = self.w;
        let branch = w.sandbox.pull_numbers(super::world::REPO).unwrap().last().copied();
        let Some(pull) = branch else { return };
        let branch = w.get(&format!("pulls/{pull}")).await["head"]["ref"].as_str().unwrap().to_owned();
        let url = w.sandbox.url().replace("http://", &format!("http://alice:{}@", w.token("alice")));
        let work = tempfile::tempdir().unwrap();
        let script = format!(
            "git clone --quiet --branch {branch} {url}/{}.git {}/tree && cd {}/tree && git -c user.name=alice -c user.email=alice@example.invalid \
             commit --quiet --amend -m rewritten && git push --quiet --force origin {branch}",
            super::world::REPO,
            work.path().display(),
            work.path().display()
        );
        let run = move || {
            std::process::Command::new("sh")
                .args(["-c", &script])
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .env("GIT_TERMINAL_PROMPT", "0")
                .output()
        };
        // A branch that was just deleted cannot be rewritten, and need not be.
        drop(tokio::task::spawn_blocking(run).await.unwrap().unwrap());
    }
}

/// Plays the main story with one deed before its k-th piece of work; gives how many pieces there were, and what was said.
async fn plays(deed: Deed, k: usize) -> (usize, usize) {
    let mut told = (0, 0);
    let mut play = async |w: &World| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        let command = w.alice().comments(issue, "/syndarix plan").await;
        let mut play = Play { w, issue, command, deed, left: k, steps: 0, deleted: RefCell::default() };
        play.goes_on().await;
        if let Some(pull) = w.sandbox.pull_numbers(super::world::REPO).unwrap().last().copied() {
            play.asks(Method::POST, &format!("issues/{pull}/comments"), json!({"body": "/syndarix approve"})).await;
            play.goes_on().await;
            let head = w.head_of(pull).await;
            w.clock.advance(1_000);
            let review = json!({"event": "APPROVED", "body": "", "commit_id": head});
            let _ = w.bob().request(Method::POST, &format!("pulls/{pull}/reviews"), &review).send().await.unwrap();
            play.goes_on().await;
        }
        if deed == Deed::DeletesTheStatus && play.status_comment().await.is_none() {
            play.nothing_was_missed(&w.page(issue)).await;
        }
        let said = w.sandbox.page(super::world::REPO, issue).map_or(0, |page| page.matches("--- syndarix").count());
        told = (play.steps, said);
        let violations = w.violations().await;
        let words: Vec<String> = violations.iter().map(ToString::to_string).collect();
        assert!(
            violations.is_empty(),
            "{deed:?} before piece {k}:\n{}\n{}",
            words.join("\n"),
            w.sandbox.page(super::world::REPO, issue).unwrap_or_default()
        );
    };
    let proxy = super::proxy::Proxy::start().await;
    let between = {
        let proxy = proxy.clone();
        move |url: &str| proxy.leads_to(url)
    };
    let setup = super::world::Setup {
        between: Some(Box::new(between)),
        timeouts: Some(super::stage::TIMEOUTS),
        ..super::world::Setup::from(smooth())
    };
    let w = Box::pin(World::new(setup)).await;
    Box::pin(play(&w)).await;
    told
}

/// A sample of moments for each deed; all of them with `SYNDARIX_FAULTS=full`.
#[tokio::test]
async fn f18_people_act_between_any_two_steps() {
    let all = syndarix::config::Env::process().get("SYNDARIX_FAULTS") == Some("full");
    let (steps, usual) = plays(Deed::DeletesTheStatus, usize::MAX).await;
    let mut dice = seed();
    let mut left_out = 0;
    let mut failures = Vec::new();
    for deed in DEEDS {
        let moments: Vec<usize> = if all { (0..steps).collect() } else { (0..2).map(|_| roll(&mut dice) as usize % steps).collect() };
        left_out += steps - moments.len();
        for k in moments {
            let run = tokio::task::spawn_blocking(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(Box::pin(plays(deed, k)))
            });
            match run.await {
                Ok((_, said)) if said > usual + 2 => {
                    failures.push(format!("{deed:?} before piece {k}: {said} comments instead of {usual}"))
                }
                Ok(_) => {}
                Err(error) => failures.push(format!(
                    "{deed:?} before piece {k}: {}",
                    error.into_panic().downcast_ref::<String>().cloned().unwrap_or_default()
                )),
            }
        }
    }
    super::say(&format!(
        "people acted before {} of {steps} pieces of work for each of {} deeds (seed {})",
        if all { steps } else { 2 },
        DEEDS.len(),
        seed()
    ));
    if left_out > 0 {
        super::say(&format!("left out: {left_out} moments; SYNDARIX_FAULTS=full plays all"));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[tokio::test]
async fn f18_a_deleted_status_comment_is_made_again() {
    through_a_proxy(smooth(), async |w, _| {
        let issue = w.story_is_planned().await;
        let play = Play { w, issue, command: 0, deed: Deed::DeletesTheStatus, left: 0, steps: 0, deleted: RefCell::default() };
        play.act().await;
        w.settle().await;
        w.alice().comments(w.pull(), "/syndarix approve").await;
        w.settle().await;
        w.bob().approves(w.pull()).await;
        w.settle().await;
        assert!(w.page(issue).contains("### Syndarix") && w.page(issue).contains("[closed]"), "{}", w.page(issue));
    })
    .await;
}
