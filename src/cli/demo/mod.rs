//! `syndarix demo`: one story, from an issue to its merge, with a small forge beside the bot. The forge and the people live in this
//! process; the bot is a process of its own that runs `syndarix serve`, exactly as it would beside a real forge. Both keep what they
//! know on disk, so that a demo that was killed anywhere goes on from there when it is started again.

pub mod bot;
mod linked;
pub mod people;
mod place;
mod report;
pub mod story;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use clap::builder::TypedValueParser;
use serde_json::json;

use crate::base::Clock;
use crate::base::secret::Redactor;
use crate::config::{Env, LogFormat};
use crate::domain::budget::ModelRef;
use crate::sandbox::{Sandbox, SandboxConfig, Skin};

use bot::{Bot, Brain, Launch};
use people::{People, Stuck, Voice};
use place::Place;
use report::Ending;
use story::{Story, Subject};

/// Arguments of `syndarix demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Use a copy of this Git repository instead of the bundled sample. It is cloned and never changed.
    #[arg(long, value_name = "PATH")]
    repo: Option<PathBuf>,
    /// Let this model do the work, `provider/name`, instead of the scripted one.
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Let the story cost at most this many US dollars.
    #[arg(long, value_name = "USD", default_value_t = 0.50, allow_negative_numbers = true)]
    max_usd: f64,
    /// Keep forge and bot up after the story, for the browser. End it with Ctrl-C.
    #[arg(long)]
    stay: bool,
    /// The forge that the bot meets, by default gitea: what the sandbox speaks to it. With --linked it is that of the second repository,
    /// by default github.
    #[arg(long, value_name = "KIND", value_parser = clap::builder::PossibleValuesParser::new(Skin::ALL.map(Skin::name)).map(|name| Skin::named(&name).unwrap_or_default()))]
    forge: Option<Skin>,
    /// Show instead how the issues of a project on Gitea are kept in step with those of a repository on a second forge while people write
    /// on both. Begins anew each time.
    #[arg(long)]
    linked: bool,
    /// Throw away what earlier demos left and start over.
    #[arg(long)]
    fresh: bool,
    /// Print one JSON object as the last line.
    #[arg(long)]
    json: bool,
    /// Where the demo keeps everything; by default below the user's state directory.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl DemoArgs {
    /// The kind of forge that the project is on.
    fn kind(&self) -> Skin {
        self.forge.filter(|_| !self.linked).unwrap_or_default()
    }
}

/// Plays the story. Exit code 0 only when all of it holds, 1 when the story or its record does not, 2 when the demo could not run.
pub async fn run(args: DemoArgs) -> Result<u8> {
    match play(&args).await {
        Err(error) if args.json => {
            println!("{}", json!({"ok": false, "error": format!("{error:#}")}));
            Ok(2)
        }
        played => played,
    }
}

async fn play(args: &DemoArgs) -> Result<u8> {
    let env = super::environment();
    super::log::start(env.get("SYNDARIX_LOG").unwrap_or("warn"), LogFormat::Text, Redactor::default());
    check(args, &env)?;
    if args.linked {
        linked::check(args)?;
        return Box::pin(linked::play(args, &env)).await;
    }
    let subject = Subject::choose(args.repo.as_deref())?;
    let place = Place::take(args, &env)?;
    let dir = place.dir.as_path();
    let story = Story::open(dir, &subject)?;
    let sandbox = start_forge(dir, "forge").await?;
    let people = People::settle(&sandbox, &story, &subject, Voice::Loud).await?;
    announce(args, &story, &sandbox, &env)?;
    let bot = start_bot(dir, args, &story, &sandbox, &people).await?;
    let played = tokio::select! {
        played = people.play(&story, &subject, deadline(args)) => played,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("stopped by Ctrl-C; start the demo again and it goes on from here")),
    };
    let ending = match played {
        Ok(played) => report::end(dir, &story, played, &people, args.model.as_deref().unwrap_or("scripted")).await,
        Err(error) => Err(error),
    };
    let ending = match ending {
        Ok(ending) => ending,
        Err(error) => {
            drop(bot.stop().await);
            sandbox.stop().await;
            // A story that cannot go on by itself would only fail again: the next demo begins a new one.
            if error.is::<Stuck>() {
                story.finished()?;
            }
            return failed(args, &error);
        }
    };
    if ending.ok {
        story.finished()?;
    }
    ending.print();
    if args.stay {
        stay(&sandbox, &story, &ending).await?;
    }
    bot.stop().await?;
    sandbox.stop().await;
    finish(args, &ending)
}

