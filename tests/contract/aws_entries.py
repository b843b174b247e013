"""What is asked of access entries, and what AWS documents for it.

<https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateAccessEntry.html> and its neighbours name the errors;
<https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html> says what may be in them.
"""

POLICIES = "arn:aws:eks::aws:cluster-access-policy/"
VIEW = POLICIES + "AmazonEKSViewPolicy"
EDIT = POLICIES + "AmazonEKSEditPolicy"
EVERYWHERE = {"type": "cluster"}


def _arn(contract, kind, at, more=""):
    path, name = contract.world[kind + "s"][at]
    return f"arn:aws:iam::{contract.world['accounts']['checkout']}:{kind}{path}{name}{more}"


def entries(contract):
    """Access entries and their policies, on a cluster that reads them."""
    client = contract.client("eks", contract.member("checkout"), contract.world["region"])
    name = contract.world["clusters"][0]
    here = {"clusterName": name, "principalArn": _arn(contract, "role", 0)}
    _making(contract, client, here)
    _listing(contract, client, here)
    _updating(contract, client, here)
    _policies(contract, client, here)
    _tags(contract, client, here)
    _nodes(contract, client, name)
    _deleting(contract, client, here)


def _making(contract, client, here):
    case, name, role = contract.case, here["clusterName"], here["principalArn"]
    reader = {"clusterName": name, "principalArn": _arn(contract, "role", 1)}
    case("eks no entry yet", lambda: client.describe_access_entry(**here), "ResourceNotFoundException")
    case("eks entry", lambda: client.create_access_entry(**here, kubernetesGroups=["b", "a"], tags={"team": "a"}, username="robot:{{SessionName}}"))
    case("eks entry again", lambda: client.create_access_entry(**here), "ResourceInUseException")
    case("eks entry of a user", lambda: client.create_access_entry(clusterName=name, principalArn=_arn(contract, "user", 0)))
    case("eks entry of a role with a path", lambda: client.create_access_entry(**reader, clientRequestToken="a"))
    case("eks entry by the same token again", lambda: client.create_access_entry(**reader, clientRequestToken="a"))
    case("eks entry by another token", lambda: client.create_access_entry(**reader, clientRequestToken="b"), "ResourceInUseException")
    case("eks entry of a role with a path deleted", lambda: client.delete_access_entry(**reader))
    case("eks entry described", lambda: client.describe_access_entry(**here))
    case("eks entry of no cluster", lambda: client.describe_access_entry(clusterName="nowhere", principalArn=role), "ResourceNotFoundException")
    case("eks entry made in no cluster", lambda: client.create_access_entry(clusterName="nowhere", principalArn=role), "ResourceNotFoundException")
    for title, more in {
        "a principal that is not there": {"principalArn": role + "x"},
        "what is no ARN": {"principalArn": "role"},
        "nobody": {"principalArn": None},
        "a session": {"principalArn": f"arn:aws:sts::{contract.world['accounts']['checkout']}:assumed-role/a/b"},
        "a group of the system": {"kubernetesGroups": ["system:masters"]},
        "a username of the system": {"username": "system:admin"},
        "a username of EKS": {"username": "eks:admin"},
        "a username of AWS": {"username": "aws:admin"},
        "a username of Amazon": {"username": "amazon:admin"},
        "a username of IAM": {"username": "iam:admin"},
        "a session's name without a colon before it": {"username": "{{SessionName}}"},
        "a type that is none": {"type": "PERSON"},
        "groups of nodes": {"type": "EC2_LINUX", "kubernetesGroups": ["a"]},
        "a username of nodes": {"type": "EC2_LINUX", "username": "a"},
        "too many tags": {"tags": {str(number): "" for number in range(51)}},
        "a tag of AWS": {"tags": {"aws:x": ""}},
    }.items():
        wanted = {key: value for key, value in (reader | more).items() if value is not None}
        case(f"eks entry of {title}", lambda: client.create_access_entry(**wanted), "InvalidParameterException")
        if title not in ("a principal that is not there", "what is no ARN", "nobody", "a session"):
            # Where it was taken all the same it must not be in the way of the next.
            _without(client, reader)


def _without(client, entry):
    try:
        client.delete_access_entry(**entry)
    except client.exceptions.ResourceNotFoundException:
        pass


