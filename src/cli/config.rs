//! `syndarix config`: whether the configuration holds together, what is in force, and what may stand in its files.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::app;
use crate::base::text::visible;
use crate::config::shape::{self, FILES, schema::schema};
use crate::config::show::{self, Line, Section};
use crate::config::{Config, ConfigErrors, Env, Settings};

/// Arguments of `syndarix config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// The settings file; by default the one that SYNDARIX_CONFIG names, or `syndarix-settings.toml` here.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Print one JSON object instead of text.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Name every mistake of the settings, bot-config and prompts, with its place. Exit code 1: there are some.
    Check,
    /// Print what is in force and where it comes from, without secrets.
    Show,
    /// Print the JSON schema of a kind of file, for editors; without a name, list the kinds.
    Schema(SchemaArgs),
}

#[derive(Debug, Args)]
struct SchemaArgs {
    /// The kind of file, such as `settings` or `policy`.
    #[arg(value_name = "KIND", conflicts_with = "write")]
    kind: Option<String>,
    /// Write the schemas of all kinds into this directory.
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
}

/// Runs the sub-command on the environment of this process.
pub fn start(args: &ConfigArgs) -> Result<u8> {
    let mut answer = Vec::new();
    let code = run(args, &super::environment(), &mut answer)?;
    super::print(&answer)?;
    Ok(code)
}

/// Runs the sub-command and returns the exit code: 0 holds, 1 does not hold, 2 could not be read.
pub fn run(args: &ConfigArgs, env: &Env, out: &mut dyn Write) -> Result<u8> {
    match &args.command {
        ConfigCommand::Check => check(args, env, out),
        ConfigCommand::Show => show(args, env, out),
        ConfigCommand::Schema(schema) => schemas(schema, args.json, out),
    }
}

fn check(args: &ConfigArgs, env: &Env, out: &mut dyn Write) -> Result<u8> {
    let file = readable(env, args.config.as_deref())?;
    let (errors, config_repo) = match Config::load(env, args.config.as_deref()) {
        Ok(config) => (None, config.settings.config_repo.map(|repo| repo.place)),
        Err(errors) => (Some(errors), None),
    };
    if args.json {
        writeln!(
            out,
            "{}",
            json!({"holds": errors.is_none(), "settings": file, "errors": errors.as_ref().map_or_else(Vec::new, as_json)})
        )?;
        return Ok(u8::from(errors.is_some()));
    }
    let named = file.as_ref().map_or_else(|| "no settings file, built-in values".to_owned(), |file| file.display().to_string());
    match errors {
        None => {
            writeln!(out, "The configuration holds together ({named}).")?;
            if let Some(repo) = config_repo {
                writeln!(
                    out,
                    "The team lies in {repo}: each commit there is checked when it is pushed, and `syndarix doctor` checks the newest one."
                )?;
            }
            Ok(0)
        }
        Some(errors) => {
            writeln!(out, "{}", visible(&errors.to_string()))?;
            let count = errors.0.len();
            writeln!(out, "{count} {} to mend ({named}).", if count == 1 { "mistake" } else { "mistakes" })?;
            Ok(1)
        }
    }
}

/// The settings file that counts, after a look whether it can be read at all.
fn readable(env: &Env, named: Option<&Path>) -> Result<Option<PathBuf>> {
    let file = Settings::file(env, named);
    if let Some(file) = &file {
        std::fs::read_to_string(file)
            .with_context(|| format!("the settings file {} cannot be read, so nothing was checked", file.display()))?;
    }
    Ok(file)
}

fn as_json(errors: &ConfigErrors) -> Vec<Value> {
    let one = |error: &crate::config::ConfigError| json!({"file": error.file, "line": error.at.map(|at| at.0), "column": error.at.map(|at| at.1), "message": error.message});
    errors.0.iter().map(one).collect()
}

