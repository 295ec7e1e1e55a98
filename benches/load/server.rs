//! The server that is measured, and its clients and users.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::driver::Row;

pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// The algorithms that the clients sign with: the usual one, and the cheapest.
pub(crate) const ALGORITHMS: [&str; 2] = ["RS256", "ES256"];

/// A `passgrant serve`, killed when dropped.
pub(crate) struct Server {
    child: Child,
    address: String,
}

impl Server {
    /// Starts it, and waits until it serves.
    pub(crate) fn start(program: &Path, data: &Path) -> Self {
        let address = free_address();
        let mut server = Self::spawn(program, data, &address);
        let mut lines = BufReader::new(server.child.stdout.take().expect("piped")).lines();
        while lines.next().expect("it starts").expect("UTF-8") != "}" {}
        server
    }

    /// Starts it, and does not wait.
    pub(crate) fn spawn(program: &Path, data: &Path, address: &str) -> Self {
        let mut command = passgrant(program, data, &["serve", "--listen", address, "--output", "json"]);
        let child = command.env("PASSGRANT_LOG", "error").stdout(Stdio::piped()).spawn().expect("passgrant starts");
        Self { child, address: address.to_owned() }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Does `work`, and adds the processor time that it took the server and this process.
    pub(crate) fn measured(&self, work: impl FnOnce() -> Row) -> Row {
        let before = (cpu_ms(&self.child.id().to_string()), cpu_ms("self"));
        let mut row = work();
        row.server_cpu = cpu_ms(&self.child.id().to_string()) - before.0;
        row.driver_cpu = cpu_ms("self") - before.1;
        row
    }

    /// The peak of its memory.
    pub(crate) fn peak_mib(&self) -> f64 {
        self.memory_mib("VmHWM:")
    }

    /// What it has in memory now, without the pages of its own file.
    pub(crate) fn anonymous_mib(&self) -> f64 {
        self.memory_mib("RssAnon:")
    }

    fn memory_mib(&self, name: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a size");
        line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
    }

    /// Stops it like a service manager.
    pub(crate) fn stop(mut self) {
        let stopped = Command::new("kill").args(["-s", "TERM", &self.child.id().to_string()]).status();
        assert!(stopped.expect("kill").success());
        self.child.wait().expect("it ends");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _: std::io::Result<()> = self.child.kill();
        let _: std::io::Result<std::process::ExitStatus> = self.child.wait();
    }
}

/// Processor time of a process, in the kernel's ticks of ten milliseconds.
fn cpu_ms(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    // The name, in parentheses, may contain spaces.
    let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    [fields[11], fields[12]].iter().map(|ticks| ticks.parse::<f64>().expect("a number") * 10.0).sum()
}

pub(crate) fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").to_string()
}

fn passgrant(program: &Path, data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.env_clear().arg("--data").arg(data).args(arguments);
    command
}

pub(crate) fn user_name(index: usize) -> String {
    format!("user-{index}")
}

/// A client for each algorithm, and users.
pub(crate) struct Registered {
    authorizations: Vec<(&'static str, String)>,
    users: Vec<String>,
}

impl Registered {
    /// Registers them with the command line, as an operator does.
    pub(crate) fn by_command(program: &Path, data: &Path, users: usize) -> Self {
        let client = |algorithm: &'static str| {
            let arguments = ["client", "create", algorithm, "--signing-alg", algorithm, "--output", "json"];
            let output = passgrant(program, data, &arguments).output().expect("passgrant starts");
            let created: Value = serde_json::from_slice(&output.stdout).expect("JSON");
            let secret = created["client_secret"].as_str().expect("a secret");
            (algorithm, format!("Basic {}", STANDARD.encode(format!("{algorithm}:{secret}"))))
        };
        let user = |index: usize| {
            let name = user_name(index);
            let mut command = passgrant(program, data, &["user", "create", &name, "--password-stdin"]);
            let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("passgrant starts");
            child.stdin.take().expect("piped").write_all(PASSWORD.as_bytes()).expect("it reads");
            assert!(child.wait().expect("it ends").success(), "{name}");
            name
        };
        Self { authorizations: ALGORITHMS.map(client).into(), users: (0..users).map(user).collect() }
    }

    /// The `Authorization` header of the client for `algorithm`.
    pub(crate) fn authorization(&self, algorithm: &str) -> &str {
        &self.authorizations.iter().find(|(name, _)| *name == algorithm).expect("a client").1
    }

    pub(crate) fn users(&self, count: usize) -> Vec<String> {
        self.users[..count].to_vec()
    }
}
