"""Holds Strongroom's model of the AWS KMS API against botocore's: every operation with its members,
which of them are required, every constraint and enumeration, and every error.

Usage: model.py MODEL.json, where MODEL.json is what `cargo run -p kms-api --example model` prints.
"""

import json
import sys

import botocore.loaders

CONSTRAINTS = ("type", "min", "max", "pattern", "enum", "sensitive")


def members(shape):
    required = shape.get("required", [])
    return [
        {"name": name, "shape": member["shape"], "required": name in required}
        for name, member in shape.get("members", {}).items()
    ]


def described(shape):
    """A shape of botocore's in the form of our model."""
    its = {key: shape[key] for key in CONSTRAINTS if key in shape}
    if shape["type"] == "structure":
        its["members"] = members(shape)
    if shape["type"] == "list":
        its["member"] = shape["member"]["shape"]
    if shape["type"] == "map":
        its["key"], its["value"] = shape["key"]["shape"], shape["value"]["shape"]
    return its


def expected():
    model = botocore.loaders.Loader().load_service_model("kms", "service-2")
    shapes, operations, ends = model["shapes"], {}, {"ErrorMessageType"}
    for name, operation in model["operations"].items():
        both = [operation.get(side, {}).get("shape") for side in ("input", "output")]
        ends.update(shape for shape in both if shape)
        operations[name] = {
            "input": members(shapes[both[0]]) if both[0] else [],
            "output": members(shapes[both[1]]) if both[1] else None,
            "errors": [error["shape"] for error in operation["errors"]],
        }
    errors = {name for name, shape in shapes.items() if shape.get("exception")}
    named = {name: described(shape) for name, shape in shapes.items() if name not in ends | errors}
    return {"operations": operations, "shapes": named, "errors": errors}


def differences(kind, ours, theirs):
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            yield f"{kind} {name}: ours is {ours.get(name)}, botocore's {theirs.get(name)}"


def main(path):
    with open(path, encoding="utf-8") as file:
        ours = json.load(file)
    for operation in ours["operations"].values():
        del operation["supported"], operation["cases"]
    theirs = expected()
    found = list(differences("operation", ours["operations"], theirs["operations"]))
    found += differences("shape", ours["shapes"], theirs["shapes"])
    if set(ours["errors"]) != theirs["errors"]:
        found.append(f"errors: {set(ours['errors']) ^ theirs['errors']}")
    for line in found:
        print(line)
    if found:
        sys.exit(f"{len(found)} differences from botocore's model of AWS KMS")
    count = len(theirs["operations"])
    print(f"the model is botocore's: {count} operations, {len(theirs['shapes'])} types, {len(theirs['errors'])} errors")


if __name__ == "__main__":
    main(sys.argv[1])
