//! A stand-in for CloudFormation, which knows one stack, and commands that ask it.

#![expect(clippy::expect_used, reason = "a test without its stack has failed")]

use std::collections::BTreeMap;
use std::process::Command;

use passgrant::config::outputs::OUTPUTS;
use url::form_urlencoded;

use crate::loopback::{Loopback, Request, answer};
use crate::server::{Server, text};

/// The name of the stack that there is.
pub(crate) const STACK: &str = "passgrant-prod";

/// Who the credentials of [`operator`] are of.
pub(crate) const OPERATOR: &str = "arn:aws:sts::123456789012:assumed-role/operators/ann";

/// The outputs of a deployment of an earlier version, without an audit log, by their names in a stack, on tables named `TABLE-CLIENTS` and so on.
pub(crate) fn outputs(issuer: &str) -> BTreeMap<&'static str, String> {
    let value = |name: &str| match name {
        "ClientsTable" => "stack-clients",
        "UsersTable" => "stack-users",
        "TokensTable" => "stack-tokens",
        "Issuer" => issuer,
        "ListedKeys" => "alias/none",
        "SigningAlgorithm" => "RS256",
        "UsernameProfile" => "case_preserved",
        "Argon2MemoryKiB" => "72",
        "Argon2Iterations" => "4",
        "Argon2Parallelism" => "2",
        "AttemptsLimit" => "5",
        "AttemptsWindow" => "1h",
        "AttemptsSourceNames" => "100",
        _ => "",
    };
    let known = OUTPUTS.iter().filter(|output| !output.is_optional);
    known.map(|output| (output.stack, value(output.stack).to_owned())).collect()
}

/// A server whose tables are those of [`outputs`].
pub(crate) fn deployed(arguments: &[&str]) -> Server {
    let mut command = crate::command::passgrant();
    for (variable, table) in [
        ("PASSGRANT_CLIENTS_TABLE", "stack-clients"),
        ("PASSGRANT_USERS_TABLE", "stack-users"),
        ("PASSGRANT_TOKENS_TABLE", "stack-tokens"),
    ] {
        command.env(variable, table);
    }
    Server::start(command.args(["serve", "--in-memory", "--listen", "127.0.0.1:0"]).args(arguments))
}

/// CloudFormation, and STS, with [`STACK`] in this state, or with an error in place of every answer.
pub(crate) fn cloudformation(status: &str, outputs: &BTreeMap<&'static str, String>) -> Loopback {
    let member = |(name, value): (&&str, &String)| {
        format!("<member><OutputKey>{name}</OutputKey><OutputValue>{value}</OutputValue></member>")
    };
    let outputs: String = outputs.iter().map(member).collect();
    let stack = format!(
        "<member><StackName>{STACK}</StackName><CreationTime>2026-01-02T03:04:05.678Z</CreationTime>\
         <StackStatus>{status}</StackStatus><Outputs>{outputs}</Outputs></member>"
    );
    Loopback::start(move |request| {
        let form: BTreeMap<String, String> = form_urlencoded::parse(&request.body).into_owned().collect();
        if form["Action"] == "GetCallerIdentity" {
            assert!(is_signed(request, "sts"));
            return Some(answer(200, "text/xml", &identity(OPERATOR)));
        }
        assert_eq!((form["Action"].as_str(), is_signed(request, "cloudformation")), ("DescribeStacks", true));
        if form["StackName"] == STACK {
            return Some(answer(200, "text/xml", &described(&stack)));
        }
        let message = format!("Stack with id {} does not exist", form["StackName"]);
        Some(answer(400, "text/xml", &error("ValidationError", &message)))
    })
}

/// CloudFormation that answers nothing but this error.
pub(crate) fn refusing(status: u16, code: &'static str) -> Loopback {
    Loopback::start(move |_| Some(answer(status, "text/xml", &error(code, "because"))))
}

/// Who the credentials are of, as STS says it.
pub(crate) fn identity(arn: &str) -> String {
    format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult><Arn>{arn}\
         </Arn><UserId>AIDA</UserId><Account>123456789012</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>1\
         </RequestId></ResponseMetadata></GetCallerIdentityResponse>"
    )
}

fn is_signed(request: &Request, service: &str) -> bool {
    let signature = request.header("authorization").unwrap_or_default();
    signature.starts_with("AWS4-HMAC-SHA256 ") && signature.contains(&format!("/eu-central-1/{service}/aws4_request"))
}

fn described(stack: &str) -> String {
    format!(
        "<DescribeStacksResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><DescribeStacksResult>\
         <Stacks>{stack}</Stacks></DescribeStacksResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>\
         </DescribeStacksResponse>"
    )
}

fn error(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    )
}

/// `passgrant` as an operator runs it, with credentials of AWS and no variable of this service.
pub(crate) fn operator(cloudformation: &Loopback, dynamodb: Option<&Server>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_passgrant"));
    command.env_clear().env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_REGION", "eu-central-1");
    command.env("AWS_ACCESS_KEY_ID", "operator").env("AWS_SECRET_ACCESS_KEY", "secret");
    command.env("AWS_ENDPOINT_URL_CLOUDFORMATION", cloudformation.url());
    command.env("AWS_ENDPOINT_URL_STS", cloudformation.url());
    // One file for all tests, whose commands run at the same time.
    command.env("PASSGRANT_AUDIT_LOG", concat!(env!("CARGO_TARGET_TMPDIR"), "/audit.jsonl"));
    let dynamodb = dynamodb.map_or("http://127.0.0.1:1", |server| text(&server.started["dynamodb_endpoint"]));
    command.env("AWS_ENDPOINT_URL_DYNAMODB", dynamodb);
    command
}

/// What `terraform output -json` prints for the same deployment.
pub(crate) fn terraform(outputs: &BTreeMap<&'static str, String>) -> String {
    let written: BTreeMap<&str, serde_json::Value> = OUTPUTS
        .iter()
        .map(|output| {
            let value = outputs.get(output.stack);
            (output.terraform, serde_json::json!({ "sensitive": false, "type": "string", "value": value }))
        })
        .collect();
    serde_json::to_string(&written).expect("JSON")
}
