"""What is asked of AWS, and what AWS documents for it."""

import json

import boto3

NOWHERE = "999999999999"


def run(contract):
    """Asks everything but of access entries. Reads come first, so that what is changed later is not in them."""
    ask(contract, [organizations, sts, account, iam, groups, policies, center, directory, clusters, modes, queues])


def ask(contract, subjects):
    """Asks about these subjects."""
    for subject in subjects:
        try:
            subject(contract)
        except Exception as error:  # noqa: BLE001 - what one lacks must not hide what the next has
            contract.broken(f"{subject.__name__} breaks off", error)


def organizations(contract):
    """The tree and its accounts, <https://docs.aws.amazon.com/organizations/latest/APIReference/>."""
    client, case, world = contract.client("organizations"), contract.case, contract.world
    case("organizations describe", client.describe_organization)
    roots = case("organizations roots", client.list_roots)
    root = roots["Roots"][0]["Id"]
    case("organizations accounts", client.list_accounts)
    contract.pages("organizations accounts by pages of 2", lambda **more: client.list_accounts(MaxResults=2, **more), "Accounts", "NextToken")
    case("organizations accounts, more than 20 a page", lambda: client.list_accounts(MaxResults=21), "InvalidInputException")
    case("organizations accounts, a token that is none", lambda: client.list_accounts(NextToken="nonsense"), "InvalidInputException")
    units = case("organizations units", lambda: client.list_organizational_units_for_parent(ParentId=root))
    unit = units["OrganizationalUnits"][0]["Id"]
    case("organizations units below", lambda: client.list_organizational_units_for_parent(ParentId=unit))
    case("organizations units of no parent", lambda: client.list_organizational_units_for_parent(ParentId="ou-aaaa-aaaaaaaa"), "ParentNotFoundException")
    case("organizations units of what is no id", lambda: client.list_organizational_units_for_parent(ParentId="x"), "InvalidInputException")
    case("organizations unit", lambda: client.describe_organizational_unit(OrganizationalUnitId=unit))
    case("organizations no unit", lambda: client.describe_organizational_unit(OrganizationalUnitId="ou-aaaa-aaaaaaaa"), "OrganizationalUnitNotFoundException")
    case("organizations accounts of the root", lambda: client.list_accounts_for_parent(ParentId=root))
    case("organizations accounts of a unit", lambda: client.list_accounts_for_parent(ParentId=unit))
    contract.pages("organizations accounts of a unit by pages of 1", lambda **more: client.list_accounts_for_parent(ParentId=unit, MaxResults=1, **more), "Accounts", "NextToken")
    case("organizations accounts of no parent", lambda: client.list_accounts_for_parent(ParentId="ou-aaaa-aaaaaaaa"), "ParentNotFoundException")
    for name in ("checkout", "old"):
        case(f"organizations account {name}", lambda: client.describe_account(AccountId=world["accounts"][name]))
    case("organizations no account", lambda: client.describe_account(AccountId=NOWHERE), "AccountNotFoundException")
    case("organizations what is no account", lambda: client.describe_account(AccountId="12"), "InvalidInputException")
    case("organizations parents of an account", lambda: client.list_parents(ChildId=world["accounts"]["checkout"]))
    case("organizations parents of a unit", lambda: client.list_parents(ChildId=unit))
    case("organizations parents of no child", lambda: client.list_parents(ChildId=NOWHERE), "ChildNotFoundException")
    case("organizations tags", lambda: client.list_tags_for_resource(ResourceId=world["accounts"]["checkout"]))
    case("organizations no tags", lambda: client.list_tags_for_resource(ResourceId=world["accounts"]["payments"]))
    case("organizations tags of nothing", lambda: client.list_tags_for_resource(ResourceId=NOWHERE), "TargetNotFoundException")
    member = contract.client("organizations", contract.member("checkout"))
    case("organizations described by a member", member.describe_organization)
    case("organizations accounts listed by a member", member.list_accounts, "AccessDeniedException")
    case("organizations roots listed by a member", member.list_roots, "AccessDeniedException")


