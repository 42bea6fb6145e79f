//! From the wire format to neutral words. What is missing but needed becomes a sentence.

use crate::base::Time;
use crate::domain::forge::*;
use crate::domain::scopes;

use super::wire;

/// A value, or a sentence about what could not be read.
pub type Converted<T> = Result<T, String>;

/// The prefix with which this driver marks drafts.
const DRAFT_PREFIX: &str = "Draft: ";

/// Prefixes that GitLab reads as "draft", now or in earlier versions, compared without regard to case.
const DRAFT_MARKS: [&str; 5] = ["Draft:", "[Draft]", "(Draft)", "WIP:", "[WIP]"];

/// RFC 3339, or `2013-12-03 17:15:43 UTC`, which older deliveries have; the start of time where the forge sends none.
pub fn time(text: &str) -> Time {
    let text = text.trim();
    if let Some(time) = Time::parse(text) {
        return time;
    }
    let Some(plain) = text.strip_suffix(" UTC") else {
        // `2013-12-03 17:15:43 +0100`
        let with_offset = chrono::DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S %z");
        return with_offset.map_or_else(|_| Time::default(), |at| Time(at.timestamp_micros()));
    };
    Time::parse(&format!("{}Z", plain.trim().replacen(' ', "T", 1))).unwrap_or_default()
}

/// The neutral number of the merge request with this `iid`.
pub fn pull_number(iid: i64) -> i64 {
    iid + PULL_OFFSET
}

/// Which list of GitLab a neutral number belongs to, and its number there.
pub fn place(number: i64) -> (&'static str, String) {
    match number > PULL_OFFSET {
        true => ("merge_requests", (number - PULL_OFFSET).to_string()),
        false => ("issues", number.to_string()),
    }
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

/// The title as GitLab stores it for this draft state.
pub fn join_title(title: &str, draft: bool) -> String {
    let (plain, _) = split_title(title);
    if draft { format!("{DRAFT_PREFIX}{plain}") } else { plain }
}

/// A user; a missing one has id 0 and no name.
pub fn user(user: Option<wire::User>) -> User {
    let user = user.unwrap_or_default();
    User { id: user.id, login: user.username }
}

/// A user, or none where the forge names none.
pub fn some_user(from: Option<wire::User>) -> Option<User> {
    from.map(|from| user(Some(from))).filter(|user| user.id != 0)
}

/// Open or closed; `locked` stands between closing and merging.
pub fn state(text: &str) -> Converted<State> {
    match text {
        "opened" | "reopened" => Ok(State::Open),
        "closed" | "merged" | "locked" => Ok(State::Closed),
        other => Err(format!("the state `{other}` is neither open nor closed")),
    }
}

/// Names of labels inside the program, sorted, each once.
pub fn label_names<'a>(shown: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = shown.into_iter().map(|name| scopes::neutral(name, ForgeKind::GitLab).into_owned()).collect();
    names.sort();
    names.dedup();
    names
}

pub fn sha(text: &str) -> Sha {
    Sha(text.to_ascii_lowercase())
}

pub fn some_sha(text: &str) -> Option<Sha> {
    (!text.is_empty()).then(|| sha(text))
}

/// A project as the API describes it.
pub fn repo(project: wire::Project) -> Converted<Repo> {
    if project.id <= 0 || project.path_with_namespace.is_empty() {
        return Err("the answer describes no project".to_owned());
    }
    let level = level(&project.permissions);
    Ok(Repo {
        id: project.id,
        path: project.path_with_namespace,
        default_branch: project.default_branch,
        visibility: match project.visibility.as_str() {
            "public" => Visibility::Public,
            "internal" => Visibility::Internal,
            _ => Visibility::Private,
        },
        archived: project.archived,
        empty: project.empty_repo,
        merge_style: merge_style(&project.merge_method, &project.squash_option),
        web_url: project.web_url,
        bot_is_admin: level >= 40,
        bot_can_push: level >= 30,
    })
}

/// The bot's own access level in a project.
pub fn level(permissions: &wire::Permissions) -> i64 {
    [&permissions.project_access, &permissions.group_access].into_iter().flatten().map(|access| access.access_level).max().unwrap_or(0)
}

/// How a project merges: a setting of the project, which no merge request changes; only squashing can be chosen, and some projects always do.
fn merge_style(method: &str, squash: &str) -> MergeStyle {
    match (method, squash) {
        (_, "always" | "default_on") => MergeStyle::Squash,
        ("rebase_merge", _) => MergeStyle::RebaseMerge,
        ("ff", _) => MergeStyle::FastForwardOnly,
        _ => MergeStyle::Merge,
    }
}

/// An access level: 10 guest, 15 planner, 20 reporter, 30 developer, 40 maintainer, 50 owner.
pub fn role(level: i64) -> Role {
    match level {
        ..=9 => Role::None,
        10..=29 => Role::Reader,
        30..=39 => Role::Writer,
        40..=49 => Role::Maintainer,
        _ => Role::Owner,
    }
}

pub fn issue(issue: wire::Issue) -> Converted<Issue> {
    if issue.iid <= 0 {
        return Err("an issue has no number".to_owned());
    }
    Ok(Issue {
        number: issue.iid,
        is_pull: false,
        title: issue.title,
        body: issue.description,
        state: state(&issue.state)?,
        labels: label_names(issue.labels.iter().map(String::as_str)),
        author: user(issue.author),
        created_at: time(&issue.created_at),
        updated_at: time(&issue.updated_at),
        confidential: issue.confidential,
    })
}

