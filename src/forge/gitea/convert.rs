//! From the wire format to neutral words. What is missing but needed becomes a sentence.

use crate::base::Time;
use crate::domain::forge::*;

use super::wire;

/// A value, or a sentence about what could not be read.
pub type Converted<T> = Result<T, String>;

/// The prefix with which this driver marks drafts.
pub const DRAFT_PREFIX: &str = "WIP: ";

/// Prefixes that Gitea reads as "draft" by default, compared without regard to case.
const DRAFT_MARKS: [&str; 2] = ["WIP:", "[WIP]"];

/// RFC 3339, or the start of time where the forge sends none or a zero.
pub fn time(text: &str) -> Time {
    Time::parse(text).unwrap_or_default()
}

/// A title without its draft marks, and whether it had one.
pub fn split_title(title: &str) -> (String, bool) {
    let mut rest = title.trim();
    let mut draft = false;
    'strip: loop {
        for mark in DRAFT_MARKS {
            if let Some(head) = rest.get(..mark.len())
                && head.eq_ignore_ascii_case(mark)
            {
                rest = rest[mark.len()..].trim_start();
                draft = true;
                continue 'strip;
            }
        }
        return (rest.to_owned(), draft);
    }
}

/// The title as Gitea stores it for this draft state.
pub fn join_title(title: &str, draft: bool) -> String {
    let (plain, _) = split_title(title);
    if draft { format!("{DRAFT_PREFIX}{plain}") } else { plain }
}

/// A user; a missing one (team request, removed account) has id 0 and no name.
pub fn user(user: Option<wire::User>) -> User {
    let user = user.unwrap_or_default();
    User { id: user.id, login: if user.login.is_empty() { user.username } else { user.login } }
}

/// A user, or none where the forge names none.
pub fn some_user(from: Option<wire::User>) -> Option<User> {
    from.map(|from| user(Some(from))).filter(|user| user.id != 0)
}

/// The sender of a delivery. The deleted-user account (id -1) is nobody, so it carries no authority.
pub fn actor(from: Option<wire::User>) -> Option<User> {
    some_user(from).filter(|user| user.id != -1)
}

/// Open or closed.
pub fn state(text: &str) -> Converted<State> {
    match text {
        "open" => Ok(State::Open),
        "closed" => Ok(State::Closed),
        other => Err(format!("the state `{other}` is neither open nor closed")),
    }
}

/// Names of labels, sorted, each once.
pub fn label_names(labels: &[wire::Label]) -> Vec<String> {
    let mut names: Vec<String> = labels.iter().map(|label| label.name.clone()).collect();
    names.sort();
    names.dedup();
    names
}

/// The repository of a delivery.
pub fn repo_ref(repo: Option<&wire::Repo>) -> Converted<RepoRef> {
    match repo {
        Some(repo) if repo.id > 0 && !repo.full_name.is_empty() => Ok(RepoRef { id: repo.id, path: repo.full_name.clone() }),
        _ => Err("the delivery names no repository".to_owned()),
    }
}

/// A repository as the API describes it.
pub fn repo(repo: wire::Repo) -> Converted<Repo> {
    let RepoRef { id, path } = repo_ref(Some(&repo)).map_err(|_| "the answer describes no repository".to_owned())?;
    let visibility = visibility(&repo);
    let rights = repo.permissions.unwrap_or_default();
    Ok(Repo {
        id,
        path,
        visibility,
        default_branch: repo.default_branch,
        archived: repo.archived,
        empty: repo.empty,
        merge_style: merge_style(&repo.default_merge_style),
        web_url: repo.html_url,
        bot_is_admin: rights.admin,
        bot_can_push: rights.push || rights.admin,
    })
}

/// What is not private itself is seen by no more people than its owner is.
fn visibility(repo: &wire::Repo) -> Visibility {
    let hidden_owner = repo.owner.as_ref().is_some_and(|owner| matches!(owner.visibility.as_str(), "limited" | "private"));
    match (repo.private, repo.internal || hidden_owner) {
        (true, _) => Visibility::Private,
        (false, true) => Visibility::Internal,
        (false, false) => Visibility::Public,
    }
}

