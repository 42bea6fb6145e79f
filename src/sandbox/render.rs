//! An issue or pull request as plain text, the way a person sees it: for snapshots in tests.

use std::fmt::Write;

use super::act::pulls::is_draft;
use super::state::{Issue, Pull, Reaction, Review, Verdict};
use super::world::World;

/// How many of each thing there are in a repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Issues that are not pull requests.
    pub issues: usize,
    pub pulls: usize,
    pub merged: usize,
    pub comments: usize,
    /// Submitted reviews, whatever their verdict.
    pub reviews: usize,
    pub branches: usize,
}

/// Counts what a repository holds.
pub fn counts(world: &World, repo: i64) -> Counts {
    let issues: Vec<&Issue> = world.issues.all().filter(|issue| issue.repo == repo).collect();
    let pulls: Vec<&Pull> = issues.iter().filter_map(|issue| issue.pull.as_ref()).collect();
    let submitted = |review: &&Review| !matches!(review.verdict, Verdict::Requested | Verdict::Pending);
    Counts {
        issues: issues.len() - pulls.len(),
        pulls: pulls.len(),
        merged: pulls.iter().filter(|pull| pull.merged.is_some()).count(),
        comments: issues.iter().map(|issue| world.comments_on(issue.id).count()).sum(),
        reviews: issues.iter().map(|issue| world.reviews_of(issue.id).filter(submitted).count()).sum(),
        branches: world.repos.get(repo).map_or(0, |repo| repo.branches().count()),
    }
}

/// The page of one issue or pull request.
pub fn page(world: &World, issue: &Issue) -> String {
    let mut page = String::new();
    head(world, issue, &mut page);
    text(&issue.body, "", &mut page);
    reactions(world, &issue.reactions, "", &mut page);
    let mut entries: Vec<(i64, String)> = Vec::new();
    for comment in world.comments_on(issue.id) {
        let mut entry = format!("\n--- {}\n", world.login(comment.author));
        text(&comment.body, "", &mut entry);
        reactions(world, &comment.reactions, "", &mut entry);
        entries.push((comment.id, entry));
    }
    for review in world.reviews_of(issue.id) {
        entries.push((review.id, of_review(world, issue, review)));
    }
    entries.sort();
    page.extend(entries.into_iter().map(|(_, entry)| entry));
    page
}

/// A write to a string cannot fail.
macro_rules! put {
    ($page:expr, $($text:tt)*) => { let _ = writeln!($page, $($text)*); };
}

fn head(world: &World, issue: &Issue, page: &mut String) {
    let state = match &issue.pull {
        Some(pull) if pull.merged.is_some() => "merged",
        _ if issue.closed.is_some() => "closed",
        Some(_) if is_draft(&issue.title) => "draft",
        _ => "open",
    };
    put!(page, "#{} {} [{state}] by {}", issue.number, issue.title, world.login(issue.author));
    if let Some(pull) = &issue.pull {
        put!(page, "{} -> {}, +{} -{} in {} files", pull.head, pull.base, pull.check.additions, pull.check.deletions, pull.check.files);
        if let Some(merged) = &pull.merged {
            put!(page, "merged by {}", world.login(merged.by));
        }
    }
    let labels: Vec<&str> = world.labels_on(issue).iter().map(|label| label.name.as_str()).collect();
    if !labels.is_empty() {
        put!(page, "labels: {}", labels.join(", "));
    }
    let mention = format!("#{}", issue.number);
    for pull in world.issues.all().filter(|other| other.repo == issue.repo && other.pull.is_some() && other.id != issue.id) {
        if mentions(&pull.title, &mention) || mentions(&pull.body, &mention) {
            put!(page, "mentioned in: #{} {}", pull.number, pull.title);
        }
    }
}

/// True when the text names the number and not a longer one.
fn mentions(text: &str, mention: &str) -> bool {
    text.match_indices(mention).any(|(at, _)| !text[at + mention.len()..].starts_with(|c: char| c.is_ascii_digit()))
}

fn of_review(world: &World, issue: &Issue, review: &Review) -> String {
    let mut entry = String::new();
    let who = world.login(review.author);
    let what = match review.verdict {
        Verdict::Approve => "approved",
        Verdict::Reject => "requests changes",
        Verdict::Comment => "comments",
        Verdict::Pending => "has not submitted yet",
        Verdict::Requested => "is asked for a review",
    };
    let moved = issue.pull.as_ref().is_some_and(|pull| pull.head_sha != review.commit);
    let marks = [(review.dismissed, "dismissed"), (review.stale, "stale"), (moved, "on an older head")];
    let decides = [(review.verdict.decides() && !review.official && !review.dismissed, "not official")];
    let marks: Vec<&str> = marks.into_iter().chain(decides).filter(|(holds, _)| *holds).map(|(_, word)| word).collect();
    let marks = if marks.is_empty() { String::new() } else { format!(" ({})", marks.join(", ")) };
    entry.push_str(&format!("\n--- {who} {what}{marks}\n"));
    text(&review.body, "", &mut entry);
    for line in &review.lines {
        let at = if line.new_line > 0 { line.new_line.to_string() } else { format!("-{}", line.old_line) };
        put!(entry, "  {}:{at}", line.path);
        text(&line.body, "    ", &mut entry);
    }
    entry
}

fn text(body: &str, indent: &str, page: &mut String) {
    for line in body.trim_end().lines() {
        put!(page, "{}", format!("{indent}{line}").trim_end());
    }
}

fn reactions(world: &World, reactions: &[Reaction], indent: &str, page: &mut String) {
    for reaction in reactions {
        put!(page, "{indent}({} by {})", reaction.content, world.login(reaction.user));
    }
}