/// The issue half of a merge request.
pub fn merge_as_issue(merge: wire::Merge) -> Converted<Issue> {
    let created_at = time(&merge.created_at);
    let pull = pull(merge)?;
    Ok(Issue {
        number: pull.number,
        is_pull: true,
        title: pull.title,
        body: pull.body,
        state: pull.state,
        labels: pull.labels,
        author: pull.author,
        created_at,
        updated_at: pull.updated_at,
        confidential: false,
    })
}

pub fn comment(note: wire::Note) -> Converted<Comment> {
    if note.id <= 0 {
        return Err("a comment has no id".to_owned());
    }
    Ok(Comment {
        id: note.id,
        body: note.body,
        author: user(note.author),
        created_at: time(&note.created_at),
        updated_at: time(&note.updated_at),
    })
}

pub fn pull(merge: wire::Merge) -> Converted<Pull> {
    if merge.iid <= 0 {
        return Err("a merge request has no number".to_owned());
    }
    let (title, marked) = split_title(&merge.title);
    let merged = merge.state == "merged";
    let refs = merge.diff_refs.unwrap_or_default();
    let id = |id: i64| (id > 0).then_some(id);
    let mergeable = match merge.detailed_merge_status.as_str() {
        "conflict" | "need_rebase" | "broken_status" => Some(false),
        "unchecked" | "checking" | "preparing" | "approvals_syncing" => None,
        "" => match merge.merge_status.as_str() {
            "can_be_merged" => Some(true),
            "cannot_be_merged" => Some(false),
            _ => None,
        },
        // A rule stands against it, which is not about the content.
        _ => Some(!merge.has_conflicts),
    };
    let merge_sha = [&merge.merge_commit_sha, &merge.squash_commit_sha, &merge.sha].into_iter().find_map(|text| some_sha(text));
    Ok(Pull {
        number: pull_number(merge.iid),
        title,
        body: merge.description,
        state: state(&merge.state)?,
        draft: merge.draft || merge.work_in_progress || marked,
        merged,
        merge_sha: merge_sha.filter(|_| merged),
        merged_by: some_user(merge.merge_user).or(some_user(merge.merged_by)).filter(|_| merged),
        mergeable,
        head: PullSide {
            branch: merge.source_branch,
            sha: sha(if merge.sha.is_empty() { &refs.head_sha } else { &merge.sha }),
            repo_id: id(merge.source_project_id),
        },
        base: PullSide { branch: merge.target_branch, sha: sha(&refs.base_sha), repo_id: id(merge.target_project_id) },
        labels: label_names(merge.labels.iter().map(String::as_str)),
        author: user(merge.author),
        updated_at: time(&merge.updated_at),
    })
}

/// The state of a commit status, a job or a pipeline.
pub fn ci_state(text: &str, allow_failure: bool) -> Option<CiState> {
    Some(match text {
        "success" => CiState::Success,
        "skipped" => CiState::Skipped,
        "failed" if allow_failure => CiState::Warning,
        "manual" if allow_failure => CiState::Skipped,
        "failed" => CiState::Failure,
        "canceled" | "canceling" => CiState::Error,
        "created" | "waiting_for_resource" | "waiting_for_callback" | "preparing" | "pending" | "running" | "scheduled" | "manual" => {
            CiState::Pending
        }
        _ => return None,
    })
}

/// The word that the status call wants.
pub fn ci_state_name(state: CiState) -> &'static str {
    match state {
        CiState::Success | CiState::Warning | CiState::Skipped => "success",
        CiState::Pending => "pending",
        CiState::Failure => "failed",
        CiState::Error => "canceled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draft_marks_come_off_and_go_on() {
        for (raw, plain, draft) in [
            ("Draft: Add CSV", "Add CSV", true),
            ("draft:WIP: Add CSV", "Add CSV", true),
            ("[Draft] (draft) Add CSV", "Add CSV", true),
            ("Drafting the rules", "Drafting the rules", false),
            ("ÄÖ", "ÄÖ", false),
        ] {
            assert_eq!(split_title(raw), (plain.to_owned(), draft), "{raw}");
        }
        assert_eq!(join_title("[wip] x", true), "Draft: x");
        assert_eq!(join_title("Draft: x", false), "x");
    }

    #[test]
    fn both_formats_of_a_date_are_one_moment() {
        let moment = time("2013-12-03T17:15:43Z");
        assert!(moment.0 > 0);
        for text in ["2013-12-03 17:15:43 UTC", "2013-12-03T17:15:43.000Z", "2013-12-03T18:15:43+01:00", "2013-12-03 18:15:43 +0100"] {
            assert_eq!(time(text), moment, "{text}");
        }
        assert_eq!(time("yesterday"), Time::default());
    }

    #[test]
    fn numbers_of_merge_requests_are_kept_apart_from_issues() {
        assert_eq!(place(7), ("issues", "7".to_owned()));
        assert_eq!(place(pull_number(7)), ("merge_requests", "7".to_owned()));
    }

    #[test]
    fn access_levels_are_roles() {
        let roles = [0, 5, 10, 15, 20, 30, 40, 50].map(role);
        assert_eq!(roles, [Role::None, Role::None, Role::Reader, Role::Reader, Role::Reader, Role::Writer, Role::Maintainer, Role::Owner]);
    }
}
