//! What both daemons share and what knows nothing of directories or phones: serving connections, reading configuration,
//! folding text, matching subnets, asking the auth service. Nothing here may depend on `dird` or `phoned`.

pub mod clock;
pub mod fold;
pub mod problem;
pub mod secret;
