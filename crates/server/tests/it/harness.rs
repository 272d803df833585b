//! Starts the real service on port 0 over a database of its own; clients whose methods are verbs.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use axum::body::Body;
use futures_util::{SinkExt, StreamExt};
use hookfill::app::{App, Parts};
use hookfill::broker::{Broker, MockBroker};
use hookfill::clock::{Clock, SystemClock};
use hookfill::config::{Config, Environment, Flags};
use hookfill::stream::Pace;
use hookfill_domain::time::Timestamp;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// How long a test waits for something that must come.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// A delay after which no test is still there.
pub const NEVER: &str = "1h";
/// A good signal.
pub const BUY: &str = "BUY EURUSD @1.0860 SL 1.0850 TP 1.0890";

/// A clock that a test sets.
#[derive(Debug)]
pub struct TestClock(Mutex<Timestamp>);

impl TestClock {
    /// A clock that shows the system's time, until it is moved.
    pub fn now() -> Arc<Self> {
        Arc::new(Self(Mutex::new(SystemClock.now())))
    }

    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.plus(by);
    }

    /// Sets the clock back, as happens when one that was ahead is corrected.
    pub fn set_back(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = Timestamp::from_micros(now.as_micros() - i64::try_from(by.as_micros()).unwrap());
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// How a service is to be started.
#[derive(Default)]
pub struct Setup {
    variables: BTreeMap<&'static str, String>,
    clock: Option<Arc<dyn Clock>>,
    broker: Option<Arc<dyn Broker>>,
    pace: Pace,
    apart: bool,
}

impl Setup {
    /// With a setting, by the name of its environment variable.
    pub fn set(mut self, variable: &'static str, value: impl Into<String>) -> Self {
        self.variables.insert(variable, value.into());
        self
    }

    /// With the mock broker's delays.
    pub fn delays(self, execute_after: &str, close_after: &str) -> Self {
        self.set("HOOKFILL_MOCK_EXECUTE_AFTER", execute_after).set("HOOKFILL_MOCK_CLOSE_AFTER", close_after)
    }

    /// With another clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// With another broker.
    pub fn broker(mut self, broker: Arc<dyn Broker>) -> Self {
        self.broker = Some(broker);
        self
    }

    /// With streams that are more or less patient.
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// On threads of its own, so that it can be torn down at any moment.
    pub fn apart(mut self) -> Self {
        self.apart = true;
        self
    }

    /// Starts the service over a new database.
    pub async fn start(self) -> Service {
        self.start_in(tempfile::tempdir().unwrap()).await
    }

    /// Starts the service over the database in a folder.
    pub async fn start_in(self, folder: TempDir) -> Service {
        let database = format!("sqlite:{}", folder.path().join("hookfill.db").display());
        let own = [("DATABASE_URL", database)].into_iter().chain(self.variables);
        let variables = own.map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let config = Config::load(&Flags::default(), &Environment::of(variables)).unwrap();
        let mock = || {
            Arc::new(MockBroker::new(config.mock_execute_after, config.mock_close_after)) as Arc<dyn Broker>
        };
        let parts = Parts {
            clock: self.clock.unwrap_or_else(|| Arc::new(SystemClock)),
            broker: self.broker.unwrap_or_else(mock),
            pace: self.pace,
        };
        let runtime = Apart(self.apart.then(|| tokio::runtime::Runtime::new().unwrap()));
        let place = runtime.0.as_ref().map_or_else(Handle::current, |runtime| runtime.handle().clone());
        let starting = async move {
            let app = App::build_with(config, parts).await.unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            (app, listener)
        };
        let (app, listener) = place.spawn(starting).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let running = place.spawn(async move {
            let until = async move {
                let _ = stopped.await;
            };
            app.run(listener, until).await.unwrap();
        });
        Service { address, folder, stop, running, runtime }
    }
}

/// Threads of a service that runs apart; they end with it.
struct Apart(Option<Runtime>);

impl Drop for Apart {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// A running service.
pub struct Service {
    pub address: SocketAddr,
    folder: TempDir,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
    runtime: Apart,
}

impl Service {
    /// Starts one with nothing configured but a mock broker that never fills.
    pub async fn start() -> Service {
        Setup::default().delays(NEVER, NEVER).start().await
    }

    /// Stops it as SIGTERM would and gives back the folder of its database.
    pub async fn stop(self) -> TempDir {
        self.stop.send(()).unwrap();
        timeout(PATIENCE, self.running).await.expect("it stops in time").expect("it stops well");
        self.folder
    }

    /// Tears down a service that runs apart, wherever it stands: nothing is finished, nothing is said. Gives back
    /// the folder of its database.
    pub async fn crash(mut self) -> TempDir {
        let runtime = self.runtime.0.take().expect("a service that runs apart");
        tokio::task::spawn_blocking(move || runtime.shutdown_timeout(PATIENCE)).await.unwrap();
        self.folder
    }

    /// Its database, opened a second time.
    pub fn database(&self) -> rusqlite::Connection {
        let database = rusqlite::Connection::open(self.folder.path().join("hookfill.db")).unwrap();
        database.busy_timeout(PATIENCE).unwrap();
        database
    }

    /// Sends a request without a key.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.ask(method, path, &[("content-type", "application/json")], body).await
    }

    /// Sends a request with these headers and no other.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    /// The folder of its database.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Sends a request as it is; `Host` is added if absent.
    pub async fn send(&self, mut request: Request<Body>) -> Answer {
        let host = self.address.to_string().parse().unwrap();
        request.headers_mut().entry("host").or_insert(host);
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let response =
            timeout(PATIENCE, sender.send_request(request)).await.expect("an answer in time").unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    /// Registers a user.
    pub async fn register(&self, username: &str) -> Trader<'_> {
        let body = json!({ "username": username, "broker_name": "Mock", "account_id": "1", "api_key": "canary-broker" });
        let answer = self.call(Method::POST, "/accounts/", Some(body)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        let made = answer.json();
        Trader {
            service: self,
            key: made["api_key"].as_str().unwrap().to_owned(),
            user_id: made["user_id"].as_i64().unwrap(),
            account_id: made["broker_account"]["id"].as_str().unwrap().to_owned(),
        }
    }

    /// Opens a stream; the address may have a query, the headers a key.
    pub async fn open(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Stream, tungstenite::Error> {
        let mut request = format!("ws://{}{path}", self.address).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        tokio_tungstenite::connect_async(request).await.map(|(socket, _)| Stream { socket })
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// Its body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// Its header, if it has it.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Checks that it is a refusal of the right form and gives its code.
    pub fn refusal(&self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.body);
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert_eq!(problem["error"], problem["detail"]);
        assert!(problem["title"].is_string() && problem["type"].is_string(), "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 5), "{problem}");
        problem["code"].as_str().expect("a code").to_owned()
    }
}

/// A user with a key.
pub struct Trader<'a> {
    pub service: &'a Service,
    pub key: String,
    pub user_id: i64,
    pub account_id: String,
}

impl Trader<'_> {
    /// The same user at a service that was started again.
    pub fn at<'b>(&self, service: &'b Service) -> Trader<'b> {
        let (key, account_id) = (self.key.clone(), self.account_id.clone());
        Trader { service, key, user_id: self.user_id, account_id }
    }

    /// Sends a request with the key.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.call_with(method, path, &[("content-type", "application/json")], body).await
    }

    /// Sends a request with the key and other headers.
    pub async fn call_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let headers: Vec<_> =
            [("x-api-key", &*self.key)].into_iter().chain(headers.iter().copied()).collect();
        self.service.ask(method, path, &headers, body).await
    }

    /// Reads something that must be there.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.call(Method::GET, path, None).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        answer.json()
    }

    /// Sends a signal.
    pub async fn signal(&self, text: &str) -> Answer {
        self.call(Method::POST, "/webhook/receive-signal/", Some(json!({ "signal": text }))).await
    }

    /// Sends a signal that must be accepted and gives the order's id.
    pub async fn order(&self, text: &str) -> String {
        let answer = self.signal(text).await;
        assert_eq!(answer.status, StatusCode::OK, "{text}: {}", answer.body);
        answer.json()["order_id"].as_str().unwrap().to_owned()
    }

    /// Links a further broker account and returns its id.
    pub async fn link(&self, account_id: &str) -> String {
        let body = json!({ "broker_name": "Mock", "account_id": account_id, "api_key": "canary-broker" });
        let answer = self.call(Method::POST, "/accounts/", Some(body)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        answer.json()["broker_account"]["id"].as_str().unwrap().to_owned()
    }

    /// Deletes a broker account.
    pub async fn delete_account(&self, id: &str) {
        let answer = self.call(Method::DELETE, &format!("/accounts/{id}/"), None).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.body);
    }

    /// Opens the user's stream.
    pub async fn stream(&self, query: &str) -> Stream {
        let mut stream =
            self.service.open(&format!("/ws/orders{query}"), &[("x-api-key", &self.key)]).await.unwrap();
        let hello = stream.next().await;
        assert_eq!(hello["type"], "connection_established", "{hello}");
        assert_eq!(hello["user_id"], self.user_id);
        stream
    }
}

/// An open stream.
pub struct Stream {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Stream {
    /// The next message's text.
    pub async fn text(&mut self) -> String {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("a message in time") {
                Some(Ok(Message::Text(text))) => return text.to_string(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("a message was expected, not {other:?}"),
            }
        }
    }

    /// The next message.
    pub async fn next(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// The next messages' types and numbers.
    pub async fn take(&mut self, count: usize) -> Vec<(String, i64)> {
        let mut taken = Vec::new();
        for _ in 0..count {
            let message = self.next().await;
            taken.push((message["type"].as_str().unwrap().to_owned(), message["seq"].as_i64().unwrap()));
        }
        taken
    }

    /// Says something.
    pub async fn say(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Waits for the server to close, and tells its code.
    pub async fn closed(&mut self) -> u16 {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("a close in time") {
                Some(Ok(Message::Close(Some(CloseFrame { code, .. })))) => return code.into(),
                Some(Ok(_)) => {}
                other => panic!("a close frame was expected, not {other:?}"),
            }
        }
    }
}
