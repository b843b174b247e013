"""Hides the values that differ from one world to the next and keeps all others."""

import datetime
import json
import re

PATTERNS = [
    (r"^ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}$", "<unit>"),
    (r"^r-[a-z0-9]{4,32}$", "<root>"),
    (r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", "<uuid>"),
    (r"^([0-9a-f]{10}-)?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", "<id>"),
    (r"\bo-[a-z0-9]{10,32}\b", "<organization>"),
    (r"\bou-[a-z0-9]{4,32}-[a-z0-9]{8,32}\b", "<unit>"),
    (r"\br-[a-z0-9]{4,32}\b", "<root>"),
    (r"\bssoins-[a-z0-9]{16}\b", "<instance>"),
    (r"\bps-[a-z0-9]{16}\b", "<set>"),
    (r"\bd-[a-z0-9]{10}\b", "<store>"),
    (r"\b(AROA|AIDA|AGPA|ANPA|ASIA|AKIA)[A-Z0-9]{12,}\b", r"<\1>"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>"),
    (r"https?://[^/]+/(?=\d|<)", "<url>/"),
]

# Fields whose text is random, made of random parts, or the server's own affair.
SECRETS = {
    "SecretAccessKey",
    "SessionToken",
    "ReceiptHandle",
    "NextToken",
    "nextToken",
    "Marker",
    "MD5OfMessageBody",
    "MD5OfBody",
    "data",
    "endpoint",
    "issuer",
    "Location",
    "platformVersion",
    "version",
    "kubernetesNetworkConfig",
    "resourcesVpcConfig",
    "logging",
    "AssumeRolePolicyDocument",
    "Document",
    "PolicyDocument",
    "PackedPolicySize",
    "SenderFault",
    "clientRequestToken",
}


class Mask:
    """Masks answers of one world."""

    def __init__(self, world):
        self.accounts = {id: name for name, id in world["accounts"].items()}

    def value(self, value, key=""):
        """The value with its variable parts masked, below the key."""
        if key in SECRETS and value is not None and value != "":
            return f"<{type(value).__name__}>"
        if isinstance(value, dict):
            return {key: self.value(item, key) for key, item in value.items() if key != "ResponseMetadata"}
        if isinstance(value, (list, tuple)):
            # AWS documents no order, so none is compared.
            return sorted((self.value(item, key) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
        if isinstance(value, datetime.datetime):
            return "<time>"
        if isinstance(value, str):
            return self.text(value)
        return value

    def text(self, text):
        """Text with ids masked and the accounts' names in place of their numbers."""
        for id, name in self.accounts.items():
            text = text.replace(id, f"<{name}>")
        for pattern, mask in PATTERNS:
            text = re.sub(pattern, mask, text)
        return text