def _listing(contract, client, here):
    case, name = contract.case, here["clusterName"]
    # What was taken although it may not be is not in the lists that are compared.
    for principal in client.list_access_entries(clusterName=name)["accessEntries"]:
        if principal not in (here["principalArn"], _arn(contract, "user", 0)):
            client.delete_access_entry(clusterName=name, principalArn=principal)
    case("eks entries", lambda: client.list_access_entries(clusterName=name))
    contract.pages("eks entries by pages of 1", lambda **more: client.list_access_entries(clusterName=name, maxResults=1, **more), "accessEntries", "nextToken")
    case("eks entries, none a page", lambda: client.list_access_entries(clusterName=name, maxResults=0), "InvalidParameterException")
    case("eks entries, more than 100 a page", lambda: client.list_access_entries(clusterName=name, maxResults=101), "InvalidParameterException")
    case("eks entries, a token that is none", lambda: client.list_access_entries(clusterName=name, nextToken="nonsense"), "InvalidParameterException")
    case("eks entries of no cluster", lambda: client.list_access_entries(clusterName="nowhere"), "ResourceNotFoundException")
    case("eks entries with a policy that nobody has", lambda: client.list_access_entries(clusterName=name, associatedPolicyArn=EDIT))


def _updating(contract, client, here):
    case, name = contract.case, here["clusterName"]
    case("eks entry updated", lambda: client.update_access_entry(**here, kubernetesGroups=["c"]))
    case("eks entry updated, described", lambda: client.describe_access_entry(**here))
    case("eks entry updated to a name alone", lambda: client.update_access_entry(**here, username="robot:{{SessionName}}"))
    case("eks entry updated to both", lambda: client.update_access_entry(**here, kubernetesGroups=["a"], username="robot"))
    case("eks entry updated to nothing", lambda: client.update_access_entry(**here))
    case("eks entry updated to what may not be", lambda: client.update_access_entry(**here, username="system:x"), "InvalidParameterException")
    case("eks entry updated to a group that may not be", lambda: client.update_access_entry(**here, kubernetesGroups=["system:masters"]), "InvalidParameterException")
    client.update_access_entry(**here, kubernetesGroups=["c"], username="robot")
    none = _arn(contract, "role", 0, "x")
    case("eks no entry updated", lambda: client.update_access_entry(clusterName=name, principalArn=none, username="x"), "ResourceNotFoundException")
    case("eks entry of no cluster updated", lambda: client.update_access_entry(**here | {"clusterName": "nowhere"}, username="x"), "ResourceNotFoundException")


def _policies(contract, client, here):
    case, name = contract.case, here["clusterName"]
    none = here | {"principalArn": _arn(contract, "role", 0, "x")}
    nowhere = here | {"clusterName": "nowhere"}
    view = here | {"policyArn": VIEW}
    case("eks policies", lambda: [policy for policy in client.list_access_policies()["accessPolicies"] if policy["name"] == "AmazonEKSViewPolicy"])
    case("eks policies of an entry, none yet", lambda: client.list_associated_access_policies(**here))
    scope = {"type": "namespace", "namespaces": ["dev-*", "default", "*-a", "t*m"]}
    case("eks policy", lambda: client.associate_access_policy(**view, accessScope=scope))
    case("eks policies of an entry, in namespaces", lambda: client.list_associated_access_policies(**here))
    case("eks policy again, elsewhere", lambda: client.associate_access_policy(**view, accessScope={"type": "namespace", "namespaces": ["b"]}))
    case("eks policy again, everywhere", lambda: client.associate_access_policy(**view, accessScope=EVERYWHERE))
    case("eks policies of an entry", lambda: client.list_associated_access_policies(**here))
    case("eks another policy", lambda: client.associate_access_policy(**here, policyArn=EDIT, accessScope=EVERYWHERE))
    pages = lambda **more: client.list_associated_access_policies(**here, maxResults=1, **more)
    contract.pages("eks policies of an entry by pages of 1", pages, "associatedAccessPolicies", "nextToken")
    case("eks another policy taken away", lambda: client.disassociate_access_policy(**here, policyArn=EDIT))
    case("eks policy that is none", lambda: client.associate_access_policy(**here, policyArn=VIEW + "x", accessScope=EVERYWHERE), "ResourceNotFoundException")
    case("eks what is no policy", lambda: client.associate_access_policy(**here, policyArn="view", accessScope=EVERYWHERE), "InvalidParameterException")
    for title, scope in {
        "of no scope": {"type": "namespace"},
        "of a scope that is none": {"type": "account"},
        "of what is no namespace": {"type": "namespace", "namespaces": ["A b"]},
    }.items():
        case(f"eks policy {title}", lambda: client.associate_access_policy(**view, accessScope=scope), "InvalidParameterException")
    case("eks policy of no entry", lambda: client.associate_access_policy(**none, policyArn=VIEW, accessScope=EVERYWHERE), "ResourceNotFoundException")
    case("eks policy in no cluster", lambda: client.associate_access_policy(**nowhere, policyArn=VIEW, accessScope=EVERYWHERE), "ResourceNotFoundException")
    case("eks policies of no entry", lambda: client.list_associated_access_policies(**none), "ResourceNotFoundException")
    case("eks policies in no cluster", lambda: client.list_associated_access_policies(**nowhere), "ResourceNotFoundException")
    client.associate_access_policy(**view, accessScope=EVERYWHERE)
    case("eks entries with a policy", lambda: client.list_access_entries(clusterName=name, associatedPolicyArn=VIEW))
    case("eks policy taken away", lambda: client.disassociate_access_policy(**view))
    case("eks policy taken away again", lambda: client.disassociate_access_policy(**view), "ResourceNotFoundException")
    case("eks policy taken from no entry", lambda: client.disassociate_access_policy(**none, policyArn=VIEW), "ResourceNotFoundException")
    case("eks policy taken away in no cluster", lambda: client.disassociate_access_policy(**nowhere, policyArn=VIEW), "ResourceNotFoundException")


