"""AWS's own models as the referee: botocore knows each answer's members, which of them must be there, and the errors."""

import json
import xml.etree.ElementTree as ElementTree

# Errors that every service may give without naming them in its model.
COMMON = {
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InternalFailure",
    "InvalidAction",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "SerializationException",
    "SignatureDoesNotMatch",
    "Throttling",
    "ThrottlingException",
    "UnknownOperationException",
    "UnrecognizedClientException",
    "ValidationError",
    "ValidationException",
}

# What comes with 403, except where all errors of a protocol come with 400.
NOT_ALLOWED = {
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}


class Witness:
    """Sees every answer as it came over the wire."""

    def __init__(self):
        self.seen = []

    def watch(self, client):
        """Looks at all answers that the client gets from now on."""
        client.meta.events.register("before-parse.*.*", self._before_parse)

    def forget(self):
        """Begins anew."""
        self.seen = []

    def _before_parse(self, operation_model, response_dict, **_):
        self.seen.append((operation_model, response_dict))

    def is_no_answer_of_aws(self):
        """Whether the last answer is a web server's rather than a service's."""
        if not self.seen:
            return True
        _, response = self.seen[-1]
        body = response["body"]
        return response["status_code"] == 501 or body.lstrip()[:5].lower() in (b"<!doc", b"<html", b"not y", b"not f")

    def problems(self):
        """Where the answers that were seen depart from the model."""
        problems = []
        for operation, response in self.seen:
            if response["status_code"] < 300:
                problems += _answer(operation, response)
            else:
                problems += _error(operation, response)
        return sorted(set(problems))


def _answer(operation, response):
    shape, protocol = operation.output_shape, operation.service_model.resolved_protocol
    if shape is None:
        return []
    try:
        if protocol in ("json", "rest-json"):
            body = json.loads(response["body"] or b"{}")
            return list(_json(shape, body, operation.name))
        root = ElementTree.fromstring(response["body"])
        found = [child for child in root if _tag(child) == f"{operation.name}Result"]
        if not found:
            return [f"{operation.name}: no {operation.name}Result"]
        return list(_xml(shape, found[0], operation.name))
    except (ValueError, ElementTree.ParseError) as error:
        return [f"{operation.name}: unreadable: {error}"]


def _json(shape, value, at):
    if value is None:
        return
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(value, dict):
            yield f"{at}: {type(value).__name__} instead of a structure"
            return
        names = {_wire_name(member, name): (name, member) for name, member in shape.members.items()}
        for key, item in value.items():
            if key not in names:
                yield f"{at}.{key}: unknown to the model"
            else:
                yield from _json(names[key][1], item, f"{at}.{key}")
        for name in shape.required_members:
            if value.get(_wire_name(shape.members[name], name)) is None:
                yield f"{at}.{name}: required"
    elif kind == "list":
        if not isinstance(value, list):
            yield f"{at}: {type(value).__name__} instead of a list"
            return
        for item in value:
            yield from _json(shape.member, item, f"{at}[]")
    elif kind == "map":
        for item in value.values():
            yield from _json(shape.value, item, f"{at}{{}}")
    else:
        wanted = {
            "string": str,
            "boolean": bool,
            "integer": int,
            "long": int,
            "timestamp": (int, float, str),
            "double": (int, float),
            "float": (int, float),
        }.get(kind)
        if wanted and (not isinstance(value, wanted) or (isinstance(value, bool) and kind != "boolean")):
            yield f"{at}: {type(value).__name__} instead of {kind}"
        if kind == "timestamp" and isinstance(value, str):
            yield f"{at}: a time as text, where AWS sends a number"
        yield from _enum(shape, value, at)


def _enum(shape, value, at):
    if shape.type_name == "string" and getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{at}: `{value}` is none of the model's values"


def _xml(shape, element, at):
    kind = shape.type_name
    if kind == "structure":
        names = {_wire_name(member, name): (name, member) for name, member in shape.members.items()}
        found = set()
        for child in element:
            tag = _tag(child)
            if tag not in names:
                yield f"{at}.{tag}: unknown to the model"
            else:
                found.add(names[tag][0])
                yield from _xml(names[tag][1], child, f"{at}.{tag}")
        for name in shape.required_members:
            if name not in found:
                yield f"{at}.{name}: required"
    elif kind == "list":
        member = "member" if not shape.member.serialization.get("name") else shape.member.serialization["name"]
        for child in element:
            if _tag(child) != member:
                yield f"{at}: <{_tag(child)}> instead of <{member}>"
            else:
                yield from _xml(shape.member, child, f"{at}[]")
    elif kind in ("integer", "long"):
        if not (element.text or "").lstrip("-").isdigit():
            yield f"{at}: `{element.text}` is no number"
    elif kind == "boolean":
        if element.text not in ("true", "false"):
            yield f"{at}: `{element.text}` is no boolean"
    elif kind == "string":
        yield from _enum(shape, element.text or "", at)


def _error(operation, response):
    """The error's code is one of the operation's or a common one, and comes with the status that the model names."""
    from botocore.parsers import create_parser

    parser = create_parser(operation.service_model.resolved_protocol)
    try:
        parsed = parser.parse(response, operation.output_shape)
    except Exception as error:  # noqa: BLE001 - whatever botocore stumbles over is the finding
        return [f"{operation.name}: unreadable error: {error}"]
    code = parsed.get("Error", {}).get("Code", "")
    shapes = {shape.error_code: shape for shape in operation.error_shapes}
    shapes |= {shape.name: shape for shape in operation.error_shapes}
    shape = shapes.get(code) or shapes.get(code.split(".")[-1])
    if shape is None:
        # SQS answers with the codes of its old protocol.
        old = {"AWS.SimpleQueueService.NonExistentQueue", "InvalidParameterValue"}
        if operation.service_model.service_name == "sqs" and code in old:
            return []
        if code not in COMMON:
            return [f"{operation.name}: the model knows no error {code}"]
        status = None
        if code in NOT_ALLOWED:
            status = 400 if operation.service_model.resolved_protocol == "json" else 403
    else:
        status = shape.metadata.get("error", {}).get("httpStatusCode")
    if status and status != response["status_code"]:
        return [f"{operation.name}: {code} comes with {response['status_code']} instead of {status}"]
    return []


def _wire_name(member, name):
    return member.serialization.get("name", name)


def _tag(element):
    return element.tag.rsplit("}", 1)[-1]
