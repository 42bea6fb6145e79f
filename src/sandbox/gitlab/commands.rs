//! Quick actions: lines of a text that begin with a slash and a known word are taken out and done.

use super::draft;
use super::labelling::{LabelChange, relabel};
use super::remarks::SILENT;
use crate::sandbox::act::{Act, IssuePatch, NewReview};
use crate::sandbox::problem::Problem;
use crate::sandbox::state::Verdict;

/// The words that GitLab knows (docs.gitlab.com, "GitLab quick actions"). Any other line with a slash is text.
const KNOWN: [&str; 79] = [
    "add_child",
    "add_contacts",
    "add_email",
    "approve",
    "assign",
    "assign_reviewer",
    "award",
    "blocked_by",
    "blocks",
    "cc",
    "child_of",
    "clear_health_status",
    "clear_weight",
    "clone",
    "close",
    "confidential",
    "convert_to_ticket",
    "copy_metadata",
    "create_merge_request",
    "done",
    "draft",
    "due",
    "duplicate",
    "epic",
    "estimate",
    "health_status",
    "invite_email",
    "iteration",
    "label",
    "labels",
    "link",
    "lock",
    "merge",
    "milestone",
    "move",
    "page",
    "promote_to",
    "promote_to_incident",
    "publish",
    "react",
    "ready",
    "reassign",
    "reassign_reviewer",
    "rebase",
    "relabel",
    "relate",
    "remove_child",
    "remove_due_date",
    "remove_estimate",
    "remove_iteration",
    "remove_milestone",
    "remove_parent",
    "remove_reviewer",
    "remove_time_spent",
    "remove_zoom",
    "reopen",
    "request_changes",
    "request_review",
    "set_parent",
    "severity",
    "shrug",
    "spend",
    "spent",
    "submit_review",
    "subscribe",
    "tableflip",
    "target_branch",
    "timeline",
    "title",
    "todo",
    "type",
    "unapprove",
    "unassign",
    "unassign_reviewer",
    "unlabel",
    "unlink",
    "unlock",
    "unsubscribe",
    "weight",
];

/// A text without its quick actions, and those.
#[derive(Debug, PartialEq, Eq)]
pub struct Parted {
    pub text: String,
    /// Words with what stands behind them.
    pub commands: Vec<(String, String)>,
}

/// Takes the quick actions out of a text. What stands in code is left alone.
pub fn part(text: &str) -> Parted {
    let (mut kept, mut commands, mut in_code) = (Vec::new(), Vec::new(), false);
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        match command(line).filter(|_| !in_code) {
            Some(command) => commands.push(command),
            None => kept.push(line),
        }
    }
    let text = if commands.is_empty() { text.to_owned() } else { kept.join("\n").trim().to_owned() };
    Parted { text, commands }
}

