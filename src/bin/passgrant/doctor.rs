//! `passgrant doctor`: a deployed endpoint, examined from outside.

mod canary;
mod contract;
mod metadata;
mod preflight;
pub(crate) mod report;
mod transport;

use clap::Args;
use clap::error::ErrorKind;
use http::{HeaderMap, Method};
use passgrant::issuer::{Issuer, path};

use crate::Context;
use crate::doctor::canary::Canary;
use crate::doctor::report::{Finding, Report};
use crate::failure::Failure;
use crate::wire::Wire;

pub(crate) const EXAMPLES: &str = "\
Examples:
  passgrant doctor https://login.example.com
  passgrant --stack passgrant-prod doctor
  passgrant doctor http://127.0.0.1:8080 --output json | jq '.findings[] | select(.verdict == \"failed\")'
  passgrant doctor https://login.example.com --client canary --user canary --secret-stdin --password-stdin < canary.secrets";

#[derive(Args)]
pub(crate) struct Arguments {
    /// The issuer, which is the URL that clients were given [default: that of the deployment]
    #[arg(value_name = "URL", value_parser = Issuer::parse)]
    url: Option<Issuer>,
    /// The API's own URL, to see whether it answers beside the domain [default: that of the deployment]
    #[arg(long, value_name = "URL", value_parser = Issuer::parse)]
    execute_api: Option<Issuer>,
    #[command(flatten)]
    canary: Canary,
}

/// The verdicts on the keys that the deployment lists.
pub(crate) async fn keys(context: &Context) -> Vec<Finding> {
    preflight::keys(context).await
}

/// What is examined, and with what.
struct Patient<'c> {
    context: &'c Context,
    wire: Wire,
    issuer: Issuer,
}

impl Patient<'_> {
    /// The URL of an endpoint.
    fn url(&self, path: &str) -> String {
        self.issuer.url(path)
    }

    /// Whether it is on this machine: nothing else has an issuer without TLS.
    fn is_local(&self) -> bool {
        self.issuer.as_str().starts_with("http://")
    }
}

impl Arguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { url, execute_api, canary } = self;
        let Some(issuer) = url.or_else(|| context.config.issuer.clone()) else {
            let message = "there is nothing to examine: give <URL>, or the deployment with '--stack <NAME>'";
            return Err(Failure::usage("doctor", ErrorKind::MissingRequiredArgument, message));
        };
        let credentials = canary.credentials(&context.secrets)?;
        let patient = Patient { context, wire: Wire::default(), issuer: issuer.clone() };
        let assigned = execute_api.or_else(|| {
            let own = context.outputs.as_ref()?.named("ApiEndpoint", "api_endpoint")?;
            Issuer::parse(own).ok()
        });
        let mut findings = endpoint(&patient, assigned.as_ref(), credentials).await;
        match &context.outputs {
            Some(outputs) => findings.extend(preflight::examine(context, outputs).await),
            None => findings.push(Finding::skipped("deployment", "what it consists of is not known without --stack")),
        }
        Report::new(issuer, findings).print(&context.output)
    }
}

/// Examines the endpoint. If it cannot be reached, that is all there is to say.
async fn endpoint(
    patient: &Patient<'_>,
    assigned: Option<&Issuer>,
    credentials: Option<canary::Credentials>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    match patient.wire.ask(Method::GET, &patient.url(path::HEALTH), HeaderMap::new()).await {
        Err(trouble) => {
            findings.push(Finding::failed("reachable", trouble.to_string()));
            findings.push(Finding::skipped("endpoint", "it was not reached"));
            return findings;
        }
        Ok(answer) => {
            findings.push(Finding::ok("reachable", format!("{} answers", patient.issuer)));
            findings.extend(transport::examine(patient, &answer));
        }
    }
    findings.push(transport::plain_http(patient).await);
    findings.push(transport::beside(patient, assigned).await);
    let (contract, _) = contract::examine(patient).await;
    findings.extend(contract);
    let (metadata, keys) = metadata::examine(patient).await;
    findings.extend(metadata);
    findings.extend(canary::examine(patient, keys.as_deref(), credentials).await);
    findings
}
