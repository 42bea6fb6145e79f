//! What the tests against a real Gitea share. They run when SYNDARIX_LIVE_FORGE_URL and SYNDARIX_LIVE_FORGE_TOKEN (a site administrator's token) are set; the
//! server must be allowed to call web hooks on loopback (`ALLOWED_HOST_LIST = loopback`).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use syndarix::domain::forge::User;

/// Password of every account that the tests make.
pub const PASSWORD: &str = "Live-Test-Pass-1";

/// The server with the eyes of one account.
#[derive(Clone)]
pub struct Api {
    pub http: reqwest::Client,
    pub base: String,
    pub authorization: String,
}

impl Api {
    /// The server as its administrator; `None`, and a line that says so, when none is given.
    pub fn of_environment() -> Option<Api> {
        #[expect(clippy::disallowed_methods, reason = "the switch that turns the live tests on")]
        let (url, token) = (std::env::var("SYNDARIX_LIVE_FORGE_URL"), std::env::var("SYNDARIX_LIVE_FORGE_TOKEN"));
        let (Ok(url), Ok(token)) = (url, token) else {
            println!("skipped: SYNDARIX_LIVE_FORGE_URL and SYNDARIX_LIVE_FORGE_TOKEN are not set");
            return None;
        };
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
        Some(Api { http, base: url.trim_end_matches('/').to_owned(), authorization: format!("token {token}") })
    }

    pub fn with(&self, authorization: String) -> Api {
        Api { authorization, ..self.clone() }
    }

    /// The answer whatever it is.
    pub async fn ask(&self, method: Method, path: &str, body: Value) -> (StatusCode, String) {
        let request = self.http.request(method, format!("{}/api/v1/{path}", self.base)).header("authorization", &self.authorization);
        let answer = request.json(&body).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    /// The answer, which must be a good one.
    pub async fn call(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, text) = self.ask(method.clone(), path, body).await;
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        self.call(Method::POST, path, body).await
    }

    pub async fn delete(&self, path: &str) {
        self.ask(Method::DELETE, path, Value::Null).await;
    }

    /// Makes a user with a token.
    pub async fn user(&self, login: &str) -> (User, String) {
        let user = json!({"username": login, "email": format!("{login}@example.org"), "password": PASSWORD, "must_change_password": false});
        let made = self.post("admin/users", user).await;
        let basic = self.with(format!("Basic {}", STANDARD.encode(format!("{login}:{PASSWORD}"))));
        let scopes = json!({"name": "live", "scopes": ["write:repository", "write:issue", "read:organization", "read:user"]});
        let token = basic.post(&format!("users/{login}/tokens"), scopes).await;
        (User { id: made["id"].as_i64().unwrap(), login: login.to_owned() }, token["sha1"].as_str().unwrap().to_owned())
    }
}

/// A part of names that no other run has.
pub fn suffix() -> String {
    uuid::Uuid::now_v7().simple().to_string()[16..28].to_owned()
}
