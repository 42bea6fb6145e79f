//! `syndarix audit`: checks a record from its files alone, offline, without the database that produced it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::domain::audit::chain::Remembered;
use crate::domain::audit::verify::{ChainReport, Scope};
use crate::domain::audit::{ChainId, Report, Verifier, verify_files};

/// What was asked could be checked and holds.
pub const HOLDS: u8 = 0;
/// It was checked and does not hold.
pub const BROKEN: u8 = 1;
/// It could not be checked, or the question was not understood.
pub const UNKNOWN: u8 = 2;

/// Reads all files of a Git repository, bare or not, at a revision, or else at its main branch: paths from its root with their content.
/// The error is a sentence.
pub type ReadGit = fn(&Path, Option<&str>) -> Result<Vec<(String, Vec<u8>)>, String>;

/// The record of what was done, decided, spent and allowed.
#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Check an audit repository or a copy of its files. Exit code 0: it holds, 1: it does not, 2: it could not be checked.
    Verify(VerifyArgs),
}

/// What to check and how to say it.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The audit repository, bare or not, or a plain directory with its files.
    #[arg(long, value_name = "PATH")]
    pub repo: PathBuf,
    /// Check only this project's chain (`prj_…`, or `system`).
    #[arg(long, value_name = "ID")]
    pub project: Option<String>,
    /// A moment you wrote down, as the hash of a line and its seq; finds a record that was rewritten or cut as a whole.
    #[arg(long, value_name = "HEAD:SEQ")]
    pub since: Option<String>,
    /// The revision to read when PATH is a Git repository; by default its branch `main`, or else its HEAD.
    #[arg(long, value_name = "REV")]
    pub rev: Option<String>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Runs the sub-command, writes its answer to `out` and returns the exit code.
pub fn run(args: &AuditArgs, read_git: ReadGit, out: &mut dyn Write) -> io::Result<u8> {
    let AuditCommand::Verify(verify) = &args.command;
    let outcome = check(verify, read_git);
    let code = match &outcome {
        Ok(report) if report.holds() => HOLDS,
        Ok(_) => BROKEN,
        Err(_) => UNKNOWN,
    };
    match (verify.json, outcome) {
        (true, outcome) => writeln!(out, "{}", as_json(&verify.repo, outcome))?,
        (false, Ok(report)) => print(&report, out)?,
        (false, Err(why)) => writeln!(out, "The record could not be checked: {why}")?,
    }
    Ok(code)
}

fn check(args: &VerifyArgs, read_git: ReadGit) -> Result<Report, String> {
    let scope = scope(args)?;
    let (only, remembers) = (scope.only, scope.remembered.is_some());
    let report = match kind_of(&args.repo)? {
        Place::Git => verify_files(read_git(&args.repo, args.rev.as_deref())?, scope),
        Place::Directory => verify_directory(&args.repo, scope)?,
    };
    match only {
        _ if !report.is_empty() || !report.misplaced.is_empty() => Ok(report),
        Some(chain) if remembers => {
            Err(format!("the whole chain `{chain}` is missing from {}, although you remember an entry of it.", args.repo.display()))
        }
        Some(chain) => Err(format!("there is no chain `{chain}` in {}. Leave --project out to see which there are.", args.repo.display())),
        None => Err(format!("there is no record in {}: no file such as projects/system/000000000000.jsonl.", args.repo.display())),
    }
}

fn scope(args: &VerifyArgs) -> Result<Scope, String> {
    let only = args.project.as_deref().map(str::parse::<ChainId>).transpose()?;
    let remembered = args.since.as_deref().map(remembered).transpose()?;
    if remembered.is_some() && only.is_none() {
        return Err("--since speaks of one chain; say which with --project ID (or --project system).".into());
    }
    Ok(Scope { only, remembered })
}

fn remembered(text: &str) -> Result<Remembered, String> {
    let parts = text.split_once(':').and_then(|(head, seq)| Some((head, seq.parse().ok()?)));
    match parts {
        Some((head, seq)) if head.len() == 64 && head.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) => {
            Ok(Remembered { seq, head: head.to_owned() })
        }
        _ => Err(format!(
            "--since takes the hash of a line (64 characters of lower-case hex), a colon and its seq, not `{}`.",
            text.escape_debug()
        )),
    }
}

enum Place {
    Git,
    Directory,
}

fn kind_of(path: &Path) -> Result<Place, String> {
    if !path.is_dir() {
        return Err(format!("{} is not a directory that can be read.", path.display()));
    }
    let bare = path.join("HEAD").is_file() && path.join("objects").is_dir();
    Ok(if bare || path.join(".git").exists() { Place::Git } else { Place::Directory })
}

/// One file in memory at a time: a record may be larger than the memory of the machine that checks it.
fn verify_directory(root: &Path, scope: Scope) -> Result<Report, String> {
    let mut paths = Vec::new();
    list(root, "", &mut paths).map_err(|error| format!("{} cannot be read ({error}).", root.display()))?;
    paths.sort();
    let mut verifier = Verifier::new(scope);
    for path in paths {
        let bytes = if verifier.wants(&path) {
            std::fs::read(root.join(&path)).map_err(|error| format!("{path} cannot be read ({error})."))?
        } else {
            Vec::new()
        };
        verifier.file(&path, &bytes);
    }
    Ok(verifier.finish())
}

/// Everything below a directory that is not itself a directory. Links are named, not followed; a link in the place of a segment has the name of the
/// segment with `@` behind it, which the format does not know.
fn list(root: &Path, prefix: &str, paths: &mut Vec<String>) -> io::Result<()> {
    for entry in std::fs::read_dir(root.join(prefix))? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            list(root, &format!("{path}/"), paths)?;
        } else {
            paths.push(if kind.is_file() { path } else { format!("{path}@") });
        }
    }
    Ok(())
}

fn print(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for ChainReport { chain, summary, problem } in &report.chains {
        match problem {
            None => writeln!(out, "{chain}: holds, {}\n  head {}\n  root {}", entries(summary.entries), summary.head, summary.root)?,
            Some(problem) => {
                writeln!(out, "{chain}: DOES NOT HOLD\n  {problem}\n  up to there: {}, head {}", entries(summary.entries), summary.head)?
            }
        }
    }
    for path in &report.misplaced {
        writeln!(out, "{}: DOES NOT BELONG among the chains", path.escape_debug())?;
    }
    let verdict = if report.holds() { "The record holds" } else { "The record does not hold" };
    writeln!(out, "{verdict}: {}, {}.", count(report.chains.len() as u64, "chain", "chains"), entries(report.entries()))
}

fn entries(number: u64) -> String {
    count(number, "entry", "entries")
}

fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn as_json(repo: &Path, outcome: Result<Report, String>) -> Value {
    let report = match outcome {
        Ok(report) => report,
        Err(why) => return json!({ "ok": false, "checked": false, "repo": repo.display().to_string(), "error": why }),
    };
    let chain = |ChainReport { chain, summary, problem }: &ChainReport| {
        let problem = problem.as_ref().map(|p| json!({ "seq": p.seq, "file": p.file, "line": p.line_no, "reason": p.reason }));
        json!({
            "project": chain.to_string(),
            "ok": problem.is_none(),
            "entries": summary.entries,
            "head": summary.head,
            "root": summary.root,
            "problem": problem,
        })
    };
    json!({
        "ok": report.holds(),
        "checked": true,
        "repo": repo.display().to_string(),
        "entries": report.entries(),
        "chains": report.chains.iter().map(chain).collect::<Vec<_>>(),
        "misplaced": report.misplaced,
        "other": report.other,
    })
}