def sts(contract):
    """Sessions and who they are, <https://docs.aws.amazon.com/STS/latest/APIReference/>."""
    case, world = contract.case, contract.world
    client = contract.client("sts")
    arn = f"arn:aws:iam::{world['accounts']['checkout']}:role/{world['member_role']}"
    case("sts the hub", client.get_caller_identity)
    case("sts a session", lambda: client.assume_role(RoleArn=arn, RoleSessionName="ana@example.com"))
    everything = {"ExternalId": "x-1", "SourceIdentity": "ana", "DurationSeconds": 900}
    case("sts a session with everything", lambda: client.assume_role(RoleArn=arn, RoleSessionName="ana", **everything))
    case("sts the member", lambda: contract.client("sts", contract.member("checkout")).get_caller_identity())
    case("sts the member elsewhere", lambda: contract.client("sts", contract.member("checkout"), "eu-west-1").get_caller_identity())
    case("sts a role that is not there", lambda: client.assume_role(RoleArn=arn + "x", RoleSessionName="ana"), "AccessDenied")
    case("sts an account that is not there", lambda: client.assume_role(RoleArn=arn.replace(world["accounts"]["checkout"], NOWHERE), RoleSessionName="ana"), "AccessDenied")
    case("sts no ARN", lambda: client.assume_role(RoleArn="role", RoleSessionName="ana"), "ValidationError")
    case("sts no session name", lambda: client.assume_role(RoleArn=arn), "ValidationError")
    case("sts a session name of one letter", lambda: client.assume_role(RoleArn=arn, RoleSessionName="a"), "ValidationError")
    case("sts a session name with a blank", lambda: client.assume_role(RoleArn=arn, RoleSessionName="a b"), "ValidationError")
    case("sts an external id of one letter", lambda: client.assume_role(RoleArn=arn, RoleSessionName="ana", ExternalId="x"), "ValidationError")
    case("sts a session of a minute", lambda: client.assume_role(RoleArn=arn, RoleSessionName="ana", DurationSeconds=60), "ValidationError")
    case("sts a session of 13 hours", lambda: client.assume_role(RoleArn=arn, RoleSessionName="ana", DurationSeconds=46800), "ValidationError")
    chained = contract.client("sts", contract.member("payments"))
    case("sts a chained session of two hours", lambda: chained.assume_role(RoleArn=arn, RoleSessionName="ana", DurationSeconds=7200), "ValidationError")
    hub = contract.hub.get_credentials()
    wrong = {
        "an unknown key": (("AKIAIOSFODNN7EXAMPLE", "secret"), "InvalidClientTokenId", "UnrecognizedClientException"),
        "a wrong secret": ((hub.access_key, "secret", hub.token), "SignatureDoesNotMatch", "InvalidSignatureException"),
        "a wrong session token": ((hub.access_key, hub.secret_key, "token"), "InvalidClientTokenId", "UnrecognizedClientException"),
        "no session token": ((hub.access_key, hub.secret_key), "InvalidClientTokenId", "UnrecognizedClientException"),
    }
    for title, (keys, query, json) in wrong.items():
        session = boto3.Session(*keys)
        case(f"sts {title}", contract.client("sts", session).get_caller_identity, query)
        case(f"organizations {title}", contract.client("organizations", session).describe_organization, json)
        case(f"eks {title}", contract.client("eks", session, world["region"]).list_clusters, json)


def account(contract):
    """Regions, <https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html>."""
    case = contract.case
    client = contract.client("account")
    checkout = contract.world["accounts"]["checkout"]
    enabled = ["ENABLED", "ENABLED_BY_DEFAULT"]
    case("account regions", lambda: client.list_regions(AccountId=checkout, RegionOptStatusContains=enabled))
    own = contract.client("account", contract.member("checkout"))
    contract.pages("account regions by pages of 1", lambda **more: own.list_regions(MaxResults=1, RegionOptStatusContains=enabled, **more), "Regions", "NextToken")
    case("account regions, more than 50 a page", lambda: own.list_regions(MaxResults=51), "ValidationException")
    case("account regions of another, by a member", lambda: own.list_regions(AccountId=contract.world["accounts"]["payments"]), "AccessDeniedException")


