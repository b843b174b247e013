"""Makes the contract's world by API calls, where it is not there yet. The ids that were given go into the world."""

import json


def make(contract):
    """Makes all that the world names, and fills in the ids; where the accounts are given there is no organization, and
    only what is in these accounts is made."""
    world = contract.world
    if "checkout" in world["accounts"]:
        _iam(contract)
        _eks(contract)
        return
    organizations = contract.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    root = organizations.list_roots()["Roots"][0]["Id"]
    units = {"": root}
    for path in world["units"]:
        above, _, name = path.rpartition("/")
        unit = organizations.create_organizational_unit(ParentId=units[above], Name=name)["OrganizationalUnit"]
        units[path] = unit["Id"]
    for name, unit in world["members"].items():
        created = organizations.create_account(AccountName=name, Email=f"{name}@example.com")
        account = created["CreateAccountStatus"]["AccountId"]
        organizations.move_account(AccountId=account, SourceParentId=root, DestinationParentId=units[unit])
        world["accounts"][name] = account
        contract.mask.accounts[account] = name
    organizations.tag_resource(ResourceId=world["accounts"]["checkout"], Tags=[{"Key": "team", "Value": "a"}])
    organizations.close_account(AccountId=world["accounts"]["old"])
    _iam(contract)
    _eks(contract)
    _center(contract)
    queue = contract.client("sqs", region=world["region"]).create_queue(QueueName=world["queue"])
    assert queue["QueueUrl"]


def _iam(contract):
    trust = '{"Version":"2012-10-17","Statement":[]}'
    for account in ("checkout", "payments"):
        iam = contract.client("iam", contract.member(account))
        iam.create_role(RoleName=contract.world["member_role"], AssumeRolePolicyDocument=trust)
    iam = contract.client("iam", contract.member("checkout"))
    for path, name in contract.world["roles"]:
        iam.create_role(Path=path, RoleName=name, AssumeRolePolicyDocument=trust)
    for path, name in contract.world["users"]:
        iam.create_user(Path=path, UserName=name)
    arns = {}
    for name, document in contract.world["policies"].items():
        made = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document))
        arns[name] = made["Policy"]["Arn"]
    for name, group in contract.world["groups"].items():
        iam.create_group(GroupName=name, Path=group["path"])
        for user in group["users"]:
            iam.add_user_to_group(GroupName=name, UserName=user)
        for policy, document in group["inline"].items():
            iam.put_group_policy(GroupName=name, PolicyName=policy, PolicyDocument=json.dumps(document))
        for policy in group["attached"]:
            iam.attach_group_policy(GroupName=name, PolicyArn=arns[policy])


def _eks(contract):
    account = contract.world["accounts"]["checkout"]
    eks = contract.client("eks", contract.member("checkout"), contract.world["region"])
    modes = dict.fromkeys(contract.world["clusters"], "API_AND_CONFIG_MAP") | {contract.world["rows_only"]: "CONFIG_MAP"}
    for name, mode in modes.items():
        eks.create_cluster(
            name=name,
            roleArn=f"arn:aws:iam::{account}:role/eks",
            resourcesVpcConfig={},
            tags={"team": "a"},
            accessConfig={"authenticationMode": mode},
        )


def _center(contract):
    world = contract.world
    admin = contract.client("sso-admin", region=world["region"])
    instance = admin.list_instances()["Instances"][0]
    store = contract.client("identitystore", region=world["region"])
    ids = {}
    for name in world["directory"]["users"]:
        user = store.create_user(
            IdentityStoreId=instance["IdentityStoreId"], UserName=name, DisplayName=name, Name={"GivenName": name, "FamilyName": name}
        )
        ids[name] = user["UserId"]
    for name, members in world["directory"]["groups"].items():
        group = store.create_group(IdentityStoreId=instance["IdentityStoreId"], DisplayName=name)["GroupId"]
        ids[name] = group
        for member in members:
            store.create_group_membership(
                IdentityStoreId=instance["IdentityStoreId"], GroupId=group, MemberId={"UserId": ids[member]}
            )
    for name in world["permission_sets"]:
        made = admin.create_permission_set(InstanceArn=instance["InstanceArn"], Name=name, SessionDuration="PT1H")
        for group, account in world["permission_sets"][name]:
            admin.create_account_assignment(
                InstanceArn=instance["InstanceArn"],
                TargetId=world["accounts"][account],
                TargetType="AWS_ACCOUNT",
                PermissionSetArn=made["PermissionSet"]["PermissionSetArn"],
                PrincipalType="GROUP",
                PrincipalId=ids[group],
            )
