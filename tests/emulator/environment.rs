//! An invalid environment: the start fails, and names the variable.

use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

use crate::deployment::{Builder, Deployment};
use crate::emulator::{Emulator, path_in};
use crate::event::FrontDoor;

/// The bootstrap by itself. Without a runtime API to poll it ends, whatever its environment is.
#[expect(clippy::expect_used, reason = "if it does not end, the test has failed")]
async fn run(builder: &Builder) -> Output {
    let output = Command::new(path_in("PASSGRANT_TEST_BOOTSTRAP"))
        .env_clear()
        .envs(builder.environment().iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    timeout(Duration::from_secs(30), output).await.expect("an end").expect("a bootstrap")
}

fn builders() -> Vec<(&'static str, Builder)> {
    let set = |name, value| (name, Deployment::builder().variable(name, value));
    let unset = |name| (name, Deployment::builder().without(name));
    vec![
        unset("PASSGRANT_ISSUER"),
        set("PASSGRANT_ISSUER", ""),
        set("PASSGRANT_ISSUER", "http://login.example.com"),
        unset("PASSGRANT_SIGNING_KEYS"),
        set("PASSGRANT_SIGNING_KEYS", " , "),
        set("PASSGRANT_SIGNING_ALGORITHM", "none"),
        set("PASSGRANT_USERS_TABLE", "no table"),
        set("PASSGRANT_ARGON2_MEMORY_KIB", "a lot"),
        set("PASSGRANT_CLIENT_CACHE", "forever"),
        set("PASSGRANT_LOG", "trace"),
    ]
}

#[tokio::test]
async fn an_invalid_variable_ends_the_start_with_its_name() {
    for (name, builder) in builders() {
        let output = run(&builder).await;
        assert!(!output.status.success(), "{name}: {output:?}");
        assert!(output.stderr.is_empty(), "{name}: {output:?}");
        let log = String::from_utf8(output.stdout).expect("text");
        let [line] = log.lines().collect::<Vec<_>>()[..] else { panic!("one line, not {log}") };
        let line: Value = serde_json::from_str(line).expect("a JSON line");
        assert_eq!(line["level"], "ERROR", "{line}");
        assert!(line["error"].as_str().is_some_and(|error| error.starts_with(name)), "{name}: {line}");
    }
}

#[tokio::test]
async fn the_platform_is_told_that_the_start_failed() {
    let builder = Deployment::builder().without("PASSGRANT_ISSUER");
    let mut emulator = Emulator::start(builder.environment()).await;
    // The emulator panics at a function that ends before it has noted the start, and has logged that end by then.
    if let Ok((status, _)) = emulator.try_invoke(&FrontDoor::HttpApi.get("/healthz").json).await {
        assert!(status.is_server_error(), "{status}");
    }
    let log = emulator.stop();
    assert!(log.contains("PASSGRANT_ISSUER") && log.contains("Runtime.ExitError"), "{log}");
}
