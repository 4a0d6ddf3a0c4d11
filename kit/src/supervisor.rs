//! Telling the service manager how the daemon is doing: systemd's notification protocol, for units of `Type=notify`
//! (dird-platform.md §12). Without a manager that wants to know, nothing happens.

use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Names the manager's socket.
const VARIABLE: &str = "NOTIFY_SOCKET";

/// The service manager, if there is one.
#[derive(Debug, Default)]
pub struct Supervisor(Option<OsString>);

impl Supervisor {
    /// The manager that the environment names.
    pub fn from_environment() -> Self {
        Self(std::env::var_os(VARIABLE).filter(|socket| !socket.is_empty()))
    }

    /// The ports are open and requests are answered.
    pub fn ready(&self) {
        self.tell("READY=1\nSTATUS=serving\n");
    }

    /// The stop has begun.
    pub fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=finishing requests under way\n");
    }

    fn tell(&self, message: &str) {
        let Some(socket) = &self.0 else { return };
        if let Err(error) = send(socket, message) {
            tracing::warn!(%error, "the service manager cannot be told");
        }
    }
}

/// A name that starts with `@` is one of the kernel's own name space.
fn send(socket: &OsString, message: &str) -> io::Result<()> {
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    let own = UnixDatagram::unbound()?;
    own.set_nonblocking(true)?;
    own.send_to_addr(message.as_bytes(), &address).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(manager: &UnixDatagram) -> String {
        let mut buffer = [0; 256];
        let length = manager.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn a_manager_with_a_path_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let supervisor = Supervisor(Some(path.into()));
        supervisor.ready();
        assert!(received(&manager).starts_with("READY=1\n"));
        supervisor.stopping();
        assert!(received(&manager).starts_with("STOPPING=1\n"));
    }

    #[test]
    fn a_manager_without_path_is_told() {
        let name = format!("kit-supervisor-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        Supervisor(Some(format!("@{name}").into())).ready();
        assert!(received(&manager).starts_with("READY=1\n"));
    }

    #[test]
    fn a_manager_that_is_not_there_stops_nothing() {
        Supervisor(None).ready();
        Supervisor(Some("/nonexistent/notify".into())).ready();
    }
}
