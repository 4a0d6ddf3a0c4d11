//! A row: one request, and what its answer must be; and the story that rows tell, in which later ones know what earlier ones
//! made.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use e2e::platform::TOKEN;
use e2e::wire;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// One request.
pub(super) struct Row {
    method: &'static str,
    /// The path as the document has it.
    path: String,
    query: String,
    body: String,
    kind: &'static str,
    status: u16,
    /// A text that the answer has.
    says: Option<String>,
    /// What of the answer later rows call so.
    keeps: Option<(&'static str, &'static str)>,
    /// How the answer's media type begins.
    media: &'static str,
    /// Whether the answer does not end.
    endless: bool,
    /// What the same path answers afterwards.
    after: After,
}

/// What is at a path after it was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// Nobody looks.
    Unseen,
    /// What was sent.
    Sent,
    /// Nothing.
    Gone,
}

impl Row {
    pub(super) fn new(method: &'static str, path: impl Into<String>, status: u16) -> Self {
        Self {
            method,
            path: path.into(),
            query: String::new(),
            body: String::new(),
            kind: "application/json",
            status,
            says: None,
            keeps: None,
            media: "",
            endless: false,
            after: After::Unseen,
        }
    }

    pub(super) fn asks(mut self, query: &str) -> Self {
        query.clone_into(&mut self.query);
        self
    }

    /// With a body whose names in braces are filled in as those of paths are.
    pub(super) fn sends(mut self, body: &Value) -> Self {
        self.body = body.to_string();
        self
    }

    pub(super) fn sends_file(mut self, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self.kind = "text/csv; charset=utf-8";
        self
    }

    pub(super) fn says(mut self, text: &str) -> Self {
        self.says = Some(text.to_owned());
        self
    }

    pub(super) fn keeps(mut self, name: &'static str, pointer: &'static str) -> Self {
        self.keeps = Some((name, pointer));
        self
    }

    pub(super) fn comes_as(mut self, media: &'static str) -> Self {
        self.media = media;
        self
    }

    /// What is sent is what the path answers afterwards.
    pub(super) fn lasts(mut self) -> Self {
        self.after = After::Sent;
        self
    }

    /// There is nothing at the path afterwards.
    pub(super) fn removes(mut self) -> Self {
        self.after = After::Gone;
        self
    }

    pub(super) fn never_ends(mut self) -> Self {
        self.endless = true;
        self
    }
}

/// How a method and a path are compared.
pub(super) fn line(method: &str, path: &str) -> String {
    format!("{} {path}", method.to_uppercase())
}

/// Rows at one daemon.
pub(super) struct Story {
    at: SocketAddr,
    known: BTreeMap<String, String>,
    /// Every method and path that was asked.
    pub(super) asked: BTreeSet<String>,
}

impl Story {
    pub(super) fn at(at: SocketAddr) -> Self {
        Self {
            at,
            known: BTreeMap::new(),
            asked: BTreeSet::new(),
        }
    }

    pub(super) fn knows(&mut self, name: &str, value: &str) {
        self.known.insert(name.to_owned(), value.to_owned());
    }

    /// Asks rows one after the other.
    pub(super) async fn tell(&mut self, rows: Vec<Row>) -> Result<()> {
        for row in rows {
            let line = line(row.method, &row.path);
            self.ask(&row).await.with_context(|| line.clone())?;
            self.asked.insert(line);
        }
        Ok(())
    }

    fn fill(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.known {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        text
    }

    async fn ask(&mut self, row: &Row) -> Result<()> {
        let (path, query, body) = (
            self.fill(&row.path),
            self.fill(&row.query),
            self.fill(&row.body),
        );
        ensure!(!path.contains('{'), "nothing is known for {path}");
        let request = format!(
            "{} /0.1{path}?{query} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {TOKEN}\r\nContent-Type: {}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            row.method,
            row.kind,
            body.len()
        );
        if row.endless {
            return begins(self.at, &request, row.status).await;
        }
        let answer = wire::exchange(self.at, None, request.as_bytes()).await?;
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        ensure!(answer.status == row.status, "{}: {said}", answer.status);
        let media = answer.header("content-type").unwrap_or_default();
        ensure!(media.starts_with(row.media), "it comes as {media}");
        if let Some(text) = &row.says {
            let text = self.fill(text);
            ensure!(said.contains(&text), "not {text:?}: {said}");
        }
        if let Some((name, pointer)) = row.keeps {
            let answer = answer.json()?;
            let kept = answer.pointer(pointer).with_context(|| said.clone())?;
            let kept = kept
                .as_str()
                .map_or_else(|| kept.to_string(), str::to_owned);
            self.known.insert(name.to_owned(), kept);
        }
        self.look_after(row, &path, &body).await
    }

    /// Sees what became of what a row wrote.
    async fn look_after(&self, row: &Row, path: &str, sent: &str) -> Result<()> {
        if row.after == After::Unseen {
            return Ok(());
        }
        let url = format!("http://{}/0.1{path}", self.at);
        let answer = wire::get(&url, None, &[("X-Auth-Token", TOKEN)]).await?;
        if row.after == After::Gone {
            ensure!(answer.status == 404, "it is there: {}", answer.status);
            return Ok(());
        }
        let (sent, kept): (Value, _) = (serde_json::from_str(sent)?, answer.json()?);
        ensure!(holds(&kept, &sent), "{sent} was sent, {kept} is kept");
        Ok(())
    }
}

/// Whether everything in `sent` is in `kept`, which may have more.
fn holds(kept: &Value, sent: &Value) -> bool {
    match (kept, sent) {
        (Value::Object(kept), Value::Object(sent)) => sent
            .iter()
            .all(|(name, sent)| kept.get(name).is_some_and(|kept| holds(kept, sent))),
        (Value::Array(kept), Value::Array(sent)) => {
            kept.len() == sent.len() && kept.iter().zip(sent).all(|(kept, sent)| holds(kept, sent))
        }
        (kept, sent) => kept == sent,
    }
}

/// Reads the head of an answer that goes on for ever.
async fn begins(at: SocketAddr, request: &str, status: u16) -> Result<()> {
    let mut stream = TcpStream::connect(at).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut head = [0; 12];
    timeout(wire::PATIENCE, stream.read_exact(&mut head)).await??;
    let expected = format!("HTTP/1.1 {status}");
    ensure!(
        head == expected.as_bytes(),
        "{:?}",
        String::from_utf8_lossy(&head)
    );
    Ok(())
}
