//! The models that can be asked.

use std::sync::Arc;

use anyhow::Result;

use super::Options;
use crate::config::Config;
use crate::domain::budget::{Catalog, ModelRef, Wire};
use crate::llm::{Endpoint, Gateway, Http, HttpOptions, Provider, RetryPolicy, Scripted, connect};

pub(super) fn gateway(config: &Config, options: &Options) -> Result<Gateway> {
    let http = Http::new(HttpOptions::default()).map_err(anyhow::Error::msg)?;
    let mut providers: Vec<Arc<dyn Provider>> = Vec::new();
    for provider in &config.team.providers {
        if let Wire::Scripted = provider.wire {
            let script =
                || options.script.clone().map(|script| Arc::new(Scripted::new(provider.name.clone(), script)) as Arc<dyn Provider>);
            providers.extend(options.provider.clone().or_else(script));
            continue;
        }
        let key = config.settings.keys.get(&provider.name).cloned();
        if provider.needs_key && key.is_none() {
            continue;
        }
        let url = config.settings.provider_urls.get(&provider.name).unwrap_or(&provider.url).clone();
        providers.extend(connect(provider.wire, Endpoint { name: provider.name.clone(), url, key }, &http));
    }
    Ok(Gateway::new(catalog(config, options)?, providers, RetryPolicy::default()))
}

/// All groups, or one model in place of each.
fn catalog(config: &Config, options: &Options) -> Result<Catalog> {
    let scripted = || {
        config.team.providers.iter().find(|provider| provider.wire == Wire::Scripted).map(|provider| ModelRef::new(&provider.name, "story"))
    };
    let only = match &options.model {
        Some(name) => Some(ModelRef::parse(name).map_err(anyhow::Error::msg)?),
        None if options.script.is_some() || options.provider.is_some() => scripted(),
        None => None,
    };
    Ok(match only {
        Some(model) => config.team.catalog.only(&model),
        None => config.team.catalog.clone(),
    })
}
