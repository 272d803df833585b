//! Users and their broker accounts.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use hookfill_domain::account::{MAX_ALIASES, PolicyChange};
use hookfill_domain::ids::{BrokerAccountId, KeyId};
use hookfill_domain::instrument::Instrument;
use hookfill_store::{
    AccountChange, Linked, NewAccount, NewKey, Registered, Registration, Scope, SealedSecret,
};
use http::request::Parts;
use http::{HeaderMap, Request, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::auth::{self, Caller, require};
use super::body::{self, FieldErrors, Object};
use super::caller;
use super::dto::AccountView;
use super::error::{ApiError, Problem};
use super::limits::Counted;
use super::path::Id;
use super::state::AppState;
use crate::api_key;
use crate::clock::new_uuid;
use crate::config::Registration as Mode;
use crate::secrets::Owner;

/// A registration, or a further account of the key's owner. No `Debug`: it holds a secret.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "documents the body; it is read field by field, for errors that name each")]
pub struct NewAccountBody {
    /// The name asked for; not needed with a key. At most 150 characters.
    #[schema(example = "alice")]
    username: Option<String>,
    /// Which broker. At most 100 characters.
    #[schema(example = "MetaTrader 5")]
    broker_name: String,
    /// The account's id there. At most 100 characters.
    #[schema(example = "88776655")]
    account_id: String,
    /// The broker's secret; kept encrypted, never shown. At most 4096 characters.
    api_key: String,
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserView {
    /// The integer id.
    id: i64,
    /// The name.
    username: String,
}

/// What was made. No `Debug`: it holds a key.
#[derive(Serialize, ToSchema)]
pub struct AccountCreated {
    /// A sentence.
    message: &'static str,
    /// The user's API key, shown this once; absent when a further account was linked.
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<String>,
    /// The user's id; absent when a further account was linked.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<i64>,
    /// The user.
    user: UserView,
    /// The account.
    broker_account: AccountView,
}

/// A body that was read.
struct Wanted {
    broker_name: String,
    account_id: String,
    secret: SecretString,
}

impl Wanted {
    fn read(object: &Object, errors: &mut FieldErrors) -> Self {
        Self {
            broker_name: errors.text(object, "broker_name", 100),
            account_id: errors.text(object, "account_id", 100),
            secret: SecretString::from(errors.text(object, "api_key", 4096)),
        }
    }

    fn sealed(self, state: &AppState, username: &str) -> NewAccount {
        let id = BrokerAccountId(new_uuid());
        let owner = Owner { account_id: id, username };
        let secret: SealedSecret = state.keyring.seal(owner, &self.secret);
        NewAccount { id, broker_name: self.broker_name, account_id: self.account_id, secret }
    }
}

/// Registers a user with a first broker account or, with a key, links a further one.
#[utoipa::path(post, path = "/accounts/", tag = "accounts", operation_id = "accounts_create",
    request_body = NewAccountBody, security((), ("api_key" = []), ("bearer" = [])),
    responses((status = 201, body = AccountCreated), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem),
              (status = 415, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
pub async fn create(
    State(state): State<Arc<AppState>>,
    request: Request<Body>,
) -> Result<(StatusCode, Json<AccountCreated>), ApiError> {
    let (parts, body) = request.into_parts();
    let created = match auth::presented_key(&parts.headers)? {
        Some(key) => {
            let peer = auth::peer(&parts);
            let caller = Caller(auth::authenticate(&state, key, peer, &parts.headers).await?);
            require(&caller, Scope::Admin)?;
            link(&state, &caller, &body::read_object(&parts.headers, body).await?).await?
        }
        None => {
            may_register(&state, &parts)?;
            register(&state, &body::read_object(&parts.headers, body).await?).await?
        }
    };
    Ok((StatusCode::CREATED, Json(created)))
}

/// Whether this request may register a user without a key.
fn may_register(state: &AppState, parts: &Parts) -> Result<(), ApiError> {
    let peer = auth::peer(parts);
    if let Some(peer) = peer {
        let client = caller::client_address(peer, &parts.headers, |address| state.settings.trusts(address));
        state.count(Counted::Address(client), Some(peer), &parts.headers)?;
    }
    let local = peer.is_some_and(|peer| caller::is_local(peer, &parts.headers));
    let mode = state.settings.registration.unwrap_or(if local { Mode::Open } else { Mode::Token });
    match mode {
        Mode::Open => Ok(()),
        Mode::Closed => {
            Err(ApiError::forbidden("registration_closed", "This service takes no registrations."))
        }
        Mode::Token => check_admin_token(state, &parts.headers),
    }
}

/// Compares `X-Admin-Token` in constant time.
///
/// # Errors
/// 403 where no token is set, 401 for a missing or wrong one.
pub fn check_admin_token(state: &AppState, headers: &HeaderMap) -> Result<(), ApiError> {
    use subtle::ConstantTimeEq;
    let Some(token) = &state.settings.admin_token else {
        let detail = "From elsewhere than this machine this needs an admin token, and none is set (HOOKFILL_ADMIN_TOKEN).";
        return Err(ApiError::forbidden("admin_token_unset", detail));
    };
    let given = headers.get("x-admin-token").map(http::HeaderValue::as_bytes).unwrap_or_default();
    if bool::from(given.ct_eq(token.expose_secret().as_bytes())) {
        return Ok(());
    }
    Err(ApiError::unauthorized("invalid_admin_token", "Send the admin token in the header X-Admin-Token."))
}

async fn register(state: &AppState, object: &Object) -> Result<AccountCreated, ApiError> {
    let mut errors = FieldErrors::default();
    let username = errors.text(object, "username", 150);
    let wanted = Wanted::read(object, &mut errors);
    errors.check()?;
    let key = api_key::API_KEY.generate().map_err(|_| ApiError::unavailable("No key can be made now."))?;
    let registration = Registration {
        account: wanted.sealed(state, &username),
        key: NewKey {
            id: KeyId(new_uuid()),
            hash: api_key::hash(key.expose_secret()),
            label: "first key".to_owned(),
        },
        username: username.clone(),
        at: state.clock.now(),
    };
    match state.store.register(registration).await? {
        Registered::Created { user_id, account } => Ok(AccountCreated {
            message: "Account created successfully.",
            api_key: Some(key.expose_secret().to_owned()),
            user_id: Some(user_id.0),
            user: UserView { id: user_id.0, username },
            broker_account: AccountView::from(&account),
        }),
        Registered::UsernameTaken => {
            Err(ApiError::conflict("username_taken", format!("Username '{username}' is already taken.")))
        }
    }
}

async fn link(state: &AppState, caller: &Caller, object: &Object) -> Result<AccountCreated, ApiError> {
    let mut errors = FieldErrors::default();
    let wanted = Wanted::read(object, &mut errors);
    if let Some(username) = object.get("username")
        && username.as_str() != Some(&caller.username)
    {
        errors.add("username", "This is not the name of the API key's owner; leave it out.");
    }
    errors.check()?;
    let new = wanted.sealed(state, &caller.username);
    let account = match state.store.link_account(caller.user_id, new, state.clock.now()).await? {
        Linked::Created(account) => account,
        Linked::AccountExists(id) => {
            let detail = format!("This broker account is already linked; its id is {id}.");
            return Err(ApiError::conflict("account_exists", detail));
        }
    };
    state.credentials.changed().await;
    Ok(AccountCreated {
        message: "Broker account linked successfully.",
        api_key: None,
        user_id: None,
        user: UserView { id: caller.user_id.0, username: caller.username.to_string() },
        broker_account: AccountView::from(&account),
    })
}

/// The user's broker accounts, oldest first.
#[utoipa::path(get, path = "/accounts/", tag = "accounts", operation_id = "accounts_list",
    security(("api_key" = []), ("bearer" = [])),
    responses((status = 200, body = Vec<AccountView>), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 429, body = Problem), (status = 503, body = Problem)))]
