//! The control of `bench/footprint`: a server that answers one address and does nothing else, built like what is shipped.

use axum::Router;
use axum::routing::get;

fn main() -> std::io::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on http://{}", listener.local_addr()?);
        axum::serve(listener, Router::new().route("/readyz", get(async || "ready\n"))).await
    })
}
