"""Drives the REST API of a running Millrace through the published Airflow client.

    drive.py URL USERNAME PASSWORD

The server has the dags of the folder beside this file. Prints each section with its time, then every defect; the exit code is 1 when
there is one. Needs nothing but the client.
"""

import datetime
import json
import sys

import airflow_client.client as client
from assets_and_questions import assets, questions, rarely_used
from outside import Outside
from settings import connections, itself, pools, variables

PAST = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
FUTURE = datetime.datetime(2100, 1, 1, tzinfo=datetime.timezone.utc)
DAGS = {"compat_flow", "compat_flaky", "compat_failing", "compat_held", "compat_paused", "compat_daily", "compat_writer", "compat_reader", "compat_question"}


def day(number):
    return datetime.datetime(2026, 2, number, tzinfo=datetime.timezone.utc)


def main(url, username, password):
    outside = Outside(url, username, password)
    outside.eventually("the dags of this drive being listed", lambda: DAGS <= {dag.dag_id for dag in outside.api("DAGApi").get_dags(tags=["compat"]).dags}, 60)
    for section in (tokens, server, dags, dag_versions, tasks, import_errors, finished_run, unstarted_run, held_run, tries, run_lists, run_refusals, marks_and_clears, xcoms, backfills, connections, pools, variables, assets, questions, rarely_used, itself):
        outside.section(section.__name__, section)
    print(f"{outside.checks} checks, {len(outside.driven)} operations driven: {', '.join(sorted(outside.driven))}")
    for defect in outside.defects:
        print(f"DEFECT {defect}")
    print(f"{len(outside.defects)} defects")
    return 1 if outside.defects else 0


def tokens(o):
    for body, status in (({"username": "admin", "password": "wrong"}, 401), ({"username": "admin"}, 422)):
        answer = o.api_client.call_api("POST", f"{o.url}/auth/token", header_params={"Content-Type": "application/json"}, body=body)
        answer.read()
        o.equal(f"POST /auth/token with {sorted(body)}", answer.status, status)
        o.equal("its keys", list(json.loads(answer.data)), ["detail"])
    anonymous = client.DAGApi(client.ApiClient(client.Configuration(host=o.url)))
    o.refused(401, "Not authenticated", anonymous.get_dags)


def server(o):
    version = o.ask(o.api("VersionApi").get_version)
    o.true("version", len(version.version) > 0)
    health = o.ask(o.api("MonitorApi").get_health)
    o.equal("metadatabase", health.metadatabase.status, "healthy")
    o.equal("scheduler", health.scheduler.status, "healthy")
    o.true("scheduler's heartbeat", health.scheduler.latest_scheduler_heartbeat is not None)
    for path in ("/api/v2/nothing", "/api/v2/dags/a/b/c"):
        status, text = o.raw("GET", path)
        o.equal(path, (status, list(json.loads(text))), (404, ["detail"]))


