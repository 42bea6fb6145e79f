// A story told by gitea-js, the client of Gitea that others made from its description: places of its modules, the address of the forge, the
// tokens of bot, alice and acme, the address of a receiver of web hooks.
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";

const [modules, root, botToken, aliceToken, acmeToken, receiver] = process.argv.slice(2);
const { giteaApi } = await import(pathToFileURL(`${modules}/gitea-js/dist/index.mjs`));
const as = (token) => giteaApi(root, { token });
const [bot, alice, acme] = [botToken, aliceToken, acmeToken].map(as);
const at = ["acme", "shop"];
const refused = async (status, promise) => {
  const answer = await promise.then((answer) => answer, (answer) => answer);
  assert.equal(answer.status, status, JSON.stringify(answer.error ?? answer.data));
  return answer;
};

assert.equal((await bot.user.userGetCurrent()).data.login, "bot");
const wish = { type: "gitea", active: true, events: ["push", "issues", "pull_request"], config: { url: receiver, content_type: "json", secret: "s3cret" } };
const hook = (await acme.repos.repoCreateHook(...at, wish)).data;
assert.equal((await acme.repos.repoListHooks(...at)).data[0].id, hook.id);
await refused(403, bot.repos.repoListHooks(...at));

const label = async (name) => (await acme.repos.issueCreateLabel(...at, { name, color: "#00aabb", exclusive: true })).data;
const [start, plan] = [await label("story/new"), await label("story/plan")];
const issue = (await alice.repos.issueCreateIssue(...at, { title: "Add CSV", body: "As a user ..." })).data;
const n = issue.number;
await alice.repos.issueAddLabel(...at, n, { labels: [start.id] });
const comment = (await alice.repos.issueCreateComment(...at, n, { body: "/syndarix plan" })).data;
await bot.repos.issuePostCommentReaction(...at, comment.id, { content: "eyes" });
for (let i = 0; i < 4; i++) await bot.repos.issueCreateComment(...at, n, { body: `note ${i}` });
assert.equal((await bot.repos.issueGetComments(...at, n)).data.length, 5);
// A label of an exclusive scope takes its sibling off, whether it is named or numbered.
await bot.repos.issueAddLabel(...at, n, { labels: ["story/plan"] });
assert.deepEqual((await alice.repos.issueGetIssue(...at, n)).data.labels.map((one) => one.name), ["story/plan"]);
const timeline = (await alice.repos.issueGetCommentsAndTimeline(...at, n)).data.map((one) => one.type);
assert.equal(timeline.filter((type) => type === "label").length, 3, timeline);

const head = (await bot.repos.repoGetBranch(...at, "main")).data.commit.id;
await bot.repos.repoCreateBranch(...at, { new_branch_name: "story/csv", old_branch_name: "main" });
const content = Buffer.from("a,b\n").toString("base64");
await bot.repos.repoCreateFile(...at, "csv.txt", { content, message: "feat: csv", branch: "story/csv" });
const pull = (await bot.repos.repoCreatePullRequest(...at, { title: "WIP: feat: csv", head: "story/csv", base: "main", body: `Refs #${n}` })).data;
const p = [...at, pull.number];
assert.equal(pull.draft, true);
await refused(405, alice.repos.repoMergePullRequest(...p, { Do: "merge" }));
assert.equal((await bot.repos.repoEditPullRequest(...p, { title: "feat: csv" })).status, 201);
await refused(422, bot.repos.repoCreatePullReview(...p, { event: "APPROVED" }));
await alice.repos.repoCreatePullReview(...p, { event: "REQUEST_CHANGES", body: "No.", comments: [{ path: "csv.txt", new_position: 1, body: "quote" }] });
await alice.repos.repoCreatePullReview(...p, { event: "APPROVED", body: "LGTM" });
assert.deepEqual((await bot.repos.repoListPullReviews(...p)).data.map((review) => review.state), ["REQUEST_CHANGES", "APPROVED"]);
const sha = (await bot.repos.repoGetPullRequest(...p)).data.head.sha;
await bot.repos.repoCreateStatus(...at, sha, { state: "success", context: "ci" });
assert.equal((await bot.repos.repoGetCombinedStatusByRef(...at, sha)).data.state, "success");
await refused(409, alice.repos.repoMergePullRequest(...p, { Do: "squash", head_commit_id: head }));
assert.equal((await alice.repos.repoMergePullRequest(...p, { Do: "squash", head_commit_id: sha })).status, 200);
assert.equal((await acme.repos.repoGetRepoPermissions(...at, "alice")).data.permission, "write");
const rule = (await acme.repos.repoCreateBranchProtection(...at, { rule_name: "main", required_approvals: 1 })).data;
assert.equal(rule.required_approvals, 1);
await refused(404, bot.repos.issueGetIssue(...at, 99));
assert.ok((await bot.version.getVersion()).data.version.startsWith("1."));
console.log("done");
