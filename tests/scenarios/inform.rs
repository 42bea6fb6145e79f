//! People ask what holds here, why something happened, and whether the record can be trusted.

use insta::assert_snapshot;

use super::account;
use super::answers::*;
use super::scenario;
use super::world::{HOOK_SECRET, PROVIDER_KEY, policy};

#[tokio::test]
async fn config_is_for_writers_and_says_where_each_line_comes_from() {
    let setup = policy(Vec::new(), "autonomy = \"full-control\"\nwriters = [\"carol\", \"a|b\"]\nfix_tries = 1");
    scenario(setup, async |w| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        w.rita().comments(issue, "/syndarix config").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] no labels
    --- rita
    /syndarix config
    --- syndarix
    **Not done:** `config` needs write permission in this repository; `rita` has: read. Ask somebody who may push to this repository to type it, or a maintainer for write permission.
    ");
        w.alice().comments(issue, "/syndarix config").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] no labels
    --- alice
    /syndarix config
    --- syndarix
    The configuration in force in `acme/shop`. Secrets are not part of it.

    | key | value | from |
    |---|---|---|
    | `autonomy` | `FULL_CONTROL` | projects/shop.toml |
    | `autonomy_ceiling` | `FULL_CONTROL` | projects/shop.toml |
    | `one_person_team` | `false` | policy.toml |
    | `writers` | `carol`, `a\|b` | projects/shop.toml |
    | `listed_bots` | none | policy.toml |
    | `keep_plan` | `false` | policy.toml |
    | `soft_usd` | $2.00 | policy.toml |
    | `hard_usd` | $5.00 | policy.toml |
    | `budget of all stories, a month` | none | nobody set one |
    | `protected_paths` | `.gitea/workflows/**`, `.forgejo/workflows/**`, `.github/workflows/**`, `.gitlab-ci.yml`, `bot-config/**`, `prompts/**`, `.syndarix.toml`, `CODEOWNERS`, `AGENTS.md`, `CLAUDE.md`, `.claude/**`, `.cursorrules`, `.githooks/**`, and 23 patterns that are built in | policy.toml |
    | `fix_tries` | `1` | projects/shop.toml |
    | `review rounds` | `3` | built in |
    | `no CI on a commit` | does not hold up the merge, and is said in words | built in |
    | `audit_repo` | in the data directory | built in |
    | `agent: analyse` | Somebody (product-owner), model group `balanced`: `scripted/story` | agents/product-owner.toml |
    | `agent: design` | Somebody (architect), model group `strong`: `scripted/story` | agents/architect.toml |
    | `agent: implement` | Somebody (engineer), model group `strong`: `scripted/story` | agents/engineer.toml |
    | `agent: fix` | Somebody (engineer), model group `strong`: `scripted/story` | agents/engineer.toml |
    | `agent: review` | Somebody (reviewer), model group `balanced`: `scripted/story` | agents/reviewer.toml |
    | `agent: test` | Somebody (tester), model group `balanced`: `scripted/story` | agents/tester.toml |
    | `agent: merge` | Somebody (engineer), model group `strong`: `scripted/story` | agents/engineer.toml |
    | `commands not in this version` | `split`, `estimate`, `sprint`, `ask` | built in |
    ");
        for secret in [account::secret(&w.sandbox), HOOK_SECRET.to_owned(), PROVIDER_KEY.to_owned()] {
            assert!(!w.page(issue).contains(&secret));
        }
    })
    .await;
}

#[tokio::test]
async fn explain_tells_the_last_step_from_the_journal() {
    scenario(to_the_review(), async |w| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        w.rita().comments(issue, "/syndarix explain").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] no labels
    --- rita
    /syndarix explain
    --- syndarix
    No story has begun here, so there is nothing to explain. Somebody with write permission starts one with `/syndarix plan` under an issue; `/syndarix whoami` says what you may do.
    ");
        w.alice().comments(issue, "/syndarix plan").await;
        w.settle().await;
        w.news(issue);
        let pull = w.pull();
        w.news(pull);
        w.rita().comments(pull, "/syndarix why 2").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [draft] pr/submitted, syndarix/waiting
    --- rita
    /syndarix why 2
    --- syndarix
    **It happened** (2026-08-03 09:00 UTC):

    - Cause: pull request #2 was opened.
    - What followed: pull request #2 was opened; an approval of the plan was asked for, version `<1>`; `syndarix/waiting` was raised: approval of the plan.

    **It happened** (2026-08-03 09:00 UTC):

    - Cause: the push of <2> arrived.
    - What followed: the branch was pushed to <2>.

    **Next:** in design: waits for a person. **Waiting for a person:** Approval of the plan. `/syndarix approve` or an approving review on #2 passes it.
    ");
        w.alice().comments(pull, "/syndarix approve").await;
        w.settle().await;
        w.news(pull);
        w.bob().comments(issue, "/syndarix explain\n/syndarix explain twice").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/review, syndarix/waiting
    --- bob
    /syndarix explain
    /syndarix explain twice
    --- syndarix
    **The last thing that happened in this story** (2026-08-03 09:00 UTC):

    - Cause: the agent that was to review finished.
    - What followed: the step `review` came to its end; the reviewer had no findings; an approval of the merge was asked for, version `<3>`; `syndarix/waiting` was raised: approval of the merge.
    - Models: Somebody (reviewer) called `scripted/story` once for $0.00.

    **Next:** in review: waits for a person. **Waiting for a person:** Approval of the merge. `/syndarix approve` or an approving review on #2 passes it.

    ---

    **Not done:** `explain` takes a number from 1 to 10; `twice` is none. Type `/syndarix explain [how many]`.
    ");
    })
    .await;
}