def dags(o):
    api = o.api("DAGApi")
    every = o.ask(api.get_dags, limit=100)
    o.equal("total_entries of all dags", every.total_entries, len(every.dags))
    o.equal("dags are ordered by id", [dag.dag_id for dag in every.dags], sorted(dag.dag_id for dag in every.dags))
    listed = lambda **values: [dag.dag_id for dag in o.ask(api.get_dags, **values).dags]
    mine = sorted(DAGS)
    o.equal("dags by tag", listed(tags=["compat"]), mine)
    o.equal("dags by all of two tags", listed(tags=["compat", "flow"], tags_match_mode="all"), ["compat_flow"])
    o.equal("dags by any of two tags", listed(tags=["compat", "flow"], tags_match_mode="any"), mine)
    o.equal("dags by a pattern", listed(dag_id_pattern="compat_f%"), ["compat_failing", "compat_flaky", "compat_flow"])
    o.equal("dags by display name", listed(dag_display_name_pattern="compat_held"), ["compat_held"])
    o.equal("dags descending", listed(tags=["compat"], order_by=["-dag_id"]), mine[::-1])
    o.equal("dags by two orders", sorted(listed(tags=["compat"], order_by=["-last_run_start_date", "dag_id"])), mine)
    for order in ("dag_id", "dag_display_name", "next_dagrun", "last_run_state", "last_run_start_date", "-next_dagrun"):
        o.equal(f"dags ordered by {order}", sorted(listed(tags=["compat"], order_by=[order])), mine)
    o.equal("second page of dags", listed(tags=["compat"], limit=2, offset=2), mine[2:4])
    o.equal("total of a page", o.ask(api.get_dags, tags=["compat"], limit=2).total_entries, len(mine))
    o.equal("page of nothing", listed(limit=0), [])
    o.equal("page after the end", listed(tags=["compat"], offset=1000), [])
    o.equal("paused dags", listed(tags=["compat"], paused=True), ["compat_paused"])
    o.true("unpaused dags", "compat_paused" not in listed(tags=["compat"], paused=False))
    o.equal("dags with import errors", listed(tags=["compat"], has_import_errors=True), [])
    o.equal("stale dags too", sorted(listed(tags=["compat"], exclude_stale=False)), mine)
    o.equal("dags with asset schedule", listed(tags=["compat"], has_asset_schedule=True), ["compat_reader"])
    o.equal("dags of an unknown owner", listed(owners=["nobody-at-all"]), [])
    o.equal("favorites", listed(tags=["compat"], is_favorite=True), [])
    o.equal("dags of an unknown bundle", listed(bundle_name="none-such"), [])
    o.equal("dags of a bundle version", listed(bundle_version="none-such"), [])
    o.equal("dags whose runs started in the past only", listed(tags=["compat"], dag_run_start_date_lte=PAST), [])
    o.equal("dags without such a last run", [d for d in listed(last_dag_run_state=client.DagRunState.QUEUED) if d in ("compat_flow",)], [])

    dag = o.ask(api.get_dag, "compat_flow")
    o.equal("description", dag.description, "Driven by a published client")
    o.equal("tags", sorted(tag.name for tag in dag.tags), ["compat", "flow"])
    o.true("file_token", len(dag.file_token) > 0)
    details = o.ask(api.get_dag_details, "compat_flow")
    o.equal("doc_md", details.doc_md, "# Compat")
    o.equal("param's value", details.params["size"]["value"], 3)
    o.true("its version", details.latest_dag_version is not None and details.latest_dag_version.version_number >= 1)
    daily = o.ask(api.get_dag, "compat_daily")
    o.equal("timetable_summary", daily.timetable_summary, "0 0 * * *")
    o.true("next run", daily.next_dagrun_logical_date is not None and daily.next_dagrun_run_after is not None)

    o.equal("unpaused by patch", o.ask(api.patch_dag, "compat_failing", client.DAGPatchBody(is_paused=True), update_mask=["is_paused"]).is_paused, True)
    o.equal("a paused dag says so", o.ask(api.get_dag, "compat_failing").is_paused, True)
    o.equal("several unpaused", o.ask(api.patch_dags, client.DAGPatchBody(is_paused=False), dag_id_pattern="compat_fail").total_entries, 1)
    o.equal("it is unpaused", o.ask(api.get_dag, "compat_failing").is_paused, False)
    o.ask(api.favorite_dag, "compat_flow")
    o.equal("favorite dags", listed(is_favorite=True), ["compat_flow"])
    o.ask(api.unfavorite_dag, "compat_flow")
    tags = o.ask(api.get_dag_tags, limit=100, tag_name_pattern="compat")
    o.equal("tags of all dags", tags.tags, ["compat"])
    stats = o.ask(o.api("DagStatsApi").get_dag_stats, dag_ids=["compat_flow"])
    o.equal("dag stats", [one.dag_id for one in stats.dags], ["compat_flow"])

    o.refused(404, "none_such", api.get_dag, "none_such")
    o.refused(404, "none_such", api.get_dag_details, "none_such")
    o.refused(404, "none_such", api.patch_dag, "none_such", client.DAGPatchBody(is_paused=True))
    o.refused(404, "none_such", api.delete_dag, "none_such")
    o.refused(400, "is_paused", api.patch_dag, "compat_flow", client.DAGPatchBody(is_paused=True), update_mask=["tags"])
    o.refused(400, "banana", api.get_dags, order_by=["banana"])
    for path in ("/api/v2/dags?limit=-1", "/api/v2/dags?limit=many", "/api/v2/dags?paused=perhaps", "/api/v2/dags?last_dag_run_state=asleep"):
        status, text = o.raw("GET", path)
        o.equal(path, status, 422)
        o.true(f"{path} names its parameter", '"query"' in text and '"loc"' in text, text)
    for body in ({}, {"is_paused": "perhaps"}, {"is_paused": True, "colour": 1}, []):
        status, text = o.raw("PATCH", "/api/v2/dags/compat_flow", body, {"Content-Type": "application/json"})
        o.equal(f"PATCH a dag with {body}", status, 422)


def dag_versions(o):
    api = o.api("DagVersionApi")
    page = o.ask(api.get_dag_versions, "compat_flow")
    o.equal("versions", [(one.dag_id, one.version_number) for one in page.dag_versions], [("compat_flow", 1)])
    one = o.ask(api.get_dag_version, "compat_flow", 1)
    o.equal("a version", one.id, page.dag_versions[0].id)
    o.true("versions of all dags", {v.dag_id for v in o.ask(api.get_dag_versions, "~", limit=100).dag_versions} >= DAGS)
    o.equal("versions by number", o.ask(api.get_dag_versions, "compat_flow", version_number=7).total_entries, 0)
    o.equal("versions by bundle", o.ask(api.get_dag_versions, "compat_flow", bundle_name=page.dag_versions[0].bundle_name, order_by=["-version_number"]).total_entries, 1)
    o.refused(404, "none_such", api.get_dag_versions, "none_such")
    o.refused(404, "version_number", api.get_dag_version, "compat_flow", 99)

    sources = o.api("DagSourceApi")
    source = o.ask(sources.get_dag_source, "compat_flow", accept="application/json")
    o.true("source", "compat_flow" in source.content and source.version_number == 1)
    o.true("source of a version", "compat_flow" in o.ask(sources.get_dag_source, "compat_flow", version_number=1, accept="application/json").content)
    status, text = o.raw("GET", "/api/v2/dagSources/compat_flow", headers={"Accept": "text/plain"})
    o.true("source as text", status == 200 and text == source.content)
    o.refused(404, "none_such", sources.get_dag_source, "none_such", accept="application/json")
    o.refused(404, "99", sources.get_dag_source, "compat_flow", version_number=99, accept="application/json")
    o.equal("source as a picture", o.raw("GET", "/api/v2/dagSources/compat_flow", headers={"Accept": "image/png"})[0], 406)


