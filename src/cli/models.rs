//! Whether anything answers for the agents' models, found out at the start of `serve` at next to no cost: no model is asked, and no client
//! with its certificates is made, which would stay in memory. `syndarix doctor` looks properly.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::config::Config;
use crate::domain::budget::Wire;

/// How long an address may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Says in the log for which groups no model can be asked, and what to do.
pub async fn warn_when_silent(config: Config) {
    let mut usable = BTreeSet::new();
    for provider in config.team.providers.iter().filter(|provider| provider.wire != Wire::Scripted) {
        let url = config.settings.provider_urls.get(&provider.name).unwrap_or(&provider.url);
        if config.settings.keys.contains_key(&provider.name) || (!provider.needs_key && answers(url).await) {
            usable.insert(provider.name.as_str());
        }
    }
    let used: BTreeSet<&str> = config.team.agents.values().map(|kind| kind.model_group.as_str()).collect();
    let silent = |group: &&&str| {
        let group = config.team.catalog.groups.get(**group);
        !group.is_some_and(|group| group.models.iter().any(|model| usable.contains(model.provider.as_str())))
    };
    let silent: Vec<&str> = used.iter().filter(silent).copied().collect();
    if !silent.is_empty() {
        tracing::warn!(
            "no model can be asked for {}: agents that need one will say so on the issue. Give a provider its key \
             (SYNDARIX_ANTHROPIC_API_KEY, SYNDARIX_OPENAI_API_KEY), or start Ollama and pull a model; `syndarix doctor` says what is missing",
            silent.join(", ")
        );
    }
}

/// Whether something listens there.
async fn answers(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return false };
    let host = host.trim_matches(['[', ']']);
    matches!(tokio::time::timeout(PATIENCE, TcpStream::connect((host, port))).await, Ok(Ok(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_answers_when_somebody_listens() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        assert!(answers(&url).await);
        drop(listener);
        assert!(!answers(&url).await);
        assert!(!answers("nonsense").await);
    }
}
