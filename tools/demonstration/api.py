"""The orchestrator's REST API, as far as the demo needs it."""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request

TIMEOUT = 5.0
PAGE = 100


class Unreachable(Exception):
    """No answer, or not now: the orchestrator may be starting again."""


class Refused(Exception):
    def __init__(self, status, message):
        super().__init__(f"{status}: {message}")
        self.status = status


class Api:
    def __init__(self, url, project):
        self.base = f"{url}/v1/projects/{urllib.parse.quote(project, safe='')}"

    def call(self, method, path, body=None, query=None):
        url = self.base + path + ("?" + urllib.parse.urlencode(query) if query else "")
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": "application/json"} if data else {})
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                text = answer.read()
                return json.loads(text) if text else {}
        except urllib.error.HTTPError as refused:
            text = refused.read().decode(errors="replace")
            try:
                message = json.loads(text).get("message", text)
            except ValueError:
                message = text
            if refused.code in (502, 503, 504):
                raise Unreachable(f"{method} {path}: {refused.code} {message}") from None
            raise Refused(refused.code, f"{method} {path}: {message}") from None
        except (urllib.error.URLError, OSError, http.client.HTTPException, ValueError) as silent:
            raise Unreachable(f"{method} {path}: {silent}") from None

    def list(self, path, key, query=None):
        found = []
        while True:
            answer = self.call("GET", path, query={**(query or {}), "pageSize": PAGE, "offset": len(found)})
            found += answer[key]
            if not answer.get("hasNext") or not answer[key]:
                return found

    def hosts(self):
        return self.list("/compute/hosts", "hosts")

    def runs(self):
        return self.list("/os-update-runs", "osUpdateRuns")