def tasks(o):
    api = o.api("TaskApi")
    page = o.ask(api.get_tasks, "compat_flow")
    o.equal("tasks", [task.task_id for task in page.tasks], ["double", "extract"])
    o.equal("their number", page.total_entries, 2)
    o.equal("tasks descending", [task.task_id for task in o.ask(api.get_tasks, "compat_flow", order_by="-task_id").tasks], ["extract", "double"])
    task = o.ask(api.get_task, "compat_flow", "extract")
    o.equal("downstream", task.downstream_task_ids, ["double"])
    o.equal("trigger rule", task.trigger_rule, "all_success")
    o.equal("label", o.ask(api.get_task, "compat_flow", "double").task_display_name, "Double it")
    o.equal("retries", o.ask(api.get_task, "compat_flaky", "wobble").retries, 1)
    o.refused(404, "none_such", api.get_tasks, "none_such")
    o.refused(404, "none_such", api.get_task, "compat_flow", "none_such")
    o.refused(404, "none_such", api.get_task, "none_such", "extract")
    o.refused(400, "banana", api.get_tasks, "compat_flow", order_by="banana")


def import_errors(o):
    api = o.api("ImportErrorApi")
    page = o.eventually("the import error", lambda: (found := o.ask(api.get_import_errors, filename_pattern="compat_broken")).total_entries == 1 and found)
    error = page.import_errors[0]
    o.true("it names the file", "compat_broken.ts" in error.filename)
    o.true("it says why", "broken on purpose" in error.stack_trace, error.stack_trace)
    o.equal("it by id", o.ask(api.get_import_error, error.import_error_id).stack_trace, error.stack_trace)
    for order in ("id", "-id", "timestamp", "filename", "bundle_name", "-import_error_id"):
        o.equal(f"import errors ordered by {order}", o.ask(api.get_import_errors, order_by=[order], filename_pattern="compat").total_entries, 1)
    o.equal("none matches", o.ask(api.get_import_errors, filename_pattern="none-such").total_entries, 0)
    o.equal("a page of none", o.ask(api.get_import_errors, limit=0).import_errors, [])
    o.refused(404, "999999", api.get_import_error, 999999)


def finished_run(o):
    """A run from the trigger to its end, with its instances and logs."""
    runs, instances = o.api("DagRunApi"), o.api("TaskInstanceApi")
    made = o.ask(runs.trigger_dag_run, "compat_flow", client.TriggerDAGRunPostBody(dag_run_id="flow 1:+~x", logical_date=day(1), conf={"who": "client"}, note="by hand"))
    o.equal("run id", made.dag_run_id, "flow 1:+~x")
    o.equal("run type", made.run_type, "manual")
    o.equal("triggered by", made.triggered_by, "rest_api")
    o.equal("conf", made.conf, {"who": "client"})
    o.equal("note", made.note, "by hand")
    o.equal("logical date", made.logical_date, day(1))
    run = ended(o, "compat_flow", "flow 1:+~x")
    o.equal("state", run.state, "success")
    o.true("times", run.queued_at is not None and run.start_date <= run.end_date and run.duration >= 0)
    o.equal("versions", [version.version_number for version in run.dag_versions], [1])
    page = o.ask(instances.get_task_instances, "compat_flow", "flow 1:+~x")
    o.equal("instances", sorted((one.task_id, one.state, one.map_index, one.try_number) for one in page.task_instances), [("double", "success", -1, 1), ("extract", "success", -1, 1)])
    one = o.ask(instances.get_task_instance, "compat_flow", "flow 1:+~x", "double")
    o.equal("label", one.task_display_name, "Double it")
    o.true("instance's times", one.scheduled_when is not None and one.queued_when is not None and one.start_date <= one.end_date and one.duration >= 0)
    o.equal("by map index", o.ask(instances.get_mapped_task_instance, "compat_flow", "flow 1:+~x", "double", -1).id, one.id)
    o.equal("tries", [(a.try_number, a.state) for a in o.ask(instances.get_task_instance_tries, "compat_flow", "flow 1:+~x", "double").task_instances], [(1, "success")])
    o.equal("tries by index", o.ask(instances.get_mapped_task_instance_tries, "compat_flow", "flow 1:+~x", "double", -1).total_entries, 1)
    o.equal("a try", o.ask(instances.get_task_instance_try_details, "compat_flow", "flow 1:+~x", "double", 1).state, "success")
    o.equal("a try by index", o.ask(instances.get_mapped_task_instance_try_details, "compat_flow", "flow 1:+~x", "double", 1, -1).state, "success")
    o.equal("no links", o.ask(instances.get_extra_links, "compat_flow", "flow 1:+~x", "double").total_entries, 0)
    o.refused(404, "", instances.get_mapped_task_instance, "compat_flow", "flow 1:+~x", "double", 3)
    o.refused(404, "", instances.get_task_instance_try_details, "compat_flow", "flow 1:+~x", "double", 9)
    o.refused(404, "none_such", instances.get_task_instance, "compat_flow", "flow 1:+~x", "none_such")
    o.refused(404, "none_such", instances.get_task_instance, "compat_flow", "none_such", "double")
    o.refused(404, "none_such", instances.get_task_instances, "compat_flow", "none_such")
    o.refused(404, "none_such", instances.get_task_instances, "none_such", "~")
    o.refused(404, "none_such", instances.get_mapped_task_instances, "compat_flow", "flow 1:+~x", "none_such")
    o.refused(404, "not mapped", instances.get_mapped_task_instances, "compat_flow", "flow 1:+~x", "double")

    log = o.ask(instances.get_log, "compat_flow", "flow 1:+~x", "extract", 1, accept="application/json")
    events = [line.event for line in log.content.actual_instance]
    o.equal("the log's head", events[:1], ["::group::Log message source details"])
    status, text = o.raw("GET", "/api/v2/dags/compat_flow/dagRuns/flow%201%3A%2B~x/taskInstances/extract/logs/1", headers={"Accept": "application/json"})
    o.true("no line has a time of null", "\"timestamp\":null" not in text)
    o.true("the log", "extracting" in events, events)
    full = o.ask(instances.get_log, "compat_flow", "flow 1:+~x", "extract", 1, full_content=True, map_index=-1, accept="application/json")
    o.equal("the whole log ends", full.continuation_token, None)
    path = "/api/v2/dags/compat_flow/dagRuns/flow%201%3A%2B~x/taskInstances/extract/logs/1"
    status, text = o.raw("GET", path, headers={"Accept": "application/x-ndjson"})
    o.true("ndjson", status == 200 and any(json.loads(line)["event"] == "extracting" for line in text.splitlines()), text[:300])
    status, text = o.raw("GET", path, headers={"Accept": "text/plain"})
    o.true("plain text", status == 200 and "extracting" in text)
    o.refused(404, "TaskInstance not found", instances.get_log, "compat_flow", "flow 1:+~x", "extract", 9, accept="application/json")
    o.refused(404, "none_such", instances.get_log, "compat_flow", "none_such", "extract", 1, accept="application/json")
    o.equal("a token of one's own", o.raw("GET", f"{path}?token=made-up", headers={"Accept": "application/json"})[0], 400)

    status, text = o.raw("GET", "/api/v2/dags/compat_flow/dagRuns/flow%201%3A%2B~x/wait?interval=1&result=double")
    o.equal("wait", json.loads(text.strip().splitlines()[-1]), {"state": "success", "results": {"double": 14}})
    o.driven.add("wait_dag_run_until_finished")


