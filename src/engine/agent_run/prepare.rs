//! The first step of a run: the base is fixed and the brief is written, once. A restart reads them from the row, so that what the
//! model was told does not change under its feet.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::base::text::sha256_hex;
use crate::domain::agent::{AgentKind, Brief, Finding, IssueBrief, OpenFinding, Outcome, Purpose, Said, Severity, Trust};
use crate::domain::command::{self, ParseContext};
use crate::domain::forge::{Comment, Sha, User, Verdict};
use crate::domain::marker;
use crate::domain::mirror::words;
use crate::domain::path::RepoPath;
use crate::domain::workflow::effect::StartRun;
use crate::git::{BranchName, Mirror};
use crate::store::{Claim, RunRow, RunState, StepResult, StepRow, StepState};

use super::super::gather::{criteria_of, outcome_of};
use super::super::world::Site;
use super::super::{Engine, EngineError, Result};
use super::finish::plan_path;
use super::merging::{self, Merging};
use super::{RUNS, run_event};

/// Most paths of the repository that are named to an agent.
const FILES_MAX: usize = 300;
/// Most reviews whose comments are given as context.
const REMARKS_MAX: usize = 20;

/// What a run starts from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Prepared {
    pub base: Sha,
    /// What the change is compared with, for runs that judge one.
    #[serde(default)]
    pub compare: Option<Sha>,
    /// What is merged into the base, for runs that resolve conflicts; `tree` then holds both sides.
    #[serde(default)]
    pub merging: Option<Merging>,
    pub tree: String,
    pub system: String,
    pub task: String,
    /// How many findings the brief holds; each wants an answer.
    #[serde(default)]
    pub findings: u32,
    /// The agent type as it was then; a run that began with an older program has none.
    #[serde(default)]
    pub kind: Option<AgentKind>,
}

/// The agent type that a run began as; `None`: it has not begun, or does not say.
pub(super) fn begun_as(steps: &[StepRow]) -> Result<Option<AgentKind>> {
    let begun = steps.first().and_then(|step| step.result.clone());
    Ok(begun.map(serde_json::from_value::<Prepared>).transpose()?.and_then(|prepared| prepared.kind))
}

/// Gathers and records; gives the recorded row.
pub(super) async fn prepare(
    engine: &Engine,
    claim: &Claim,
    site: &Site<'_>,
    row: &RunRow,
    start: &StartRun,
    kind: &AgentKind,
    mirror: &Mirror,
) -> Result<StepRow> {
    mirror.fetch(&site.remote()).await?;
    let base = base_of(mirror, start).await?;
    engine.bring(site, mirror, &base).await?;
    let mut brief = Briefing { engine, site, row, start, mirror, base: &base, roles: BTreeMap::new() }.write().await?;
    let (tree, merging) = match merging::merge(mirror, start, &base).await? {
        Some((tree, merging)) => {
            brief.conflicts = merging::briefs(mirror, &tree, &merging).await?;
            (tree, Some(merging))
        }
        None => (mirror.tree_of(&base).await?, None),
    };
    let prompt = site.team.rules.prompts.render(kind, &brief).map_err(|error| EngineError::Setup(error.to_string()))?;
    let compare = compare_with(mirror, start, &base).await?;
    let findings = u32::try_from(brief.findings.len()).unwrap_or(u32::MAX);
    let prepared =
        Prepared { base, compare, merging, tree: tree.0, system: prompt.system, task: prompt.user, findings, kind: Some(kind.clone()) };
    let value = serde_json::to_value(&prepared)?;
    let mut tx = engine.store.begin(site.project.id).await?;
    tx.guard(claim).await?;
    let begun = tx.begin_step(row.id, 0, "prepare", &start.run.to_string()).await?;
    let row_now = if begun.state == StepState::Done {
        begun
    } else {
        let payload = json!({
            "purpose": start.purpose.as_str(),
            "base": prepared.base,
            "tree": prepared.tree,
            "brief_sha256": sha256_hex(serde_json::to_vec(&value)?),
        });
        tx.append(RUNS, row.id.0, None, &[run_event(engine, row, start, "run.started", payload)]).await?;
        tx.set_run(row.id, RunState::Running, None, engine.clock.now()).await?;
        let result = StepResult { result: value, changes: None, tree: None, cost: crate::base::Nano::ZERO };
        tx.finish_step(row.id, 0, &result).await?;
        super::finished(begun, result, engine.clock.now())
    };
    engine.commit(tx).await?;
    Ok(row_now)
}

