//! From the wire format to neutral words. What is missing but needed becomes a sentence.

use std::collections::BTreeMap;

use crate::base::Time;
use crate::domain::forge::*;

use super::wire;

/// A value, or a sentence about what could not be read.
pub type Converted<T> = Result<T, String>;

/// What the title of a draft begins with where GitHub offers no drafts.
pub const DRAFT_PREFIX: &str = "WIP: ";

/// RFC 3339, or the start of time where the forge sends none.
pub fn time(text: &str) -> Time {
    Time::parse(text).unwrap_or_default()
}

/// A title without the driver's own draft mark, and whether it had it.
pub fn split_title(title: &str) -> (String, bool) {
    match title.trim().strip_prefix(DRAFT_PREFIX) {
        Some(plain) => (plain.trim().to_owned(), true),
        None => (title.trim().to_owned(), false),
    }
}

/// A user; a missing one has id 0 and no name.
pub fn user(user: Option<wire::User>) -> User {
    let user = user.unwrap_or_default();
    User { id: user.id, login: user.login }
}

/// A user, or none where the forge names none.
pub fn some_user(from: Option<wire::User>) -> Option<User> {
    from.map(|from| user(Some(from))).filter(|user| user.id != 0)
}

/// The sender of a delivery. What deleted accounts leave belongs to one named `ghost`, which carries no authority.
pub fn actor(from: Option<wire::User>) -> Option<User> {
    some_user(from).filter(|user| user.login != "ghost")
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

/// A repository as the API describes it. `empty` stands in no answer and is asked for apart.
pub fn repo(repo: wire::Repo, empty: bool) -> Converted<Repo> {
    let RepoRef { id, path } = repo_ref(Some(&repo)).map_err(|_| "the answer describes no repository".to_owned())?;
    let merge_style = merge_style(&repo);
    let rights = repo.permissions.unwrap_or_default();
    Ok(Repo {
        id,
        path,
        default_branch: repo.default_branch,
        visibility: match (repo.visibility.as_str(), repo.private) {
            // Everybody of the enterprise sees it; `private` is true for it, too.
            ("internal", _) => Visibility::Internal,
            (_, true) => Visibility::Private,
            (_, false) => Visibility::Public,
        },
        archived: repo.archived,
        empty,
        merge_style,
        web_url: repo.html_url,
        bot_is_admin: rights.admin,
        bot_can_push: rights.push || rights.maintain || rights.admin,
    })
}

/// GitHub names no preferred style, only those that are allowed, and these only to whom may push.
fn merge_style(repo: &wire::Repo) -> MergeStyle {
    match (repo.allow_merge_commit, repo.allow_squash_merge, repo.allow_rebase_merge) {
        (Some(false), Some(true), _) => MergeStyle::Squash,
        (Some(false), _, Some(true)) => MergeStyle::Rebase,
        _ => MergeStyle::Merge,
    }
}

/// The name that the merge call wants; `None`: GitHub has no such way.
pub fn merge_style_name(style: MergeStyle) -> Option<&'static str> {
    match style {
        MergeStyle::Merge => Some("merge"),
        MergeStyle::Rebase => Some("rebase"),
        MergeStyle::Squash => Some("squash"),
        MergeStyle::RebaseMerge | MergeStyle::FastForwardOnly => None,
    }
}

