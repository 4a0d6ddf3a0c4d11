//! A whole installation in a temporary folder: the demo site's data, dird and phoned on free ports.

mod demo;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binaries::repository;
use crate::daemon::{Daemon, Outcome, run};
use crate::rest::Rest;
use crate::{ports, wire};

pub use demo::Demo;

/// How long a daemon may take to become healthy, and to stop.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A site that is written but not started: tests change its configuration here.
#[derive(Debug)]
pub struct Plan {
    /// dird's configuration tree.
    pub dird: Value,
    /// phoned's configuration tree.
    pub phoned: Value,
    /// Generated contacts for the phonebook instead of the demo's.
    pub contacts: Option<u32>,
    folder: TempDir,
}

impl Plan {
    /// The demo site, with its data copied so that a test may spoil it.
    pub fn demo() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("config/demo");
        std::fs::create_dir_all(&data)?;
        for entry in std::fs::read_dir(repository().join("config/demo"))? {
            let entry = entry?;
            std::fs::copy(entry.path(), data.join(entry.file_name()))?;
        }
        let mut plan = Self {
            dird: dird_config(),
            phoned: phoned_config(),
            contacts: None,
            folder,
        };
        plan.choose_ports()?;
        Ok(plan)
    }

    /// The folder where both daemons are at home.
    pub fn home(&self) -> &Path {
        self.folder.path()
    }

    /// The path of a file of the site.
    pub fn file(&self, name: &str) -> PathBuf {
        self.home().join(name)
    }

    /// Free ports in both configurations, in agreement.
    fn choose_ports(&mut self) -> Result<()> {
        let [rest, auth, phones] = ports::free()?;
        self.dird["rest_api"]["port"] = json!(rest);
        self.dird["auth"]["port"] = json!(auth);
        self.phoned["dird"]["port"] = json!(rest);
        self.phoned["auth"]["port"] = json!(auth);
        self.phoned["rest_api"]["http"]["port"] = json!(phones);
        Ok(())
    }

    /// Writes both configuration files.
    pub fn write(&self) -> Result<()> {
        for further in ["dird.d", "phoned.d"] {
            std::fs::create_dir_all(self.file(further))?;
        }
        std::fs::write(self.file("dird.yml"), format!("{:#}\n", self.dird))?;
        std::fs::write(self.file("phoned.yml"), format!("{:#}\n", self.phoned))?;
        Ok(())
    }

    /// Has both daemons ask the platform's auth service at `upstream`; phoned gets a key file.
    pub fn ask_auth(&mut self, upstream: &Value) -> Result<()> {
        self.dird["auth"] = json!({"backend": "wazo", "username": "dird", "password": "secret"});
        for auth in [&mut self.dird["auth"], &mut self.phoned["auth"]] {
            for (key, value) in upstream.as_object().context("no upstream")? {
                auth[key] = value.clone();
            }
        }
        self.write_key()
    }

    /// Gives phoned a key that any auth of the tests' own takes.
    pub fn write_key(&self) -> Result<()> {
        let key = "service_id: phoned\nservice_key: secret\n";
        Ok(std::fs::write(self.file("phoned-key.yml"), key)?)
    }

    /// Runs `dird … ` with this site's configuration to its end.
    pub async fn dird(&self, arguments: &[&str]) -> Result<Outcome> {
        self.write()?;
        run(
            "dird",
            &[&["-c", "dird.yml"], arguments].concat(),
            self.home(),
            PATIENCE,
        )
        .await
    }

    /// Runs `phoned … ` with this site's configuration to its end.
    pub async fn phoned(&self, arguments: &[&str]) -> Result<Outcome> {
        self.write()?;
        run(
            "phoned",
            &[&["-c", "phoned.yml"], arguments].concat(),
            self.home(),
            PATIENCE,
        )
        .await
    }

    /// Loads the demo data.
    pub async fn load(&self) -> Result<Demo> {
        self.write()?;
        let count = self.contacts.map(|count| count.to_string());
        let mut arguments = vec!["-c", "dird.yml", "demo", "--key-file", "phoned-key.yml"];
        arguments.extend(["--accounts-file", "dird.d/intercom.yml"]);
        if let Some(count) = &count {
            arguments.extend(["--contacts", count]);
        }
        let loaded = run("dird", &arguments, self.home(), Duration::from_mins(5)).await?;
        ensure!(
            loaded.status == Some(0),
            "`dird demo` failed:\n{}",
            loaded.output
        );
        Demo::parse(&loaded.output)
    }

    /// Where phones connect.
    pub fn phones(&self) -> Result<SocketAddr> {
        loopback(&self.phoned["rest_api"]["http"]["port"])
    }

    /// Loads the data and starts both daemons.
    pub async fn start(self) -> Result<Site> {
        let demo = self.load().await?;
        let dird = self.start_dird().await?;
        let phoned = self.start_phoned().await?;
        Ok(Site {
            demo,
            dird,
            phoned,
            plan: self,
        })
    }

    /// Starts dird alone and waits until it answers.
    pub async fn start_dird(&self) -> Result<Daemon> {
        self.write()?;
        let mut dird = Daemon::start("dird", &["-c", "dird.yml"], self.home(), self.home())?;
        let (rest, auth) = (
            loopback(&self.dird["rest_api"]["port"])?,
            loopback(&self.dird["auth"]["port"])?,
        );
        dird.healthy(PATIENCE, async || dird_is_healthy(rest, auth).await)
            .await?;
        Ok(dird)
    }

    /// Starts dird alone, with a key for everything.
    pub async fn start_administered(&self) -> Result<(Daemon, Rest)> {
        let key = self.dird(&["key", "create", "administrator", "--acl", "#"]);
        let key = key.await?;
        ensure!(key.status == Some(0), "no key: {}", key.output);
        let dird = self.start_dird().await?;
        let rest = Rest {
            address: loopback(&self.dird["rest_api"]["port"])?,
            token: key.output.trim().to_owned(),
        };
        Ok((dird, rest))
    }

    /// Starts phoned alone and waits until it answers and has its service token.
    pub async fn start_phoned(&self) -> Result<Daemon> {
        self.write()?;
        let mut phoned = Daemon::start("phoned", &["-c", "phoned.yml"], self.home(), self.home())?;
        let address = self.phones()?;
        phoned
            .healthy(PATIENCE, async || phoned_is_healthy(address).await)
            .await?;
        Ok(phoned)
    }
}

