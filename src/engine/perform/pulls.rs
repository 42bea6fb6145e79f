//! Branches, pull requests, reviews and the merge.

use serde_json::json;

use crate::domain::approval::permit;
use crate::domain::forge::{Pull, Sha, State};
use crate::domain::marker;
use crate::domain::workflow::intent::Receipt;
use crate::domain::workflow::{Effect, Story};
use crate::forge::{ForgeError, NewPull, PullPatch};
use crate::git::{BranchName, Pushed};

use super::super::{EngineError, Result, gather};
use super::{Job, Performed};

impl Job<'_> {
    /// Moves the branch plainly. The mirror looks at the remote first, so a push that was applied before a crash is found, not repeated.
    pub(super) async fn push(&self, branch: &str, expect: Option<&Sha>, to: &Sha) -> Result<Performed> {
        let name = BranchName::parse(branch).map_err(|error| EngineError::Setup(error.to_string()))?;
        if !name.is_ours() {
            return Err(EngineError::Setup(format!("`{branch}` is no branch of a story; pushes go to those alone")));
        }
        let mirror = self.engine.mirror(self.site.project.id).await?;
        self.engine.bring(self.site, &mirror, to).await?;
        let pushed = self.engine.outside(mirror.push(&self.site.remote(), &name, expect, to)).await?;
        let record = json!({"branch": branch, "from": expect, "to": to});
        match pushed {
            Pushed::Done => Ok(Performed::Told(record, Receipt::Pushed { head: to.clone() })),
            // Of a try whose answer was lost: the record says that it was found and not repeated.
            Pushed::Already => {
                let record = json!({"branch": branch, "from": expect, "to": to, "found": true});
                Ok(Performed::Told(record, Receipt::Pushed { head: to.clone() }))
            }
            Pushed::Moved { actual } => Ok(Performed::Told(json!({"branch": branch, "found": actual}), Receipt::Moved { head: actual })),
            Pushed::Refused(words) => Err(EngineError::Setup(format!(
                "the forge refused the push: {}. Whoever administers the repository can let the account `{}` push to `{branch}`, in its settings under branches",
                words.split_whitespace().collect::<Vec<_>>().join(" "),
                self.site.connection.bot.login
            ))),
        }
    }

    /// One pull request per branch: an open one is taken, whoever's crash left it there. One that was made by a try whose answer was lost
    /// is taken even where somebody has closed or merged it since: that is for the story to hear, not to be undone by another one.
    pub(super) async fn open_pull(&self, effect: &Effect) -> Result<Performed> {
        let Effect::OpenPull { branch, base, head, title, body } = effect else {
            return Err(EngineError::Setup("not a pull request".into()));
        };
        let forge = &self.site.connection.forge;
        let standing = self.pull_of(branch).await?;
        let found = standing.is_some();
        let pull = match standing {
            Some(pull) => pull,
            None => {
                let new = NewPull { title: title.clone(), body: body.clone(), head: branch.clone(), base: base.clone(), draft: true };
                match self.engine.outside(forge.create_pull(&self.site.repo, &new)).await {
                    // A request of a process that died was carried out after it was looked here.
                    Err(error @ ForgeError::Conflict(_)) => self.pull_of(branch).await?.ok_or(error)?,
                    made => made?,
                }
            }
        };
        let record = json!({"pull": pull.number, "head": head, "found": found});
        Ok(Performed::Told(record, Receipt::PullOpened { number: pull.number, head: head.clone() }))
    }

    /// The pull request of this branch that stands already.
    async fn pull_of(&self, branch: &str) -> Result<Option<Pull>> {
        let standing = self.site.connection.forge.pulls_of_branch(&self.site.repo, branch).await?;
        if let Some(open) = standing.iter().find(|pull| pull.state == State::Open) {
            return Ok(Some(open.clone()));
        }
        if !self.is_uncertain() {
            return Ok(None);
        }
        let story = self.story().await?;
        let ours = |pull: &Pull| pull.author.id == self.site.connection.bot.id;
        Ok(standing.into_iter().find(|pull| ours(pull) && story.is_new_pull(pull.number)))
    }

    pub(super) async fn edit_pull(&self, effect: &Effect) -> Result<Performed> {
        let Effect::EditPull { number, title, body, draft } = effect else {
            return Err(EngineError::Setup("not an edit".into()));
        };
        let patch = PullPatch { title: title.clone(), body: body.clone(), state: None, draft: *draft };
        self.engine.outside(self.site.connection.forge.edit_pull(&self.site.repo, *number, &patch)).await?;
        Ok(Performed::Done(json!({"pull": number, "draft": draft})))
    }

    pub(super) async fn post_review(&self, effect: &Effect) -> Result<Performed> {
        let Effect::PostReview { number, run, head, body, comments } = effect else {
            return Err(EngineError::Setup("not a review".into()));
        };
        let forge = &self.site.connection.forge;
        let object = run.to_string();
        if self.is_uncertain() {
            let ours =
                |body: &str| marker::find(body).is_some_and(|marker| marker.object == object && marker.is_genuine(&self.engine.marker_key));
            let standing = forge.reviews(&self.site.repo, *number).await?;
            if let Some(review) = standing.iter().find(|review| ours(&review.body)) {
                return Ok(Performed::Done(json!({"review": review.id, "found": true})));
            }
        }
        let body = format!("{body}\n\n{}", marker::build(&self.engine.marker_key, "review", &object));
        let review = self.engine.outside(forge.post_review(&self.site.repo, *number, head, &body, comments)).await?;
        Ok(Performed::Done(json!({"review": review.id, "head": head, "comments": comments.len()})))
    }

    /// Gathers once more, mints the permit from what it finds, and merges that very head. Nothing of this is kept.
    pub(super) async fn merge(&self, number: i64, head: &Sha) -> Result<Performed> {
        let forge = &self.site.connection.forge;
        let pull = forge.pull(&self.site.repo, number).await?;
        if pull.merged {
            return Ok(merged(&pull));
        }
        let story = self.story().await?;
        if story.head.as_ref() != Some(head) || story.merging.as_ref() != Some(head) {
            return Ok(held_back(number, vec!["the head has moved".into()]));
        }
        let facts = gather::gate_facts(self.engine, self.site, &story, pull).await?;
        let permit = match permit(&facts) {
            Ok(permit) => permit,
            Err(reasons) => return Ok(held_back(number, reasons)),
        };
        // "Not mergeable" may also mean that the forge is still looking.
        if facts.pull.mergeable == Some(false)
            && let Some(needed) = self.base_hinders(&story, &facts.pull, None).await?
        {
            return Ok(needed);
        }
        let style = self.site.repo_now().await?.merge_style;
        let title = format!("{} ({})", facts.pull.title, crate::domain::forge::mention(number));
        let message = format!("Refs #{}\n", story.issue);
        match self.engine.outside(forge.merge(&self.site.repo, &permit, style, &title, &message)).await {
            Ok(()) => self.surely_merged(number).await,
            Err(error @ (ForgeError::NotAllowed(_) | ForgeError::Conflict(_))) => self.not_merged(&story, head, number, error).await,
            Err(error) => Err(error.into()),
        }
    }

    /// The forge refused: what has changed since, or what stands in the way.
    async fn not_merged(&self, story: &Story, head: &Sha, number: i64, error: ForgeError) -> Result<Performed> {
        let pull = self.site.connection.forge.pull(&self.site.repo, number).await?;
        if pull.merged {
            return Ok(merged(&pull));
        }
        if pull.head.sha != *head {
            return Ok(held_back(number, vec!["the head has moved".into()]));
        }
        match self.base_hinders(story, &pull, Some(&error)).await? {
            Some(needed) => Ok(needed),
            None => Err(error.into()),
        }
    }

    /// Something between us and the forge may have answered in its place.
    async fn surely_merged(&self, number: i64) -> Result<Performed> {
        let after = self.site.connection.forge.pull(&self.site.repo, number).await?;
        if !after.merged {
            return Err(ForgeError::Uncertain(format!(
                "{} is not merged, although the forge's answer said so",
                crate::domain::forge::mention(number)
            ))
            .into());
        }
        Ok(merged(&after))
    }

    pub(super) async fn close_issue(&self, number: i64) -> Result<Performed> {
        let forge = &self.site.connection.forge;
        if forge.issue(&self.site.repo, number).await?.state == State::Open {
            self.engine.outside(forge.set_issue_state(&self.site.repo, number, State::Closed)).await?;
        }
        Ok(Performed::Done(json!({"issue": number, "closed": true})))
    }

    pub(super) async fn set_pull_open(&self, number: i64, open: bool) -> Result<Performed> {
        let forge = &self.site.connection.forge;
        let state = if open { State::Open } else { State::Closed };
        let pull = forge.pull(&self.site.repo, number).await?;
        if pull.state != state && !pull.merged {
            let patch = PullPatch { state: Some(state), ..PullPatch::default() };
            self.engine.outside(forge.edit_pull(&self.site.repo, number, &patch)).await?;
        }
        Ok(Performed::Done(json!({"pull": number, "open": open})))
    }
}

fn merged(pull: &Pull) -> Performed {
    let record = json!({"pull": pull.number, "head": pull.head.sha, "merged": pull.merge_sha});
    Performed::Told(record, Receipt::Merged { number: pull.number, sha: pull.merge_sha.clone() })
}

fn held_back(number: i64, reasons: Vec<String>) -> Performed {
    Performed::Told(json!({"pull": number, "held_back": reasons.len()}), Receipt::MergeHeldBack { reasons })
}
