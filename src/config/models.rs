//! `models.toml`: providers, models with their prices, groups.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::error::{ConfigError, ConfigErrors, parse_as, suggest};
use super::shape;
use crate::base::Nano;
use crate::domain::budget::{Catalog, Group, LongPrompt, Model, ModelRef, Price, Rate, Wire};

/// A provider of models as configured; its key is in the settings under the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderConfig {
    pub name: String,
    pub wire: Wire,
    /// Empty for the scripted wire.
    pub url: String,
    /// True: without a key it is not used at all.
    pub needs_key: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    unknown_price: RawPrice,
    providers: BTreeMap<String, RawProvider>,
    models: BTreeMap<Spanned<String>, RawModel>,
    groups: BTreeMap<String, RawGroup>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProvider {
    wire: Wire,
    url: Option<Spanned<String>>,
    #[serde(default)]
    needs_key: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawModel {
    price: Option<Spanned<RawPrice>>,
    #[serde(default)]
    free: bool,
    context: Option<u64>,
    max_output: Option<u32>,
}

/// US dollars per million tokens.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPrice {
    input: Dollars,
    output: Dollars,
    cache_write: Option<Dollars>,
    cache_read: Option<Dollars>,
    long: Option<RawLong>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLong {
    over: u64,
    input: Dollars,
    output: Dollars,
    cache_write: Option<Dollars>,
    cache_read: Option<Dollars>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGroup {
    models: Spanned<Vec<Spanned<String>>>,
    cheaper: Option<Spanned<String>>,
}

/// An amount of US dollars that is neither negative nor absurd.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "f64")]
pub(super) struct Dollars(pub Nano);

impl TryFrom<f64> for Dollars {
    type Error = String;
    fn try_from(usd: f64) -> Result<Dollars, String> {
        if (0.0..=1_000_000.0).contains(&usd) {
            Ok(Dollars(Nano::from_usd(usd)))
        } else {
            Err(format!("{usd} is not an amount of US dollars between 0 and 1,000,000"))
        }
    }
}

impl RawPrice {
    /// Without cache prices, cached tokens cost what plain ones do.
    fn price(&self) -> Price {
        Price {
            input: self.input.0,
            output: self.output.0,
            cache_write: self.cache_write.unwrap_or(self.input).0,
            cache_read: self.cache_read.unwrap_or(self.input).0,
            long: self.long.as_ref().map(|long| LongPrompt {
                over: long.over,
                input: long.input.0,
                output: long.output.0,
                cache_write: long.cache_write.unwrap_or(long.input).0,
                cache_read: long.cache_read.unwrap_or(long.input).0,
            }),
        }
    }
}

/// Reads and checks `models.toml`.
pub fn read(file: &str, text: &str) -> Result<(Vec<ProviderConfig>, Catalog), ConfigErrors> {
    let raw: Raw = parse_as(file, text, shape::named("models").map_or(&[], |file| file.keys))?;
    let mut errors = Vec::new();
    let ceiling = raw.unknown_price.price();
    if ceiling.input.0 == 0 || ceiling.output.0 == 0 {
        errors.push(ConfigError::whole(file, "`unknown_price` must not be zero: it is what a model without a price is charged at"));
    }
    let mut wrong = |span: std::ops::Range<usize>, message: String| errors.push(ConfigError::at(file, text, span, message));
    let providers: Vec<ProviderConfig> = raw.providers.iter().map(|(name, provider)| self::provider(name, provider, &mut wrong)).collect();
    let mut models = BTreeMap::new();
    for (name, model) in &raw.models {
        let Some(reference) = known_provider(name, &raw.providers, &mut wrong) else { continue };
        models.insert(reference, self::model(name, model, &raw.providers, ceiling, &mut wrong));
    }
    let mut groups = BTreeMap::new();
    for (name, group) in &raw.groups {
        groups.insert(name.clone(), self::group(group, &raw, &mut wrong));
    }
    if errors.is_empty() { Ok((providers, Catalog { models, groups, ceiling })) } else { Err(ConfigErrors(errors)) }
}

type Wrong<'a> = dyn FnMut(std::ops::Range<usize>, String) + 'a;

fn provider(name: &str, raw: &RawProvider, wrong: &mut Wrong<'_>) -> ProviderConfig {
    if let Some(url) = &raw.url
        && !url.as_ref().starts_with("http://")
        && !url.as_ref().starts_with("https://")
    {
        wrong(url.span(), format!("`{}` is not a web address", url.as_ref()));
    }
    let standard = match raw.wire {
        Wire::Anthropic => "https://api.anthropic.com",
        Wire::OpenAi => "https://api.openai.com/v1",
        Wire::Ollama => "http://127.0.0.1:11434",
        Wire::Scripted => "",
    };
    let url = raw.url.as_ref().map_or(standard, |url| url.as_ref()).to_owned();
    ProviderConfig { name: name.to_owned(), wire: raw.wire, url, needs_key: raw.needs_key }
}

fn known_provider(name: &Spanned<String>, providers: &BTreeMap<String, RawProvider>, wrong: &mut Wrong<'_>) -> Option<ModelRef> {
    match ModelRef::parse(name.as_ref()) {
        Ok(reference) if providers.contains_key(&reference.provider) => Some(reference),
        Ok(reference) => {
            let known = suggest(&reference.provider, providers.keys().map(String::as_str));
            wrong(name.span(), format!("there is no provider `{}`; {known}", reference.provider));
            None
        }
        Err(message) => {
            wrong(name.span(), message);
            None
        }
    }
}

/// Models on one's own machine and scripts are free; for others `free = true` has to be written down.
fn model(
    name: &Spanned<String>,
    raw: &RawModel,
    providers: &BTreeMap<String, RawProvider>,
    ceiling: Price,
    wrong: &mut Wrong<'_>,
) -> Model {
    let provider = name.as_ref().split('/').next().and_then(|provider| providers.get(provider));
    let own = provider.is_some_and(|provider| matches!(provider.wire, Wire::Ollama | Wire::Scripted));
    let rate = match &raw.price {
        Some(price) if raw.free => {
            wrong(price.span(), "`free` and `price` contradict each other".to_owned());
            Rate::Known(price.as_ref().price())
        }
        Some(price) => Rate::Known(price.as_ref().price()),
        None if raw.free || own => Rate::Known(Price::FREE),
        None => Rate::Unknown(ceiling),
    };
    Model { rate, context: raw.context, max_output: raw.max_output }
}

fn group(raw: &RawGroup, all: &Raw, wrong: &mut Wrong<'_>) -> Group {
    if raw.models.as_ref().is_empty() {
        wrong(raw.models.span(), "a group needs at least one model".to_owned());
    }
    let mut models = Vec::new();
    for name in raw.models.as_ref() {
        let known: Vec<&str> = all.models.keys().map(|known| known.as_ref().as_str()).collect();
        if !known.contains(&name.as_ref().as_str()) {
            wrong(name.span(), format!("there is no model `{}` under [models]; {}", name.as_ref(), suggest(name.as_ref(), known)));
        } else if let Ok(reference) = ModelRef::parse(name.as_ref()) {
            models.push(reference);
        }
    }
    if let Some(cheaper) = &raw.cheaper
        && !all.groups.contains_key(cheaper.as_ref())
    {
        wrong(
            cheaper.span(),
            format!("there is no group `{}`; {}", cheaper.as_ref(), suggest(cheaper.as_ref(), all.groups.keys().map(String::as_str))),
        );
    }
    Group { models, cheaper: raw.cheaper.as_ref().map(|cheaper| cheaper.as_ref().clone()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[unknown_price]
input = 20
output = 100
[providers.near]
wire = "openai"
url = "http://127.0.0.1:1/v1"
[providers.home]
wire = "ollama"
[models."near/big"]
price = { input = 2.5, output = 10, cache_read = 0.25 }
[models."near/odd"]
[models."home/small:7b"]
[groups.strong]
models = ["near/big", "home/small:7b"]
cheaper = "fast"
[groups.fast]
models = ["near/odd"]
"#;

    #[test]
    fn prices_are_exact_and_never_silently_zero() {
        let (providers, catalog) = read("models.toml", GOOD).unwrap();
        assert_eq!(providers[0].url, "http://127.0.0.1:11434");
        let rate = |name: &str| catalog.model(&ModelRef::parse(name).unwrap()).rate;
        let big = Price {
            input: Nano(2_500_000_000),
            output: Nano(10_000_000_000),
            cache_write: Nano(2_500_000_000),
            cache_read: Nano(250_000_000),
            long: None,
        };
        assert_eq!(rate("near/big"), Rate::Known(big));
        assert_eq!(rate("home/small:7b"), Rate::Known(Price::FREE));
        assert!(!rate("near/odd").is_known() && rate("near/odd").price().input == Nano::from_usd(20.0));
        assert_eq!(catalog.cheaper("strong"), "fast");
    }

    #[test]
    fn mistakes_name_their_place() {
        let rows = [
            (
                "\"near/big\", ",
                "\"near/bgi\", ",
                "models.toml:15:11: there is no model `near/bgi` under [models]; did you mean `near/big`?",
            ),
            ("cheaper = \"fast\"", "cheaper = \"fats\"", "models.toml:16:11: there is no group `fats`; did you mean `fast`?"),
            ("[models.\"near/odd\"]", "[models.\"naer/odd\"]", "models.toml:12:9: there is no provider `naer`; did you mean `near`?"),
            ("output = 10,", "output = -1,", "models.toml:11:33: -1 is not an amount of US dollars"),
            ("cache_read", "cache_raed", "models.toml:11:37: unknown key `cache_raed`, "),
            ("input = 20", "input = 0", "models.toml: `unknown_price` must not be zero"),
        ];
        for (from, to, want) in rows {
            assert!(GOOD.contains(from), "{from}");
            let errors = read("models.toml", &GOOD.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(errors.contains(want), "{errors}\nwanted {want}");
        }
    }
}