/// A running site.
#[derive(Debug)]
pub struct Site {
    /// What is in it.
    pub demo: Demo,
    /// The directory server.
    pub dird: Daemon,
    /// The edge.
    pub phoned: Daemon,
    /// Its configuration and folder.
    pub plan: Plan,
}

impl Site {
    /// Where phones connect.
    pub fn phones(&self) -> Result<SocketAddr> {
        self.plan.phones()
    }

    /// dird's REST API.
    pub fn rest(&self) -> Result<SocketAddr> {
        loopback(&self.plan.dird["rest_api"]["port"])
    }

    /// dird's own authority.
    pub fn auth(&self) -> Result<SocketAddr> {
        loopback(&self.plan.dird["auth"]["port"])
    }

    /// What phoned counts under `series`, its labels included; 0 if it was never counted. `metrics.port` must be set.
    pub async fn figure(&self, series: &str) -> Result<u64> {
        let port = &self.plan.phoned["metrics"]["port"];
        let answer = wire::get(&format!("http://127.0.0.1:{port}/metrics"), None, &[]).await?;
        let prefix = format!("{series} ");
        let mut lines = answer.text()?.lines();
        let value = lines.find_map(|line| line.strip_prefix(&prefix));
        Ok(value.map(str::parse).transpose()?.unwrap_or(0))
    }

    /// The URL that provisioning writes into a Cisco phone of that user, its last `&` included (phoned-vendors.md §1.5).
    pub fn cisco_menu(&self, user: usize) -> Result<String> {
        Ok(format!(
            "{}&",
            phone_url(
                self.phones()?,
                "directories/menu/default/cisco",
                &self.user(user)?
            )
        ))
    }

    /// The URL in a Yealink phone of that user; `path` is either form of its lookup route.
    pub fn yealink(&self, user: usize, path: &str) -> Result<String> {
        Ok(format!(
            "{}&term=#SEARCH",
            phone_url(self.phones()?, path, &self.user(user)?)
        ))
    }

