//! A double of a delegated verifier: it answers as it is told, and remembers what it was asked.

#![expect(clippy::expect_used, reason = "a double that cannot go on fails the test it serves")]

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::LOCATION;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::rig::loopback::Loopback;

/// What is done while the asker waits for its answer.
type Meanwhile = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

#[derive(Clone)]
pub(crate) enum Behaviour {
    Answer(u16, Vec<u8>),
    Redirect(String),
    /// The connection is closed instead of an answer.
    Reset,
    /// There is no answer, and the connection stays open.
    Hang,
}

impl Behaviour {
    pub(crate) fn json(body: &Value) -> Self {
        Self::Answer(200, body.to_string().into_bytes())
    }

    pub(crate) fn result(result: &str) -> Self {
        Self::json(&json!({ "result": result }))
    }
}

/// One question.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Call {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON question")
    }
}

struct State {
    behaviour: Behaviour,
    meanwhile: Option<Meanwhile>,
    calls: Vec<Call>,
}

/// A running verifier, which says no until it is told otherwise; stopped when dropped.
pub(crate) struct Delegate {
    server: Loopback,
    state: Arc<Mutex<State>>,
}

impl Delegate {
    #[expect(clippy::unused_async, reason = "a server starts inside a runtime, which a caller that awaits has")]
    pub(crate) async fn start() -> Self {
        let state = State { behaviour: Behaviour::result("no"), meanwhile: None, calls: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        let server = Loopback::start(move |request| answer(Arc::clone(&shared), request));
        Self { server, state }
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) {
        lock(&self.state).behaviour = behaviour;
    }

    pub(crate) fn meanwhile(&self, meanwhile: impl Fn() -> BoxFuture<'static, ()> + Send + Sync + 'static) {
        lock(&self.state).meanwhile = Some(Arc::new(meanwhile));
    }

    /// The questions since the last call.
    pub(crate) fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut lock(&self.state).calls)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("the verifier does not panic")
}

async fn answer(state: Arc<Mutex<State>>, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let path = head.uri.to_string();
    let (behaviour, meanwhile) = {
        let mut state = lock(&state);
        state.calls.push(Call { method: head.method, path, headers: head.headers, body });
        (state.behaviour.clone(), state.meanwhile.take())
    };
    if let Some(meanwhile) = meanwhile {
        meanwhile().await;
    }
    let response = Response::builder();
    match behaviour {
        Behaviour::Answer(status, body) => response.status(status).body(Full::from(body)),
        Behaviour::Redirect(to) => response.status(307).header(LOCATION, to).body(Full::default()),
        Behaviour::Reset => return Err(io::ErrorKind::ConnectionReset.into()),
        Behaviour::Hang => return std::future::pending().await,
    }
    .map_err(io::Error::other)
}
