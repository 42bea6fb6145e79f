//! One story with everything it needs: a forge and people that live on in this process, and a bot that may die.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use syndarix::cli::demo::bot::{Bot, Brain, Launch};
use syndarix::cli::demo::people::{People, Voice};
use syndarix::cli::demo::story::{Story, Subject};
use syndarix::config::Env;
use syndarix::sandbox::{Sandbox, SandboxConfig, Skin};

use crate::page::{Seen, seen};
use crate::record::{Booked, Books};

/// How long a story may take, in whatever build on however busy a machine. A story that hangs hangs forever.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the forge speaks to the program: Gitea, or what `SYNDARIX_TEST_FORGE` names. People always use the same pages.
pub fn skin() -> Skin {
    let env = Env::process();
    let Some(name) = env.get("SYNDARIX_TEST_FORGE") else { return Skin::Gitea };
    Skin::named(name).unwrap_or_else(|| panic!("SYNDARIX_TEST_FORGE={name} is none of gitea, github, gitlab"))
}

/// Where the bot shall end.
#[derive(Clone, Debug)]
pub struct Kill {
    pub point: &'static str,
    /// How often the point is passed before that.
    pub count: usize,
}

impl Kill {
    fn failpoints(&self) -> String {
        match self.count {
            0 => format!("{}=1*return", self.point),
            count => format!("{}={count}*off->1*return", self.point),
        }
    }
}

/// How a story ended.
#[derive(Debug)]
pub struct Ending {
    pub seen: Seen,
    pub booked: Booked,
    /// How many of the kills came to pass.
    pub kills: usize,
}

struct World {
    dir: tempfile::TempDir,
    sandbox: Sandbox,
    people: People,
    story: Story,
    subject: Subject,
}

/// Plays one story: the first start of the bot ends at the first kill, the second start at the second, and so on.
pub async fn play(kills: &[Kill]) -> Result<Ending> {
    let world = World::open().await?;
    let ending = world.play(kills).await;
    let ending = match ending {
        Ok(ending) => Ok(ending),
        Err(error) => Err(error.context(world.messages())),
    };
    let World { dir, sandbox, .. } = world;
    sandbox.stop().await;
    // What is left of a story that failed is kept, to be looked into.
    ending.map_err(|error| error.context(format!("what is left lies in {}", dir.keep().display())))
}

impl World {
    async fn open() -> Result<World> {
        let dir = tempfile::tempdir()?;
        let subject = Subject::choose(None)?;
        let story = Story::open(dir.path(), &subject)?;
        let sandbox = Sandbox::start(SandboxConfig::new(dir.path().join("forge"))).await?;
        let people = People::settle(&sandbox, &story, &subject, Voice::Silent).await?;
        Ok(World { dir, sandbox, people, story, subject })
    }

    async fn start(&self, kill: Option<&Kill>) -> Result<Bot> {
        let messages = File::options().create(true).append(true).open(self.log())?;
        let launch = Launch {
            program: env!("CARGO_BIN_EXE_syndarix").into(),
            dir: self.dir.path(),
            skin: skin(),
            repo: &self.story.repo,
            sandbox: &self.sandbox,
            token: self.people.bot_token(),
            brain: Brain::Script(self.people.script()),
            failpoints: kill.map(Kill::failpoints),
            messages: Some(messages),
        };
        Bot::start(launch).await?.context("the bot ended before it was ready")
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("bot.log")
    }

    fn messages(&self) -> String {
        let text = std::fs::read_to_string(self.log()).unwrap_or_default();
        let pages: String = (1..=2).filter_map(|number| self.sandbox.page(&self.story.repo, number).ok()).collect();
        format!("the pages:\n{pages}\nthe bot's messages:\n{text}")
    }

    async fn play(&self, kills: &[Kill]) -> Result<Ending> {
        let mut kills = kills.iter();
        let mut killed = 0;
        let mut bot = self.start(kills.next()).await?;
        let books = Books::open(self.dir.path(), &self.story.repo).await?;
        let mut story = Box::pin(async {
            let played = self.people.play(&self.story, &self.subject, PATIENCE).await?;
            books.settled(PATIENCE).await?;
            anyhow::Ok(played)
        });
        loop {
            tokio::select! {
                played = &mut story => { played?; break }
                ended = bot.ended() => {
                    let status = ended?;
                    if !was_killed(status) {
                        bail!("the bot ended by itself: {status}");
                    }
                    killed += 1;
                    bot = self.start(kills.next()).await?;
                }
            }
        }
        drop(story);
        self.sandbox.settled().await;
        // Deliveries of the last change may have given it something to read.
        books.settled(PATIENCE).await?;
        bot.stop().await?;
        let booked = books.audit(self.dir.path(), killed).await?;
        let seen = seen(&self.sandbox, &self.story.repo, &self.people, &booked.names).await?;
        books.close().await;
        ensure!(self.sandbox.undelivered() == 0, "deliveries are still under way");
        Ok(Ending { seen, booked, kills: killed })
    }
}

/// Ended as by `abort`, which is what an armed point does.
fn was_killed(status: std::process::ExitStatus) -> bool {
    std::os::unix::process::ExitStatusExt::signal(&status) == Some(6)
}
