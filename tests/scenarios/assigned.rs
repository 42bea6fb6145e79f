//! A writer chooses who works.

use insta::assert_snapshot;

use super::answers::*;
use super::scenario;

#[tokio::test]
async fn whoever_is_chosen_does_the_next_run() {
    scenario(to_the_review(), async |w| {
        let issue = w.story_is_planned().await;
        let pull = w.pull();
        w.news(issue);
        w.news(pull);
        for line in ["--agent=Enginer", "--agent=architect --step=implement", "--agent=engineer --step=coding", "Dave"] {
            w.alice().comments(issue, &format!("/syndarix assign {line}")).await;
            w.settle().await;
        }
        w.rita().comments(issue, "/syndarix assign --agent=engineer").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/design, syndarix/waiting
    --- alice
    /syndarix assign --agent=Enginer
    --- syndarix
    **Not done:** There is no agent type and no agent called `Enginer`; the types are: `architect`, `engineer`, `product-owner`, `reviewer`, `tester`. Did you mean `engineer`? `/syndarix assign` alone lists the agents with their names.
    --- alice
    /syndarix assign --agent=architect --step=implement
    --- syndarix
    **Not done:** The configuration does not let agents of type `architect` do `implement`. `engineer` can.
    --- alice
    /syndarix assign --agent=engineer --step=coding
    --- syndarix
    **Not done:** `assign` does not know `coding` there; it knows `analyse`, `design`, `implement`, `fix`, `review`, `test`. Type `/syndarix assign --agent=<type or name> [--step=<step>]`.
    --- alice
    /syndarix assign Dave
    --- syndarix
    **Not done:** `assign` does not take `Dave`. Type `/syndarix assign --agent=<type or name> [--step=<step>]`.
    --- rita
    /syndarix assign --agent=engineer
    --- syndarix
    **Not done:** `assign` needs write permission in this repository; `rita` has: read. Ask somebody who may push to this repository to type it, or a maintainer for write permission.
    ");
        // The last of the pool, unless it is the one that the story has anyway.
        let team = w.app.engine.hot.get();
        let pool = team.rules.kinds["engineer"].names.clone();
        let lane = w.stories().await[0].0.id.to_string();
        let other = pool.iter().find(|name| *name != team.rules.kinds["engineer"].name_for(&lane)).unwrap().clone();
        w.bob().comments(pull, &format!("/syndarix assign --agent=engineer/{}", other.to_lowercase())).await;
        w.settle().await;
        assert_snapshot!(w.news(pull).replace(&other, "Somebody").replace(&other.to_lowercase(), "somebody"), @r"
    [draft] pr/submitted, syndarix/waiting
    --- bob
    /syndarix assign --agent=engineer/somebody
    --- syndarix
    From the next run on, Somebody (engineer) works on this story: implement, fix, merge.
    ");
        w.alice().comments(pull, "/syndarix approve").await;
        w.settle().await;
        assert!(w.status(issue).contains("Assigned: implement: Somebody (engineer), fix: Somebody (engineer)"), "{}", w.status(issue));
        let mut tx = w.store().begin_read(w.project(super::world::REPO).await).await.unwrap();
        let agents = tx.agents(w.stories().await[0].0.id).await.unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(agents.iter().find(|agent| agent.kind == "engineer").unwrap().name, other);
    })
    .await;
}

#[tokio::test]
async fn there_is_nothing_to_assign_without_a_story() {
    scenario(Vec::new(), async |w| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        w.alice().comments(issue, "/syndarix assign --agent=engineer").await;
        w.settle().await;
        w.alice().comments(issue, "/syndarix budget set 5").await;
        w.settle().await;
        w.mona().comments(issue, "/syndarix budget set 5").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] no labels
    --- alice
    /syndarix assign --agent=engineer
    --- syndarix
    **Not done:** No story is under way here, so there is no work to assign. Start one with `/syndarix plan` under the issue.
    --- alice
    /syndarix budget set 5
    --- syndarix
    **Not done:** `budget` needs maintainer permission in this repository; `alice` has: write. Ask a maintainer (an administrator of this repository) or its owner to type it.
    --- mona
    /syndarix budget set 5
    --- syndarix
    **Not done:** No story is under way here, so there is nothing to set. `/syndarix budget set <amount> --project` limits what all stories together may cost in a month.
    ");
    })
    .await;
}
