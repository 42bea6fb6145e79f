//! What the configuration says right now, as one value that is replaced as a whole. A turn, an effect, a look or a run takes it once and
//! goes on with what it took; whoever begins afterwards gets the new one.

use std::sync::{Arc, PoisonError, RwLock};

use crate::domain::forge::Sha;
use crate::llm::Gateway;

use super::world::Rules;

/// A configuration, ready for use.
pub struct InForce {
    pub rules: Rules,
    pub gateway: Gateway,
    /// The commit that it was read from; `None`: from files of this machine.
    pub commit: Option<Sha>,
}

/// The one in force. Clones share it.
#[derive(Clone)]
pub struct Hot(Arc<RwLock<Arc<InForce>>>);

impl Hot {
    /// Begins with this one.
    pub fn new(first: InForce) -> Hot {
        Hot(Arc::new(RwLock::new(Arc::new(first))))
    }

    /// The one in force, to go on with.
    pub fn get(&self) -> Arc<InForce> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another in its place; gives the one before.
    pub fn set(&self, next: InForce) -> Arc<InForce> {
        std::mem::replace(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner), Arc::new(next))
    }
}
