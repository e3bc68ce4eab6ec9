"""What the driving script knows: how to log in, to call an operation, and to look at an answer.

The published client validates every answer against its models. Two things it lets pass are looked at here as well: keys it does not
know, and keys that are missing although Airflow always sends them.
"""

import json
import time
import traceback

import airflow_client.client as client
from airflow_client.client.rest import ApiException
from pydantic import BaseModel


# Keys of the API's versions after this client's: newer clients ask for them.
AFTER_THIS_CLIENT = {"timetable_periodic", "is_backfillable"}


class Outside:
    """One server seen from outside; collects what differs instead of stopping at the first difference."""

    def __init__(self, url, username, password):
        anonymous = client.ApiClient(client.Configuration(host=url))
        anonymous.client_side_validation = True
        answer = anonymous.call_api("POST", f"{url}/auth/token", header_params={"Content-Type": "application/json"}, body={"username": username, "password": password})
        answer.read()
        if answer.status != 201:
            raise SystemExit(f"POST /auth/token answered {answer.status}: {answer.data!r}")
        self.url = url
        self.token = json.loads(answer.data)["access_token"]
        configuration = client.Configuration(host=url)
        configuration.access_token = self.token
        self.api_client = client.ApiClient(configuration)
        self.defects = []
        self.driven = set()
        self.checks = 0

    def api(self, name):
        return getattr(client, name)(self.api_client)

    def ask(self, method, *args, **kwargs):
        """Calls an operation and looks at the body as well as at the model. `method`: a bound method of an API class."""
        self.driven.add(method.__name__)
        answer = getattr(method.__self__, f"{method.__name__}_with_http_info")(*args, **kwargs)
        if answer.raw_data:
            for difference in key_differences(answer.data, json.loads(answer.raw_data)):
                self.defect(method.__name__, difference)
        return answer.data

    def refused(self, status, says, method, *args, **kwargs):
        """The operation must answer with this status and a `detail` that says so. @returns the detail."""
        self.driven.add(method.__name__)
        self.checks += 1
        try:
            method(*args, **kwargs)
        except ApiException as error:
            if error.status != status:
                self.defect(method.__name__, f"{args} answered {error.status} instead of {status}: {error.body}")
                return None
            try:
                body = json.loads(error.body)
            except ValueError:
                self.defect(method.__name__, f"{status} without a JSON body: {error.body!r}")
                return None
            if list(body) != ["detail"]:
                self.defect(method.__name__, f"{status} with the keys {list(body)} instead of detail alone")
                return None
            if status == 422 and not isinstance(body["detail"], str) and not all({"loc", "msg", "type"} <= set(one) for one in body["detail"]):
                self.defect(method.__name__, f"422 whose details lack loc, msg or type: {body}")
            if says not in json.dumps(body["detail"]):
                self.defect(method.__name__, f"{status} does not say {says!r}: {body}")
            return body["detail"]
        self.defect(method.__name__, f"{args} {kwargs} was answered, {status} was expected")
        return None

    def raw(self, method, path, body=None, headers=None):
        """A request past the generated methods. @returns (status, text)."""
        all_headers = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        answer = self.api_client.call_api(method, self.url + path, header_params=all_headers, body=body)
        answer.read()
        return answer.status, (answer.data or b"").decode()

    def equal(self, what, actual, expected):
        self.checks += 1
        if actual != expected:
            self.defect(what, f"is {actual!r}, expected {expected!r}")

    def true(self, what, condition, found=""):
        self.checks += 1
        if not condition:
            self.defect(what, f"does not hold {found}")

    def defect(self, where, what):
        self.defects.append(f"{where}: {what}")

    def section(self, name, work):
        """Runs a part of the drive; what breaks in it does not keep the others from running."""
        began = time.monotonic()
        try:
            work(self)
        except Exception as error:  # A model that refuses an answer is a defect of the answer.
            frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "site-packages" not in frame.filename]
            self.defect(name, f"line {frames[-1].lineno} ({frames[-1].line}): {type(error).__name__}: {str(error)[:1500]}")
        print(f"{name}: {time.monotonic() - began:.1f} s", flush=True)

    def eventually(self, what, look, seconds=30):
        """Asks until the answer is truthy. The limit only ends a drive that would hang for ever."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = look()
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"{what} did not happen within {seconds} s")


def key_differences(model, body, path="$"):
    """Keys of the body that the client's model does not have, and the other way round."""
    if isinstance(model, BaseModel) and hasattr(model, "actual_instance"):
        yield from key_differences(model.actual_instance, body, path)
    elif isinstance(model, BaseModel) and isinstance(body, dict):
        known = {(field.alias or name): name for name, field in type(model).model_fields.items() if name != "additional_properties"}
        # A structured log line has what its writer gave it, and only that.
        if type(model).__name__ != "StructuredLogMessage":
            yield from (f"{path}.{key} is unknown to the client" for key in sorted(body.keys() - known.keys() - AFTER_THIS_CLIENT))
            yield from (f"{path}.{key} is missing" for key in sorted(known.keys() - body.keys()))
        for key in known.keys() & body.keys():
            yield from key_differences(getattr(model, known[key]), body[key], f"{path}.{key}")
    elif isinstance(model, list) and isinstance(body, list):
        for index, (one, raw) in enumerate(zip(model, body)):
            yield from key_differences(one, raw, f"{path}[{index}]")
