"""A client of GitLab that others wrote, python-gitlab, goes through a story on the sandbox forge.

Called as: python_gitlab.py ADDRESS TOKEN_OF_THE_BOT TOKEN_OF_A_PERSON TOKEN_OF_THE_OWNER RECEIVER
Prints one line per thing that went well; the last one says `done`.
"""

import sys

import gitlab

url, bot_token, person_token, owner_token, receiver = sys.argv[1:6]


def client(token):
    session = gitlab.Gitlab(url, private_token=token)
    session.session.trust_env = False
    session.auth()
    return session


bot, person, owner = client(bot_token), client(person_token), client(owner_token)


def said(what):
    print(what, flush=True)


def refused(code, work):
    try:
        work()
    except gitlab.exceptions.GitlabError as error:
        assert error.response_code == code, (error.response_code, error)
        return error
    raise AssertionError(f"nothing was refused, {code} was awaited")


assert bot.user.username == "bot"
assert bot.version()[0].startswith("18."), bot.version()
project = bot.projects.get("acme/shop")
assert project.id == bot.projects.get(project.id).id
assert project.path_with_namespace == "acme/shop" and project.default_branch == "main"
assert [one.path_with_namespace for one in bot.projects.list(membership=True, get_all=True)] == ["acme/shop"]
assert project.members_all.get(bot.user.id).access_level == gitlab.const.DEVELOPER_ACCESS
refused(404, lambda: bot.projects.get("acme/nothing"))
said("project")

hook = owner.projects.get("acme/shop").hooks.create({"url": receiver, "token": "s3cret", "issues_events": True, "note_events": True})
assert hook.note_events and hook.push_events
hook.merge_requests_events = True
hook.save()
hook.test("push_events")
said("hook")

label = project.labels.create({"name": "story::analysis", "color": "#8899aa"})
refused(409, lambda: project.labels.create({"name": "story::analysis", "color": "#8899aa"}))
label.color = "#112233"
label.save()
assert [one.color for one in project.labels.list(iterator=True)] == ["#112233"]
said("labels")

issue = person.projects.get("acme/shop").issues.create({"title": "Add CSV export", "description": "As a user ..."})
assert issue.iid == 1 and issue.state == "opened"
mine = project.issues.get(1)
mine.labels = ["story::analysis"]
mine.save()
assert project.issues.get(1).labels == ["story::analysis"]
note = mine.notes.create({"body": "/syndarix plan"})
note.body = "/syndarix build"
note.save()
emoji = note.awardemojis.create({"name": "eyes"})
refused(404, lambda: note.awardemojis.create({"name": "eyes"}))
assert [one.name for one in note.awardemojis.list()] == ["eyes"]
emoji.delete()
assert [one.action for one in mine.resourcelabelevents.list()] == ["add"]
for number in range(25):
    mine.notes.create({"body": f"note {number}"})
notes = mine.notes.list(iterator=True, order_by="created_at", sort="asc")
assert notes.total == 27 and len(list(notes)) == 27, notes.total
mine.state_event = "close"
mine.save()
assert [one.iid for one in project.issues.list(state="closed", updated_after="2020-01-01T00:00:00Z")] == [1]
said("issue")

project.branches.create({"branch": "feature/csv", "ref": "main"})
project.files.create({"file_path": "src/csv.txt", "branch": "feature/csv", "content": "a,b\nc,d\n", "commit_message": "feat: csv"})
assert project.files.get("src/csv.txt", ref="feature/csv").decode() == b"a,b\nc,d\n"
assert project.repository_compare("main", "feature/csv")["commits"][0]["title"] == "feat: csv"
assert [one["path"] for one in project.repository_tree(ref="feature/csv", path="src", get_all=True)] == ["src/csv.txt"]
said("repository")

wish = {"source_branch": "feature/csv", "target_branch": "main", "title": "Draft: feat: csv", "reviewer_ids": [person.user.id]}
request = project.mergerequests.create(wish)
assert request.iid == 1 and request.draft and request.detailed_merge_status == "draft_status"
refused(409, lambda: project.mergerequests.create(wish))
assert [one.title for one in request.commits()] == ["feat: csv"]
assert request.changes()["changes"][0]["new_path"] == "src/csv.txt"
assert len(request.diffs.list()) == 1
refused(405, lambda: request.merge())
request.title = "feat: csv"
request.save()
said("merge request")

theirs = person.projects.get("acme/shop").mergerequests.get(1)
refs = theirs.diff_refs
position = {"position_type": "text", "new_path": "src/csv.txt", "old_path": "src/csv.txt", "new_line": 2, **refs}
refused(400, lambda: theirs.discussions.create({"body": "x", "position": {**position, "new_line": 99}}))
discussion = theirs.discussions.create({"body": "Why?", "position": position})
assert discussion.attributes["notes"][0]["type"] == "DiffNote"
answered = request.discussions.get(discussion.id)
answered.notes.create({"body": "Because."})
answered.resolved = True
answered.save()
assert len(request.discussions.get(discussion.id).attributes["notes"]) == 2
assert request.discussions.get(discussion.id).attributes["notes"][0]["resolved"]
said("discussion")

commit = project.commits.get(request.sha)
commit.statuses.create({"state": "pending", "name": "ci"})
error = refused(400, lambda: commit.statuses.create({"state": "pending", "name": "ci"}))
assert "Cannot transition status" in str(error), error
commit.statuses.create({"state": "success", "name": "ci"})
assert [one.status for one in commit.statuses.list()] == ["success"]
assert [one.status for one in project.pipelines.list()] == ["success"]
said("statuses")

refused(409, lambda: theirs.approve(sha="0" * 40))
refused(401, lambda: request.approve())
theirs.approve(sha=theirs.sha)
assert [one["user"]["username"] for one in request.approvals.get().approved_by] == ["alice"]
assert [one.state for one in request.reviewer_details.list()] == ["approved"]
theirs.unapprove()
theirs.approve(sha=theirs.sha)
said("approval")

theirs.merge(squash=True, should_remove_source_branch=True)
assert project.mergerequests.get(1).state == "merged"
assert [one.name for one in project.branches.list()] == ["main"]
assert [one.iid for one in project.mergerequests.list(state="merged", source_branch="feature/csv")] == [1]
said("merge")
said("done")