pub async fn list(
    State(state): State<Arc<AppState>>,
    caller: Caller,
) -> Result<Json<Vec<AccountView>>, ApiError> {
    require(&caller, Scope::Read)?;
    let accounts = state.store.accounts(caller.user_id).await?;
    Ok(Json(accounts.iter().map(AccountView::from).collect()))
}

/// The changes of a policy: fields that are absent stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyPatch {
    /// Refuse an order without a stop loss.
    require_stop_loss: Option<bool>,
    /// Refuse an order without a target.
    require_take_profit: Option<bool>,
    /// The owner's names for instruments; replaces all.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    aliases: Option<BTreeMap<String, String>>,
    /// Read `1,0820` as a decimal number.
    decimal_comma: Option<bool>,
}

/// What to change of an account.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "documents the body; it is read field by field")]
pub struct AccountPatch {
    /// The changes of its policy.
    policy: PolicyPatch,
}

impl PolicyPatch {
    fn read(object: &Object) -> Result<Self, ApiError> {
        if let Some(unknown) = object.names().find(|name| *name != "policy") {
            let detail = format!("`{unknown}` cannot be changed; only `policy` can.");
            return Err(ApiError::bad_request("unknown_field", detail));
        }
        let mut errors = FieldErrors::default();
        let patch = match object.get("policy") {
            None => {
                errors.add("policy", "This field is required.");
                None
            }
            Some(policy @ Value::Object(_)) => {
                Self::deserialize(policy).map_err(|error| errors.add("policy", format!("{error}."))).ok()
            }
            Some(_) => {
                errors.add("policy", "Not an object.");
                None
            }
        };
        errors.check()?;
        patch.ok_or_else(|| ApiError::bad_request("wrong_shape", "`policy` cannot be read."))
    }

