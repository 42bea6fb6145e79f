// A story told by octokit, the client of GitHub that others wrote: places of its modules, the address of the forge, the tokens of bot, alice and
// acme, the address of a receiver of web hooks.
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";

const [modules, root, botToken, aliceToken, acmeToken, receiver] = process.argv.slice(2);
const { Octokit } = await import(pathToFileURL(`${modules}/@octokit/rest/dist-src/index.js`));
const as = (auth) => new Octokit({ auth, baseUrl: `${root}/api/v3`, userAgent: "story", log: { debug() {}, info() {}, warn() {}, error() {} } });
const [bot, alice, acme] = [botToken, aliceToken, acmeToken].map(as);
const at = { owner: "acme", repo: "shop" };
const refused = async (status, promise) => {
  const error = await promise.then(() => null, (error) => error);
  assert.equal(error?.status, status, `${error}`);
  return error;
};

assert.equal((await bot.users.getAuthenticated()).data.login, "bot");
const hook = (await acme.repos.createWebhook({ ...at, events: ["*"], config: { url: receiver, content_type: "json", secret: "s3cret" } })).data;
assert.equal((await acme.repos.listWebhooks(at)).data[0].id, hook.id);

const issue = (await alice.issues.create({ ...at, title: "Add CSV", body: "As a user ...", labels: ["story/new"] })).data;
const n = issue.number;
const comment = (await alice.issues.createComment({ ...at, issue_number: n, body: "/syndarix plan" })).data;
await bot.reactions.createForIssueComment({ ...at, comment_id: comment.id, content: "eyes" });
for (let i = 0; i < 4; i++) await bot.issues.createComment({ ...at, issue_number: n, body: `note ${i}` });
const all = await bot.paginate(bot.issues.listComments, { ...at, issue_number: n, per_page: 2 });
assert.equal(all.length, 5);
await bot.issues.addLabels({ ...at, issue_number: n, labels: ["story/plan"] });
await bot.issues.removeLabel({ ...at, issue_number: n, name: "story/new" });
assert.deepEqual((await alice.issues.listLabelsOnIssue({ ...at, issue_number: n })).data.map((label) => label.name), ["story/plan"]);
assert.deepEqual((await alice.issues.listEvents({ ...at, issue_number: n })).data.map((one) => one.event), ["labeled", "labeled", "unlabeled"]);
await refused(422, bot.issues.createLabel({ ...at, name: "STORY/PLAN", color: "00aabb" }));

const head = (await bot.git.getRef({ ...at, ref: "heads/main" })).data.object.sha;
await bot.git.createRef({ ...at, ref: "refs/heads/story/csv", sha: head });
const content = Buffer.from("a,b\n").toString("base64");
await bot.repos.createOrUpdateFileContents({ ...at, path: "csv.txt", message: "feat: csv", content, branch: "story/csv" });
const pull = (await bot.pulls.create({ ...at, title: "feat: csv", head: "story/csv", base: "main", body: `Refs #${n}`, draft: true })).data;
const p = { ...at, pull_number: pull.number };
assert.equal(pull.draft, true);
await refused(405, alice.pulls.merge(p));
const ready = "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } } }";
assert.equal((await bot.graphql(ready, { id: pull.node_id })).markPullRequestReadyForReview.pullRequest.isDraft, false);
await refused(422, bot.pulls.createReview({ ...p, event: "APPROVE" }));
await bot.pulls.requestReviewers({ ...p, reviewers: ["alice"] });
await alice.pulls.createReview({ ...p, event: "REQUEST_CHANGES", body: "No.", comments: [{ path: "csv.txt", line: 1, body: "quote" }] });
await alice.pulls.createReview({ ...p, event: "APPROVE", body: "LGTM" });
assert.deepEqual((await bot.pulls.listReviews(p)).data.map((review) => review.state), ["CHANGES_REQUESTED", "APPROVED"]);
const sha = (await bot.pulls.get(p)).data.head.sha;
await bot.repos.createCommitStatus({ ...at, sha, state: "success", context: "ci" });
assert.equal((await bot.repos.getCombinedStatusForRef({ ...at, ref: sha })).data.state, "success");
const diff = (await bot.pulls.get({ ...p, mediaType: { format: "diff" } })).data;
assert.match(diff, /\+a,b/);
await refused(409, alice.pulls.merge({ ...p, sha: head }));
assert.equal((await alice.pulls.merge({ ...p, sha, merge_method: "squash" })).data.merged, true);
assert.equal((await bot.repos.getCollaboratorPermissionLevel({ ...at, username: "alice" })).data.permission, "write");

const tag = (await bot.repos.get(at)).headers.etag;
await refused(304, bot.request("GET /repos/{owner}/{repo}", { ...at, headers: { "if-none-match": tag } }));
await refused(404, bot.issues.get({ ...at, issue_number: 99 }));
await acme.repos.pingWebhook({ ...at, hook_id: hook.id });
const deliveries = (await acme.repos.listWebhookDeliveries({ ...at, hook_id: hook.id, per_page: 100 })).data;
assert.ok(deliveries.some((one) => one.event === "issues" && one.action === "opened"));
console.log("done");
