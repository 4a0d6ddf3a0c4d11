//! The account of failed handshakes: counted by reason, logged at most once a minute per address (phoned.md §2.2). This is
//! where ops look first when a phone does not get its directory.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rustls::{AlertDescription, Error, PeerIncompatible};

use crate::serve::quota::LogQuota;

/// Why a handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    NoSharedCipher,
    ProtocolVersion,
    ClientClosed,
    CertificateUnknown,
    NotTls,
    TooSlow,
    Other,
}

const ALL: [Reason; 7] = [
    Reason::NoSharedCipher,
    Reason::ProtocolVersion,
    Reason::ClientClosed,
    Reason::CertificateUnknown,
    Reason::NotTls,
    Reason::TooSlow,
    Reason::Other,
];

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Self::NoSharedCipher => "no shared cipher",
            Self::ProtocolVersion => "protocol version",
            Self::ClientClosed => "client closed",
            Self::CertificateUnknown => "certificate unknown",
            Self::NotTls => "not TLS",
            Self::TooSlow => "too slow",
            Self::Other => "other",
        }
    }

    /// The reason behind a failed handshake.
    pub(super) fn of(error: &io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        match inner {
            Some(error) => Self::of_tls(error),
            None => match error.kind() {
                io::ErrorKind::TimedOut => Self::TooSlow,
                io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe => Self::ClientClosed,
                _ => Self::Other,
            },
        }
    }

    fn of_tls(error: &Error) -> Self {
        match error {
            Error::PeerIncompatible(
                PeerIncompatible::NoCipherSuitesInCommon
                | PeerIncompatible::NoKxGroupsInCommon
                | PeerIncompatible::NoSignatureSchemesInCommon
                | PeerIncompatible::NoEcPointFormatsInCommon,
            ) => Self::NoSharedCipher,
            // Without the extension a greeting is older than TLS 1.2, which brought it; that is looked at before the version.
            Error::PeerIncompatible(
                PeerIncompatible::SignatureAlgorithmsExtensionRequired
                | PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                | PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                | PeerIncompatible::SupportedVersionsExtensionRequired,
            ) => Self::ProtocolVersion,
            Error::AlertReceived(alert) => Self::of_alert(*alert),
            Error::InvalidMessage(_) => Self::NotTls,
            _ => Self::Other,
        }
    }

    fn of_alert(alert: AlertDescription) -> Self {
        match alert {
            AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
                Self::NoSharedCipher
            }
            AlertDescription::ProtocolVersion => Self::ProtocolVersion,
            AlertDescription::CloseNotify | AlertDescription::UserCanceled => Self::ClientClosed,
            AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA => Self::CertificateUnknown,
            _ => Self::Other,
        }
    }
}

/// Counts and reports failed handshakes.
#[derive(Debug, Default)]
pub(super) struct Failures {
    counts: [AtomicU64; ALL.len()],
    quota: LogQuota,
}

impl Failures {
    pub(super) fn note(&self, peer: IpAddr, reason: Reason, error: &io::Error) {
        self.counts[reason as usize].fetch_add(1, Relaxed);
        if self.quota.allows(peer) {
            tracing::warn!(%peer, reason = reason.name(), %error, "TLS handshake failed");
        }
    }

    pub(super) fn counts(&self) -> Vec<(&'static str, u64)> {
        let count = |reason: Reason| self.counts[reason as usize].load(Relaxed);
        ALL.map(|reason| (reason.name(), count(reason))).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(error: Error) -> Reason {
        Reason::of(&io::Error::new(io::ErrorKind::InvalidData, error))
    }

    #[test]
    fn reasons_are_told_apart() {
        let cipher = PeerIncompatible::NoCipherSuitesInCommon;
        assert_eq!(of(Error::PeerIncompatible(cipher)), Reason::NoSharedCipher);
        let version = PeerIncompatible::Tls12NotOfferedOrEnabled;
        assert_eq!(
            of(Error::PeerIncompatible(version)),
            Reason::ProtocolVersion
        );
        let unknown = AlertDescription::UnknownCA;
        assert_eq!(
            of(Error::AlertReceived(unknown)),
            Reason::CertificateUnknown
        );
        let closed = io::ErrorKind::UnexpectedEof.into();
        assert_eq!(Reason::of(&closed), Reason::ClientClosed);
        assert_eq!(Reason::of(&io::ErrorKind::TimedOut.into()), Reason::TooSlow);
    }

    #[test]
    fn every_reason_has_its_own_counter() {
        let failures = Failures::default();
        let error = io::ErrorKind::Other.into();
        for (place, reason) in ALL.into_iter().enumerate() {
            assert_eq!(place, reason as usize);
            failures.note(IpAddr::from([192, 0, 2, 1]), reason, &error);
        }
        assert!(failures.counts().iter().all(|(_, count)| *count == 1));
    }
}
