//! What would become of a role's calls.
//!
//! See <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>.

use serde_json::{Value, json};

use super::{iam, invalid, missing, page, required};
use crate::{
    lab::aws::{Ask, covers, input, wire::Fault},
    model::Arn,
};

/// One result for each action, whatever the resources, since roles of the lab may do things everywhere or nowhere.
pub(super) fn simulate(ask: &Ask<'_>) -> Result<Value, Fault> {
    let source: Arn = required(ask, "PolicySourceArn")?.parse().map_err(|_| invalid("Invalid Entity Arn"))?;
    let actions = input::texts(ask.input, "ActionNames");
    if let Some(odd) = actions.iter().find(|action| action.split_once(':').is_none()) {
        return Err(Fault::new("InvalidInput", format!("Invalid Action Name: {odd}")));
    }
    let resource = input::texts(ask.input, "ResourceArns").into_iter().next().unwrap_or_else(|| "*".to_owned());
    let state = ask.world.read();
    let account = &ask.caller.account;
    let name = source.role_name().ok_or_else(|| invalid("The lab simulates roles alone"))?;
    let role = iam(ask, &state)?.roles.get(&name.to_lowercase()).filter(|role| role.arn(account) == source);
    let role = role.ok_or_else(|| missing("role", name))?;
    let decide = |action: &str| {
        let any = |of: &std::collections::BTreeSet<String>| of.iter().any(|pattern| covers(pattern, action));
        match (any(&role.denied), any(&role.not_allowed)) {
            (true, _) => "explicitDeny",
            (_, true) => "implicitDeny",
            _ => "allowed",
        }
    };
    let results = actions.iter().map(|action| {
        let told = json!({
            "EvalActionName": action,
            "EvalResourceName": resource,
            "EvalDecision": decide(action),
            "MatchedStatements": [],
            "MissingContextValues": [],
        });
        (action.clone(), told)
    });
    page(ask, "EvaluationResults", results, |told| told)
}