/// The commit to work on: the story's own head, or the base branch as it is now.
async fn base_of(mirror: &Mirror, start: &StartRun) -> Result<Sha> {
    if let Some(base) = &start.input.base {
        return Ok(base.clone());
    }
    let branch = BranchName::parse(&start.input.base_branch).map_err(|error| EngineError::Setup(error.to_string()))?;
    let head = mirror.branch_head(&branch).await?;
    head.ok_or_else(|| EngineError::Setup(format!("the branch `{}` is not there any more", start.input.base_branch)))
}

/// Where the branch left the base branch, for a review of all that has come since.
async fn compare_with(mirror: &Mirror, start: &StartRun, base: &Sha) -> Result<Option<Sha>> {
    if start.purpose != Purpose::Review {
        return Ok(None);
    }
    let branch = BranchName::parse(&start.input.base_branch).map_err(|error| EngineError::Setup(error.to_string()))?;
    match mirror.branch_head(&branch).await? {
        Some(head) => Ok(mirror.merge_base(&head, base).await?),
        None => Ok(None),
    }
}

struct Briefing<'a> {
    engine: &'a Engine,
    site: &'a Site<'a>,
    row: &'a RunRow,
    start: &'a StartRun,
    mirror: &'a Mirror,
    base: &'a Sha,
    roles: BTreeMap<i64, Trust>,
}

