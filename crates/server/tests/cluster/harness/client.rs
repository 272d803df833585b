//! A client: one connection that is kept, and what comes back on it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::BUY;
use super::journal::{Sent, Told};

/// How long a client waits for an answer: a little longer than answers may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) link: Option<String>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nobody was reached: nothing was sent.
    Unreached,
    /// The request may have arrived.
    Broken,
}

/// A user of the service.
#[derive(Debug, Clone)]
pub(crate) struct Trader {
    pub(crate) username: String,
    pub(crate) user_id: i64,
    pub(crate) api_key: String,
    /// The first broker account.
    pub(crate) account_id: String,
}

/// A connection to a node, made when it is needed.
pub(crate) struct Connection {
    address: SocketAddr,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    pub(crate) fn to(address: SocketAddr) -> Self {
        Self { address, sender: None }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends a request and waits for its answer. After a failure the next one gets a new connection.
    pub(crate) async fn call(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Failure> {
        let mut sender = self.sender().await?;
        let asked = async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            Ok::<_, hyper::Error>((head, body.collect().await?.to_bytes()))
        };
        let Ok(Ok((head, body))) = timeout(PATIENCE, asked).await else { return Err(Failure::Broken) };
        self.sender = Some(sender);
        let link = head.headers.get(header::LINK).and_then(|link| link.to_str().ok()).map(str::to_owned);
        let body = String::from_utf8(body.to_vec()).map_err(|_| Failure::Broken)?;
        Ok(Answer { status: head.status.as_u16(), link, body })
    }

    async fn sender(&mut self) -> Result<SendRequest<Full<Bytes>>, Failure> {
        if let Some(mut kept) = self.sender.take()
            && kept.ready().await.is_ok()
        {
            return Ok(kept);
        }
        let connected = async {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) =
                handshake(TokioIo::new(stream)).await.map_err(std::io::Error::other)?;
            tokio::spawn(connection);
            Ok::<_, std::io::Error>(sender)
        };
        timeout(PATIENCE, connected).await.ok().and_then(Result::ok).ok_or(Failure::Unreached)
    }

    fn request(&self, method: Method, path: &str, body: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.address.to_string())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONTENT_LENGTH, body.len())
    }

    /// Asks as a user.
    pub(crate) async fn ask(
        &mut self,
        api_key: &str,
        method: Method,
        path: &str,
        body: &str,
    ) -> Result<Answer, Failure> {
        let request = self.request(method, path, body).header("X-API-Key", api_key);
        self.call(request.body(Full::from(body.to_owned())).expect("a request")).await
    }

    /// Asks as nobody.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Answer, Failure> {
        self.call(self.request(Method::GET, path, "").body(Full::default()).expect("a request")).await
    }

    /// Makes a user.
    pub(crate) async fn register(&mut self, username: &str) -> Trader {
        let body = json!({"username": username, "broker_name": "Mock", "account_id": "1", "api_key": "s"});
        let body = body.to_string();
        let request = self.request(Method::POST, "/accounts/", &body).body(Full::from(body));
        let answer = self.call(request.expect("a request")).await.expect("an answer");
        assert_eq!(answer.status, 201, "{answer:?}");
        let made = answer.json();
        Trader {
            username: username.to_owned(),
            user_id: made["user_id"].as_i64().expect("a user id"),
            api_key: made["api_key"].as_str().expect("a key").to_owned(),
            account_id: made["broker_account"]["id"].as_str().expect("an account").to_owned(),
        }
    }

    /// Sends an order once, and says what came of it. Without a key, no two have the same bytes: one that has the bytes of
    /// another whose outcome was unknown would be taken for its repetition.
    pub(crate) async fn send(&mut self, trader: &Trader, key: Option<&str>) -> Sent {
        static SENT: AtomicU32 = AtomicU32::new(0);
        let signal = match key {
            Some(_) => BUY.to_owned(),
            None => format!("{BUY}{:06}", SENT.fetch_add(1, Ordering::Relaxed)),
        };
        let body = json!({"signal": signal}).to_string();
        let mut request = self.request(Method::POST, "/webhook/receive-signal/", &body);
        request = request.header("X-API-Key", &trader.api_key);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let began = Instant::now();
        let answer = self.call(request.body(Full::from(body)).expect("a request")).await;
        let status = answer.as_ref().ok().map(|answer| answer.status);
        let told = told(answer);
        let (node, key) = (self.address, key.map(str::to_owned));
        Sent { user_id: trader.user_id, node, key, told, took: began.elapsed(), status }
    }
}

fn told(answer: Result<Answer, Failure>) -> Told {
    let answer = match answer {
        Ok(answer) => answer,
        Err(Failure::Unreached) => return Told::NotStored,
        Err(Failure::Broken) => return Told::Nothing,
    };
    let body = answer.json();
    match (answer.status, body["code"].as_str(), body["order_id"].as_str()) {
        (200, _, Some(id)) => Told::Accepted(id.to_owned()),
        (503, Some("outcome_unknown"), _) => Told::Nothing,
        (503, ..) => Told::NotStored,
        _ => Told::Wrong(format!("{answer:?}")),
    }
}
