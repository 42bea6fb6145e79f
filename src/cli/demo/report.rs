//! The end of a demo: what happened, read from the forge, and the record, verified from the audit repository alone.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::base::{Clock, Nano};
use crate::domain::audit::verify::Scope;
use crate::domain::audit::{Report, verify_files};
use crate::git::read_repo_at;
use crate::store::{Project, Store, StoreUrl};

use super::people::{People, Played};
use super::story::{self, Story};

/// How long the record may take to reach its repository after the last event.
const RECORD_PATIENCE: Duration = Duration::from_secs(30);

/// Everything there is to say at the end.
pub struct Ending {
    pub ok: bool,
    pub issue: i64,
    stages: Vec<String>,
    pub pull: i64,
    merged: bool,
    head: String,
    commits: usize,
    comments: usize,
    entries: u64,
    chain_head: String,
    verified: bool,
    repo: PathBuf,
    model: String,
    cost: Nano,
}

/// Reads the ending and verifies the record.
pub async fn end(dir: &Path, story: &Story, played: Played, people: &People, model: &str) -> Result<Ending> {
    let store = Store::open(&StoreUrl::Sqlite(dir.join("bot").join("syndarix.db")), Clock::System).await?;
    let project =
        store.projects().await?.into_iter().find(|project| project.path == story.repo).context("the bot does not know its project")?;
    settle(&store, &project).await?;
    let cost = cost(&store, &project).await?;
    store.close().await;
    let repo = dir.join("bot").join("record").join(format!("{}.git", project.id));
    let report = verify_files(read_repo_at(&repo, None)?, Scope::default());
    let (entries, chain_head) = summary(&report);
    let pull = people.get(&format!("pulls/{}", played.pull)).await?;
    let stages = stages(people, played.issue).await?;
    let merged = pull["merged"] == true;
    let wanted = ["analysis", "design", "implementation", "review", "testing", "done"];
    Ok(Ending {
        ok: merged && report.holds() && !report.is_empty() && wanted.iter().all(|stage| stages.iter().any(|seen| seen == stage)),
        issue: played.issue,
        stages,
        pull: played.pull,
        merged,
        head: pull["head"]["sha"].as_str().unwrap_or_default().to_owned(),
        commits: count(&people.get(&format!("pulls/{}/commits?limit=50", played.pull)).await?, |_| true),
        comments: bot_comments(people, played.issue).await? + bot_comments(people, played.pull).await?,
        entries,
        chain_head,
        verified: report.holds(),
        repo,
        model: model.to_owned(),
        cost,
    })
}

/// Waits until the bot has nothing left to do and its record is pushed.
pub(super) async fn settle(store: &Store, project: &Project) -> Result<()> {
    let quiet = async {
        loop {
            let quiet = store.quiet().await?;
            let head = store.chain_head(project.id).await?.map_or(0, |row| row.seq + 1);
            let pushed = store.audit_pushed(project.id).await?.next_seq;
            if quiet.due == 0 && quiet.leased == 0 && quiet.later == 0 && head == pushed {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    match tokio::time::timeout(RECORD_PATIENCE, quiet).await {
        Ok(done) => done,
        Err(_) => bail!("the record did not reach its repository within 30 seconds; start the demo again to go on from here"),
    }
}

async fn cost(store: &Store, project: &Project) -> Result<Nano> {
    let mut tx = store.begin_read(project.id).await?;
    let mut cost = Nano::ZERO;
    for subject in tx.subjects("story").await? {
        let spent = tx.spent(subject.id).await?;
        cost += spent.spent + spent.reserved;
    }
    tx.rollback().await?;
    Ok(cost)
}

pub(super) fn summary(report: &Report) -> (u64, String) {
    let head = report.chains.first().map(|chain| chain.summary.head.clone());
    (report.entries(), head.unwrap_or_default())
}

/// The stages in the order in which their labels were put on, from the issue's timeline.
async fn stages(people: &People, issue: i64) -> Result<Vec<String>> {
    let timeline = people.get(&format!("issues/{issue}/timeline?limit=50")).await?;
    let mut stages: Vec<String> = Vec::new();
    for event in timeline.as_array().into_iter().flatten().filter(|event| event["type"] == "label" && event["body"] == "1") {
        let stage = event["label"]["name"].as_str().and_then(story::stage).unwrap_or_default();
        if !stage.is_empty() && !stages.iter().any(|seen| seen == stage) {
            stages.push(stage.to_owned());
        }
    }
    Ok(stages)
}

async fn bot_comments(people: &People, number: i64) -> Result<usize> {
    let comments = people.get(&format!("issues/{number}/comments")).await?;
    // Where a forge has no reviews, theirs are comments, too.
    let is_review = |comment: &Value| comment["body"].as_str().is_some_and(|body| body.contains("<!-- syndarix:v1 review "));
    Ok(count(&comments, |comment| comment["user"]["login"] == "syndarix" && !is_review(comment)))
}

fn count(list: &Value, wanted: impl Fn(&Value) -> bool) -> usize {
    list.as_array().map_or(0, |list| list.iter().filter(|item| wanted(item)).count())
}

impl Ending {
    /// The object of `--json`.
    pub fn json(&self) -> Value {
        json!({
            "ok": self.ok,
            "stages": self.stages,
            "pull": {"number": self.pull, "merged": self.merged, "head": self.head},
            "commits": self.commits,
            "comments": self.comments,
            "audit": {"entries": self.entries, "head": self.chain_head, "verified": self.verified, "repo": self.repo},
            "model": self.model,
            "cost_micro_usd": self.cost.micro_usd(),
        })
    }

    /// The same for people.
    pub fn print(&self) {
        println!();
        println!("Stages      {}", self.stages.join(" → "));
        let s = if self.commits == 1 { "" } else { "s" };
        println!(
            "Pull        {}, {} commit{s}, {}",
            crate::domain::forge::mention(self.pull),
            self.commits,
            if self.merged { "merged" } else { "not merged" }
        );
        let model = if self.model == "scripted" { "scripted model, nothing was bought" } else { &self.model };
        println!("Cost        {} ({model})", self.cost);
        let verdict = if self.verified { "holds" } else { "DOES NOT HOLD" };
        println!("Record      {} entries, chain {verdict}", self.entries);
        println!("            check it yourself: syndarix audit verify --repo {}", self.repo.display());
        if !self.ok {
            println!(
                "The story did not come to its end as it should. Start the demo again to go on from here, or with --fresh to start over."
            );
        }
    }
}
