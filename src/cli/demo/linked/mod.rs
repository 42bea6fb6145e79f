//! `syndarix demo --linked`: a project with a second place for its issues, on another forge. People write on both, and the shipped program
//! keeps the two in step. Each start begins anew.

mod ending;
mod ground;
mod shown;
mod story;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::base::Clock;
use crate::config::Env;
use crate::domain::mirror::Side;
use crate::domain::mirror::Side::{Here, There};
use crate::llm::Script;
use crate::sandbox::Skin;
use crate::store::{Store, StoreUrl};

use super::bot::{self, Bot, Brain};
use super::place::Place as Directory;
use super::{DemoArgs, spoken, start_forge};
use ending::Ending;
use ground::{BOT, Ground, Place};
use story::{Story, chapter};

/// The kind of the second forge where nobody names one.
pub(super) const MIRROR: Skin = Skin::GitHub;

/// Refuses what has no meaning here.
pub(super) fn check(args: &DemoArgs) -> Result<()> {
    if args.repo.is_some() {
        bail!("--linked is about issues alone and touches no code, so --repo has no use in it; leave one of the two out");
    }
    if args.model.is_some() {
        bail!("--linked is about what people do on two forges, and no agent works in it, so --model has no use; leave one of the two out");
    }
    Ok(())
}

/// Plays it to its end. 0: both sides are in step; 1: they are not.
pub(super) async fn play(args: &DemoArgs, env: &Env) -> Result<u8> {
    let directory = Directory::take(args, env)?;
    let dir = directory.dir.as_path();
    let here = Place::settle(Here, Skin::Gitea, start_forge(dir, "here").await?).await?;
    let there = Place::settle(There, args.forge.unwrap_or(MIRROR), start_forge(dir, "there").await?).await?;
    let ground = Ground::new(here, there)?;
    let between = Between::settle(dir, &ground)?;
    announce(&ground, &between);
    let played = tokio::select! {
        played = story(&ground, &between) => played,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("stopped by Ctrl-C; start the demo again, and it begins anew")),
    };
    let ending = match played {
        Ok(ending) => ending,
        Err(error) => {
            ground.stop().await;
            return super::failed(args, &error);
        }
    };
    ending.print(&ground);
    if args.stay {
        stay(&ground).await?;
    }
    ground.stop().await;
    if args.json {
        println!("{}", ending.json());
    }
    Ok(u8::from(!ending.ok))
}

async fn story(ground: &Ground, between: &Between<'_>) -> Result<Ending> {
    let story = Story { ground };
    let bot = between.start().await?;
    between.is_made().await?;
    let first = story.comes_in().await?;
    story.commands_stay_words(first).await?;
    let second = story.goes_out(first).await?;
    story.goes_on(first, second).await?;
    chapter(5, "Two people change the same thing, and nobody is between them");
    bot.stop().await?;
    println!("  {:<11}{:<7}is stopped for a moment", "the program", "");
    story.collide(first).await?;
    let bot = between.start().await?;
    println!("  {:<11}{:<7}is started again", "the program", "");
    story.is_settled(first).await?;
    story.close(first, second).await?;
    let ending = Ending::read(between.dir, ground, &[first, second]).await;
    bot.stop().await?;
    ending
}

/// The program between the two forges: how it is set up and started.
struct Between<'a> {
    dir: &'a Path,
    ground: &'a Ground,
    program: PathBuf,
    project: PathBuf,
    secret: String,
}