fn command(line: &str) -> Option<(String, String)> {
    let rest = line.strip_prefix('/')?;
    let (word, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let word = word.to_ascii_lowercase();
    KNOWN.contains(&word.as_str()).then(|| (word, argument.trim().to_owned()))
}

/// Does the commands one by one and says what came of each. One that cannot be done stops nothing.
pub fn perform(act: &mut Act, issue: i64, commands: &[(String, String)]) -> Vec<String> {
    let one = |(word, argument): &(String, String)| match run(act, issue, word, argument) {
        Ok(Some(said)) => said,
        Ok(None) => format!("Could not apply {word} command."),
        Err(problem) => format!("Could not apply {word} command. {problem}."),
    };
    commands.iter().map(one).collect()
}

fn run(act: &mut Act, issue: i64, word: &str, argument: &str) -> Result<Option<String>, Problem> {
    let labels = |change: LabelChange| relabel_said(change);
    let said = match word {
        "close" | "reopen" => {
            act.edit(issue, IssuePatch { closed: Some(word == "close"), ..IssuePatch::default() })?;
            if word == "close" { "Closed this." } else { "Reopened this." }.to_owned()
        }
        "title" => {
            act.edit(issue, IssuePatch { title: Some(draft::stored(argument)), ..IssuePatch::default() })?;
            format!("Changed the title to \"{argument}\".")
        }
        "draft" | "ready" => {
            let title = draft::shown(&act.pull(issue)?.0.title);
            let bare = title.strip_prefix("Draft: ").unwrap_or(&title).to_owned();
            let title = if word == "draft" { format!("Draft: {bare}") } else { bare };
            act.edit(issue, IssuePatch { title: Some(draft::stored(&title)), ..IssuePatch::default() })?;
            format!("Marked this merge request as {word}.")
        }
        "label" | "labels" => labels(LabelChange { add: names(argument), known_only: true, ..LabelChange::default() })(act, issue)?,
        "relabel" => labels(LabelChange { set: Some(names(argument)), known_only: true, ..LabelChange::default() })(act, issue)?,
        "unlabel" if argument.is_empty() => labels(LabelChange { set: Some(Vec::new()), ..LabelChange::default() })(act, issue)?,
        "unlabel" => labels(LabelChange { remove: names(argument), ..LabelChange::default() })(act, issue)?,
        "assign" | "unassign" => assign(act, issue, argument, word == "assign")?,
        "confidential" => {
            act.set_confidential(issue, true)?;
            "Made this issue confidential.".to_owned()
        }
        "approve" => review(act, issue, Verdict::Approve)?,
        "request_changes" => review(act, issue, Verdict::Reject)?,
        "submit_review" if argument == "approve" => review(act, issue, Verdict::Approve)?,
        "submit_review" if argument == "requested_changes" => review(act, issue, Verdict::Reject)?,
        "unapprove" => {
            act.unapprove(issue)?;
            "Unapproved the current merge request.".to_owned()
        }
        _ => return Ok(None),
    };
    Ok(Some(said))
}

fn relabel_said(change: LabelChange) -> impl FnOnce(&mut Act, i64) -> Result<String, Problem> {
    move |act, issue| relabel(act, issue, &change).map(|()| "Changed the labels.".to_owned())
}

fn review(act: &mut Act, issue: i64, verdict: Verdict) -> Result<String, Problem> {
    let body = if verdict == Verdict::Reject { SILENT } else { "" };
    act.review(issue, NewReview { verdict, body: body.to_owned(), commit: None, lines: Vec::new() })?;
    Ok(if verdict == Verdict::Approve { "Approved the current merge request." } else { "Requested changes." }.to_owned())
}

fn assign(act: &mut Act, issue: i64, argument: &str, add: bool) -> Result<String, Problem> {
    let named = |word: &str| match word {
        "me" => Some(act.actor),
        login => act.world.user_named(login.trim_start_matches('@')).map(|user| user.id),
    };
    let users: Vec<i64> = argument.split([' ', ',']).filter(|word| !word.is_empty()).filter_map(named).collect();
    let mut standing = act.issue(issue)?.assignees.clone();
    match add {
        true => standing.extend(users),
        false => standing.retain(|user| !users.is_empty() && !users.contains(user)),
    }
    act.edit(issue, IssuePatch { assignees: Some(standing), ..IssuePatch::default() })?;
    Ok("Changed the assignees.".to_owned())
}

/// `~a ~"b c" ~d::e` or plain words.
fn names(argument: &str) -> Vec<String> {
    let (mut names, mut rest) = (Vec::new(), argument.trim());
    while !rest.is_empty() {
        let bare = rest.trim_start_matches('~');
        let (name, behind) = match bare.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => bare.split_once([' ', ',']).unwrap_or((bare, "")),
        };
        names.extend(Some(name.trim().to_owned()).filter(|name| !name.is_empty()));
        rest = behind.trim_start_matches([' ', ',']);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_words_are_taken_out_and_unknown_ones_stay() {
        let parted = part("Good.\n/approve\n/syndarix plan\n```\n/close\n```\n /merge\n/label ~a ~\"b c\"");
        assert_eq!(parted.text, "Good.\n/syndarix plan\n```\n/close\n```\n /merge");
        assert_eq!(parted.commands, [("approve".into(), String::new()), ("label".into(), "~a ~\"b c\"".into())]);
        assert_eq!(names("~a ~\"b c\" d::e"), ["a", "b c", "d::e"]);
        assert_eq!(part("/close").text, "");
        assert_eq!(part("/syndarix\n").text, "/syndarix\n");
    }
}
