//! What the bot's own books must say at the end of every story.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use syndarix::base::{Clock, Nano};
use syndarix::domain::audit::verify::Scope;
use syndarix::domain::audit::verify_files;
use syndarix::engine::agent_run::RUNS;
use syndarix::engine::invariants;
use syndarix::engine::perform::EFFECTS;
use syndarix::engine::turn::{NOTES, SUBJECT};
use syndarix::git::read_repo_at;
use syndarix::store::{DeliveryFilter, DeliveryState, IntentState, Project, ProjectTx, StepState, Store, StoreUrl, SubjectRow};

/// The bot's store, looked at from outside.
pub struct Books {
    store: Store,
    project: Project,
}

/// What the books of a story hold, as far as it is the same whenever the story went the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booked {
    /// Type, purpose, round and number of answered model calls of each run.
    pub runs: Vec<String>,
    /// Agents with their types.
    pub names: Vec<(String, String)>,
}

impl Books {
    /// Opens the store of the bot that works on this repository.
    pub async fn open(dir: &Path, repo: &str) -> Result<Books> {
        Books::over(Store::open(&StoreUrl::Sqlite(dir.join("bot").join("syndarix.db")), Clock::System).await?, repo).await
    }

    /// The books of one repository in a store.
    pub async fn over(store: Store, repo: &str) -> Result<Books> {
        let project =
            store.projects().await?.into_iter().find(|project| project.path == repo).context("the bot does not know its project")?;
        Ok(Books { store, project })
    }

    /// The project's id.
    #[allow(dead_code, reason = "asked by the tests of several instances")]
    pub fn project(&self) -> syndarix::base::ids::ProjectId {
        self.project.id
    }

    /// Whether the bot has nothing left to do and all of its record is pushed.
    pub async fn is_settled(&self) -> Result<bool> {
        let quiet = self.store.quiet().await?;
        let head = self.store.chain_head(self.project.id).await?.map_or(0, |row| row.seq + 1);
        let pushed = self.store.audit_pushed(self.project.id).await?.next_seq;
        Ok(quiet.due == 0 && quiet.leased == 0 && quiet.later == 0 && head == pushed)
    }

    /// What is left to do, in words.
    pub async fn rest(&self) -> String {
        let pushed = self.store.audit_pushed(self.project.id).await.map(|at| at.next_seq).unwrap_or_default();
        format!("{:?}, record pushed up to {pushed}", self.store.quiet().await)
    }

    /// Waits until the bot has nothing left to do.
    pub async fn settled(&self, patience: Duration) -> Result<()> {
        let wait = async {
            while !self.is_settled().await? {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok(())
        };
        match tokio::time::timeout(patience, wait).await {
            Ok(done) => done,
            Err(_) => bail!("the bot did not come to rest: {}", self.rest().await),
        }
    }

    /// Checks everything that must hold whatever happened on the way. `kills`: how often the bot was ended by force.
    pub async fn audit(&self, dir: &Path, kills: usize) -> Result<Booked> {
        let (booked, rows) = self.rows(kills).await?;
        let report =
            verify_files(read_repo_at(&dir.join("bot").join("record").join(format!("{}.git", self.project.id)), None)?, Scope::default());
        ensure!(report.holds(), "the chain does not verify: {report:?}");
        ensure!(report.entries() == rows as u64, "the record holds {} entries, the journal {rows} rows", report.entries());
        Ok(booked)
    }

    /// The same for the database alone; gives how many entries the record must have.
    pub async fn rows(&self, kills: usize) -> Result<(Booked, usize)> {
        ensure!(self.is_settled().await?, "something is still leased, due or not pushed: {}", self.rest().await);
        let unread = DeliveryFilter { state: Some(DeliveryState::Received), ..DeliveryFilter::default() };
        ensure!(self.store.list_deliveries(&unread, 10).await?.is_empty(), "the inbox holds unread deliveries");
        let failed = DeliveryFilter { state: Some(DeliveryState::Failed), ..DeliveryFilter::default() };
        ensure!(self.store.list_deliveries(&failed, 10).await?.is_empty(), "the inbox holds deliveries that could not be read");
        let mut tx = self.store.begin_read(self.project.id).await?;
        let mut rows = tx.events(NOTES, self.project.id.0).await?.len();
        let mut booked = Booked { runs: Vec::new(), names: Vec::new() };
        for kind in ["story", "pull"] {
            for subject in tx.subjects(kind).await? {
                rows += subject_rows(&mut tx, &subject, kills, &mut booked).await?;
            }
        }
        tx.rollback().await?;
        let violations = invariants::check_books(&self.store, &self.project, Nano::from_usd(5.0)).await?;
        ensure!(violations.is_empty(), "{}", violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
        Ok((booked, rows))
    }

    /// Lets go of the database.
    pub async fn close(self) {
        self.store.close().await;
    }
}

async fn subject_rows(tx: &mut ProjectTx, subject: &SubjectRow, kills: usize, booked: &mut Booked) -> Result<usize> {
    let number = subject.number;
    let mut rows = tx.events(SUBJECT, subject.id.0).await?.len() + tx.events(NOTES, subject.id.0).await?.len();
    let effects = tx.events(EFFECTS, subject.id.0).await?;
    rows += effects.len();
    let mut receipts = BTreeSet::new();
    for effect in &effects {
        ensure!(receipts.insert(effect.target.to_string()), "#{number}: an effect ended twice: {}", effect.target);
        ensure!(!effect.kind.ends_with(".failed"), "#{number}: an effect failed for good: {} {}", effect.kind, effect.payload);
    }
    for intent in tx.intents(subject.id).await? {
        ensure!(intent.state != IntentState::Parked, "#{number}: an intent was set aside: {} {:?}", intent.source_key, intent.note);
        ensure!(intent.state != IntentState::Pending, "#{number}: an intent was never decided: {}", intent.source_key);
    }
    ensure!(tx.pending_effects(subject.id).await?.is_empty(), "#{number}: an effect was never performed");
    let mut called = BTreeSet::new();
    for run in tx.runs(subject.id).await? {
        let events = tx.events(RUNS, run.id.0).await?;
        rows += events.len();
        for event in
            events.iter().filter(|event| matches!(event.kind.as_str(), "model.called" | "tool.called" | "run.started" | "run.ended"))
        {
            let name = format!("{} {} {}", run.id, event.kind, event.payload["step"]);
            ensure!(called.insert(name.clone()), "#{number}: recorded twice: {name}");
        }
        let answered = tx.steps(run.id).await?.into_iter().filter(|step| step.name == "model" && step.state == StepState::Done).count();
        let recorded = events.iter().filter(|event| event.kind == "model.called").count();
        ensure!(answered == recorded, "#{number}: {} has {answered} answered model calls, its record {recorded}", run.id);
        booked.runs.push(format!("{} {} round {}: {answered} calls, {:?}", run.agent_kind, run.purpose, run.round, run.state));
    }
    let open = tx.ledger(subject.id).await?.into_iter().filter(|row| row.actual.is_none()).count();
    ensure!(open <= kills, "#{number}: {open} model calls were never settled, with {kills} kills");
    booked.names.extend(tx.agents(subject.id).await?.into_iter().map(|agent| (agent.name, agent.kind)));
    Ok(rows)
}
