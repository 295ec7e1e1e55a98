//! Real clients, which `.ci/clients` installs, in front of the function.

use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use tokio::process::Command;
use tokio::sync::{mpsc, oneshot};

use crate::deployment::Deployment;
use crate::emulator::{free_address, path_in};
use crate::event::{Answer, Event, FrontDoor};
use crate::rig::loopback::Loopback;

/// An event, and where its answer is awaited.
type Invocation = (Event, oneshot::Sender<Answer>);

/// An HTTP request through an HTTP API, which encodes every form.
async fn forward(api: mpsc::Sender<Invocation>, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    assert_eq!(head.uri.query(), None, "no client sends a query string");
    let mut event = FrontDoor::HttpApi.request(head.method.as_str(), head.uri.path());
    for (name, value) in &head.headers {
        event = event.header(name.as_str(), value.to_str().map_err(io::Error::other)?);
    }
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    if !body.is_empty() {
        event = event.said_to_be_base64(&STANDARD.encode(body));
    }

    let (sender, answer) = oneshot::channel();
    api.send((event, sender)).await.map_err(io::Error::other)?;
    let Answer { status, headers, body } = answer.await.map_err(io::Error::other)?;
    let mut response = Response::builder().status(u16::try_from(status).map_err(io::Error::other)?);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(Full::from(body)).map_err(io::Error::other)
}

#[tokio::test]
async fn real_clients_are_served() {
    let python = path_in("PASSGRANT_TEST_CLIENTS").join("bin/python");
    let front = free_address();
    let builder = Deployment::builder().variable("PASSGRANT_ISSUER", &format!("https://{front}"));
    let environment = builder.environment().to_vec();
    let mut deployment = builder.start().await;
    // One request at a time: the emulator breaks under two.
    let (api, mut invocations) = mpsc::channel(1);
    let api = Loopback::start(move |request| forward(api.clone(), request));

    let mut clients = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/run.py"))
        .arg(Path::new(env!("CARGO_BIN_EXE_passgrant")).with_file_name(""))
        .args(["--listen", &front.to_string(), "--backend", &api.endpoint()])
        .envs(environment)
        .env("AWS_ENDPOINT_URL_DYNAMODB", deployment.dynamodb_wire.endpoint())
        .kill_on_drop(true)
        .spawn()
        .expect("clients");
    let status = loop {
        tokio::select! {
            status = clients.wait() => break status.expect("their end"),
            Some((event, answer)) = invocations.recv() => {
                // The client that asked may be gone.
                let _: Result<(), Answer> = answer.send(deployment.send(&event).await);
            }
        }
    };
    assert!(status.success(), "{status}");
    deployment.end();
}
