//! Settings of stories and projects as rows of the deciding transaction, so that what was decided and what holds cannot differ.

use serde_json::Value;

use crate::domain::workflow::Effect;
use crate::domain::workflow::inform::Setting;
use crate::store::{ProjectTx, StoreError};

use super::turn::Peeked;
use super::{Engine, Result};

/// What was spent has moved since the facts were gathered: gather and decide again.
const STALE: StoreError = StoreError::VersionConflict { expected: 0, actual: 0 };

/// Stores what a decision set. Effects of other kinds are left alone.
pub async fn store(engine: &Engine, tx: &mut ProjectTx, peeked: &Peeked, effect: &Effect) -> Result<()> {
    let now = engine.clock.now();
    match effect {
        Effect::SetLimits { caps, hard } if !tx.set_story_caps(peeked.subject, *caps, *hard).await? => Err(STALE.into()),
        Effect::SetProject { setting, by } => {
            if let Setting::Budget(caps) = setting {
                let committed = tx.lock_project_caps(now).await?;
                if caps.hard.is_some_and(|hard| committed > hard) {
                    return Err(STALE.into());
                }
            }
            Ok(tx.put_setting(setting.key(), value(setting)?.as_ref(), &serde_json::to_value(by)?, now).await?)
        }
        _ => Ok(()),
    }
}

/// As it is stored; `None`: as configured again.
fn value(setting: &Setting) -> Result<Option<Value>> {
    Ok(match setting {
        Setting::Autonomy(level) => level.map(serde_json::to_value).transpose()?,
        Setting::Budget(caps) if caps.is_empty() => None,
        Setting::Budget(caps) => Some(serde_json::to_value(caps)?),
    })
}
