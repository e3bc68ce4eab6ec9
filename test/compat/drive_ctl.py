"""Drives airflowctl, the published command line of Airflow, against a running Millrace.

    drive_ctl.py URL USERNAME PASSWORD FOLDER

Each command is called as its program calls it, in this one process: starting Python eighty times is what would take long. Prints what
differs; the exit code is 1 when something does.
"""

import contextlib
import io
import json
import os
import sys
import time
import traceback

os.environ["AIRFLOW_HOME"] = sys.argv[4]
# Keeps the token in a file of that folder instead of the desktop's keyring.
os.environ["AIRFLOW_CLI_DEBUG_MODE"] = "true"

from airflowctl.__main__ import main as airflowctl  # noqa: E402

URL, USERNAME, PASSWORD, FOLDER = sys.argv[1:5]
defects = []
driven = set()


def call(*words):
    """@returns (exit code, everything printed)"""
    driven.add(" ".join(words[:2]))
    out = io.StringIO()
    sys.argv = ["airflowctl", *words]
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            airflowctl()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else (0 if end.code is None else 1)
            if isinstance(end.code, str):
                print(end.code)
        except Exception:
            traceback.print_exc()
            code = 1
    return code, out.getvalue()


def works(*words, says=""):
    code, text = call(*words)
    if code != 0:
        defects.append(f"airflowctl {' '.join(words)}: exit code {code}: ...{text[-600:]}")
    elif says not in text:
        defects.append(f"airflowctl {' '.join(words)}: does not say {says!r}: {text[:600]}")
    return text


def eventually(what, look, seconds=60):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if look():
            return
        time.sleep(0.1)
    raise SystemExit(f"{what} did not happen within {seconds} s")


def file_of(name, content):
    path = os.path.join(FOLDER, name)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file)
    return path


def drive():
    works("auth", "login", "--api-url", URL, "--username", USERNAME, "--password", PASSWORD, says="successful")
    works("auth", "list-envs", says="authenticated")
    works("auth", "token", "--api-url", URL, "--username", USERNAME, "--password", PASSWORD)
    works("version", says="airflowctl_version")
    works("version", "--remote")
    eventually("the dags of this drive being listed", lambda: "compat_flow" in call("dags", "list")[1])

    works("dags", "get", "compat_flow", says="Driven by a published client")
    works("dags", "get-details", "compat_flow", says="# Compat")
    works("dags", "list-version", "compat_flow")
    works("dags", "get-version", "compat_flow", "1", says="compat_flow")
    works("dags", "list-import-errors", says="compat_broken.ts")
    works("dags", "get-import-error", "1")
    works("dags", "list-warning")
    works("dags", "next-execution", "compat_daily")
    works("dags", "pause", "compat_flow")
    works("dags", "get", "compat_flow", says='"is_paused": "True"')
    works("dags", "unpause", "compat_flow")
    works("dags", "update", "compat_flow", "--no-is-paused", says='"is_paused": "False"')
    works("dags", "get-stats", "compat_flow")
    works("dags", "trigger", "compat_flow", "--dag-run-id", "ctl", "--note", "by airflowctl", says="by airflowctl")
    works("dagrun", "get", "compat_flow", "ctl", says="by airflowctl")
    eventually("the run's end", lambda: '"success"' in call("dagrun", "get", "compat_flow", "ctl")[1])
    works("dagrun", "list", "--dag-id", "compat_flow", "--state", "success", "--limit", "100", says="ctl")

    works("xcom", "list", "compat_flow", "ctl", "extract", says="return_value")
    works("xcom", "get", "compat_flow", "ctl", "extract", "return_value", says="7")
    works("xcom", "add", "compat_flow", "ctl", "extract", "added", '{"a": 1}')
    works("xcom", "edit", "compat_flow", "ctl", "extract", "added", '"edited"')
    works("xcom", "get", "compat_flow", "ctl", "extract", "added", says="edited")
    works("xcom", "delete", "compat_flow", "ctl", "extract", "added")

    works("backfill", "create", "--dag-id", "compat_daily", "--from-date", "2026-02-01", "--to-date", "2026-02-02", "--max-active-runs", "1", "--reprocess-behavior", "none", says="compat_daily")
    works("backfill", "list", "compat_daily", says="compat_daily")
    works("backfill", "get", "1", says="compat_daily")

    works("config", "list", says="core")
    works("config", "get", "core", "home", says="home")
    works("config", "lint")
    works("jobs", "list", says="SchedulerJob")
    works("jobs", "list", "--job-type", "SchedulerJob", says="SchedulerJob")
    works("plugins", "list")
    works("plugins", "list-import-errors")
    works("providers", "list")

    works("connections", "create", "--connection-id", "ctl_one", "--conn-type", "http", "--host", "one.example", "--login", "someone", "--password", "secret-1", "--port", "80", says="one.example")
    if "secret-1" in works("connections", "get", "ctl_one", says="one.example"):
        defects.append("connections get shows the password")
    works("connections", "update", "--connection-id", "ctl_one", "--host", "two.example", "--conn-type", "http", says="two.example")
    works("connections", "list", says="ctl_one")
    imported = file_of("connections.json", {"ctl_two": {"conn_type": "http", "host": "x.example", "login": None, "password": None, "schema": None, "port": None, "extra": None, "description": ""}})
    works("connections", "import", imported)
    works("connections", "import", "-a", "overwrite", imported)
    works("connections", "delete", "ctl_one")
    works("connections", "delete", "ctl_two")

    works("pools", "create", "--name", "ctl_pool", "--slots", "3", says="ctl_pool")
    works("pools", "get", "ctl_pool", says='"slots": "3"')
    works("pools", "update", "--pool", "ctl_pool", "--slots", "4", says='"slots": "4"')
    works("pools", "list", says="ctl_pool")
    works("pools", "export", os.path.join(FOLDER, "pools.json"))
    works("pools", "import", os.path.join(FOLDER, "pools.json"))
    works("pools", "delete", "ctl_pool")

    works("variables", "create", "--key", "ctl_key", "--value", "x", "--description", "by airflowctl", says="ctl_key")
    works("variables", "get", "ctl_key", says="by airflowctl")
    works("variables", "update", "--key", "ctl_key", "--value", "y", says='"value": "y"')
    works("variables", "list", says="ctl_key")
    imported = file_of("variables.json", {"ctl_text": "z", "ctl_object": {"a": 1}})
    works("variables", "import", imported)
    works("variables", "import", "-a", "overwrite", imported)
    for key in ("ctl_key", "ctl_text", "ctl_object"):
        works("variables", "delete", key)

    works("assets", "list")
    works("assets", "list-by-alias")
    works("dags", "delete", "compat_flaky")


if __name__ == "__main__":
    drive()
    print(f"{len(driven)} commands of airflowctl driven")
    for defect in defects:
        print(f"DEFECT {defect}")
    print(f"{len(defects)} defects")
    sys.exit(1 if defects else 0)
