//! Branches, commits, trees, comparisons.

use axum::extract::Path;
use serde_json::{Value, json};

use super::diff;
use super::look::joined;
use super::web::{Answer, Call, Failure, bad, created, missing, nothing, ok, refused};
use crate::sandbox::git_ops::CommitRow;
use crate::sandbox::problem::{Kind, Problem};
use crate::sandbox::state::{Grant, Repo};

async fn branch_shape(call: &Call, repo: &Repo, name: &str, sha: &str) -> Result<Value, Problem> {
    let commit = call.forge.git(repo.id).commit(sha).await?;
    Ok(call.look(|look| {
        let rule = look.world.protection_of(repo.id, name);
        let writes = look.world.grant(repo, call.user) >= Grant::Write;
        json!({
            "name": name, "commit": look.commit(repo.id, &commit), "merged": false, "protected": rule.is_some(),
            "developers_can_push": rule.is_some_and(|rule| rule.allow_push), "developers_can_merge": rule.is_some(),
            "can_push": writes && rule.is_none_or(|rule| rule.allow_push), "default": name == repo.default_branch,
            "web_url": format!("{}/-/tree/{name}", look.web(repo.id)),
        })
    }))
}

pub async fn branches(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let search = call.params.some("search").unwrap_or_default();
    let mut shapes = Vec::new();
    for (name, sha) in repo.branches().filter(|(name, _)| name.contains(&search)) {
        shapes.push(branch_shape(&call, &repo, name, sha).await?);
    }
    Ok(call.page(shapes))
}

pub async fn branch(Path((id, name)): Path<(String, String)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let sha = repo.branch(&name).ok_or_else(|| missing("Branch"))?;
    ok(branch_shape(&call, &repo, &name, sha).await?)
}

pub async fn create_branch(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Write)?;
    let (name, from) = (call.need("branch")?, call.need("ref")?);
    call.forge.create_branch(call.me()?, repo.id, &name, Some(&from)).await.map_err(|problem| match problem.kind {
        Kind::Conflict => refused(400, "Branch already exists"),
        Kind::Missing => refused(400, "Invalid reference name: ".to_owned() + &from),
        Kind::Invalid => refused(400, "Branch name is invalid"),
        _ => problem.into(),
    })?;
    let repo = call.project(&id, Grant::Write)?;
    let sha = repo.branch(&name).ok_or_else(|| missing("Branch"))?;
    created(branch_shape(&call, &repo, &name, sha).await?)
}

pub async fn delete_branch(Path((id, name)): Path<(String, String)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Write)?;
    call.forge.delete_branch(call.me()?, repo.id, &name).await.map_err(|problem| match problem.kind {
        Kind::Missing => missing("Branch"),
        Kind::Denied => refused(403, "403 Forbidden - The default or a protected branch can not be removed"),
        _ => problem.into(),
    })?;
    nothing()
}

/// The commit behind a branch, tag or (also short) id.
pub async fn resolve(call: &Call, repo: &Repo, name: &str) -> Result<String, Failure> {
    if let Ok(sha) = call.forge.resolve(repo, Some(name)).await {
        return Ok(sha);
    }
    let short = (6..40).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let whole = if short {
        call.forge.git(repo.id).text(&["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")]).await.ok()
    } else {
        None
    };
    whole.map(|sha| sha.trim().to_owned()).ok_or_else(|| missing("Commit"))
}

pub async fn commits(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let name = call.params.some("ref_name").unwrap_or_else(|| repo.default_branch.clone());
    let git = call.forge.git(repo.id);
    let rows: Vec<CommitRow> = match name.split_once("..") {
        Some((from, to)) => {
            let (from, to) = (resolve(&call, &repo, from).await?, resolve(&call, &repo, to.trim_start_matches('.')).await?);
            git.log(&[&format!("{from}..{to}")], 2000).await?
        }
        None => git.log(&[&resolve(&call, &repo, &name).await?], 2000).await?,
    };
    Ok(call.page(call.look(|look| rows.iter().map(|row| look.commit(repo.id, row)).collect())))
}

pub async fn commit(Path((id, name)): Path<(String, String)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let sha = resolve(&call, &repo, &name).await?;
    let row = call.forge.git(repo.id).commit(&sha).await?;
    ok(call.look(|look| {
        let pipeline = look.pipeline(repo.id, &sha);
        let more = json!({"status": pipeline["status"], "last_pipeline": pipeline, "project_id": repo.id});
        joined(look.commit(repo.id, &row), more)
    }))
}

pub async fn commit_diff(Path((id, name)): Path<(String, String)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let sha = resolve(&call, &repo, &name).await?;
    let git = call.forge.git(repo.id);
    let row = git.commit(&sha).await?;
    let patch = match row.parents.first() {
        Some(parent) => git.diff(parent, &sha).await?,
        None => git.text(&["diff-tree", "-p", "--root", "--no-commit-id", "-r", &sha]).await?,
    };
    Ok(call.page(diff::files(&patch).iter().map(diff::FileDiff::shape).collect()))
}

/// Merge requests that hold this commit.
pub async fn commit_merge_requests(Path((id, name)): Path<(String, String)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let sha = resolve(&call, &repo, &name).await?;
    let shapes = call.look(|look| {
        let pulls = look.world.issues.all().filter(|issue| issue.repo == repo.id).filter_map(|issue| Some((issue, issue.pull.as_ref()?)));
        let holds =
            |pull: &crate::sandbox::state::Pull| pull.head_sha == sha || pull.merged.as_ref().is_some_and(|merged| merged.sha == sha);
        pulls.filter(|(_, pull)| holds(pull)).map(|(issue, pull)| look.pull(issue, pull, false)).collect()
    });
    Ok(call.page(shapes))
}

