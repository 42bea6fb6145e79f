//! `syndarix token`: service tokens for programs. Works beside a running `syndarix serve`, which reads each token anew with each request.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::app::open_store;
use crate::base::ids::{ProjectId, TokenId};
use crate::base::{Clock, Time};
use crate::config::Config;
use crate::domain::access::token::{Scope, Token, token_name};
use crate::store::{NewToken, Store, TokenRow};

/// Arguments of `syndarix token`.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// The settings file of `syndarix serve`; by default the one that SYNDARIX_CONFIG names, or `syndarix-settings.toml` here.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make a token and show it. It is shown this once: nothing is kept that it could be read from.
    Issue(IssueArgs),
    /// Make a token good for nothing from this moment on, on all instances.
    Revoke {
        /// Its name, or its id as `syndarix token list` shows it.
        #[arg(value_name = "ID|NAME")]
        token: String,
    },
    /// List the tokens that hold, with what they are good for and when they were last used.
    List {
        /// Also those that were revoked.
        #[arg(long)]
        all: bool,
        /// Print one JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
struct IssueArgs {
    /// What it is called here: letters, digits, dots, dashes and underscores.
    #[arg(long, value_name = "NAME", value_parser = token_name)]
    name: String,
    /// What it is good for, once for each: metrics, projects:read, jobs:read, jobs:retry, deliveries:read, deliveries:replay, audit:read.
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    scopes: Vec<Scope>,
    /// Only for this project, `owner/name` or `prj_…`; may be given several times. Left out: for all.
    #[arg(long = "project", value_name = "PROJECT")]
    projects: Vec<String>,
    /// How long it holds: days or hours such as `90d` or `12h`, or `never`.
    #[arg(long, value_name = "SPAN", default_value = "90d", value_parser = span)]
    expires: Span,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// How long a token holds, in milliseconds; `None`: until it is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span(Option<i64>);

fn span(text: &str) -> Result<Span, String> {
    if text == "never" {
        return Ok(Span(None));
    }
    let read = |ending: char, millis: i64| {
        text.strip_suffix(ending).and_then(|count| count.parse::<u16>().ok()).map(|count| i64::from(count) * millis)
    };
    match read('d', 86_400_000).or_else(|| read('h', 3_600_000)) {
        Some(millis) if millis > 0 => Ok(Span(Some(millis))),
        _ => Err("write it as 90d, 12h or never".to_owned()),
    }
}

/// Opens the database of the configuration and runs the sub-command.
pub async fn start(args: TokenArgs) -> Result<u8> {
    let config = Config::load(&super::environment(), args.config.as_deref())?;
    let store = open_store(&config, Clock::System).await?;
    let mut answer = Vec::new();
    let code = run(&args, &store, &mut answer).await;
    store.close().await;
    super::print(&answer)?;
    code
}

/// Runs the sub-command, writes its answer to `out` and returns the exit code.
pub async fn run(args: &TokenArgs, store: &Store, out: &mut dyn Write) -> Result<u8> {
    match &args.command {
        TokenCommand::Issue(issue) => self::issue(issue, store, out).await,
        TokenCommand::Revoke { token } => revoke(token, store, out).await,
        TokenCommand::List { all, json } => list(*all, *json, store, out).await,
    }
}

/// Who is typing, as far as this machine can tell.
fn operator() -> String {
    format!("uid:{}", rustix::process::getuid().as_raw())
}

async fn issue(args: &IssueArgs, store: &Store, out: &mut dyn Write) -> Result<u8> {
    let scopes: BTreeSet<Scope> = args.scopes.iter().copied().collect();
    let projects = match args.projects.is_empty() {
        true => None,
        false => Some(find_projects(&args.projects, store).await?),
    };
    if let Some(scope) = scopes.iter().find(|scope| projects.is_some() && !scope.fits_projects()) {
        bail!("the scope `{scope}` is for tokens of all projects: its numbers are those of all. Leave out --project, or issue two tokens");
    }
    let token = Token::mint();
    let expires_at = args.expires.0.map(|millis| store.clock().now().plus_millis(millis));
    let new = NewToken { id: token.id, name: args.name.clone(), digest: token.digest(), scopes, projects, expires_at, by: operator() };
    if !store.issue_token(&new).await? {
        bail!("there is a token `{0}` already. Choose another name, or `syndarix token revoke {0}` first", args.name);
    }
    if args.json {
        let scopes: Vec<&str> = new.scopes.iter().map(|scope| scope.word()).collect();
        let row = json!({
            "id": new.id, "name": new.name, "token": token.text(), "scopes": scopes, "projects": new.projects,
            "expires_at": expires_at.map(Time::rfc3339),
        });
        writeln!(out, "{row}")?;
        return Ok(0);
    }
    writeln!(out, "{}", token.text())?;
    let until = expires_at.map_or_else(|| "until it is revoked".to_owned(), |at| format!("until {at}"));
    // The token stands alone on standard output, so that it can be piped into a file.
    eprintln!("This is the token `{}`. It is shown this once, and holds {until}. Send it as `Authorization: Bearer …`.", new.name);
    Ok(0)
}

async fn find_projects(wanted: &[String], store: &Store) -> Result<BTreeSet<ProjectId>> {
    let known = store.projects().await?;
    let mut found = BTreeSet::new();
    for text in wanted {
        let same: Vec<ProjectId> = known
            .iter()
            .filter(|project| project.path.eq_ignore_ascii_case(text) || project.id.to_string() == *text)
            .map(|project| project.id)
            .collect();
        match same[..] {
            [id] => found.insert(id),
            [] => {
                let paths: Vec<&str> = known.iter().map(|project| project.path.as_str()).collect();
                bail!("there is no project `{text}`; there are: {}", paths.join(", "))
            }
            _ => bail!("more than one forge has a project `{text}`; name it by its id, `prj_…`"),
        };
    }
    Ok(found)
}

async fn revoke(wanted: &str, store: &Store, out: &mut dyn Write) -> Result<u8> {
    let rows = store.tokens().await?;
    let by_id = wanted.parse::<TokenId>().ok();
    let is_it = |row: &&TokenRow| by_id.map_or(row.name == wanted, |id| row.id == id);
    // Of several that had the name one at most is not revoked.
    let found = rows.iter().filter(is_it).min_by_key(|row| row.revoked_at.is_some());
    let Some(row) = found else { bail!("there is no token `{wanted}`; `syndarix token list --all` shows what there is") };
    match store.revoke_token(row.id, &operator()).await? {
        true => writeln!(out, "The token `{}` ({}) is good for nothing any more, on every instance.", row.name, row.id)?,
        false => writeln!(
            out,
            "The token `{}` ({}) was revoked before{}; nothing was changed.",
            row.name,
            row.id,
            row.revoked_at.map(|at| format!(", at {at}")).unwrap_or_default()
        )?,
    }
    Ok(0)
}

async fn list(all: bool, as_json: bool, store: &Store, out: &mut dyn Write) -> Result<u8> {
    let now = store.clock().now();
    let paths: BTreeMap<ProjectId, String> = store.projects().await?.into_iter().map(|project| (project.id, project.path)).collect();
    let rows: Vec<TokenRow> = store.tokens().await?.into_iter().filter(|row| all || row.revoked_at.is_none()).collect();
    if as_json {
        let shown: Vec<Value> = rows.iter().map(|row| shown(row, now)).collect();
        writeln!(out, "{}", json!({ "tokens": shown }))?;
        return Ok(0);
    }
    for row in &rows {
        writeln!(out, "{}", line(row, now, &paths))?;
    }
    if rows.is_empty() {
        writeln!(out, "There is no token. `syndarix token issue --name NAME --scope SCOPE` makes one.")?;
    }
    Ok(0)
}

fn words(row: &TokenRow) -> Vec<&'static str> {
    row.scopes.iter().map(|scope| scope.word()).collect()
}

fn state(row: &TokenRow, now: Time) -> &'static str {
    match row.revoked_at {
        Some(_) => "revoked",
        None if row.holds(now) => "holds",
        None => "expired",
    }
}