def unstarted_run(o):
    """Runs of a paused dag: their instances are there from the trigger on, without a state."""
    runs, instances = o.api("DagRunApi"), o.api("TaskInstanceApi")
    made = o.ask(runs.trigger_dag_run, "compat_paused", client.TriggerDAGRunPostBody(dag_run_id="waits", logical_date=None))
    o.equal("state", (made.state, made.start_date, made.duration), ("queued", None, None))
    page = o.ask(instances.get_task_instances, "compat_paused", "waits")
    o.equal("instances", sorted((one.task_id, one.state, one.try_number, one.map_index) for one in page.task_instances), [("first", None, 0, -1), ("second", None, 0, -1)])
    o.equal("their number", page.total_entries, 2)
    first = o.ask(instances.get_task_instance, "compat_paused", "waits", "first")
    o.equal("an instance", (first.state, first.max_tries, first.task_display_name, first.queue, first.start_date), (None, 2, "The first", "default", None))
    o.equal("by index", o.ask(instances.get_mapped_task_instance, "compat_paused", "waits", "first", -1).id, first.id)
    o.ask(instances.get_task_instance_tries, "compat_paused", "waits", "first")
    o.equal("in any run", o.ask(instances.get_task_instances, "compat_paused", "~").total_entries, 2)
    o.equal("by state none", o.ask(instances.get_task_instances, "compat_paused", "waits", state=["none"]).total_entries, 2)
    o.equal("by another state", o.ask(instances.get_task_instances, "compat_paused", "waits", state=["success"]).total_entries, 0)
    o.equal("paged", [one.task_id for one in o.ask(instances.get_task_instances, "compat_paused", "waits", order_by=["-task_id"], limit=1).task_instances], ["second"])
    o.equal("in the batch", o.ask(instances.get_task_instances_batch, "~", "~", client.TaskInstancesBatchBody(dag_ids=["compat_paused"], state=[None])).total_entries, 2)
    o.refused(404, "none_such", instances.get_task_instance, "compat_paused", "waits", "none_such")
    o.refused(404, "TaskInstance not found", instances.get_log, "compat_paused", "waits", "first", 1, accept="application/json")
    dry = o.ask(runs.clear_dag_run, "compat_paused", "waits", client.DAGRunClearBody(dry_run=True))
    o.true("clear of it, dry", dry.actual_instance is not None)

    o.ask(o.api("DAGApi").patch_dag, "compat_paused", client.DAGPatchBody(is_paused=False))
    o.equal("unpaused, it ends", ended(o, "compat_paused", "waits").state, "success")
    o.ask(o.api("DAGApi").patch_dag, "compat_paused", client.DAGPatchBody(is_paused=True))
    after = o.ask(instances.get_task_instance, "compat_paused", "waits", "first")
    o.equal("the instance is the same one", (after.id, after.state), (first.id, "success"))


def held_run(o):
    """A run that goes on until it is ended by hand."""
    runs, instances = o.api("DagRunApi"), o.api("TaskInstanceApi")
    o.ask(runs.trigger_dag_run, "compat_held", client.TriggerDAGRunPostBody(dag_run_id="held", logical_date=None))
    held = o.eventually("the task running", lambda: (one := instances.get_task_instance("compat_held", "held", "hold")).state == "running" and one)
    o.true("a running one has no end", held.end_date is None and held.start_date is not None)
    o.ask(instances.get_task_instances, "~", "~", state=["running"], dag_id_pattern="compat_held")
    o.ask(instances.get_log, "compat_held", "held", "hold", 1, accept="application/json")
    o.refused(409, "running", instances.post_clear_task_instances, "compat_held", client.ClearTaskInstancesBody(dag_run_id="held", only_failed=False, prevent_running_task=True, dry_run=False))
    o.refused(409, "", o.api("DAGApi").delete_dag, "compat_held")
    only = o.ask(instances.post_clear_task_instances, "compat_held", client.ClearTaskInstancesBody(dag_run_id="held", only_failed=False, only_running=True))
    o.equal("what runs, dry", [one.task_id for one in only.task_instances], ["hold"])
    failed = o.ask(runs.patch_dag_run, "compat_held", "held", client.DAGRunPatchBody(state="failed"))
    o.equal("failed by hand", failed.state, "failed")
    o.true("end", failed.end_date is not None and failed.duration >= 0)
    o.ask(runs.delete_dag_run, "compat_held", "held")
    o.refused(404, "held", runs.get_dag_run, "compat_held", "held")


