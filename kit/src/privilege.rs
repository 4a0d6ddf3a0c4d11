//! Giving up root for good, once the log file and the ports are open (dird-platform.md §1, phoned.md §16.6).

use std::fs::File;
use std::io;
use std::os::unix::fs::fchown;

use nix::unistd::{self, Uid, User};

/// Why the process still runs as before. The daemons warn and go on after [`NotRoot`](Self::NotRoot).
#[derive(Debug, thiserror::Error)]
pub enum PrivilegeError {
    /// Only root may become somebody else.
    #[error("cannot switch to user {0}: not started as root")]
    NotRoot(String),
    /// The system knows no user of this name, and root must not serve instead.
    #[error("cannot switch to user {0}: there is no such user")]
    NoSuchUser(String),
    /// The system refused one of the steps; the process must not serve in this state.
    #[error("cannot switch to user {user}: {source}")]
    Refused {
        /// The user asked for.
        user: String,
        /// What the system answered.
        source: io::Error,
    },
}

/// Makes the whole process run as `user`, with the groups of that user and no way back. Succeeds without doing anything when it
/// already does.
pub fn drop_to(user: &str) -> Result<(), PrivilegeError> {
    let refused = |errno: nix::Error| PrivilegeError::Refused {
        user: user.to_owned(),
        source: errno.into(),
    };
    let Some(account) = User::from_name(user).map_err(refused)? else {
        return Err(if Uid::effective().is_root() {
            PrivilegeError::NoSuchUser(user.to_owned())
        } else {
            PrivilegeError::NotRoot(user.to_owned())
        });
    };
    if Uid::effective() == account.uid {
        return Ok(());
    }
    if !Uid::effective().is_root() {
        return Err(PrivilegeError::NotRoot(user.to_owned()));
    }
    become_user(&account).map_err(refused)
}

/// Gives `file` to `user`, whom root is about to become. Does nothing for others than root, for an unknown user, and for what is
/// no plain file: a device stays whose it is.
pub fn hand_over(file: &File, user: &str) -> io::Result<()> {
    if !Uid::effective().is_root() || !file.metadata()?.is_file() {
        return Ok(());
    }
    let Some(account) = User::from_name(user)? else {
        return Ok(());
    };
    fchown(file, Some(account.uid.as_raw()), Some(account.gid.as_raw()))
}

/// The order matters: once the user id is gone, the groups cannot be changed any more.
fn become_user(account: &User) -> nix::Result<()> {
    let name = std::ffi::CString::new(account.name.as_str()).map_err(|_| nix::Error::EINVAL)?;
    unistd::initgroups(&name, account.gid)?;
    unistd::setgid(account.gid)?;
    unistd::setuid(account.uid)?;
    if unistd::setuid(Uid::from_raw(0)).is_ok() {
        return Err(nix::Error::EPERM);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::process::Command;

    use super::*;

    const UNPRIVILEGED: &str = "nobody";

    #[test]
    fn an_unknown_user_is_named() {
        if !Uid::effective().is_root() {
            let error = drop_to("no-such-user-here");
            assert!(matches!(error, Err(PrivilegeError::NotRoot(_))));
            return;
        }
        let error = drop_to("no-such-user-here").unwrap_err();
        assert!(matches!(&error, PrivilegeError::NoSuchUser(name) if name == "no-such-user-here"));
        assert_eq!(
            error.to_string(),
            "cannot switch to user no-such-user-here: there is no such user"
        );
    }

    #[test]
    fn root_gives_plain_files_away_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let whose = |file: &File| file.metadata().unwrap().uid();
        let before = whose(&log);
        hand_over(&log, "no-such-user-here").unwrap();
        assert_eq!(whose(&log), before);
        hand_over(&log, UNPRIVILEGED).unwrap();
        let account = User::from_name(UNPRIVILEGED).unwrap().unwrap();
        let expected = if Uid::effective().is_root() {
            account.uid.as_raw()
        } else {
            before
        };
        assert_eq!(whose(&log), expected);
        let device = File::open("/dev/null").unwrap();
        hand_over(&device, UNPRIVILEGED).unwrap();
        assert_eq!(whose(&device), 0);
    }

    #[test]
    fn a_name_no_system_can_hold_is_an_error_and_no_panic() {
        assert!(matches!(
            drop_to(&"x".repeat(100_000)),
            Err(PrivilegeError::NoSuchUser(_)
                | PrivilegeError::NotRoot(_)
                | PrivilegeError::Refused { .. })
        ));
    }

    #[test]
    fn becoming_the_present_user_changes_nothing() {
        let me = User::from_uid(Uid::effective()).unwrap().unwrap();
        assert!(drop_to(&me.name).is_ok());
        assert_eq!(Uid::effective(), me.uid);
    }

    /// Started as root, a copy of this test program gives up root, for this one must keep it; else this one is refused.
    #[test]
    fn only_root_can_switch_and_not_back() {
        if !Uid::effective().is_root() {
            assert!(
                matches!(drop_to("root"), Err(PrivilegeError::NotRoot(name)) if name == "root")
            );
            return;
        }
        let program = std::env::current_exe().unwrap();
        let output = Command::new(program)
            .args(["--exact", "--ignored", "privilege::tests::give_up_root"])
            .output()
            .unwrap();
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{shown}");
        assert!(shown.contains("1 passed"), "{shown}");
    }

    #[test]
    #[ignore = "changes the user of the whole process; started by only_root_can_switch_and_not_back"]
    fn give_up_root() {
        drop_to(UNPRIVILEGED).unwrap();
        let account = User::from_name(UNPRIVILEGED).unwrap().unwrap();
        assert_eq!(Uid::effective(), account.uid);
        assert_eq!(Uid::current(), account.uid);
        assert_eq!(unistd::getegid(), account.gid);
        let groups = unistd::getgroups().unwrap();
        assert!(!groups.contains(&unistd::Gid::from_raw(0)), "{groups:?}");
        assert!(matches!(drop_to("root"), Err(PrivilegeError::NotRoot(_))));
    }
}
