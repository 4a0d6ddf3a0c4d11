//! The configuration service of a platform, asked with a service token (dird-backends.md §7, §8).

use std::sync::Arc;
use std::time::Duration;

use kit::auth_client::{AuthClient, AuthError, ServiceToken};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::OnceCell;

use super::http::{Clients, Fetched, Redirects, read_json};
use super::token::Tokens;
use super::{Outside, RemoteError, Service};
use crate::store::model::Source as Configured;

/// Longest answer that is read, in bytes.
const LONGEST: usize = 32 << 20;

/// Query parameters.
pub(in crate::backends) type Parameters = Vec<(String, String)>;

/// What a source says of the two services.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::backends) struct ConfdSettings {
    #[serde(default)]
    auth: Service,
    #[serde(default)]
    confd: Service,
    /// Parameters of every call; only service discovery sets them.
    #[serde(default)]
    extra_search_params: Map<String, Value>,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(in crate::backends) struct Page {
    /// Its elements.
    pub(in crate::backends) items: Vec<Map<String, Value>>,
    /// Elements in all.
    #[serde(default)]
    pub(in crate::backends) total: Option<u64>,
}

/// A configuration service as one source sees it.
pub(in crate::backends) struct Confd {
    settings: ConfdSettings,
    tenant: Option<String>,
    clients: Arc<Clients>,
    tokens: Arc<Tokens>,
    keeper: OnceCell<Arc<AuthClient>>,
}

impl Confd {
    /// The service that `source` names. Nothing is sent and no file is read yet.
    pub(in crate::backends) fn new(
        source: &Configured,
        outside: &Outside,
    ) -> Result<Self, serde_json::Error> {
        let settings = ConfdSettings::deserialize(Value::Object(source.extra.clone()))?;
        // A user name is one tenant's own; a key file serves all tenants, so the tenant is named.
        let tenant = settings
            .auth
            .key_file
            .as_ref()
            .map(|_| source.tenant.to_string());
        Ok(Self {
            settings,
            tenant,
            clients: outside.clients(),
            tokens: outside.tokens(),
            keeper: OnceCell::new(),
        })
    }

    /// Longest time for a question, token included.
    pub(in crate::backends) fn deadline(&self) -> Duration {
        self.settings.confd.deadline() + self.settings.auth.deadline()
    }

    /// Host, port and timeout as errors show them.
    pub(in crate::backends) fn shown(&self) -> Value {
        let confd = &self.settings.confd;
        serde_json::json!({"host": confd.host, "port": confd.port, "timeout": confd.shown_timeout()})
    }

    /// Parameters that the source adds to every list.
    pub(in crate::backends) fn extra_parameters(&self) -> Parameters {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Bool(true) => "True".to_owned(),
            Value::Bool(false) => "False".to_owned(),
            other => other.to_string(),
        };
        let extra = self.settings.extra_search_params.iter();
        extra
            .map(|(name, value)| (name.clone(), text(value)))
            .collect()
    }

    /// Asks for a list.
    pub(in crate::backends) async fn list(
        &self,
        path: &str,
        parameters: &Parameters,
    ) -> Result<Page, RemoteError> {
        read_json(&self.get(path, parameters).await?)
    }

    /// Identity of the platform.
    pub(in crate::backends) async fn identity(&self) -> Result<Option<String>, RemoteError> {
        #[derive(Deserialize)]
        struct Infos {
            uuid: Option<String>,
        }
        let infos: Infos = read_json(&self.get("infos", &Vec::new()).await?)?;
        Ok(infos.uuid)
    }

    async fn get(&self, path: &str, parameters: &Parameters) -> Result<Vec<u8>, RemoteError> {
        let keeper = self
            .keeper
            .get_or_try_init(|| self.tokens.of(&self.settings.auth));
        let keeper = keeper.await?;
        let no_token = |error: AuthError| RemoteError::Token(error.to_string());
        let token = keeper.token().await.map_err(no_token)?;
        let mut fetched = self.fetch(path, parameters, &token).await?;
        if fetched.status == 401
            && let Some(newer) = keeper.after_rejection(&token).await
        {
            fetched = self.fetch(path, parameters, &newer).await?;
        }
        match fetched.status {
            200 => Ok(fetched.body),
            status => Err(RemoteError::Status(status)),
        }
    }

    async fn fetch(
        &self,
        path: &str,
        parameters: &Parameters,
        token: &ServiceToken,
    ) -> Result<Fetched, RemoteError> {
        let confd = &self.settings.confd;
        let client = self
            .clients
            .get(&confd.verify_certificate, Redirects::Refused)
            .await?;
        let mut url = reqwest::Url::parse(&format!("{}/{path}", confd.base("1.1")))
            .map_err(|error| RemoteError::Connection(error.to_string()))?;
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        let mut request = client
            .get(url)
            .header("Accept", "application/json")
            .header("X-Auth-Token", token.token.expose());
        if let Some(tenant) = &self.tenant {
            request = request.header("Wazo-Tenant", tenant);
        }
        Fetched::get(request, confd.deadline(), LONGEST).await
    }
}
