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


def bound(calls, clusters, latency):
    """Seconds that no program can go below which makes these calls ("service Operation": number).

    Each call takes `latency` seconds, and some can only be made when others were answered:
    - each page of ListAccounts needs the token of the one before; the last page may hold an account with clusters;
    - there AssumeRole, ListClusters and DescribeCluster follow each other, and then the cluster is read. All reads of one
      cluster, all clusters and all accounts could be asked at the same moment;
    - writes to one cluster follow each other, since each waits for what it builds upon, and the cluster is read again.
    The rates stretch the listing. How much work a processor has with it is not counted, and neither is any limit on how
    much is done at once.
    """
    pages = calls.get("organizations ListAccounts", 0)
    verbs = ("create ", "update ", "patch ", "delete ")
    writes = sum(n for name, n in calls.items() if name.removeprefix("kubernetes ").startswith(verbs)) / clusters
    whoami = min(1, calls.get("sts GetCallerIdentity", 0))
    into_cluster = 3 + 1
    again = 1 if writes else 0
    rate, burst = RATES["organizations ListAccounts"]
    listing = max(pages * latency, (pages - burst) / rate)
    chain = (whoami + into_cluster + writes + again) * latency + listing
    rated = [(n - RATES[name][1]) / RATES[name][0] for name, n in calls.items() if name in RATES]
    return max([chain, *rated])
