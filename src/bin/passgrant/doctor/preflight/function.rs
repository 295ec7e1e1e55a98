//! The function: whether it runs with what the outputs say, and how many of it may run.

use aws_config::SdkConfig;
use aws_sdk_lambda::Client as Lambda;
use aws_sdk_lambda::operation::get_function_configuration::GetFunctionConfigurationOutput;
use aws_sdk_lambda::types::{LastUpdateStatus, State};
use passgrant::config::outputs::{OUTPUTS, Output, Outputs};

use super::{is_missing, unanswered};
use crate::doctor::report::Finding;

/// A new account often has 10, and never more than 1000 without having asked. Below this, a flood within the throttle uses
/// it up.
const FEW: i32 = 100;

/// The alias by which requests reach the function: what is in service may be an earlier version than the last.
const IN_SERVICE: &str = "live";

/// Examines the function.
pub(super) async fn examine(config: &SdkConfig, outputs: &Outputs) -> Vec<Finding> {
    let lambda = Lambda::new(config);
    let mut findings = vec![account(&lambda).await];
    match outputs.named("FunctionName", "function_name") {
        None => findings.push(Finding::skipped("function", "the outputs do not name it")),
        Some(name) => {
            findings.push(reserved(&lambda, name).await);
            findings.extend(function(&lambda, name, outputs).await);
        }
    }
    findings
        .push(Finding::skipped("role", "what the function's role may do is seen in a whole flow: --client and --user"));
    findings
}

async fn account(lambda: &Lambda) -> Finding {
    const CHECK: &str = "concurrency";

    let answer = match lambda.get_account_settings().send().await {
        Ok(answer) => answer,
        Err(error) => return unanswered(CHECK, "the account", "lambda:GetAccountSettings", &error),
    };
    let Some(limit) = answer.account_limit() else {
        return Finding::skipped(CHECK, "Lambda does not say what the account's limit is");
    };
    let (all, unreserved) = (limit.concurrent_executions(), limit.unreserved_concurrent_executions());
    let free = unreserved.unwrap_or(all);
    let detail = format!("{free} of the account's {all} concurrent executions are not reserved");
    if free < FEW {
        return Finding::warning(
            CHECK,
            format!(
                "{detail}: each login takes one; ask for more under Service Quotas, Lambda, \"Concurrent executions\""
            ),
        );
    }
    Finding::ok(CHECK, detail)
}

async fn reserved(lambda: &Lambda, name: &str) -> Finding {
    const CHECK: &str = "reserved-concurrency";

    match lambda.get_function_concurrency().function_name(name).send().await {
        Err(error) => unanswered(CHECK, name, "lambda:GetFunctionConcurrency", &error),
        Ok(answer) => match answer.reserved_concurrent_executions() {
            Some(0) => {
                Finding::failed(CHECK, format!("{name} has 0 reserved: it never runs; delete its reserved concurrency"))
            }
            Some(some) => Finding::ok(CHECK, format!("{some} are reserved for {name}, and are also its limit")),
            None => Finding::ok(CHECK, format!("none is reserved for {name}: it shares the account's")),
        },
    }
}

async fn function(lambda: &Lambda, name: &str, outputs: &Outputs) -> Vec<Finding> {
    const CHECK: &str = "function";
    const PERMISSION: &str = "lambda:GetFunctionConfiguration";

    let asked = lambda.get_function_configuration().function_name(name);
    let (mut findings, answer) = match asked.clone().qualifier(IN_SERVICE).send().await {
        Ok(answer) => (Vec::new(), answer),
        Err(error) if !is_missing(&error) => return vec![unanswered(CHECK, name, PERMISSION, &error)],
        // Either the function is not there, or only its alias is not.
        Err(_) => match asked.send().await {
            Ok(answer) => (vec![without_alias(name)], answer),
            Err(error) => return vec![unanswered(CHECK, name, PERMISSION, &error)],
        },
    };
    findings.push(state(name, &answer));
    findings.push(settings(name, &answer, outputs));
    findings
}

fn without_alias(name: &str) -> Finding {
    Finding::warning(
        "alias",
        format!(
            "{name} has no alias {IN_SERVICE}: the deployment is of an earlier version, whose requests go to whatever was deployed \
             last; deploy this version"
        ),
    )
}

fn state(name: &str, function: &GetFunctionConfigurationOutput) -> Finding {
    const CHECK: &str = "function";

    let is_active = matches!(function.state(), None | Some(State::Active | State::Inactive));
    let is_updated = !matches!(function.last_update_status(), Some(LastUpdateStatus::Failed));
    let memory = function.memory_size().unwrap_or_default();
    match (is_active, is_updated) {
        (true, true) => Finding::ok(CHECK, format!("{name} is active, with {memory} MB")),
        (false, _) => Finding::failed(
            CHECK,
            format!("{name} is not active: {}", function.state_reason().unwrap_or("no reason is given")),
        ),
        (_, false) => Finding::failed(CHECK, format!("the last update of {name} failed: deploy again")),
    }
}

/// Whether the function has in its environment what the outputs say. Of those that an earlier version did not have, it is not
/// known.
fn settings(name: &str, function: &GetFunctionConfigurationOutput, outputs: &Outputs) -> Finding {
    const CHECK: &str = "settings";

    let Some(variables) = function.environment().and_then(|environment| environment.variables()) else {
        return Finding::skipped(CHECK, format!("the environment of {name} may not be seen"));
    };
    let differs = |output: &&Output| {
        let said = outputs.named(output.stack, output.terraform).unwrap_or_default();
        variables.get(output.variable).map_or("", String::as_str) != said
    };
    if let Some(output) = OUTPUTS.iter().filter(|output| outputs.tell(output)).find(differs) {
        // Never the value: others of the environment are secrets.
        return Finding::failed(
            CHECK,
            format!(
                "{} of {name} is not what the outputs say: somebody changed it by hand; deploy again",
                output.variable
            ),
        );
    }
    let missing: Vec<_> = outputs.missing().collect();
    if missing.is_empty() {
        return Finding::ok(CHECK, format!("{name} works with what the outputs say"));
    }
    Finding::warning(
        CHECK,
        format!(
            "the deployment is of an earlier version, and has no output {}: {name} works with what the others say; deploy this \
             version",
            missing.join(", ")
        ),
    )
}
