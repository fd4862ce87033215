"""The configuration of a broker that somebody starts: a template of broker-config/, filled in."""

import os

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))


def configuration(binaries, port, template="mosquitto.conf", certificates=""):
    """The text. `binaries`: the directory with the plugin of broker-config/."""
    source = os.path.join(ROOT, "broker-config")
    with open(os.path.join(source, template), encoding="utf-8") as file:
        text = file.read()
    for name, value in (("PORT", str(port)), ("ACL", os.path.join(source, "acl")), ("CERTIFICATES", certificates),
                        ("LIMITS", os.path.join(os.path.abspath(binaries), "abide-broker-limits.so"))):
        text = text.replace(f"@{name}@", value)
    # Started by root, Mosquitto would become another user, who may not read the checkout and outlives who has started it.
    return text + "\nuser root\n" if os.geteuid() == 0 else text
