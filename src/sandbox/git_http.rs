//! Smart HTTP: `git http-backend` as a CGI child behind this server's own permission check.

use std::process::Stdio;
use std::sync::OnceLock;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::io::AsyncWriteExt;

use super::forge::{Forge, Shared};
use super::git_ops::{git, is_hex};
use super::gitea::auth;
use super::problem::{Kind, Problem};
use super::state::{Grant, Repo};

/// Largest request; a push beyond this is refused.
const LARGEST: usize = 512 * 1024 * 1024;

/// Serves `/{owner}/{name}.git/...`, which is `service_path` below the repository.
pub async fn serve(State(forge): State<Shared>, owner: String, name: String, service_path: String, request: Request) -> Response {
    match answer(&forge, &owner, &name, &service_path, request).await {
        Ok(response) => response,
        Err(problem) => refusal(&problem),
    }
}

fn refusal(problem: &Problem) -> Response {
    let status = match problem.kind {
        Kind::SignIn => StatusCode::UNAUTHORIZED,
        Kind::Denied => StatusCode::FORBIDDEN,
        Kind::Missing => StatusCode::NOT_FOUND,
        Kind::Invalid => StatusCode::BAD_REQUEST,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let mut response = (status, format!("{}\n", problem.text)).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"Gitea\""));
    }
    response
}

async fn answer(forge: &Forge, owner: &str, name: &str, path: &str, request: Request) -> Result<Response, Problem> {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let writes = path == "git-receive-pack" || query == "service=git-receive-pack";
    if !matches!(path, "info/refs" | "git-upload-pack" | "git-receive-pack") {
        return Err(super::act::no_such());
    }
    let user = auth::user(forge, request.headers(), request.uri());
    let user = user.or_else(|problem| super::github::of_git(forge, request.headers()).map(Some).ok_or(problem))?;
    let repo = permitted(forge, user, owner, name, writes)?;
    let method = request.method().as_str().to_owned();
    let headers = request.headers().clone();
    let body = to_bytes(request.into_body(), LARGEST).await;
    let body = body.map_err(|_| Problem::invalid("the request is broken off or larger than 512 MiB"))?;
    if path == "info/refs" && query == "service=git-upload-pack" && headers.get("git-protocol").is_some_and(|told| told == "version=2") {
        return greeting(forge, &repo, &headers, user).await;
    }
    let (Some(user), "git-receive-pack") = (user, path) else {
        return backend(forge, &repo, path, &method, &query, &headers, &body, user, "").await;
    };
    let _alone = forge.alone(repo.id).await;
    let refused = forge.read(|world| {
        let protected = |name: &String| {
            let branch = name.strip_prefix("refs/heads/").unwrap_or_default();
            world.protection_of(repo.id, branch).is_some_and(|rule| !rule.allow_push)
        };
        pushed_refs(&body).into_iter().filter(protected).map(|name| format!("\n{name}\n")).collect::<String>()
    });
    let response = backend(forge, &repo, path, &method, &query, &headers, &body, Some(user), &refused).await?;
    forge.refs_changed(user, repo.id).await?;
    Ok(response)
}

/// Who may not see a repository is asked to sign in first, then told that it is not there.
fn permitted(forge: &Forge, user: Option<i64>, owner: &str, name: &str, writes: bool) -> Result<Repo, Problem> {
    let least = if writes { Grant::Write } else { Grant::Read };
    if writes && user.is_none() {
        return Err(Problem::sign_in("sign in to push: user name and token"));
    }
    forge.repo_for(user, owner, name, least).map_err(|problem| match (problem.kind, user) {
        (Kind::Missing, None) => Problem::sign_in("sign in: user name and token"),
        _ => problem,
    })
}

/// The first answer of a fetch in version 2 of the protocol. It names what this Git can do and nothing of a repository, so one answer
/// serves all (gitprotocol-v2, "Capability Advertisement").
#[derive(Default)]
pub struct Greeting(OnceLock<(HeaderMap, Bytes)>);

async fn greeting(forge: &Forge, repo: &Repo, headers: &HeaderMap, user: Option<i64>) -> Result<Response, Problem> {
    if let Some((headers, body)) = forge.greeting.0.get() {
        return Ok((headers.clone(), body.clone()).into_response());
    }
    let answer = backend(forge, repo, "info/refs", "GET", "service=git-upload-pack", headers, b"", user, "").await?;
    if answer.status() != StatusCode::OK {
        return Ok(answer);
    }
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, LARGEST).await.map_err(|error| Problem::broken(format!("`git http-backend` broke off: {error}")))?;
    let kept = (parts.headers, body);
    let answer = (kept.0.clone(), kept.1.clone()).into_response();
    // Several at once would keep the same.
    let _ = forge.greeting.0.set(kept);
    Ok(answer)
}