def iam(contract):
    """Roles and users, <https://docs.aws.amazon.com/IAM/latest/APIReference/>."""
    case, world = contract.case, contract.world
    client = contract.client("iam", contract.member("checkout"))
    contract.pages("iam roles", lambda **more: client.list_roles(**more), "Roles", "Marker")
    contract.pages("iam roles by pages of 2", lambda **more: client.list_roles(MaxItems=2, **more), "Roles", "Marker")
    for prefix in ("/teams/", "/aws-reserved/sso.amazonaws.com/", "/nowhere/"):
        case(f"iam roles below {prefix}", lambda: client.list_roles(PathPrefix=prefix))
    case("iam roles below no path", lambda: client.list_roles(PathPrefix="teams"), "ValidationError")
    case("iam roles, more than 1000 a page", lambda: client.list_roles(MaxItems=1001), "ValidationError")
    case("iam roles, no item a page", lambda: client.list_roles(MaxItems=0), "ValidationError")
    case("iam roles, a marker that is none", lambda: client.list_roles(Marker="nonsense"), "ValidationError")
    case("iam role", lambda: client.get_role(RoleName=world["roles"][0][1]))
    case("iam no role", lambda: client.get_role(RoleName="nobody"), "NoSuchEntity")
    case("iam what is no role's name", lambda: client.get_role(RoleName="a b"), "ValidationError")
    case("iam users", client.list_users)
    contract.pages("iam users by pages of 1", lambda **more: client.list_users(MaxItems=1, **more), "Users", "Marker")
    case("iam users below a path", lambda: client.list_users(PathPrefix="/people/"))
    case("iam user", lambda: client.get_user(UserName=world["users"][0][1]))
    case("iam no user", lambda: client.get_user(UserName="nobody"), "NoSuchEntity")


def groups(contract):
    """Groups of IAM, their users and policies, <https://docs.aws.amazon.com/IAM/latest/APIReference/>."""
    case = contract.case
    client = contract.client("iam", contract.member("checkout"))
    case("iam groups", client.list_groups)
    case("iam group", lambda: client.get_group(GroupName="DevOps"))
    contract.pages("iam group by pages of 1", lambda **more: client.get_group(GroupName="DevOps", MaxItems=1, **more), "Users", "Marker")
    case("iam group of nobody", lambda: client.get_group(GroupName="Nobody"))
    case("iam no group", lambda: client.get_group(GroupName="Elsewhere"), "NoSuchEntity")
    case("iam what is no group's name", lambda: client.get_group(GroupName="a b"), "ValidationError")
    case("iam groups of a user", lambda: client.list_groups_for_user(UserName="ana"))
    case("iam policies of a group", lambda: client.list_group_policies(GroupName="DevOps"))
    case("iam policies of no group", lambda: client.list_group_policies(GroupName="Elsewhere"), "NoSuchEntity")
    case("iam policy of a group", lambda: client.get_group_policy(GroupName="DevOps", PolicyName="assume"))
    case("iam no policy of a group", lambda: client.get_group_policy(GroupName="DevOps", PolicyName="nothing"), "NoSuchEntity")
    case("iam policies attached to a group", lambda: client.list_attached_group_policies(GroupName="DevOps"))
    case("iam policies attached to no group", lambda: client.list_attached_group_policies(GroupName="Elsewhere"), "NoSuchEntity")
    case("iam group again", lambda: client.create_group(GroupName="DevOps"), "EntityAlreadyExists")
    case("iam nobody into a group", lambda: client.add_user_to_group(GroupName="DevOps", UserName="nobody"), "NoSuchEntity")
    case("iam a user into no group", lambda: client.add_user_to_group(GroupName="Elsewhere", UserName="ana"), "NoSuchEntity")
    case("iam a user out of a group", lambda: client.remove_user_from_group(GroupName="DevOps", UserName="ana"))
    case("iam a user out of a group again", lambda: client.remove_user_from_group(GroupName="DevOps", UserName="ana"), "NoSuchEntity")
    case("iam a user into a group", lambda: client.add_user_to_group(GroupName="DevOps", UserName="ana"))
    case("iam a policy that is none into a group", lambda: client.put_group_policy(GroupName="Nobody", PolicyName="x", PolicyDocument="{"), "MalformedPolicyDocument")
    case("iam a policy into a group", lambda: client.put_group_policy(GroupName="Nobody", PolicyName="x", PolicyDocument=_document("Resource")))
    case("iam a policy out of a group", lambda: client.delete_group_policy(GroupName="Nobody", PolicyName="x"))
    case("iam a group deleted", lambda: client.delete_group(GroupName="Nobody"))
    case("iam a group deleted again", lambda: client.delete_group(GroupName="Nobody"), "NoSuchEntity")


