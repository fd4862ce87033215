"""Answers against an OpenAPI description."""

import re

import jsonschema
import yaml

DATE_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")

formats = jsonschema.FormatChecker(formats=())


@formats.checks("date-time")
def is_date_time(value):
    return not isinstance(value, str) or DATE_TIME.match(value) is not None


class Description:
    """One OpenAPI file. Path templates are matched against paths as they were asked for."""

    def __init__(self, text):
        self.document = yaml.safe_load(text)
        self.templates = []
        for template in self.document["paths"]:
            pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
            # What is spelled out goes before what is variable: /hosts/register before /hosts/{resourceId}.
            self.templates.append((template.count("{"), re.compile(f"^{pattern}$"), template))
        self.templates.sort(key=lambda entry: entry[0])

    def template_of(self, path):
        for _, pattern, template in self.templates:
            if pattern.match(path):
                return template
        return None

    def operations(self):
        verbs = ("get", "post", "put", "patch", "delete")
        return {(verb, template) for template, item in self.document["paths"].items() for verb in item if verb in verbs}

    def schema_of(self, verb, template, status, content_type="application/json"):
        """None: the operation is not described. False: its answer has no JSON."""
        operation = self.document["paths"].get(template, {}).get(verb)
        if operation is None:
            return None
        responses = operation["responses"]
        response = self.resolve(responses.get(str(status), responses.get("default")))
        if response is None:
            return None
        content = response.get("content", {})
        if content_type != "application/json" and content_type in content:
            return False
        return content.get("application/json", {}).get("schema", False)

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            target = self.document
            for part in node["$ref"].lstrip("#/").split("/"):
                target = target[part]
            node = target
        return node

    def faults(self, schema, instance):
        # References are looked up from the root, so the components come along.
        whole = dict(schema, components=self.document["components"]) if "$ref" not in schema else {
            "allOf": [schema], "components": self.document["components"]}
        validator = jsonschema.Draft7Validator(whole, format_checker=formats)
        return [f"{'/'.join(str(part) for part in fault.absolute_path) or '(root)'}: {fault.message[:300]}" for fault in validator.iter_errors(instance)]

    def without_own(self, schema, instance):
        """The instance without what is marked `x-abide` in the schema: what the API that the rest follows knows."""
        schema = self.resolve(schema)
        for part in schema.get("allOf", []):
            instance = self.without_own(part, instance)
        if isinstance(instance, list):
            return [self.without_own(schema.get("items", {}), item) for item in instance]
        if not isinstance(instance, dict):
            return instance
        kept = {}
        for name, value in instance.items():
            described = schema.get("properties", {}).get(name, {})
            if not described.get("x-abide"):
                kept[name] = self.without_own(described, value)
        return kept