fn show(args: &ConfigArgs, env: &Env, out: &mut dyn Write) -> Result<u8> {
    readable(env, args.config.as_deref())?;
    let config = match Config::load(env, args.config.as_deref()) {
        Ok(config) => config,
        Err(errors) => {
            writeln!(out, "{}", visible(&errors.to_string()))?;
            return Ok(1);
        }
    };
    let looked = app::team::kept(&config)?;
    let kept = looked.as_ref().and_then(|looked| looked.kept.as_ref().map(|(commit, files)| (commit, &looked.place.shown, files)));
    let config = match kept {
        Some((_, _, files)) => Config::of_files(&config.settings, files, true)?,
        None => config,
    };
    let named = kept.map(|(commit, place, _)| format!("{place} at {}", commit.short()));
    let followed = named.as_deref().zip(kept.map(|(_, _, files)| files));
    let mut sections = show::sections(&config, env, args.config.as_deref(), followed)?;
    if let Some(looked) = &looked {
        sections.insert(1, followed_section(looked));
    }
    let redactor = config.redactor();
    if args.json {
        let all: Vec<Value> = sections.iter().map(section_json).collect();
        writeln!(out, "{}", redactor.mask(&json!({ "sections": all }).to_string()))?;
        return Ok(0);
    }
    for section in &sections {
        writeln!(out, "# {}", section.title)?;
        for line in &section.lines {
            writeln!(out, "{}", visible(&redactor.mask(&format!("{} = {}    # {}", line.key, line.value, line.source))))?;
        }
        writeln!(out)?;
    }
    Ok(0)
}

/// Where the team is followed, and which commit is in force.
fn followed_section(looked: &app::team::Looked) -> Section {
    let commit = match &looked.kept {
        Some((commit, _)) => json!(commit.0),
        None => json!("none yet: `syndarix serve` fetches it when it starts, and until then the built-in team is shown"),
    };
    let line = |key: &str, value: Value| Line { key: key.to_owned(), value, source: "the mirror in the data directory".to_owned() };
    Section { title: format!("the team, followed in {}", looked.place.shown), lines: vec![line("commit", commit)] }
}

fn section_json(section: &Section) -> Value {
    let lines: Vec<Value> = section.lines.iter().map(|line| json!({"key": line.key, "value": line.value, "source": line.source})).collect();
    json!({"title": section.title, "values": lines})
}

fn schemas(args: &SchemaArgs, as_json: bool, out: &mut dyn Write) -> Result<u8> {
    if let Some(directory) = &args.write {
        write_schemas(directory)?;
        writeln!(out, "Wrote {} schemas to {}.", FILES.len(), directory.display())?;
        return Ok(0);
    }
    match &args.kind {
        Some(kind) => {
            let Some(file) = shape::named(kind) else {
                bail!("there is no kind `{kind}`; there are: {}", FILES.iter().map(|file| file.name).collect::<Vec<_>>().join(", "));
            };
            writeln!(out, "{}", serde_json::to_string_pretty(&schema(file)).unwrap_or_default())?;
        }
        None if as_json => {
            let kinds: Vec<Value> = FILES.iter().map(|file| json!({"kind": file.name, "file": file.place})).collect();
            writeln!(out, "{}", json!({ "kinds": kinds }))?;
        }
        None => {
            for file in FILES {
                writeln!(out, "{:10} {:32} {}", file.name, file.place, file.about)?;
            }
        }
    }
    Ok(0)
}

/// Writes the schema of every kind of file, one file each.
pub(super) fn write_schemas(directory: &Path) -> Result<()> {
    let fail = || format!("the schemas cannot be written to {}", directory.display());
    std::fs::create_dir_all(directory).with_context(fail)?;
    for file in FILES {
        let text = serde_json::to_string_pretty(&schema(file)).map_err(io::Error::from).with_context(fail)?;
        std::fs::write(directory.join(format!("{}.schema.json", file.name)), text + "\n").with_context(fail)?;
    }
    Ok(())
}
