//! A team in a Git repository of this machine, followed by a serving process: found by asking, without any web hook.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::world::{Serving, World};

/// A repository with a work tree, as an administrator has it.
struct Team<'a>(&'a Path);

impl Team<'_> {
    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .current_dir(self.0)
            .args(["-c", "user.name=ann", "-c", "user.email=ann@example.invalid", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn begin(&self) {
        std::fs::create_dir_all(self.0.join("team/projects")).unwrap();
        self.git(&["init", "--quiet", "--initial-branch", "trunk"]);
        std::fs::write(self.0.join("other.toml"), "this lies elsewhere and is not read\n").unwrap();
        self.commits("milestone");
    }

    /// The commit.
    fn commits(&self, autonomy: &str) -> String {
        let text = format!("forge = \"home\"\nrepo = \"acme/shop\"\n[policy]\nautonomy = \"{autonomy}\"\n");
        std::fs::write(self.0.join("team/projects/shop.toml"), text).unwrap();
        self.git(&["add", "."]);
        self.git(&["commit", "--quiet", "-m", autonomy]);
        self.git(&["rev-parse", "HEAD"])
    }
}

/// Asks until the page says it.
async fn until(serving: &Serving, path: &str, want: &str) {
    let mut text = String::new();
    for _ in 0..120 {
        text = serving.page(path).await.1;
        if text.contains(want) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    panic!("{path} never says {want}\n{text}");
}

fn in_force(commit: &str) -> String {
    format!("syndarix_config_info{{commit=\"{commit}\"}} 1")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_in_git_is_followed_and_a_process_that_dies_in_the_midst_finds_it_again() {
    let world = World::open().await;
    let place = world.path("our-team");
    std::fs::create_dir_all(&place).unwrap();
    let team = Team(&place);
    team.begin();
    let address = place.display().to_string();
    world.change("log = \"debug\"\n", &format!("log = \"debug\"\nconfig_repo = {address:?}\nconfig_path = \"team\"\n"));
    world.change("[timings]\n", "[timings]\npoll_seconds = 1\npoll_quick_seconds = 1\n");

    let serving = world.serve(&[]).await;
    let tight = team.commits("full-control");
    until(&serving, "/metrics", &in_force(&tight)).await;
    let bad = team.commits("milestones");
    until(&serving, "/readyz", "holds 1 mistake and is not used").await;
    assert!(serving.page("/metrics").await.1.contains(&in_force(&tight)));
    let shown = world.run(&["config", "show"]).await;
    assert_eq!(shown.code, 0, "{shown:#?}");
    assert!(shown.out.contains(&format!("commit = \"{tight}\"")), "{}", shown.out);
    let line = format!("policy.autonomy = \"full-control\"    # projects/shop.toml of {address} at {}:4", &tight[..10]);
    assert!(shown.out.contains(&line[..line.rfind(" at ").unwrap()]), "{line}\n{}", shown.out);
    let checked = world.run(&["config", "check"]).await;
    assert!(checked.code == 0 && checked.out.contains(&format!("The team lies in {address}")), "{checked:#?}");
    let doctor = world.run(&["doctor", "--no-delivery"]).await;
    assert!(doctor.out.contains("configuration in Git"), "{}", doctor.out);
    assert!(doctor.out.contains("team/projects/shop.toml:4:12: ") && doctor.out.contains("is not used"), "{}", doctor.out);
    assert_eq!(serving.stop().await, Some(0));

    // Killed when it had read a new commit and not put it in force; and when it had, and not noted it.
    for point in ["config-read", "config-applied"] {
        let serving = world.serve(&[("FAILPOINTS", &format!("{point}=return"))]).await;
        until(&serving, "/metrics", &in_force(&tight)).await;
        // The bad one is the head already, so that only another commit passes there.
        team.commits("milestone");
        for _ in 0..120 {
            if serving.is_gone().await {
                break;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        assert!(serving.is_gone().await, "{point} was never passed");
        drop(serving);
        assert!(world.run(&["config", "show"]).await.out.contains(&format!("commit = \"{tight}\"")), "{point}");
        team.git(&["reset", "--quiet", "--hard", &bad]);
    }
    let good = team.commits("autonomous");
    let serving = world.serve(&[]).await;
    until(&serving, "/metrics", &in_force(&good)).await;
    assert_eq!(serving.page("/readyz").await, (200, "ready\n".to_owned()));
    assert_eq!(serving.stop().await, Some(0));
}
