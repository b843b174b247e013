"""Writes a kubeconfig with a token, and the rows it shall get, for every cluster; prints the kubeconfigs' paths."""

import argparse
import concurrent.futures as futures
import json
import pathlib
import sys

import boto3

from script import clusters_of, read_policy, token

folder, member_role, external_id, *regions = sys.argv[1:]
policy = read_policy(pathlib.Path(folder) / "policy.yaml")
args = argparse.Namespace(member_role=member_role, external_id=external_id, regions=regions, policy=policy)
session = boto3.Session(region_name=regions[0])
pages = session.client("organizations", region_name="us-east-1").get_paginator("list_accounts").paginate()
accounts = [account["Id"] for page in pages for account in page["Accounts"] if account["Status"] == "ACTIVE"]
sts = session.client("sts")


def write(number, found):
    session, _, region, cluster, rows = found
    path = pathlib.Path(folder) / f"kubeconfig-{number}"
    ca = cluster["certificateAuthority"]["data"]
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": {"server": cluster["endpoint"], "certificate-authority-data": ca}}],
        "users": [{"name": "it", "user": {"token": token(session, region, cluster["name"])}}],
    }
    path.write_text(json.dumps(config))
    lines = [f"{row['rolearn']} {row['username']} {','.join(row['groups'])}" for row in rows]
    pathlib.Path(f"{path}.rows").write_text("\n".join(lines) + "\n")
    print(path)


with futures.ThreadPoolExecutor(16) as walkers:
    found = [one for walk in walkers.map(lambda account: clusters_of(account, sts, args), accounts) for one in walk]
for number, one in enumerate(found):
    write(number, one)