fn merge_style(text: &str) -> MergeStyle {
    match text {
        "rebase" => MergeStyle::Rebase,
        "rebase-merge" => MergeStyle::RebaseMerge,
        "squash" => MergeStyle::Squash,
        "fast-forward-only" => MergeStyle::FastForwardOnly,
        _ => MergeStyle::Merge,
    }
}

/// The name that the merge call wants.
pub fn merge_style_name(style: MergeStyle) -> &'static str {
    match style {
        MergeStyle::Merge => "merge",
        MergeStyle::Rebase => "rebase",
        MergeStyle::RebaseMerge => "rebase-merge",
        MergeStyle::Squash => "squash",
        MergeStyle::FastForwardOnly => "fast-forward-only",
    }
}

/// A permission word; an unknown one is an error, because guessing would grant or take rights.
pub fn role(permission: &str) -> Converted<Role> {
    match permission {
        "none" | "" => Ok(Role::None),
        "read" => Ok(Role::Reader),
        "write" => Ok(Role::Writer),
        "admin" => Ok(Role::Maintainer),
        "owner" => Ok(Role::Owner),
        other => Err(format!("the permission `{other}` is unknown")),
    }
}

pub fn issue(issue: wire::Issue) -> Converted<Issue> {
    if issue.number <= 0 {
        return Err("an issue has no number".to_owned());
    }
    Ok(Issue {
        number: issue.number,
        is_pull: issue.pull_request.is_some(),
        title: issue.title,
        body: issue.body,
        state: state(&issue.state)?,
        labels: label_names(&issue.labels),
        author: user(issue.user),
        created_at: time(&issue.created_at),
        updated_at: time(&issue.updated_at),
        confidential: false,
    })
}

pub fn comment(comment: wire::Comment) -> Converted<Comment> {
    if comment.id <= 0 {
        return Err("a comment has no id".to_owned());
    }
    Ok(Comment {
        id: comment.id,
        body: comment.body,
        author: user(comment.user),
        created_at: time(&comment.created_at),
        updated_at: time(&comment.updated_at),
    })
}

fn side(side: wire::Side) -> PullSide {
    // Once the branch is deleted, `ref` is `refs/pull/<n>/head` and only `label` still holds its name.
    let gone = side.reference.starts_with("refs/pull/") && !side.label.is_empty();
    let branch = if gone { side.label } else { side.reference };
    let named = side.repo.map(|repo| repo.id).filter(|&id| id > 0);
    PullSide {
        branch: branch.strip_prefix("refs/heads/").map_or(branch.clone(), str::to_owned),
        sha: Sha(side.sha.to_ascii_lowercase()),
        repo_id: (side.repo_id > 0).then_some(side.repo_id).or(named),
    }
}

pub fn pull(pull: wire::Pull) -> Converted<Pull> {
    if pull.number <= 0 {
        return Err("a pull request has no number".to_owned());
    }
    let (title, marked) = split_title(&pull.title);
    Ok(Pull {
        number: pull.number,
        title,
        body: pull.body,
        state: state(&pull.state)?,
        draft: pull.draft || marked,
        merged: pull.merged,
        // Before the merge this field can hold the sha of a trial merge.
        merge_sha: (pull.merged && !pull.merge_commit_sha.is_empty()).then(|| Sha(pull.merge_commit_sha.to_ascii_lowercase())),
        merged_by: some_user(pull.merged_by),
        mergeable: pull.mergeable,
        head: side(pull.head),
        base: side(pull.base),
        labels: label_names(&pull.labels),
        author: user(pull.user),
        updated_at: time(&pull.updated_at),
    })
}

pub fn review(review: wire::Review) -> Review {
    Review {
        id: review.id,
        author: user(review.user),
        verdict: match review.state.as_str() {
            "APPROVED" => Verdict::Approved,
            "REQUEST_CHANGES" => Verdict::ChangesRequested,
            "COMMENT" => Verdict::Commented,
            "REQUEST_REVIEW" => Verdict::Requested,
            // PENDING, and whatever a later version invents: never counts.
            _ => Verdict::Pending,
        },
        body: review.body,
        commit: (!review.commit_id.is_empty()).then(|| Sha(review.commit_id.to_ascii_lowercase())),
        stale: review.stale,
        official: review.official,
        dismissed: review.dismissed,
        submitted_at: time(&review.submitted_at),
    }
}

