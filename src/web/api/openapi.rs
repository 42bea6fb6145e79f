//! The description of what is served, as OpenAPI 3.1.

use serde_json::{Map, Value, json};

use super::query::{declared, described};
use super::{Method, ROUTES, Route};

/// Refusals that every route knows.
const ALWAYS: &[u16] = &[400, 401, 403, 429, 503];

/// The description, written from the table of routes.
pub fn document() -> Value {
    let (mut paths, mut schemas) = (Map::new(), Map::new());
    schemas.insert("Problem".to_owned(), problem());
    for route in ROUTES {
        schemas.insert(route.item.name.to_owned(), route.item.schema());
        let operations = paths.entry(route.path).or_insert_with(|| json!({}));
        operations[word(route.method)] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Syndarix", "version": env!("CARGO_PKG_VERSION"),
            "description": "What an administrator reads and does every day. Every answer is `{\"data\": …}`, that of a list also has `next`, which is null on the last page; every refusal is a problem (RFC 9457). A token that is bound to projects sees these and nothing else; what it does not see is answered as if it were not there.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "A token of `syndarix token issue`."}},
        },
    })
}

fn word(method: Method) -> &'static str {
    match method {
        Method::Get => "get",
        Method::Post => "post",
    }
}

fn operation(route: &Route) -> Value {
    let mut params: Vec<Value> = declared(route).iter().map(described).collect();
    if route.path.contains("{id}") {
        params.push(json!({"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}));
    }
    let mut answers = Map::new();
    answers.insert(
        route.status.to_string(),
        json!({"description": "It went well.", "content": {"application/json": {"schema": answer(route)}}}),
    );
    for status in ALWAYS.iter().chain(route.refusals) {
        let problem = json!({"schema": {"$ref": "#/components/schemas/Problem"}});
        answers.insert(status.to_string(), json!({"description": refusal(*status), "content": {"application/problem+json": problem}}));
    }
    json!({
        "summary": route.about, "operationId": name_of(route), "parameters": params, "responses": answers,
        "security": [{"token": [route.scope.word()]}], "x-scope": route.scope.word(),
    })
}

fn answer(route: &Route) -> Value {
    let item = json!({"$ref": format!("#/components/schemas/{}", route.item.name)});
    match route.list {
        false => json!({"type": "object", "properties": {"data": item}, "required": ["data"], "additionalProperties": false}),
        true => json!({
            "type": "object", "required": ["data", "next"], "additionalProperties": false,
            "properties": {"data": {"type": "array", "items": item}, "next": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
        }),
    }
}

/// `get_projects_stories` of `GET /api/v1/projects/{id}/stories`.
fn name_of(route: &Route) -> String {
    let parts = route.path.trim_start_matches("/api/v1/").split('/');
    let words: Vec<&str> = parts.map(|part| if part == "{id}" { "id" } else { part }).collect();
    format!("{}_{}", word(route.method), words.join("_"))
}

fn refusal(status: u16) -> &'static str {
    match status {
        400 => "A parameter cannot be read.",
        401 => "No token that holds was shown.",
        403 => "The token lacks the scope; the answer names it.",
        404 => "It is not there, or the token does not see its project.",
        409 => "It cannot be done as things stand.",
        429 => "The token has made too many requests; `Retry-After` says when the next is answered.",
        _ => "The database does not answer.",
    }
}

fn problem() -> Value {
    json!({
        "type": "object", "required": ["type", "title", "status", "detail"], "additionalProperties": false,
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "What happened, why, and what to do."},
            "scope": {"type": "string", "description": "The scope that the token lacks."},
        },
    })
}
