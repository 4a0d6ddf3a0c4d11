//! Contacts that live elsewhere are on the phone as long as they are remembered: by a copy of the whole directory, or by a copy
//! of the answer to the same question (dird-backends.md §12).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use e2e::phone::{Handset, with_parameter};
use e2e::rest::Rest;
use e2e::site::{Plan, Site};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A CSV service that answers every request with the same list.
struct Service {
    url: String,
    asked: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Service {
    async fn start(list: &'static str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/list", listener.local_addr()?);
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let serving = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let mut request = [0; 4096];
                // Requests are short; one that breaks off gets its answer, too.
                let _ = client.read(&mut request).await;
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    list.len()
                );
                let _ = client.write_all(format!("{head}{list}").as_bytes()).await;
            }
        });
        Ok(Self {
            url,
            asked,
            serving,
        })
    }

    fn source(&self, name: &str, own: &Value) -> Value {
        let mut source = json!({"name": name, "lookup_url": self.url, "list_url": self.url,
            "unique_column": "id", "searched_columns": ["fn"], "first_matched_columns": ["num"],
            "format_columns": {"name": "{fn}", "phone": "{num}", "reverse": "{fn}"}});
        for (key, value) in own.as_object().into_iter().flatten() {
            source[key] = value.clone();
        }
        source
    }

    /// Nobody listens any more.
    async fn stop(self) {
        self.serving.abort();
        let _ = self.serving.await;
    }
}

/// Adds sources to the profile that phones of the first tenant ask.
async fn ask_also(rest: &Rest, sources: &[Value]) -> Result<()> {
    let profiles = rest.get("/profiles?name=default").await?;
    let mut profile = profiles["items"][0].clone();
    let uuid = profile["uuid"].as_str().context("no profile")?.to_owned();
    let asked = profile["services"]["lookup"]["sources"].as_array_mut();
    let asked = asked.context("a profile without sources")?;
    for source in sources {
        let uuid = rest.create("/backends/csv_ws/sources", source).await?;
        asked.push(json!({"uuid": uuid}));
    }
    rest.send("PUT", &format!("/profiles/{uuid}"), &profile)
        .await
        .map(|_| ())
}

async fn page(site: &Site, term: &str) -> Result<String> {
    let url = site.yealink(0, "directories/lookup/default/yealink")?;
    let url = url.replace("&term=#SEARCH", "");
    let phone = Handset {
        from: None,
        user_agent: None,
    };
    let answer = phone.fetch(&with_parameter(&url, "term", term)).await?;
    ensure!(answer.status == 200, "status {}", answer.status);
    Ok(answer.text()?.to_owned())
}

async fn until_shown(site: &Site, term: &str, name: &str) -> Result<()> {
    for _ in 0..200 {
        if page(site, term).await?.contains(name) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("{name} never comes onto the phone");
}

/// Waits until a search is answered without the service.
async fn nobody_is_asked(site: &Site, service: &Service, term: &str) -> Result<()> {
    for _ in 0..200 {
        let before = service.asked.load(Ordering::SeqCst);
        page(site, term).await?;
        if service.asked.load(Ordering::SeqCst) == before {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("{} is asked for every {term}", service.url);
}

#[tokio::test]
async fn a_mirrored_directory_and_remembered_answers_stay_on_the_phone() -> Result<()> {
    let mut plan = Plan::demo()?;
    plan.phoned["cache"] = json!({"lookup_ttl": 0, "empty_ttl": 0, "stale_if_error": 0});
    let mirrored = Service::start("id,fn,num\n1,Mira Mirrored,7001\n").await?;
    let cached = Service::start("id,fn,num\n1,Cara Cached,7002\n").await?;
    let live = Service::start("id,fn,num\n1,Liv Live,7003\n").await?;
    let site = plan.start().await?;
    let tenant = &site.demo.people[0].0;
    let key = site
        .plan
        .dird(&["key", "create", "admin", "--acl", "#", "--tenant", tenant])
        .await?;
    let rest = Rest {
        address: site.rest()?,
        token: key.output.trim().to_owned(),
    };
    let sources = [
        mirrored.source("mirrored", &json!({"sync": {"interval": 3600}})),
        cached.source("cached", &json!({"cache": {"ttl": 3600}})),
        live.source("live", &json!({})),
    ];
    ask_also(&rest, &sources).await?;

    until_shown(&site, "mira", "Mira Mirrored").await?;
    until_shown(&site, "cara", "Cara Cached").await?;
    until_shown(&site, "liv", "Liv Live").await?;
    nobody_is_asked(&site, &mirrored, "mira").await?;
    nobody_is_asked(&site, &cached, "cara").await?;

    for service in [mirrored, cached, live] {
        service.stop().await;
    }
    until_shown(&site, "mira", "Mira Mirrored").await?;
    until_shown(&site, "cara", "Cara Cached").await?;
    let gone = page(&site, "liv").await?;
    ensure!(!gone.contains("Liv Live"), "who remembers her? {gone}");
    site.stop().await
}
