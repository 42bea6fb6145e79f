//! Which models there are, what they cost, and in which order a group falls back on them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::price::Price;

/// How a provider is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wire {
    /// Anthropic's Messages interface.
    Anthropic,
    /// Chat completions as OpenAI and many others offer them.
    OpenAi,
    /// Ollama's own chat interface.
    Ollama,
    /// Answers from a script, without a model.
    Scripted,
}

/// A model of a provider, written `provider/model`; the model's own name may hold further slashes and colons.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelRef {
    pub provider: String,
    pub model: String,
}

impl ModelRef {
    /// A reference from its two halves.
    pub fn new(provider: impl Into<String>, model: impl Into<String>) -> ModelRef {
        ModelRef { provider: provider.into(), model: model.into() }
    }

    /// Reads `provider/model`.
    pub fn parse(text: &str) -> Result<ModelRef, String> {
        match text.split_once('/') {
            Some((provider, model)) if !provider.is_empty() && !model.is_empty() => Ok(ModelRef::new(provider, model)),
            _ => Err(format!("`{text}` does not name a model: write it as `provider/model`, such as `ollama/qwen3-coder:30b`")),
        }
    }
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.model)
    }
}

impl TryFrom<String> for ModelRef {
    type Error = String;
    fn try_from(text: String) -> Result<ModelRef, String> {
        ModelRef::parse(&text)
    }
}

impl From<ModelRef> for String {
    fn from(model: ModelRef) -> String {
        model.to_string()
    }
}

/// What a model's tokens cost, as far as anybody has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rate {
    Known(Price),
    /// Nobody has said. Money is reserved and booked at this ceiling, and people read "cost unknown".
    Unknown(Price),
}

impl Rate {
    /// The price to calculate with: the known one, or the ceiling.
    pub fn price(&self) -> &Price {
        match self {
            Rate::Known(price) | Rate::Unknown(price) => price,
        }
    }

    /// False: show "cost unknown" beside the amount.
    pub fn is_known(&self) -> bool {
        matches!(self, Rate::Known(_))
    }
}

/// One model of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    pub rate: Rate,
    /// Most tokens of prompt and answer together, if known.
    pub context: Option<u64>,
    /// Most tokens of an answer; a request for more is lowered to it.
    pub max_output: Option<u32>,
}

/// Models in the order in which they are tried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    pub models: Vec<ModelRef>,
    /// The group that takes over past the soft limit of a budget.
    pub cheaper: Option<String>,
}

/// All models and groups of an installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    pub models: BTreeMap<ModelRef, Model>,
    pub groups: BTreeMap<String, Group>,
    /// What a token of a model with unknown price is booked at.
    pub ceiling: Price,
}

impl Catalog {
    /// A model as catalogued, or one of unknown price when it is not.
    pub fn model(&self, model: &ModelRef) -> Model {
        self.models.get(model).copied().unwrap_or(Model { rate: Rate::Unknown(self.ceiling), context: None, max_output: None })
    }

    /// The same catalogue with every group made of this one model.
    pub fn only(&self, model: &ModelRef) -> Catalog {
        let mut catalog = self.clone();
        for group in catalog.groups.values_mut() {
            *group = Group { models: vec![model.clone()], cheaper: None };
        }
        catalog
    }

    /// The group to use when money gets short: the cheaper one of `group`, or `group` itself.
    pub fn cheaper<'a>(&'a self, group: &'a str) -> &'a str {
        self.groups.get(group).and_then(|found| found.cheaper.as_deref()).unwrap_or(group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Nano;

    #[test]
    fn references_keep_what_follows_the_first_slash() {
        for text in ["anthropic/claude-opus-5-5", "ollama/hf.co/some/model:Q4"] {
            assert_eq!(ModelRef::parse(text).map(|model| model.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "model", "/model", "provider/"] {
            assert!(ModelRef::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_uncatalogued_model_is_charged_at_the_ceiling() {
        let ceiling = Price { input: Nano(5), ..Price::FREE };
        let catalog = Catalog { models: BTreeMap::new(), groups: BTreeMap::from([("strong".to_owned(), Group::default())]), ceiling };
        let model = ModelRef::new("x", "y");
        assert_eq!(catalog.model(&model).rate, Rate::Unknown(ceiling));
        assert_eq!(catalog.only(&model).groups["strong"].models, [model]);
        assert_eq!(catalog.cheaper("strong"), "strong");
    }
}
