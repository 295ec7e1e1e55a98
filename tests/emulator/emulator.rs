//! The runtime interface emulator: it starts a bootstrap at the first invocation and stands in for the platform.

#![expect(clippy::expect_used, clippy::panic, reason = "an emulator that cannot go on fails the test it serves")]

use std::fs;
use std::io::ErrorKind;
use std::iter;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// How long starting and ending may take on a busy machine. Only what is broken takes so long.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL_EVERY: Duration = Duration::from_millis(5);
/// Longer than any function's time here, so that the emulator is what calls a function late.
const INVOCATION: Duration = Duration::from_mins(1);

/// A running emulator, its function, and everything both wrote; all ended when dropped.
pub(crate) struct Emulator {
    process: Child,
    address: SocketAddr,
    log: NamedTempFile,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Emulator {
    /// Starts an emulator whose function has `environment` and nothing else.
    pub(crate) async fn start(environment: &[(String, String)]) -> Self {
        let (address, runtime_api) = (free_address(), free_address());
        let log = NamedTempFile::new().expect("a file for the log");
        let output = || fs::File::options().append(true).open(log.path()).map(Stdio::from).expect("the log");
        let process = Command::new(path_in("PASSGRANT_TEST_EMULATOR"))
            .args(["--runtime-interface-emulator-address", &address.to_string()])
            .args(["--runtime-api-address", &runtime_api.to_string()])
            .arg(path_in("PASSGRANT_TEST_BOOTSTRAP"))
            .env_clear()
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(output())
            .stderr(output())
            .spawn()
            .expect("a running emulator");
        let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        let mut emulator = Self { process, address, log, client };
        emulator.listening().await;
        emulator
    }

    async fn listening(&mut self) {
        let connected = async {
            while TcpStream::connect(self.address).await.is_err() {
                let ended = self.process.try_wait().expect("the emulator's state");
                assert!(ended.is_none(), "the emulator ended at its start:\n{}", self.log());
                sleep(POLL_EVERY).await;
            }
        };
        let connected = timeout(PATIENCE, connected).await;
        connected.unwrap_or_else(|_| panic!("the emulator does not listen:\n{}", self.log()));
    }

    /// Invokes the function. Exclusive: two invocations at once break the emulator.
    pub(crate) async fn invoke(&mut self, payload: &Value) -> (StatusCode, Bytes) {
        let answer = self.try_invoke(payload).await;
        answer.unwrap_or_else(|error| panic!("{error} from the emulator:\n{}", self.log()))
    }

    /// [`Self::invoke`], of an emulator that may end without an answer.
    pub(crate) async fn try_invoke(&mut self, payload: &Value) -> Result<(StatusCode, Bytes), legacy::Error> {
        let url = format!("http://{}/2015-03-31/functions/function/invocations", self.address);
        let request = Request::post(url).body(Full::from(payload.to_string())).expect("a request");
        let answer = async {
            let answer = self.client.request(request).await?;
            let status = answer.status();
            Ok((status, answer.into_body().collect().await.expect("a whole answer").to_bytes()))
        };
        timeout(INVOCATION, answer).await.expect("an answer in time")
    }

    /// What the emulator and the function have written so far.
    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.log.path()).expect("the log");
        String::from_utf8_lossy(&log).into_owned()
    }

    /// The process of the function, which is there from the first invocation on.
    pub(crate) fn function(&self) -> u32 {
        let children = self.children();
        let [function] = children[..] else {
            panic!("one function, not {children:?}:\n{}", self.log());
        };
        function
    }

    /// The most memory the function ever held, in KiB.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.function())).expect("the function's status");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        peak.and_then(|peak| peak.parse().ok()).expect("a peak")
    }

    fn children(&self) -> Vec<u32> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.process.id())).expect("the emulator's threads");
        let of_thread = |path: PathBuf| fs::read_to_string(path.join("children")).unwrap_or_default();
        let children: String = threads.map(|thread| of_thread(thread.expect("a thread").path())).collect();
        children.split_whitespace().map(|id| id.parse().expect("a process")).collect()
    }

    /// Ends the function and the emulator, and gives all that they wrote.
    pub(crate) fn stop(mut self) -> String {
        assert!(self.end(), "the emulator had to be killed:\n{}", self.log());
        self.log()
    }

    /// Whether it ended by itself when it was told to, which is when it ends its function too.
    fn end(&mut self) -> bool {
        if matches!(self.process.try_wait(), Ok(Some(_))) {
            return true;
        }
        let told = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        let deadline = Instant::now() + PATIENCE;
        while told.as_ref().is_ok_and(process::ExitStatus::success) && Instant::now() < deadline {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                return true;
            }
            thread::sleep(POLL_EVERY);
        }
        // The function ends by itself when its emulator is gone.
        self.process.kill().and_then(|()| self.process.wait()).expect("a process that can be killed");
        false
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.end();
    }
}

/// The path that an environment variable names.
#[expect(clippy::disallowed_methods, reason = "the script that built the bootstrap and got the emulator names them")]
pub(crate) fn path_in(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable)
        .unwrap_or_else(|| panic!("{variable} is not set: .ci/emulator and .ci/clients set it"));
    fs::canonicalize(&path).unwrap_or_else(|error| panic!("{variable}: {}: {error}", path.display()))
}

/// An address for another process to listen on, which cannot be handed a socket and does not say which port it took.
/// Nothing else takes it in between: only this process uses the host, and no port is given twice.
pub(crate) fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    let [_, host @ ..] = process::id().to_be_bytes();
    let host = Ipv4Addr::new(127, host[0], host[1], host[2]);
    let mut addresses = iter::repeat_with(|| SocketAddr::from((host, NEXT.fetch_add(1, Ordering::Relaxed))));
    // A listener on every host may still have the port.
    let is_free = |address: &SocketAddr| match TcpListener::bind(address) {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::AddrInUse => false,
        Err(error) => panic!("{address}: {error}"),
    };
    addresses.find(is_free).expect("a free port")
}
