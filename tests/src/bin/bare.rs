//! The yardstick of the benchmark: hyper with nothing behind it, answering the bytes it was given.
//!
//! `bare PORT CONTENT_TYPE FILE` serves the file's bytes for every request on loopback.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, content_type, file] = arguments.as_slice() else {
        bail!("usage: bare PORT CONTENT_TYPE FILE")
    };
    let body = Bytes::from(std::fs::read(file).with_context(|| format!("cannot read {file}"))?);
    let content_type = HeaderValue::from_str(content_type)?;
    let listener =
        TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse()?))).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (body, content_type) = (body.clone(), content_type.clone());
        let service = service_fn(move |_: Request<hyper::body::Incoming>| {
            let mut response = Response::new(Full::new(body.clone()));
            response
                .headers_mut()
                .insert(CONTENT_TYPE, content_type.clone());
            std::future::ready(Ok::<_, Infallible>(response))
        });
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.timer(TokioTimer::new());
        // A client that goes away is no news here.
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            connection.await.ok();
        });
    }
}
