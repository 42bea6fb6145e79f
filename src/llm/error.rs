//! Why a model did not answer, and what to do about it.

use std::time::Duration;

use crate::domain::agent::message::Usage;

/// Why a call to a provider gave no answer. The caller branches on the variant; the text is the provider's own, shortened and without secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    #[error("the provider does not accept the key: {0}")]
    Auth(String),
    #[error("the provider limits the rate of calls{}", after(.retry_after))]
    RateLimited { retry_after: Option<Duration> },
    #[error("the provider is overloaded{}", after(.retry_after))]
    Overloaded { retry_after: Option<Duration> },
    /// The account's own limit or credit is used up. Waiting does not help.
    #[error("the account's spending limit or credit at the provider is used up: {0}")]
    SpendLimit(String),
    #[error("the conversation is longer than the model can read: {0}")]
    ContextTooLong(String),
    #[error("the provider rejects the request: {0}")]
    BadRequest(String),
    /// The request was certainly not sent.
    #[error("the provider cannot be reached: {0}")]
    Unreachable(String),
    /// The request was sent and no answer came: the model may have worked, and that may have cost.
    #[error("the provider's answer was lost: {0}")]
    Uncertain(String),
    /// An answer that is not what the interface describes, such as one without a reason why it ended.
    #[error("the provider answered something unexpected: {message}")]
    Malformed {
        message: String,
        /// Tokens it reported all the same.
        usage: Option<Usage>,
        /// False when it cannot have come from a model (a proxy's HTML page, a redirect).
        may_have_cost: bool,
    },
}

fn after(retry_after: &Option<Duration>) -> String {
    retry_after.map(|wait| format!(" and asks to wait {} s", wait.as_secs_f64().ceil())).unwrap_or_default()
}

/// What to do after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same model may answer later; not before this, if the provider said so.
    SameModel { after: Option<Duration> },
    /// This model will not; another may.
    OtherModel,
    /// A repetition may be paid twice: account for the lost call first, then ask anew.
    AccountFirst,
}

impl ProviderError {
    /// What may be tried next. Spending limits are never retried with the same provider's model.
    pub fn retry(&self) -> Retry {
        match self {
            ProviderError::RateLimited { retry_after } | ProviderError::Overloaded { retry_after } => {
                Retry::SameModel { after: *retry_after }
            }
            ProviderError::Unreachable(_) => Retry::SameModel { after: None },
            ProviderError::Auth(_) | ProviderError::SpendLimit(_) | ProviderError::ContextTooLong(_) | ProviderError::BadRequest(_) => {
                Retry::OtherModel
            }
            ProviderError::Uncertain(_) | ProviderError::Malformed { may_have_cost: true, .. } => Retry::AccountFirst,
            ProviderError::Malformed { may_have_cost: false, .. } => Retry::OtherModel,
        }
    }

    /// True when the provider may charge for this call although it gave no answer.
    pub fn may_have_cost(&self) -> bool {
        self.retry() == Retry::AccountFirst
    }

    /// True when every other model of the same provider would fail in the same way.
    pub fn concerns_whole_provider(&self) -> bool {
        matches!(self, ProviderError::Auth(_) | ProviderError::SpendLimit(_) | ProviderError::Unreachable(_))
    }

    /// Tokens that a failed call reported.
    pub fn usage(&self) -> Option<Usage> {
        match self {
            ProviderError::Malformed { usage, .. } => *usage,
            _ => None,
        }
    }

    /// The longest-lived advice of the provider: not before this much time has passed.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.retry() {
            Retry::SameModel { after } => after,
            _ => None,
        }
    }

    pub(super) fn malformed(message: impl Into<String>, usage: Option<Usage>) -> ProviderError {
        ProviderError::Malformed { message: message.into(), usage, may_have_cost: true }
    }

    pub(super) fn not_a_model(message: impl Into<String>) -> ProviderError {
        ProviderError::Malformed { message: message.into(), usage: None, may_have_cost: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_follows_the_cause() {
        let wait = Some(Duration::from_secs(3));
        let rows = [
            (ProviderError::RateLimited { retry_after: wait }, Retry::SameModel { after: wait }),
            (ProviderError::Overloaded { retry_after: None }, Retry::SameModel { after: None }),
            (ProviderError::Unreachable("x".into()), Retry::SameModel { after: None }),
            (ProviderError::SpendLimit("x".into()), Retry::OtherModel),
            (ProviderError::Auth("x".into()), Retry::OtherModel),
            (ProviderError::ContextTooLong("x".into()), Retry::OtherModel),
            (ProviderError::BadRequest("x".into()), Retry::OtherModel),
            (ProviderError::not_a_model("html"), Retry::OtherModel),
            (ProviderError::malformed("cut", None), Retry::AccountFirst),
            (ProviderError::Uncertain("timeout".into()), Retry::AccountFirst),
        ];
        for (error, advice) in rows {
            assert_eq!(error.retry(), advice, "{error}");
        }
        let error = ProviderError::RateLimited { retry_after: wait };
        assert_eq!(error.to_string(), "the provider limits the rate of calls and asks to wait 3 s");
    }
}
