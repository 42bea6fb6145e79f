//! Octocrab as an authenticated transport: it signs in, sends one request and gives the answer as it came. Redirects are not followed and
//! nothing is repeated here.

use std::error::Error as _;
use std::time::Duration;

use http::{HeaderMap, Method};
use octocrab::Octocrab;
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::base::secret::{ExposeSecret, SecretString};

/// Who asks.
#[derive(Clone)]
pub(super) enum Identity {
    /// Whoever this token belongs to.
    Bearer(SecretString),
    /// The GitHub App itself, with a token that it signs for each call.
    App,
}

/// A GitHub App.
#[derive(Clone, Debug)]
pub struct App {
    /// The number that its settings page shows as "App ID".
    pub id: u64,
    /// The private key in PEM.
    pub private_key: SecretString,
}

/// One request that did not come back with an answer.
pub(super) struct Broken {
    pub text: String,
    /// Nothing of it has reached the server.
    pub unsent: bool,
}

/// The clients are made at the first call, because they begin a task of their own.
pub(super) struct Transport {
    root: String,
    connect: Duration,
    app: Option<App>,
    plain: OnceCell<Octocrab>,
    signing: OnceCell<Octocrab>,
}

impl Transport {
    /// An error is a sentence about the private key.
    pub fn new(root: &str, connect: Duration, app: Option<App>) -> Result<Transport, String> {
        if let Some(app) = &app {
            octocrab::auth::EncodingKey::from_rsa_pem(app.private_key.expose_secret().as_bytes()).map_err(|error| {
                format!("the private key of the GitHub App cannot be used ({error}): it must be the PEM file that GitHub gave when the key was made")
            })?;
        }
        Ok(Transport { root: root.to_owned(), connect, app, plain: OnceCell::new(), signing: OnceCell::new() })
    }

    fn client(&self, app: Option<&App>) -> octocrab::Result<Octocrab> {
        // It names itself as the user agent; a second name would only stand beside that.
        let builder = Octocrab::builder().base_uri(self.root.as_str())?.set_connect_timeout(Some(self.connect));
        match app {
            Some(app) => builder.app_from_rsa_pem(app.id.into(), app.private_key.expose_secret())?.build(),
            None => builder.build(),
        }
    }

    async fn signed_in(&self, identity: &Identity) -> octocrab::Result<Octocrab> {
        match identity {
            Identity::Bearer(token) => {
                let plain = self.plain.get_or_try_init(async || self.client(None)).await?;
                plain.user_access_token(token.clone())
            }
            Identity::App => self.signing.get_or_try_init(async || self.client(self.app.as_ref())).await.cloned(),
        }
    }

    /// Sends one request; `path` with its query, escaped.
    pub async fn send(
        &self,
        identity: &Identity,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        body: Option<&Value>,
    ) -> Result<reqwest::Response, Broken> {
        let unsent = |error: octocrab::Error| Broken { text: said(&error), unsent: true };
        let client = self.signed_in(identity).await.map_err(unsent)?;
        let mut request = http::Request::builder().method(method.clone()).uri(path);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = client.build_request(request, body).map_err(unsent)?;
        let answer = client.execute(request).await.map_err(|error| {
            let text = said(&error);
            // The client below names the phase in which it failed; its type is not to be had here. A test holds it to that.
            Broken { unsent: text.contains("(Connect)"), text }
        })?;
        Ok(reqwest::Response::from(answer.map(reqwest::Body::wrap)))
    }
}

/// The reason of the reason, down to the first.
fn said(error: &octocrab::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !parts.last().is_some_and(|last| last.contains(&text)) {
            parts.push(text);
        }
        cause = error.source();
    }
    if parts.is_empty() { error.to_string() } else { parts.join(": ") }
}
