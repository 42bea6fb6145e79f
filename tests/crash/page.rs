//! What a person sees at the end, made comparable between two stories.

use std::collections::BTreeSet;
use std::fmt::Write;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use syndarix::cli::demo::people::People;
use syndarix::domain::marker;
use syndarix::sandbox::{Counts, Sandbox};

/// The end of a story on the forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub pages: String,
    pub counts: Counts,
    /// Subjects of the commits of the pull request, oldest first, then what the default branch got beside them.
    pub commits: Vec<String>,
}

/// Reads the end of the story and checks that nothing in it stands twice. `names`: agents with their types, since each story has others.
pub async fn seen(sandbox: &Sandbox, repo: &str, people: &People, names: &[(String, String)]) -> Result<Seen> {
    let mut numbers = vec![1];
    numbers.extend(sandbox.pull_numbers(repo)?);
    let mut pages = String::new();
    for number in &numbers {
        pages.push_str(&comparable(&sandbox.page(repo, *number)?, names));
        pages.push_str("\n=====\n");
        nothing_twice(people, *number).await?;
    }
    let pull = numbers.last().context("a story has a number")?;
    let mut commits = subjects(&people.get(&format!("pulls/{pull}/commits?limit=50")).await?, names);
    commits.reverse();
    commits.extend(main_line(sandbox, repo, names)?);
    Ok(Seen { pages, counts: sandbox.counts(repo)?, commits })
}

async fn nothing_twice(people: &People, number: i64) -> Result<()> {
    let comments = people.get(&format!("issues/{number}/comments")).await?;
    let reviews = people.get(&format!("pulls/{number}/reviews")).await.unwrap_or_default();
    let mut known = BTreeSet::new();
    for entry in comments.as_array().into_iter().chain(reviews.as_array()).flatten() {
        let (body, login) = (entry["body"].as_str().unwrap_or_default(), entry["user"]["login"].as_str().unwrap_or_default());
        let name = match marker::find(body) {
            Some(marker) => format!("{} {}", marker.kind, marker.object),
            None => format!("{login}: {body}"),
        };
        ensure!(known.insert(name.clone()), "#{number} holds this twice: {name}\n{body}");
    }
    Ok(())
}

fn subjects(commits: &Value, names: &[(String, String)]) -> Vec<String> {
    let message = |commit: &Value| commit["commit"]["message"].as_str().unwrap_or_default().lines().next().unwrap_or_default().to_owned();
    commits.as_array().into_iter().flatten().map(|commit| comparable(message(commit).trim(), names)).collect()
}

/// The default branch as Git has it: a merge that was made twice would show here.
fn main_line(sandbox: &Sandbox, repo: &str, names: &[(String, String)]) -> Result<Vec<String>> {
    let log =
        std::process::Command::new("git").arg("--git-dir").arg(sandbox.git_dir(repo)?).args(["log", "--format=%s", "main"]).output()?;
    ensure!(log.status.success(), "git log: {}", String::from_utf8_lossy(&log.stderr));
    Ok(String::from_utf8_lossy(&log.stdout).lines().map(|line| comparable(line, names)).collect())
}

/// Takes out what differs between two stories that went the same way: names of agents, commit ids, addresses, marker signatures.
fn comparable(text: &str, names: &[(String, String)]) -> String {
    let mut out = String::new();
    for line in text.lines().filter(|line| !line.starts_with("<!-- ")) {
        // How often labels were looked at, for one, is recorded and may differ.
        if line.starts_with("- Record: ") {
            out.push_str("- Record: some entries\n");
            continue;
        }
        let mut words = String::new();
        let mut word = String::new();
        for c in line.chars().chain(['\n']) {
            if c.is_ascii_alphanumeric() {
                word.push(c);
                continue;
            }
            words.push_str(&replaced(&word, names));
            word.clear();
            words.push(c);
        }
        out.push_str(&words);
    }
    out.trim_end().to_owned()
}

fn replaced(word: &str, names: &[(String, String)]) -> String {
    if let Some((_, kind)) = names.iter().find(|(name, _)| name == word) {
        return format!("<{kind}>");
    }
    let is_hash = word.len() >= 7 && word.bytes().all(|b| b.is_ascii_hexdigit()) && word.bytes().any(|b| b.is_ascii_digit());
    let is_port = word.len() >= 4 && word.len() <= 5 && word.bytes().all(|b| b.is_ascii_digit());
    match (is_hash, is_port) {
        (true, _) => "<hash>".to_owned(),
        (_, true) => "<number>".to_owned(),
        _ => word.to_owned(),
    }
}

/// The lines in which two texts differ.
pub fn difference(want: &str, got: &str) -> String {
    let mut out = String::new();
    let diff = similar::TextDiff::from_lines(want, got);
    for change in diff.iter_all_changes().filter(|change| change.tag() != similar::ChangeTag::Equal) {
        let _ = write!(out, "{}{}", change.tag(), change.value());
    }
    out
}
