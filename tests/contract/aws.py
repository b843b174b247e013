"""The AWS half of the contract: boto3, which knows nothing of the lab, asks what AWS documents.

    aws.py URL WORLD [--make] [--entries]

It prints one JSON document: every case with what AWS documents for it, what came, and where the answer departs from
AWS's own model of it. WORLD is a JSON file that names what is there, the same on both sides; with --make it is made by
API calls first. With --entries it asks about access entries and nothing else, otherwise about everything
but these. Credentials of the hub come from the environment.
"""

import json
import os
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import aws_cases
import aws_entries
import aws_world
from aws_mask import Mask
from aws_model import Witness


class Contract:
    """Everything a case needs: clients, the world's names, and where outcomes go."""

    def __init__(self, url, world):
        self.url, self.world = url, world
        self.witness = Witness()
        self.mask = Mask(world)
        self.outcomes = {}
        self.hub = boto3.Session(
            os.environ["AWS_ACCESS_KEY_ID"],
            os.environ["AWS_SECRET_ACCESS_KEY"],
            os.environ.get("AWS_SESSION_TOKEN"),
        )
        self.sessions = {}

    def client(self, service, session=None, region="us-east-1", **config):
        """A client that tries once and whose parameters are left to the server to judge."""
        config = Config(retries={"total_max_attempts": 1}, parameter_validation=False, **config)
        client = (session or self.hub).client(service, region_name=region, endpoint_url=self.url, config=config)
        self.witness.watch(client)
        return client

    def member(self, account):
        """The session of the member role in an account."""
        if account not in self.sessions:
            arn = f"arn:aws:iam::{self.world['accounts'][account]}:role/{self.world['member_role']}"
            answer = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="contract")
            keys = answer["Credentials"]
            self.sessions[account] = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
        return self.sessions[account]

    def case(self, name, call, documented="ok"):
        """Makes a call and keeps its outcome; `documented` is the error code that AWS documents."""
        assert name not in self.outcomes, name
        self.witness.forget()
        answer = None
        try:
            answer = call()
            outcome = {"ok": self.mask.value(answer)}
        except Exception as error:  # noqa: BLE001 - whatever went wrong is the outcome
            outcome = self._failure(error)
        self.outcomes[name] = {"documented": documented, "outcome": outcome, "model": self.witness.problems()}
        return answer

    def broken(self, name, error):
        """Keeps that a subject could not be gone through."""
        outcome = {"broken": f"{type(error).__name__}: {error}"}
        self.outcomes[name] = {"documented": "ok", "outcome": outcome, "model": []}

    def _failure(self, error):
        if self.witness.is_no_answer_of_aws():
            return {"missing": True}
        if isinstance(error, ClientError):
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            return {"error": error.response["Error"].get("Code", ""), "status": status}
        return {"broken": f"{type(error).__name__}: {error}"}

    def pages(self, name, call, key, token, sent_token=None):
        """Goes through all pages; the case's outcome is how many items came with each, and all of them in order."""

        def walk():
            sizes, items, more = [], [], {}
            while True:
                page = call(**more)
                found = page.get(key, [])
                sizes.append(len(found))
                items += found
                if not page.get(token):
                    return {"pages": sizes, key: items}
                more = {sent_token or token: page[token]}
                assert len(sizes) < 50, "pages without an end"

        return self.case(name, walk)


def main():
    url, file = sys.argv[1:3]
    with open(file, encoding="utf-8") as text:
        world = json.load(text)
    contract = Contract(url, world)
    if "--make" in sys.argv[3:]:
        aws_world.make(contract)
    if "--entries" in sys.argv[3:]:
        aws_cases.ask(contract, [aws_entries.entries, aws_entries.entries_where_rows_count])
    else:
        aws_cases.run(contract)
    json.dump(contract.outcomes, sys.stdout, indent=1, sort_keys=True, default=str)


if __name__ == "__main__":
    main()