def _tags(contract, client, here):
    case = contract.case
    arn = client.describe_access_entry(**here)["accessEntry"]["accessEntryArn"]
    case("eks entry tagged", lambda: client.tag_resource(resourceArn=arn, tags={"x": "y", "team": "b"}))
    case("eks entry tagged, described", lambda: client.describe_access_entry(**here)["accessEntry"]["tags"])
    case("eks entry's tags", lambda: client.list_tags_for_resource(resourceArn=arn))
    case("eks entry untagged", lambda: client.untag_resource(resourceArn=arn, tagKeys=["x", "unknown"]))
    case("eks entry's tags in the end", lambda: client.list_tags_for_resource(resourceArn=arn))
    case("eks no entry tagged", lambda: client.tag_resource(resourceArn=arn + "0", tags={"x": "y"}), "NotFoundException")
    case("eks no entry's tags", lambda: client.list_tags_for_resource(resourceArn=arn + "0"), "NotFoundException")
    case("eks entry with too many tags", lambda: client.tag_resource(resourceArn=arn, tags={str(number): "" for number in range(51)}), "BadRequestException")


def _nodes(contract, client, name):
    """Entries of nodes belong to EKS: they come and go, but nothing of them changes."""
    case = contract.case
    nodes = {"clusterName": name, "principalArn": _arn(contract, "role", 1)}
    case("eks nodes", lambda: client.create_access_entry(**nodes, type="EC2_LINUX"))
    case("eks nodes updated", lambda: client.update_access_entry(**nodes, username="a"), "InvalidParameterException")
    case("eks policy for nodes", lambda: client.associate_access_policy(**nodes, policyArn=VIEW, accessScope=EVERYWHERE), "InvalidParameterException")
    case("eks nodes deleted", lambda: client.delete_access_entry(**nodes))


def _deleting(contract, client, here):
    case = contract.case
    client.associate_access_policy(**here, policyArn=VIEW, accessScope=EVERYWHERE)
    case("eks entry deleted", lambda: client.delete_access_entry(**here))
    case("eks entry deleted again", lambda: client.delete_access_entry(**here), "ResourceNotFoundException")
    case("eks entry deleted in no cluster", lambda: client.delete_access_entry(**here | {"clusterName": "nowhere"}), "ResourceNotFoundException")
    case("eks entry made anew", lambda: client.create_access_entry(**here))
    case("eks policies of an entry made anew", lambda: client.list_associated_access_policies(**here))
    case("eks entry made anew, deleted", lambda: client.delete_access_entry(**here))


def entries_where_rows_count(contract):
    """A cluster in mode CONFIG_MAP has no access entries, whatever is asked of them."""
    client = contract.client("eks", contract.member("checkout"), contract.world["region"])
    name = contract.world["rows_only"]
    here = {"clusterName": name, "principalArn": _arn(contract, "role", 0)}
    for title, call in {
        "made": lambda: client.create_access_entry(**here),
        "described": lambda: client.describe_access_entry(**here),
        "listed": lambda: client.list_access_entries(clusterName=name),
        "updated": lambda: client.update_access_entry(**here, username="a"),
        "given a policy": lambda: client.associate_access_policy(**here, policyArn=VIEW, accessScope=EVERYWHERE),
        "asked for policies": lambda: client.list_associated_access_policies(**here),
        "a policy taken from it": lambda: client.disassociate_access_policy(**here, policyArn=VIEW),
        "deleted": lambda: client.delete_access_entry(**here),
    }.items():
        contract.case(f"eks entry where rows count, {title}", call, "InvalidRequestException")