impl<'a> Between<'a> {
    /// Writes what an administrator would write.
    fn settle(dir: &'a Path, ground: &'a Ground) -> Result<Between<'a>> {
        let program = std::env::current_exe().context("this program's own file cannot be found")?;
        let project = dir.join("bot-config").join("projects").join("shop.toml");
        let folder = project.parent().unwrap_or(dir);
        std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let (here, there) = (ground.at(Here), ground.at(There));
        let text = format!(
            "forge = {:?}\nrepo = {:?}\n\n[link]\nforge = {:?}\nrepo = {:?}\ninward = true\noutward = true\n",
            here.id, here.repo, there.id, there.repo
        );
        std::fs::write(&project, text).with_context(|| format!("{} cannot be written", project.display()))?;
        Ok(Between { dir, ground, program, project, secret: bot::hook_secret(dir)? })
    }

    /// Starts the program and points the web hooks of both repositories at it.
    async fn start(&self) -> Result<Bot> {
        let settings = self.dir.join("settings.toml");
        bot::write_private(&settings, &self.settings())?;
        let script = Script { name: "nobody".to_owned(), rules: Vec::new() };
        let mut command = bot::command(&self.program, self.dir, &Brain::Script(&script), &settings)?;
        for name in NOT_FOR_IT {
            command.env_remove(name);
        }
        let (bot, url) = bot::run(command).await?.context("the program did not become ready; its messages are above")?;
        let moved = bot::remember_port(self.dir, &url)?;
        for side in Side::BOTH {
            let place = self.ground.at(side);
            let wrong = |problem| anyhow::anyhow!("the web hook could not be set: {problem}");
            if moved {
                place.sandbox.remove_hooks().map_err(wrong)?;
            }
            let hook = format!("{url}/hooks/{}", place.id);
            place.sandbox.ensure_hook_in(place.skin, Some(place.repo), &hook, &self.secret).map_err(wrong)?;
        }
        Ok(bot)
    }

    /// Waits until the program has looked at both repositories for the first time: older issues stay where they are.
    async fn is_made(&self) -> Result<()> {
        let store = Store::open(&StoreUrl::Sqlite(self.dir.join("bot").join("syndarix.db")), Clock::System).await?;
        let (here, there) = (self.ground.at(Here), self.ground.at(There));
        let look = async {
            loop {
                if let Some(project) = store.projects().await?.into_iter().find(|project| project.path == here.repo) {
                    let mut tx = store.begin_read(project.id).await?;
                    let made = tx.object("link", &format!("{}:{}", there.id, there.repo)).await?;
                    tx.rollback().await?;
                    if made.is_some() {
                        return Ok(());
                    }
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let made = tokio::time::timeout(Duration::from_secs(30), look).await;
        store.close().await;
        made.unwrap_or_else(|_| bail!("the program did not find both repositories within 30 seconds; its messages are above"))
    }

    fn settings(&self) -> String {
        let block = |side| {
            let place = self.ground.at(side);
            format!(
                "[[forges]]\nid = {:?}\nkind = {:?}\nurl = {:?}\ntoken = {:?}\nhook_secret = {:?}\n\n",
                place.id,
                place.skin.name(),
                place.sandbox.url(),
                place.token(BOT),
                self.secret
            )
        };
        format!(
            "data_dir = {:?}\nlisten = \"127.0.0.1:{}\"\nprojects = [{:?}]\nbot_config = {:?}\nlog = \"warn\"\n\n{}{}\
             [timings]\nstatus_spacing_seconds = 0\naudit_spacing_seconds = 1\npoll_seconds = 5\n",
            self.dir.join("bot"),
            bot::free_port(self.dir),
            self.ground.at(Here).repo,
            self.dir.join("bot-config"),
            block(Here),
            block(There)
        )
    }
}

/// Variables that would lead it to another team than the one written for it, or another forge.
const NOT_FOR_IT: [&str; 6] = [
    "SYNDARIX_BOT_CONFIG",
    "SYNDARIX_CONFIG_REPO",
    "SYNDARIX_CONFIG_PATH",
    "SYNDARIX_FORGE_MIRROR_URL",
    "SYNDARIX_FORGE_MIRROR_TOKEN",
    "SYNDARIX_FORGE_MIRROR_HOOK_SECRET",
];

fn announce(ground: &Ground, between: &Between<'_>) {
    println!("Syndarix demo of a project whose issues stand on two forges");
    for (side, word) in [(Here, "the project"), (There, "the repository linked to it")] {
        let place = ground.at(side);
        let people: Vec<&str> = place.people().collect();
        println!(
            "  {:<11} {word}: {}/{}, which speaks as {}; people: {}",
            side.word(),
            place.sandbox.url(),
            place.repo,
            spoken(place.skin),
            people.join(", ")
        );
    }
    println!("  between     `syndarix serve` as the account {BOT}, with the [link] of {}", between.project.display());
}

async fn stay(ground: &Ground) -> Result<()> {
    println!("\nStill up. Open a link to look around; end with Ctrl-C.");
    for side in Side::BOTH {
        let place = ground.at(side);
        for login in place.people() {
            let link = place.sandbox.login_link(login).map_err(|problem| anyhow::anyhow!("{problem}"))?;
            println!("  {:<6} as {login:<7}{link}&next=/{}/issues", side.word(), place.repo);
        }
    }
    Ok(tokio::signal::ctrl_c().await?)
}
