//! Who is asking: a request with a service token becomes a [`Caller`], or is refused before anything is looked at. The token is read
//! from the database each time, so that a revoked one is good for nothing at once, on every instance.

use std::collections::BTreeSet;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use tokio::time::Instant;

use super::WebState;
use super::problem::Problem;
use crate::base::ids::{ProjectId, TokenId};
use crate::domain::access::token::{Scope, Token};
use crate::store::TokenRow;

/// A program that showed a token which holds. Which project it sees comes from the token, never from what it asks for.
#[derive(Clone, Debug)]
pub struct Caller {
    pub token: TokenId,
    pub name: String,
    scopes: BTreeSet<Scope>,
    projects: Option<BTreeSet<ProjectId>>,
}

impl Caller {
    /// Refuses with the name of the missing scope and the command that issues one.
    pub fn need(&self, scope: Scope) -> Result<(), Problem> {
        match self.scopes.contains(&scope) {
            true => Ok(()),
            false => Err(Problem::scope_missing(&self.name, scope)),
        }
    }

    /// The only projects it sees; `None`: all, and what belongs to none.
    pub fn projects(&self) -> Option<&BTreeSet<ProjectId>> {
        self.projects.as_ref()
    }

    /// Whether it sees what belongs to this project, or to none.
    pub fn sees(&self, project: Option<ProjectId>) -> bool {
        self.projects.as_ref().is_none_or(|own| project.is_some_and(|project| own.contains(&project)))
    }

    /// Who is asking, from the headers of a request.
    pub async fn of(state: &WebState, headers: &HeaderMap) -> Result<Caller, Problem> {
        let token = shown(headers)?;
        let row = state.store.token(token.id).await?;
        let row = row.filter(|row| token.fits(&row.digest)).ok_or_else(|| Problem::unauthenticated("this token was never issued here"))?;
        if !row.holds(state.clock.now()) {
            return Err(Problem::unauthenticated(over(&row)));
        }
        state.pace.take(row.id, Instant::now()).map_err(|seconds| Problem::too_many(&row.name, seconds))?;
        if let Err(error) = state.store.token_used(&row).await {
            // When it was last used is worth knowing and not worth a refusal.
            tracing::debug!("the use of a token could not be noted: {error}");
        }
        Ok(Caller { token: row.id, name: row.name, scopes: row.scopes, projects: row.projects })
    }
}

/// The token that a request shows. In an address it would end up in the logs of whoever passes the request on.
fn shown(headers: &HeaderMap) -> Result<Token, Problem> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (first, second) = (given.next(), given.next());
    let missing = "send `Authorization: Bearer sdx_…`. Where the server runs, `syndarix token issue` issues a token";
    let Some(value) = first else { return Err(Problem::unauthenticated(missing)) };
    if second.is_some() {
        return Err(Problem::unauthenticated("there is more than one Authorization header; send one"));
    }
    let bearer = value.to_str().ok().and_then(|text| text.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, text)) = bearer else { return Err(Problem::unauthenticated(missing)) };
    Token::parse(text.trim()).map_err(|error| Problem::unauthenticated(error.to_string()))
}

/// Why a token that was issued here is good for nothing any more. Whoever holds the whole secret may know.
fn over(row: &TokenRow) -> String {
    match (row.revoked_at, row.expires_at) {
        (Some(at), _) => format!("the token `{}` was revoked at {at}", row.name),
        (None, Some(at)) => format!("the token `{}` expired at {at}", row.name),
        (None, None) => format!("the token `{}` is not good any more", row.name),
    }
}

impl FromRequestParts<WebState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Caller, Problem> {
        Caller::of(state, &parts.headers).await
    }
}