pub fn review_comment(comment: wire::ReviewComment) -> ReviewComment {
    ReviewComment {
        id: comment.id,
        author: user(comment.user),
        path: comment.path,
        line: (comment.position > 0).then_some(comment.position),
        body: comment.body,
    }
}

pub fn commit(commit: wire::Commit) -> CommitInfo {
    CommitInfo {
        sha: Sha(commit.sha.to_ascii_lowercase()),
        message: commit.commit.message,
        author: some_user(commit.author),
        author_email: commit.commit.author.unwrap_or_default().email,
        committer: some_user(commit.committer),
    }
}

/// The state of a commit status, or of a finished workflow run.
pub fn ci_state(text: &str) -> Option<CiState> {
    Some(match text {
        "success" => CiState::Success,
        "skipped" => CiState::Skipped,
        "warning" => CiState::Warning,
        "pending" => CiState::Pending,
        "failure" => CiState::Failure,
        "error" | "cancelled" => CiState::Error,
        _ => return None,
    })
}

/// The word that the status call wants.
pub fn ci_state_name(state: CiState) -> &'static str {
    match state {
        CiState::Success => "success",
        CiState::Skipped => "skipped",
        CiState::Warning => "warning",
        CiState::Pending => "pending",
        CiState::Failure => "failure",
        CiState::Error => "error",
    }
}

/// A commit status. The server stores any word a CI system sends and counts the unknown ones as pending.
pub fn status(status: wire::Status) -> CiStatus {
    let word = if status.status.is_empty() { status.state } else { status.status };
    CiStatus {
        context: status.context,
        state: ci_state(&word).unwrap_or(CiState::Pending),
        description: status.description,
        url: status.target_url,
    }
}

/// A change of labels, or `None` for every other entry of the timeline and for labels that no longer exist.
pub fn label_change(entry: wire::TimelineEntry) -> Option<LabelChange> {
    let label = entry.label.filter(|label| entry.kind == "label" && !label.name.is_empty())?;
    Some(LabelChange { id: entry.id, actor: user(entry.user), label: label.name, added: entry.body == "1", at: time(&entry.created_at) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draft_marks_come_off_and_go_on() {
        for (raw, plain, draft) in [
            ("WIP: Add CSV", "Add CSV", true),
            ("wip:Add CSV", "Add CSV", true),
            ("[WIP] Add CSV", "Add CSV", true),
            ("[wip]WIP:  Add CSV", "Add CSV", true),
            ("Wiping the cache", "Wiping the cache", false),
            ("Add WIP: mark", "Add WIP: mark", false),
            ("ÄÖ", "ÄÖ", false),
        ] {
            assert_eq!(split_title(raw), (plain.to_owned(), draft), "{raw}");
        }
        assert_eq!(join_title("[wip] x", true), "WIP: x");
        assert_eq!(join_title("WIP: x", false), "x");
    }

    #[test]
    fn a_deleted_head_branch_keeps_its_name() {
        let gone = wire::Side { label: "syndarix/17".into(), reference: "refs/pull/18/head".into(), repo_id: -1, ..Default::default() };
        assert_eq!(side(gone), PullSide { branch: "syndarix/17".into(), sha: Sha(String::new()), repo_id: None });
    }

    #[test]
    fn unknown_words_grant_nothing() {
        assert!(role("superuser").is_err());
        let odd = wire::Review { state: "BLESSED".into(), ..Default::default() };
        assert_eq!(review(odd).verdict, Verdict::Pending);
        assert_eq!(status(wire::Status { status: "gren".into(), ..Default::default() }).state, CiState::Pending);
    }

    #[test]
    fn a_repository_is_seen_by_no_more_than_its_owner() {
        let seen = |private: bool, internal: bool, owner: &str| {
            let owner = wire::Owner { visibility: owner.into() };
            visibility(&wire::Repo { private, internal, owner: Some(owner), ..Default::default() })
        };
        assert_eq!(seen(false, false, "public"), Visibility::Public);
        assert_eq!(seen(false, false, "limited"), Visibility::Internal);
        assert_eq!(seen(false, true, "private"), Visibility::Internal);
        assert_eq!(seen(true, false, "public"), Visibility::Private);
        assert!(Visibility::Public < Visibility::Internal && Visibility::Internal < Visibility::Private);
    }
}