def _document(what):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", what: "*"}]})


def policies(contract):
    """Policies that can be attached, and their versions."""
    case, world = contract.case, contract.world
    client = contract.client("iam", contract.member("checkout"))
    arn = f"arn:aws:iam::{world['accounts']['checkout']}:policy/Keep"
    case("iam policy", lambda: client.get_policy(PolicyArn=arn))
    case("iam no policy", lambda: client.get_policy(PolicyArn=arn + "x"), "NoSuchEntity")
    case("iam version of a policy", lambda: client.get_policy_version(PolicyArn=arn, VersionId="v1"))
    case("iam no version of a policy", lambda: client.get_policy_version(PolicyArn=arn, VersionId="v7"), "NoSuchEntity")
    case("iam version of no policy", lambda: client.get_policy_version(PolicyArn=arn + "x", VersionId="v1"), "NoSuchEntity")
    case("iam policy again", lambda: client.create_policy(PolicyName="Keep", PolicyDocument=_document("Resource")), "EntityAlreadyExists")
    case("iam policy with a principal", lambda: client.create_policy(PolicyName="x", PolicyDocument=_document("Principal")), "MalformedPolicyDocument")
    case("iam another version", lambda: client.create_policy_version(PolicyArn=arn, PolicyDocument=_document("Resource"), SetAsDefault=True))
    case("iam policy in its other version", lambda: client.get_policy(PolicyArn=arn))
    case("iam its first version", lambda: client.get_policy_version(PolicyArn=arn, VersionId="v1"))
    case("iam a policy of AWS", lambda: client.get_policy(PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")["Policy"]["PolicyName"])
    case("iam a policy detached", lambda: client.detach_group_policy(GroupName="DevOps", PolicyArn=arn))
    case("iam a policy detached again", lambda: client.detach_group_policy(GroupName="DevOps", PolicyArn=arn), "NoSuchEntity")
    case("iam a policy that is none attached", lambda: client.attach_group_policy(GroupName="DevOps", PolicyArn=arn + "x"), "NoSuchEntity")
    case("iam a policy attached", lambda: client.attach_group_policy(GroupName="DevOps", PolicyArn=arn))
    # moto deletes what AWS keeps, so nothing is asked of these behind it.
    case("iam a policy that is attached deleted", lambda: client.delete_policy(PolicyArn=arn), "DeleteConflict")
    case("iam a group with users deleted", lambda: client.delete_group(GroupName="DevOps"), "DeleteConflict")
    trust = _document("Principal")
    case("iam another trust", lambda: client.update_assume_role_policy(RoleName="deployer", PolicyDocument=trust))
    case("iam another trust of no role", lambda: client.update_assume_role_policy(RoleName="nobody", PolicyDocument=trust), "NoSuchEntity")


def center(contract):
    """Identity Center, <https://docs.aws.amazon.com/singlesignon/latest/APIReference/>."""
    case, world = contract.case, contract.world
    client = contract.client("sso-admin", region=world["region"])
    instances = case("center instances", client.list_instances)
    instance = instances["Instances"][0]["InstanceArn"]
    sets = case("center sets", lambda: client.list_permission_sets(InstanceArn=instance))
    contract.pages("center sets by pages of 1", lambda **more: client.list_permission_sets(InstanceArn=instance, MaxResults=1, **more), "PermissionSets", "NextToken")
    for at, name in enumerate(sorted(world["permission_sets"])):
        arn = _set(client, instance, sets["PermissionSets"], name)
        case(f"center set {name}", lambda: client.describe_permission_set(InstanceArn=instance, PermissionSetArn=arn))
    reader = _set(client, instance, sets["PermissionSets"], "Readers")
    checkout = world["accounts"]["checkout"]
    none = reader[:-16] + "0" * 16
    case("center no set", lambda: client.describe_permission_set(InstanceArn=instance, PermissionSetArn=none), "ResourceNotFoundException")
    case("center sets of no instance", lambda: client.list_permission_sets(InstanceArn="arn:aws:sso:::instance/ssoins-0000000000000000"), "ResourceNotFoundException")
    case("center what is no instance", lambda: client.list_permission_sets(InstanceArn="x"), "ValidationException")
    case("center sets, more than 100 a page", lambda: client.list_permission_sets(InstanceArn=instance, MaxResults=101), "ValidationException")
    case("center assignments", lambda: client.list_account_assignments(InstanceArn=instance, AccountId=checkout, PermissionSetArn=reader))
    contract.pages("center assignments by pages of 1", lambda **more: client.list_account_assignments(InstanceArn=instance, AccountId=checkout, PermissionSetArn=reader, MaxResults=1, **more), "AccountAssignments", "NextToken")
    case("center assignments of no set", lambda: client.list_account_assignments(InstanceArn=instance, AccountId=checkout, PermissionSetArn=none), "ResourceNotFoundException")
    case("center sets in an account", lambda: client.list_permission_sets_provisioned_to_account(InstanceArn=instance, AccountId=checkout))
    case("center accounts with a set", lambda: client.list_accounts_for_provisioned_permission_set(InstanceArn=instance, PermissionSetArn=reader))
    groups = contract.client("identitystore", region=world["region"])
    store = instances["Instances"][0]["IdentityStoreId"]
    groups = groups.list_groups(IdentityStoreId=store)["Groups"]
    group = [group["GroupId"] for group in groups if group["DisplayName"] == "platform"][0]
    case("center assignments of a group", lambda: client.list_account_assignments_for_principal(InstanceArn=instance, PrincipalId=group, PrincipalType="GROUP"))
    case("center assignments of a robot", lambda: client.list_account_assignments_for_principal(InstanceArn=instance, PrincipalId=group, PrincipalType="ROBOT"), "ValidationException")
    case("center instances elsewhere", contract.client("sso-admin", region="ap-southeast-2").list_instances)
    member = contract.client("sso-admin", contract.member("payments"), world["region"])
    case("center instances, by a member", member.list_instances)
    case("center sets, by a member", lambda: member.list_permission_sets(InstanceArn=instance), "AccessDeniedException")


def _set(client, instance, arns, name):
    for arn in arns:
        described = client.describe_permission_set(InstanceArn=instance, PermissionSetArn=arn)
        if described["PermissionSet"]["Name"] == name:
            return arn
    raise KeyError(name)


def directory(contract):
    """The directory, <https://docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/>."""
    case, world = contract.case, contract.world
    client = contract.client("identitystore", region=world["region"])
    store = contract.client("sso-admin", region=world["region"]).list_instances()["Instances"][0]["IdentityStoreId"]
    groups = case("directory groups", lambda: client.list_groups(IdentityStoreId=store))
    contract.pages("directory groups by pages of 1", lambda **more: client.list_groups(IdentityStoreId=store, MaxResults=1, **more), "Groups", "NextToken")
    case("directory groups by name", lambda: client.list_groups(IdentityStoreId=store, Filters=[{"AttributePath": "DisplayName", "AttributeValue": "platform"}]))
    group = [group["GroupId"] for group in groups["Groups"] if group["DisplayName"] == "platform"][0]
    name = lambda text: {"UniqueAttribute": {"AttributePath": "DisplayName", "AttributeValue": text}}
    case("directory group's id", lambda: client.get_group_id(IdentityStoreId=store, AlternateIdentifier=name("platform")))
    case("directory no group's id", lambda: client.get_group_id(IdentityStoreId=store, AlternateIdentifier=name("nobody")), "ResourceNotFoundException")
    case("directory group", lambda: client.describe_group(IdentityStoreId=store, GroupId=group))
    nobody = "00000000-0000-4000-8000-000000000000"
    case("directory no group", lambda: client.describe_group(IdentityStoreId=store, GroupId=nobody), "ResourceNotFoundException")
    case("directory what is no group", lambda: client.describe_group(IdentityStoreId=store, GroupId="x"), "ValidationException")
    case("directory members", lambda: client.list_group_memberships(IdentityStoreId=store, GroupId=group))
    contract.pages("directory members by pages of 1", lambda **more: client.list_group_memberships(IdentityStoreId=store, GroupId=group, MaxResults=1, **more), "GroupMemberships", "NextToken")
    case("directory members of no group", lambda: client.list_group_memberships(IdentityStoreId=store, GroupId=nobody), "ResourceNotFoundException")
    named = {"UniqueAttribute": {"AttributePath": "UserName", "AttributeValue": "ben"}}
    user = case("directory user's id", lambda: client.get_user_id(IdentityStoreId=store, AlternateIdentifier=named))["UserId"]
    case("directory user", lambda: client.describe_user(IdentityStoreId=store, UserId=user))
    case("directory no user", lambda: client.describe_user(IdentityStoreId=store, UserId=nobody), "ResourceNotFoundException")
    case("directory users", lambda: client.list_users(IdentityStoreId=store))
    case("directory groups of a user", lambda: client.list_group_memberships_for_member(IdentityStoreId=store, MemberId={"UserId": user}))
    case("directory is he in it", lambda: client.is_member_in_groups(IdentityStoreId=store, MemberId={"UserId": user}, GroupIds=[group]))
    case("directory of no store", lambda: client.list_groups(IdentityStoreId="d-0000000000"), "ResourceNotFoundException")
    case("directory groups, more than 100 a page", lambda: client.list_groups(IdentityStoreId=store, MaxResults=101), "ValidationException")


def clusters(contract):
    """Clusters, <https://docs.aws.amazon.com/eks/latest/APIReference/>."""
    case, world = contract.case, contract.world
    client = contract.client("eks", contract.member("checkout"), world["region"])
    case("eks clusters", client.list_clusters)
    contract.pages("eks clusters by pages of 2", lambda **more: client.list_clusters(maxResults=2, **more), "clusters", "nextToken")
    case("eks clusters, none a page", lambda: client.list_clusters(maxResults=0), "InvalidParameterException")
    case("eks clusters, more than 100 a page", lambda: client.list_clusters(maxResults=101), "InvalidParameterException")
    case("eks clusters, a token that is none", lambda: client.list_clusters(nextToken="nonsense"), "InvalidParameterException")
    case("eks clusters elsewhere", contract.client("eks", contract.member("checkout"), "us-east-1").list_clusters)
    case("eks clusters of another account", contract.client("eks", contract.member("payments"), world["region"]).list_clusters)
    case("eks cluster", lambda: client.describe_cluster(name=world["clusters"][0]))
    case("eks no cluster", lambda: client.describe_cluster(name="nowhere"), "ResourceNotFoundException")
    arn = f"arn:aws:eks:{world['region']}:{world['accounts']['checkout']}:cluster/{world['clusters'][0]}"
    case("eks tags", lambda: client.list_tags_for_resource(resourceArn=arn))
    case("eks tags of nothing", lambda: client.list_tags_for_resource(resourceArn=arn + "x"), "NotFoundException")


def modes(contract):
    """The authentication mode, which goes forward step by step."""
    case, world = contract.case, contract.world
    client = contract.client("eks", contract.member("checkout"), world["region"])
    first, second = world["clusters"][:2]
    mode = lambda text: {"authenticationMode": text}
    case("eks mode back", lambda: client.update_cluster_config(name=first, accessConfig=mode("CONFIG_MAP")), "InvalidParameterException")
    case("eks mode the same", lambda: client.update_cluster_config(name=first, accessConfig=mode("API_AND_CONFIG_MAP")), "InvalidParameterException")
    case("eks mode that is none", lambda: client.update_cluster_config(name=first, accessConfig=mode("X")), "InvalidParameterException")
    case("eks mode of no cluster", lambda: client.update_cluster_config(name="nowhere", accessConfig=mode("API")), "ResourceNotFoundException")
    update = case("eks mode forward", lambda: client.update_cluster_config(name=second, accessConfig=mode("API")))
    case("eks mode forward again", lambda: client.update_cluster_config(name=second, accessConfig=mode("API")), "ResourceInUseException")
    id = update.get("update", {}).get("id") if update else None
    if id:
        case("eks update", lambda: client.describe_update(name=second, updateId=id))
        case("eks update in the end", lambda: [client.describe_update(name=second, updateId=id) for _ in range(10)][-1])
    case("eks no update", lambda: client.describe_update(name=second, updateId="00000000-0000-4000-8000-000000000000"), "ResourceNotFoundException")
    case("eks mode in the end", lambda: client.describe_cluster(name=second)["cluster"]["accessConfig"])


def queues(contract):
    """Queues, <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/>."""
    case, world = contract.case, contract.world
    client = contract.client("sqs", region=world["region"])
    found = case("sqs url", lambda: client.get_queue_url(QueueName=world["queue"]))
    url = found["QueueUrl"]
    case("sqs no queue", lambda: client.get_queue_url(QueueName="nowhere"), "AWS.SimpleQueueService.NonExistentQueue")
    case("sqs attributes", lambda: sorted(client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn", "VisibilityTimeout", "ApproximateNumberOfMessages"])["Attributes"].items()))
    case("sqs nothing to receive", lambda: client.receive_message(QueueUrl=url))
    case("sqs send", lambda: client.send_message(QueueUrl=url, MessageBody="hello"))
    received = case("sqs receive", lambda: client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["ApproximateReceiveCount"]))
    case("sqs it is hidden now", lambda: client.receive_message(QueueUrl=url))
    handle = received["Messages"][0]["ReceiptHandle"]
    case("sqs show it again", lambda: client.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0))
    received = case("sqs receive it again", lambda: client.receive_message(QueueUrl=url, MessageSystemAttributeNames=["ApproximateReceiveCount"]))
    handle = received["Messages"][0]["ReceiptHandle"]
    case("sqs hide it too long", lambda: client.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=43201), "InvalidParameterValue")
    case("sqs eleven at once", lambda: client.receive_message(QueueUrl=url, MaxNumberOfMessages=11), "InvalidParameterValue")
    case("sqs a wait of a minute", lambda: client.receive_message(QueueUrl=url, WaitTimeSeconds=60), "InvalidParameterValue")
    case("sqs a handle that is none", lambda: client.delete_message(QueueUrl=url, ReceiptHandle="nonsense"), "ReceiptHandleIsInvalid")
    case("sqs delete", lambda: client.delete_message(QueueUrl=url, ReceiptHandle=handle))
    case("sqs delete again", lambda: client.delete_message(QueueUrl=url, ReceiptHandle=handle))
    case("sqs of no queue", lambda: client.receive_message(QueueUrl=url + "x"), "AWS.SimpleQueueService.NonExistentQueue")
    for number in range(3):
        client.send_message(QueueUrl=url, MessageBody=str(number))
    case("sqs receive three", lambda: client.receive_message(QueueUrl=url, MaxNumberOfMessages=10))