/// A permission word; an unknown one is an error, because guessing would grant or take rights. `triage` comes as `read`, `maintain` as `write`.
pub fn role(permission: &str) -> Converted<Role> {
    match permission {
        "none" | "" => Ok(Role::None),
        "read" => Ok(Role::Reader),
        "write" => Ok(Role::Writer),
        "admin" => Ok(Role::Maintainer),
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
    PullSide {
        branch: side.reference,
        sha: Sha(side.sha.to_ascii_lowercase()),
        repo_id: side.repo.map(|repo| repo.id).filter(|&id| id > 0),
    }
}

pub fn pull(pull: wire::Pull) -> Converted<Pull> {
    if pull.number <= 0 {
        return Err("a pull request has no number".to_owned());
    }
    let (title, marked) = split_title(&pull.title);
    let merged = pull.merged || !pull.merged_at.is_empty();
    Ok(Pull {
        number: pull.number,
        title,
        body: pull.body,
        state: state(&pull.state)?,
        draft: pull.draft || marked,
        merged,
        // Before the merge this field holds the commit of a trial merge.
        merge_sha: (merged && !pull.merge_commit_sha.is_empty()).then(|| Sha(pull.merge_commit_sha.to_ascii_lowercase())),
        merged_by: some_user(pull.merged_by),
        mergeable: pull.mergeable,
        head: side(pull.head),
        base: side(pull.base),
        labels: label_names(&pull.labels),
        author: user(pull.user),
        updated_at: time(&pull.updated_at),
    })
}

/// What a review says, in either spelling; a state that is not known never counts.
pub fn verdict(state: &str) -> Verdict {
    match state.to_ascii_lowercase().as_str() {
        "approved" => Verdict::Approved,
        "changes_requested" => Verdict::ChangesRequested,
        "commented" => Verdict::Commented,
        _ => Verdict::Pending,
    }
}

/// A review. `before`: what those that are dismissed by now once said, by their number; the state itself does not tell.
pub fn review(review: wire::Review, before: &BTreeMap<i64, Verdict>) -> Review {
    let dismissed = review.state.eq_ignore_ascii_case("dismissed");
    let verdict = match dismissed {
        true => before.get(&review.id).copied().unwrap_or(Verdict::Approved),
        false => verdict(&review.state),
    };
    Review {
        id: review.id,
        author: user(review.user),
        verdict,
        body: review.body,
        commit: (!review.commit_id.is_empty()).then(|| Sha(review.commit_id.to_ascii_lowercase())),
        // GitHub says neither; the commit and the role of the reviewer tell.
        stale: false,
        official: !dismissed && matches!(verdict, Verdict::Approved | Verdict::ChangesRequested),
        dismissed,
        submitted_at: time(&review.submitted_at),
    }
}

pub fn review_comment(comment: wire::ReviewComment) -> ReviewComment {
    let line = if comment.line > 0 { comment.line } else { comment.original_line };
    ReviewComment {
        id: comment.id,
        author: user(comment.user),
        path: comment.path,
        line: (line > 0 && comment.side != "LEFT").then_some(line),
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

/// The state of a commit status.
pub fn status_state(text: &str) -> Option<CiState> {
    Some(match text {
        "success" => CiState::Success,
        "pending" => CiState::Pending,
        "failure" => CiState::Failure,
        "error" => CiState::Error,
        _ => return None,
    })
}

/// How a check or a run ended. An end that is not known is none yet: nothing is merged on a guess.
pub fn conclusion(text: &str) -> CiState {
    match text {
        "success" => CiState::Success,
        // GitHub's own rules let both pass.
        "neutral" | "skipped" => CiState::Skipped,
        "failure" | "timed_out" | "startup_failure" => CiState::Failure,
        "cancelled" => CiState::Error,
        _ => CiState::Pending,
    }
}

/// The word that the status call wants; it knows four.
pub fn ci_state_name(state: CiState) -> &'static str {
    match state {
        CiState::Success | CiState::Skipped | CiState::Warning => "success",
        CiState::Pending => "pending",
        CiState::Failure => "failure",
        CiState::Error => "error",
    }
}

pub fn status(status: wire::Status) -> CiStatus {
    CiStatus {
        context: status.context,
        state: status_state(&status.state).unwrap_or(CiState::Pending),
        description: status.description,
        url: status.target_url,
    }
}

pub fn check_state(run: &wire::CheckRun) -> CiState {
    if run.status == "completed" { conclusion(&run.conclusion) } else { CiState::Pending }
}

pub fn check(run: wire::CheckRun) -> CiStatus {
    CiStatus {
        state: check_state(&run),
        context: run.name,
        description: run.output.unwrap_or_default().title,
        url: if run.html_url.is_empty() { run.details_url } else { run.html_url },
    }
}

/// A change of labels, or `None` for every other event of an issue.
pub fn label_change(event: wire::IssueEvent) -> Option<LabelChange> {
    let added = match event.event.as_str() {
        "labeled" => true,
        "unlabeled" => false,
        _ => return None,
    };
    let label = event.label.filter(|label| !label.name.is_empty())?;
    Some(LabelChange { id: event.id, actor: user(event.actor), label: label.name, added, at: time(&event.created_at) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_drivers_own_mark_is_a_draft() {
        for (raw, plain, draft) in
            [("WIP: Add CSV", "Add CSV", true), ("wip: Add CSV", "wip: Add CSV", false), ("Add WIP: mark", "Add WIP: mark", false)]
        {
            assert_eq!(split_title(raw), (plain.to_owned(), draft), "{raw}");
        }
    }

    #[test]
    fn unknown_words_grant_nothing() {
        assert!(role("superuser").is_err());
        assert_eq!(verdict("BLESSED"), Verdict::Pending);
        assert_eq!(conclusion("splendid"), CiState::Pending);
        assert_eq!(status(wire::Status { state: "gren".into(), ..Default::default() }).state, CiState::Pending);
    }

    #[test]
    fn a_dismissed_review_is_what_it_was_before() {
        let dismissed = wire::Review { id: 5, state: "DISMISSED".into(), ..Default::default() };
        let before = [(5, Verdict::ChangesRequested)].into_iter().collect();
        let read = review(dismissed, &before);
        assert_eq!((read.verdict, read.dismissed, read.official), (Verdict::ChangesRequested, true, false));
    }

    #[test]
    fn the_style_is_one_that_is_allowed() {
        let style = |merge, squash, rebase| {
            let (allow_merge_commit, allow_squash_merge, allow_rebase_merge) = (merge, squash, rebase);
            merge_style(&wire::Repo { allow_merge_commit, allow_squash_merge, allow_rebase_merge, ..Default::default() })
        };
        assert_eq!(style(None, None, None), MergeStyle::Merge);
        assert_eq!(style(Some(true), Some(true), Some(true)), MergeStyle::Merge);
        assert_eq!(style(Some(false), Some(true), Some(true)), MergeStyle::Squash);
        assert_eq!(style(Some(false), Some(false), Some(true)), MergeStyle::Rebase);
    }
}
