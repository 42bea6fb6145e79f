//! The end of the linked demo: both sides laid beside each other, and the record.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::base::Clock;
use crate::domain::audit::verify::Scope;
use crate::domain::audit::verify_files;
use crate::domain::forge::mention;
use crate::domain::mirror::Side::{Here, There};
use crate::git::read_repo_at;
use crate::store::{Store, StoreUrl};

use super::super::report::{settle, summary};
use super::ground::Ground;
use super::shown::Shown;
use super::story::{Pair, Story};

/// An issue with both its sides.
struct Issue {
    pair: Pair,
    here: Shown,
    there: Shown,
    differs: Vec<String>,
}

/// Everything there is to say at the end.
pub struct Ending {
    pub ok: bool,
    issues: Vec<Issue>,
    /// Issues of one side alone.
    strays: Vec<String>,
    /// Edits that lost and were told to those who made them.
    conflicts: usize,
    /// Issues that somebody's command has set the bot to work on.
    commands_run: usize,
    entries: u64,
    chain_head: String,
    verified: bool,
    repo: PathBuf,
    places: Value,
}

impl Ending {
    /// Waits until nothing is left to do, then reads both forges and the record.
    pub async fn read(dir: &Path, ground: &Ground, pairs: &[Pair]) -> Result<Ending> {
        let store = Store::open(&StoreUrl::Sqlite(dir.join("bot").join("syndarix.db")), Clock::System).await?;
        let path = ground.at(Here).repo;
        let project =
            store.projects().await?.into_iter().find(|project| project.path == path).context("the bot does not know its project")?;
        settle(&store, &project).await?;
        store.close().await;
        let story = Story { ground };
        let mut issues = Vec::new();
        for pair in pairs {
            let (here, there) = (story.shown(Here, pair.here).await?, story.shown(There, pair.there).await?);
            issues.push(Issue { pair: *pair, differs: here.differs(&there), here, there });
        }
        let mut strays = Vec::new();
        for side in [Here, There] {
            let known = |number| pairs.iter().any(|pair| number == if side == Here { pair.here } else { pair.there });
            let alone =
                ground.issues(side).await?.into_iter().filter_map(|issue| issue["number"].as_i64()).filter(|number| !known(*number));
            strays.extend(alone.map(|number| format!("{}{}", ground.at(side).repo, mention(number))));
        }
        let both = || issues.iter().flat_map(|issue| [&issue.here, &issue.there]);
        let conflicts = both().flat_map(|shown| &shown.notices).filter(|notice| notice.contains("What was here before:")).count();
        let commands_run = both().filter(|shown| shown.worked_on).count();
        let repo = dir.join("bot").join("record").join(format!("{}.git", project.id));
        let report = verify_files(read_repo_at(&repo, None)?, Scope::default());
        let (entries, chain_head) = summary(&report);
        let verified = report.holds() && !report.is_empty();
        let in_step = strays.is_empty() && issues.iter().all(|issue| issue.differs.is_empty());
        let place = |side| {
            let place = ground.at(side);
            json!({"kind": place.skin.name(), "repo": place.repo})
        };
        Ok(Ending {
            ok: in_step && conflicts == 1 && commands_run == 0 && verified,
            strays,
            conflicts,
            commands_run,
            entries,
            chain_head,
            verified,
            repo,
            places: json!({"here": place(Here), "there": place(There)}),
            issues,
        })
    }

    /// The object of `--json`.
    pub fn json(&self) -> Value {
        let issue = |one: &Issue| {
            json!({
                "here": one.pair.here, "there": one.pair.there, "title": one.here.title, "state": one.here.state,
                "labels": one.here.labels, "comments": one.here.comments.len(), "differs": one.differs,
            })
        };
        json!({
            "ok": self.ok, "here": self.places["here"], "there": self.places["there"],
            "issues": self.issues.iter().map(issue).collect::<Vec<_>>(), "strays": self.strays,
            "conflicts": self.conflicts, "commands_run": self.commands_run,
            "audit": {"entries": self.entries, "head": self.chain_head, "verified": self.verified, "repo": self.repo},
        })
    }

    /// The same for people.
    pub fn print(&self, ground: &Ground) {
        println!("\nSide by side");
        for issue in &self.issues {
            let (here, there) = (
                format!("{}{}", ground.at(Here).repo, mention(issue.pair.here)),
                format!("{}{}", ground.at(There).repo, mention(issue.pair.there)),
            );
            println!("  {here:<14} {there:<15} {}", if issue.differs.is_empty() { "in step" } else { "NOT IN STEP" });
            let labels: Vec<&str> = issue.here.labels.iter().map(String::as_str).collect();
            let labels = if labels.is_empty() { String::new() } else { format!(", {}", labels.join(", ")) };
            println!("    “{}”, {}{labels}, comments by people: {}", issue.here.title, issue.here.state, issue.here.comments.len());
            for differs in &issue.differs {
                println!("    differs in {differs}");
            }
        }
        for stray in &self.strays {
            println!("  {stray} stands on one side alone");
        }
        if self.conflicts != 1 {
            println!("  {} edits that lost were told of instead of one", self.conflicts);
        }
        if self.commands_run > 0 {
            println!("  A COMMAND FROM THE OTHER SIDE WAS RUN");
        }
        let verdict = if self.verified { "holds" } else { "DOES NOT HOLD" };
        println!("Record      {} entries, chain {verdict}", self.entries);
        println!("            check it yourself: syndarix audit verify --repo {}", self.repo.display());
        match self.ok {
            true => println!("Both sides say the same."),
            false => {
                println!("The two did not come to the end as they should; what differs is named above. Start the demo again to begin anew.")
            }
        }
    }
}
