//! A private `OpenLDAP` server on loopback, with a directory of its own.

use std::fmt::Write;
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::binaries::repository;
use crate::ports;

/// Where searches start.
pub const BASE: &str = "ou=qu\u{e9}bec,dc=example,dc=test";

/// Somebody who may bind, and the password.
pub const LOGIN: (&str, &str) = ("cn=reader,dc=example,dc=test", "s3cret");

/// A running server; it ends with this value.
#[derive(Debug)]
pub struct Slapd {
    plain: u16,
    secure: u16,
    folder: TempDir,
    process: Child,
}

impl Slapd {
    /// A server that holds the entries of `ldif` below [`BASE`], with further lines of configuration.
    pub async fn start(ldif: &str, limits: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::create_dir(folder.path().join("data"))?;
        let conf = folder.path().join("slapd.conf");
        std::fs::write(&conf, configuration(folder.path(), limits)?)?;
        let file = folder.path().join("people.ldif");
        std::fs::write(&file, format!("{ROOT}{ldif}"))?;
        let loaded = command("slapadd")
            .args(["-q", "-f"])
            .arg(&conf)
            .arg("-l")
            .arg(&file)
            .output()
            .context("slapadd cannot be started")?;
        ensure!(
            loaded.status.success(),
            "{}",
            String::from_utf8_lossy(&loaded.stderr)
        );
        let [plain, secure] = ports::free()?;
        let process = launch(&conf, plain, secure).await?;
        Ok(Self {
            plain,
            secure,
            folder,
            process,
        })
    }

    /// `ldap://…`.
    pub fn uri(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.plain)
    }

    /// `ldaps://…`.
    pub fn secure_uri(&self) -> String {
        format!("ldaps://localhost:{}", self.secure)
    }

    /// Ends the server as a power cut does.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Starts it again, on the same ports.
    pub async fn restart(&mut self) -> Result<()> {
        let conf = self.folder.path().join("slapd.conf");
        self.process = launch(&conf, self.plain, self.secure).await?;
        Ok(())
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        // It may have been killed already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A person's entry; `attributes` are further lines.
pub fn person(id: usize, name: &str, number: &str, attributes: &str) -> String {
    format!(
        "dn: uid=u{id},{BASE}\nobjectClass: inetOrgPerson\nobjectClass: thing\nuid: u{id}\ncn: {name}\nsn: {name}\n\
         telephoneNumber: {number}\n{attributes}\n"
    )
}

const ROOT: &str = "dn: dc=example,dc=test\nobjectClass: domain\ndc: example\n\n\
    dn: cn=reader,dc=example,dc=test\nobjectClass: person\ncn: reader\nsn: reader\nuserPassword: s3cret\n\n\
    dn: ou=qu\u{e9}bec,dc=example,dc=test\nobjectClass: organizationalUnit\nou: qu\u{e9}bec\n\n";

fn configuration(folder: &Path, limits: &str) -> Result<String> {
    let mut text = String::new();
    for schema in ["core", "cosine", "inetorgperson"] {
        writeln!(text, "include /etc/ldap/schema/{schema}.schema")?;
    }
    let data = folder.join("data");
    let of_tests = repository().join("kit/tests/data");
    let (chain, key) = (of_tests.join("first.crt"), of_tests.join("first.key"));
    write!(
        text,
        "attributetype ( 1.3.6.1.4.1.32473.1 NAME 'objectGUID' EQUALITY octetStringMatch \
         SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )\n\
         objectclass ( 1.3.6.1.4.1.32473.2 NAME 'thing' SUP top AUXILIARY MAY objectGUID )\n\
         modulepath /usr/lib/ldap\nmoduleload back_mdb\n\
         TLSCertificateFile {}\nTLSCertificateKeyFile {}\n\
         database mdb\nsuffix dc=example,dc=test\nmaxsize 268435456\ndirectory {}\n\
         index objectClass,uid,telephoneNumber,entryUUID,objectGUID eq\nindex cn sub,eq\n{limits}\n",
        chain.display(),
        key.display(),
        data.display(),
    )?;
    Ok(text)
}

fn command(name: &str) -> Command {
    let mut command = Command::new(PathBuf::from("/usr/sbin").join(name));
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// Starts the server and waits until it listens.
async fn launch(conf: &Path, plain: u16, secure: u16) -> Result<Child> {
    let addresses = format!("ldap://127.0.0.1:{plain} ldaps://127.0.0.1:{secure}");
    let mut process = command("slapd")
        .args(["-d", "0", "-h", &addresses, "-f"])
        .arg(conf)
        .stderr(Stdio::piped())
        .spawn()
        .context("slapd cannot be started")?;
    for _ in 0..1000 {
        if TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], plain))).is_ok() {
            return Ok(process);
        }
        if process.try_wait()?.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // It may have ended by itself.
    drop(process.kill());
    let mut said = String::new();
    if let Some(mut output) = process.stderr.take() {
        output.read_to_string(&mut said)?;
    }
    bail!("slapd does not start: {said}")
}