def tries(o):
    runs, instances = o.api("DagRunApi"), o.api("TaskInstanceApi")
    o.ask(runs.trigger_dag_run, "compat_flaky", client.TriggerDAGRunPostBody(dag_run_id="twice", logical_date=None))
    o.equal("state", ended(o, "compat_flaky", "twice").state, "success")
    page = o.ask(instances.get_task_instance_tries, "compat_flaky", "twice", "wobble")
    o.equal("tries", [(one.try_number, one.state) for one in page.task_instances], [(1, "failed"), (2, "success")])
    o.true("each with its times", all(one.start_date and one.end_date and one.duration >= 0 for one in page.task_instances))
    o.equal("the first", o.ask(instances.get_task_instance_try_details, "compat_flaky", "twice", "wobble", 1).state, "failed")
    for number in (1, 2):
        o.ask(instances.get_log, "compat_flaky", "twice", "wobble", number, accept="application/json")
    o.equal("by try number", o.ask(instances.get_task_instances, "compat_flaky", "twice", try_number=[2]).total_entries, 1)


def run_lists(o):
    runs, instances = o.api("DagRunApi"), o.api("TaskInstanceApi")
    for number in (2, 3, 4):
        o.ask(runs.trigger_dag_run, "compat_flow", client.TriggerDAGRunPostBody(dag_run_id=f"list_{number}", logical_date=day(number), conf={"n": number}))
    for number in (2, 3, 4):
        ended(o, "compat_flow", f"list_{number}")
    mine = ["list_2", "list_3", "list_4"]
    listed = lambda **values: [run.dag_run_id for run in o.ask(runs.get_dag_runs, "compat_flow", run_id_pattern="list_", **values).dag_runs]
    o.equal("runs", listed(), mine)
    o.equal("descending", listed(order_by=["-logical_date"]), mine[::-1])
    for order in ("id", "run_id", "dag_run_id", "dag_id", "state", "run_after", "logical_date", "start_date", "end_date", "updated_at", "conf", "duration"):
        o.equal(f"ordered by {order}", sorted(listed(order_by=[order])), mine)
        o.equal(f"ordered by -{order}", sorted(listed(order_by=[f"-{order}"])), mine)
    o.equal("second page", listed(limit=1, offset=1, order_by=["logical_date"]), ["list_3"])
    o.equal("total", o.ask(runs.get_dag_runs, "compat_flow", run_id_pattern="list_", limit=1).total_entries, 3)
    o.equal("between", listed(logical_date_gte=day(3), logical_date_lt=day(4)), ["list_3"])
    o.equal("beyond", listed(logical_date_gt=day(3), logical_date_lte=day(4)), ["list_4"])
    for name in ("run_after", "start_date", "end_date", "updated_at"):
        o.equal(f"{name} after the past", listed(**{f"{name}_gte": PAST, f"{name}_gt": PAST}), mine)
        o.equal(f"{name} before the past", listed(**{f"{name}_lte": PAST}), [])
        o.equal(f"{name} before the future", listed(**{f"{name}_lt": FUTURE}), mine)
    o.equal("short", listed(duration_gte=0, duration_lt=3600), mine)
    o.equal("long", listed(duration_gt=3600), [])
    o.equal("by conf", listed(conf_contains='"n": 3'), ["list_3"])
    o.equal("by type", listed(run_type=["manual", "backfill"]), mine)
    o.equal("by other type", listed(run_type=["scheduled"]), [])
    o.equal("by state", listed(state=["success", "failed"]), mine)
    o.equal("by other state", listed(state=["running"]), [])
    o.equal("by version", listed(dag_version=[1]), mine)
    o.equal("by user", listed(triggering_user_name_pattern="adm"), mine)
    o.equal("by partition key", listed(partition_key_pattern="x"), [])
    anywhere = o.ask(runs.get_dag_runs, "~", dag_id_pattern="compat_flow", run_id_pattern="list_")
    o.equal("by bundle version", listed(bundle_version="none-such"), [])
    o.equal("runs of any dag", anywhere.total_entries, 3)
    batch = o.ask(runs.get_list_dag_runs_batch, "~", client.DAGRunsBatchBody(dag_ids=["compat_flow"], states=["success"], order_by="-logical_date", page_limit=2, logical_date_gte=day(2)))
    o.equal("batch", ([run.dag_run_id for run in batch.dag_runs], batch.total_entries), (["list_4", "list_3"], 3))
    o.refused(400, "banana", runs.get_dag_runs, "compat_flow", order_by=["banana"])
    o.refused(404, "none_such", runs.get_dag_runs, "none_such")
    o.equal("bad state", o.raw("GET", "/api/v2/dags/~/dagRuns?state=asleep")[0], 422)
    o.equal("bad time", o.raw("GET", "/api/v2/dags/~/dagRuns?start_date_gte=yesterday")[0], 422)

    listed = lambda dag="compat_flow", run="list_2", **values: [one.task_id for one in o.ask(instances.get_task_instances, dag, run, **values).task_instances]
    both = ["double", "extract"]
    for order in ("id", "state", "duration", "start_date", "end_date", "map_index", "try_number", "logical_date", "run_after", "data_interval_start", "data_interval_end", "rendered_map_index", "operator", "task_id", "run_id", "dag_id", "queued_dttm", "scheduled_dttm", "queue", "pool", "priority_weight"):
        o.equal(f"instances ordered by {order}", sorted(listed(order_by=[f"-{order}"])), both)
    o.equal("by task", listed(task_id="double"), ["double"])
    o.equal("by label", listed(task_display_name_pattern="Double"), ["double"])
    o.equal("by pool", sorted(listed(pool=["default_pool"], pool_name_pattern="default")), both)
    o.equal("by queue", sorted(listed(queue=["default"], queue_name_pattern="def")), both)
    o.equal("by version", sorted(listed(version_number=[1])), both)
    o.equal("by index", sorted(listed(map_index=[-1])), both)
    o.equal("by other index", listed(map_index=[3]), [])
    o.equal("by operator", listed(operator=["NoneSuch"]), [])
    o.equal("by operator's pattern", listed(operator_name_pattern="NoneSuch"), [])
    o.equal("by state", sorted(listed(state=["success", "failed"])), both)
    o.equal("by executor", listed(executor=["none-such"]), [])
    o.equal("any run", len(listed(run="~", run_id_pattern="list_")), 6)
    o.equal("any dag", len(listed(dag="~", run="~", dag_id_pattern="compat_flow", run_id_pattern="list_")), 6)
    for name in ("run_after", "start_date", "end_date", "updated_at"):
        o.equal(f"instances, {name} after the past", sorted(listed(**{f"{name}_gte": PAST})), both)
        o.equal(f"instances, {name} before the past", listed(**{f"{name}_lt": PAST}), [])
    o.equal("instances, logical date", sorted(listed(run="~", logical_date_gte=day(2), logical_date_lte=day(2), run_id_pattern="list_")), both)
    o.equal("instances, duration", sorted(listed(duration_gte=0, duration_lt=3600)), both)
    batch = o.ask(instances.get_task_instances_batch, "~", "~", client.TaskInstancesBatchBody(dag_ids=["compat_flow"], dag_run_ids=["list_2", "list_3"], task_ids=["double"], state=["success"], order_by="-logical_date", page_limit=1))
    o.equal("instances in a batch", ([one.dag_run_id for one in batch.task_instances], batch.total_entries), (["list_3"], 2))
    o.refused(400, "banana", instances.get_task_instances, "compat_flow", "list_2", order_by=["banana"])
    o.equal("bad state of an instance", o.raw("GET", "/api/v2/dags/~/dagRuns/~/taskInstances?state=asleep")[0], 422)