    fn change(self) -> Result<PolicyChange, ApiError> {
        let Self { require_stop_loss, require_take_profit, aliases, decimal_comma } = self;
        let aliases = aliases.map(read_aliases).transpose()?;
        Ok(PolicyChange { require_stop_loss, require_take_profit, aliases, decimal_comma })
    }
}

fn read_aliases(aliases: BTreeMap<String, String>) -> Result<BTreeMap<String, Instrument>, ApiError> {
    let mut errors = FieldErrors::default();
    if aliases.len() > MAX_ALIASES {
        errors.add("aliases", format!("There are more than {MAX_ALIASES} aliases."));
    }
    let mut read = BTreeMap::new();
    for (alias, symbol) in aliases {
        let name = alias.trim().to_uppercase();
        if name.parse::<Instrument>().is_err() {
            errors
                .add("aliases", format!("`{alias}` cannot be an alias: use letters and digits, 32 at most."));
        }
        match symbol.trim().parse::<Instrument>() {
            Ok(instrument) => {
                read.insert(name, instrument);
            }
            Err(error) => errors.add("aliases", format!("The instrument `{symbol}` {error}.")),
        }
    }
    errors.check().map(|()| read)
}

fn account_not_found() -> ApiError {
    ApiError::not_found("account_not_found", "Broker account not found.")
}

fn account_id(id: &str) -> Result<BrokerAccountId, ApiError> {
    id.parse().map(BrokerAccountId).map_err(|_: uuid::Error| account_not_found())
}

/// Changes a broker account's policy.
#[utoipa::path(patch, path = "/accounts/{id}/", tag = "accounts", operation_id = "accounts_change",
    params(("id" = uuid::Uuid, Path)), request_body = AccountPatch, security(("api_key" = []), ("bearer" = [])),
    responses((status = 200, body = AccountView), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 413, body = Problem),
              (status = 415, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
pub async fn change(
    State(state): State<Arc<AppState>>,
    caller: Caller,
    Id(id): Id,
    request: Request<Body>,
) -> Result<Json<AccountView>, ApiError> {
    require(&caller, Scope::Admin)?;
    let id = account_id(&id)?;
    let (parts, body) = request.into_parts();
    let patch = PolicyPatch::read(&body::read_object(&parts.headers, body).await?)?;
    let change = AccountChange::Policy(patch.change()?);
    let changed = state.store.change_account(caller.user_id, id, change, state.clock.now()).await?;
    state.credentials.changed().await;
    changed.as_ref().map(|account| Json(AccountView::from(account))).ok_or_else(account_not_found)
}

/// Deactivates a broker account: it takes no new orders, and open ones are worked to their end.
#[utoipa::path(delete, path = "/accounts/{id}/", tag = "accounts", operation_id = "accounts_deactivate",
    params(("id" = uuid::Uuid, Path)), security(("api_key" = []), ("bearer" = [])),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
pub async fn deactivate(
    State(state): State<Arc<AppState>>,
    caller: Caller,
    Id(id): Id,
) -> Result<StatusCode, ApiError> {
    require(&caller, Scope::Admin)?;
    let id = account_id(&id)?;
    let changed =
        state.store.change_account(caller.user_id, id, AccountChange::Deactivate, state.clock.now()).await?;
    state.credentials.changed().await;
    changed.map(|_| StatusCode::NO_CONTENT).ok_or_else(account_not_found)
}