/// Refuses what could only fail later.
fn check(args: &DemoArgs, env: &Env) -> Result<()> {
    if !(args.max_usd.is_finite() && args.max_usd > 0.0) {
        bail!("--max-usd {} leaves nothing to spend; give an amount above 0, such as --max-usd 0.50", args.max_usd);
    }
    let Some(model) = &args.model else { return Ok(()) };
    let model = ModelRef::parse(model).map_err(anyhow::Error::msg)?;
    let key = match model.provider.as_str() {
        "anthropic" => "SYNDARIX_ANTHROPIC_API_KEY",
        "openai" => "SYNDARIX_OPENAI_API_KEY",
        _ => return Ok(()),
    };
    if env.get(key).is_none() && env.get(&format!("{key}_FILE")).is_none() {
        bail!("{model} needs a key: set {key} (or {key}_FILE), or leave --model out for the scripted model");
    }
    Ok(())
}

/// A scripted story takes seconds; a real model may think for minutes at each step.
fn deadline(args: &DemoArgs) -> Duration {
    if args.model.is_some() { Duration::from_secs(3600) } else { Duration::from_secs(120) }
}

/// The forge takes the port it had before, so that links in its texts stay good; another one when that is taken.
async fn start_forge(dir: &std::path::Path, name: &str) -> Result<Sandbox> {
    let remembered = dir.join(format!("{name}.port"));
    let port: u16 = std::fs::read_to_string(&remembered).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    let config = |port| SandboxConfig { listen: ([127, 0, 0, 1], port).into(), clock: Clock::System, ..SandboxConfig::new(dir.join(name)) };
    let sandbox = match Sandbox::start(config(port)).await {
        Ok(sandbox) => sandbox,
        Err(_) if port != 0 => Sandbox::start(config(0)).await?,
        Err(error) => return Err(error.into()),
    };
    let url = sandbox.url();
    let taken = url.rsplit(':').next().unwrap_or_default();
    std::fs::write(&remembered, taken).with_context(|| format!("{} cannot be written", remembered.display()))?;
    Ok(sandbox)
}

async fn start_bot(dir: &std::path::Path, args: &DemoArgs, story: &Story, sandbox: &Sandbox, people: &People) -> Result<Bot> {
    let brain = match &args.model {
        Some(name) => Brain::Model { name, max_usd: args.max_usd },
        None => Brain::Script(people.script()),
    };
    let program = std::env::current_exe().context("this program's own file cannot be found")?;
    let launch = Launch {
        program,
        dir,
        skin: args.kind(),
        repo: &story.repo,
        sandbox,
        token: people.bot_token(),
        brain,
        failpoints: None,
        messages: None,
    };
    Bot::start(launch).await?.context("the bot did not become ready; its messages are above")
}

fn announce(args: &DemoArgs, story: &Story, sandbox: &Sandbox, env: &Env) -> Result<()> {
    let go_on = if story.resumed { " (taking up the story where it stopped)" } else { "" };
    println!("Syndarix demo{go_on}");
    println!("  forge       {}/{}, which speaks as {}", sandbox.url(), story.repo, spoken(args.kind()));
    match &args.model {
        Some(model) => println!("  model       {model}, at most ${:.2}", args.max_usd),
        None => println!("  model       scripted: what the agents say is prepared; edits, commits, reviews and merge are real"),
    }
    if let Some(say) = &story.says {
        println!("  change      {say}");
    }
    for hint in bot::model_hints(env).iter().filter(|_| args.model.is_none()) {
        println!("  or use      {hint}");
    }
    println!();
    Ok(())
}

fn spoken(skin: Skin) -> &'static str {
    match skin {
        Skin::Gitea => "Gitea",
        Skin::GitHub => "GitHub",
        Skin::GitLab => "GitLab",
    }
}

async fn stay(sandbox: &Sandbox, story: &Story, ending: &Ending) -> Result<()> {
    println!();
    println!("Still up. Open a link to look around; end with Ctrl-C.");
    for login in ["alice", "bob"] {
        let link = sandbox.login_link(login).map_err(|problem| anyhow::anyhow!("{problem}"))?;
        println!("  as {login:<9}{link}&next=/{}/issues/{}", story.repo, ending.issue);
    }
    println!("  pull        {}/{}/pulls/{}", sandbox.url(), story.repo, ending.pull);
    Ok(tokio::signal::ctrl_c().await?)
}

fn failed(args: &DemoArgs, error: &anyhow::Error) -> Result<u8> {
    if args.json {
        println!("{}", json!({"ok": false, "error": format!("{error:#}")}));
    } else {
        eprintln!("\nThe story did not come to its end: {error:#}");
    }
    Ok(1)
}

fn finish(args: &DemoArgs, ending: &Ending) -> Result<u8> {
    if args.json {
        println!("{}", ending.json());
    }
    Ok(u8::from(!ending.ok))
}
