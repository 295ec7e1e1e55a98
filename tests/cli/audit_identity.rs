//! Who the audit log says it was, in AWS: AWS STS is asked, and no more often than it takes.

#![expect(clippy::expect_used, reason = "a page or a log that is not as expected has failed its test")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use crate::cloudformation::{STACK, cloudformation, deployed, identity, operator, outputs};
use crate::command::run;
use crate::loopback::{Loopback, answer};
use crate::pages::Console;
use crate::rig::audited::event;
use crate::server::{Server, text};

const ROLE: &str = "arn:aws:sts::123456789012:assumed-role/operators";

/// A stand-in for STS, and the access keys that it was asked about.
struct Sts {
    server: Loopback,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Sts {
    /// Names each access key in the ARN that it answers with, but for the first `failures` times.
    fn that_fails(failures: usize) -> Self {
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&asked);
        let server = Loopback::start(move |request| {
            let signature = request.header("authorization")?;
            let key = signature.split_once("Credential=")?.1.split('/').next()?.to_owned();
            let arn = format!("{ROLE}/{key}");
            let mut asked = kept.lock().unwrap_or_else(PoisonError::into_inner);
            asked.push(key);
            let status = if asked.len() > failures { 200 } else { 403 };
            Some(answer(status, "text/xml", &identity(&arn)))
        });
        Self { server, asked }
    }

    fn times(&self) -> usize {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// A deployment with the client web, and the file of its events.
struct Deployed {
    stack: Loopback,
    dynamodb: Server,
    folder: tempfile::TempDir,
}

impl Deployed {
    fn new() -> Self {
        let stack = cloudformation("CREATE_COMPLETE", &outputs("https://id.example.com"));
        let deployed = Self { stack, dynamodb: deployed(&[]), folder: tempfile::tempdir().expect("a folder") };
        let mut create = operator(&deployed.stack, Some(&deployed.dynamodb));
        run(create.args(["--stack", STACK, "client", "create", "web", "--auth-method", "none"])).ok();
        deployed
    }

    fn log(&self) -> std::path::PathBuf {
        self.folder.path().join("audit.jsonl")
    }

    /// A command, whose operator `sts` knows.
    fn command(&self, sts: &Sts) -> Command {
        let mut command = operator(&self.stack, Some(&self.dynamodb));
        command.env("AWS_ENDPOINT_URL_STS", sts.server.url()).arg("--stack").arg(STACK);
        command.arg("--audit-log").arg(self.log());
        command
    }

    /// The ARNs in the events.
    fn actors(&self) -> Vec<String> {
        let log = fs::read_to_string(self.log()).expect("a log");
        log.lines().map(|line| text(&event(line)["actor"]["id"]).to_owned()).collect()
    }
}

/// Disables the client web, and enables it again.
fn disable_and_enable(console: &Console) {
    for (path, said) in
        [("/clients/disable", "The client web is disabled"), ("/clients/enable", "The client web is enabled")]
    {
        console.confirm(&console.get("/clients/one?id=web"), path, &[]).says(said);
    }
}

/// A profile whose credentials come from a command: others each time, which expire before they can be used twice.
fn changing_credentials(folder: &Path) -> std::path::PathBuf {
    let (script, config) = (folder.join("credentials.sh"), folder.join("config"));
    let count = folder.join("count");
    let lines = format!(
        "echo x >> '{count}'\nn=$(wc -l < '{count}')\nsoon=$(date -u -d '+5 seconds' +%Y-%m-%dT%H:%M:%SZ)\n\
         printf '{{\"Version\":1,\"AccessKeyId\":\"KEY%d\",\"SecretAccessKey\":\"s\",\"Expiration\":\"%s\"}}' \"$n\" \"$soon\"\n",
        count = count.display()
    );
    fs::write(&script, lines).expect("a file");
    fs::write(&config, format!("[default]\ncredential_process = sh {}\n", script.display())).expect("a file");
    config
}

#[test]
fn sts_is_asked_once_by_a_command_and_once_by_a_console_whatever_it_changes() {
    let (deployed, sts) = (Deployed::new(), Sts::that_fails(0));
    run(deployed.command(&sts).args(["client", "disable", "web"])).ok();
    assert_eq!(sts.times(), 1);
    run(deployed.command(&sts).args(["client", "enable", "web"])).ok();
    assert_eq!(sts.times(), 2);
    let console = Console::of(deployed.command(&sts), &[]);
    disable_and_enable(&console);
    disable_and_enable(&console);
    assert_eq!(sts.times(), 3);
    assert_eq!(deployed.actors(), vec![format!("{ROLE}/operator"); 6]);
}

#[test]
fn sts_is_asked_again_by_a_console_whose_credentials_have_changed() {
    let (deployed, sts) = (Deployed::new(), Sts::that_fails(0));
    let mut command = deployed.command(&sts);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    command.env("AWS_CONFIG_FILE", changing_credentials(deployed.folder.path())).env("PATH", "/usr/bin:/bin");
    let console = Console::of(command, &[]);
    disable_and_enable(&console);
    let actors = deployed.actors();
    assert_eq!(actors.len(), 2);
    assert_ne!(actors[0], actors[1]);
    assert!(actors.iter().all(|actor| actor.starts_with(&format!("{ROLE}/KEY"))), "{actors:?}");
}

#[test]
fn an_answer_that_sts_did_not_give_is_asked_for_again() {
    let (deployed, sts) = (Deployed::new(), Sts::that_fails(1));
    let console = Console::of(deployed.command(&sts), &[]);
    disable_and_enable(&console);
    assert_eq!((sts.times(), deployed.actors().len()), (2, 2));
}
