//! The load generator as a process of its own: `load ADDRESS CONNECTIONS MILLISECONDS < requests`.
//!
//! Standard input holds the requests, each ending with its empty line; the result is one line of JSON.

use std::io::Read as _;
use std::time::Duration;

use anyhow::{Result, bail};
use e2e::load::drive;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, connections, milliseconds] = arguments.as_slice() else {
        bail!("usage: load ADDRESS CONNECTIONS MILLISECONDS < requests");
    };
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let requests = text
        .split_inclusive("\r\n\r\n")
        .map(|request| request.as_bytes().to_vec())
        .collect();
    let duration = Duration::from_millis(milliseconds.parse()?);
    let measured = drive(address.parse()?, requests, connections.parse()?, duration).await?;
    println!("{}", serde_json::to_string(&measured)?);
    Ok(())
}
