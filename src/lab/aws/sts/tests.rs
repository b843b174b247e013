//! STS, asked with AWS's own client.

use aws_sdk_sts::{Client, config::Credentials, error::ProvideErrorMetadata, operation::assume_role::AssumeRoleOutput};
use serde_json::{Value, json};

use crate::lab::{
    Lab,
    aws::samples::{self, MANAGEMENT, MEMBER},
};

const ROLE: &str = "arn:aws:iam::222222222222:role/platform/rolecall";

/// A lab in which the member account has a role with this trust policy's statement.
fn lab(statement: &Value) -> Lab {
    let world = samples::world();
    let trust = json!({"Version": "2012-10-17", "Statement": statement});
    world.write().add_role(&samples::account(MEMBER), "/platform/", "rolecall", trust, samples::then()).unwrap();
    Lab::start(world).unwrap()
}

fn open() -> Value {
    json!({"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{MANAGEMENT}:root")}, "Action": "sts:AssumeRole"})
}

type Assume = aws_sdk_sts::operation::assume_role::builders::AssumeRoleFluentBuilder;

/// The answer, or code and message of the error.
async fn assume(lab: &Lab, set: impl FnOnce(Assume) -> Assume) -> Result<AssumeRoleOutput, (String, String)> {
    let client = Client::new(&samples::sdk_of(lab.url(), MANAGEMENT, "eu-west-1"));
    let assume = set(client.assume_role().role_arn(ROLE).role_session_name("me@x"));
    assume.send().await.map_err(|error| {
        let error = error.into_service_error();
        (error.code().unwrap_or_default().to_owned(), error.message().unwrap_or_default().to_owned())
    })
}

#[tokio::test]
async fn a_session_is_its_roles_until_it_ends() {
    let lab = lab(&open());
    let given = assume(&lab, |a| a.duration_seconds(900)).await.unwrap();
    let user = given.assumed_role_user().unwrap();
    assert_eq!(user.arn(), "arn:aws:sts::222222222222:assumed-role/rolecall/me@x");
    let keys = given.credentials().unwrap();
    let credentials =
        Credentials::new(keys.access_key_id(), keys.secret_access_key(), Some(keys.session_token().into()), None, "x");
    let config = samples::sdk(lab.url(), "eu-west-1").into_builder();
    let config = config.credentials_provider(aws_sdk_sts::config::SharedCredentialsProvider::new(credentials)).build();
    let client = Client::new(&config);
    let me = client.get_caller_identity().send().await.unwrap();
    assert_eq!((me.account(), me.arn(), me.user_id()), (Some(MEMBER), Some(user.arn()), Some(user.assumed_role_id())));
    for key in lab.world().write().keys.values_mut() {
        key.expires = key.expires.map(|_| samples::then());
    }
    let ended = client.get_caller_identity().send().await.unwrap_err().into_service_error();
    assert_eq!(ended.code(), Some("ExpiredToken"));
}

#[tokio::test]
async fn parameters_out_of_bounds_are_told_as_sts_does() {
    let lab = lab(&open());
    let message = |answer: Result<AssumeRoleOutput, (String, String)>| {
        let (code, message) = answer.unwrap_err();
        assert_eq!(code, "ValidationError", "{message}");
        message
    };
    assert_eq!(
        message(assume(&lab, |a| a.role_session_name("a b")).await),
        "1 validation error detected: Value 'a b' at 'roleSessionName' failed to satisfy constraint: Member must satisfy \
         regular expression pattern: [\\w+=,.@-]*"
    );
    let short = message(assume(&lab, |a| a.source_identity("x")).await);
    assert!(short.ends_with("Member must have length greater than or equal to 2"), "{short}");
    let long = message(assume(&lab, |a| a.external_id("x".repeat(1225))).await);
    assert!(long.ends_with("Member must have length less than or equal to 1224"), "{long}");
    let brief = message(assume(&lab, |a| a.duration_seconds(899)).await);
    assert!(brief.ends_with("Member must have value greater than or equal to 900"), "{brief}");
    let chained = message(assume(&lab, |a| a.duration_seconds(3601)).await);
    assert!(chained.contains("1 hour session limit for roles assumed by role chaining"), "{chained}");
}

#[tokio::test]
async fn the_trust_policy_says_who_may_and_under_which_conditions() {
    let denied = |answer: Result<AssumeRoleOutput, (String, String)>| {
        let (code, message) = answer.unwrap_err();
        assert_eq!(code, "AccessDenied");
        message
    };
    let admin = format!("arn:aws:iam::{MANAGEMENT}:role/Admin");
    let mut statement = open();
    statement["Principal"]["AWS"] = json!(["arn:aws:iam::333333333333:root", admin]);
    statement["Condition"] = json!({"StringEquals": {"sts:ExternalId": ["other", "right"]}});
    let lab = lab(&statement);
    assert!(assume(&lab, |a| a.external_id("right")).await.is_ok());
    assert_eq!(
        denied(assume(&lab, |a| a).await),
        format!(
            "User: arn:aws:sts::{MANAGEMENT}:assumed-role/Admin/test is not authorized to perform: sts:AssumeRole on \
                 resource: {ROLE}"
        )
    );
    denied(assume(&lab, |a| a.external_id("wrong")).await);
    let source = denied(assume(&lab, |a| a.external_id("right").source_identity("me")).await);
    assert!(source.contains("sts:SetSourceIdentity"), "{source}");
    let without_path = "arn:aws:iam::222222222222:role/rolecall";
    denied(assume(&lab, |a| a.external_id("right").role_arn(without_path)).await);
    let set = |change: &dyn Fn(&mut Value)| {
        let mut state = lab.world().write();
        let role = state.accounts.get_mut(&samples::account(MEMBER)).unwrap().iam.roles.get_mut("rolecall").unwrap();
        change(&mut role.trust);
    };
    set(&|trust| trust["Statement"]["Action"] = json!(["sts:AssumeRole", "sts:Set*"]));
    let given = assume(&lab, |a| a.external_id("right").source_identity("me")).await.unwrap();
    assert_eq!(given.source_identity(), Some("me"));
    set(&|trust| {
        let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "sts:*"});
        trust["Statement"] = json!([trust["Statement"], deny]);
    });
    denied(assume(&lab, |a| a.external_id("right")).await);
    set(&|trust| trust["Statement"] = open());
    assert!(assume(&lab, |a| a).await.is_ok());
    lab.world().write().accounts.get_mut(&samples::account(MEMBER)).unwrap().state = "SUSPENDED".to_owned();
    denied(assume(&lab, |a| a).await);
}
