"""The least time that a pass could take, from the number of its calls alone."""

# Calls a second and calls at once, of the hub's services whose rates AWS documents:
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html#throttling-limits
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-sts-requests
RATES = {
    "organizations DescribeOrganization": (1, 2),
    "organizations ListAccounts": (8, 12),
    "organizations ListRoots": (1, 2),
    "organizations ListOrganizationalUnitsForParent": (5, 8),
    "organizations ListAccountsForParent": (5, 8),
    "organizations ListTagsForResource": (10, 15),
    "sts AssumeRole": (600, 600),
}

FORMULA = (
    "Bound = the greater of `latency × (GetCallerIdentity + AssumeRole + ListClusters + DescribeCluster + reads + writes + "
    "second look) + listing` and, for each call whose rate AWS documents, `(calls − burst) / rate`. Each name in the brackets "
    "counts as 1 where it takes place, since all accounts, clusters and reads could be asked at the same moment; writes count "
    "1 for all roles, 1 for all bindings and 1 for each write of aws-auth. `listing` is the greater of `pages × latency` and "
    "`(pages − burst) / rate` of ListAccounts. Work of the processor and limits on what is done at once are not in it."
)


def bound(calls, clusters, latency):
    """Seconds that no program can go below which makes these calls ("service Operation": number); see FORMULA.

    - Each page of ListAccounts needs the token of the one before; the last page may hold an account with clusters.
    - There AssumeRole, ListClusters and DescribeCluster follow each other, and then the cluster is read.
    - Bindings need their roles, rows of aws-auth their bindings, and a second write of aws-auth the first. After writing,
      the cluster is read again.
    """
    pages = calls.get("organizations ListAccounts", 0)
    written = writes(calls, clusters)
    chain = min(1, calls.get("sts GetCallerIdentity", 0)) + 3 + 1 + written + (1 if written else 0)
    rate, burst = RATES["organizations ListAccounts"]
    listing = max(pages * latency, (pages - burst) / rate)
    rated = [(n - RATES[name][1]) / RATES[name][0] for name, n in calls.items() if name in RATES]
    return max([chain * latency + listing, *rated])


def writes(calls, clusters):
    """How many writes to one cluster follow each other."""
    verbs = ("create", "update", "patch", "delete")
    per_resource = {}
    for name, number in calls.items():
        service, _, operation = name.partition(" ")
        verb, _, resource = operation.partition(" ")
        if service == "kubernetes" and verb in verbs:
            per_resource[resource] = per_resource.get(resource, 0) + number / clusters
    at_once = [("clusterroles", "roles"), ("clusterrolebindings", "rolebindings")]
    abreast = sum(min(1, sum(per_resource.pop(name, 0) for name in names)) for names in at_once)
    return abreast + sum(per_resource.values())
