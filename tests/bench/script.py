#!/usr/bin/env python3
"""The script that people write for this: boto3 and the kubernetes client in a thread pool.

It walks the organization, assumes the member role in each account, finds the clusters, compares aws-auth and its own RBAC
objects with what shall be there, and writes what is missing. AWS is found as by every SDK (AWS_ENDPOINT_URL and so on).
"""

import argparse
import base64
import concurrent.futures as futures
import re
import sys
import tempfile
import threading

import boto3
import yaml
from botocore.model import ServiceId
from botocore.signers import RequestSigner
from kubernetes import client as k8s
from kubernetes.client.rest import ApiException

LABELS = {"app.kubernetes.io/managed-by": "script"}
SELECTOR = "app.kubernetes.io/managed-by=script"
SSO_PATH = "/aws-reserved/sso.amazonaws.com/"

written = 0
written_lock = threading.Lock()


def read_policy(path):
    with open(path) as file:
        return yaml.safe_load(file)


def count_write():
    global written
    with written_lock:
        written += 1


def token(session, region, cluster):
    """The bearer token of EKS, as `aws eks get-token` makes it."""
    signer = RequestSigner(ServiceId("STS"), region, "sts", "v4", session.get_credentials(), session.events)
    url = signer.generate_presigned_url(
        {
            "method": "GET",
            "url": f"https://sts.{region}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15",
            "body": {},
            "headers": {"x-k8s-aws-id": cluster},
            "context": {},
        },
        region_name=region,
        expires_in=60,
        operation_name="",
    )
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def member_session(sts, account, args):
    extra = {"ExternalId": args.external_id} if args.external_id else {}
    given = sts.assume_role(
        RoleArn=f"arn:aws:iam::{account}:role/{args.member_role}", RoleSessionName="script", **extra
    )["Credentials"]
    return boto3.Session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        region_name=args.regions[0],
    )


def wanted_rows(session, account, policy):
    """The rows of aws-auth for this account: permission sets become the roles that Identity Center made here."""
    iam = session.client("iam", region_name="us-east-1")
    pages = iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 1000})
    roles = [(role["Path"], role["RoleName"]) for page in pages for role in page["Roles"]]
    rows = []
    for grant in policy["access"]:
        if "permissionSet" in grant["who"]:
            of_set = re.compile(rf"AWSReservedSSO_{re.escape(grant['who']['permissionSet'])}_[0-9a-f]{{16}}")
            names = [name for path, name in roles if path.startswith(SSO_PATH) and of_set.fullmatch(name)]
        else:
            names = [name for path, name in roles if f"{path}{name}" == "/" + grant["who"]["role"]]
        for name in names:
            arn = f"arn:aws:iam::{account}:role/{name}"
            rows.append({"rolearn": arn, "username": grant["username"], "groups": grant["groups"]})
    return rows


def clusters_of(account, sts, args):
    """What it takes to get into each cluster of an account."""
    try:
        session = member_session(sts, account, args)
    except sts.exceptions.ClientError as error:
        print(f"{account}: {error}", file=sys.stderr)
        return []
    found, rows = [], None
    for region in args.regions:
        eks = session.client("eks", region_name=region)
        for page in eks.get_paginator("list_clusters").paginate():
            for name in page["clusters"]:
                cluster = eks.describe_cluster(name=name)["cluster"]
                if rows is None:
                    rows = wanted_rows(session, account, args.policy)
                found.append((session, account, region, cluster, rows))
    return found


def api_client(session, region, cluster):
    configuration = k8s.Configuration()
    configuration.host = cluster["endpoint"]
    with tempfile.NamedTemporaryFile(suffix=".crt", delete=False) as ca:
        ca.write(base64.b64decode(cluster["certificateAuthority"]["data"]))
    configuration.ssl_ca_cert = ca.name
    configuration.api_key = {"authorization": "Bearer " + token(session, region, cluster["name"])}
    return k8s.ApiClient(configuration)