impl Briefing<'_> {
    async fn write(mut self) -> Result<Brief> {
        let forge = &self.site.connection.forge;
        let input = &self.start.input;
        let issue = forge.issue(&self.site.repo, input.issue).await?;
        // A copy is the bot's by its author alone: its words come from people of another place.
        let trust = if self.is_copy(&issue.body) { Trust::Untrusted } else { self.trust(&issue.author).await? };
        let about = IssueBrief { number: issue.number, title: issue.title, body: issue.body, author: issue.author.login, trust };
        let mut brief = Brief::new(self.start.purpose, self.site.repo.path.clone(), self.start.name.clone(), about);
        brief.round = self.start.round;
        brief.merged = match self.start.purpose {
            Purpose::Test => input.base.is_none(),
            // A further pull request of a story whose merged work does not do.
            Purpose::Fix => input.pull.is_none(),
            _ => false,
        };
        brief.thread = self.thread().await?;
        brief.files = self.files().await?;
        brief.plan = self.plan().await?;
        brief.constraints = self.constraints().await?;
        brief.focus = self.focus().await?;
        let earlier = self.earlier().await?;
        brief.criteria = earlier.criteria;
        brief.findings = earlier.findings;
        if self.start.purpose == Purpose::Fix {
            brief.findings.extend(self.asked_changes().await?);
        }
        if matches!(self.start.purpose, Purpose::Fix | Purpose::Review | Purpose::Test | Purpose::Merge) {
            brief.ci = forge.ci(&self.site.repo, self.base).await?;
        }
        Ok(brief)
    }

    /// Whether a text is the copy of what somebody wrote in a linked repository.
    fn is_copy(&self, body: &str) -> bool {
        marker::find(body).is_some_and(|marker| marker.kind == words::MARKER && marker.is_genuine(&self.engine.marker_key))
    }

    async fn trust(&mut self, user: &User) -> Result<Trust> {
        if user.id == self.site.connection.bot.id {
            return Ok(Trust::Bot);
        }
        if let Some(trust) = self.roles.get(&user.id) {
            return Ok(*trust);
        }
        let person = self.site.person(user).await?;
        let trust = match (person.is_bot, person.role) {
            (true, _) => Trust::Bot,
            (false, Some(role)) => Trust::of(role),
            (false, None) => Trust::Untrusted,
        };
        self.roles.insert(user.id, trust);
        Ok(trust)
    }

    /// What people said on the issue and on the pull request, without commands and without the bot's own words, oldest first.
    async fn thread(&mut self) -> Result<Vec<Said>> {
        let mut thread = Vec::new();
        for number in [Some(self.start.input.issue), self.start.input.pull].into_iter().flatten() {
            for comment in self.site.connection.forge.comments(&self.site.repo, number).await? {
                if comment.author.id != self.site.connection.bot.id {
                    thread.extend(self.said(&comment).await?);
                } else if self.is_copy(&comment.body) {
                    let text = words::unframed(&comment.body);
                    thread.push(Said { author: comment.author.login, trust: Trust::Untrusted, at: comment.created_at, text });
                }
            }
        }
        thread.extend(self.remarks().await?);
        thread.sort_by_key(|said| said.at);
        Ok(thread)
    }

    /// Reviews that only comment: they ask for nothing, and are given as context.
    async fn remarks(&mut self) -> Result<Vec<Said>> {
        let Some(number) = self.start.input.pull else { return Ok(Vec::new()) };
        let mut reviews = self.site.connection.forge.reviews(&self.site.repo, number).await?;
        reviews.retain(|review| review.verdict == Verdict::Commented && review.author.id != self.site.connection.bot.id);
        let skip = reviews.len().saturating_sub(REMARKS_MAX);
        let mut remarks = Vec::new();
        for review in reviews.into_iter().skip(skip) {
            let mut text = review.body.clone();
            self.add_lines(&mut text, number, review.id).await?;
            if !text.trim().is_empty() {
                let trust = self.trust(&review.author).await?;
                remarks.push(Said { author: review.author.login, trust, at: review.submitted_at, text });
            }
        }
        Ok(remarks)
    }

    /// Adds a review's comments on lines to its text.
    async fn add_lines(&self, text: &mut String, number: i64, review: i64) -> Result<()> {
        for comment in self.site.connection.forge.review_comments(&self.site.repo, number, review).await? {
            text.push_str(&format!("\n\nOn {}:{}: {}", comment.path, comment.line.unwrap_or(0), comment.body));
        }
        Ok(())
    }

    /// A comment less its commands; `None` when nothing else is in it.
    async fn said(&mut self, comment: &Comment) -> Result<Option<Said>> {
        let parsed = command::parse(&comment.body, &ParseContext { bot_login: &self.site.connection.bot.login });
        let text = parsed.rest.trim().to_owned();
        if text.is_empty() {
            return Ok(None);
        }
        let trust = self.trust(&comment.author).await?;
        Ok(Some(Said { author: comment.author.login.clone(), trust, at: comment.created_at, text }))
    }

    async fn files(&self) -> Result<Vec<String>> {
        let listed = self.mirror.list_files(self.base).await?;
        Ok(listed.into_iter().map(|file| file.path.to_string()).take(FILES_MAX).collect())
    }

    /// The plan as it stands on the branch; once it is removed there, as it was written.
    async fn plan(&self) -> Result<Option<String>> {
        let Ok(path) = RepoPath::parse(&plan_path(self.start.input.issue)) else { return Ok(None) };
        if let Some(bytes) = self.mirror.read_file(self.base, &path).await? {
            return Ok(Some(String::from_utf8_lossy(&bytes).into_owned()));
        }
        let Some(run) = self.start.input.plan else { return Ok(None) };
        let mut tx = self.engine.store.begin_read(self.site.project.id).await?;
        let row = tx.run(run).await?;
        tx.rollback().await?;
        Ok(match outcome_of(&row)? {
            Some(Outcome::Design(design)) => Some(design.plan_markdown),
            _ => None,
        })
    }

    /// Reasons for sending back: kept texts by hash, comments and reviews by number.
    async fn constraints(&mut self) -> Result<Vec<Said>> {
        let mut constraints = Vec::new();
        for name in self.start.input.constraints.clone() {
            let said = match name.split_once(':') {
                Some(("comment", rest)) => {
                    let (id, number) = named(rest, self.start.input.issue).unwrap_or_default();
                    match self.site.connection.forge.comment(&self.site.repo, number, id).await {
                        Ok(comment) => self.said(&comment).await?,
                        Err(crate::forge::ForgeError::NotFound(_)) => None,
                        Err(error) => return Err(error.into()),
                    }
                }
                Some(("review", id)) => self.review_text(id.parse().unwrap_or(0)).await?,
                Some(("test", run)) => self.test_report(run).await?,
                _ => self.kept_text(&name).await?,
            };
            constraints.extend(said);
        }
        Ok(constraints)
    }

    async fn review_text(&mut self, id: i64) -> Result<Option<Said>> {
        let Some(number) = self.start.input.pull else { return Ok(None) };
        let reviews = self.site.connection.forge.reviews(&self.site.repo, number).await?;
        let Some(review) = reviews.into_iter().find(|review| review.id == id) else { return Ok(None) };
        let trust = self.trust(&review.author).await?;
        let mut text = review.body.clone();
        if self.start.purpose == Purpose::Design {
            self.add_lines(&mut text, number, id).await?;
        }
        Ok((!text.trim().is_empty()).then_some(Said { author: review.author.login, trust, at: review.submitted_at, text }))
    }

    /// What the tester found missing on the merged code.
    async fn test_report(&self, run: &str) -> Result<Option<Said>> {
        let Ok(run) = run.parse() else { return Ok(None) };
        let mut tx = self.engine.store.begin_read(self.site.project.id).await?;
        let row = tx.run(run).await?;
        tx.rollback().await?;
        let Some(Outcome::Test(test)) = outcome_of(&row)? else { return Ok(None) };
        let unmet = test.results.iter().filter(|result| !result.met);
        let lines: Vec<String> = unmet.map(|result| format!("Criterion {} is not met: {}", result.criterion, result.evidence)).collect();
        let text = format!("{}\n\n{}", test.summary, lines.join("\n"));
        Ok(Some(Said { author: "tester".into(), trust: Trust::Bot, at: row.changed_at, text }))
    }

    /// A text that a command carried. Whoever typed it had write permission then.
    async fn kept_text(&self, hash: &str) -> Result<Option<Said>> {
        let mut tx = self.engine.store.begin_read(self.site.project.id).await?;
        let text = tx.text(hash).await?;
        tx.rollback().await?;
        Ok(text.map(|text| Said { author: "command".into(), trust: Trust::Trusted, at: self.row.created_at, text }))
    }

    async fn focus(&self) -> Result<Option<Said>> {
        match &self.start.input.focus {
            Some(hash) => self.kept_text(hash).await,
            None => Ok(None),
        }
    }

    async fn earlier(&self) -> Result<Earlier> {
        let mut tx = self.engine.store.begin_read(self.site.project.id).await?;
        let input = &self.start.input;
        let criteria = match input.criteria {
            Some(run) => criteria_of(&tx.run(run).await?)?,
            None => Vec::new(),
        };
        let findings = match input.review.filter(|_| self.start.purpose == Purpose::Fix) {
            Some(run) => match outcome_of(&tx.run(run).await?)? {
                Some(Outcome::Review(review)) => review.findings,
                _ => Vec::new(),
            },
            None => Vec::new(),
        };
        tx.rollback().await?;
        Ok(Earlier { criteria, findings: findings.into_iter().map(own_finding).collect() })
    }

    /// Comments on lines that came with people's requests for changes.
    async fn asked_changes(&mut self) -> Result<Vec<OpenFinding>> {
        let Some(number) = self.start.input.pull else { return Ok(Vec::new()) };
        let mut findings = Vec::new();
        for name in self.start.input.constraints.clone() {
            let Some(id) = name.strip_prefix("review:").and_then(|id| id.parse().ok()) else { continue };
            for comment in self.site.connection.forge.review_comments(&self.site.repo, number, id).await? {
                let trust = self.trust(&comment.author).await?;
                findings.push(OpenFinding {
                    author: comment.author.login,
                    trust,
                    path: comment.path,
                    line: comment.line,
                    severity: Severity::Major,
                    message: comment.body,
                });
            }
        }
        Ok(findings)
    }
}

struct Earlier {
    criteria: Vec<String>,
    findings: Vec<OpenFinding>,
}

fn own_finding(finding: Finding) -> OpenFinding {
    OpenFinding {
        author: "reviewer".into(),
        trust: Trust::Bot,
        path: finding.path,
        line: Some(finding.line),
        severity: finding.severity,
        message: finding.message,
    }
}

/// Id of a comment and the number it stands on, out of `id:hash:number`. Names from before the number was kept end with the hash.
fn named(rest: &str, issue: i64) -> Option<(i64, i64)> {
    let mut parts = rest.split(':');
    let id = parts.next()?.parse().ok()?;
    Some((id, parts.nth(1).and_then(|number| number.parse().ok()).unwrap_or(issue)))
}
