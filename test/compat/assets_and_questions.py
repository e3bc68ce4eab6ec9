"""Assets, what waits for them, questions to people, and the operations on instances that few clients use."""

import json

import airflow_client.client as client


def assets(o):
    api, runs = o.api("AssetApi"), o.api("DagRunApi")
    known = {asset.name: asset.id for asset in o.ask(api.get_assets, name_pattern="compat_").assets}
    o.equal("assets", sorted(known), ["compat_customers", "compat_orders"])
    orders, customers = known["compat_orders"], known["compat_customers"]
    o.equal("who waits for one", [dag.dag_id for dag in o.ask(api.get_asset, orders).scheduled_dags], ["compat_reader"])
    o.refused(404, "999999", api.get_asset, 999999)
    o.equal("aliases", o.ask(api.get_asset_aliases).total_entries, 0)
    o.refused(404, "999999", api.get_asset_alias, 999999)

    made = o.ask(api.materialize_asset, orders)
    o.equal("who writes it runs", made.dag_id, "compat_writer")
    o.eventually("its event", lambda: o.ask(api.get_asset_events, asset_id=orders, source_dag_id="compat_writer").total_entries == 1, 60)
    o.eventually("its waiting", lambda: o.ask(api.get_dag_asset_queued_events, "compat_reader").total_entries == 1 if waits(api, "compat_reader") else False, 60)
    o.equal("what waits for the reader", o.ask(api.get_dag_asset_queued_event, "compat_reader", orders).asset_id, orders)
    o.equal("who waits", [one.dag_id for one in o.ask(api.get_asset_queued_events, orders).queued_events], ["compat_reader"])
    o.ask(api.delete_dag_asset_queued_event, "compat_reader", orders)
    o.refused(404, "compat_reader", api.get_dag_asset_queued_event, "compat_reader", orders)

    event = lambda asset: o.ask(api.create_asset_event, client.CreateAssetEventsBody(asset_id=asset, extra={"by": "compat"}))
    event(orders)
    o.ask(api.delete_asset_queued_events, orders)
    event(orders)
    o.ask(api.delete_dag_asset_queued_events, "compat_reader")
    event(orders)
    event(customers)
    o.eventually("a run of the reader", lambda: runs.get_dag_runs("compat_reader").total_entries == 1, 60)
    read = runs.get_dag_runs("compat_reader").dag_runs[0]
    o.equal("from which events", o.ask(runs.get_upstream_asset_events, "compat_reader", read.dag_run_id).total_entries, 2)


def waits(api, dag_id):
    try:
        return api.get_dag_asset_queued_events(dag_id).total_entries > 0
    except client.rest.ApiException as error:
        if error.status == 404:
            return False
        raise


def questions(o):
    """A question that waits carries its instance in state awaiting_input, which came after this client: while it waits, bodies are read as they are."""
    api, runs = o.api("TaskInstanceApi"), o.api("DagRunApi")
    o.ask(runs.trigger_dag_run, "compat_question", client.TriggerDAGRunPostBody(dag_run_id="asked", logical_date=None))
    path = "/api/v2/dags/compat_question/dagRuns/asked"
    o.eventually("a question", lambda: json.loads(o.raw("GET", f"{path}/hitlDetails")[1])["total_entries"] == 1, 60)
    waiting = json.loads(o.raw("GET", f"{path}/taskInstances/approve/-1/hitlDetails")[1])
    o.equal("what is asked, and meanwhile", (waiting["subject"], waiting["task_instance"]["state"]), ("Go on?", "awaiting_input"))
    o.refused(404, "", api.get_hitl_detail, "compat_question", "asked", "none_such", -1)
    o.equal("answered", o.ask(api.update_hitl_detail, "compat_question", "asked", "approve", -1, client.UpdateHITLDetailPayload(chosen_options=["Approve"], params_input={})).chosen_options, ["Approve"])
    o.eventually("the run's end", lambda: runs.get_dag_run("compat_question", "asked").state == "success", 60)
    o.equal("what was asked", o.ask(api.get_hitl_detail, "compat_question", "asked", "approve", -1).subject, "Go on?")
    o.equal("questions of the run", o.ask(api.get_hitl_details, "compat_question", "asked").total_entries, 1)
    o.equal("what was asked of the first try", o.ask(api.get_hitl_detail_try_detail, "compat_question", "asked", "approve", -1, 1).subject, "Go on?")


def rarely_used(o):
    api, runs = o.api("TaskInstanceApi"), o.api("DagRunApi")
    o.ask(runs.trigger_dag_run, "compat_flow", client.TriggerDAGRunPostBody(dag_run_id="rarely", logical_date=None))
    o.eventually("the run's end", lambda: runs.get_dag_run("compat_flow", "rarely").state == "success", 60)
    o.equal("nothing left to wait for", o.ask(api.get_task_instance_dependencies, "compat_flow", "rarely", "extract").dependencies, [])
    o.equal("by index", o.ask(api.get_task_instance_dependencies_by_map_index, "compat_flow", "rarely", "extract", -1).dependencies, [])
    o.refused(400, "external logs", api.get_external_log_url, "compat_flow", "rarely", "extract", 1)
    bulk = client.BulkBodyBulkTaskInstanceBody.from_dict({"actions": [{"action": "update", "entities": [{"task_id": "double", "note": "in bulk"}], "update_mask": ["note"]}]})
    o.ask(api.bulk_task_instances, "compat_flow", "rarely", bulk)
    o.equal("a note in bulk", api.get_task_instance("compat_flow", "rarely", "double").note, "in bulk")
    o.ask(api.delete_task_instance, "compat_flow", "rarely", "double")
    o.equal("what is left", [one.task_id for one in api.get_task_instances("compat_flow", "rarely").task_instances], ["extract"])