def run_refusals(o):
    runs = o.api("DagRunApi")
    body = client.TriggerDAGRunPostBody
    o.refused(404, "none_such", runs.trigger_dag_run, "none_such", body(logical_date=None))
    o.refused(409, "flow 1", runs.trigger_dag_run, "compat_flow", body(dag_run_id="flow 1:+~x", logical_date=None))
    o.refused(409, "2026-02-01", runs.trigger_dag_run, "compat_flow", body(dag_run_id="other", logical_date=day(1)))
    o.refused(422, "data_interval", runs.trigger_dag_run, "compat_flow", body(logical_date=day(9), data_interval_start=day(9)))
    o.refused(404, "none_such", runs.get_dag_run, "compat_flow", "none_such")
    o.refused(404, "none_such", runs.get_dag_run, "none_such", "none_such")
    o.refused(404, "none_such", runs.patch_dag_run, "compat_flow", "none_such", client.DAGRunPatchBody(state="failed"))
    o.refused(404, "none_such", runs.delete_dag_run, "compat_flow", "none_such")
    o.refused(404, "none_such", runs.clear_dag_run, "compat_flow", "none_such", client.DAGRunClearBody())
    o.refused(404, "none_such", runs.wait_dag_run_until_finished, "compat_flow", "none_such", 1)
    for sent in ({"logical_date": None, "conf": []}, {"logical_date": None, "conf": "text"}, {"logical_date": "soon"}, {"logical_date": None, "colour": 1}, {"logical_date": None, "note": "x" * 1001}, []):
        status, text = o.raw("POST", "/api/v2/dags/compat_flow/dagRuns", sent, {"Content-Type": "application/json"})
        o.equal(f"trigger with {str(sent)[:60]}", status, 422)
        o.true("details are a list with loc", '"loc"' in text, text)
    made = o.ask(runs.trigger_dag_run, "compat_flow", body(logical_date=day(20), data_interval_start=day(19), data_interval_end=day(20), run_after=day(20), partition_key="p1"))
    o.equal("interval", (made.data_interval_start, made.data_interval_end, made.run_after, made.partition_key), (day(19), day(20), day(20), "p1"))
    ended(o, "compat_flow", made.dag_run_id)
    status, text = o.raw("DELETE", f"/api/v2/dags/compat_flow/dagRuns/{made.dag_run_id.replace(':', '%3A').replace('+', '%2B')}", headers={"Content-Type": "application/json"})
    o.equal("DELETE with a content type and no body", (status, text), (204, ""))


