//! A `RabbitMQ` node of the tests' own: in a temporary folder, on free loopback ports, run by a user without rights, with a name
//! server of its own. A shell keeps it company: once this process ends, however it ends, the shell's input is closed, and it
//! kills what it started and removes the folder. Each test takes a virtual host, so that tests share one node.

mod peer;

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::unistd::{User, geteuid};
use serde_json::Value;
use tempfile::TempDir;

use crate::ports;

pub use peer::{Letter, Peer};

/// Where Debian keeps the program. The one on the path changes user by itself.
const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// How long a node may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// `guest` and `guest`, for the administration over HTTP.
const GUEST: &str = "Basic Z3Vlc3Q6Z3Vlc3Q=";

/// The variable that it sets about a supervisor makes the server replace its shell, so that `$!` is the node.
const SCRIPT: &str = r#"
server=$1 folder=$2 amqp=$3 web=$4 names=$5 links=$6
export HOME="$folder" RUNNING_UNDER_SYSTEMD=true
export ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="$names"
export RABBITMQ_NODENAME=node@localhost RABBITMQ_DIST_PORT="$links"
export RABBITMQ_MNESIA_BASE="$folder/data" RABBITMQ_LOG_BASE="$folder/log"
export RABBITMQ_CONF_ENV_FILE="$folder/none" RABBITMQ_CONFIG_FILE="$folder/rabbitmq.conf"
export RABBITMQ_ENABLED_PLUGINS_FILE="$folder/plugins"
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +S 2:2"
cat >"$folder/rabbitmq.conf" <<END
listeners.tcp.default = 127.0.0.1:$amqp
management.tcp.ip = 127.0.0.1
management.tcp.port = $web
disk_free_limit.absolute = 1MB
END
echo '[rabbitmq_management].' >"$folder/plugins"
# A signal to the whole group of a test ends the wait below; what follows it tidies up.
trap : HUP INT TERM
epmd -address 127.0.0.1 -port "$names" </dev/null >/dev/null 2>&1 &
epmd=$!
node=
start() { "$server" </dev/null >>"$folder/server.log" 2>&1 & node=$!; }
end() { [ -z "$node" ] || { kill -9 "$node"; wait "$node"; node=; } 2>/dev/null; }
start
while read -r order; do
    case $order in
        start) [ -n "$node" ] || start ;;
        kill) end ;;
    esac
done
end
kill "$epmd"
rm -rf "$folder"
"#;

/// A running node.
#[derive(Debug)]
pub struct Broker {
    /// Port of AMQP on loopback; user and password are `guest`.
    pub port: u16,
    web: u16,
    folder: PathBuf,
    orders: Mutex<ChildStdin>,
    _keeper: Child,
}

impl Broker {
    /// The node that the tests of one program share; none of them may stop it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Broker> = OnceLock::new();
        SHARED.get_or_init(|| Self::start().expect("a private RabbitMQ, see scripts/packages.txt"))
    }

    /// Starts a node, for tests that kill it.
    pub fn start() -> Result<Self> {
        ensure!(
            Path::new(SERVER).exists(),
            "no RabbitMQ at {SERVER}: install the Debian package `rabbitmq-server`"
        );
        let folder = TempDir::with_prefix("rabbitmq-")?.keep();
        let user = user();
        if let Some(user) = &user {
            chown(&folder, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        }
        let [port, web, names, links] = ports::free()?;
        let mut keeper = as_user(user.as_ref())
            .args(["-c", SCRIPT, "sh", SERVER])
            .arg(&folder)
            .args([port, web, names, links].map(|port| port.to_string()))
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(File::create(folder.join("keeper.log"))?)
            .spawn()
            .context("sh does not start")?;
        let orders = keeper.stdin.take().context("its input is piped")?;
        let broker = Self {
            port,
            web,
            folder,
            orders: Mutex::new(orders),
            _keeper: keeper,
        };
        broker.until_up()?;
        Ok(broker)
    }

    /// Kills the node, as a crash does; returns when nothing listens any more.
    pub fn kill(&self) -> Result<()> {
        self.order("kill\n")?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        self.until("still listens", || TcpStream::connect(address).is_err())
    }

    /// Starts the killed node again and waits until it serves. Durable exchanges and virtual hosts are still there.
    pub fn restart(&self) -> Result<()> {
        self.order("start\n")?;
        self.until_up()
    }

    fn order(&self, order: &str) -> Result<()> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(orders.write_all(order.as_bytes())?)
    }

    fn until_up(&self) -> Result<()> {
        self.until("does not start", || {
            self.admin("GET", "/api/aliveness-test/%2F", "").is_ok()
        })
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "no runtime to block: tests wait for a whole node here"
    )]
    fn until(&self, trouble: &str, mut fulfilled: impl FnMut() -> bool) -> Result<()> {
        let started = Instant::now();
        while !fulfilled() {
            if started.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(self.folder.join("server.log"));
                bail!("RabbitMQ {trouble}:\n{}", log.unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// A new, empty virtual host.
    pub fn vhost(&self) -> Result<String> {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let name = format!("test{}", LAST.fetch_add(1, Ordering::Relaxed));
        self.admin("PUT", &format!("/api/vhosts/{name}"), "")?;
        Ok(name)
    }

    /// What the node's administration answers: its lists of queues, bindings and connections.
    pub fn admin(&self, method: &str, path: &str, body: &str) -> Result<Value> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.web));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nAuthorization: {GUEST}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let status = answer.split(' ').nth(1).context("no status")?;
        ensure!(status.starts_with('2'), "{method} {path}: {answer}");
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        Ok(serde_json::from_str(body).unwrap_or(Value::Null))
    }
}

/// Who runs the node, if not the present user.
fn user() -> Option<User> {
    if !geteuid().is_root() {
        return None;
    }
    let named = |name| User::from_name(name).ok().flatten();
    named("rabbitmq").or_else(|| named("nobody"))
}

fn as_user(user: Option<&User>) -> Command {
    let Some(user) = user else {
        return Command::new("sh");
    };
    let mut command = Command::new("setpriv");
    command
        .arg(format!("--reuid={}", user.uid))
        .arg(format!("--regid={}", user.gid))
        .args(["--clear-groups", "sh"]);
    command
}
