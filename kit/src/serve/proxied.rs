//! The PROXY protocol, versions 1 and 2: the line or block with which a proxy says whom a connection is for (phoned.md §6.4).
//! Nothing behind it is read, so that what follows reaches TLS or HTTP untouched.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt};

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Longest line of version 1, its end included.
const LONGEST_LINE: usize = 107;
/// Longest block of version 2 that is read; proxies send less.
const LONGEST_BLOCK: usize = 4096;

/// Whose word is taken: a listener with this demands the PROXY protocol, and closes connections of anybody else.
#[derive(Clone)]
pub struct Trusted(pub Arc<dyn Fn(IpAddr) -> bool + Send + Sync>);

impl fmt::Debug for Trusted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Trusted")
    }
}

/// Reads the header off `stream`. `None`: the proxy speaks for itself (`LOCAL`, `UNKNOWN`), as health checks do.
pub(super) async fn read<T>(stream: &mut T) -> io::Result<Option<SocketAddr>>
where
    T: AsyncRead + Unpin,
{
    let mut start = [0; SIGNATURE.len()];
    stream.read_exact(&mut start).await?;
    if start == SIGNATURE {
        return block(stream).await;
    }
    let mut line = start.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() >= LONGEST_LINE || !line.starts_with(b"PROXY ") {
            return Err(malformed());
        }
        line.push(stream.read_u8().await?);
    }
    let line = std::str::from_utf8(&line).map_err(|_| malformed())?;
    if line
        .strip_prefix("PROXY UNKNOWN")
        .is_some_and(|rest| rest.starts_with([' ', '\r']))
    {
        return Ok(None);
    }
    parse(line.trim_end_matches("\r\n"))
        .map(Some)
        .ok_or_else(malformed)
}

fn parse(line: &str) -> Option<SocketAddr> {
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        ["PROXY", "TCP4", source, target, port, target_port] => {
            target.parse::<Ipv4Addr>().ok()?;
            target_port.parse::<u16>().ok()?;
            let source: Ipv4Addr = source.parse().ok()?;
            Some(SocketAddr::new(source.into(), port.parse().ok()?))
        }
        ["PROXY", "TCP6", source, target, port, target_port] => {
            target.parse::<Ipv6Addr>().ok()?;
            target_port.parse::<u16>().ok()?;
            let source: Ipv6Addr = source.parse().ok()?;
            Some(SocketAddr::new(source.into(), port.parse().ok()?))
        }
        _ => None,
    }
}

async fn block<T: AsyncRead + Unpin>(stream: &mut T) -> io::Result<Option<SocketAddr>> {
    let [command, family] = [stream.read_u8().await?, stream.read_u8().await?];
    let length = usize::from(stream.read_u16().await?);
    if length > LONGEST_BLOCK {
        return Err(malformed());
    }
    let mut block = vec![0; length];
    stream.read_exact(&mut block).await?;
    match (command, family) {
        (0x20, _) | (0x21, 0x00) => Ok(None),
        (0x21, 0x11) => {
            let source: [u8; 4] = at(&block, 0)?;
            Ok(Some(socket(source.into(), at(&block, 8)?)))
        }
        (0x21, 0x21) => {
            let source: [u8; 16] = at(&block, 0)?;
            Ok(Some(socket(source.into(), at(&block, 32)?)))
        }
        _ => Err(malformed()),
    }
}

fn socket(source: IpAddr, port: [u8; 2]) -> SocketAddr {
    SocketAddr::new(source, u16::from_be_bytes(port))
}

fn at<const N: usize>(block: &[u8], from: usize) -> io::Result<[u8; N]> {
    let bytes = block.get(from..from + N).ok_or_else(malformed)?;
    bytes.try_into().map_err(|_| malformed())
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "no PROXY header")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn source(bytes: &[u8]) -> Result<(Option<String>, Vec<u8>), io::ErrorKind> {
        let mut stream = bytes;
        let source = read(&mut stream).await.map_err(|error| error.kind())?;
        Ok((source.map(|source| source.to_string()), stream.to_vec()))
    }

    fn second(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([command, family]);
        bytes.extend(u16::try_from(block.len()).unwrap().to_be_bytes());
        bytes.extend(block);
        bytes
    }

    #[tokio::test]
    async fn a_line_of_version_1_names_the_client_and_leaves_the_rest() {
        for (line, expected) in [
            (
                "PROXY TCP4 192.0.2.7 10.0.0.1 5060 80",
                Some("192.0.2.7:5060"),
            ),
            (
                "PROXY TCP6 2001:db8::7 ::1 5060 80",
                Some("[2001:db8::7]:5060"),
            ),
            ("PROXY UNKNOWN", None),
            ("PROXY UNKNOWN a b c", None),
        ] {
            let (found, rest) = source(format!("{line}\r\nGET /").as_bytes()).await.unwrap();
            assert_eq!(
                (found.as_deref(), rest.as_slice()),
                (expected, &b"GET /"[..]),
                "{line}"
            );
        }
    }

    #[tokio::test]
    async fn a_block_of_version_2_names_the_client_and_leaves_the_rest() {
        let v4 = [192, 0, 2, 7, 10, 0, 0, 1, 0x13, 0xc4, 0, 80, 3, 0, 1, 9];
        let mut bytes = second(0x21, 0x11, &v4);
        bytes.extend(b"GET /");
        let (found, rest) = source(&bytes).await.unwrap();
        assert_eq!(
            (found.as_deref(), rest.as_slice()),
            (Some("192.0.2.7:5060"), &b"GET /"[..])
        );
        let mut v6 = [0; 36];
        v6[15] = 1;
        v6[33] = 9;
        let (found, _) = source(&second(0x21, 0x21, &v6)).await.unwrap();
        assert_eq!(found.as_deref(), Some("[::1]:9"));
        assert_eq!(source(&second(0x20, 0, &[])).await.unwrap().0, None);
    }

    #[tokio::test]
    async fn anything_else_is_refused() {
        let long = format!("PROXY TCP4 {}\r\n", "1".repeat(200));
        for bytes in [
            b"GET /0.1/status HTTP/1.1\r\n\r\n".to_vec(),
            b"PROXY TCP4 2001:db8::7 ::1 1 2\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.7 10.0.0.1 99999 80\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.7\r\n".to_vec(),
            long.into_bytes(),
            second(0x21, 0x11, &[1, 2, 3]),
            second(0x11, 0x11, &[0; 12]),
            second(0x21, 0x31, &[0; 216]),
        ] {
            assert_eq!(
                source(&bytes).await,
                Err(io::ErrorKind::InvalidData),
                "{bytes:?}"
            );
        }
        assert_eq!(source(b"PROXY TC").await, Err(io::ErrorKind::UnexpectedEof));
    }
}