def marks_and_clears(o):
    runs, instances = o.api("DagRunApi"), o.api("TaskInstanceApi")
    o.ask(runs.trigger_dag_run, "compat_failing", client.TriggerDAGRunPostBody(dag_run_id="broken", logical_date=day(1)))
    o.equal("state", ended(o, "compat_failing", "broken").state, "failed")
    states = lambda: {one.task_id: one.state for one in instances.get_task_instances("compat_failing", "broken").task_instances}
    o.equal("states", states(), {"broken": "failed", "never": "upstream_failed"})

    dry = o.ask(instances.patch_task_instance_dry_run, "compat_failing", "broken", "broken", client.PatchTaskInstanceBody(new_state="success", include_downstream=True))
    o.equal("mark, dry", sorted(one.task_id for one in dry.task_instances), ["broken", "never"])
    dry = o.ask(instances.patch_task_instance_dry_run_by_map_index, "compat_failing", "broken", "broken", -1, client.PatchTaskInstanceBody(new_state="success"))
    o.equal("mark by index, dry", [one.task_id for one in dry.task_instances], ["broken"])
    o.equal("nothing was marked", states()["broken"], "failed")
    o.equal("note", o.ask(instances.patch_task_instance, "compat_failing", "broken", "broken", client.PatchTaskInstanceBody(note="why"), update_mask=["note"]).task_instances[0].note, "why")
    o.equal("note by index", o.ask(instances.patch_task_instance_by_map_index, "compat_failing", "broken", "broken", -1, client.PatchTaskInstanceBody(note="why not")).task_instances[0].note, "why not")
    marked = o.ask(instances.patch_task_instance, "compat_failing", "broken", "broken", client.PatchTaskInstanceBody(new_state="success"))
    o.equal("marked", [(one.task_id, one.state) for one in marked.task_instances], [("broken", "success")])
    o.refused(404, "none_such", instances.patch_task_instance, "compat_failing", "broken", "none_such", client.PatchTaskInstanceBody(new_state="success"))
    o.refused(422, "new_state", instances.patch_task_instance, "compat_failing", "broken", "broken", client.PatchTaskInstanceBody(new_state="running"))

    dry = o.ask(instances.post_clear_task_instances, "compat_failing", client.ClearTaskInstancesBody(dag_run_id="broken", only_failed=False))
    o.equal("clear, dry", sorted(one.task_id for one in dry.task_instances), ["broken", "never"])
    chosen = client.ClearTaskInstancesBodyTaskIdsInner("broken")
    dry = o.ask(instances.post_clear_task_instances, "compat_failing", client.ClearTaskInstancesBody(dag_run_id="broken", only_failed=False, task_ids=[chosen], include_downstream=True))
    o.equal("clear one and what follows, dry", sorted(one.task_id for one in dry.task_instances), ["broken", "never"])
    dry = o.ask(instances.post_clear_task_instances, "compat_failing", client.ClearTaskInstancesBody(start_date=day(1), end_date=day(2), only_failed=False, task_ids=[chosen]))
    o.equal("clear between dates, dry", [one.task_id for one in dry.task_instances], ["broken"])
    cleared = o.ask(instances.post_clear_task_instances, "compat_failing", client.ClearTaskInstancesBody(dag_run_id="broken", only_failed=False, dry_run=False))
    o.equal("cleared", cleared.total_entries, 2)
    o.equal("and failed again", ended(o, "compat_failing", "broken").state, "failed")
    o.equal("second try", o.ask(instances.get_task_instance, "compat_failing", "broken", "broken").try_number, 2)
    o.refused(404, "none_such", instances.post_clear_task_instances, "none_such", client.ClearTaskInstancesBody())
    o.refused(404, "none_such", instances.post_clear_task_instances, "compat_failing", client.ClearTaskInstancesBody(dag_run_id="none_such"))
    o.refused(422, "only_failed", instances.post_clear_task_instances, "compat_failing", client.ClearTaskInstancesBody(only_failed=True, only_running=True))
    o.refused(422, "end_date", instances.post_clear_task_instances, "compat_failing", client.ClearTaskInstancesBody(start_date=day(3), end_date=day(2)))

    o.equal("run's note", o.ask(runs.patch_dag_run, "compat_failing", "broken", client.DAGRunPatchBody(note="seen"), update_mask=["note"]).note, "seen")
    o.equal("run marked", o.ask(runs.patch_dag_run, "compat_failing", "broken", client.DAGRunPatchBody(state="success")).state, "success")
    dry = o.ask(runs.clear_dag_run, "compat_failing", "broken", client.DAGRunClearBody(dry_run=True, only_failed=False))
    o.equal("run's clear, dry", dry.actual_instance.total_entries, 2)
    again = o.ask(runs.clear_dag_run, "compat_failing", "broken", client.DAGRunClearBody(dry_run=False)).actual_instance
    o.equal("run cleared", again.dag_run_id, "broken")
    ended(o, "compat_failing", "broken")
    o.ask(runs.delete_dag_run, "compat_failing", "broken")
    o.equal("gone", o.ask(runs.get_dag_runs, "compat_failing").total_entries, 0)
    o.equal("bad mask", o.raw("PATCH", "/api/v2/dags/compat_flow/dagRuns/list_2?update_mask=colour", {"note": "x"}, {"Content-Type": "application/json"})[0], 422)
    o.equal("bad state", o.raw("PATCH", "/api/v2/dags/compat_flow/dagRuns/list_2", {"state": "running"}, {"Content-Type": "application/json"})[0], 422)


