//! The load generator as a process of its own: `load ADDRESS CONNECTIONS MILLISECONDS [RATE] < requests`.
//!
//! Standard input holds the requests, a JSON array of texts; the result is one line of JSON. With a rate, in requests per second,
//! the loop is an open one.

use std::io::Read as _;
use std::time::Duration;

use anyhow::{Result, bail};
use e2e::load::drive;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (address, connections, milliseconds, rate) = match arguments.as_slice() {
        [address, connections, milliseconds] => (address, connections, milliseconds, None),
        [address, connections, milliseconds, rate] => {
            (address, connections, milliseconds, Some(rate.parse()?))
        }
        _ => bail!("usage: load ADDRESS CONNECTIONS MILLISECONDS [RATE] < requests"),
    };
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let requests: Vec<String> = serde_json::from_str(&text)?;
    let requests = requests.into_iter().map(String::into_bytes).collect();
    let duration = Duration::from_millis(milliseconds.parse()?);
    let (address, connections) = (address.parse()?, connections.parse()?);
    let measured = drive(address, requests, connections, duration, rate).await?;
    println!("{}", serde_json::to_string(&measured)?);
    Ok(())
}
