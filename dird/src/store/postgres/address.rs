//! The address of a database as libpq has it.

use sqlx::postgres::PgConnectOptions;

use super::SCHEMA;
use crate::store::OpenError;

/// Parameters that are heeded; others are let pass, as they mean something to other clients.
const PARAMETERS: [&str; 12] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

/// How to connect to `uri`. The error does not repeat it: it may hold a password.
pub(super) fn parse(uri: &str) -> Result<PgConnectOptions, OpenError> {
    Ok(elsewhere(uri)?.options([("search_path", SCHEMA)]))
}

/// How to connect to `uri` for what others keep there.
pub(in crate::store) fn elsewhere(uri: &str) -> Result<PgConnectOptions, OpenError> {
    known(uri)
        .parse()
        .map_err(|error| OpenError::Engine(format!("the database address: {error}")))
}

/// `uri` without the parameters that nobody heeds.
fn known(uri: &str) -> String {
    let Some((address, query)) = uri.split_once('?') else {
        return uri.to_owned();
    };
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| PARAMETERS.contains(&pair.split('=').next().unwrap_or(pair)))
        .collect();
    format!("{address}?{}", kept.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_libpq_has_it() {
        let options = parse(
            "postgresql://dird:s%40fe@db.example.org:5433/site?application_name=wazo-dird&sslmode=disable&connect_timeout=3",
        )
        .unwrap();
        assert_eq!(options.get_host(), "db.example.org");
        assert_eq!(options.get_port(), 5433);
        assert_eq!(options.get_username(), "dird");
        assert_eq!(options.get_database(), Some("site"));
        assert_eq!(options.get_application_name(), Some("wazo-dird"));
        assert!(options.get_options().unwrap().contains("search_path"));
    }

    #[test]
    fn a_socket_folder_may_be_a_parameter() {
        let options = parse("postgres:///site?host=/run/postgresql").unwrap();
        let folder = options.get_socket().unwrap();
        assert_eq!(folder.to_str(), Some("/run/postgresql"));
    }

    #[test]
    fn a_bad_address_is_refused_without_its_password() {
        let error = parse("postgresql://dird:secret@db:port/site").unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
