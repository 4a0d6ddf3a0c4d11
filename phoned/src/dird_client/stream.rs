//! dird's stream of what changes (phoned.md §14): opened here, read in `crate::changes`.

use std::time::Duration;

use http::{StatusCode, header};
use kit::{auth_client::ServiceToken, http_client};
use reqwest::Response;
use tokio::time::timeout;

use super::DirdClient;
use crate::{unauthorized, upstreams::Server};

/// Until the head of the answer is there.
const OPENING: Duration = Duration::from_secs(5);
/// Longest time for the whole of it; it goes on with the next one.
const LONGEST: Duration = Duration::from_hours(1);
/// The type of events.
const EVENTS: &str = "text/event-stream";

/// Why there is no stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotFollowed {
    /// dird has none, or not for us.
    Refused,
    /// No dird answers, or there is no token to show it.
    Unreachable,
}

impl DirdClient {
    /// What changes in our tenant and below it after the event `last`, told by the first dird that tells it.
    pub async fn changes(&self, last: Option<&str>) -> Result<Response, NotFollowed> {
        let token = self.auth.token().await;
        let token = token.map_err(|_| NotFollowed::Unreachable)?;
        let mut why = NotFollowed::Unreachable;
        for server in self.upstreams.awake() {
            match self.open(server, last, &token).await {
                Ok(stream) => return Ok(stream),
                Err(NotFollowed::Refused) => why = NotFollowed::Refused,
                Err(NotFollowed::Unreachable) => {}
            }
        }
        Err(why)
    }

    /// A token that dird does not know is exchanged, one without the access is not: another would not have it either.
    async fn open(
        &self,
        server: &Server,
        last: Option<&str>,
        token: &ServiceToken,
    ) -> Result<Response, NotFollowed> {
        let mut answer = ask(server, last, token).await?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            if lacks_access(answer).await {
                return Err(NotFollowed::Refused);
            }
            let newer = self.auth.after_rejection(token).await;
            answer = ask(server, last, &*newer.ok_or(NotFollowed::Unreachable)?).await?;
        }
        match answer.status().as_u16() {
            200 if has_events(&answer) => Ok(answer),
            200..=499 => Err(NotFollowed::Refused),
            _ => Err(NotFollowed::Unreachable),
        }
    }
}

async fn ask(
    server: &Server,
    last: Option<&str>,
    token: &ServiceToken,
) -> Result<Response, NotFollowed> {
    let address = format!("{}/directories/changes?recurse=true", server.base);
    let mut request = server
        .http
        .get(address)
        .timeout(LONGEST)
        .header("X-Auth-Token", token.token.expose())
        .header(header::ACCEPT, EVENTS);
    if let Some(last) = last {
        request = request.header("Last-Event-ID", last);
    }
    let answer = timeout(OPENING, request.send()).await;
    answer
        .ok()
        .and_then(Result::ok)
        .ok_or(NotFollowed::Unreachable)
}

fn has_events(answer: &Response) -> bool {
    let kind = answer.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(EVENTS.as_bytes()))
}

async fn lacks_access(answer: Response) -> bool {
    let body = timeout(OPENING, http_client::body(answer)).await;
    let body = body.ok().and_then(Result::ok);
    body.is_some_and(|body| unauthorized::lacks_access(&body))
}