#[tokio::test]
async fn the_answer_to_one_comment_is_one_comment() {
    scenario(to_the_plan(), async |w| {
        let issue = w.story_is_planned().await;
        w.news(issue);
        let asked = w.bob().comments(issue, "/syndarix autonomy").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/design, syndarix/waiting
    --- bob
    /syndarix autonomy
    --- syndarix
    This story is at **MILESTONE** (the project's level when the story began): a person approves the plan and the merge.

    New stories of this project begin at **MILESTONE** (from its configuration): a person approves the plan and the merge. A maintainer may set up to MILESTONE with `/syndarix autonomy set <level>`; a label `autonomy/...` may only tighten.
    ");
        // The same delivery comes again.
        for delivery in w.stored_deliveries().await {
            w.comes_again(&delivery).await;
        }
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"[open] story/design, syndarix/waiting");
        w.bob().edits(asked, "/syndarix autonomy\n/syndarix autonomy set autonomous").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/design, syndarix/waiting
    --- bob
    /syndarix autonomy
    /syndarix autonomy set autonomous
    --- syndarix
    **Not done:** `autonomy` needs maintainer permission in this repository; `bob` has: write. Ask a maintainer (an administrator of this repository) or its owner to type it.
    ");
    })
    .await;
}

#[tokio::test]
async fn audit_checks_the_record_and_says_how_to_check_it_elsewhere() {
    scenario(to_the_plan(), async |w| {
        let issue = w.story_is_planned().await;
        w.news(issue);
        w.publishes().await;
        w.rita().comments(issue, "/syndarix audit").await;
        w.settle().await;
        let said = w.news(issue);
        let numbers = regex::Regex::new(r"(?m)(Entries: |entry |Published: |story: |:)[0-9]+( entries|[,.`]|$)").unwrap();
        let chain = regex::Regex::new(r"prj_[0-9a-f]+|<[0-9]+>").unwrap();
        assert_snapshot!(chain.replace_all(&numbers.replace_all(&said, "${1}N$2"), "X"), @r"
    [open] story/design, syndarix/waiting
    --- rita
    /syndarix audit
    --- syndarix
    - Entries: N. Checked just now: all of them. Each line has the hash that the next one names, up to entry N.
    - Published: N entries as commit X on 2026-08-03 09:00 UTC, to the data directory of this installation, in `record/`.
    - The last entry about this story: N, hash `X`.

    Check it on your own machine, without this server: clone the audit repository and run

    ```
    syndarix audit verify --repo <clone> --project X --since X:N
    ```

    It reads every line from the first; with `--since` it also finds a record that was rewritten before that entry. Write the hash down where Syndarix cannot change it.
    ");
    })
    .await;
}

#[tokio::test]
async fn labels_are_made_mended_and_left_alone() {
    scenario(Vec::new(), async |w| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        w.bob().comments(issue, "/syndarix label sync").await;
        w.settle().await;
        w.mona().comments(issue, "/syndarix label").await;
        w.settle().await;
        w.mona().comments(issue, "/syndarix label snyc").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] no labels
    --- bob
    /syndarix label sync
    --- syndarix
    **Not done:** `label` needs maintainer permission in this repository; `bob` has: write. Ask a maintainer (an administrator of this repository) or its owner to type it.
    --- mona
    /syndarix label
    --- syndarix
    `/syndarix label sync`: Create the labels that are missing in this repository and repair those that were changed; none is ever deleted.

    Who: maintainer. Where: anywhere.

    For example: `/syndarix label sync`.
    --- mona
    /syndarix label snyc
    --- syndarix
    **Not done:** `label` does not know `snyc` there; it knows `sync`. Did you mean `sync`? Type `/syndarix label sync`.
    ");
        w.mona().comments(issue, "/syndarix label sync").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] no labels
    --- mona
    /syndarix label sync
    (eyes by syndarix)
    --- syndarix
    Labels: 26 created, 0 repaired, 0 already right.

    - Created: `story/analysis`, `story/design`, `story/implementation`, `story/review`, `story/testing`, `story/done`, `sprint/planning`, `sprint/active`, `sprint/review`, `sprint/done`, `pr/submitted`, `pr/reviewing`, `pr/changes-requested`, `pr/approved`, `pr/merged`, `autonomy/full-control`, `autonomy/milestone`, `autonomy/autonomous`, `priority/high`, `priority/medium`, `priority/low`, `syndarix/waiting`, `syndarix/paused`, `syndarix/halted`, `syndarix/blocked`, `syndarix/over-budget`

    <how this forge keeps labels exclusive>
    ");
        let labels = w.get("labels?limit=50").await;
        let done = labels.as_array().unwrap().iter().find(|label| label["name"] == w.label("story/done")).unwrap()["id"].clone();
        let change = serde_json::json!({"color": "#123456", "description": "mine now"});
        let answer = w.mona().request(reqwest::Method::PATCH, &format!("labels/{done}"), &change).send().await.unwrap();
        assert!(answer.status().is_success());
        w.mona().comments(issue, "/syndarix label sync").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] no labels
    --- mona
    /syndarix label sync
    (eyes by syndarix)
    --- syndarix
    Labels: 0 created, 1 repaired, 25 already right.

    - Repaired: `story/done` (colour, description)

    <how this forge keeps labels exclusive>
    ");
        w.mona().comments(issue, "/syndarix label sync").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] no labels
    --- mona
    /syndarix label sync
    (eyes by syndarix)
    --- syndarix
    All 26 labels are as they should be; nothing was changed.

    <how this forge keeps labels exclusive>
    ");
    })
    .await;
}