fn shown(row: &TokenRow, now: Time) -> Value {
    json!({
        "id": row.id, "name": row.name, "state": state(row, now), "scopes": words(row), "projects": row.projects, "issued_by": row.issued_by,
        "issued_at": row.issued_at.rfc3339(), "expires_at": row.expires_at.map(Time::rfc3339), "last_used": row.last_used.map(to_the_hour),
        "revoked_by": row.revoked_by, "revoked_at": row.revoked_at.map(Time::rfc3339),
    })
}

fn line(row: &TokenRow, now: Time, paths: &BTreeMap<ProjectId, String>) -> String {
    let path = |id: &ProjectId| paths.get(id).cloned().unwrap_or_else(|| id.to_string());
    let places = row.projects.as_ref().map_or_else(|| "all projects".to_owned(), |own| own.iter().map(path).collect::<Vec<_>>().join(", "));
    let used = row.last_used.map_or_else(|| "never used".to_owned(), |at| format!("last used about {}", to_the_hour(at)));
    let until = match (row.revoked_at, row.expires_at) {
        (Some(at), _) => format!("revoked at {at} by {}", row.revoked_by.as_deref().unwrap_or("somebody")),
        (None, Some(at)) if at <= now => format!("expired at {at}"),
        (None, Some(at)) => format!("holds until {at}"),
        (None, None) => "holds until it is revoked".to_owned(),
    };
    format!("{}  {}  {}  {places}  {used}  {until}", row.id, row.name, words(row).join(","))
}

/// Uses are noted to the hour, and are not shown as if they were known better.
fn to_the_hour(at: Time) -> String {
    Time(at.0.div_euclid(3_600_000_000) * 3_600_000_000).rfc3339().replace(":00:00.000000Z", ":00Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read() {
        for (text, wanted) in [("90d", Some(7_776_000_000)), ("1h", Some(3_600_000)), ("never", None)] {
            assert_eq!(span(text), Ok(Span(wanted)), "{text}");
        }
        for text in ["", "0d", "-1d", "d", "90", "90m", "1.5d", "99999999d"] {
            assert!(span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn hours_are_all_that_is_told_of_a_use() {
        assert_eq!(to_the_hour(Time::parse("2026-08-03T09:41:12Z").unwrap()), "2026-08-03T09:00Z");
    }
}
