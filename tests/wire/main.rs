//! Wire formats: deliveries against their golden translations, captured deliveries of real servers, and the HTTP behaviour of the drivers.

mod gitea_client;
mod gitea_hooks;
