//! What both daemons share and what knows nothing of directories or phones: serving connections, reading configuration,
//! folding text, matching subnets, asking the auth service. Nothing here may depend on `dird` or `phoned`.

pub mod auth_client;
pub mod bus;
pub mod clock;
pub mod config;
pub mod fold;
pub mod http_client;
pub mod metrics;
pub mod observe;
pub mod prefixes;
pub mod privilege;
pub mod problem;
pub mod secret;
pub mod serve;
pub mod signal;
pub mod subnet;
pub mod supervisor;
pub mod tls;
pub mod trace;
pub mod turns;
