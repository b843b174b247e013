//! Organizations and the regions of accounts, asked with AWS's own client.

use aws_sdk_organizations::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
};

use crate::lab::{
    Lab,
    aws::samples::{self, MANAGEMENT, MEMBER},
};

fn client(lab: &Lab, account: &str) -> Client {
    Client::new(&samples::sdk_of(lab.url(), account, "us-east-1"))
}

fn code<T, E: ProvideErrorMetadata, R>(answer: Result<T, SdkError<E, R>>) -> String {
    answer.err().and_then(|error| error.as_service_error()?.code().map(str::to_owned)).unwrap()
}

#[tokio::test]
async fn an_organization_is_made_and_walked() {
    let lab = Lab::start(samples::world()).unwrap();
    let client = client(&lab, MANAGEMENT);
    let told = client.describe_organization().send().await.unwrap().organization.unwrap();
    assert_eq!((told.id(), told.master_account_id()), (Some("o-lab1234567"), Some(MANAGEMENT)));
    let roots = client.list_roots().send().await.unwrap();
    let root = roots.roots()[0].id().unwrap().to_owned();
    let unit = client.create_organizational_unit().parent_id(&root).name("prod").send().await.unwrap();
    let unit = unit.organizational_unit.unwrap().id.unwrap();
    let again = client.create_organizational_unit().parent_id(&root).name("prod").send().await;
    assert_eq!(code(again), "DuplicateOrganizationalUnitException");
    for at in 0..24 {
        let create = client.create_account().account_name(format!("a{at}")).email(format!("a{at}@example.com"));
        let made = create.send().await.unwrap().create_account_status.unwrap();
        assert_eq!(made.state().unwrap().as_str(), "IN_PROGRESS");
        let asked = client.describe_create_account_status().create_account_request_id(made.id().unwrap());
        let done = asked.send().await.unwrap().create_account_status.unwrap();
        assert_eq!(done.state().unwrap().as_str(), "SUCCEEDED");
        let move_it = client.move_account().account_id(done.account_id().unwrap());
        move_it.source_parent_id(&root).destination_parent_id(&unit).send().await.unwrap();
    }
    let first = client.list_accounts().send().await.unwrap();
    assert_eq!(first.accounts().len(), 20);
    let token = first.next_token().unwrap();
    let second = client.list_accounts().next_token(token).send().await.unwrap();
    assert_eq!((second.accounts().len(), second.next_token()), (6, None));
    let moved = client.list_accounts_for_parent().parent_id(&unit);
    assert_eq!(code(moved.clone().next_token(token).send().await), "InvalidInputException");
    let moved = moved.send().await.unwrap();
    let account = &moved.accounts()[0];
    assert_eq!(account.paths(), [format!("o-lab1234567/{root}/{unit}/{}/", account.id().unwrap())]);
    let parents = client.list_parents().child_id(account.id().unwrap()).send().await.unwrap();
    assert_eq!(parents.parents()[0].id(), Some(&*unit));
    let units = client.list_organizational_units_for_parent().parent_id(&root).send().await.unwrap();
    assert_eq!(units.organizational_units()[0].name(), Some("prod"));
    lab.stop();
}

#[tokio::test]
async fn errors_are_those_that_are_documented() {
    let lab = Lab::start(samples::world()).unwrap();
    let (manager, member) = (client(&lab, MANAGEMENT), client(&lab, MEMBER));
    assert!(member.describe_organization().send().await.is_ok());
    assert_eq!(code(member.list_accounts().send().await), "AccessDeniedException");
    assert_eq!(code(manager.list_accounts().max_results(21).send().await), "InvalidInputException");
    let missing = manager.describe_account().account_id("999999999999").send().await;
    assert!(missing.unwrap_err().into_service_error().is_account_not_found_exception());
    let missing = manager.list_accounts_for_parent().parent_id("ou-lab1-00000000").send().await;
    assert!(missing.unwrap_err().into_service_error().is_parent_not_found_exception());
    let missing = manager.describe_organizational_unit().organizational_unit_id("ou-lab1-00000000").send().await;
    assert!(missing.unwrap_err().into_service_error().is_organizational_unit_not_found_exception());
    let elsewhere = Client::new(&samples::sdk_of(lab.url(), MANAGEMENT, "eu-west-1"));
    assert_eq!(code(elsewhere.list_roots().send().await), "InvalidSignatureException");
    let tag = aws_sdk_organizations::types::Tag::builder().key("team").value("a").build().unwrap();
    manager.tag_resource().resource_id(MEMBER).tags(tag).send().await.unwrap();
    let tags = manager.list_tags_for_resource().resource_id(MEMBER).send().await.unwrap();
    assert_eq!((tags.tags()[0].key(), tags.tags()[0].value()), ("team", "a"));
    lab.world().write().accounts.get_mut(&samples::account(MEMBER)).unwrap().parent.clear();
    assert_eq!(code(member.describe_organization().send().await), "AWSOrganizationsNotInUseException");
    let admin = samples::account(MANAGEMENT);
    {
        let mut state = lab.world().write();
        let role = state.accounts.get_mut(&admin).unwrap().iam.roles.get_mut("admin").unwrap();
        role.denied.insert("organizations:List*".to_owned());
    }
    let denied = manager.list_roots().send().await.unwrap_err().into_service_error();
    assert!(denied.message().unwrap().starts_with(
        "User: arn:aws:sts::111111111111:assumed-role/Admin/test is not authorized to perform: organizations:ListRoots \
         on resource: *"
    ));
    assert!(manager.describe_organization().send().await.is_ok());
}

#[tokio::test]
async fn an_account_lists_its_regions() {
    let lab = Lab::start(samples::world()).unwrap();
    let client = aws_sdk_account::Client::new(&samples::sdk(lab.url(), "us-east-1"));
    let enabled = aws_sdk_account::types::RegionOptStatus::EnabledByDefault;
    let listed = client.list_regions().region_opt_status_contains(enabled).max_results(1).send().await.unwrap();
    assert_eq!(listed.regions()[0].region_name(), Some("eu-west-1"));
    let next = listed.next_token().unwrap();
    let other = client.list_regions().next_token(next).send().await;
    assert_eq!(code(other), "ValidationException");
    let all = client.list_regions().send().await.unwrap();
    assert_eq!(all.regions().len(), 23);
    let other = client.list_regions().account_id(MANAGEMENT).send().await;
    assert!(other.unwrap_err().into_service_error().is_access_denied_exception());
}
