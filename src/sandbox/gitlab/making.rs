//! New projects, and the namespaces that they are made in.

use axum::extract::Path;
use serde_json::json;

use super::web::{Answer, Call, Failure, bad, created, missing, ok, refused};
use crate::sandbox::state::{Grant, User};
use crate::sandbox::world::World;

fn account<'a>(world: &'a World, id: &str) -> Option<&'a User> {
    id.parse().ok().and_then(|number: i64| world.users.get(number)).or_else(|| world.user_named(id))
}

/// A group or the namespace of a person, by number or path.
pub async fn namespace(Path(id): Path<String>, call: Call) -> Answer {
    call.me()?;
    let shape = call.look(|look| {
        let user = account(look.world, &id)?;
        let (number, login) = (user.id, user.login.as_str());
        Some(json!({
            "id": number, "name": login, "path": login, "kind": "group", "full_path": login, "parent_id": null, "avatar_url": null,
            "web_url": format!("{}/groups/{login}", look.root),
        }))
    });
    ok(shape.ok_or_else(|| missing("Namespace"))?)
}

/// Who administers a project of the namespace stands for a member who may make more; an administrator of the forge may everywhere.
pub async fn create(call: Call) -> Answer {
    let me = call.me()?;
    let name = call.params.some("path").or_else(|| call.params.some("name")).ok_or_else(|| bad("name is missing"))?;
    let wrong = |what: &str, text: &str| refused(400, json!({what: [text]}));
    let found = call.forge.read(|world| {
        let owner = match call.params.text("namespace_id") {
            Some(id) => account(world, &id)?,
            None => world.users.get(me)?,
        };
        let admin = owner.id == me || world.users.get(me).is_some_and(|user| user.admin);
        let may = admin || world.repos.all().any(|repo| repo.owner == owner.id && world.grant(repo, Some(me)) >= Grant::Admin);
        Some((owner.login.clone(), may, world.repo_at(&owner.login, &name).is_some()))
    });
    let owner = match found {
        Some((_, true, true)) => return Err(wrong("path", "has already been taken")),
        Some((owner, true, false)) => owner,
        Some((_, false, _)) | None => return Err(wrong("namespace", "is not valid")),
    };
    let private = call.params.some("visibility").is_none_or(|word| word == "private");
    let id = call.forge.make_repo(&owner, &name, private, me).await?;
    if call.params.flag("initialize_with_readme") == Some(true) {
        let readme = [("README.md".to_owned(), format!("# {name}\n"))];
        call.forge.first_commit(me, id, "main", &readme, "Initial commit\n").await?;
    }
    let shape = call.look(|look| look.world.repos.get(id).map(|repo| look.project(repo)));
    created(shape.ok_or_else(|| Failure::from(crate::sandbox::act::no_such()))?)
}