def xcoms(o):
    api = o.api("XComApi")
    listed = lambda **values: [(one.task_id, one.key) for one in o.ask(api.get_xcom_entries, "compat_flow", "flow 1:+~x", values.pop("task", "~"), **values).xcom_entries]
    o.equal("xcoms", listed(), [("double", "return_value"), ("extract", "extra"), ("extract", "return_value")])
    o.equal("of a task", listed(task="double"), [("double", "return_value")])
    o.equal("by key", listed(xcom_key="extra"), [("extract", "extra")])
    o.equal("by pattern", listed(xcom_key_pattern="ext"), [("extract", "extra")])
    o.equal("by index", len(listed(map_index=-1)), 3)
    o.equal("by index filter", len(listed(map_index_filter=-1)), 3)
    o.equal("by other patterns", len(listed(dag_display_name_pattern="compat", run_id_pattern="flow", task_id_pattern="doub")), 1)
    o.equal("by dates", len(listed(logical_date_gte=day(1), logical_date_lte=day(1), run_after_gte=PAST, run_after_lt=FUTURE)), 3)
    o.equal("paged", listed(limit=1, offset=1), [("extract", "extra")])
    o.true("anywhere", o.ask(api.get_xcom_entries, "~", "~", "~").total_entries >= 3)
    native = o.ask(api.get_xcom_entry, "compat_flow", "double", "flow 1:+~x", "return_value", deserialize=True).actual_instance
    o.equal("value", native.value, 14)
    plain = o.ask(api.get_xcom_entry, "compat_flow", "extract", "flow 1:+~x", "extra").actual_instance
    o.true("value as kept", plain.value in ({"nested": [1, 2, 3]}, json.dumps({"nested": [1, 2, 3]})), plain.value)
    text = o.ask(api.get_xcom_entry, "compat_flow", "extract", "flow 1:+~x", "extra", stringify=True).actual_instance
    o.true("value as text", isinstance(text.value, str) and "nested" in text.value, text.value)
    made = o.ask(api.create_xcom_entry, "compat_flow", "double", "flow 1:+~x", client.XComCreateBody(key="by_hand", value={"a": 1}))
    o.equal("made", made.key, "by_hand")
    o.refused(409, "by_hand", api.create_xcom_entry, "compat_flow", "double", "flow 1:+~x", client.XComCreateBody(key="by_hand", value=1))
    o.ask(api.update_xcom_entry, "compat_flow", "double", "flow 1:+~x", "by_hand", client.XComUpdateBody(value=[2]))
    o.equal("updated", o.ask(api.get_xcom_entry, "compat_flow", "double", "flow 1:+~x", "by_hand", deserialize=True).actual_instance.value, [2])
    o.ask(api.delete_xcom_entry, "compat_flow", "double", "flow 1:+~x", "by_hand")
    o.refused(404, "by_hand", api.get_xcom_entry, "compat_flow", "double", "flow 1:+~x", "by_hand")
    o.refused(404, "by_hand", api.delete_xcom_entry, "compat_flow", "double", "flow 1:+~x", "by_hand")
    o.refused(404, "by_hand", api.update_xcom_entry, "compat_flow", "double", "flow 1:+~x", "by_hand", client.XComUpdateBody(value=1))
    o.refused(404, "none_such", api.create_xcom_entry, "compat_flow", "none_such", "flow 1:+~x", client.XComCreateBody(key="k", value=1))
    o.refused(404, "none_such", api.get_xcom_entries, "none_such", "~", "~")


def backfills(o):
    api = o.api("BackfillApi")
    body = lambda **more: client.BackfillPostBody(**{"dag_id": "compat_daily", "from_date": day(1), "to_date": day(3), "max_active_runs": 2, **more})
    dry = o.ask(api.create_backfill_dry_run, body())
    o.equal("dates, dry", [one.logical_date for one in dry.backfills], [day(1), day(2), day(3)])
    o.equal("nothing was made", o.ask(api.list_backfills, "compat_daily").total_entries, 0)
    made = o.ask(api.create_backfill, body(dag_run_conf={"b": 1}))
    o.equal("made", (made.dag_id, made.from_date, made.to_date, made.max_active_runs, made.dag_run_conf, made.is_paused), ("compat_daily", day(1), day(3), 2, {"b": 1}, False))
    o.equal("listed", [one.id for one in o.ask(api.list_backfills, "compat_daily", order_by=["-id"]).backfills], [made.id])
    runs = lambda: o.api("DagRunApi").get_dag_runs("compat_daily", run_type=["backfill"], state=["success"])
    o.eventually("three runs", lambda: runs().total_entries == 3)
    o.equal("their conf", {json.dumps(run.conf) for run in runs().dag_runs}, {'{"b": 1}'})
    done = o.eventually("the end", lambda: (one := o.ask(api.get_backfill, made.id)).completed_at and one)
    o.refused(409, "completed", api.cancel_backfill, done.id)
    o.refused(409, "completed", api.pause_backfill, done.id)
    o.equal("again, dry", o.ask(api.create_backfill_dry_run, body()).total_entries, 0)
    o.equal("reprocessed, dry", o.ask(api.create_backfill_dry_run, body(reprocess_behavior="completed", run_backwards=True)).total_entries, 3)
    o.ask(o.api("DAGApi").patch_dag, "compat_daily", client.DAGPatchBody(is_paused=True))
    second = o.ask(api.create_backfill, body(from_date=day(10), to_date=day(12), max_active_runs=1))
    o.equal("paused", o.ask(api.pause_backfill, second.id).is_paused, True)
    o.refused(409, "", api.create_backfill, body(from_date=day(14), to_date=day(15)))
    o.equal("unpaused", o.ask(api.unpause_backfill, second.id).is_paused, False)
    cancelled = o.ask(api.cancel_backfill, second.id)
    o.true("cancelled", cancelled.completed_at is not None)
    o.ask(o.api("DAGApi").patch_dag, "compat_daily", client.DAGPatchBody(is_paused=False))
    o.refused(404, "none_such", api.create_backfill, body(dag_id="none_such"))
    o.refused(404, "none_such", api.create_backfill_dry_run, body(dag_id="none_such"))
    o.refused(404, "999999", api.get_backfill, 999999)
    for operation in (api.pause_backfill, api.unpause_backfill, api.cancel_backfill):
        o.refused(404, "999999", operation, 999999)
    o.refused(422, "", api.create_backfill, body(from_date=day(5), to_date=day(4)))
    o.equal("backfills of no dag", o.raw("GET", "/api/v2/backfills")[0], 422)


def ended(o, dag_id, run_id):
    api = o.api("DagRunApi")
    return o.eventually(f"the end of {dag_id} {run_id}", lambda: (run := o.ask(api.get_dag_run, dag_id, run_id)).state in ("success", "failed") and run)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
