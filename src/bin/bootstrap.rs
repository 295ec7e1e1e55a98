//! The Lambda function: cold start, then serve.

use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use aws_sdk_dynamodb::config::SharedHttpClient;
use passgrant::audit::log::AuditLog;
use passgrant::aws;
use passgrant::clock::SystemClock;
use passgrant::config::Config;
use passgrant::lambda::{self, Platform};
use passgrant::random::OsRandom;
use passgrant::service::Service;
use passgrant::signing::envelope::Envelopes;
use passgrant::signing::{KeyRing, SigningKey};
use passgrant::store::Store;
use passgrant::telemetry::metrics::Metrics;
use passgrant::telemetry::{self, Format};
use tokio::runtime::{Builder, Runtime};
use tracing::level_filters::LevelFilter;

fn main() -> ExitCode {
    // Before anything else, so that it is made meanwhile.
    let http_client = aws::of_function::http_client(&variable);
    let config = Config::from_env();
    let level = config.as_ref().map_or(LevelFilter::INFO, |config| config.log);
    telemetry::install(Format::Json, level, io::stdout);
    match config.map_err(Into::into).and_then(|config| serve(config, http_client)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the function cannot start");
            ExitCode::FAILURE
        }
    }
}

fn serve(config: Config, http_client: SharedHttpClient) -> Result<(), Box<dyn Error + Send + Sync>> {
    let platform = Platform::read(&variable);
    let metrics = variable("AWS_LAMBDA_FUNCTION_NAME").map(|function| Metrics::of(function, Box::new(io::stdout())));
    runtime(platform)?.block_on(async {
        let issuer = config.required_issuer()?;
        let sdk_config = aws::of_function::sdk_config(&variable, http_client);
        let store = Store::new(&aws::dynamodb(&sdk_config), &config.tables);
        let kms = aws::kms(&sdk_config);
        let wrapping_key = config.wrapping_key.clone();
        let envelopes = Envelopes::new(kms, store.signing_keys.clone(), issuer.clone(), wrapping_key);
        let keys = config.required_signing_keys()?.iter();
        let keys = KeyRing::new(keys.map(|listed| SigningKey::listed(listed, &envelopes)).collect());
        let service = Service::new(config, issuer, store, keys, Box::new(SystemClock), Box::new(OsRandom));
        let service = service.with_metrics(metrics).with_audit(Some(AuditLog::to(Box::new(io::stdout()))));
        lambda::run(Arc::new(service), platform).await
    })
}

#[expect(clippy::disallowed_methods, reason = "the platform's variables, each read once")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Starting a thread for every processor takes longer than starting one, which is enough where there is one request at
/// a time.
fn runtime(platform: Platform) -> io::Result<Runtime> {
    let mut builder = if platform.concurrent { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    builder.enable_all().build()
}