def correct_aws_auth(core, rows):
    try:
        stored = core.read_namespaced_config_map("aws-auth", "kube-system")
    except ApiException as error:
        if error.status != 404:
            raise
        stored = None
    data = (stored and stored.data) or {}
    have = yaml.safe_load(data.get("mapRoles", "")) or []
    by_arn = {row.get("rolearn"): row for row in have}
    if all(by_arn.get(row["rolearn"]) == row for row in rows):
        return
    wanted = {row["rolearn"] for row in rows}
    data["mapRoles"] = yaml.safe_dump([row for row in have if row.get("rolearn") not in wanted] + rows)
    body = stored or k8s.V1ConfigMap(metadata=k8s.V1ObjectMeta(name="aws-auth", namespace="kube-system"))
    body.data = data
    if stored:
        core.replace_namespaced_config_map("aws-auth", "kube-system", body)
    else:
        core.create_namespaced_config_map("kube-system", body)
    count_write()


def correct_rbac(rbac, policy):
    have = {role.metadata.name for role in rbac.list_cluster_role(label_selector=SELECTOR).items}
    for role in policy["roles"]:
        name = role["name"]
        if name not in have:
            rules = [k8s.V1PolicyRule(api_groups=r["apiGroups"], resources=r["resources"], verbs=r["verbs"]) for r in role["rules"]]
            rbac.create_cluster_role(k8s.V1ClusterRole(metadata=k8s.V1ObjectMeta(name=name, labels=LABELS), rules=rules))
            count_write()
    have = {binding.metadata.name for binding in rbac.list_cluster_role_binding(label_selector=SELECTOR).items}
    for group, role in [(group["name"], role) for group in policy["groups"] for role in group["clusterRoles"]]:
        name = f"script:{group}:{role}"
        if name not in have:
            rbac.create_cluster_role_binding(
                k8s.V1ClusterRoleBinding(
                    metadata=k8s.V1ObjectMeta(name=name, labels=LABELS),
                    role_ref=k8s.V1RoleRef(api_group="rbac.authorization.k8s.io", kind="ClusterRole", name=role),
                    subjects=[k8s.RbacV1Subject(api_group="rbac.authorization.k8s.io", kind="Group", name=group)],
                )
            )
            count_write()


def correct(session, account, region, cluster, rows, policy):
    try:
        with api_client(session, region, cluster) as client:
            correct_aws_auth(k8s.CoreV1Api(client), rows)
            correct_rbac(k8s.RbacAuthorizationV1Api(client), policy)
        return True
    except Exception as error:  # One cluster shall not stop the others.
        print(f"{account} {region} {cluster['name']}: {error}", file=sys.stderr)
        return False


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--member-role", required=True)
    parser.add_argument("--external-id")
    parser.add_argument("--regions", required=True, type=lambda text: text.split(","))
    parser.add_argument("--policy", required=True, type=read_policy)
    parser.add_argument("--threads", type=int, default=64)
    args = parser.parse_args()
    session = boto3.Session(region_name=args.regions[0])
    pages = session.client("organizations", region_name="us-east-1").get_paginator("list_accounts").paginate()
    accounts = [account["Id"] for page in pages for account in page["Accounts"] if account["Status"] == "ACTIVE"]
    sts = session.client("sts")
    with futures.ThreadPoolExecutor(args.threads) as walkers, futures.ThreadPoolExecutor(args.threads) as workers:
        walks = [walkers.submit(clusters_of, account, sts, args) for account in accounts]
        work = [workers.submit(correct, *found, args.policy) for walk in futures.as_completed(walks) for found in walk.result()]
        done = [job.result() for job in work]
    print(f"accounts={len(accounts)} clusters={len(done)} failed={done.count(False)} written={written}")
    return 0 if all(done) else 1


if __name__ == "__main__":
    sys.exit(main())