pub async fn compare(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let (from, to) = (call.need("from")?, call.need("to")?);
    let (from, to) = (resolve(&call, &repo, &from).await?, resolve(&call, &repo, &to).await?);
    let git = call.forge.git(repo.id);
    let base = match call.params.flag("straight").unwrap_or(false) {
        true => from.clone(),
        false => git.check(&from, &to).await?.merge_base,
    };
    let mut rows = git.log(&[&format!("{from}..{to}")], 1000).await?;
    rows.reverse();
    let files: Vec<Value> = diff::files(&git.diff(&base, &to).await?).iter().map(diff::FileDiff::shape).collect();
    ok(call.look(|look| {
        let commits: Vec<Value> = rows.iter().map(|row| look.commit(repo.id, row)).collect();
        json!({
            "commit": commits.last(), "commits": commits, "diffs": files, "compare_timeout": false, "compare_same_ref": from == to,
            "web_url": format!("{}/-/compare/{from}...{to}", look.web(repo.id)),
        })
    }))
}

pub async fn tree(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    let sha = resolve(&call, &repo, &call.params.some("ref").unwrap_or_else(|| repo.default_branch.clone())).await?;
    let git = call.forge.git(repo.id);
    let path = call.params.some("path").unwrap_or_default();
    let mut entries = match call.params.flag("recursive").unwrap_or(false) {
        true => git.list_all(&sha).await?,
        false => git.look(&sha, &path).await.map_err(|_| missing("Tree"))?.1,
    };
    let inside = format!("{}/", path.trim_matches('/'));
    entries.retain(|entry| path.is_empty() || entry.path.starts_with(&inside));
    let shape = |entry: &crate::sandbox::git_read::Entry| {
        let name = entry.path.rsplit('/').next().unwrap_or_default();
        json!({"id": entry.sha, "name": name, "type": entry.kind, "path": entry.path, "mode": entry.mode})
    };
    Ok(call.page(entries.iter().map(shape).collect()))
}

fn rule_shape(rule: &crate::sandbox::state::Protection) -> Value {
    let level = |id: i64, level: i64, words: &str| json!([{"id": id, "access_level": level, "access_level_description": words, "user_id": null, "group_id": null, "deploy_key_id": null}]);
    let push = if rule.allow_push { level(rule.id * 10, 30, "Developers + Maintainers") } else { level(rule.id * 10, 0, "No one") };
    json!({
        "id": rule.id, "name": rule.rule, "push_access_levels": push, "merge_access_levels": level(rule.id * 10 + 1, 30, "Developers + Maintainers"),
        "unprotect_access_levels": [], "allow_force_push": false, "code_owner_approval_required": false, "inherited": false,
    })
}

fn rules_of(call: &Call, repo: i64) -> Vec<Value> {
    call.look(|look| look.world.protections.all().filter(|rule| rule.repo == repo).map(rule_shape).collect())
}

pub async fn rules(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    Ok(call.page(rules_of(&call, repo.id)))
}

pub async fn rule(Path((id, name)): Path<(String, String)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Read)?;
    ok(rules_of(&call, repo.id).into_iter().find(|rule| rule["name"] == name.as_str()).ok_or_else(|| missing(""))?)
}

pub async fn protect(Path(id): Path<String>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Admin)?;
    let name = call.need("name")?;
    if name.is_empty() {
        return Err(bad("name is empty"));
    }
    let rule = crate::sandbox::state::Protection {
        rule: name.clone(),
        allow_push: call.params.number("push_access_level") == Some(30),
        ..crate::sandbox::state::Protection::default()
    };
    call.act(|act| act.protect(repo.id, rule)).map_err(|problem| match problem.text.as_str() {
        "Branch protection already exist" => refused(409, format!("Protected branch '{name}' already exists")),
        _ => problem.into(),
    })?;
    created(rules_of(&call, repo.id).into_iter().find(|rule| rule["name"] == name.as_str()).ok_or_else(|| missing(""))?)
}

/// Who may push is changed in the paid editions alone; the others take the request and leave it.
pub async fn reprotect(Path((id, name)): Path<(String, String)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Admin)?;
    let asked = call.params.objects("allowed_to_push");
    let kept = |id: i64| asked.iter().all(|one| one.number("id") != Some(id) || one.value("_destroy") != Some(&json!(true)));
    call.forge.change(|world| {
        let rule = world.protections.all().find(|rule| rule.repo == repo.id && rule.rule == name).map(|rule| rule.id);
        let rule = rule.and_then(|id| world.protections.edit(id)).ok_or_else(crate::sandbox::act::no_such)?;
        if repo.lab.premium && !asked.is_empty() {
            let own = rule.id * 10;
            let now = if kept(own) && rule.allow_push { Some(30) } else { None };
            let levels =
                asked.iter().filter(|one| one.value("_destroy") != Some(&json!(true))).filter_map(|one| one.number("access_level"));
            rule.allow_push = levels.chain(now).any(|level| level > 0);
        }
        Ok(())
    })?;
    rule(Path((id, name)), call).await
}

pub async fn unprotect(Path((id, name)): Path<(String, String)>, call: Call) -> Answer {
    let repo = call.project(&id, Grant::Admin)?;
    call.act(|act| act.unprotect(repo.id, &name))?;
    nothing()
}
