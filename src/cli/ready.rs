//! `syndarix ready`: asks the serving process of this configuration whether it is ready, for health checks that have no other program at hand.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;

use crate::config::Config;

/// Arguments of `syndarix ready`.
#[derive(Debug, Args)]
pub struct ReadyArgs {
    /// The settings file of `syndarix serve`; by default the one that SYNDARIX_CONFIG names, or `syndarix-settings.toml` here.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Prints what the process says: 0 it is ready, 1 it is not, 2 nothing answers.
pub async fn run(args: ReadyArgs) -> Result<u8> {
    let config = Config::load(&super::environment(), args.config.as_deref())?;
    let url = format!("http://{}/readyz", near(config.settings.listen));
    let http = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(2))
        .timeout(Duration::from_secs(5))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()?;
    match http.get(&url).send().await {
        Ok(answer) => {
            let ready = answer.status().is_success();
            super::print(answer.text().await.unwrap_or_default().as_bytes())?;
            Ok(u8::from(!ready))
        }
        Err(error) => {
            super::print(format!("nothing answers at {url}: {}\n", error.without_url()).as_bytes())?;
            Ok(2)
        }
    }
}

/// Who listens on all addresses is asked on the loopback one.
fn near(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_are_asked_on_this_machine() {
        for (listen, asked) in [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1"), ("10.0.0.5:1", "10.0.0.5:1")] {
            assert_eq!(near(listen.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