    /// The UUID of a user, counted from 0 in the order of `dird demo`.
    pub fn user(&self, index: usize) -> Result<String> {
        Ok(self
            .demo
            .people
            .get(index)
            .context("no such user in the demo")?
            .1
            .clone())
    }

    /// A token for phoned's key, with which dird can be asked directly.
    pub async fn service_token(&self) -> Result<String> {
        self.token_of("phoned-key.yml").await
    }

    /// A token for the key in a file of the site.
    pub async fn token_of(&self, key_file: &str) -> Result<String> {
        let key = std::fs::read_to_string(self.plan.file(key_file))?;
        let key: KeyFile = serde_saphyr::from_str(&key)?;
        let credentials = BASE64.encode(format!("{}:{}", key.service_id, key.service_key));
        let body = json!({"expiration": 3600}).to_string();
        let request = format!(
            "POST /0.1/token HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {credentials}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = wire::exchange(self.auth()?, None, request.as_bytes()).await?;
        ensure!(answer.status == 200, "no token: status {}", answer.status);
        let token = answer.json()?["data"]["token"].as_str().map(str::to_owned);
        token.context("an answer without a token")
    }

    /// Stops both by SIGTERM; each must end with status 0.
    pub async fn stop(self) -> Result<()> {
        for daemon in [self.phoned, self.dird] {
            let name = daemon.name;
            let status = daemon.stop(PATIENCE).await?;
            ensure!(status.success(), "{name} ended with {status}");
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct KeyFile {
    service_id: String,
    service_key: String,
}

/// A directory URL on phoned.
pub fn phone_url(phones: SocketAddr, path: &str, user: &str) -> String {
    format!("http://{phones}/0.1/{path}?xivo_user_uuid={user}")
}

/// Whether dird answers on both of its ports.
pub async fn dird_is_healthy(rest: SocketAddr, auth: SocketAddr) -> bool {
    let status = wire::get(&format!("http://{auth}/0.1/status"), None, &[]).await;
    // Any answer of the REST port will do: its status route wants a token.
    let listens = wire::get(&format!("http://{rest}/0.1/status"), None, &[]).await;
    status.is_ok_and(|answer| answer.status == 200) && listens.is_ok()
}

/// Whether phoned answers and holds a service token (phoned.md §16.1).
pub async fn phoned_is_healthy(phones: SocketAddr) -> bool {
    let Ok(answer) = wire::get(&format!("http://{phones}/0.1/status"), None, &[]).await else {
        return false;
    };
    answer
        .json()
        .is_ok_and(|status| status["service_token"]["status"] == "ok")
}

fn loopback(port: &Value) -> Result<SocketAddr> {
    let port = port
        .as_u64()
        .and_then(|port| u16::try_from(port).ok())
        .context("not a port")?;
    Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
}

fn dird_config() -> Value {
    // A busy machine is no slow source.
    let patience = PATIENCE.as_secs();
    json!({
        "db_uri": "sqlite:dird.db",
        "auth": {"backend": "builtin", "listen": "127.0.0.1", "port": 0, "https": false, "prefix": null},
        "rest_api": {"listen": "127.0.0.1", "port": 0},
        "lookup": {"default_timeout": patience},
        "bus": {"enabled": false},
        "metrics": {"port": null},
        "log_filename": "dird.log",
        "user": "",
        "extra_config_files": "dird.d/",
    })
}

fn phoned_config() -> Value {
    // A busy machine is no failed backend.
    let patience = PATIENCE.as_secs();
    json!({
        "rest_api": {
            "http": {"listen": "127.0.0.1", "port": 0, "enabled": true},
            "https": {"enabled": false},
            "authorized_subnets": ["127.0.0.0/8", "::1/128"],
        },
        "auth": {"host": "127.0.0.1", "port": 0, "prefix": null, "https": false, "key_file": "phoned-key.yml",
                 "timeout": patience},
        "dird": {"host": "127.0.0.1", "port": 0, "timeout": patience},
        "lookup": {"deadline": patience},
        "bus": {"enabled": false},
        "metrics": {"port": null},
        "log_filename": "phoned.log",
        "user": "",
        "extra_config_files": "phoned.d/",
    })
}
