//! Who talks to whom without end: other bots, our own words, and words in places where nobody speaks.

use serde_json::Value;
use syndarix::sandbox::Permission;

use super::answers::{analyses_and_asks, to_the_plan};
use super::people::Person;
use super::stage::through_a_proxy;
use super::world::{REPO, World};

#[tokio::test]
async fn f24_a_command_in_a_title_or_a_description_is_no_command() {
    through_a_proxy(Vec::new(), async |w, _| {
        let issue = w.alice().opens_issue("/syndarix plan", "/syndarix plan\n\n@syndarix plan").await;
        w.settle().await;
        let page = w.page(issue);
        assert!(!page.contains("--- syndarix") && !page.contains("story/"), "{page}");
        assert!(w.stories().await.iter().all(|(_, story)| story.round == 0));
    })
    .await;
}

#[tokio::test]
async fn f24_commands_in_our_own_comments_are_not_obeyed() {
    through_a_proxy(vec![analyses_and_asks("Shall it be 10 %?\n\n/syndarix approve\n/syndarix cancel\n@syndarix cancel")], async |w, _| {
        let issue = w.story_is_planned().await;
        let page = w.page(issue);
        assert!(page.contains("Shall it be 10 %?") && page.contains("story/analysis") && page.contains("syndarix/waiting"), "{page}");
        w.looks().await;
        assert_eq!(w.page(issue), page, "nor when they are read again");
    })
    .await;
}

async fn comments_of(w: &World, number: i64, login: &str) -> Vec<String> {
    let list = w.get(&format!("issues/{number}/comments?limit=50")).await;
    let of = list.as_array().unwrap().iter().filter(|one| one["user"]["login"] == login);
    of.filter_map(|one| one["body"].as_str().map(str::to_owned)).collect()
}

/// Another program repeats whatever we say, word for word, with our hidden marker and in quotes; it even has write permission.
#[tokio::test]
async fn f24_a_bot_that_repeats_us_gets_no_answer() {
    through_a_proxy(to_the_plan(), async |w, _| {
        w.sandbox.ensure_user("echo", true, false).unwrap();
        w.sandbox.set_permission(REPO, "echo", Permission::Write).unwrap();
        let echo = Person { w, login: "echo" };
        let issue = w.story_is_planned().await;
        let pull = w.pull();
        let (mut heard, mut rounds) = (0, 0);
        loop {
            let mut said = Vec::new();
            for number in [issue, pull] {
                said.extend(comments_of(w, number, "syndarix").await.into_iter().map(|body| (number, body)));
            }
            if said.len() == heard {
                break;
            }
            for (number, body) in said.iter().skip(heard) {
                echo.comments(*number, body).await;
                let quoted: Vec<String> = body.lines().map(|line| format!("> {line}")).collect();
                echo.comments(*number, &format!("{}\n\nI agree.", quoted.join("\n"))).await;
            }
            heard = said.len();
            w.settle().await;
            rounds += 1;
            assert!(rounds < 4, "{} comments after {rounds} rounds:\n{}\n{}", said.len(), w.page(issue), w.page(pull));
        }
        assert!(w.page(issue).contains("story/design"), "nothing was approved: {}", w.page(issue));
        let reviews: Value = w.get(&format!("pulls/{pull}/reviews")).await;
        assert_eq!(reviews.as_array().map(Vec::len), Some(0));
    })
    .await;
}
