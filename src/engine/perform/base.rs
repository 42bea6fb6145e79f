//! The base branch: how it goes together with the story's branch, whether the forge's refusal to merge comes from there, and whether the forge
//! has noticed a push.

use serde_json::json;

use crate::domain::conflict::{Conflict, ConflictKind};
use crate::domain::forge::{Pull, Sha};
use crate::domain::path::{RepoPath, glob};
use crate::domain::workflow::base::BaseFound;
use crate::domain::workflow::intent::Receipt;
use crate::domain::workflow::{Effect, Story};
use crate::forge::ForgeError;
use crate::git::{BranchName, Merge, Mirror, NewCommit, Sides, Signature, TreeId, merge_message};
use crate::tool::PathPolicy;

use super::super::{EngineError, Result, carry, gather};
use super::{Job, Performed};

/// How often it is looked whether the forge shows a new head.
const MAX_LOOKS: i64 = 6;

/// Names of the two sides, as the markers of a conflict show them.
pub fn sides(branch: &str, base_branch: &str) -> Sides {
    Sides { ours: branch.to_owned(), theirs: base_branch.to_owned() }
}

impl Job<'_> {
    /// Looks how both branches go together as they are now. A merge without conflicts is committed to the mirror, under the same id each time.
    pub(super) async fn merge_base(&self, effect: &Effect) -> Result<Performed> {
        let Effect::MergeBase { branch, base_branch, head, comment } = effect else {
            return Err(EngineError::Setup("not a merge of the base branch".into()));
        };
        let story = self.story().await?;
        if story.head.as_ref() != Some(head) || story.base.asked.as_ref() != Some(head) {
            return Ok(Performed::Done(json!({"head": head, "superseded": true})));
        }
        // Somebody may have given the pull request another base since.
        let base_branch = match &story.pull {
            Some(of) => self.site.connection.forge.pull(&self.site.repo, of.number).await?.base.branch,
            None => base_branch.clone(),
        };
        let base_branch = &base_branch;
        self.engine.hold(self.claim, self.engine.timings.model).await?;
        let mirror = self.engine.mirror(self.site.project.id).await?;
        self.engine.outside(mirror.fetch(&self.site.remote())).await?;
        let actual = mirror.branch_head(&name(branch)?).await?;
        if actual.as_ref() != Some(head) {
            return Ok(Performed::Told(json!({"branch": branch, "found": actual}), Receipt::Moved { head: actual }));
        }
        let base = self.base_head(&mirror, base_branch).await?;
        let found = match mirror.merge(head, &base, &sides(branch, base_branch)).await? {
            Merge::UpToDate => BaseFound::UpToDate,
            Merge::Clean(tree) => BaseFound::Clean { commit: self.merge_commit(&mirror, &story, tree, (base_branch, &base)).await? },
            Merge::Conflicts { files, .. } => BaseFound::Conflicts { files: self.judged(&story, files).await? },
        };
        let record = match &found {
            BaseFound::UpToDate => json!({"head": head, "base": base, "up_to_date": true}),
            BaseFound::Clean { commit } => json!({"head": head, "base": base, "commit": commit}),
            BaseFound::Conflicts { files } => json!({"head": head, "base": base, "conflicts": files.len()}),
        };
        Ok(Performed::Told(record, Receipt::BaseLooked { head: head.clone(), base, found, comment: *comment }))
    }

    async fn base_head(&self, mirror: &Mirror, base_branch: &str) -> Result<Sha> {
        let head = mirror.branch_head(&name(base_branch)?).await?;
        head.ok_or_else(|| EngineError::Setup(format!("the base branch `{base_branch}` is not there any more")))
    }

    async fn merge_commit(&self, mirror: &Mirror, story: &Story, tree: TreeId, base: (&str, &Sha)) -> Result<Sha> {
        let (base_branch, base) = base;
        let bot = &self.site.connection.bot;
        let own = Signature { name: bot.login.clone(), email: format!("{}@noreply.invalid", bot.login) };
        let parents = story.head.iter().chain([base]).cloned().collect();
        let message = merge_message(base_branch, &story.branch, base, story.issue);
        let new = NewCommit { tree, parents, author: own.clone(), committer: own, message, at: self.row.created_at };
        let commit = mirror.commit(&new).await?;
        // Another instance may be the one that pushes it.
        let packed = mirror.pack(&commit).await?;
        let mut tx = self.begin().await?;
        carry::keep(&mut tx, &commit, &packed).await?;
        self.engine.commit(tx).await?;
        Ok(commit)
    }

    /// Conflicts in files that agents may not change are for a person, unless the approved plan names the file.
    async fn judged(&self, story: &Story, files: Vec<Conflict>) -> Result<Vec<Conflict>> {
        let mut policy =
            PathPolicy::new(true).protect(&self.site.rules.protected).map_err(|error| EngineError::Setup(error.to_string()))?;
        if let Some(plan) = story.plan.as_ref().filter(|_| story.plan_approver.is_some()) {
            policy.approved.extend(gather::planned_paths(self.engine, self.site, plan.run).await?);
        }
        let barred = |path: &RepoPath| policy.may_write(path).is_err() || glob::first_match(&policy.read_denied, path).is_some();
        let judge = |conflict: Conflict| match RepoPath::parse(&conflict.path) {
            Ok(path) if conflict.kind.is_for_agent() && barred(&path) => Conflict { kind: ConflictKind::Protected, ..conflict },
            _ => conflict,
        };
        Ok(files.into_iter().map(judge).collect())
    }

    /// Why this head cannot be merged, as far as that lies with the base branch. `None`: it does not.
    pub(super) async fn base_hinders(&self, story: &Story, pull: &Pull, error: Option<&ForgeError>) -> Result<Option<Performed>> {
        let mirror = self.engine.mirror(self.site.project.id).await?;
        mirror.fetch(&self.site.remote()).await?;
        let base = self.base_head(&mirror, &pull.base.branch).await?;
        let head = &pull.head.sha;
        let conflicts = match mirror.merge(head, &base, &sides(&pull.head.branch, &pull.base.branch)).await? {
            Merge::UpToDate => return Ok(None),
            Merge::Conflicts { .. } => true,
            Merge::Clean(_) if error.is_some_and(asks_for_all_of_the_base) => false,
            Merge::Clean(_) => return Ok(None),
        };
        let record = json!({"pull": pull.number, "head": head, "base": base, "conflicts": conflicts});
        let receipt = Receipt::BaseNeeded { head: head.clone(), base, conflicts };
        Ok((story.head.as_ref() == Some(head)).then_some(Performed::Told(record, receipt)))
    }

    /// Reads the pull request until it shows the head that was pushed. Where the forge never does, the gate says so when it is looked at.
    pub(super) async fn look_again(&self, number: i64, head: &Sha) -> Result<Performed> {
        let pull = self.site.connection.forge.pull(&self.site.repo, number).await?;
        let shown = pull.head.sha == *head;
        if !shown && self.row.attempts < MAX_LOOKS {
            return Err(ForgeError::Unavailable(format!(
                "pull request {} does not show {} yet",
                crate::domain::forge::mention(number),
                head.short()
            ))
            .into());
        }
        Ok(Performed::Told(json!({"pull": number, "head": head, "shown": shown}), Receipt::Shown { head: head.clone() }))
    }
}

fn name(branch: &str) -> Result<BranchName> {
    BranchName::parse(branch).map_err(|error| EngineError::Setup(error.to_string()))
}

/// The forge's words for a branch that lacks commits of its base, as protection rule and as merge style.
fn asks_for_all_of_the_base(error: &ForgeError) -> bool {
    let text = error.to_string().to_lowercase();
    ["behind the base", "outdated", "fast-forward", "fast forward", "need rebase", "up to date with the base", "up-to-date"]
        .iter()
        .any(|words| text.contains(words))
}