#[expect(clippy::too_many_arguments, reason = "the variables of one CGI call")]
async fn backend(
    forge: &Forge,
    repo: &Repo,
    path: &str,
    method: &str,
    query: &str,
    headers: &HeaderMap,
    body: &[u8],
    user: Option<i64>,
    refused: &str,
) -> Result<Response, Problem> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let login = user.map(|id| forge.read(|world| world.login(id).to_owned())).unwrap_or_default();
    let mut command = git();
    // Without CONTENT_LENGTH it reads to the end. With it, an input that ends too soon, because we were killed, keeps it asking for more
    // for ever at full speed (seen with Git 2.39).
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", forge.git_root())
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", format!("/{}.git/{path}", repo.id))
        .env("REQUEST_METHOD", method)
        .env("QUERY_STRING", query)
        .env("CONTENT_TYPE", text(header::CONTENT_TYPE))
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("SANDBOX_REFUSED", refused);
    if !login.is_empty() {
        command.env("REMOTE_USER", &login);
    }
    if text(header::CONTENT_ENCODING) == "gzip" {
        command.env("HTTP_CONTENT_ENCODING", "gzip");
    }
    let protocol = text(HeaderName::from_static("git-protocol"));
    if protocol.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"=:._-".contains(&byte)) && !protocol.is_empty() {
        command.env("GIT_PROTOCOL", protocol);
    }
    let broken = |error: std::io::Error| Problem::broken(format!("`git http-backend` could not be run: {error}; is Git installed whole?"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(broken)?;
    let stdin = child.stdin.take();
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A backend that refuses early closes its input; its answer says why.
            let _ = stdin.write_all(body).await;
        }
    };
    let ((), output) = tokio::join!(feed, child.wait_with_output());
    let output = output.map_err(broken)?;
    cgi_response(output.stdout)
        .ok_or_else(|| Problem::broken(format!("`git http-backend` gave no answer: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

/// Headers up to an empty line, then the body.
fn cgi_response(mut output: Vec<u8>) -> Option<Response> {
    let end = output.windows(4).position(|window| window == b"\r\n\r\n")?;
    let body = output.split_off(end + 4);
    let mut response = Response::new(Body::from(body));
    for line in std::str::from_utf8(&output).ok()?.lines().filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("status") {
            *response.status_mut() = value.trim().split(' ').next()?.parse().ok()?;
        } else {
            response.headers_mut().append(HeaderName::try_from(name).ok()?, HeaderValue::try_from(value.trim()).ok()?);
        }
    }
    Some(response)
}

/// The refs that a push wants to move, read from its leading pkt-lines.
fn pushed_refs(mut body: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    while let Some(length) =
        body.get(..4).and_then(|digits| std::str::from_utf8(digits).ok()).and_then(|digits| usize::from_str_radix(digits, 16).ok())
    {
        let Some(line) = body.get(4..length) else { break };
        body = &body[length..];
        let line = line.split(|&byte| byte == 0).next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let mut words = line.trim_end().splitn(3, ' ');
        if let (Some(old), Some(new), Some(name)) = (words.next(), words.next(), words.next())
            && is_hex(old)
            && is_hex(new)
        {
            names.push(name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refs_are_read_from_the_commands_before_the_pack() {
        let (old, new) = ("0".repeat(40), "a".repeat(40));
        let line = |text: String| format!("{:04x}{text}", text.len() + 4);
        let body =
            line(format!("{old} {new} refs/heads/main\0 report-status")) + &line(format!("{old} {new} refs/heads/x\n")) + "0000PACK...";
        assert_eq!(pushed_refs(body.as_bytes()), ["refs/heads/main", "refs/heads/x"]);
        for broken in ["", "0000", "zzzz", "ffff12", "0003", "0004"] {
            assert_eq!(pushed_refs(broken.as_bytes()), Vec::<String>::new(), "{broken}");
        }
    }

    #[test]
    fn a_cgi_answer_becomes_a_response() {
        let response = cgi_response(b"Status: 403 Forbidden\r\nContent-Type: text/plain\r\n\r\nno\r\n\r\n".to_vec()).unwrap();
        assert_eq!(response.status(), 403);
        assert_eq!(response.headers()["content-type"], "text/plain");
        assert!(cgi_response(b"nothing".to_vec()).is_none());
    }
}
